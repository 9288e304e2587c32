/* A handle, opened and closed.
 *
 * To open looks into the cache directory once, and settles which version of the function is
 * current, since only now is there somebody to ask for the source. It creates nothing: a function
 * that is never called leaves no trace. */
#include "base/alloc.h"
#include "base/sized.h"
#include "base/system.h"
#include "base/text.h"
#include "base/zstd.h"
#include "cache/bounds.h"
#include "cache/counting.h"
#include "cache/dirhold.h"
#include "cache/flight.h"
#include "cache/funcdir.h"
#include "cache/layers.h"
#include "cache/recall.h"
#include "cache/told.h"
#include "disk/settings.h"
#include "disk/share.h"
#include "disk/versions.h"
#include "format/function_name.h"

#include <string.h>

/* Longest that is appended to the cache directory's path: "/.versions/<function>/<id>", and the
 * same with an entry's name. */
#define PATH_RESERVE (sizeof "/" LC_VERSIONS + 2 * (LOCACHE_NAME_MAX + 1) + 2 * LOCACHE_ID_SIZE + 2)

/* A word of the version record, which is a line of text. */
static bool is_tag(const char *tag)
{
    size_t size = 0;
    for (; tag[size] != '\0'; size++) {
        char c = tag[size];
        bool fits = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
        if (!fits || size == LC_TAG_MAX)
            return false;
    }
    return size > 0;
}

/* What a program may get wrong. */
static locache_status check_options(const char *dir, const locache_options *options,
                                    locache_error *error)
{
    const char *function = options->function;
    locache_identity identity;
    if (dir == NULL || dir[0] != '/' || strlen(dir) + PATH_RESERVE > LOCACHE_PATH_MAX)
        return lc_fail(error, LOCACHE_EINVAL,
                       "the cache directory must be an absolute path of less than %d bytes: %s",
                       LOCACHE_PATH_MAX - (int)PATH_RESERVE, dir == NULL ? "NULL" : dir);
    if (function == NULL || function[0] == '\0' ||
        !lc_text_is_utf8((const unsigned char *)function, strlen(function)))
        return lc_fail(error, LOCACHE_EINVAL, "the function's name must be UTF-8, and not empty");
    if (options->flags &
        ~(unsigned)(LOCACHE_OPEN_KEEP | LOCACHE_OPEN_DURABLE | LOCACHE_OPEN_NO_PICKLE |
                    LOCACHE_OPEN_UNMAPPED | LOCACHE_OPEN_READ_ONLY))
        return lc_fail(error, LOCACHE_EINVAL, "unknown flags: 0x%x", options->flags);
    if (options->compress < LOCACHE_COMPRESS_NEVER || options->compress > LOCACHE_COMPRESS_MAX)
        return lc_fail(error, LOCACHE_EINVAL,
                       "compress must be a LOCACHE_COMPRESS_... or a level up to %d",
                       LOCACHE_COMPRESS_MAX);
    if (options->compress != LOCACHE_COMPRESS_NONE && options->compress != LOCACHE_COMPRESS_NEVER &&
        lc_zstd_load() == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "compress needs %s, which is not here: install it",
                       LC_ZSTD_FILE);
    if ((options->retain == NULL) != (options->release == NULL))
        return lc_fail(error, LOCACHE_EINVAL, "of retain and release, both are given or none");
    if (!lc_told_identity(&identity, options->identity))
        return lc_fail(error, LOCACHE_EINVAL, "identity.size is not sizeof(locache_identity)");
    if (!lc_share_is_mode(options->mode))
        return lc_fail(error, LOCACHE_EINVAL,
                       "mode must be one for directories, as 02770, 02750 or 0755: not 0%o",
                       options->mode);
    const char *tag = identity.code_tag;
    if (tag != NULL && !is_tag(tag))
        return lc_fail(error, LOCACHE_EINVAL,
                       "identity.code_tag must be 1 to %d of [A-Za-z0-9._-]: %s", LC_TAG_MAX, tag);
    return lc_told_check(options, error);
}

/* What a function's directory may be called. */
typedef struct own_names {
    char text[LC_NAMES][LOCACHE_NAME_MAX + 1];
    size_t sizes[LC_NAMES]; /* with the NUL; 0: there is none */
    bool same[LC_NAMES];    /* as where case is kept */
} own_names;

/* The bytes of those that differ, each behind a directory and a slash of `before` bytes. */
static size_t name_function(own_names *out, const char *function, size_t before)
{
    size_t all = 0;
    for (int i = 0; i < LC_NAMES; i++) {
        bool folds = i >= LC_FOLDED_NAMES;
        bool other = i % LC_FOLDED_NAMES == LC_OTHER_NAME;
        bool named = lc_function_name(out->text[i], function, folds, other);
        out->sizes[i] = named ? strlen(out->text[i]) + 1 : 0;
        /* Where it has no capital letters. */
        out->same[i] = named && folds && strcmp(out->text[i], out->text[i - LC_FOLDED_NAMES]) == 0;
        if (named && !out->same[i])
            all += before + out->sizes[i];
    }
    return all;
}

/* Append "<dir>/<name>", paths that end with a name; where the next goes. */
static char *append_paths(char *at, locache *cache, const own_names *names)
{
    size_t dir_size = strlen(cache->dir);
    for (int i = 0; i < LC_NAMES; i++) {
        if (names->same[i]) {
            cache->paths[i] = cache->paths[i - LC_FOLDED_NAMES];
            cache->names[i] = cache->names[i - LC_FOLDED_NAMES];
        } else if (names->sizes[i] > 0) {
            cache->paths[i] = at;
            memcpy(at, cache->dir, dir_size);
            at[dir_size] = '/';
            at += dir_size + 1;
            cache->names[i] = at;
            memcpy(at, names->text[i], names->sizes[i]);
            at += names->sizes[i];
        }
    }
    return at;
}

static void destroy(locache *cache)
{
    lc_counting_last(cache);
    for (size_t i = 0; cache->layers != NULL && i < cache->layers->count; i++)
        lc_handle_release(cache->layers->bases[i]);
    lc_free(cache->layers);
    lc_flight_close(cache);
    lc_dirhold_close(cache);
    /* A flight that ends after the handle was closed may still evict by them. */
    lc_free(cache->recall.uses);
    lc_free(cache->told);
    lc_costs_free(cache->costs);
    lc_free(cache);
}

/* A handle with nothing open; NULL: no memory. Its strings lie behind it: dir, then the paths of
 * the function's directory under both of its names, then the function's name. */
static locache *make_handle(const char *dir, const locache_options *options)
{
    own_names names;
    size_t dir_size = strlen(dir);
    /* So that a path that is put together has no empty part, and one directory one path. */
    while (dir_size > 1 && dir[dir_size - 1] == '/')
        dir_size--;
    size_t function_size = strlen(options->function) + 1;
    size_t paths_size = name_function(&names, options->function, dir_size + 1);
    locache *cache = lc_alloc(sizeof *cache + dir_size + 1 + paths_size + function_size);
    if (cache == NULL)
        return NULL;
    memset(cache, 0, sizeof *cache);
    char *at = cache->strings;
    cache->dir = at;
    memcpy(at, dir, dir_size);
    at[dir_size] = '\0';
    at += dir_size + 1;
    at = append_paths(at, cache, &names);
    cache->function = at;
    memcpy(at, options->function, function_size);
    atomic_init(&cache->users, 1);
    cache->destroy = destroy;
    atomic_init(&cache->funcdir, -1);
    atomic_init(&cache->dir_retired, -1);
    lc_tally_held_init(&cache->tally);
    locache_id_of(&cache->function_id, options->function, function_size - 1);
    (void)lc_told_identity(&cache->identity, options->identity);
    if (cache->identity.code_tag != NULL) {
        memcpy(cache->tag, cache->identity.code_tag, strlen(cache->identity.code_tag) + 1);
        cache->identity.code_tag = cache->tag;
    }
    cache->flags = options->flags;
    cache->mode = options->mode != 0700 ? options->mode : 0;
    cache->limits = lc_bounds_of(options);
    cache->bounded = lc_bounds_any(&cache->limits);
    /* Without memory for it, entries are opened. */
    cache->costs = cache->limits.max_bytes > 0 ? lc_costs_new() : NULL;
    cache->wait = options->wait;
    cache->compress = options->compress == LOCACHE_COMPRESS_NEVER ? LOCACHE_COMPRESS_NONE
                                                                  : (int)options->compress;
    if (lc_told_new(&cache->told, options) != LOCACHE_OK ||
        lc_recall_init(cache, options) != LOCACHE_OK) {
        lc_costs_free(cache->costs);
        lc_free(cache->told);
        lc_free(cache);
        return NULL;
    }
    for (size_t i = 0; cache->told != NULL && i < cache->told->count; i++)
        cache->told->others[i].identity.code_tag = cache->identity.code_tag;
    return cache;
}

/* ---------------------------------------------------------------------------------------- bases */

/* A handle for the base's cache directory at `path`. OK: also where it holds nothing of the
 * function, which may come. NEED_SOURCE, ENOMEM. */
static locache_status open_base(locache **out, const char *path, const locache_options *options)
{
    locache_options own = *options;
    own.flags = (own.flags & (LOCACHE_OPEN_KEEP | LOCACHE_OPEN_NO_PICKLE)) |
                LOCACHE_OPEN_READ_ONLY | LOCACHE_OPEN_UNMAPPED;
    own.max_entries = own.max_age = own.recheck = 0;
    own.memory_entries = -1;
    own.retain = own.release = NULL;
    own.note = own.kept_by = NULL;
    own.note_size = 0;
    own.mode = 0;
    locache *base = make_handle(path, &own);
    if (base == NULL)
        return LOCACHE_ENOMEM;
    base->foreign = true;
    (void)lc_dirhold_borrow(base);
    locache_status status = lc_funcdir_attach(base, LC_LOOK, NULL);
    lc_dirhold_return(base);
    if (status == LOCACHE_NEED_SOURCE && lc_version_could_ask(&base->identity)) {
        lc_handle_release(base);
        return status;
    }
    /* What is wrong with it is said where a result is looked for. */
    base->identity.no_source = !base->identity.has_source;
    *out = base;
    return LOCACHE_OK;
}

/* Is the version one that a source says? */
static bool is_of_source(const locache *cache)
{
    return !(cache->flags & LOCACHE_OPEN_KEEP) && cache->identity.code_tag != NULL &&
           strcmp(cache->identity.code_tag, "explicit") != 0;
}

static bool make_layers(locache *cache)
{
    cache->layers = lc_alloc(sizeof *cache->layers);
    if (cache->layers == NULL)
        return false;
    cache->layers->count = 0;
    atomic_init(&cache->layers->is_wrong, false);
    return true;
}

static locache_status open_bases(locache *cache, const locache_options *options,
                                 locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    locache *base;
    bool told = options->base != NULL;
    const char *list = told ? options->base : lc_environment("LOCACHE_BASE");
    if (list == NULL || list[0] == '\0')
        return LOCACHE_OK;
    bool exact = !told && !is_of_source(cache);
    locache_error wrong;
    lc_error_clear(&wrong);
    while (lc_layers_next(path, &list, cache->dir, exact, &wrong)) {
        if (cache->layers == NULL && !make_layers(cache))
            return lc_fail(error, LOCACHE_ENOMEM, "no memory to open %s", path);
        if (cache->layers->count == LC_LAYERS_MAX || strlen(path) + PATH_RESERVE > LOCACHE_PATH_MAX)
            continue;
        locache_status status = open_base(&base, path, options);
        if (status != LOCACHE_OK)
            return status == LOCACHE_ENOMEM ? lc_fail(error, status, "no memory to open %s", path)
                                            : status;
        cache->layers->bases[cache->layers->count++] = base;
    }
    if (wrong.status != LOCACHE_OK && (cache->layers != NULL || make_layers(cache))) {
        cache->layers->wrong = wrong;
        atomic_init(&cache->layers->is_wrong, true);
    }
    return LOCACHE_OK;
}

/* --------------------------------------------------------------------------------------- handle */

locache_status locache_open(locache **out, const char *dir, const locache_options *options,
                            locache_error *error)
{
    locache_options known;
    lc_error_clear(error);
    if (options == NULL ||
        !lc_sized_take(&known, sizeof known, LC_SIZED_UP_TO(locache_options, identity), options))
        return lc_fail(error, LOCACHE_EINVAL, "options.size is not sizeof(locache_options)");
    locache_status status = check_options(dir, &known, error);
    if (status == LOCACHE_OK && known.mode == 0)
        status = lc_share_told(&known.mode, error);
    if (status == LOCACHE_OK)
        status = lc_settings_check_environment(error);
    if (status != LOCACHE_OK)
        return status;
    locache *cache = make_handle(dir, &known);
    if (cache == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to open %s", dir);
    lc_counting_begin(cache);
    locache_identity *identity = &cache->identity;
    (void)lc_dirhold_borrow(cache);
    status =
        lc_funcdir_attach(cache, known.flags & LOCACHE_OPEN_READ_ONLY ? LC_LOOK : LC_SETTLE, error);
    lc_dirhold_return(cache);
    if (status == LOCACHE_MISS) {
        /* The first put will make the directory, and interpreters with another tag will know it by
         * its source only: it has to be told now. */
        bool could_ask =
            identity->code_tag != NULL && !identity->has_source && !identity->no_source;
        status = could_ask ? LOCACHE_NEED_SOURCE : LOCACHE_OK;
    }
    if (status == LOCACHE_OK)
        status = open_bases(cache, &known, error);
    if (status != LOCACHE_OK) {
        locache_close(cache);
        return status;
    }
    /* From now on there is nobody to ask. */
    identity->no_source = !identity->has_source;
    for (size_t i = 0; cache->told != NULL && i < cache->told->count; i++)
        cache->told->others[i].identity.no_source = !cache->told->others[i].identity.has_source;
    *out = cache;
    return LOCACHE_OK;
}

void locache_close(locache *cache)
{
    if (cache == NULL)
        return;
    lc_counting_end(cache);
    /* Now, and not when the last flight ends: releasing is the caller's business, and his
     * thread's. */
    lc_recall_close(cache);
    lc_handle_release(cache);
}
