/* What can become of an entry's file, for stale.c: every way that files change in, one call
 * each. */
#ifndef TEST_CHANGES_H
#define TEST_CHANGES_H

#include "locache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    VARIANTS = 5, /* results that an entry takes turns in */
    NONE = -1,    /* no result */
    BODY = 40
};

typedef struct image {
    unsigned char *data;
    size_t size;
} image;

typedef struct entry {
    unsigned char key[32];
    size_t key_size;
    locache *handle;
    bool recalls; /* the handle keeps objects, not values */
    char path[320], side[320];
    image images[VARIANTS]; /* the file's bytes with each result, all of one size */
    int now;                /* the variant in the file, or NONE */
} entry;

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "stale: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void must(bool condition, const char *what)
{
    if (!condition)
        give_up(what);
}

static void must_be_ok(locache_status status, const locache_error *error, const char *what)
{
    if (status != LOCACHE_OK) {
        fprintf(stderr, "stale: %s: %s: %s\n", what, locache_status_name(status), error->message);
        exit(2);
    }
}

static void put(locache *cache, const entry *e, int variant, locache_stamp *stamp)
{
    unsigned char body[BODY];
    memset(body, variant, sizeof body);
    locache_error error;
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = body,
                             .body_size = sizeof body,
                             .stamp = stamp};
    must_be_ok(locache_put(cache, e->key, e->key_size, &record, &error), &error, "locache_put");
}

typedef enum change {
    PUT,
    REMOVE,
    RENAME_OVER,
    EXCHANGE,
    WRITE,              /* in place, as are those down to CLONE */
    WRITE_KEEPING_TIME, /* with utime() afterwards */
    TEAR,               /* half of it is another result's */
    TRUNCATE,
    CUT_AND_WRITE,
    LINK_AND_WRITE, /* through another name that is gone again */
    WRITE_BY_LINK,  /* through another name that was there before, and stays */
    MAPPED,
    CLONE,
    EMPTY,
    UNLINK,
    RENAME_AWAY,
    TOUCH, /* these change nothing of the result */
    LINK,
    AWAY_AND_BACK,
    CHANGES
} change;

static const char *const change_names[CHANGES] = {"put",           "remove",
                                                  "rename over",   "exchange",
                                                  "write",         "write keeping time",
                                                  "tear",          "truncate",
                                                  "cut and write", "link and write",
                                                  "write by link", "mapped",
                                                  "clone",         "empty",
                                                  "unlink",        "rename away",
                                                  "touch",         "link",
                                                  "away and back"};

static void write_at(const char *path, int flags, const image *bytes, size_t from)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    must(fd >= 0, path);
    must(pwrite(fd, bytes->data + from, bytes->size - from, (off_t)from) ==
             (ssize_t)(bytes->size - from),
         path);
    must(close(fd) == 0, path);
}

static void write_keeping_time(const char *path, const image *bytes)
{
    struct stat before;
    must(stat(path, &before) == 0, path);
    write_at(path, 0, bytes, 0);
    must(utimensat(AT_FDCWD, path, (struct timespec[]){before.st_atim, before.st_mtim}, 0) == 0,
         path);
}

/* Of a file whose pages were never mapped before: the first touch of each mapping is a change that
 * has its time. */
static void write_mapped(const char *path, const image *bytes)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    must(fd >= 0, path);
    void *map = mmap(NULL, bytes->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(map != MAP_FAILED, path);
    memcpy(map, bytes->data, bytes->size);
    must(munmap(map, bytes->size) == 0 && close(fd) == 0, path);
}

/* Another file's blocks in place of its own, where the file system can. */
static void write_cloned(const entry *e, const image *bytes)
{
    write_at(e->side, O_CREAT | O_TRUNC, bytes, 0);
    int from = open(e->side, O_RDONLY | O_CLOEXEC), to = open(e->path, O_WRONLY | O_CLOEXEC);
    must(from >= 0 && to >= 0, e->path);
    if (ioctl(to, FICLONE, from) != 0)
        must(copy_file_range(from, NULL, to, NULL, bytes->size, 0) == (ssize_t)bytes->size,
             "copy_file_range");
    close(from);
    close(to);
    unlink(e->side);
}

static void replace(const entry *e, const image *bytes, unsigned flags)
{
    write_at(e->side, O_CREAT | O_TRUNC, bytes, 0);
    must(renameat2(AT_FDCWD, e->side, AT_FDCWD, e->path, flags) == 0, e->path);
    if (flags != 0)
        unlink(e->side);
}

/* What must be so before. */
static void prepare(const entry *e, change kind)
{
    if (kind == WRITE_BY_LINK)
        must(link(e->path, e->side) == 0, e->side);
}

static void change_in_place(const entry *e, change kind, const image *bytes)
{
    switch (kind) {
    case WRITE:
        write_at(e->path, 0, bytes, 0);
        break;
    case WRITE_KEEPING_TIME:
        write_keeping_time(e->path, bytes);
        break;
    case TEAR:
        write_at(e->path, 0, bytes, bytes->size / 2);
        break;
    case TRUNCATE:
        must(truncate(e->path, (off_t)bytes->size / 2) == 0, e->path);
        break;
    case CUT_AND_WRITE:
        write_at(e->path, O_TRUNC, bytes, 0);
        break;
    case LINK_AND_WRITE:
        must(link(e->path, e->side) == 0, e->side);
        write_at(e->side, 0, bytes, 0);
        must(unlink(e->side) == 0, e->side);
        break;
    case WRITE_BY_LINK:
        write_at(e->side, 0, bytes, 0);
        break;
    case MAPPED:
        write_mapped(e->path, bytes);
        break;
    case CLONE:
        write_cloned(e, bytes);
        break;
    default:
        must(truncate(e->path, 0) == 0, e->path);
    }
}

static void make_change(locache *other, const entry *e, change kind, int variant)
{
    locache_error error;
    const image *bytes = &e->images[variant];
    switch (kind) {
    case PUT:
        put(other, e, variant, NULL);
        break;
    case REMOVE:
        must_be_ok(locache_remove(other, e->key, e->key_size, &error), &error, "locache_remove");
        break;
    case RENAME_OVER:
        replace(e, bytes, 0);
        break;
    case EXCHANGE:
        replace(e, bytes, RENAME_EXCHANGE);
        break;
    case UNLINK:
        must(unlink(e->path) == 0, e->path);
        break;
    case RENAME_AWAY:
        must(rename(e->path, e->side) == 0, e->path);
        break;
    case TOUCH:
        must(utimensat(AT_FDCWD, e->path, NULL, 0) == 0, e->path);
        break;
    case LINK:
        must(link(e->path, e->side) == 0, e->side);
        break;
    case AWAY_AND_BACK:
        must(rename(e->path, e->side) == 0 && rename(e->side, e->path) == 0, e->path);
        break;
    default:
        change_in_place(e, kind, bytes);
    }
}

static int after(change kind, int now, int variant)
{
    switch (kind) {
    case REMOVE:
    case TEAR:
    case TRUNCATE:
    case EMPTY:
    case UNLINK:
    case RENAME_AWAY:
        return NONE;
    case TOUCH:
    case LINK:
    case AWAY_AND_BACK:
        return now;
    default:
        return variant;
    }
}

#endif
