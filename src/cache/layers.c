/* Bases: caches of others under a handle's own, read where that has no result.
 *
 * Which directory of a base it is: a base is either a cache directory itself, or it holds several,
 * as a tree of sources does beside which the caches are. Where a project lies is another matter on
 * every machine, so that of the own cache's path as much is taken as is there in the base, from the
 * end. That can only lead to another source's cache of the same name where the right one is not
 * there, and then the version of the function is another: results whose version is no source's are
 * not taken from where only the end of the path fits, unless the base was named for this function.
 *
 * A result from a base that is in memory is asked for in three places, in this order: is there one
 * in the own cache by now, was the function reset, is its file in the base the same. */
#include "cache/layers.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/os.h"
#include "cache/dirhold.h"
#include "disk/locate.h"
#include "disk/switching.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".cache"
/* In .versions/ of the own cache, before the name of the function's directory. */
#define RESET_PREFIX ".reset-"
/* The lowest bits of a stamp's word say which base it is; a reset is told from another by the
 * rest. */
#define BASE_BITS 15
_Static_assert(LC_LAYERS_MAX < BASE_BITS, "each base has a number, and none is 0");

/* -------------------------------------------------------------------------------------- where */

static bool is_directory(const char *path)
{
    struct stat found;
    return lc_fstatat(AT_FDCWD, path, &found) == 0 && S_ISDIR(found.st_mode);
}

/* A base as it was told, absolute and without links: from the working directory where it is
 * relative, "~" being the home directory. False, with errno: there is no such directory. */
static bool resolve_base(char out[LOCACHE_PATH_MAX], const char *told, size_t size)
{
    char path[LOCACHE_PATH_MAX] = "";
    size_t at = 0;
    errno = ENAMETOOLONG;
    if (told[0] == '~' && (size == 1 || told[1] == '/')) {
        if (lc_locate_user_directory(path, sizeof path, "HOME", "", NULL) != LOCACHE_OK)
            return false;
        told++;
        size--;
        at = strlen(path);
    } else if (told[0] != '/') {
        if (getcwd(path, sizeof path - 1) == NULL)
            return false;
        at = strlen(path);
        path[at++] = '/';
    }
    if (at + size >= sizeof path)
        return false;
    memcpy(path + at, told, size);
    path[at + size] = '\0';
    if (lc_realpath(out, LOCACHE_PATH_MAX, path) != 0)
        return false;
    errno = ENOTDIR;
    return is_directory(out);
}

/* Was this base not said to be wrong yet? All functions of a program are told the same one. */
static bool is_news(const char *told, size_t size)
{
    static _Atomic uint64_t said[LC_LAYERS_MAX];
    unsigned char sum[LC_CHECKSUM_SIZE];
    uint64_t one;
    lc_checksum(sum, &(lc_span){told, size}, 1);
    memcpy(&one, sum, sizeof one);
    for (size_t i = 0; i < LC_LAYERS_MAX; i++) {
        uint64_t there = 0;
        if (atomic_compare_exchange_strong(&said[i], &there, one))
            return true;
        if (there == one)
            return false;
    }
    return false;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    size_t end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* The base's cache directory for the one at `dir`, in place of the base's own path. */
static bool choose(char base[LOCACHE_PATH_MAX], const char *dir, bool exact)
{
    size_t size = strlen(base);
    /* It is one itself. One that has another name is meant for what has no place of its own: a
     * directory for functions of any module. */
    if (ends_with(base, SUFFIX) || locache_is_cache(base) == LOCACHE_OK)
        return !exact &&
               (strcmp(last_part(base), last_part(dir)) == 0 || !ends_with(last_part(dir), SUFFIX));
    for (const char *end = dir; end != NULL; end = strchr(end + 1, '/')) {
        if (size + strlen(end) >= LOCACHE_PATH_MAX || (end != dir && exact))
            return false;
        memcpy(base + size, end, strlen(end) + 1);
        if (end[1] != '\0' && is_directory(base))
            return true;
    }
    return false;
}

static void say_wrong(locache_error *wrong, const char *told, size_t size)
{
    int code = errno;
    if (wrong->status == LOCACHE_OK && is_news(told, size))
        lc_fail_os(wrong, code,
                   "cannot read the base %.*s (make it, or name another in LOCACHE_BASE or base=)",
                   (int)size, told);
}

bool lc_layers_next(char out[LOCACHE_PATH_MAX], const char **list, const char *dir, bool exact,
                    locache_error *wrong)
{
    while (**list != '\0') {
        const char *told = *list;
        size_t size = strcspn(told, ":");
        *list += size + (told[size] == ':');
        if (size == 0)
            continue;
        /* One's own cache is asked already. */
        if (!resolve_base(out, told, size))
            say_wrong(wrong, told, size);
        else if (choose(out, dir, exact) && strcmp(out, dir) != 0)
            return true;
    }
    return false;
}

/* -------------------------------------------------------------------------------------- reset */

bool lc_layers_reset_path(char out[LOCACHE_PATH_MAX], const locache *cache)
{
    int size = snprintf(out, LOCACHE_PATH_MAX, "%s/" LC_VERSIONS "/" RESET_PREFIX "%s", cache->dir,
                        cache->names[LC_OWN_NAME]);
    return size > 0 && size < LOCACHE_PATH_MAX;
}

int64_t lc_layers_reset_at(const locache *cache)
{
    char path[LOCACHE_PATH_MAX];
    struct stat found;
    return lc_layers_reset_path(path, cache) && lc_fstatat(AT_FDCWD, path, &found) == 0
               ? lc_stamp_nanoseconds(&found.st_mtim)
               : 0;
}

/* ------------------------------------------------------------------------------------- memory */

void lc_layers_mark(locache_stamp *stamp, size_t base, int64_t reset_at)
{
    stamp->words[LC_STAMP_BASE] = (reset_at & ~(int64_t)BASE_BITS) | (int64_t)(base + 1);
}

/* Has the own cache nothing of that name? */
static bool is_absent(locache *cache, const char *name)
{
    struct stat found;
    int funcdir = lc_dirhold_borrow(cache);
    /* Where there was no directory yet, another process may have made it. */
    bool there = funcdir >= 0 ? lc_fstatat(funcdir, name, &found) == 0
                              : lc_fstatat(AT_FDCWD, lc_handle_path(cache), &found) == 0;
    lc_dirhold_return(cache);
    return !there;
}

locache *lc_layers_of(locache *cache, const locache_stamp *stamp)
{
    size_t number = (size_t)(stamp->words[LC_STAMP_BASE] & BASE_BITS);
    if (number == 0)
        return cache;
    return cache->layers != NULL && number <= cache->layers->count
               ? cache->layers->bases[number - 1]
               : NULL;
}

bool lc_layers_validate(locache *cache, const locache_stamp *stamp, const lc_address *address)
{
    lc_address below;
    locache *from = lc_layers_of(cache, stamp);
    int64_t reset_at = lc_layers_reset_at(cache);
    if (from == NULL || ((stamp->words[LC_STAMP_BASE] ^ reset_at) & ~(int64_t)BASE_BITS) != 0 ||
        !is_absent(cache, address->name))
        return false;
    lc_handle_address(&below, from, address->key, address->key_size);
    const char *name = lc_address_name(&below);
    int dir = lc_dirhold_borrow(from);
    bool same = dir >= 0 && name != NULL && lc_stamp_is_at(stamp, dir, name);
    lc_dirhold_return(from);
    return same;
}

/* ------------------------------------------------------------------------------------- counts */

uint64_t lc_layers_happened(const locache *cache, locache_event_kind kind)
{
    uint64_t sum = 0;
    for (size_t i = 0; cache->layers != NULL && i < cache->layers->count; i++)
        sum += atomic_load_explicit(&cache->layers->bases[i]->happened[kind], memory_order_relaxed);
    return sum;
}

uint64_t lc_layers_saved(const locache *cache)
{
    uint64_t sum = 0;
    for (size_t i = 0; cache->layers != NULL && i < cache->layers->count; i++)
        sum += atomic_load_explicit(&cache->layers->bases[i]->saved_time, memory_order_relaxed);
    return sum;
}
