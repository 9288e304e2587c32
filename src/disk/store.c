#include "disk/store.h"
#include "base/log.h"
#include "disk/mapped.h"
#include "disk/owner.h"
#include "disk/temporary.h"
#include "disk/verified.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* File systems that compress store less than they show, though hardly ever this much less: beyond,
 * it is a sparse file, made to exhaust memory. What is no larger than this does not. */
#define COMPRESSION_MAX 64
#define SPARSE_MAX ((uint64_t)1 << 20)
#define BLOCK 512 /* the unit of st_blocks, on every system */
/* Eviction makes room for a part of the limit at a time, so that the directory is not listed for
 * every new entry. */
#define TRIM_PART 64

/* ----------------------------------------------------------------------------------------- read */

/* The errors of reading are misses, but for memory. */
static locache_status missed(locache_status status)
{
    return status == LOCACHE_ENOMEM ? status : LOCACHE_MISS;
}

static locache_status refuse_open(const lc_store *store, const char *name, int code,
                                  locache_error *error)
{
    if (code == ENOENT) {
        lc_error_clear(error);
        return LOCACHE_MISS;
    }
    if (code == ELOOP)
        lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is a symbolic link, which is not followed",
                store->path, name);
    else if (code == ENXIO)
        lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is not a regular file", store->path, name);
    else
        return missed(lc_fail_os(error, code, "cannot open %s/%s", store->path, name));
    return LOCACHE_MISS;
}

/* Before memory is taken for a large file: is it the size that it says, in its header and in blocks
 * on disk? *front: the size of what is before its buffers, 0 where it has none or where only its
 * checksum can tell what it is. */
static locache_status check_large(uint64_t *front, int fd, const struct stat *found,
                                  unsigned char head[LC_ENTRY_HEADER], const lc_store *store,
                                  const char *name, locache_error *error)
{
    uint64_t size = (uint64_t)found->st_size;
    uint64_t table;
    *front = 0;
    if ((uint64_t)found->st_blocks * BLOCK * COMPRESSION_MAX + SPARSE_MAX < size)
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is mostly a hole", store->path, name);
    if (size > lc_memory_size() || size > SIZE_MAX / 2)
        return lc_fail(error, LOCACHE_ELIMIT, "%s/%s is larger than the memory of this machine",
                       store->path, name);
    ssize_t got = lc_read_full(fd, head, LC_ENTRY_HEADER);
    if (got < 0)
        return lc_fail_os(error, errno, "cannot read %s/%s", store->path, name);
    if (got != LC_ENTRY_HEADER)
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is cut off", store->path, name);
    uint64_t least;
    locache_status status = lc_entry_peek(&least, &table, head, NULL);
    /* Only its checksum can tell a newer entry from a damaged one. */
    if (status == LOCACHE_EFORMAT)
        return LOCACHE_OK;
    if (status != LOCACHE_OK)
        return lc_fail(error, status, "%s/%s is no entry", store->path, name);
    if (least > size || (table == LC_ENTRY_HEADER && least != size))
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is not as long as it says", store->path,
                       name);
    *front = table == LC_ENTRY_HEADER ? 0 : least;
    return LOCACHE_OK;
}

/* All of it, in memory of its own. The descriptor is past `have` bytes, which are in head. */
static locache_status read_whole(locache_value **out, int fd, size_t size,
                                 const unsigned char *head, size_t have, const lc_store *store,
                                 const char *name, locache_error *error)
{
    locache_value *value = lc_value_new(size);
    if (value == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for %s/%s (%zu bytes)", store->path, name,
                       size);
    memcpy(value->bytes, head, have);
    ssize_t got = lc_read_full(fd, value->bytes + have, size - have);
    if (got >= 0 && (size_t)got == size - have) {
        *out = value;
        return LOCACHE_OK;
    }
    int code = errno;
    locache_value_free(value);
    return got < 0 ? lc_fail_os(error, code, "cannot read %s/%s", store->path, name)
                   : lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is cut off", store->path, name);
}

static locache_status read_open(locache_value **out, int fd, const lc_store *store,
                                const char *name, locache_error *error)
{
    unsigned char head[LC_ENTRY_HEADER];
    locache_stamp stamp;
    struct stat found;
    uint64_t front = 0;
    if (lc_fstat(fd, &found) != 0)
        return lc_fail_os(error, errno, "cannot examine %s/%s", store->path, name);
    locache_status status = lc_trust_file(&found, store->owner, store->path, name, error);
    if (status != LOCACHE_OK)
        return status;
    if (found.st_size < LC_ENTRY_HEADER)
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is cut off", store->path, name);
    bool large = (uint64_t)found.st_size >= LOCACHE_MAP_FROM;
    if (large)
        status = check_large(&front, fd, &found, head, store, name, error);
    if (status != LOCACHE_OK)
        return status;
    lc_stamp_take(&stamp, &found, store->grain, false);
    status = front > 0 && store->map
                 ? lc_mapped_read(out, fd, &stamp, head, (size_t)front, store, name, error)
                 : LOCACHE_MISS;
    if (status == LOCACHE_MISS)
        status = read_whole(out, fd, (size_t)found.st_size, head, large ? LC_ENTRY_HEADER : 0,
                            store, name, error);
    if (status == LOCACHE_OK)
        (*out)->stamp = stamp;
    return status;
}

locache_status lc_store_read(locache_value **out, const lc_store *store, const char *name,
                             locache_error *error)
{
    int fd = lc_openat(store->dir, name, O_RDONLY, 0);
    if (fd < 0)
        return refuse_open(store, name, errno, error);
    locache_status status = read_open(out, fd, store, name, error);
    lc_close(fd);
    return status == LOCACHE_OK ? status : missed(status);
}

/* ---------------------------------------------------------------------------------------- write */

/* Is what is there an entry of a later version, and a whole one? */
static bool is_newer(const lc_store *store, const char *name)
{
    locache_value *value = NULL;
    locache_status status = lc_store_read(&value, store, name, NULL);
    if (status != LOCACHE_OK || value == NULL)
        return false;
    bool newer = !value->mapped &&
                 lc_entry_parse(&value->entry, value->bytes, value->size, NULL) == LOCACHE_EFORMAT;
    locache_value_free(value);
    return newer;
}

/* What is in the place of a new entry? OK: nothing, or what may be replaced. */
static locache_status probe(bool *replaced, const lc_store *store, const char *name,
                            locache_error *error)
{
    unsigned char head[LC_ENTRY_HEADER];
    uint64_t least;
    uint64_t table;
    struct stat found;
    int fd = lc_openat(store->dir, name, O_RDONLY, 0);
    *replaced = fd >= 0 || errno != ENOENT;
    if (fd < 0)
        return LOCACHE_OK;
    bool known = lc_fstat(fd, &found) == 0;
    bool suspect = known && S_ISREG(found.st_mode) &&
                   lc_read_full(fd, head, sizeof head) == sizeof head &&
                   lc_entry_peek(&least, &table, head, NULL) == LOCACHE_EFORMAT;
    lc_close(fd);
    if (known && S_ISDIR(found.st_mode))
        return lc_fail_os(error, EISDIR, "cannot write %s/%s, delete or rename what is there",
                          store->path, name);
    if (suspect && is_newer(store, name))
        return lc_fail(error, LOCACHE_EFORMAT,
                       "%s/%s was written by a later version of locache, and is left alone",
                       store->path, name);
    return LOCACHE_OK;
}

static locache_status refuse_write(const lc_store *store, const char *name, int code,
                                   locache_error *error)
{
    if (code == ENOENT || code == ESTALE)
        return LOCACHE_MISS;
    return lc_fail_os(error, code, "cannot write %s/%s", store->path, name);
}

/* Make .locache/ where it is missing, or say what is wrong with it. */
static locache_status make_meta(const lc_store *store, const char *name, locache_error *error)
{
    int meta;
    if (lc_mkdirat(store->dir, LC_META, 0700) != 0 && errno != EEXIST)
        return refuse_write(store, name, errno, error);
    locache_status status = lc_trust_open_dir(&meta, store->dir, LC_META, store->path, error);
    if (status == LOCACHE_OK)
        lc_close(meta);
    return status;
}

static locache_status make_temporary(lc_temporary *out, const lc_store *store, const char *name,
                                     locache_error *error)
{
    locache_status status =
        lc_trust_meta(store->dir, store->owner) ? LOCACHE_OK : make_meta(store, name, error);
    if (status != LOCACHE_OK || lc_temporary_create_meta(out, store->dir) == 0)
        return status;
    return refuse_write(store, name, errno, error);
}

/* Something may be there already, or cannot be told apart from nothing but by looking. */
static locache_status replace(bool *replaced, lc_temporary *temporary, const lc_store *store,
                              const char *name, locache_error *error)
{
    locache_status status = probe(replaced, store, name, error);
    if (status != LOCACHE_OK) {
        lc_temporary_discard(temporary);
        return status;
    }
    if (lc_temporary_replace(temporary, store->dir, name) != 0)
        return refuse_write(store, name, errno, error);
    return LOCACHE_OK;
}

/* What was written is beyond doubt where it still has the time that is its own (NULL: none). Age
 * would prove nothing: the file has had its name for a moment, in which somebody may have written
 * to it. */
static void stamp_written(locache_stamp *out, int fd, const struct timespec *own,
                          const lc_store *store)
{
    struct stat found;
    if (lc_fstat(fd, &found) != 0) {
        *out = (locache_stamp){.words = {0}};
        return;
    }
    lc_stamp_take(out, &found, store->grain, true);
    if (own == NULL || found.st_mtim.tv_sec != own->tv_sec || found.st_mtim.tv_nsec != own->tv_nsec)
        out->words[LC_STAMP_PROVES] = 0;
}

/* Will it be mapped? */
static bool is_large(const lc_span *spans, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count && size < LOCACHE_MAP_FROM; i++)
        size += spans[i].size;
    return count > 1 && size >= LOCACHE_MAP_FROM;
}

static locache_status fill(lc_temporary *temporary, const lc_store *store, const char *name,
                           const lc_span *spans, size_t count, bool durable, locache_error *error)
{
    bool sound = true;
    if ((is_large(spans, count) ? lc_mapped_write(&sound, temporary, spans, count)
                                : lc_temporary_write(temporary, spans, count)) != 0)
        return refuse_write(store, name, errno, error);
    if (!sound) {
        lc_temporary_discard(temporary);
        return lc_fail(error, LOCACHE_EINVAL, "a buffer changed while it was written to %s/%s",
                       store->path, name);
    }
    if (durable && lc_temporary_flush(temporary) != 0)
        return refuse_write(store, name, errno, error);
    return LOCACHE_OK;
}

/* The file of that stamp, which begins with this header, is sound, and its MAC is ours where it has
 * one: nobody has to read through it. */
static void note_sound(const lc_store *store, const locache_stamp *stamp, const unsigned char *head)
{
    lc_verified file;
    lc_verified_init(&file, store->dir, store->owner, stamp, lc_entry_checksum(head));
    if (store->key != NULL && lc_entry_has_mac(head))
        lc_verified_seal(&file, store->key);
    lc_verified_note(&file);
}

locache_status lc_store_write(bool *replaced, locache_stamp *stamp, const lc_store *store,
                              const char *name, const lc_span *spans, size_t count, bool durable,
                              locache_error *error)
{
    lc_temporary temporary;
    *replaced = false;
    locache_status status = make_temporary(&temporary, store, name, error);
    if (status != LOCACHE_OK)
        return status;
    status = fill(&temporary, store, name, spans, count, durable, error);
    if (status != LOCACHE_OK)
        return status;
    struct timespec own;
    bool has_own = store->grain >= 0 && lc_utime_own(&own, temporary.fd) == 0;
    if (lc_temporary_place(&temporary, store->dir, name) != 0)
        status = replace(replaced, &temporary, store, name, error);
    if (status != LOCACHE_OK)
        return status;
    stamp_written(stamp, temporary.fd, has_own ? &own : NULL, store);
    if (lc_temporary_close(&temporary) != 0)
        status = refuse_write(store, name, errno, error);
    if (status == LOCACHE_OK && durable && lc_fsync(store->dir) != 0)
        status = refuse_write(store, name, errno, error);
    if (status == LOCACHE_OK && is_large(spans, count))
        note_sound(store, stamp, spans[0].data);
    return status;
}

/* ------------------------------------------------------------------------------ remove and list */

locache_status lc_store_remove(const lc_store *store, const char *name, locache_error *error)
{
    if (lc_unlinkat(store->dir, name, 0) == 0)
        return LOCACHE_OK;
    if (errno == ENOENT || errno == ESTALE)
        return LOCACHE_MISS;
    return lc_fail_os(error, errno, "cannot remove %s/%s", store->path, name);
}

typedef struct listing {
    const lc_store *store;
    bool (*fn)(void *context, const char *name);
    void *context;
} listing;

/* Entries never begin with a dot: what does is ours (.locache) or a file manager's. */
static bool list_entry(void *context, const char *name)
{
    const listing *in = context;
    return name[0] == '.' || in->fn(in->context, name);
}

locache_status lc_store_each(const lc_store *store, bool (*fn)(void *context, const char *name),
                             void *context, locache_error *error)
{
    listing in = {.fn = fn, .context = context};
    if (lc_each_name(store->dir, list_entry, &in) == 0 || errno == ENOENT || errno == ESTALE)
        return LOCACHE_OK;
    return lc_fail_os(error, errno, "cannot list %s", store->path);
}

typedef struct clearing {
    const lc_store *store;
    locache_status status;
    locache_error *error;
} clearing;

static bool clear_entry(void *context, const char *name)
{
    clearing *in = context;
    /* A directory is no entry (POSIX says EPERM, Linux EISDIR): it stays. */
    if (lc_unlinkat(in->store->dir, name, 0) != 0 && errno != ENOENT && errno != EISDIR)
        in->status = lc_fail_os(in->error, errno, "cannot remove %s/%s", in->store->path, name);
    return true;
}

locache_status lc_store_clear(const lc_store *store, locache_error *error)
{
    clearing in = {.store = store, .status = LOCACHE_OK, .error = error};
    locache_status status = lc_store_each(store, clear_entry, &in, error);
    return status == LOCACHE_OK ? in.status : status;
}

void lc_store_sweep(const lc_store *store)
{
    int meta;
    if (lc_trust_open_dir(&meta, store->dir, LC_META, store->path, NULL) != LOCACHE_OK)
        return;
    lc_temporary_sweep(meta);
    lc_close(meta);
}

/* --------------------------------------------------------------------------------------- limits */

void lc_store_touch(const lc_store *store, const char *name)
{
    lc_utime_now(store->dir, name);
}

void lc_store_note_use(const lc_store *store, const char *name, const locache_value *value)
{
    locache_stamp now;
    locache_stamp before = value->stamp;
    struct stat found;
    if (lc_utime_access(store->dir, name) != 0 || !value->mapped ||
        lc_fstatat(store->dir, name, &found) != 0)
        return;
    /* Its time of change moved. Anybody who wrote to it meanwhile would have moved that of
     * modification, too. */
    lc_stamp_take(&now, &found, store->grain, true);
    before.words[LC_STAMP_CTIME] = now.words[LC_STAMP_CTIME];
    if (lc_stamp_matches(&before, &found))
        note_sound(store, &now, value->room);
}

int64_t lc_store_age(int64_t used)
{
    int64_t now = lc_now();
    return used < now ? now - used : 0;
}

typedef struct used {
    int64_t when;
    size_t name; /* offset into the survey's names */
} used;

/* What is in a directory, to choose from. */
typedef struct survey {
    const lc_store *store;
    const lc_limits *limits;
    const char *keep;
    used *entries;
    size_t count;
    size_t room;
    char *names;
    size_t names_size;
    size_t names_room;
    int64_t kept; /* entries that are not to be chosen */
    bool failed;
} survey;

/* The array with room for `needed` items, or NULL: it stays as it was. */
static void *grown(void *array, size_t *room, size_t needed, size_t item)
{
    if (needed <= *room)
        return array;
    size_t larger = needed + needed / 2 + 64;
    void *moved = lc_realloc(array, larger * item);
    if (moved != NULL)
        *room = larger;
    return moved;
}

static void evict(const lc_store *store, const char *name, const char *why)
{
    char path[LOCACHE_PATH_MAX];
    if (lc_unlinkat(store->dir, name, 0) != 0 || !lc_log_wanted())
        return;
    snprintf(path, sizeof path, "%s/%s", store->path, name);
    lc_log(LOCACHE_EVENT_EVICT, store->function, path, why);
}

static bool survey_entry(void *context, const char *name)
{
    survey *in = context;
    struct stat found;
    if (lc_fstatat(in->store->dir, name, &found) != 0 || S_ISDIR(found.st_mode))
        return true;
    int64_t modified = lc_nanoseconds(&found.st_mtim);
    int64_t accessed = lc_nanoseconds(&found.st_atim);
    if (strcmp(name, in->keep) == 0) {
        in->kept++;
        return true;
    }
    if (in->limits->max_age > 0 && lc_store_age(modified) > in->limits->max_age) {
        evict(in->store, name, "not used for longer than max_age");
        return true;
    }
    size_t size = strlen(name) + 1;
    used *entries = grown(in->entries, &in->room, in->count + 1, sizeof *entries);
    if (entries != NULL)
        in->entries = entries;
    char *names = grown(in->names, &in->names_room, in->names_size + size, 1);
    if (names != NULL)
        in->names = names;
    in->failed = entries == NULL || names == NULL;
    if (in->failed)
        return false;
    in->entries[in->count++] =
        (used){.when = modified > accessed ? modified : accessed, .name = in->names_size};
    memcpy(in->names + in->names_size, name, size);
    in->names_size += size;
    return true;
}

static int by_time(const void *a, const void *b)
{
    int64_t left = ((const used *)a)->when;
    int64_t right = ((const used *)b)->when;
    return left < right ? -1 : left > right;
}

int64_t lc_store_trim(const lc_store *store, const lc_limits *limits, const char *keep)
{
    survey in = {.store = store, .limits = limits, .keep = keep};
    int64_t stay = -1;
    if (lc_store_each(store, survey_entry, &in, NULL) != LOCACHE_OK || in.failed)
        goto done;
    int64_t total = (int64_t)in.count + in.kept;
    size_t surplus = 0;
    if (limits->max_entries > 0 && total > limits->max_entries)
        surplus = (size_t)(total - (limits->max_entries - limits->max_entries / TRIM_PART));
    if (surplus > in.count)
        surplus = in.count;
    if (surplus > 0)
        qsort(in.entries, in.count, sizeof in.entries[0], by_time);
    for (size_t i = 0; i < surplus; i++)
        evict(store, in.names + in.entries[i].name, "least recently used of more than max_entries");
    stay = total - (int64_t)surplus;
done:
    lc_free(in.entries);
    lc_free(in.names);
    return stay;
}
