/* A file that nobody sees until it is whole, and the sweep of those whose writers died. */
#include "disk/temporary.h"
#include "base/os.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define PREFIX "tmp-"
/* Random names never meet. A sweeper may take a file in the instant before it is locked; but each
 * handle sweeps once. */
#define ATTEMPTS 16
/* Vectors built at a time: an entry with few buffers is one system call. */
#define BATCH 64

void lc_temporary_name(char *out, const char *prefix)
{
    unsigned char random[8];
    size_t size = strlen(prefix);
    memcpy(out, prefix, size);
    lc_random(random, sizeof random);
    lc_text_hex(out + size, random, sizeof random);
}

/* ---------------------------------------------------------------------------------- temporaries */

/* Lock a file that was just created. False: a sweeper has been faster. */
static bool is_ours(const lc_temporary *temporary)
{
    struct stat found;
    /* Where the file system has no locks, nobody can sweep by them either. */
    if (lc_lock_now(temporary->fd) != 0)
        return errno != EAGAIN;
    return lc_fstat(temporary->fd, &found) != 0 || found.st_nlink > 0;
}

static int create(lc_temporary *out, int dir, const char *prefix)
{
    out->dir = dir;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        lc_temporary_name(out->name, prefix);
        out->fd = lc_openat(dir, out->name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (out->fd < 0 && errno == EEXIST)
            continue;
        if (out->fd < 0)
            return -1;
        if (is_ours(out))
            return 0;
        lc_temporary_discard(out);
    }
    errno = EAGAIN;
    return -1;
}

int lc_temporary_create(lc_temporary *out, int dir)
{
    return create(out, dir, PREFIX);
}

int lc_temporary_create_meta(lc_temporary *out, int dir)
{
    return create(out, dir, LC_META "/" PREFIX);
}

/* Discards it, and returns -1 with the errno of what failed. */
static int give_up(lc_temporary *temporary)
{
    int code = errno;
    lc_temporary_discard(temporary);
    errno = code;
    return -1;
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

int lc_temporary_place(lc_temporary *temporary, int to_dir, const char *to)
{
    return lc_rename_new(temporary->dir, temporary->name, to_dir, to);
}

int lc_temporary_close(lc_temporary *temporary)
{
    /* Network file systems report here what they could not write. */
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
    if (lc_linkat(temporary->dir, temporary->name, to_dir, to) != 0)
        return give_up(temporary);
    lc_temporary_discard(temporary);
    return 0;
}

void lc_temporary_discard(lc_temporary *temporary)
{
    /* First the name, then the lock: what is unlocked and has a name is litter for others. */
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
    if (lc_lock_now(fd) == 0)
        lc_unlinkat(dir, name, 0);
    lc_close(fd);
    return true;
}

void lc_temporary_sweep(int dir)
{
    lc_each_name(dir, sweep_one, &dir);
}
