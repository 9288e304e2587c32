/* A function's directory with very many results, cleared at one stroke.
 *
 * A rename costs the same whatever is in a directory. But it changes neither the directory nor a
 * file in it: a process that has one of them open, or a result in memory that it validates by such
 * a file, would see nothing. So whoever works with a function's directory holds a shared lock on it
 * (cache/dirhold.c), and it is exchanged by who has the lock alone. Where somebody else has it, the
 * results are removed one by one, which he sees.
 *
 * Between a look at the name and the lock the directory may have been exchanged: it is marked as
 * being out, by a bit of its mode, before the lock is given up. What is known of the function
 * (.locache/) goes over to the empty directory, but for what it says about the results. The order
 * makes a crash harmless: a directory without .locache/ is one whose version has to be told anew,
 * and one that is not there is made.
 *
 * What is out waits in .versions/.tmp/cleared-.../<function>, where nobody looks for results. A
 * user's own files that were among them are moved back when they are met. */
#include "disk/cleared.h"
#include "base/forked.h"
#include "base/listing.h"
#include "base/lock.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/counts.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/tally.h"
#include "disk/temporary.h"
#include "disk/tree.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* From a function's directory. One that was moved to .versions/ finds nothing there. */
#define WORK "../" LC_VERSIONS "/.tmp"
/* Nanoseconds for which a store removes what was cleared, beyond the removal that it is at. */
#define SLICE INT64_C(1000000)
/* All of a mode but its kind. */
#define MODE_BITS 07777

/* --------------------------------------------------------------------------------- the exchange */

static bool count_to_few(void *context, const char *name)
{
    unsigned *count = context;
    *count += name[0] != '.';
    return *count <= LC_CLEARED_FEW;
}

bool lc_cleared_is_large(int dir)
{
    unsigned count = 0;
    int64_t place = 0;
    return lc_each_name_from(dir, &place, count_to_few, &count) == 0 && count > LC_CLEARED_FEW;
}

bool lc_cleared_is_out(const struct stat *found)
{
    return found->st_mode & S_ISVTX;
}

/* Two new directories in .versions/.tmp/: the one that comes in, and the one that the other goes
 * into. */
typedef struct pair {
    int work;
    int dir;     /* of `in`, or -1 */
    int out_dir; /* of `out`, or -1 */
    char in[LC_SWITCHING_NAME];
    char out[LC_SWITCHING_NAME];
} pair;

static int make_open(int work, const char *name)
{
    return lc_mkdirat(work, name, 0700) == 0 ? lc_openat(work, name, O_RDONLY | O_DIRECTORY, 0)
                                             : -1;
}

static bool make_pair(pair *made, int work)
{
    made->work = work;
    lc_temporary_name(made->in, LC_SWITCHING_NEW);
    lc_temporary_name(made->out, LC_SWITCHING_CLEARED);
    made->dir = make_open(work, made->in);
    made->out_dir = made->dir >= 0 ? make_open(work, made->out) : -1;
    return made->out_dir >= 0;
}

/* Removed where they are empty: what came in is elsewhere by then, and what went out is not. */
static void end_pair(const pair *made)
{
    if (made->dir >= 0)
        lc_close(made->dir);
    if (made->out_dir >= 0)
        lc_close(made->out_dir);
    lc_unlinkat(made->work, made->in, AT_REMOVEDIR);
    lc_unlinkat(made->work, made->out, AT_REMOVEDIR);
}

/* What .locache/ says about the entries goes out with them: to remove it here would be to wait for
 * what was just written to it to be on the disk, and to make a directory for it takes ext4 up to a
 * millisecond. */
static void leave_behind(int from, int to)
{
    static const char *const of_entries[][2] = {{LC_TALLY, LC_META ".tally"},
                                                {LC_META "/hand", LC_META ".hand"},
                                                {LC_META "/room", LC_META ".room"},
                                                {LC_META "/around", LC_META ".around"},
                                                {LC_COUNTS_NAME, LC_META ".counts"}};
    for (size_t i = 0; i < sizeof of_entries / sizeof *of_entries; i++)
        if (lc_renameat(from, of_entries[i][0], to, of_entries[i][1]) != 0)
            lc_unlinkat(from, of_entries[i][0], 0);
}

/* The directory in place, locked by nobody but us. False: as it was. */
static bool put_empty(const lc_switching *in, int dir)
{
    pair made;
    bool done = make_pair(&made, in->work) && lc_fchmod(dir, S_IRWXU | S_ISVTX) == 0;
    bool moved = done && lc_renameat(dir, LC_META, made.dir, LC_META) == 0;
    done = moved && lc_renameat(in->root, in->name, made.out_dir, in->name) == 0;
    if (done) {
        leave_behind(made.dir, dir);
        /* Failed: nothing is in place, and whoever needs it makes it. */
        (void)!lc_renameat(in->work, made.in, in->root, in->name);
    } else {
        if (moved)
            (void)!lc_renameat(made.dir, LC_META, dir, LC_META);
        (void)!lc_fchmod(dir, S_IRWXU);
    }
    end_pair(&made);
    return done;
}

/* Only one with the rights that a new one gets, and where a lock on a directory is one for all who
 * could have it open. */
static bool may_exchange(int dir)
{
    struct stat found;
    return lc_fstat(dir, &found) == 0 && found.st_uid == geteuid() &&
           (found.st_mode & MODE_BITS) == S_IRWXU && lc_file_system_of(dir).holds &&
           lc_lock_whole(dir) == 0;
}

locache_status lc_cleared_exchange(const lc_slot *slot)
{
    lc_switching in;
    locache_error error;
    int dir;
    bool done = false;
    if (lc_switching_begin(&in, slot, true, &error) == LOCACHE_OK &&
        lc_owner_open_dir(&dir, in.root, in.name, in.root_path, NULL) == LOCACHE_OK) {
        lc_forked_closes(dir);
        done = may_exchange(dir) && put_empty(&in, dir);
        lc_forked_keeps(dir);
        lc_close(dir);
    }
    lc_switching_end(&in);
    return done ? LOCACHE_OK : LOCACHE_MISS;
}

/* ------------------------------------------------------------------------ what was cleared goes */

bool lc_cleared_any(int funcdir)
{
    struct stat found;
    /* Some file systems do not count: then one has to look. */
    return lc_fstatat(funcdir, WORK, &found) == 0 && S_ISDIR(found.st_mode) &&
           found.st_nlink != LC_SWITCHING_LINKS;
}

typedef struct emptying {
    int work;
    int64_t until;  /* lc_monotonic() */
    int64_t *place; /* in the function's directory that is emptied */
    int dir;        /* that one */
    int back;       /* the function's directory that is in place, or -1: for others' files */
    bool more;
    char name[LOCACHE_PATH_MAX]; /* of the function's directory */
} emptying;

static bool remove_entry(void *context, const char *name)
{
    const emptying *in = context;
    bool said = strncmp(name, LC_META ".", strlen(LC_META ".")) == 0;
    if (said || lc_ours_entry(in->dir, name))
        lc_unlinkat(in->dir, name, 0);
    else if (strcmp(name, LC_META) == 0)
        lc_tree_remove(in->dir, name);
    else if (in->back >= 0)
        (void)!lc_rename_new(in->dir, name, in->back, name);
    return lc_monotonic() < in->until;
}

static bool take_first_name(void *context, const char *name)
{
    emptying *in = context;
    size_t size = strlen(name);
    if (size < sizeof in->name)
        memcpy(in->name, name, size + 1);
    return false;
}

/* The directory that has the function's name now; -1: there is none. */
static int open_in_place(const emptying *in)
{
    int root = lc_openat(in->work, "../..", O_RDONLY | O_DIRECTORY, 0);
    if (root < 0)
        return -1;
    int dir = lc_openat(root, in->name, O_RDONLY | O_DIRECTORY, 0);
    lc_close(root);
    return dir;
}

/* What a crash left empty goes, too. */
static void empty_one(emptying *in, int cleared)
{
    int64_t before = *in->place;
    in->name[0] = '\0';
    in->more = false;
    if (lc_each_name(cleared, take_first_name, in) != 0 || in->name[0] == '\0')
        return;
    in->dir = lc_openat(cleared, in->name, O_RDONLY | O_DIRECTORY, 0);
    if (in->dir < 0)
        return;
    in->back = open_in_place(in);
    in->more = lc_each_name_from(in->dir, in->place, remove_entry, in) == 0 && *in->place != 0;
    lc_close(in->dir);
    if (in->back >= 0)
        lc_close(in->back);
    /* At its end. Where this call began in the middle, the front is looked at once more. */
    if (!in->more && lc_unlinkat(cleared, in->name, AT_REMOVEDIR) != 0)
        in->more = before != 0;
}

static bool empty_next(void *context, const char *name)
{
    emptying *in = context;
    if (strncmp(name, LC_SWITCHING_CLEARED, strlen(LC_SWITCHING_CLEARED)) != 0)
        return true;
    int cleared = lc_openat(in->work, name, O_RDONLY | O_DIRECTORY, 0);
    if (cleared < 0)
        return true;
    empty_one(in, cleared);
    lc_close(cleared);
    if (!in->more)
        lc_unlinkat(in->work, name, AT_REMOVEDIR);
    return !in->more;
}

static bool remove_until(int funcdir, int64_t *place, int64_t until)
{
    emptying in = {.until = until};
    in.place = place;
    in.work = lc_openat(funcdir, WORK, O_RDONLY | O_DIRECTORY, 0);
    if (in.work < 0)
        return false;
    lc_each_name(in.work, empty_next, &in);
    lc_close(in.work);
    return in.more;
}

bool lc_cleared_remove_some(int funcdir, int64_t *place)
{
    return remove_until(funcdir, place, lc_monotonic() + SLICE);
}

void lc_cleared_remove(int funcdir)
{
    int64_t place = 0;
    /* In one go: it ends with the last name. */
    if (lc_cleared_any(funcdir))
        (void)remove_until(funcdir, &place, INT64_MAX);
}
