/* The handle behind locache.h.
 *
 * The way of a hit:   key -> name -> the file, read whole -> believed? -> the value.
 * The way of a miss:  -> no such file -> is the directory still there? -> the caller computes
 *                     -> put: directory (found, restored or made) -> entry laid out -> temporary file -> rename.
 *
 * No lock is held by anybody here, so that a child of fork() is never left with one: what threads share is atomic. */
#include "cbor.h"
#include "entry.h"
#include "error.h"
#include "files.h"
#include "flight.h"
#include "log.h"
#include "sized.h"
#include "store.h"
#include "trust.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TAG_MAX 63
/* Longest that is appended to the cache directory's path: "/.versions/<function>/<id>", and the same with an entry's name. */
#define PATH_RESERVE (sizeof "/" LC_VERSIONS + 2 * (LOCACHE_NAME_MAX + 1) + 2 * LOCACHE_ID_SIZE + 2)
/* A put finds its directory deleted, before it or under it: that is a user who cleans up, more often in a row is a loop that
 * does. */
#define PUT_ATTEMPTS 4
#define DAY (INT64_C(86400) * INT64_C(1000000000))
/* An entry's time of use may be older than the truth by this part of max_age, and by a day at most. */
#define AGE_PART 16

enum { KEY_NONE, KEY_LOADING, KEY_THERE };
enum { EVENT_KINDS = LOCACHE_EVENT_REJECT + 1 };

struct locache {
    atomic_int home;     /* the function's directory; -1: not found yet. Replaced in place, never closed */
    _Atomic uid_t owner; /* who we were when it was found ours: to ask again would cost every hit a system call */
    _Atomic uint64_t version[2]; /* what entries made here carry. A torn one matches nothing, and harms nothing */
    atomic_bool swept;
    _Atomic int64_t count; /* entries, as far as known; -1: not counted yet */
    _Atomic uint64_t happened[EVENT_KINDS];
    atomic_int key_state;
    unsigned char key[LC_MAC_KEY_SIZE]; /* written by who moved key_state to KEY_LOADING, read from KEY_THERE on */
    locache_id function_id;
    locache_identity identity;
    unsigned flags;
    lc_limits limits;
    const char *dir;      /* the cache directory */
    const char *function; /* qualified name */
    const char *path;     /* of the function's directory */
    const char *name;     /* of the function's directory in dir: the end of path */
    char tag[TAG_MAX + 1];
    char strings[];
};

/* How far to go for the function's directory. */
typedef enum effort {
    LOOK,   /* take what is there, if it is ours */
    SETTLE, /* move another version out of the way, or ours back in */
    CREATE  /* make it */
} effort;

/* ------------------------------------------------------------------------------------------------------------- events */

static void say(locache *cache, locache_event_kind kind, const char *name, const char *detail)
{
    char path[LOCACHE_PATH_MAX];
    atomic_fetch_add_explicit(&cache->happened[kind], 1, memory_order_relaxed);
    if (!lc_log_wanted())
        return;
    snprintf(path, sizeof path, "%s%s%s", cache->path, name[0] ? "/" : "", name);
    lc_log(kind, cache->function, path, detail);
}

static void announce(locache *cache, const lc_version_news *news)
{
    char path[LOCACHE_PATH_MAX];
    if (news->restored)
        say(cache, LOCACHE_EVENT_RESTORE, "", "an earlier source came back, and its results with it");
    else if (news->moved)
        say(cache, LOCACHE_EVENT_INVALIDATE, "", "the source changed");
    if (news->evicted == 0 || !lc_log_wanted())
        return;
    snprintf(path, sizeof path, "%s/" LC_VERSIONS "/%s", cache->dir, cache->name);
    for (unsigned i = 0; i < news->evicted; i++)
        lc_log(LOCACHE_EVENT_EVICT, cache->function, path, "the least recently used of too many earlier versions");
}

/* -------------------------------------------------------------------------------------------------------- directories */

static lc_store store_of(const locache *cache, int home)
{
    return (lc_store){
        .dir = home, .owner = atomic_load(&cache->owner), .function = cache->function, .path = cache->path};
}

/* Was the directory deleted while we had it open? */
static bool is_gone(int home)
{
    struct stat found;
    if (lc_fstat(home, &found) != 0)
        return errno == ESTALE;
    return found.st_nlink == 0;
}

static locache_status make_root(const locache *cache, locache_error *error)
{
    char above[LOCACHE_PATH_MAX];
    int parent;
    size_t size = (size_t)(strrchr(cache->dir, '/') - cache->dir);
    memcpy(above, cache->dir, size);
    /* "/." so that the last part may be a link, as any other part of the way may be. */
    memcpy(above + size, "", 1);
    if (size > 0 && lc_make_path(above) != 0)
        return lc_fail_os(error, errno, "cannot make the directory %s", above);
    memcpy(above + size, "/.", 3);
    parent = lc_openat(AT_FDCWD, above, O_RDONLY | O_DIRECTORY, 0);
    if (parent < 0)
        return lc_fail_os(error, errno, "cannot make the cache directory %s", cache->dir);
    above[size > 0 ? size : 1] = '\0';
    locache_status status = lc_trust_above(parent, above, true, error);
    lc_close(parent);
    if (status == LOCACHE_OK && lc_mkdirat(AT_FDCWD, cache->dir, 0700) != 0 && errno != EEXIST)
        status = lc_fail_os(error, errno, "cannot make the cache directory %s", cache->dir);
    return status;
}

/* Open the cache directory. OK, or MISS: it is not there, and not to be made. */
static locache_status open_root(int *out, const locache *cache, bool make, locache_error *error)
{
    locache_status status = lc_trust_open_dir(out, AT_FDCWD, cache->dir, "", error);
    if (status == LOCACHE_MISS && make) {
        status = make_root(cache, error);
        if (status == LOCACHE_OK)
            status = lc_trust_open_dir(out, AT_FDCWD, cache->dir, "", error);
        if (status == LOCACHE_MISS)
            status = lc_fail_os(error, ENOENT, "cannot open the cache directory %s", cache->dir);
    }
    if (status != LOCACHE_OK)
        return status;
    status = lc_trust_above(*out, cache->dir, false, error);
    if (status != LOCACHE_OK)
        lc_close(*out);
    return status;
}

/* The names that lead to a new directory must survive a power cut as its entries do. */
static void sync_names(int root)
{
    lc_fsync(root);
    int above = lc_openat(root, "..", O_RDONLY | O_DIRECTORY, 0);
    if (above < 0)
        return;
    lc_fsync(above);
    lc_close(above);
}

/* Take the open directory dir, of version id, as the handle's own; dir is consumed. Another thread may be reading through
 * the descriptor that it replaces: the number stays valid throughout, and leads to either directory. */
static locache_status adopt(locache *cache, int dir, const locache_id *id, locache_error *error)
{
    int home = -1;
    uint64_t halves[2];
    memcpy(halves, id->bytes, sizeof halves);
    atomic_store(&cache->version[0], halves[0]);
    atomic_store(&cache->version[1], halves[1]);
    atomic_store(&cache->owner, geteuid());
    if (atomic_compare_exchange_strong(&cache->home, &home, dir))
        return LOCACHE_OK;
    int result = lc_dup_over(dir, home);
    int code = errno;
    lc_close(dir);
    return result == 0 ? LOCACHE_OK : lc_fail_os(error, code, "cannot use the directory %s", cache->path);
}

/* Find the function's directory. OK: cache->home is open. MISS: it is not there (or another version's is, and the effort does
 * not go so far); error is untouched. NEED_SOURCE, EUNTRUSTED, EIO, ENOMEM, EBUSY. */
static locache_status attach(locache *cache, effort how, locache_error *error)
{
    int root;
    int dir = -1;
    locache_id id;
    lc_version_news news = {.evicted = 0};
    const lc_wanted wanted = {.identity = &cache->identity, .keep = cache->flags & LOCACHE_KEEP, .make = how == CREATE};
    locache_status status = open_root(&root, cache, how == CREATE, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_trust_open_dir(&dir, root, cache->name, cache->dir, error);
    if (status == LOCACHE_OK) {
        status = lc_version_check(&id, dir, cache->path, &wanted, error);
        if (status != LOCACHE_OK)
            lc_close(dir);
    }
    if (status == LOCACHE_MISS && how != LOOK)
        status = lc_version_settle(&dir, &id, &news, root, cache->dir, cache->name, &wanted, error);
    if (status == LOCACHE_OK && cache->flags & LOCACHE_DURABLE && how != LOOK)
        sync_names(root);
    lc_close(root);
    if (status == LOCACHE_OK)
        status = adopt(cache, dir, &id, error);
    announce(cache, &news);
    return status;
}

/* The directory to look into, found again where it was deleted. MISS: there is none. */
static locache_status find_home(int *home, locache *cache, locache_error *error)
{
    *home = atomic_load(&cache->home);
    if (*home >= 0 && !is_gone(*home))
        return LOCACHE_OK;
    locache_status status = attach(cache, LOOK, error);
    *home = atomic_load(&cache->home);
    return status;
}

/* ----------------------------------------------------------------------------------------------------- open and close */

/* The directory's name for a function: docs/format.md, "Names". */
static void directory_name(char out[LOCACHE_NAME_MAX + 1], const char *function)
{
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,+@-";
    static const char digits[] = "0123456789ABCDEF";
    const size_t short_max = LOCACHE_NAME_MAX - 1 - 2 * LOCACHE_ID_SIZE;
    size_t size = 0;
    size_t cut = 0; /* the longest whole part of the name that leaves room for the hash */
    const unsigned char *at = (const unsigned char *)function;
    for (; *at != '\0'; at++) {
        bool whole = (*at & 0xC0) != 0x80;
        if (whole && size <= short_max)
            cut = size;
        bool plain = *at >= 0x80 || (strchr(kept, *at) != NULL && !(*at == '.' && size == 0));
        if (size + (plain ? 1 : 3) > LOCACHE_NAME_MAX)
            break;
        if (plain) {
            out[size++] = (char)*at;
        } else {
            out[size++] = '%';
            out[size++] = digits[*at >> 4];
            out[size++] = digits[*at & 15];
        }
    }
    out[size] = '\0';
    if (*at == '\0')
        return;
    locache_id id;
    locache_id_of(&id, function, strlen(function));
    out[cut] = '~';
    lc_hex(out + cut + 1, id.bytes, LOCACHE_ID_SIZE);
}

static locache_status check_options(const char *dir, const locache_options *options, locache_error *error)
{
    const char *function = options->function;
    const char *tag = options->identity.code_tag;
    if (dir == NULL || dir[0] != '/' || strlen(dir) + PATH_RESERVE > LOCACHE_PATH_MAX)
        return lc_fail(error, LOCACHE_EINVAL, "the cache directory must be an absolute path of less than %d bytes: %s",
                       LOCACHE_PATH_MAX - (int)PATH_RESERVE, dir == NULL ? "NULL" : dir);
    if (function == NULL || function[0] == '\0' || !lc_utf8_valid((const unsigned char *)function, strlen(function)))
        return lc_fail(error, LOCACHE_EINVAL, "the function's name must be UTF-8, and not empty");
    if (options->flags & ~(unsigned)(LOCACHE_KEEP | LOCACHE_DURABLE | LOCACHE_NO_PICKLE))
        return lc_fail(error, LOCACHE_EINVAL, "unknown flags: 0x%x", options->flags);
    if (tag != NULL && (tag[0] == '\0' || strlen(tag) > TAG_MAX ||
                        tag[strspn(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] != '\0'))
        return lc_fail(error, LOCACHE_EINVAL, "identity.code_tag must be 1 to %d of [A-Za-z0-9._-]: %s", TAG_MAX, tag);
    return LOCACHE_OK;
}

/* A handle with nothing open. */
static locache *make_handle(const char *dir, const locache_options *options)
{
    char name[LOCACHE_NAME_MAX + 1];
    directory_name(name, options->function);
    size_t dir_size = strlen(dir);
    while (dir_size > 1 && dir[dir_size - 1] == '/')
        dir_size--;
    size_t function_size = strlen(options->function) + 1;
    size_t name_size = strlen(name) + 1;
    locache *cache = lc_alloc(sizeof *cache + 2 * (dir_size + 1) + name_size + function_size);
    if (cache == NULL)
        return NULL;
    memset(cache, 0, sizeof *cache);
    char *at = cache->strings;
    cache->dir = at;
    memcpy(at, dir, dir_size);
    at[dir_size] = '\0';
    at += dir_size + 1;
    cache->path = at;
    memcpy(at, dir, dir_size);
    at[dir_size] = '/';
    at += dir_size + 1;
    cache->name = at;
    memcpy(at, name, name_size);
    at += name_size;
    cache->function = at;
    memcpy(at, options->function, function_size);
    atomic_init(&cache->home, -1);
    atomic_init(&cache->count, -1);
    locache_id_of(&cache->function_id, options->function, function_size - 1);
    cache->identity = options->identity;
    if (options->identity.code_tag != NULL) {
        memcpy(cache->tag, options->identity.code_tag, strlen(options->identity.code_tag) + 1);
        cache->identity.code_tag = cache->tag;
    }
    cache->flags = options->flags;
    cache->limits = (lc_limits){.max_entries = options->max_entries, .max_age = options->max_age};
    return cache;
}

locache_status locache_open(locache **out, const char *dir, const locache_options *options, locache_error *error)
{
    locache_options known;
    lc_error_clear(error);
    if (options == NULL || !lc_sized_take(&known, sizeof known, LC_SIZED_UP_TO(locache_options, identity), options))
        return lc_fail(error, LOCACHE_EINVAL, "options.size is not sizeof(locache_options)");
    locache_status status = check_options(dir, &known, error);
    if (status != LOCACHE_OK)
        return status;
    locache *cache = make_handle(dir, &known);
    if (cache == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to open %s", dir);
    locache_identity *identity = &cache->identity;
    status = attach(cache, SETTLE, error);
    if (status == LOCACHE_MISS) {
        /* The first put will make the directory, and later interpreters will know it by its source only. */
        bool could_ask = identity->code_tag != NULL && !identity->has_source && !identity->no_source;
        status = could_ask ? LOCACHE_NEED_SOURCE : LOCACHE_OK;
    }
    if (status != LOCACHE_OK) {
        locache_close(cache);
        return status;
    }
    /* From now on there is nobody to ask. */
    identity->no_source = !identity->has_source;
    *out = cache;
    return LOCACHE_OK;
}

void locache_close(locache *cache)
{
    if (cache == NULL)
        return;
    int home = atomic_load(&cache->home);
    if (home >= 0)
        lc_close(home);
    lc_free(cache);
}

/* ---------------------------------------------------------------------------------------------------------------- get */

/* The user's key, read once for each handle. A child that fork() made while another thread was reading it never sees the
 * state change: it reads the file each time, and waits for nobody. */
static locache_status user_key(unsigned char out[LC_MAC_KEY_SIZE], locache *cache, bool make, locache_error *error)
{
    if (atomic_load(&cache->key_state) == KEY_THERE) {
        memcpy(out, cache->key, LC_MAC_KEY_SIZE);
        return LOCACHE_OK;
    }
    locache_status status = lc_trust_key(out, make, cache->dir, error);
    int none = KEY_NONE;
    if (status == LOCACHE_OK && atomic_compare_exchange_strong(&cache->key_state, &none, KEY_LOADING)) {
        memcpy(cache->key, out, LC_MAC_KEY_SIZE);
        atomic_store(&cache->key_state, KEY_THERE);
    }
    return status;
}

static locache_id version_of(const locache *cache)
{
    locache_id id;
    uint64_t halves[2] = {atomic_load(&cache->version[0]), atomic_load(&cache->version[1])};
    memcpy(id.bytes, halves, sizeof halves);
    return id;
}

static bool same_id(const locache_id *a, const locache_id *b)
{
    return memcmp(a->bytes, b->bytes, LOCACHE_ID_SIZE) == 0;
}

/* May a pickle be given to somebody who will run it? */
static locache_status check_pickle(const locache_value *value, locache *cache, const char *name, locache_error *error)
{
    unsigned char key[LC_MAC_KEY_SIZE];
    if (!value->entry.has_mac)
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is pickled and not signed", cache->path, name);
    locache_status status = user_key(key, cache, false, error);
    if (status != LOCACHE_OK)
        return status;
    if (!lc_entry_authentic(value->bytes, value->size, key))
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is pickled, and signed with another key than this user's",
                       cache->path, name);
    return LOCACHE_OK;
}

/* Why an entry that is sound and ours is all the same no result for this handle, or NULL. */
static const char *unusable(const locache_value *value, const locache *cache)
{
    const lc_entry *entry = &value->entry;
    locache_id version = version_of(cache);
    if (!(cache->flags & LOCACHE_KEEP) && !same_id(&entry->version, &version))
        return "of another version of the function";
    if (entry->expires != 0 && entry->expires <= lc_now())
        return "expired";
    if (cache->limits.max_age > 0 && lc_store_age(value->used) > cache->limits.max_age)
        return "expired";
    if (entry->codec == LOCACHE_PICKLE && cache->flags & LOCACHE_NO_PICKLE)
        return "pickled, which is forbidden here";
    return NULL;
}

/* Is this what was stored for the key, and to be had? MISS: nothing is wrong with it, and *why says why not. */
static locache_status believe(const char **why, locache_value *value, locache *cache, const void *key, size_t key_size,
                              const char *name, locache_error *error)
{
    lc_entry *entry = &value->entry;
    locache_status status = lc_entry_parse(entry, value->bytes, value->size, error);
    if (status != LOCACHE_OK)
        return lc_fail(error, status, "%s/%s: %s", cache->path, name, error->message);
    if (!same_id(&entry->function, &cache->function_id))
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s belongs to another function", cache->path, name);
    if (entry->key.size != key_size || memcmp(entry->key.data, key, key_size) != 0)
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s belongs to another call", cache->path, name);
    *why = unusable(value, cache);
    if (*why != NULL)
        return LOCACHE_MISS;
    return entry->codec == LOCACHE_PICKLE ? check_pickle(value, cache, name, error) : LOCACHE_OK;
}

/* What limits go by is when an entry was last used: keep it true enough. */
static void note_use(const locache *cache, const lc_store *store, const char *name, int64_t used)
{
    int64_t max_age = cache->limits.max_age;
    int64_t grain = max_age / AGE_PART < DAY ? max_age / AGE_PART : DAY;
    if (cache->limits.max_entries > 0 || (max_age > 0 && lc_store_age(used) > grain))
        lc_store_touch(store, name);
}

/* A look into the directory. OK, MISS (error->status says why), ENOMEM. */
static locache_status look_up(locache_value **out, locache *cache, const char *name, locache_error *error)
{
    int home = atomic_load(&cache->home);
    locache_status status = LOCACHE_MISS;
    if (home >= 0) {
        lc_store store = store_of(cache, home);
        status = lc_store_read(out, &store, name, error);
        if (status != LOCACHE_MISS || error->status != LOCACHE_OK || !is_gone(home))
            return status;
    }
    /* Somebody else may have made the directory since we last looked. */
    status = attach(cache, LOOK, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_ENOMEM ? status : LOCACHE_MISS;
    lc_store store = store_of(cache, atomic_load(&cache->home));
    return lc_store_read(out, &store, name, error);
}

locache_status locache_get(locache_value **out, locache *cache, const void *key, size_t key_size, locache_error *error)
{
    char name[LOCACHE_NAME_MAX + 1];
    locache_error own;
    locache_value *value;
    if (error == NULL)
        error = &own;
    lc_error_clear(error);
    if (locache_key_filename(name, key, key_size) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_get() are not a key");
    locache_status status = look_up(&value, cache, name, error);
    if (status == LOCACHE_OK) {
        const char *why = NULL;
        status = believe(&why, value, cache, key, key_size, name, error);
        if (status == LOCACHE_OK) {
            lc_store store = store_of(cache, atomic_load(&cache->home));
            note_use(cache, &store, name, value->used);
            *out = value;
            say(cache, LOCACHE_EVENT_HIT, name, "");
            return LOCACHE_OK;
        }
        lc_free(value);
        if (status == LOCACHE_MISS) {
            say(cache, LOCACHE_EVENT_MISS, name, why);
            return LOCACHE_MISS;
        }
    }
    if (status == LOCACHE_ENOMEM)
        return status;
    say(cache, error->status == LOCACHE_OK ? LOCACHE_EVENT_MISS : LOCACHE_EVENT_REJECT, name, error->message);
    return LOCACHE_MISS;
}

/* ---------------------------------------------------------------------------------------------------------------- put */

static locache_status check_record(const locache *cache, const locache_record *record, locache_error *error)
{
    if (record->codec != LOCACHE_CBOR && record->codec != LOCACHE_PICKLE && record->codec != LOCACHE_RAW)
        return lc_fail(error, LOCACHE_EINVAL, "unknown codec: %d", (int)record->codec);
    if (record->codec == LOCACHE_PICKLE && cache->flags & LOCACHE_NO_PICKLE)
        return lc_fail(error, LOCACHE_EINVAL, "pickles are forbidden for %s", cache->function);
    if ((record->body == NULL && record->body_size > 0) || (record->buffers == NULL && record->buffer_count > 0))
        return lc_fail(error, LOCACHE_EINVAL, "a record with a size and no data");
    if (record->buffer_count > LC_ENTRY_BUFFERS_MAX || record->expires < 0)
        return lc_fail(error, LOCACHE_EINVAL, "a record with too many buffers, or a time before 1970");
    for (size_t i = 0; i < record->buffer_count; i++)
        if (record->buffers[i].data == NULL && record->buffers[i].size > 0)
            return lc_fail(error, LOCACHE_EINVAL, "a buffer with a size and no data");
    return LOCACHE_OK;
}

/* An entry laid out: `spans` of it, in order. */
typedef struct image {
    lc_span *spans; /* owned, with what they point to but the buffers */
    size_t count;
} image;

static locache_status lay_out(image *out, locache *cache, const void *key, size_t key_size,
                              const locache_record *record, locache_error *error)
{
    unsigned char secret[LC_MAC_KEY_SIZE];
    bool sign = record->codec == LOCACHE_PICKLE;
    lc_entry entry = {
        .codec = record->codec,
        .has_mac = sign,
        .created = lc_now(),
        .compute_time = record->compute_time,
        .expires = record->expires,
        .function = cache->function_id,
        .version = version_of(cache),
        .key = {key, key_size},
        .body = {record->body, record->body_size},
        .buffer_count = (uint32_t)record->buffer_count,
    };
    size_t front_size = lc_entry_front_size(&entry);
    size_t count = lc_entry_span_count(&entry);
    if (front_size == 0)
        return lc_fail(error, LOCACHE_EINVAL, "a result of %s is too large to store", cache->function);
    locache_status status = sign ? user_key(secret, cache, true, error) : LOCACHE_OK;
    if (status != LOCACHE_OK)
        return status;
    lc_span *spans = lc_alloc(count * sizeof *spans + front_size);
    if (spans == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to store a result of %s", cache->function);
    lc_entry_build((unsigned char *)(spans + count), spans, &entry, record->buffers, sign ? secret : NULL);
    *out = (image){.spans = spans, .count = count};
    return LOCACHE_OK;
}

/* The directory to write into. Whether one that is open was deleted is only asked where there is reason to: writing finds out
 * for nothing. */
static locache_status make_home(locache *cache, bool doubt, locache_error *error)
{
    int home = atomic_load(&cache->home);
    if (home >= 0 && !(doubt && is_gone(home)))
        return LOCACHE_OK;
    return attach(cache, CREATE, error);
}

/* One attempt. MISS: the directory was deleted meanwhile. */
static locache_status publish(bool *replaced, locache *cache, const void *key, size_t key_size, const char *name,
                              const locache_record *record, locache_error *error)
{
    image entry = {.spans = NULL};
    locache_status status = lay_out(&entry, cache, key, key_size, record, error);
    if (status != LOCACHE_OK)
        return status;
    lc_store store = store_of(cache, atomic_load(&cache->home));
    if (!atomic_exchange(&cache->swept, true))
        lc_store_sweep(&store);
    status = lc_store_write(replaced, &store, name, entry.spans, entry.count, cache->flags & LOCACHE_DURABLE, error);
    lc_free(entry.spans);
    return status;
}

/* Keep to the limits, now that `name` is there. */
static void limit(locache *cache, const char *name, bool replaced)
{
    const lc_limits *limits = &cache->limits;
    lc_store store = store_of(cache, atomic_load(&cache->home));
    if (limits->max_entries <= 0 && limits->max_age <= 0)
        return;
    if (limits->max_entries > 0)
        lc_store_touch(&store, name);
    int64_t count = atomic_load(&cache->count);
    if (count >= 0 && !replaced)
        count = atomic_fetch_add(&cache->count, 1) + 1;
    if (count < 0 || (limits->max_entries > 0 && count > limits->max_entries))
        atomic_store(&cache->count, lc_store_trim(&store, limits, name));
}

locache_status locache_put(locache *cache, const void *key, size_t key_size, const locache_record *record,
                           locache_error *error)
{
    char name[LOCACHE_NAME_MAX + 1];
    locache_record known;
    bool replaced = false;
    lc_error_clear(error);
    if (locache_key_filename(name, key, key_size) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_put() are not a key");
    if (record == NULL || !lc_sized_take(&known, sizeof known, LC_SIZED_UP_TO(locache_record, body_size), record))
        return lc_fail(error, LOCACHE_EINVAL, "record.size is not sizeof(locache_record)");
    locache_status status = check_record(cache, &known, error);
    if (status != LOCACHE_OK)
        return status;
    status = LOCACHE_MISS;
    for (int attempt = 0; attempt < PUT_ATTEMPTS && status == LOCACHE_MISS; attempt++) {
        status = make_home(cache, attempt > 0, error);
        if (status == LOCACHE_OK)
            status = publish(&replaced, cache, key, key_size, name, &known, error);
    }
    if (status == LOCACHE_MISS)
        return lc_fail_os(error, ENOENT, "%s is removed again and again, last while writing %s", cache->path, name);
    if (status != LOCACHE_OK)
        return status;
    limit(cache, name, replaced);
    say(cache, LOCACHE_EVENT_STORE, name, "");
    return LOCACHE_OK;
}

/* ------------------------------------------------------------------------------------------------------------- flight */

locache_status locache_begin(locache_value **value, locache_flight **flight, locache *cache, const void *key,
                             size_t key_size, int64_t wait, locache_error *error)
{
    (void)wait;
    locache_status status = locache_get(value, cache, key, key_size, error);
    if (status != LOCACHE_MISS)
        return status;
    return lc_flight_start(flight, cache, key, key_size, error) == LOCACHE_OK ? LOCACHE_MISS : LOCACHE_ENOMEM;
}

locache_status locache_commit(locache_flight *flight, const locache_record *record, locache_error *error)
{
    locache_status status = locache_put(flight->cache, flight->key, flight->key_size, record, error);
    lc_flight_end(flight);
    return status;
}

void locache_abandon(locache_flight *flight)
{
    lc_flight_end(flight);
}

/* ------------------------------------------------------------------------------------------------------ other questions */

locache_status locache_remove(locache *cache, const void *key, size_t key_size, locache_error *error)
{
    char name[LOCACHE_NAME_MAX + 1];
    int home;
    lc_error_clear(error);
    if (locache_key_filename(name, key, key_size) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_remove() are not a key");
    locache_status status = find_home(&home, cache, error);
    if (status != LOCACHE_OK)
        return status;
    lc_store store = store_of(cache, home);
    status = lc_store_remove(&store, name, error);
    if (status == LOCACHE_OK) {
        if (atomic_load(&cache->count) > 0)
            atomic_fetch_sub(&cache->count, 1);
        say(cache, LOCACHE_EVENT_REMOVE, name, "");
    }
    return status;
}

static locache_status clear_home(locache *cache, int home, locache_error *error)
{
    lc_store store = store_of(cache, home);
    return lc_store_clear(&store, error);
}

/* Clear the version that is in place, which may be another than the handle's. */
static locache_status clear_current(locache *cache, int root, locache_error *error)
{
    int dir;
    locache_status status = lc_trust_open_dir(&dir, root, cache->name, cache->dir, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    status = clear_home(cache, dir, error);
    lc_close(dir);
    return status;
}

locache_status locache_reset(locache *cache, locache_error *error)
{
    int root;
    lc_error_clear(error);
    int home = atomic_load(&cache->home);
    locache_status status = home >= 0 ? clear_home(cache, home, error) : LOCACHE_OK;
    if (status == LOCACHE_OK)
        status = open_root(&root, cache, false, error);
    if (status == LOCACHE_OK) {
        status = clear_current(cache, root, error);
        if (status == LOCACHE_OK)
            status = lc_version_forget(root, cache->dir, cache->name, error);
        lc_close(root);
    }
    if (status != LOCACHE_OK && status != LOCACHE_MISS)
        return status;
    atomic_store(&cache->count, -1);
    say(cache, LOCACHE_EVENT_RESET, "", "");
    return LOCACHE_OK;
}

static bool count_one(void *context, const char *name)
{
    (void)name;
    ++*(uint64_t *)context;
    return true;
}

locache_status locache_count(uint64_t *out, locache *cache, locache_error *error)
{
    uint64_t count = 0;
    locache_status status = locache_iterate(cache, count_one, &count, error);
    if (status == LOCACHE_OK)
        *out = count;
    return status;
}

locache_status locache_iterate(locache *cache, bool (*fn)(void *context, const char *name), void *context,
                               locache_error *error)
{
    int home;
    lc_error_clear(error);
    locache_status status = find_home(&home, cache, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    lc_store store = store_of(cache, home);
    return lc_store_each(&store, fn, context, error);
}

locache_status locache_path(char out[LOCACHE_PATH_MAX], locache *cache, const void *key, size_t key_size,
                            locache_error *error)
{
    char name[LOCACHE_NAME_MAX + 1];
    lc_error_clear(error);
    if (locache_key_filename(name, key, key_size) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_path() are not a key");
    snprintf(out, LOCACHE_PATH_MAX, "%s/%s", cache->path, name);
    return LOCACHE_OK;
}

static uint64_t happened(const locache *cache, locache_event_kind kind)
{
    return atomic_load_explicit(&cache->happened[kind], memory_order_relaxed);
}

locache_status locache_info(locache_statistics *out, const locache *cache)
{
    const locache_statistics now = {
        .size = out->size,
        .hits = happened(cache, LOCACHE_EVENT_HIT),
        .misses = happened(cache, LOCACHE_EVENT_MISS),
        .rejects = happened(cache, LOCACHE_EVENT_REJECT),
        .stores = happened(cache, LOCACHE_EVENT_STORE),
        .removals = happened(cache, LOCACHE_EVENT_REMOVE),
        .resets = happened(cache, LOCACHE_EVENT_RESET),
    };
    if (out->size < LC_SIZED_UP_TO(locache_statistics, hits))
        return LOCACHE_EINVAL;
    memcpy(out, &now, out->size < sizeof now ? out->size : sizeof now);
    return LOCACHE_OK;
}

const char *locache_function(const locache *cache)
{
    return cache->function;
}

const char *locache_directory(const locache *cache)
{
    return cache->path;
}
