#include "disk/versions.h"
#include "base/text.h"
#include "disk/owner.h"
#include "disk/stamp.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "version"
#define FILE_MAX 4096 /* CODES_MAX lines of at most 102 bytes, and three others */
/* Code that one directory knows to be its source's: of all CPythons in use, optimisation levels
 * too, and of several layouts of the text. */
#define CODES_MAX 32
/* Of one interpreter: working copies that share a cache, and what was met while comments were
 * written, do not push each other out, nor the other interpreters. */
#define CODES_OF_TAG_MAX 4
#define TAG_MAX 63 /* locache.h */
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

typedef struct code {
    char tag[TAG_MAX + 1];
    locache_id digest;
} code;

/* The content of a version file. */
typedef struct version {
    bool lost;  /* there is none, or none that can be read */
    bool newer; /* written by a later locache: not to be touched */
    locache_id id;
    bool has_source;
    locache_id source;
    size_t count;
    code codes[CODES_MAX];
} version;

static bool same_id(const locache_id *a, const locache_id *b)
{
    return memcmp(a->bytes, b->bytes, LOCACHE_ID_SIZE) == 0;
}

/* ----------------------------------------------------------------------------- the version file */

/* The value of a line "<label> <value>\n", of `room` bytes with its NUL. Moves *at past it, or
 * returns false. */
static bool take_line(char *value, size_t room, const char **at, const char *label)
{
    size_t size = strlen(label);
    if (strncmp(*at, label, size) != 0 || (*at)[size] != ' ')
        return false;
    const char *start = *at + size + 1;
    const char *end = strchr(start, '\n');
    if (end == NULL || (size_t)(end - start) >= room)
        return false;
    memcpy(value, start, (size_t)(end - start));
    value[end - start] = '\0';
    *at = end + 1;
    return true;
}

static bool take_code(version *out, const char *line)
{
    const char *space = strchr(line, ' ');
    if (space == NULL || space == line || (size_t)(space - line) > TAG_MAX ||
        out->count == CODES_MAX)
        return false;
    code *next = &out->codes[out->count++];
    memcpy(next->tag, line, (size_t)(space - line));
    next->tag[space - line] = '\0';
    return lc_unhex(next->digest.bytes, LOCACHE_ID_SIZE, space + 1);
}

static bool parse(version *out, const char *text)
{
    char line[TAG_MAX + 1 + HEX_SIZE + 1];
    *out = (version){.count = 0};
    if (!take_line(line, sizeof line, &text, "locache"))
        return false;
    out->newer = strcmp(line, "1") != 0;
    if (out->newer)
        return strspn(line, "0123456789") == strlen(line) && line[0] >= '1' && line[0] <= '9';
    if (!take_line(line, sizeof line, &text, "id") ||
        !lc_unhex(out->id.bytes, LOCACHE_ID_SIZE, line))
        return false;
    while (take_line(line, sizeof line, &text, "code"))
        if (!take_code(out, line))
            return false;
    if (take_line(line, sizeof line, &text, "source")) {
        out->has_source = true;
        if (!lc_unhex(out->source.bytes, LOCACHE_ID_SIZE, line))
            return false;
    }
    return *text == '\0';
}

static size_t print(char out[FILE_MAX], const version *from)
{
    char hex[HEX_SIZE + 1];
    lc_hex(hex, from->id.bytes, LOCACHE_ID_SIZE);
    int size = snprintf(out, FILE_MAX, "locache 1\nid %s\n", hex);
    for (size_t i = 0; i < from->count; i++) {
        lc_hex(hex, from->codes[i].digest.bytes, LOCACHE_ID_SIZE);
        size +=
            snprintf(out + size, FILE_MAX - (size_t)size, "code %s %s\n", from->codes[i].tag, hex);
    }
    if (from->has_source) {
        lc_hex(hex, from->source.bytes, LOCACHE_ID_SIZE);
        size += snprintf(out + size, FILE_MAX - (size_t)size, "source %s\n", hex);
    }
    return (size_t)size;
}

static locache_status read_open(version *out, int fd, const char *path, locache_error *error)
{
    char text[FILE_MAX + 1];
    struct stat found;
    if (lc_fstat(fd, &found) != 0)
        return lc_fail_os(error, errno, "cannot examine %s/" LC_META "/" FILE_NAME, path);
    locache_status status = lc_trust_file(&found, geteuid(), path, LC_META "/" FILE_NAME, error);
    if (status != LOCACHE_OK)
        return status;
    ssize_t size = lc_read_full(fd, text, FILE_MAX + 1);
    if (size < 0)
        return lc_fail_os(error, errno, "cannot read %s/" LC_META "/" FILE_NAME, path);
    bool text_only = size <= FILE_MAX && memchr(text, '\0', (size_t)size) == NULL;
    text[text_only ? size : 0] = '\0';
    if (!parse(out, text))
        *out = (version){.lost = true};
    return LOCACHE_OK;
}

/* Read the version file of the function directory `dir`. OK (which includes a lost one), or
 * failures. */
static locache_status read_version(version *out, int dir, const char *path, locache_error *error)
{
    int meta;
    *out = (version){.lost = true};
    locache_status status = lc_trust_open_dir(&meta, dir, LC_META, path, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    int fd = lc_openat(meta, FILE_NAME, O_RDONLY, 0);
    if (fd >= 0) {
        status = read_open(out, fd, path, error);
        lc_close(fd);
    } else if (errno == ELOOP || errno == ENXIO) {
        status = lc_fail(error, LOCACHE_EUNTRUSTED,
                         "%s/" LC_META "/" FILE_NAME " is not a regular file: delete it", path);
    } else if (errno != ENOENT) {
        status = lc_fail_os(error, errno, "cannot open %s/" LC_META "/" FILE_NAME, path);
    }
    lc_close(meta);
    return status;
}

static locache_status write_version(int dir, const version *from, const char *path,
                                    locache_error *error)
{
    char text[FILE_MAX];
    lc_temporary temporary;
    int meta;
    size_t size = print(text, from);
    if (lc_mkdirat(dir, LC_META, 0700) != 0 && errno != EEXIST)
        return lc_fail_os(error, errno, "cannot make %s/" LC_META, path);
    locache_status status = lc_trust_open_dir(&meta, dir, LC_META, path, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? lc_fail_os(error, ENOENT, "cannot open %s/" LC_META, path)
                                      : status;
    if (lc_temporary_create(&temporary, meta) != 0 ||
        lc_temporary_write(&temporary, &(lc_span){text, size}, 1) != 0 ||
        lc_temporary_publish(&temporary, meta, FILE_NAME) != 0)
        status = lc_fail_os(error, errno, "cannot write %s/" LC_META "/" FILE_NAME, path);
    lc_close(meta);
    return status;
}

/* ------------------------------------------------------------------------------------- identity */

static bool has_identity(const locache_identity *identity)
{
    return identity->code_tag != NULL || identity->has_source;
}

/* Is there a source that we were not told yet? */
static bool could_ask(const locache_identity *identity)
{
    return identity->code_tag != NULL && !identity->has_source && !identity->no_source;
}

/* The id of a directory made for this identity: the same in every process, so that a lost version
 * file can be replaced. */
static void own_id(locache_id *out, const locache_identity *identity)
{
    if (identity->has_source) {
        lc_span parts[] = {{"source", 6}, {identity->source.bytes, LOCACHE_ID_SIZE}};
        lc_blake2b(out->bytes, LOCACHE_ID_SIZE, parts, 2);
    } else if (identity->code_tag != NULL) {
        lc_span parts[] = {{"code", 4},
                           {identity->code_tag, strlen(identity->code_tag)},
                           {identity->code.bytes, LOCACHE_ID_SIZE}};
        lc_blake2b(out->bytes, LOCACHE_ID_SIZE, parts, 3);
    } else {
        *out = (locache_id){{0}};
    }
}

static bool knows_code(const version *in, const locache_identity *identity)
{
    for (size_t i = 0; identity->code_tag != NULL && i < in->count; i++)
        if (strcmp(in->codes[i].tag, identity->code_tag) == 0 &&
            same_id(&in->codes[i].digest, &identity->code))
            return true;
    return false;
}

/* Room for another code of this tag: the first of a tag, and the first of all, is the one learned
 * longest ago. */
static void drop_oldest_code(version *from, const char *tag)
{
    size_t of_tag = 0;
    size_t oldest = 0;
    for (size_t i = from->count; i-- > 0;)
        if (strcmp(from->codes[i].tag, tag) == 0) {
            oldest = i;
            of_tag++;
        }
    if (of_tag < CODES_OF_TAG_MAX) {
        if (from->count < CODES_MAX)
            return;
        oldest = 0;
    }
    from->count--;
    memmove(from->codes + oldest, from->codes + oldest + 1,
            (from->count - oldest) * sizeof from->codes[0]);
}

/* Note what this identity knows and the version file does not. Was there anything? */
static bool learn(version *to, const locache_identity *identity)
{
    bool news = false;
    if (identity->code_tag != NULL && !knows_code(to, identity)) {
        drop_oldest_code(to, identity->code_tag);
        code *next = &to->codes[to->count++];
        memcpy(next->tag, identity->code_tag, strlen(identity->code_tag) + 1);
        next->digest = identity->code;
        news = true;
    }
    if (identity->has_source && !to->has_source) {
        to->has_source = true;
        to->source = identity->source;
        news = true;
    }
    return news;
}

/* OK: the same source; MISS: another one; NEED_SOURCE: only that can tell. */
static locache_status compare(const version *found, const locache_identity *identity)
{
    if (!has_identity(identity) || knows_code(found, identity))
        return LOCACHE_OK;
    if (!found->has_source)
        return LOCACHE_MISS;
    if (identity->has_source)
        return same_id(&found->source, &identity->source) ? LOCACHE_OK : LOCACHE_MISS;
    return could_ask(identity) ? LOCACHE_NEED_SOURCE : LOCACHE_MISS;
}

/* lc_version_check() with the version that was found. */
static locache_status check(version *found, int dir, const char *path, const lc_wanted *wanted,
                            locache_error *error)
{
    locache_status status = read_version(found, dir, path, error);
    if (status != LOCACHE_OK)
        return status;
    /* Its entries say themselves which version they belong to: ours are found by the id that we
     * would have given them. */
    if (found->lost || found->newer) {
        if (could_ask(wanted->identity) && !wanted->keep)
            return LOCACHE_NEED_SOURCE;
        own_id(&found->id, wanted->identity);
        if (!found->newer && learn(found, wanted->identity))
            (void)!write_version(dir, found, path, NULL);
        return LOCACHE_OK;
    }
    status = compare(found, wanted->identity);
    if (status == LOCACHE_OK && learn(found, wanted->identity))
        (void)!write_version(dir, found, path, NULL);
    if (status != LOCACHE_OK && wanted->keep) {
        /* Results of this source must not be taken for those of the one that the directory was made
         * for. */
        own_id(&found->id, wanted->identity);
        return LOCACHE_OK;
    }
    return status;
}

locache_status lc_version_check(locache_id *id, int dir, const char *path, const lc_wanted *wanted,
                                locache_error *error)
{
    version found;
    locache_status status = check(&found, dir, path, wanted, error);
    if (status == LOCACHE_OK)
        *id = found.id;
    return status;
}

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
    locache_status status = lc_trust_open_dir(out, at, name, where, error);
    if (status != LOCACHE_MISS)
        return status;
    if (lc_mkdirat(at, name, 0700) != 0 && errno != EEXIST)
        return lc_fail_os(error, errno, "cannot make the directory %s/%s", where, name);
    status = lc_trust_open_dir(out, at, name, where, error);
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
    locache_status status = lc_trust_file(&held, geteuid(), at->versions_path, LOCK, error);
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
        lc_remove_tree(*(const int *)context, name);
    return true;
}

static bool drop_trash(void *context, const char *name)
{
    if (strncmp(name, TRASH, strlen(TRASH)) == 0)
        lc_remove_tree(*(const int *)context, name);
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
static locache_status enter(place *at, int root, const char *root_path, const char *name, bool make,
                            locache_error *error)
{
    *at = (place){.root = root,
                  .root_path = root_path,
                  .name = name,
                  .versions = -1,
                  .lock = -1,
                  .work = -1,
                  .family = -1};
    int longest =
        snprintf(at->family_path, sizeof at->family_path, "%s/" LC_VERSIONS "/%s", root_path, name);
    if (longest < 0 || (size_t)longest >= sizeof at->family_path)
        return lc_fail(error, LOCACHE_EINVAL, "the path %s is too long", root_path);
    snprintf(at->path, sizeof at->path, "%s/%s", root_path, name);
    snprintf(at->versions_path, sizeof at->versions_path, "%s/" LC_VERSIONS, root_path);
    locache_status status =
        make ? open_made(&at->versions, root, LC_VERSIONS, root_path, error)
             : lc_trust_open_dir(&at->versions, root, LC_VERSIONS, root_path, error);
    if (status == LOCACHE_OK)
        status = take_lock(at, error);
    if (status == LOCACHE_OK)
        status = open_made(&at->work, at->versions, WORK, at->versions_path, error);
    if (status == LOCACHE_OK) {
        /* Whoever made these held the lock, and no longer does. */
        lc_each_name(at->work, drop_new, &at->work);
        lc_temporary_sweep(at->work);
        status = lc_trust_open_dir(&at->family, at->versions, name, at->versions_path, error);
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
    return lc_unhex(id.bytes, LOCACHE_ID_SIZE, name);
}

static bool match_one(void *context, const char *name)
{
    search *in = context;
    version seen;
    int dir;
    if (!is_id(name) ||
        lc_trust_open_dir(&dir, in->at->family, name, in->at->family_path, NULL) != LOCACHE_OK)
        return true;
    locache_status status = read_version(&seen, dir, in->at->family_path, NULL);
    lc_close(dir);
    if (status != LOCACHE_OK || seen.newer)
        return true;
    const locache_identity *identity = in->wanted->identity;
    if (seen.lost) {
        /* The directory's name says which source it belongs to. */
        locache_id id;
        char own[HEX_SIZE + 1];
        own_id(&id, identity);
        lc_hex(own, id.bytes, LOCACHE_ID_SIZE);
        status = could_ask(identity)      ? LOCACHE_NEED_SOURCE
                 : strcmp(own, name) == 0 ? LOCACHE_OK
                                          : LOCACHE_MISS;
    } else {
        status = compare(&seen, identity);
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
    int64_t used = lc_nanoseconds(&found.st_mtim);
    if (least->count++ == 0 || used < least->used) {
        least->used = used;
        memcpy(least->name, name, HEX_SIZE + 1);
    }
    return true;
}

static int throw_away(const place *at, int dir, const char *name)
{
    char trash[NAME_ROOM];
    lc_unique_name(trash, TRASH);
    return lc_renameat(dir, name, at->work, trash);
}

/* Keep to LC_VERSIONS_MAX. The number removed. */
static unsigned evict(const place *at)
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
static bool id_taken(const place *at, const locache_id *id, const version *current)
{
    char hex[HEX_SIZE + 1];
    struct stat found;
    lc_hex(hex, id->bytes, LOCACHE_ID_SIZE);
    return (current != NULL && same_id(id, &current->id)) ||
           (at->family >= 0 && lc_fstatat(at->family, hex, &found) == 0);
}

/* Make this identity's directory, complete, in .versions/.tmp. `fresh` has NAME_ROOM bytes. */
static locache_status prepare(char *fresh, const place *at, const lc_wanted *wanted,
                              const version *current, locache_error *error)
{
    version first = {.count = 0};
    int dir;
    own_id(&first.id, wanted->identity);
    /* There is one of that id that has lost what it is of. */
    if (id_taken(at, &first.id, current))
        lc_random(first.id.bytes, LOCACHE_ID_SIZE);
    learn(&first, wanted->identity);
    lc_unique_name(fresh, NEW);
    if (lc_mkdirat(at->work, fresh, 0700) != 0)
        return lc_fail_os(error, errno, "cannot make the directory %s", at->path);
    locache_status status = lc_trust_open_dir(&dir, at->work, fresh, at->versions_path, error);
    if (status == LOCACHE_OK) {
        status = write_version(dir, &first, at->path, error);
        lc_close(dir);
    } else if (status == LOCACHE_MISS) {
        status = lc_fail_os(error, ENOENT, "cannot make the directory %s", at->path);
    }
    if (status == LOCACHE_OK)
        furnish(at);
    else
        lc_remove_tree(at->work, fresh);
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
static locache_status exchange(place *at, int from, const char *name, const version *current,
                               locache_error *error)
{
    char hex[HEX_SIZE + 1];
    if (current != NULL) {
        lc_hex(hex, current->id.bytes, LOCACHE_ID_SIZE);
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
static locache_status open_current(int *out, version *found, bool *there, const place *at,
                                   const lc_wanted *wanted, locache_error *error)
{
    int dir;
    *there = false;
    locache_status status = lc_trust_open_dir(&dir, at->root, at->name, at->root_path, error);
    if (status != LOCACHE_OK)
        return status;
    *there = true;
    status = check(found, dir, at->path, wanted, error);
    if (status == LOCACHE_OK)
        *out = dir;
    else
        lc_close(dir);
    return status;
}

static locache_status settle_lock_held(int *out, locache_id *id, lc_version_news *news, place *at,
                                       const lc_wanted *wanted, locache_error *error)
{
    version current;
    char source[NAME_ROOM + HEX_SIZE];
    bool there;
    locache_status status = open_current(out, &current, &there, at, wanted, error);
    if (status == LOCACHE_OK)
        *id = current.id;
    if (status != LOCACHE_MISS)
        return status;
    status = find_earlier(source, at, wanted, error);
    bool restored = status == LOCACHE_OK;
    if (status == LOCACHE_MISS) {
        if (!there && !wanted->make)
            return LOCACHE_MISS;
        if (could_ask(wanted->identity))
            return LOCACHE_NEED_SOURCE;
        status = prepare(source, at, wanted, there ? &current : NULL, error);
    }
    if (status != LOCACHE_OK)
        return status;
    status = exchange(at, restored ? at->family : at->work, source, there ? &current : NULL, error);
    if (status != LOCACHE_OK) {
        if (!restored)
            lc_remove_tree(at->work, source);
        return status;
    }
    *news =
        (lc_version_news){.moved = there, .restored = restored, .evicted = there ? evict(at) : 0};
    status = open_current(out, &current, &there, at, wanted, error);
    if (status == LOCACHE_OK)
        *id = current.id;
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

locache_status lc_version_settle(int *out, locache_id *id, lc_version_news *news, int root,
                                 const char *root_path, const char *name, const lc_wanted *wanted,
                                 locache_error *error)
{
    place at;
    struct stat found;
    locache_error own;
    if (error == NULL)
        error = &own;
    *news = (lc_version_news){.evicted = 0};
    bool needed = wanted->make || lc_fstatat(root, name, &found) == 0;
    locache_status status = enter(&at, root, root_path, name, needed, error);
    if (status == LOCACHE_OK)
        status = settle_lock_held(out, id, news, &at, wanted, error);
    leave(&at);
    return gone_is_miss(status, error);
}

locache_status lc_version_forget(int root, const char *root_path, const char *name,
                                 locache_error *error)
{
    place at;
    locache_error own;
    if (error == NULL)
        error = &own;
    locache_status status = enter(&at, root, root_path, name, false, error);
    if (status == LOCACHE_OK && at.family >= 0 && throw_away(&at, at.versions, name) != 0)
        status = lc_fail_os(error, errno, "cannot remove %s", at.family_path);
    leave(&at);
    status = gone_is_miss(status, error);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

/* --------------------------------------------------------------------------------- said by hand */

void locache_identity_explicit(locache_identity *out, const char *text)
{
    *out = (locache_identity){.code_tag = "explicit", .no_source = true};
    locache_id_of(&out->code, text, strlen(text));
}
