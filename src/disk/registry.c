/* The registry of a user's caches, for who asks for all of them: $XDG_STATE_HOME/locache/caches/.
 *
 * Each cache is a symbolic link there: its name is the id of the cache directory's path, and what
 * it leads to is that path. A link is made whole or not at all, holds every byte that a path may
 * have, and nobody has to lock anything to make one that another makes at the same time: there are
 * no two of one name. It is read, and never followed.
 *
 * What is there proves nothing. A directory that is gone is dropped when it is come by, one that
 * was moved registers under its new path when a process first stores into it, and what is lost of
 * the registry comes back so, too. A process that drops one looks once more afterwards, since
 * another may have made the directory meanwhile and found it registered.
 *
 * Who registers a new one looks at a few others, so that those of temporary directories do not add
 * up: there are at most 1/32 more than there are caches, by and large. */
#include "disk/registry.h"
#include "base/alloc.h"
#include "base/deep.h"
#include "base/hash.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/text.h"
#include "disk/locate.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/place.h"
#include "disk/stamp.h"
#include "disk/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "XDG_STATE_HOME"
#define WITHIN "/locache/caches"
#define HEX_SIZE ((size_t)2 * LOCACHE_ID_SIZE)
/* Behind a path, a slash and a link's name. */
#define NAME_ROOM (1 + HEX_SIZE + 1)
/* Where the last look at some stopped. */
#define HAND ".hand"
/* Links that are looked at for a new one. */
#define LOOKS 32

/* One that is there. */
typedef struct registered {
    char *path; /* real, own */
    int64_t since;
} registered;

typedef struct registry {
    uid_t us;
    int dir;     /* of the links, or -1 */
    size_t size; /* of its path */
    char path[LOCACHE_PATH_MAX];
    char target[LOCACHE_PATH_MAX]; /* of the link that is looked at */
    /* For some: */
    const char *near; /* of a cache that answered: others below the same top directory are asked */
    int looks;
    /* For all: */
    registered *items;
    size_t count;
    size_t room;
    bool failed;
} registry;

/* NULL: there is none, for the reason in *status. */
static registry *new_registry(locache_status *status, locache_error *error)
{
    registry *in = lc_alloc(sizeof *in);
    if (in == NULL) {
        *status = lc_fail(error, LOCACHE_ENOMEM, "no memory for the registry of caches");
        return NULL;
    }
    in->us = geteuid();
    in->dir = -1;
    in->looks = 0;
    in->items = NULL;
    in->count = in->room = 0;
    in->failed = false;
    *status = lc_locate_user_directory(in->path, sizeof in->path - sizeof WITHIN - NAME_ROOM,
                                       VARIABLE, "/.local/state", error);
    if (*status != LOCACHE_OK) {
        lc_free(in);
        return NULL;
    }
    memcpy(in->path + strlen(in->path), WITHIN, sizeof WITHIN);
    in->size = strlen(in->path);
    return in;
}

static void free_registry(registry *in)
{
    for (size_t i = 0; i < in->count; i++)
        lc_free(in->items[i].path);
    lc_free(in->items);
    if (in->dir >= 0)
        lc_close(in->dir);
    lc_free(in);
}

/* Only where nobody else could have written to it. OK; MISS: there is none. */
static locache_status open_registry(registry *in, locache_error *error)
{
    const lc_owner_place place = {.where = "", .name = in->path, .variable = VARIABLE};
    locache_status status = lc_owner_open(&in->dir, AT_FDCWD, &place, error);
    if (status == LOCACHE_OK)
        status = lc_owner_above(in->dir, in->path, false, VARIABLE, error);
    return status;
}

static void link_name(char out[HEX_SIZE + 1], const char *dir)
{
    locache_id id;
    locache_id_of(&id, dir, strlen(dir));
    lc_text_hex(out, id.bytes, LOCACHE_ID_SIZE);
}

/* The link's path in in->path: the directory's, and its name. */
static const char *link_path(registry *in, const char *name)
{
    in->path[in->size] = '/';
    memcpy(in->path + in->size + 1, name, HEX_SIZE + 1);
    return in->path;
}

/* ------------------------------------------------------------------------------- one is dropped */

/* Is there nothing of ours at that path? What cannot be asked for now, as on a disk that fails, may
 * still be there. */
static bool is_gone(const registry *in, const char *dir)
{
    struct stat found;
    if (lc_fstatat(AT_FDCWD, dir, &found) != 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG;
    return !S_ISDIR(found.st_mode) || found.st_uid != in->us;
}

/* Into in->target what the link of that name says. False: it is none, or not one that we made. */
static bool read_link(registry *in, const char *name)
{
    char own[HEX_SIZE + 1];
    locache_id id;
    if (!lc_text_unhex(id.bytes, LOCACHE_ID_SIZE, name) ||
        lc_readlink(link_path(in, name), in->target, sizeof in->target) <= 0)
        return false;
    link_name(own, in->target);
    bool made = in->target[0] == '/' && strcmp(own, name) == 0;
    /* A link that is not what its name says is nobody's work. */
    if (!made)
        (void)lc_unlinkat(in->dir, name, 0);
    return made;
}

/* in->target is gone: so is its link. */
static void drop(const registry *in, const char *name)
{
    if (lc_unlinkat(in->dir, name, 0) == 0 && !is_gone(in, in->target))
        (void)lc_symlinkat(in->target, in->dir, name);
}

/* Is the path below the same directory of "/"? One that another file server has may not answer, and
 * a store must not wait for it. */
static bool is_near(const char *path, const char *other)
{
    size_t size = 1 + strcspn(path + 1, "/");
    return strncmp(path, other, size) == 0 && other[size] == '/';
}

static bool look_at_one(void *context, const char *name)
{
    registry *in = context;
    if (read_link(in, name) && is_near(in->target, in->near) && is_gone(in, in->target))
        drop(in, name);
    return ++in->looks < LOOKS;
}

static void drop_some(registry *in, const char *near)
{
    in->near = near;
    (void)!lc_place_look(in->dir, HAND, look_at_one, in);
}

/* -------------------------------------------------------------------------------- one registers */

/* The first that this user has, mostly: then the registry is made. */
static bool make_link(registry *in, const char *dir, const char *name)
{
    in->path[in->size] = '\0';
    if (lc_tree_make(in->path) != 0 || open_registry(in, NULL) != LOCACHE_OK)
        return false;
    return lc_symlinkat(dir, in->dir, name) == 0;
}

/* Two calls where it is registered already, as mostly. What is asked is whether the directory is
 * one that we made: root does not write into another user's. */
static void register_cache(registry *in, const char *dir)
{
    char name[HEX_SIZE + 1];
    struct stat found;
    link_name(name, dir);
    bool there = lc_fstatat(AT_FDCWD, in->path, &found) == 0;
    if (there && (!S_ISDIR(found.st_mode) || found.st_uid != in->us))
        return;
    if (there && lc_symlinkat(dir, AT_FDCWD, link_path(in, name)) != 0)
        return;
    in->path[in->size] = '\0';
    if (there ? open_registry(in, NULL) == LOCACHE_OK : make_link(in, dir, name))
        drop_some(in, dir);
}

/* Paths that this process has registered, by 64 bits of their checksum each; one pushes another
 * out. Two that have the same are one in 10^19: then another process registers one of them. */
#define NOTED 64
static _Atomic uint64_t noted[NOTED];

static bool is_noted(const char *dir)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    uint64_t number;
    lc_checksum(sum, &(lc_span){dir, strlen(dir)}, 1);
    memcpy(&number, sum, sizeof number);
    _Atomic uint64_t *at = &noted[sum[LC_CHECKSUM_SIZE - 1] % NOTED];
    return atomic_exchange_explicit(at, number, memory_order_relaxed) == number;
}

/* `context` is where the path is said. */
static void note_path(void *context)
{
    locache_status status;
    registry *in = new_registry(&status, NULL);
    if (in == NULL)
        return;
    register_cache(in, *(const char *const *)context);
    free_registry(in);
}

void lc_registry_note(const char *dir, bool made)
{
    if (!is_noted(dir) || made)
        (void)!lc_deep_run(note_path, &dir);
}

/* ---------------------------------------------------------------------------------- all of them */

/* Is it a cache still? It was one when it was registered, whatever its name, so that it need not be
 * called so. One that cannot be opened is told of, for who opens it to say why. */
static bool is_cache_still(const char *dir)
{
    int root = lc_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    if (root < 0)
        return errno != ENOENT;
    bool is = lc_ours_is_marked(root) || lc_ours_has_funcdir(root);
    lc_close(root);
    return is;
}

/* Note a path without links in it, so that two ways to one cache are one. False: no memory. */
static bool add_registered(registry *in, const char *name)
{
    char *path = lc_alloc(LOCACHE_PATH_MAX);
    struct stat found;
    if (path == NULL)
        return false;
    if (lc_realpath(path, LOCACHE_PATH_MAX, in->target) != 0) {
        lc_free(path);
        return true;
    }
    if (in->count == in->room) {
        size_t larger = 2 * in->room + 16;
        registered *moved = lc_realloc(in->items, larger * sizeof *moved);
        if (moved == NULL) {
            lc_free(path);
            return false;
        }
        in->items = moved;
        in->room = larger;
    }
    /* A path is mostly some hundred bytes. */
    char *fits = lc_realloc(path, strlen(path) + 1);
    registered one = {.path = fits != NULL ? fits : path};
    if (lc_fstatat(in->dir, name, &found) == 0)
        one.since = lc_stamp_nanoseconds(&found.st_mtim);
    in->items[in->count++] = one;
    return true;
}

static bool take_one(void *context, const char *name)
{
    registry *in = context;
    if (!read_link(in, name))
        return true;
    if (is_gone(in, in->target))
        drop(in, name);
    else if (is_cache_still(in->target))
        in->failed = !add_registered(in, name);
    return !in->failed;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const registered *)a)->path, ((const registered *)b)->path);
}

static locache_status take_all(registry *in, locache_error *error)
{
    locache_status status = open_registry(in, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    if (lc_each_name(in->dir, take_one, in) != 0) {
        in->path[in->size] = '\0';
        return lc_fail_os(error, errno, "cannot list %s", in->path);
    }
    if (in->failed)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for the registry of caches");
    if (in->count > 0)
        qsort(in->items, in->count, sizeof *in->items, by_path);
    return LOCACHE_OK;
}

locache_status locache_each_cache(bool (*fn)(void *context, const locache_cache_info *cache),
                                  void *context, locache_error *error)
{
    lc_error_clear(error);
    locache_status status;
    registry *in = new_registry(&status, error);
    if (in == NULL)
        return status;
    status = take_all(in, error);
    for (size_t i = 0; status == LOCACHE_OK && i < in->count; i++) {
        if (i > 0 && by_path(&in->items[i - 1], &in->items[i]) == 0)
            continue;
        const locache_cache_info info = {
            .size = sizeof info, .path = in->items[i].path, .registered = in->items[i].since};
        if (!fn(context, &info))
            break;
    }
    free_registry(in);
    return status;
}

/* -------------------------------------------------------------------- for bounds of all of them */

bool lc_registry_path(char *out, const unsigned char id[LOCACHE_ID_SIZE])
{
    char name[HEX_SIZE + 1];
    locache_status status;
    registry *in = new_registry(&status, NULL);
    if (in == NULL)
        return false;
    lc_text_hex(name, id, LOCACHE_ID_SIZE);
    bool there = open_registry(in, NULL) == LOCACHE_OK && read_link(in, name);
    if (there && is_gone(in, in->target)) {
        drop(in, name);
        there = false;
    }
    if (there)
        memcpy(out, in->target, strlen(in->target) + 1);
    free_registry(in);
    return there;
}

typedef struct id_walk {
    bool (*fn)(void *context, const unsigned char id[LOCACHE_ID_SIZE]);
    void *context;
} id_walk;

static bool tell_id(void *context, const char *name)
{
    const id_walk *walk = context;
    unsigned char id[LOCACHE_ID_SIZE];
    return !lc_text_unhex(id, sizeof id, name) || walk->fn(walk->context, id);
}

void lc_registry_each_id(bool (*fn)(void *context, const unsigned char id[LOCACHE_ID_SIZE]),
                         void *context)
{
    id_walk walk = {fn, context};
    locache_status status;
    registry *in = new_registry(&status, NULL);
    if (in == NULL)
        return;
    if (open_registry(in, NULL) == LOCACHE_OK)
        (void)!lc_each_name(in->dir, tell_id, &walk);
    free_registry(in);
}

int lc_registry_open_file(const char *name)
{
    struct stat found;
    locache_status status;
    int fd = -1;
    registry *in = new_registry(&status, NULL);
    if (in == NULL)
        return -1;
    if (lc_tree_make(in->path) == 0 && open_registry(in, NULL) == LOCACHE_OK) {
        char path[LOCACHE_ID_SIZE + sizeof "."];
        (void)snprintf(path, sizeof path, ".%s", name);
        fd = lc_openat(in->dir, path, O_RDWR | O_CREAT, 0600);
    }
    if (fd >= 0 && (lc_fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_nlink != 1 ||
                    found.st_uid != in->us)) {
        lc_close(fd);
        fd = -1;
    }
    free_registry(in);
    return fd;
}
