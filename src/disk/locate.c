/* Where a source file's results are kept: beside it, in $LOCACHE_DIR, or in the user's own cache.
 *
 * Two ways to one source (a link, "..", a relative path) must lead to one cache, or results are
 * computed twice: so the source's path is resolved first. Two sources must not share one: away from
 * the source its whole path goes into the cache's. */
#include "disk/locate.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/located.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".cache"
/* Longest file name on nearly every file system. */
#define COMPONENT_MAX 255
/* A record of /etc/passwd: far longer ones are not in use. */
#define RECORD_MAX 4096

/* A source by its parts: its directory, real, without a slash at its end ("" for the root), and the
 * stem of its name. */
typedef struct source_parts {
    char directory[LOCACHE_PATH_MAX]; /* with its name, at first */
    char stem[COMPONENT_MAX + 1];
} source_parts;

/* Resolve what is there of a path, and keep the rest, which is perhaps in an archive or not written
 * yet. The rest may not lead up: nobody knows from where. */
static __attribute__((noinline)) locache_status
resolve_in_parts(char out[LOCACHE_PATH_MAX], const char *path, locache_error *error)
{
    char head[LOCACHE_PATH_MAX];
    size_t size = strlen(path);
    memcpy(head, path, size + 1);
    while (lc_realpath(out, LOCACHE_PATH_MAX, size > 0 ? head : "/") != 0) {
        /* Cut the last part off what is not there, and ask again. */
        if (errno != ENOENT && errno != ENOTDIR)
            return errno == ENAMETOOLONG
                       ? lc_fail(error, LOCACHE_ELIMIT, "the path %s is too long", path)
                       : lc_fail_os(error, errno, "cannot find %s", path);
        if (size == 0)
            return lc_fail_os(error, ENOENT, "cannot find %s", path);
        while (size > 0 && head[size - 1] == '/')
            size--;
        while (size > 0 && head[size - 1] != '/')
            size--;
        head[size] = '\0';
    }
    size_t length = strcmp(out, "/") == 0 ? 0 : strlen(out);
    for (const char *at = path + size; *at != '\0';) {
        size_t part = strcspn(at, "/");
        bool here = part == 0 || (part == 1 && at[0] == '.');
        if (part == 2 && at[0] == '.' && at[1] == '.')
            return lc_fail(error, LOCACHE_EINVAL, "%s leads through a directory that is not there",
                           path);
        if (!here && length + 1 + part >= LOCACHE_PATH_MAX)
            return lc_fail(error, LOCACHE_ELIMIT, "the path %s is too long", path);
        if (!here) {
            out[length++] = '/';
            memcpy(out + length, at, part);
            length += part;
        }
        at += part + (at[part] == '/');
    }
    out[length] = '\0';
    return LOCACHE_OK;
}

/* foo.py and foo.c have the stem foo; .foo has .foo. */
static locache_status take_stem(char out[COMPONENT_MAX + 1], const char *name, const char *stem,
                                locache_error *error)
{
    size_t size;
    const char *dot = strrchr(name, '.');
    if (stem != NULL) { /* said by the user: it is taken as it is */
        name = stem;
        size = strlen(stem);
    } else {
        size = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
    }
    if (size == 0 || memchr(name, '/', size) != NULL)
        return lc_fail(error, LOCACHE_EINVAL,
                       "the name of a cache must not be empty, and have no '/' in it: %s", name);
    if (size + strlen(SUFFIX) > COMPONENT_MAX)
        return lc_fail(error, LOCACHE_ELIMIT, "the name %s is too long", name);
    memcpy(out, name, size);
    out[size] = '\0';
    return LOCACHE_OK;
}

/* Paths that are put together have functions of their own, here and below: room for one more is a
 * page of the stack that a process may not have touched before its first call. */
static locache_status resolve(char out[LOCACHE_PATH_MAX], const char *path, locache_error *error)
{
    return lc_realpath(out, LOCACHE_PATH_MAX, path) == 0 && strcmp(out, "/") != 0
               ? LOCACHE_OK
               : resolve_in_parts(out, path, error);
}

locache_status lc_locate_user_directory(char *out, size_t size, const char *variable,
                                        const char *otherwise, locache_error *error)
{
    char room[RECORD_MAX];
    struct passwd user;
    struct passwd *found = NULL;
    const char *value = lc_environment(variable);
    const char *rest = "";
    /* The XDG specification: what is relative there is to be ignored. */
    if (value == NULL || value[0] != '/') {
        value = lc_environment("HOME");
        rest = otherwise;
    }
    if (value == NULL || value[0] != '/') {
        if (getpwuid_r(geteuid(), &user, room, sizeof room, &found) != 0 || found == NULL ||
            found->pw_dir[0] != '/')
            return lc_fail(error, LOCACHE_EIO, "there is no home directory: set HOME or %s",
                           variable);
        value = found->pw_dir;
    }
    int needed = snprintf(out, size, "%s%s", value, rest);
    if (needed < 0 || (size_t)needed >= size)
        return lc_fail(error, LOCACHE_ELIMIT, "the path in %s is too long",
                       rest[0] ? "HOME" : variable);
    return LOCACHE_OK;
}

static locache_status split_source(source_parts *out, const char *source, const char *stem,
                                   locache_error *error)
{
    char *real = out->directory;
    if (source == NULL || source[0] != '/')
        return lc_fail(error, LOCACHE_EINVAL, "the path of the source must be absolute: %s",
                       source ? source : "NULL");
    if (strlen(source) >= LOCACHE_PATH_MAX)
        return lc_fail(error, LOCACHE_ELIMIT, "the path of the source is too long");
    locache_status status = resolve(real, source, error);
    if (status != LOCACHE_OK)
        return status;
    char *slash = strrchr(real, '/');
    if (slash == NULL || slash[1] == '\0')
        return lc_fail(error, LOCACHE_EINVAL, "the path of the source names no file: %s", source);
    *slash = '\0';
    return take_stem(out->stem, slash + 1, stem, error);
}

/* <base><directory>/<stem>.cache; with an empty base that is beside the source. */
static locache_status join(char out[LOCACHE_PATH_MAX], const char *base, const source_parts *source,
                           locache_error *error)
{
    int size =
        snprintf(out, LOCACHE_PATH_MAX, "%s%s/%s" SUFFIX, base, source->directory, source->stem);
    if (size < 0 || size >= LOCACHE_PATH_MAX)
        return lc_fail(error, LOCACHE_ELIMIT, "the path of the cache of %s/%s is too long",
                       source->directory, source->stem);
    return LOCACHE_OK;
}

/* $LOCACHE_DIR, from the working directory where it is relative, without slashes at its end. A "~"
 * in front is the home directory, since not every shell, and no Dockerfile, expands it. */
static locache_status take_override(char out[LOCACHE_PATH_MAX], const char *value,
                                    locache_error *error)
{
    char here[LOCACHE_PATH_MAX] = "";
    if (value[0] == '~' && value[1] != '/' && value[1] != '\0')
        return lc_fail(error, LOCACHE_EINVAL,
                       "LOCACHE_DIR=%s is in the home directory of somebody else: give its path",
                       value);
    if (value[0] == '~') {
        locache_status status = lc_locate_user_directory(here, sizeof here, "HOME", "", error);
        if (status != LOCACHE_OK)
            return status;
        value += value[1] == '/' ? 2 : 1;
    } else if (value[0] != '/' && getcwd(here, sizeof here) == NULL) {
        return lc_fail_os(error, errno,
                          "cannot find the working directory, which LOCACHE_DIR=%s starts from",
                          value);
    }
    int size = snprintf(out, LOCACHE_PATH_MAX, "%s%s%s", here, value[0] == '/' ? "" : "/", value);
    if (size < 0 || size >= LOCACHE_PATH_MAX)
        return lc_fail(error, LOCACHE_ELIMIT, "LOCACHE_DIR is too long");
    while (size > 0 && out[size - 1] == '/')
        out[--size] = '\0';
    return LOCACHE_OK;
}

/* Can results be kept in this place beside the source? One that another user made counts only where
 * we could replace it: then it is there to be complained about, elsewhere it is not our business.
 * Root may write anywhere, and would leave in another user's directory what that user can neither
 * use nor delete. */
static bool is_usable(const char *path, const char *directory)
{
    struct stat found;
    if (lc_fstatat(AT_FDCWD, path, &found) == 0 && found.st_uid == geteuid())
        return true;
    if (directory[0] == '\0')
        directory = "/";
    if (geteuid() == 0 && (lc_fstatat(AT_FDCWD, directory, &found) != 0 || found.st_uid != 0))
        return false;
    return lc_writable(directory) == 0;
}

static __attribute__((noinline)) locache_status find_chosen(char out[LOCACHE_PATH_MAX],
                                                            const source_parts *parts,
                                                            const char *chosen,
                                                            locache_error *error)
{
    char base[LOCACHE_PATH_MAX];
    locache_status status = take_override(base, chosen, error);
    return status == LOCACHE_OK ? join(out, base, parts, error) : status;
}

static __attribute__((noinline)) locache_status
find_away(char out[LOCACHE_PATH_MAX], const source_parts *parts, locache_error *error)
{
    char base[LOCACHE_PATH_MAX];
    locache_status status = lc_locate_user_directory(base, sizeof base - sizeof "/locache",
                                                     "XDG_CACHE_HOME", "/.cache", error);
    if (status != LOCACHE_OK)
        return status;
    memcpy(base + strlen(base), "/locache", sizeof "/locache");
    return join(out, base, parts, error);
}

/* Where the source's results are, by a look. *lately: the same answer may be given again. */
static locache_status look_for(char out[LOCACHE_PATH_MAX], bool *lately, const source_parts *parts,
                               unsigned flags, const char *chosen, locache_error *error)
{
    /* A relative one starts from a directory that changes with the process. */
    *lately = chosen == NULL || chosen[0] == '/';
    if (chosen != NULL)
        return find_chosen(out, parts, chosen, error);
    if (!(flags & LOCACHE_LOCATE_AWAY)) {
        locache_status status = join(out, "", parts, error);
        if (status != LOCACHE_OK || is_usable(out, parts->directory))
            return status;
    }
    /* By other variables than those that the answer is known by. */
    *lately = false;
    return find_away(out, parts, error);
}

locache_status locache_locate(char out[LOCACHE_PATH_MAX], const char *source, const char *stem,
                              unsigned flags, locache_error *error)
{
    source_parts parts;
    lc_located asked;
    bool lately;
    lc_error_clear(error);
    if (flags & ~(unsigned)LOCACHE_LOCATE_AWAY)
        return lc_fail(error, LOCACHE_EINVAL, "unknown flags: 0x%x", flags);
    const char *chosen = lc_environment("LOCACHE_DIR");
    if (chosen != NULL && chosen[0] == '\0')
        chosen = NULL;
    if (source != NULL && lc_located_find(out, &asked, source, stem, flags, chosen))
        return LOCACHE_OK;
    locache_status status = split_source(&parts, source, stem, error);
    if (status == LOCACHE_OK)
        status = look_for(out, &lately, &parts, flags, chosen, error);
    if (status == LOCACHE_OK && lately)
        lc_located_note(&asked, out);
    return status;
}
