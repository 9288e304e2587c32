/* A version that somebody says is the same as the one before it.
 *
 * The directory of the version before stays what it is, and its record says of the later version
 * that it is of that, too: its codes, its source, and the id that its entries carry. Entries that
 * the later version has already are moved there, as they are.
 *
 * The record is written first: a crash after it leaves two directories of one version, of which the
 * one in place is used, and to say it again does the rest. */
#include "disk/keep.h"
#include "base/alloc.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/system.h"
#include "base/text.h"
#include "disk/ours.h"
#include "disk/owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HEX_SIZE (2 * LOCACHE_ID_SIZE)

/* "<time> <who>", as a record may have it. */
static void say(char out[LC_SAID_MAX + 1], const char *who)
{
    struct tm parts;
    time_t now = (time_t)(lc_now() / 1000000000);
    size_t size = gmtime_r(&now, &parts) == NULL
                      ? 0
                      : strftime(out, LC_SAID_MAX, "%Y-%m-%dT%H:%M:%SZ ", &parts);
    (void)snprintf(out + size, LC_SAID_MAX + 1 - size, "%s", who);
    for (char *at = out; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    for (size_t end = strlen(out); end > 0 && out[end - 1] == ' '; end--)
        out[end - 1] = '\0';
    if (!lc_version_is_line(out, LC_SAID_MAX))
        memcpy(out, "?", 2);
}

locache_status lc_keep_new(const lc_switching *in, const lc_version *current,
                           const lc_wanted *wanted, locache_error *error)
{
    char said[LC_SAID_MAX + 1];
    lc_version fresh = {.count = 0};
    lc_version both = *current;
    int dir;
    lc_version_own_id(&fresh.id, wanted->asked.main);
    lc_version_learn(&fresh, wanted->asked.main);
    say(said, wanted->kept_by);
    lc_version_take(&both, &fresh, said);
    locache_status status = lc_owner_open_dir(&dir, in->root, in->name, in->root_path, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_version_file_write(dir, &both, in->path, error);
    /* What it is made of from now on. */
    if (status == LOCACHE_OK)
        (void)!lc_version_file_write_note(dir, wanted->note, in->path, NULL);
    lc_close(dir);
    return status;
}

/* --------------------------------------------------------------------------- a version in place */

/* Two function directories, and their records. */
typedef struct pair {
    int later;
    int before;
    lc_version now;
    lc_version was;
    char hex[HEX_SIZE + 1]; /* the name of the one before */
} pair;

/* What the version before has a result of stays that one's. */
static bool move_entry(void *context, const char *name)
{
    const pair *of = context;
    struct stat found;
    if (name[0] == '.' || !lc_ours_entry(of->later, name) ||
        lc_fstatat(of->before, name, &found) == 0)
        return true;
    if (lc_rename_new(of->later, name, of->before, name) != 0)
        (void)!lc_renameat(of->later, name, of->before, name);
    return true; /* one that cannot be moved is computed again */
}

static locache_status open_later(pair *of, const lc_switching *in, const lc_wanted *wanted,
                                 locache_error *error)
{
    locache_status status = lc_owner_open_dir(&of->later, in->root, in->name, in->root_path, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_version_file_read(&of->now, of->later, in->path, error);
    if (status != LOCACHE_OK)
        return status;
    if (of->now.lost || of->now.newer || !of->now.has_before ||
        lc_version_compare(NULL, &of->now, &wanted->asked) != LOCACHE_OK)
        return LOCACHE_MISS;
    return lc_ours_whole(of->later)
               ? LOCACHE_OK
               : lc_fail(error, LOCACHE_EUNTRUSTED,
                         "%s holds files that locache did not make, and is left alone", in->path);
}

static locache_status open_before(pair *of, const lc_switching *in, locache_error *error)
{
    lc_text_hex(of->hex, of->now.before.bytes, LOCACHE_ID_SIZE);
    locache_status status = in->family < 0 ? LOCACHE_MISS
                                           : lc_owner_open_dir(&of->before, in->family, of->hex,
                                                               in->family_path, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_version_file_read(&of->was, of->before, in->family_path, error);
    return status == LOCACHE_OK && (of->was.lost || of->was.newer) ? LOCACHE_MISS : status;
}

/* What it is made of from now on. */
static void move_note(const pair *of, const lc_switching *in)
{
    size_t size;
    void *note = lc_alloc(LOCACHE_NOTE_MAX);
    if (note != NULL && lc_version_file_note(&size, note, of->later, in->path, NULL) == LOCACHE_OK)
        (void)!lc_version_file_write_note(of->before, (lc_span){note, size}, in->family_path, NULL);
    lc_free(note);
}

static locache_status join_versions(pair *of, lc_switching *in, locache_error *error)
{
    locache_status status = lc_version_file_write(of->before, &of->was, in->family_path, error);
    if (status != LOCACHE_OK)
        return status;
    move_note(of, in);
    if (lc_each_name(of->later, move_entry, of) != 0)
        return lc_fail_os(error, errno, "cannot list %s", in->path);
    if (lc_switching_discard(in, in->root, in->name) != 0 ||
        lc_renameat(in->family, of->hex, in->root, in->name) != 0)
        return lc_fail_os(error, errno, "cannot move %s/%s to %s", in->family_path, of->hex,
                          in->path);
    return LOCACHE_OK;
}

static locache_status keep_lock_held(lc_switching *in, const lc_wanted *wanted,
                                     locache_error *error)
{
    char said[LC_SAID_MAX + 1];
    pair of = {.later = -1, .before = -1};
    locache_status status = open_later(&of, in, wanted, error);
    if (status == LOCACHE_OK)
        status = open_before(&of, in, error);
    if (status == LOCACHE_OK) {
        say(said, wanted->kept_by);
        lc_version_take(&of.was, &of.now, said);
        status = join_versions(&of, in, error);
    }
    if (of.later >= 0)
        lc_close(of.later);
    if (of.before >= 0)
        lc_close(of.before);
    return status;
}

locache_status lc_keep_current(const lc_slot *slot, const lc_wanted *wanted, locache_error *error)
{
    lc_switching in;
    locache_status status = lc_switching_begin(&in, slot, false, error);
    if (status == LOCACHE_OK)
        status = keep_lock_held(&in, wanted, error);
    lc_switching_end(&in);
    return status;
}
