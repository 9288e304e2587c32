/* The lock file of a function: a range of bytes for each place of a key, and what is noted there.
 *
 * The locks are all that counts. They lie beyond any size that the file has, and a place is so long
 * that the length of the lock on it says who holds it and since when, without a system call to
 * write that down. Places are 2^26: two keys that share one are computed one after the other, in
 * a process as between them.
 *
 * What is written into the file is written by who waits within a computation (wanted.c), and who
 * could not store what he computed: never on the way of a miss that nobody else asks for.
 *
 * A deleted lock file is made anew, and who has the old one excludes nobody who has the new one.
 * So lc_turns_valid() is asked after a turn was taken: a deleted one is opened again. */
#include "disk/turns.h"
#include "base/lock.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FILE_NAME LC_META "/turns"

/* Bits of an offset, which are 63: the place; and within it, that is in the length of a lock, the
 * process (Linux numbers no more) and the minutes (three weeks, after which they begin again). A
 * thousand computations of one function at a time share a place by less than one in a hundred. */
#define PLACE_BITS 26
#define PROCESS_BITS 22
#define MINUTE_BITS 15
#define ROOM (INT64_C(1) << (PROCESS_BITS + MINUTE_BITS))
#define MINUTES (INT64_C(1) << MINUTE_BITS)
_Static_assert(PLACE_BITS + PROCESS_BITS + MINUTE_BITS == 63, "offsets are positive");
#define MINUTE (INT64_C(60) * INT64_C(1000000000))

/* Behind the notes of waits: one for each place of that number modulo 64. */
#define VAINS 64

/* Turns that are told of, at most: a process holds no more (cache/flight.c). Ranges that wait to be
 * asked: as many processes as can have locks in the worst order. */
#define TOLD_MAX 4096
#define RANGES_MAX 256

typedef struct vain {
    uint64_t place;
    int64_t until;
} vain;

/* In a file for one place alone. */
typedef struct own_note {
    int64_t since;
    uint64_t process;
} own_note;

/* ----------------------------------------------------------------------------------- the file */

/* A directory that is deleted, or whose number is another file's: nothing is made in it. */
static bool is_that(int dir, dev_t device, ino_t inode)
{
    struct stat found;
    return lc_fstat(dir, &found) == 0 && found.st_nlink > 0 && found.st_dev == device &&
           found.st_ino == inode;
}

int lc_turns_open(lc_turns *out, const lc_directory *at, dev_t device, ino_t inode)
{
    struct stat found;
    if (!is_that(at->dir, device, inode)) {
        errno = ENOENT;
        return -1;
    }
    if (!lc_owner_meta(at->dir, at->owner) &&
        (lc_share_mkdir(at->dir, LC_META, at->mode) != 0 || !lc_owner_meta(at->dir, at->owner))) {
        if (errno != ENOENT) /* the directory is deleted, and may be made again */
            errno = EPERM;
        return -1;
    }
    out->fd = lc_openat(at->dir, FILE_NAME, O_RDWR | O_CREAT, 0600);
    if (out->fd < 0)
        return -1;
    const lc_owner_in in = {at->dir, at->owner};
    if (lc_fstat(out->fd, &found) != 0 ||
        (found.st_uid == at->owner && lc_share_file(out->fd, at->mode) != 0) ||
        lc_owner_file(out->fd, &found, &in, "", FILE_NAME, NULL) != LOCACHE_OK) {
        lc_close(out->fd);
        errno = EPERM;
        return -1;
    }
    out->device = found.st_dev;
    out->inode = found.st_ino;
    return 0;
}

bool lc_turns_valid(const lc_turns *turns)
{
    struct stat found;
    return lc_fstat(turns->fd, &found) == 0 && found.st_nlink > 0 &&
           found.st_dev == turns->device && found.st_ino == turns->inode;
}

void lc_turns_close(const lc_turns *turns)
{
    struct stat found;
    if (lc_fstat(turns->fd, &found) == 0 && found.st_dev == turns->device &&
        found.st_ino == turns->inode)
        lc_close(turns->fd);
}

/* ---------------------------------------------------------------------------------------- turns */

uint64_t lc_turns_place(uint64_t hash)
{
    return hash >> (64 - PLACE_BITS);
}

static int64_t start_of(uint64_t place)
{
    return (int64_t)place * ROOM;
}

static int64_t length_for(int64_t since)
{
    int64_t process = lc_process();
    if (process >= INT64_C(1) << PROCESS_BITS)
        process = 0;
    return 1 + process * MINUTES + since / MINUTE % MINUTES;
}

/* The last minute before now of which as much as this is known. */
static int64_t time_of(int64_t minute)
{
    int64_t now = lc_now() / MINUTE;
    int64_t age = (now - minute) % MINUTES;
    return (now - (age < 0 ? age + MINUTES : age)) * MINUTE;
}

static void name_of(char out[LC_TEMPORARY_NAME], uint64_t place)
{
    snprintf(out, LC_TEMPORARY_NAME, LC_META "/t-%07" PRIx64, place);
}

/* Without locks on ranges: a file for each place, which is there while it is locked. Who removes it
 * does so before it is unlocked, so that a lock on a file without a name is worth nothing, and is
 * taken again. */
static int take_file(lc_turn *out, const lc_directory *at, int64_t since)
{
    char name[LC_TEMPORARY_NAME];
    struct stat held;
    name_of(name, out->place);
    for (;;) {
        int fd = lc_openat(at->dir, name, O_RDWR | O_CREAT, 0600);
        if (fd < 0)
            return -1;
        (void)!lc_share_file(fd, at->mode); /* another's may not be ours to open */
        if (lc_lock_whole(fd) != 0 || lc_fstat(fd, &held) != 0) {
            int code = errno;
            lc_close(fd);
            errno = code;
            return -1;
        }
        out->own = fd;
        if (held.st_nlink > 0) {
            const own_note said = {since, lc_process()};
            (void)!lc_pwrite(fd, &said, sizeof said, 0);
            return 0;
        }
        lc_close(fd);
    }
}

int lc_turns_take(lc_turn *out, const lc_turns *turns, const lc_directory *at, uint64_t place,
                  int64_t since)
{
    *out = (lc_turn){.place = place, .own = -1};
    int result = lc_lock_range(turns->fd, start_of(place), length_for(since));
    return result != 0 && errno == ENOTSUP ? take_file(out, at, since) : result;
}

void lc_turns_disown(lc_turn *turn)
{
    if (turn->own >= 0)
        lc_close(turn->own);
    turn->own = -1;
}

void lc_turns_give_up(const lc_turn *turn, const lc_turns *turns, const lc_directory *at)
{
    char name[LC_TEMPORARY_NAME];
    if (turn->own < 0) {
        lc_unlock_range(turns->fd, start_of(turn->place), ROOM);
        return;
    }
    name_of(name, turn->place);
    lc_unlinkat(at->dir, name, 0);
    lc_close(turn->own);
}

static bool holder_of_file(lc_turn_holder *out, const lc_directory *at, uint64_t place)
{
    char name[LC_TEMPORARY_NAME];
    own_note said;
    name_of(name, place);
    int fd = lc_openat(at->dir, name, O_RDONLY, 0);
    if (fd < 0)
        return false;
    bool read = lc_pread_full(fd, &said, sizeof said, 0) == sizeof said;
    lc_close(fd);
    *out = (lc_turn_holder){read ? (uint32_t)said.process : 0, read ? said.since : 0};
    return read;
}

/* What the length of a lock says. */
static lc_turn_holder holder_of_lock(int64_t length)
{
    return (lc_turn_holder){(uint32_t)((length - 1) / MINUTES), time_of((length - 1) % MINUTES)};
}

bool lc_turns_holder(lc_turn_holder *out, const lc_turns *turns, const lc_directory *at,
                     uint64_t place)
{
    int64_t length = lc_lock_length(turns->fd, start_of(place));
    if (length < 0)
        return errno != ENOENT && holder_of_file(out, at, place);
    *out = holder_of_lock(length);
    return true;
}

/* The system tells any lock within a range, not the first: so what is before it and what is behind
 * it are ranges of their own. A description's are in order, so that before one is nothing, mostly:
 * asked first, that range is not kept. */
void lc_turns_each(const lc_directory *at, bool (*fn)(void *context, const lc_turn_holder *holder),
                   void *context)
{
    struct {
        int64_t start;
        int64_t end;
    } ranges[RANGES_MAX];
    int64_t start;
    int64_t length;
    size_t count = 1;
    bool more = true;
    int fd = lc_owner_meta(at->dir, at->owner) ? lc_openat(at->dir, FILE_NAME, O_RDONLY, 0) : -1;
    if (fd < 0)
        return;
    ranges[0].start = 0;
    ranges[0].end = INT64_MAX;
    for (unsigned told = 0; more && count > 0 && told < TOLD_MAX;) {
        int64_t from = ranges[--count].start;
        int64_t to = ranges[count].end;
        if (from >= to || lc_lock_find(&start, &length, fd, from, to) != 0)
            continue;
        /* Others' locks may be anything. */
        if (start % ROOM == 0 && length > 0 && length <= ROOM) {
            const lc_turn_holder holder = holder_of_lock(length);
            more = fn(context, &holder);
            told++;
        }
        if (length > 0 && start < to - length && count < RANGES_MAX) {
            ranges[count].start = start + length;
            ranges[count++].end = to;
        }
        if (start > from && count < RANGES_MAX) {
            ranges[count].start = from;
            ranges[count++].end = start;
        }
    }
    lc_close(fd);
}

/* -------------------------------------------------------------------------------------- in vain */

static uint64_t vain_at(uint64_t place)
{
    return LC_TURNS_NOTES + place % VAINS * sizeof(vain);
}

void lc_turns_set_vain(const lc_turns *turns, uint64_t place, int64_t until)
{
    const vain said = {place, until};
    (void)!lc_pwrite(turns->fd, &said, sizeof said, vain_at(place));
}

bool lc_turns_in_vain(const lc_turns *turns, uint64_t place, int64_t now)
{
    vain said;
    return lc_pread_full(turns->fd, &said, sizeof said, vain_at(place)) == sizeof said &&
           said.place == place && said.until > now;
}
