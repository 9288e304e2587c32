/* What the process knows of cache directories that it has found sound.
 *
 * Who owns a cache directory and all that is above it, whether links lead there, what the file
 * system does with capital letters and with times: that takes some twenty system calls, and is the
 * same for all functions of one source file. It still holds as long as each level is the same
 * directory with the same owner, rights and times: links and directories are exchanged by changing
 * the one that they are in, which moves its times, and rights show themselves. So the next function
 * looks at each level once, from its own open directory upwards.
 *
 * A program that calls many functions for the first time looks at the levels above the cache
 * directory once in LC_LATELY, and each function at the cache directory alone. Whoever gets a right
 * to one of these levels meanwhile, and exchanges what is in it, gains nothing: what is looked at
 * is the directory that the function's own open directory is in, which is the same as before, by
 * its number, ours, and closed to others. One that was put in its place is another, and all is
 * looked at anew. What shows later is only that such a right was given, which the next function
 * says.
 *
 * Kept are plain cases only: no link on the way, nothing that others may write to but what is
 * sticky, nothing that was changed just now, which could be changed once more and look the same.
 *
 * The lock is held for the copying of a record. Who does not get it looks for himself. In a child
 * of fork() whose parent's thread was writing, all is forgotten. */
#include "cache/root.h"
#include "base/hash.h"
#include "base/latch.h"
#include "disk/stamp.h"

#include <fcntl.h>
#include <string.h>

/* A program imports its functions from a few directories at a time. */
#define RECORDS 8
/* Nanoseconds in which the clock of another file system than the cache's may stand still, where
 * nothing is known of it: some count seconds by twos. */
#define GRAIN INT64_C(2000000000)

typedef struct record {
    unsigned char path[LC_CHECKSUM_SIZE]; /* its checksum: a program's own paths do no harm to it */
    bool there;
    lc_root root;
} record;

static lc_latch records_lock;
static record records[RECORDS];
static unsigned last_number; /* under the lock */

static bool take_records_lock(void)
{
    lc_latch_state state = lc_latch_try(&records_lock);
    if (state == LC_LATCH_TAKEN_OVER)
        memset(records, 0, sizeof records);
    return state != LC_LATCH_BUSY;
}

static record *place_of(unsigned char sum[LC_CHECKSUM_SIZE], const char *path)
{
    lc_checksum(sum, &(lc_span){path, strlen(path)}, 1);
    return &records[sum[0] % RECORDS];
}

bool lc_root_find(lc_root *out, const char *path, uid_t us)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    const record *at = place_of(sum, path);
    if (!take_records_lock())
        return false;
    bool there = at->there && memcmp(at->path, sum, sizeof sum) == 0 && at->root.owner == us;
    if (there)
        *out = at->root;
    lc_latch_release(&records_lock);
    return there;
}

static lc_root_level level_of(const struct stat *found)
{
    return (lc_root_level){.device = found->st_dev,
                           .inode = found->st_ino,
                           .mode = found->st_mode,
                           .owner = found->st_uid,
                           .modified = lc_stamp_nanoseconds(&found->st_mtim),
                           .changed = lc_stamp_nanoseconds(&found->st_ctim)};
}

/* The directory itself may have new names in it, which are opened without following links. */
static bool same_level(const lc_root_level *a, const lc_root_level *b, bool itself)
{
    return a->device == b->device && a->inode == b->inode && a->mode == b->mode &&
           a->owner == b->owner &&
           (itself || (a->modified == b->modified && a->changed == b->changed));
}

/* The way up from a function's directory, or from its cache directory. */
typedef struct way_up {
    char names[3 * LC_ROOT_DEPTH + 1];
    size_t length;
} way_up;

static const char *next_up(way_up *way)
{
    memcpy(way->names + way->length, way->length == 0 ? ".." : "/..", way->length == 0 ? 3 : 4);
    way->length += way->length == 0 ? 2 : 3;
    return way->names;
}

/* All levels of the record were as they are, once more. */
static void note_look(const lc_root *root, int64_t now)
{
    if (!take_records_lock())
        return;
    for (unsigned i = 0; i < RECORDS; i++)
        if (records[i].there && records[i].root.number == root->number)
            records[i].root.looked = now;
    lc_latch_release(&records_lock);
}

bool lc_root_has(const lc_root *root, int funcdir, const struct stat *found)
{
    way_up way = {.length = 0};
    struct stat here;
    int64_t now = lc_ticks();
    bool lately = now - root->looked < LC_LATELY;
    unsigned depth = lately && root->depth > 1 ? 1 : root->depth;
    if (found->st_uid != root->owner || found->st_mode & (S_IWGRP | S_IWOTH) ||
        found->st_dev != root->levels[0].device)
        return false;
    for (unsigned i = 0; i < depth; i++) {
        if (lc_fstatat(funcdir, next_up(&way), &here) != 0)
            return false;
        const lc_root_level level = level_of(&here);
        if (!same_level(&level, &root->levels[i], i == 0))
            return false;
    }
    if (!lately)
        note_look(root, now);
    return true;
}

/* May what is found at a level be told again? Not where it was changed just now, and could be once
 * more within a tick of the clock. */
static bool is_plain(const struct stat *found, const lc_root *root)
{
    bool itself = root->depth == 0;
    bool here = itself || found->st_dev == root->levels[0].device;
    bool closed = !(found->st_mode & (S_IWGRP | S_IWOTH)) || (found->st_mode & S_ISVTX && !itself);
    locache_stamp stamp;
    lc_stamp_take(&stamp, found, here ? root->system.grain : GRAIN, false);
    return S_ISDIR(found->st_mode) && closed && (itself || stamp.words[LC_STAMP_PROVES]) &&
           (found->st_uid == root->owner || (found->st_uid == 0 && !itself));
}

/* All levels of the open directory; false: one is not plain, or there are too many. */
static bool climb(lc_root *out, int root)
{
    way_up way = {.length = 0};
    struct stat here;
    if (lc_fstat(root, &here) != 0)
        return false;
    for (out->depth = 0; out->depth < LC_ROOT_DEPTH; out->depth++) {
        const lc_root_level level = level_of(&here);
        /* Only "/" is its own parent. */
        if (out->depth > 0 && level.device == out->levels[out->depth - 1].device &&
            level.inode == out->levels[out->depth - 1].inode)
            return true;
        if (!is_plain(&here, out))
            return false;
        out->levels[out->depth] = level;
        if (lc_fstatat(root, next_up(&way), &here) != 0)
            return false;
    }
    return false;
}

/* Does each part of the path name the level that is there, and no link? */
static bool leads_there(const char *path, const lc_root *root)
{
    char part[LOCACHE_PATH_MAX];
    struct stat found;
    size_t size = strlen(path);
    if (path[0] != '/' || size >= sizeof part)
        return false;
    memcpy(part, path, size + 1);
    for (unsigned i = 0; i + 1 < root->depth; i++) {
        if (size <= 1 || lc_fstatat(AT_FDCWD, part, &found) != 0 || !S_ISDIR(found.st_mode) ||
            found.st_dev != root->levels[i].device || found.st_ino != root->levels[i].inode)
            return false;
        while (size > 0 && part[size - 1] != '/')
            size--;
        size -= size > 0;
        part[size] = '\0';
    }
    return size == 0;
}

/* Was the path noted before? */
static bool is_met(const record *at, const unsigned char sum[LC_CHECKSUM_SIZE])
{
    if (!take_records_lock())
        return false;
    bool met = memcmp(at->path, sum, LC_CHECKSUM_SIZE) == 0;
    lc_latch_release(&records_lock);
    return met;
}

void lc_root_note(const char *path, int root, uid_t us, bool folds, lc_file_system system)
{
    record fresh = {.root = {.owner = us, .folds = folds, .system = system}};
    record *at = place_of(fresh.path, path);
    /* A process that has one function need not look at all levels once more. */
    bool again = is_met(at, fresh.path);
    fresh.root.looked = lc_ticks();
    fresh.there = again && climb(&fresh.root, root) && leads_there(path, &fresh.root);
    if ((again && !fresh.there) || !take_records_lock())
        return;
    fresh.root.number = ++last_number;
    *at = fresh;
    lc_latch_release(&records_lock);
}
