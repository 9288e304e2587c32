/* Bytes of unknown number, kept in bounded memory: output that is larger than memory is a file that
 * is mapped when it is whole. The file has no name, so that nothing stays of it however we end. */
#include "run_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* From here on a file: most results never need one, and three of them are no burden. */
#define MEMORY_MAX ((size_t)1 << 20)
/* What is allocated first: a pipe's content. */
#define MEMORY_FIRST ((size_t)64 << 10)
/* A system call takes no more than 2 GiB. */
#define WRITE_MAX ((size_t)1 << 30)

int cli_write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t some = write(fd, at, size < WRITE_MAX ? size : WRITE_MAX);
        if (some < 0 && errno == EINTR)
            continue;
        if (some < 0)
            return errno;
        at += some;
        size -= (size_t)some;
    }
    return 0;
}

void cli_spool_begin(cli_spool *spool, const char *dir)
{
    *spool = (cli_spool){.dir = dir, .fd = -1};
}

static int nameless_file(const char *dir)
{
    char path[4096];
#ifdef O_TMPFILE
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
#endif
    if (snprintf(path, sizeof path, "%s/locache-XXXXXX", dir) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int named = mkostemp(path, O_CLOEXEC);
    if (named >= 0)
        (void)unlink(path);
    return named;
}

/* Beside the results first: there must be room there anyway, while /tmp is memory on many
 * systems. */
static int spool_file(const cli_spool *spool)
{
    const char *told = getenv("TMPDIR");
    int fd = spool->dir != NULL ? nameless_file(spool->dir) : -1;
    return fd >= 0 ? fd : nameless_file(told != NULL && told[0] == '/' ? told : "/tmp");
}

static int spool_spill(cli_spool *spool)
{
    spool->fd = spool_file(spool);
    if (spool->fd < 0)
        return errno;
    int error = cli_write_all(spool->fd, spool->memory, spool->size);
    if (error != 0) {
        (void)close(spool->fd);
        spool->fd = -1;
        return error;
    }
    free(spool->memory);
    spool->memory = NULL;
    return 0;
}

static int spool_grow(cli_spool *spool, size_t size)
{
    size_t room = spool->room != 0 ? spool->room : MEMORY_FIRST;
    while (room < spool->size + size)
        room *= 2;
    if (room == spool->room)
        return 0;
    char *larger = realloc(spool->memory, room);
    if (larger == NULL)
        return ENOMEM;
    spool->memory = larger;
    spool->room = room;
    return 0;
}

void cli_spool_add(cli_spool *spool, const void *data, size_t size)
{
    if (spool->error != 0 || size == 0)
        return;
    if (spool->fd < 0 && spool->size + size > MEMORY_MAX)
        spool->error = spool_spill(spool);
    else if (spool->fd < 0)
        spool->error = spool_grow(spool, size);
    if (spool->error == 0 && spool->fd >= 0)
        spool->error = cli_write_all(spool->fd, data, size);
    else if (spool->error == 0)
        memcpy(spool->memory + spool->size, data, size);
    if (spool->error == 0)
        spool->size += size;
}

void cli_spool_spill(cli_spool *spool)
{
    if (spool->fd < 0 && spool->error == 0 && spool->size > 0)
        spool->error = spool_spill(spool);
}

const void *cli_spool_bytes(cli_spool *spool)
{
    if (spool->fd < 0 || spool->error != 0 || spool->size == 0)
        return spool->error == 0 && spool->size > 0 ? spool->memory : NULL;
    if (spool->mapped == NULL) {
        void *mapped = mmap(NULL, spool->size, PROT_READ, MAP_PRIVATE, spool->fd, 0);
        if (mapped == MAP_FAILED)
            spool->error = errno;
        else
            spool->mapped = mapped;
    }
    return spool->mapped;
}

/* -------------------------------------------------------------------------------------- digests */

typedef struct reading {
    int fd;
    atomic_int error;
} reading;

static void fill(void *context, void *out, size_t offset, size_t size)
{
    reading *in = context;
    char *at = out;
    while (size > 0) {
        ssize_t some = pread(in->fd, at, size, (off_t)offset);
        if (some < 0 && errno == EINTR)
            continue;
        if (some <= 0) {
            /* Shorter than it was a moment ago: what it holds cannot be said. */
            atomic_store(&in->error, some < 0 ? errno : EAGAIN);
            memset(at, 0, size);
            return;
        }
        at += some;
        offset += (size_t)some;
        size -= (size_t)some;
    }
}

int cli_digest_file(unsigned char out[LOCACHE_DIGEST_SIZE], int fd, size_t size)
{
    reading all = {.fd = fd};
    return locache_digest_parts(out, size, fill, &all) ? atomic_load(&all.error) : ENOMEM;
}

int cli_spool_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const cli_spool *spool)
{
    if (spool->error == 0 && spool->fd >= 0)
        return cli_digest_file(out, spool->fd, spool->size);
    if (spool->error == 0)
        locache_digest(out, spool->memory, spool->size);
    return spool->error;
}

int cli_spool_open(cli_spool *spool)
{
    if (spool->size == 0)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    cli_spool_spill(spool);
    if (spool->error != 0) {
        errno = spool->error;
        return -1;
    }
    /* One reader at a time: the place in the file is the descriptor's, and its copies'. */
    if (lseek(spool->fd, 0, SEEK_SET) != 0)
        return -1;
    return fcntl(spool->fd, F_DUPFD_CLOEXEC, 3);
}

void cli_spool_clear(cli_spool *spool)
{
    if (spool->mapped != NULL)
        (void)munmap(spool->mapped, spool->size);
    if (spool->fd >= 0)
        (void)close(spool->fd);
    free(spool->memory);
    cli_spool_begin(spool, NULL);
}
