/* A file that nobody sees until it is whole, and the sweep of those whose writers died.
 *
 * Published by rename: a reader who looks up the name finds the old file or the new one, never half
 * of one, whenever its writer is killed. What a killed writer leaves is a temporary, and only the
 * kernel knows surely whether a writer lives (ids of processes are used again, and on other hosts
 * they mean others): so a writer holds a lock on its temporary from creation to the end, the kernel
 * gives it up when the writer dies, and whoever gets it may remove the file.
 *
 * Best is a file that has no name before it is whole (O_TMPFILE): its writer's death ends it, so
 * that it needs no lock, and nobody finds it. It can be linked to a name that is free, but not
 * replace anything: where something is there, it is given a temporary name first.
 *
 * Between creation and lock a sweeper may come first: then the writer finds the lock taken or its
 * file without a name, and makes another. Without fsync a power cut may leave a published file with
 * nothing in it; the entry's checksum finds that. */
#include "disk/temporary.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/system.h"
#include "base/text.h"
#include "disk/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#define PREFIX "tmp-"
/* 64 random bits never meet. A sweeper may take a file in the instant before it is locked; but each
 * handle sweeps once, so that it hardly ever happens twice. */
#define ATTEMPTS 16
/* An odd number, so that all 2^64 names come before one comes again, and no few steps lead to where
 * another process is likely to have begun. */
#define NAME_STEP UINT64_C(0x9e3779b97f4a7c15)
/* Vectors built at a time: an entry with few buffers is one system call. */
#define BATCH 64

/* Names that no process has had: each process counts from a random number on, and a child of fork()
 * from another one, so that a name costs no system call. Threads that begin at once may both begin,
 * and go on with the number of either. */
static uint64_t next_name(void)
{
    static _Atomic uint64_t next;
    static atomic_uint begun_in;
    unsigned now = lc_generation();
    if (atomic_load(&begun_in) != now) {
        uint64_t first;
        lc_random(&first, sizeof first);
        atomic_store(&next, first);
        atomic_store(&begun_in, now);
    }
    return atomic_fetch_add_explicit(&next, NAME_STEP, memory_order_relaxed);
}

void lc_temporary_name(char *out, const char *prefix)
{
    const uint64_t name = next_name();
    unsigned char bytes[sizeof name];
    size_t size = strlen(prefix);
    memcpy(out, prefix, size);
    memcpy(bytes, &name, sizeof name);
    lc_text_hex(out + size, bytes, sizeof bytes);
}

/* ---------------------------------------------------------------------------------- temporaries */

/* Lock a file that was just created. False: a sweeper has been faster. Not `asked`: that it has its
 * name still, the rename will show. */
static bool is_ours(const lc_temporary *temporary, bool asked)
{
    struct stat found;
    /* Where the file system has no locks, nobody can sweep by them either. */
    if (lc_lock_now(temporary->fd) != 0)
        return errno != EAGAIN;
    /* Locked: who sweeps from now on leaves it alone. Who did so before has removed its name. */
    return !asked || lc_fstat(temporary->fd, &found) != 0 || found.st_nlink > 0;
}

static int create(lc_temporary *out, int dir, const char *prefix, bool asked)
{
    out->dir = dir;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        lc_temporary_name(out->name, prefix);
        out->fd = lc_openat(dir, out->name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (out->fd < 0 && errno == EEXIST)
            continue;
        if (out->fd < 0)
            return -1;
        if (is_ours(out, asked))
            return 0;
        lc_temporary_discard(out);
    }
    errno = EAGAIN;
    return -1;
}

int lc_temporary_create(lc_temporary *out, int dir)
{
    return create(out, dir, PREFIX, true);
}

int lc_temporary_create_meta(lc_temporary *out, int dir)
{
    return create(out, dir, LC_META "/" PREFIX, false);
}

int lc_temporary_create_unnamed(lc_temporary *out, int dir)
{
    out->dir = dir;
    out->name[0] = '\0';
    out->fd = lc_open_unnamed(dir);
    return out->fd < 0 ? -1 : 0;
}

/* Discards it, and returns -1 with the errno of what failed. */
static int give_up(lc_temporary *temporary)
{
    int code = errno;
    lc_temporary_discard(temporary);
    errno = code;
    return -1;
}

int lc_temporary_share(lc_temporary *temporary, mode_t mode)
{
    return lc_share_file(temporary->fd, mode) == 0 ? 0 : give_up(temporary);
}

int lc_temporary_write(lc_temporary *temporary, const lc_span *spans, size_t count)
{
    struct iovec vectors[BATCH];
    while (count > 0) {
        int used = 0;
        for (; used < BATCH && count > 0; used++, spans++, count--)
            vectors[used] =
                (struct iovec){.iov_base = (void *)(uintptr_t)spans->data, .iov_len = spans->size};
        if (lc_write_full(temporary->fd, vectors, used) != 0)
            return give_up(temporary);
    }
    return 0;
}

int lc_temporary_flush(lc_temporary *temporary)
{
    return lc_fsync(temporary->fd) == 0 ? 0 : give_up(temporary);
}

int lc_temporary_name_meta(lc_temporary *temporary)
{
    if (temporary->name[0] != '\0')
        return 0;
    /* Locked before it can be found. Where there are no locks, nobody sweeps. */
    (void)lc_lock_now(temporary->fd);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        char name[LC_TEMPORARY_NAME];
        lc_temporary_name(name, LC_META "/" PREFIX);
        if (lc_link_unnamed(temporary->fd, temporary->dir, name) == 0) {
            memcpy(temporary->name, name, sizeof name);
            return 0;
        }
        if (errno != EEXIST)
            break;
    }
    return give_up(temporary);
}

int lc_temporary_place(lc_temporary *temporary, int to_dir, const char *to)
{
    if (temporary->name[0] == '\0')
        return lc_link_unnamed(temporary->fd, to_dir, to);
    return lc_rename_new(temporary->dir, temporary->name, to_dir, to);
}

int lc_temporary_close(lc_temporary *temporary)
{
    /* Network file systems report here what they could not write. By now the file has its name, and
     * its reader's checksum says whether it is whole. */
    return lc_close(temporary->fd);
}

int lc_temporary_replace(lc_temporary *temporary, int to_dir, const char *to)
{
    return lc_renameat(temporary->dir, temporary->name, to_dir, to) == 0 ? 0 : give_up(temporary);
}

int lc_temporary_publish(lc_temporary *temporary, int to_dir, const char *to)
{
    return lc_temporary_replace(temporary, to_dir, to) == 0 ? lc_temporary_close(temporary) : -1;
}

int lc_temporary_link(lc_temporary *temporary, int to_dir, const char *to)
{
    /* Unlike a rename it never replaces: of two that make one name, one wins. */
    if (lc_linkat(temporary->dir, temporary->name, to_dir, to) != 0)
        return give_up(temporary);
    lc_temporary_discard(temporary);
    return 0;
}

void lc_temporary_discard(lc_temporary *temporary)
{
    /* First the name, then the lock: what is unlocked and has a name is litter for others. */
    if (temporary->name[0] != '\0')
        lc_unlinkat(temporary->dir, temporary->name, 0);
    lc_close(temporary->fd);
}

static bool sweep_one(void *context, const char *name)
{
    int dir = *(const int *)context;
    struct stat seen;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || lc_fstatat(dir, name, &seen) != 0 ||
        S_ISDIR(seen.st_mode))
        return true;
    if (!S_ISREG(seen.st_mode)) {
        /* No writer makes these, and opening one might do something. */
        lc_unlinkat(dir, name, 0);
        return true;
    }
    int fd = lc_openat(dir, name, O_WRONLY, 0);
    if (fd < 0)
        return true;
    /* Only while holding its lock: where a file system has none, nothing is swept. Its writer may
     * have published it meanwhile; then the name is gone, and is not used again. */
    if (lc_lock_now(fd) == 0)
        lc_unlinkat(dir, name, 0);
    lc_close(fd);
    return true;
}

void lc_temporary_sweep(int dir)
{
    lc_each_name(dir, sweep_one, &dir);
}
