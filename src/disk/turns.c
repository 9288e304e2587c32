/* The lock file of a function: a byte for each key, and notes of who holds it.
 *
 * The locks are all that counts. They are on bytes at a hash of the key, beyond any size that the
 * file has; two keys that share one, of 2^63, would wait for each other and be computed all the
 * same. A note says who holds a byte and since when. It is written after the lock was taken and
 * never taken back, so that it may be of an earlier holder, or of a key that has the same slot: it
 * is told to people, and where it says that two wait for each other, the worst that a wrong one
 * does is that a result is computed twice.
 *
 * A deleted lock file is made anew, and who has the old one excludes nobody who has the new one.
 * So lc_turns_valid() is asked after a turn was taken: a deleted one is opened again. */
#include "disk/turns.h"
#include "base/lock.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/owner.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FILE_NAME LC_META "/turns"
/* Half a page for a note, so that none lies across two; 64 of them are one look away, and more
 * computations of one function at a time than machines have processors, mostly. */
#define NOTE_SIZE 512
#define NOTES 64
/* Of a note: what is written when a turn is taken. */
#define SHORT_NOTE (sizeof(note) - sizeof(((note *)NULL)->path))

/* As it lies in the file, in this machine's byte order: others' are not whole, by their key. */
typedef struct note {
    uint64_t key;
    int64_t since;
    uint64_t process;
    uint64_t wanted_device;
    uint64_t wanted_inode;
    uint64_t wanted_key;
    uint64_t wanted_size; /* bytes of path; 0: waits for nothing */
    char path[NOTE_SIZE - 7 * sizeof(uint64_t)];
} note;

int lc_turns_open(lc_turns *out, const lc_directory *at)
{
    struct stat found;
    if (!lc_owner_meta(at->dir, at->owner) &&
        (lc_mkdirat(at->dir, LC_META, 0700) != 0 || !lc_owner_meta(at->dir, at->owner))) {
        if (errno != ENOENT) /* the directory is deleted, and may be made again */
            errno = EPERM;
        return -1;
    }
    out->fd = lc_openat(at->dir, FILE_NAME, O_RDWR | O_CREAT, 0600);
    if (out->fd < 0)
        return -1;
    if (lc_fstat(out->fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_uid != at->owner) {
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

static int64_t byte_of(uint64_t key)
{
    return (int64_t)(key % LC_LOCK_BYTE_MAX);
}

static void name_of(char out[LC_TEMPORARY_NAME], uint64_t key)
{
    snprintf(out, LC_TEMPORARY_NAME, LC_META "/t-%016" PRIx64, key);
}

/* Without locks on bytes: a file for each key, which is there while it is locked. Who removes it
 * does so before it is unlocked, so that a lock on a file without a name is worth nothing, and is
 * taken again. */
static int take_file(lc_turn *out, const lc_directory *at, uint64_t key)
{
    char name[LC_TEMPORARY_NAME];
    struct stat held;
    name_of(name, key);
    for (;;) {
        int fd = lc_openat(at->dir, name, O_RDWR | O_CREAT, 0600);
        if (fd < 0)
            return -1;
        if (lc_lock_whole(fd) != 0 || lc_fstat(fd, &held) != 0) {
            int code = errno;
            lc_close(fd);
            errno = code;
            return -1;
        }
        out->own = fd;
        if (held.st_nlink > 0)
            return 0;
        lc_close(fd);
    }
}

int lc_turns_take(lc_turn *out, const lc_turns *turns, const lc_directory *at, uint64_t key)
{
    *out = (lc_turn){.key = key, .own = -1};
    int result = lc_lock_byte(turns->fd, byte_of(key));
    return result != 0 && errno == ENOTSUP ? take_file(out, at, key) : result;
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
        lc_unlock_byte(turns->fd, byte_of(turn->key));
        return;
    }
    name_of(name, turn->key);
    lc_unlinkat(at->dir, name, 0);
    lc_close(turn->own);
}

/* ---------------------------------------------------------------------------------------- notes */

static uint64_t place_of(uint64_t key)
{
    return key % NOTES * NOTE_SIZE;
}

bool lc_turns_note(const lc_turns *turns, uint64_t key, int64_t since,
                   const lc_wanted_turn *waits_for)
{
    note said = {.key = key, .since = since, .process = lc_process()};
    size_t size = SHORT_NOTE;
    if (waits_for != NULL) {
        size_t length = strlen(waits_for->path);
        if (length >= sizeof(((lc_turn_note *)NULL)->path))
            return false;
        said.wanted_device = (uint64_t)waits_for->device;
        said.wanted_inode = (uint64_t)waits_for->inode;
        said.wanted_key = waits_for->key;
        said.wanted_size = length;
        memcpy(said.path, waits_for->path, length);
        size += length;
    }
    return lc_pwrite(turns->fd, &said, size, place_of(key)) == 0;
}

bool lc_turns_read(lc_turn_note *out, const lc_turns *turns, uint64_t key)
{
    note said;
    ssize_t size = lc_pread_full(turns->fd, &said, sizeof said, place_of(key));
    if (size < (ssize_t)SHORT_NOTE || said.key != key || said.process > UINT32_MAX)
        return false;
    *out = (lc_turn_note){.since = said.since, .process = (uint32_t)said.process};
    if (said.wanted_size == 0)
        return true;
    if (said.wanted_size >= sizeof out->path || (uint64_t)size < SHORT_NOTE + said.wanted_size)
        return false;
    out->waits = true;
    out->device = (dev_t)said.wanted_device;
    out->inode = (ino_t)said.wanted_inode;
    out->key = said.wanted_key;
    memcpy(out->path, said.path, said.wanted_size);
    return true;
}
