/* The switch of a function's directory to another version, and the versions that stay. */
#include "disk/versions.h"
#include "base/os.h"
#include "base/text.h"
#include "disk/owner.h"
#include "disk/stamp.h"
#include "disk/temporary.h"
#include "disk/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEX_SIZE (2 * LOCACHE_ID_SIZE)

#define WORK ".tmp" /* in .versions: directories on their way in or out */
#define NEW "new-"
#define TRASH "trash-"
#define LOCK ".lock"
/* Under the lock only names change and one small file is written: who waits longer waits for
 * something broken. */
#define LOCK_MILLISECONDS 2000
/* A removed lock file is made anew; a few in a row are somebody's `rm -rf`, not bad luck. */
#define LOCK_ATTEMPTS 8
/* Names of any kind that can stand in .versions: .versions/<function>/<id>, with what surrounds
 * them. */
#define NAME_ROOM 32

/* ----------------------------------------------------------------------------------- .versions/ */

/* What is open while directories change places. */
typedef struct place {
    int root;
    const char *root_path;
    const char *name;
    int versions;
    int lock;
    int work;
    int family;                           /* .versions/<name>, or -1 */
    char path[LOCACHE_PATH_MAX];          /* <root>/<name> */
    char versions_path[LOCACHE_PATH_MAX]; /* <root>/.versions */
    char family_path[LOCACHE_PATH_MAX];   /* <root>/.versions/<name> */
} place;

static void close_if_open(int fd)
{
    if (fd >= 0)
        lc_close(fd);
}

/* Open a directory, made first where it is missing. */
static locache_status open_made(int *out, int at, const char *name, const char *where,
                                locache_error *error)
{
    locache_status status = lc_owner_open_dir(out, at, name, where, error);
    if (status != LOCACHE_MISS)
        return status;
    if (lc_mkdirat(at, name, 0700) != 0 && errno != EEXIST)
        return lc_fail_os(error, errno, "cannot make the directory %s/%s", where, name);
    status = lc_owner_open_dir(out, at, name, where, error);
    return status == LOCACHE_MISS
               ? lc_fail_os(error, ENOENT, "cannot open the directory %s/%s", where, name)
               : status;
}

/* Lock an open lock file. OK; MISS: somebody removed it meanwhile; EUNTRUSTED, EIO, EBUSY. */
static locache_status lock_open(int fd, const place *at, locache_error *error)
{
    struct stat held;
    struct stat named;
    if (lc_fstat(fd, &held) != 0)
        return lc_fail_os(error, errno, "cannot examine %s/" LOCK, at->versions_path);
    /* A second name does no harm here: nothing is in it. */
    held.st_nlink = 1;
    locache_status status = lc_owner_file(&held, geteuid(), at->versions_path, LOCK, error);
    if (status != LOCACHE_OK)
        return status;
    if (lc_lock_within(fd, LOCK_MILLISECONDS) != 0 && errno == EAGAIN)
        return lc_fail(error, LOCACHE_EBUSY, "another process holds the lock %s/" LOCK,
                       at->versions_path);
    /* Any other failure: a file system without locks. Renames are atomic there too; what is lost is
     * only that the second of two processes finds the work done. */
    if (lc_fstatat(at->versions, LOCK, &named) != 0)
        return errno == ENOENT
                   ? LOCACHE_MISS
                   : lc_fail_os(error, errno, "cannot examine %s/" LOCK, at->versions_path);
    return named.st_dev == held.st_dev && named.st_ino == held.st_ino ? LOCACHE_OK : LOCACHE_MISS;
}

static locache_status take_lock(place *at, locache_error *error)
{
    for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
        int fd = lc_openat(at->versions, LOCK, O_RDWR | O_CREAT, 0600);
        if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
            return lc_fail(error, LOCACHE_EUNTRUSTED,
                           "%s/" LOCK " is not a regular file: delete it", at->versions_path);
        if (fd < 0)
            return lc_fail_os(error, errno, "cannot open %s/" LOCK, at->versions_path);
        locache_status status = lock_open(fd, at, error);
        if (status == LOCACHE_OK)
            at->lock = fd;
        else
            lc_close(fd);
        if (status != LOCACHE_MISS)
            return status;
    }
    return lc_fail(error, LOCACHE_EBUSY, "%s/" LOCK " is removed again and again",
                   at->versions_path);
}

static bool drop_new(void *context, const char *name)
{
    if (strncmp(name, NEW, strlen(NEW)) == 0)
        lc_tree_remove(*(const int *)context, name);
    return true;
}

static bool drop_trash(void *context, const char *name)
{
    if (strncmp(name, TRASH, strlen(TRASH)) == 0)
        lc_tree_remove(*(const int *)context, name);
    return true;
}

static void leave(place *at)
{
    /* Closing is not enough where another thread forked meanwhile: the child has the descriptor
     * too, and may live long. */
    if (at->lock >= 0)
        lc_unlock(at->lock);
    close_if_open(at->lock);
    /* Last and without the lock: there may be a million files in it. */
    if (at->work >= 0)
        lc_each_name(at->work, drop_trash, &at->work);
    close_if_open(at->family);
    close_if_open(at->work);
    close_if_open(at->versions);
}

/* Open .versions/ and lock it. MISS where there is none and `make` is false. leave() in every
 * case. */
static locache_status enter(place *at, const lc_slot *slot, bool make, locache_error *error)
{
    const char *root_path = slot->root_path;
    *at = (place){.root = slot->root,
                  .root_path = root_path,
                  .name = slot->name,
                  .versions = -1,
                  .lock = -1,
                  .work = -1,
                  .family = -1};
    int longest = snprintf(at->family_path, sizeof at->family_path, "%s/" LC_VERSIONS "/%s",
                           root_path, slot->name);
    if (longest < 0 || (size_t)longest >= sizeof at->family_path)
        return lc_fail(error, LOCACHE_EINVAL, "the path %s is too long", root_path);
    snprintf(at->path, sizeof at->path, "%s/%s", root_path, slot->name);
    snprintf(at->versions_path, sizeof at->versions_path, "%s/" LC_VERSIONS, root_path);
    locache_status status =
        make ? open_made(&at->versions, slot->root, LC_VERSIONS, root_path, error)
             : lc_owner_open_dir(&at->versions, slot->root, LC_VERSIONS, root_path, error);
    if (status == LOCACHE_OK)
        status = take_lock(at, error);
    if (status == LOCACHE_OK)
        status = open_made(&at->work, at->versions, WORK, at->versions_path, error);
    if (status == LOCACHE_OK) {
        /* Whoever made these held the lock, and no longer does. */
        lc_each_name(at->work, drop_new, &at->work);
        lc_temporary_sweep(at->work);
        status = lc_owner_open_dir(&at->family, at->versions, slot->name, at->versions_path, error);
        if (status == LOCACHE_MISS)
            status = LOCACHE_OK;
    }
    return status;
}

/* ----------------------------------------------------------------------------- earlier versions */

typedef struct search {
    const place *at;
    const lc_wanted *wanted;
    locache_status status; /* MISS so far, NEED_SOURCE, or OK: found */
    char found[HEX_SIZE + 1];
} search;

static bool is_id(const char *name)
{
    locache_id id;
    return lc_text_unhex(id.bytes, LOCACHE_ID_SIZE, name);
}

static bool match_one(void *context, const char *name)
{
    search *in = context;
    lc_version seen;
    int dir;
    if (!is_id(name) ||
        lc_owner_open_dir(&dir, in->at->family, name, in->at->family_path, NULL) != LOCACHE_OK)
        return true;
    locache_status status = lc_version_file_read(&seen, dir, in->at->family_path, NULL);
    lc_close(dir);
    if (status != LOCACHE_OK || seen.newer)
        return true;
    const locache_identity *identity = in->wanted->identity;
    if (seen.lost) {
        /* The directory's name says which source it belongs to. */
        locache_id id;
        char own[HEX_SIZE + 1];
        lc_version_own_id(&id, identity);
        lc_text_hex(own, id.bytes, LOCACHE_ID_SIZE);
        status = lc_version_could_ask(identity) ? LOCACHE_NEED_SOURCE
                 : strcmp(own, name) == 0       ? LOCACHE_OK
                                                : LOCACHE_MISS;
    } else {
        status = lc_version_compare(&seen, identity);
    }
    if (status == LOCACHE_MISS)
        return true;
    in->status = status;
    memcpy(in->found, name, HEX_SIZE + 1);
    return status != LOCACHE_OK;
}

/* The name of the earlier version that is of the wanted identity. OK, MISS, NEED_SOURCE,
 * failures. */
static locache_status find_earlier(char found[HEX_SIZE + 1], const place *at,
                                   const lc_wanted *wanted, locache_error *error)
{
    search in = {.at = at, .wanted = wanted, .status = LOCACHE_MISS};
    if (at->family < 0)
        return LOCACHE_MISS;
    if (lc_each_name(at->family, match_one, &in) != 0)
        return lc_fail_os(error, errno, "cannot list %s", at->family_path);
    memcpy(found, in.found, HEX_SIZE + 1);
    return in.status;
}

typedef struct oldest {
    int dir;
    unsigned count;
    int64_t used;
    char name[HEX_SIZE + 1];
} oldest;

static bool compare_age(void *context, const char *name)
{
    oldest *least = context;
    struct stat found;
    if (!is_id(name) || lc_fstatat(least->dir, name, &found) != 0)
        return true;
    int64_t used = lc_stamp_nanoseconds(&found.st_mtim);
    if (least->count++ == 0 || used < least->used) {
        least->used = used;
        memcpy(least->name, name, HEX_SIZE + 1);
    }
    return true;
}

static int throw_away(const place *at, int dir, const char *name)
{
    char trash[NAME_ROOM];
    lc_temporary_name(trash, TRASH);
    return lc_renameat(dir, name, at->work, trash);
}

/* Keep to LC_VERSIONS_MAX. The number removed. */
static unsigned evict_versions(const place *at)
{
    for (unsigned evicted = 0;; evicted++) {
        oldest least = {.dir = at->family};
        if (lc_each_name(at->family, compare_age, &least) != 0 || least.count <= LC_VERSIONS_MAX ||
            throw_away(at, at->family, least.name) != 0)
            return evicted;
    }
}

/* ----------------------------------------------------------------------------------- the switch */

/* What tells backup programs and git that this is a cache. Missing ones are made again with the
 * next directory. */
static void furnish(const place *at)
{
    static const char *const files[][2] = {
        {"CACHEDIR.TAG",
         "Signature: 8a477f597d28d172789f06886806bc55\n"
         "# Results of functions, kept by locache. This directory may be deleted at any time.\n"},
        {".gitignore", "*\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        lc_temporary temporary;
        struct stat found;
        lc_span content = {files[i][1], strlen(files[i][1])};
        if (lc_fstatat(at->root, files[i][0], &found) == 0 || errno != ENOENT ||
            lc_temporary_create(&temporary, at->work) != 0 ||
            lc_temporary_write(&temporary, &content, 1) != 0)
            continue;
        (void)!lc_temporary_publish(&temporary, at->root, files[i][0]);
    }
}

/* Is this id that of the directory that has to go, or of one that went before? */
static bool id_taken(const place *at, const locache_id *id, const lc_version *current)
{
    char hex[HEX_SIZE + 1];
    struct stat found;
    lc_text_hex(hex, id->bytes, LOCACHE_ID_SIZE);
    return (current != NULL && lc_version_same_id(id, &current->id)) ||
           (at->family >= 0 && lc_fstatat(at->family, hex, &found) == 0);
}

/* Make this identity's directory, complete, in .versions/.tmp. `fresh` has NAME_ROOM bytes. */
static locache_status prepare(char *fresh, const place *at, const lc_wanted *wanted,
                              const lc_version *current, locache_error *error)
{
    lc_version first = {.count = 0};
    int dir;
    lc_version_own_id(&first.id, wanted->identity);
    /* There is one of that id that has lost what it is of. */
    if (id_taken(at, &first.id, current))
        lc_random(first.id.bytes, LOCACHE_ID_SIZE);
    lc_version_learn(&first, wanted->identity);
    lc_temporary_name(fresh, NEW);
    if (lc_mkdirat(at->work, fresh, 0700) != 0)
        return lc_fail_os(error, errno, "cannot make the directory %s", at->path);
    locache_status status = lc_owner_open_dir(&dir, at->work, fresh, at->versions_path, error);
    if (status == LOCACHE_OK) {
        status = lc_version_file_write(dir, &first, at->path, error);
        lc_close(dir);
    } else if (status == LOCACHE_MISS) {
        status = lc_fail_os(error, ENOENT, "cannot make the directory %s", at->path);
    }
    if (status == LOCACHE_OK)
        furnish(at);
    else
        lc_tree_remove(at->work, fresh);
    return status;
}

/* Move the directory that is in place to .versions/<name>/<hex>. */
static locache_status move_aside(place *at, const char *hex, locache_error *error)
{
    locache_status status = LOCACHE_OK;
    if (at->family < 0)
        status = open_made(&at->family, at->versions, at->name, at->versions_path, error);
    if (status != LOCACHE_OK)
        return status;
    int result = lc_renameat(at->root, at->name, at->family, hex);
    /* A copy of it is there already, perhaps by hand: the later one counts. */
    if (result != 0 && (errno == ENOTEMPTY || errno == EEXIST) &&
        throw_away(at, at->family, hex) == 0)
        result = lc_renameat(at->root, at->name, at->family, hex);
    if (result != 0)
        return lc_fail_os(error, errno, "cannot move %s to %s/%s", at->path, at->family_path, hex);
    /* It was in use until now. */
    lc_utime_now(at->family, hex);
    return LOCACHE_OK;
}

/* Put `name` of directory `from` in the place of `current` (NULL: nothing is there). */
static locache_status exchange(place *at, int from, const char *name, const lc_version *current,
                               locache_error *error)
{
    char hex[HEX_SIZE + 1];
    if (current != NULL) {
        lc_text_hex(hex, current->id.bytes, LOCACHE_ID_SIZE);
        locache_status status = move_aside(at, hex, error);
        if (status != LOCACHE_OK)
            return status;
    }
    if (lc_renameat(from, name, at->root, at->name) == 0)
        return LOCACHE_OK;
    locache_status status = lc_fail_os(error, errno, "cannot move a directory to %s", at->path);
    if (current != NULL)
        lc_renameat(at->family, hex, at->root, at->name);
    return status;
}

/* The directory that is in place: OK: the wanted one, open; MISS: `there` says whether another one
 * is, described by found. */
static locache_status open_current(int *out, lc_version *found, bool *there, const place *at,
                                   const lc_wanted *wanted, locache_error *error)
{
    int dir;
    *there = false;
    locache_status status = lc_owner_open_dir(&dir, at->root, at->name, at->root_path, error);
    if (status != LOCACHE_OK)
        return status;
    *there = true;
    status = lc_version_file_check(found, dir, at->path, wanted, error);
    if (status == LOCACHE_OK)
        *out = dir;
    else
        lc_close(dir);
    return status;
}

static locache_status settle_lock_held(lc_settled *out, place *at, const lc_wanted *wanted,
                                       locache_error *error)
{
    lc_version current;
    char source[NAME_ROOM + HEX_SIZE];
    bool there;
    locache_status status = open_current(&out->dir, &current, &there, at, wanted, error);
    if (status == LOCACHE_OK)
        out->id = current.id;
    if (status != LOCACHE_MISS)
        return status;
    status = find_earlier(source, at, wanted, error);
    bool restored = status == LOCACHE_OK;
    if (status == LOCACHE_MISS) {
        if (!there && !wanted->make)
            return LOCACHE_MISS;
        if (lc_version_could_ask(wanted->identity))
            return LOCACHE_NEED_SOURCE;
        status = prepare(source, at, wanted, there ? &current : NULL, error);
    }
    if (status != LOCACHE_OK)
        return status;
    status = exchange(at, restored ? at->family : at->work, source, there ? &current : NULL, error);
    if (status != LOCACHE_OK) {
        if (!restored)
            lc_tree_remove(at->work, source);
        return status;
    }
    out->news = (lc_versions_news){
        .moved = there, .restored = restored, .evicted = there ? evict_versions(at) : 0};
    status = open_current(&out->dir, &current, &there, at, wanted, error);
    if (status == LOCACHE_OK)
        out->id = current.id;
    return status == LOCACHE_MISS && there
               ? lc_fail(error, LOCACHE_EBUSY, "%s was exchanged meanwhile", at->path)
               : status;
}

/* Everything here lies below an open directory and is named by us: what is not found was deleted
 * meanwhile, with the directory that it was in. Then nothing is there. */
static locache_status gone_is_miss(locache_status status, locache_error *error)
{
    if (status != LOCACHE_EIO || (error->os_error != ENOENT && error->os_error != ESTALE))
        return status;
    lc_error_clear(error);
    return LOCACHE_MISS;
}

locache_status lc_versions_settle(lc_settled *out, const lc_slot *slot, const lc_wanted *wanted,
                                  locache_error *error)
{
    place at;
    struct stat found;
    locache_error own;
    if (error == NULL)
        error = &own;
    out->news = (lc_versions_news){.evicted = 0};
    bool needed = wanted->make || lc_fstatat(slot->root, slot->name, &found) == 0;
    locache_status status = enter(&at, slot, needed, error);
    if (status == LOCACHE_OK)
        status = settle_lock_held(out, &at, wanted, error);
    leave(&at);
    return gone_is_miss(status, error);
}

locache_status lc_versions_forget(const lc_slot *slot, locache_error *error)
{
    place at;
    locache_error own;
    if (error == NULL)
        error = &own;
    locache_status status = enter(&at, slot, false, error);
    if (status == LOCACHE_OK && at.family >= 0 && throw_away(&at, at.versions, slot->name) != 0)
        status = lc_fail_os(error, errno, "cannot remove %s", at.family_path);
    leave(&at);
    status = gone_is_miss(status, error);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}
