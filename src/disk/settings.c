/* Bounds that somebody has set, for a cache directory as a whole and for all caches of a user
 * together: a file of a few lines each, which a person may edit, and variables of the environment,
 * which hold for a program and go before the file.
 *
 *     foo.cache/.limits                  of this cache        LOCACHE_CACHE_MAX_BYTES, ...
 *     $XDG_CONFIG_HOME/locache/limits    of all together      LOCACHE_MAX_BYTES, ...
 *
 * What they say can only remove results, so that it is the file's own owner and mode that is looked
 * at. A link is followed where the user's own is one: settings are often kept elsewhere. */
#include "disk/settings.h"
#include "base/os.h"
#include "base/sized.h"
#include "base/system.h"
#include "disk/folders.h"
#include "disk/locate.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/temporary.h"
#include "disk/tree.h"
#include "format/quantity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IN_CACHE ".limits"
#define IN_CONFIG "/locache/limits"
/* Three lines and some comments. */
#define TEXT_MAX 4096

static const struct {
    const char *name;
    const char *of_user;
    const char *of_cache;
    lc_quantity what;
    size_t at;
} known[] = {
    {"max_bytes", "LOCACHE_MAX_BYTES", "LOCACHE_CACHE_MAX_BYTES", LC_QUANTITY_SIZE,
     offsetof(lc_settings, max_bytes)},
    {"max_entries", "LOCACHE_MAX_ENTRIES", "LOCACHE_CACHE_MAX_ENTRIES", LC_QUANTITY_COUNT,
     offsetof(lc_settings, max_entries)},
    {"max_age", "LOCACHE_MAX_AGE", "LOCACHE_CACHE_MAX_AGE", LC_QUANTITY_AGE,
     offsetof(lc_settings, max_age)},
};
#define KNOWN (sizeof known / sizeof *known)

static int64_t *value_of(lc_settings *settings, size_t n)
{
    return (int64_t *)(void *)((char *)settings + known[n].at);
}

static atomic_uint generation;

unsigned lc_settings_generation(void)
{
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

bool lc_settings_any(const lc_settings *settings)
{
    return settings->max_bytes > 0 || settings->max_entries > 0 || settings->max_age > 0;
}

/* ------------------------------------------------------------------------------------- the text */

/* One line, "max_bytes = 10G". False: it says nothing that is known. */
static bool read_setting(lc_settings *out, const char *line, size_t size)
{
    size_t skip = strspn(line, " \t\r");
    const char *equals = memchr(line, '=', size);
    if (skip >= size || line[skip] == '#')
        return true;
    for (size_t n = 0; equals != NULL && n < KNOWN; n++) {
        size_t length = strlen(known[n].name);
        const char *behind = line + skip + length;
        if (strncmp(line + skip, known[n].name, length) == 0 && behind <= equals &&
            strspn(behind, " \t") == (size_t)(equals - behind))
            return lc_quantity_read(value_of(out, n), known[n].what, equals + 1,
                                    (size_t)(line + size - equals - 1));
    }
    return false;
}

static locache_status read_lines(lc_settings *out, const char *text, const char *path,
                                 locache_error *error)
{
    int number = 1;
    for (const char *line = text; *line != '\0'; number++) {
        size_t size = strcspn(line, "\n");
        if (!read_setting(out, line, size))
            return lc_fail(
                error, LOCACHE_EINVAL,
                "%s, line %d, is none of \"max_bytes = 10G\", \"max_entries = 1000\" and "
                "\"max_age = 30d\"",
                path, number);
        line += size + (line[size] == '\n');
    }
    return LOCACHE_OK;
}

static locache_status read_environment(lc_settings *out, bool of_user, locache_error *error)
{
    locache_status status = LOCACHE_OK;
    for (size_t n = 0; n < KNOWN; n++) {
        const char *name = of_user ? known[n].of_user : known[n].of_cache;
        const char *text = lc_environment(name);
        if (text == NULL || text[0] == '\0')
            continue;
        if (!lc_quantity_read(value_of(out, n), known[n].what, text, strlen(text)))
            status = lc_fail(error, LOCACHE_EINVAL, "%s=%s is no %s", name, text,
                             known[n].what == LC_QUANTITY_SIZE  ? "size, as 500K, 10M or 1.5G"
                             : known[n].what == LC_QUANTITY_AGE ? "age, as 12h, 30d or 1y"
                                                                : "whole number");
    }
    return status;
}

locache_status lc_settings_check_environment(locache_error *error)
{
    lc_settings unused = {.max_bytes = 0};
    locache_status status = read_environment(&unused, true, error);
    return status == LOCACHE_OK ? read_environment(&unused, false, error) : status;
}

/* ------------------------------------------------------------------------------------- the file */

/* Where a file is: `name` in the directory that is open as `dir`, or a path. */
typedef struct settings_file {
    int dir;
    const char *name;
    const char *path; /* for messages */
} settings_file;

/* Into `text`, of TEXT_MAX + 1 bytes. OK, MISS: there is none. */
static locache_status read_text(char *text, const settings_file *file, locache_error *error)
{
    struct stat found;
    text[0] = '\0';
    int fd = lc_openat(file->dir, file->name, O_RDONLY, 0);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? LOCACHE_MISS
                   : lc_fail_os(error, errno, "cannot open %s", file->path);
    locache_status status = LOCACHE_OK;
    if (lc_fstat(fd, &found) != 0)
        status = lc_fail_os(error, errno, "cannot examine %s", file->path);
    else if (!S_ISREG(found.st_mode) || found.st_mode & (S_IWGRP | S_IWOTH) ||
             (found.st_uid != geteuid() && found.st_uid != 0))
        status = lc_fail(error, LOCACHE_EINVAL,
                         "%s is not a file that only you can write to: chmod go-w it", file->path);
    else if (found.st_size > TEXT_MAX)
        status = lc_fail(error, LOCACHE_ELIMIT, "%s has more than %d bytes", file->path, TEXT_MAX);
    ssize_t got = status == LOCACHE_OK ? lc_read_full(fd, text, TEXT_MAX) : 0;
    if (got < 0)
        status = lc_fail_os(error, errno, "cannot read %s", file->path);
    /* What is no text is no line that says something. */
    for (ssize_t i = 0; i < got; i++)
        if (text[i] == '\0')
            text[i] = '?';
    text[got > 0 ? got : 0] = '\0';
    lc_close(fd);
    return status;
}

/* The user's own file: its path, where it is a link that of what it leads to. */
static locache_status find_own(char out[LOCACHE_PATH_MAX], locache_error *error)
{
    char real[LOCACHE_PATH_MAX];
    locache_status status = lc_locate_user_directory(out, LOCACHE_PATH_MAX - sizeof IN_CONFIG,
                                                     "XDG_CONFIG_HOME", "/.config", error);
    if (status != LOCACHE_OK)
        return status;
    memcpy(out + strlen(out), IN_CONFIG, sizeof IN_CONFIG);
    if (lc_realpath(real, sizeof real, out) == 0)
        memcpy(out, real, strlen(real) + 1);
    return LOCACHE_OK;
}

static locache_status read_file(lc_settings *out, int root, const char *dir, locache_error *error)
{
    char path[LOCACHE_PATH_MAX + sizeof IN_CONFIG];
    char text[TEXT_MAX + 1];
    settings_file file = {.dir = root, .name = IN_CACHE, .path = path};
    locache_status status = LOCACHE_OK;
    if (root >= 0) {
        (void)snprintf(path, sizeof path, "%s/" IN_CACHE, dir);
    } else {
        status = find_own(path, error);
        file = (settings_file){.dir = AT_FDCWD, .name = path, .path = path};
    }
    if (status == LOCACHE_OK)
        status = read_text(text, &file, error);
    if (status == LOCACHE_OK)
        status = read_lines(out, text, path, error);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

locache_status lc_settings_read(lc_settings *out, int root, const char *dir, locache_error *error)
{
    *out = (lc_settings){.max_bytes = 0};
    locache_status file = read_file(out, root, dir, error);
    locache_status told = read_environment(out, root < 0, file == LOCACHE_OK ? error : NULL);
    return file != LOCACHE_OK ? file : told;
}

/* ---------------------------------------------------------------------------- looked at and set */

/* The cache directory of that path, where it is ours alone. *out is -1 for NULL. */
static locache_status open_scope(int *out, const char *dir, locache_error *error)
{
    lc_error_clear(error);
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
    *out = -1;
    if (dir == NULL)
        return LOCACHE_OK;
    if (dir[0] != '/')
        return lc_fail(error, LOCACHE_EINVAL, "a cache directory is an absolute path");
    locache_status status = lc_owner_open_dir(out, AT_FDCWD, dir, "", error);
    if (status == LOCACHE_MISS)
        return lc_fail(error, LOCACHE_EINVAL, "there is no directory %s", dir);
    if (status == LOCACHE_OK)
        status = lc_owner_above(*out, dir, false, "LOCACHE_DIR", error);
    if (status != LOCACHE_OK && *out >= 0)
        lc_close(*out);
    return status;
}

locache_status locache_get_bounds(locache_bounds *out, const char *dir, locache_error *error)
{
    lc_settings settings;
    int root;
    if (out->size < LC_SIZED_UP_TO(locache_bounds, max_bytes))
        return lc_fail(error, LOCACHE_EINVAL, "bounds.size is not sizeof(locache_bounds)");
    locache_status status = open_scope(&root, dir, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_settings_read(&settings, root, dir, error);
    if (root >= 0)
        lc_close(root);
    const locache_bounds all = {.max_bytes = settings.max_bytes,
                                .max_entries = settings.max_entries,
                                .max_age = settings.max_age};
    lc_sized_give(out, &all, sizeof all);
    return status;
}

static size_t write_lines(char *text, const lc_settings *settings, bool of_user)
{
    char value[LC_QUANTITY_TEXT];
    int size = snprintf(text, TEXT_MAX, "# What %s may hold. Written by locache gc --set-...\n",
                        of_user ? "all caches of this user together" : "this cache");
    for (size_t n = 0; n < KNOWN; n++) {
        int64_t number = *value_of(
            &(lc_settings){settings->max_bytes, settings->max_entries, settings->max_age}, n);
        if (number <= 0)
            continue;
        lc_quantity_write(value, known[n].what, number);
        size += snprintf(text + size, TEXT_MAX - (size_t)size, "%s = %s\n", known[n].name, value);
    }
    return (size_t)size;
}

/* Whole or not at all; no bound is no file. */
static locache_status write_file(const settings_file *file, const lc_settings *settings,
                                 bool of_user, locache_error *error)
{
    char text[TEXT_MAX];
    lc_temporary temporary;
    if (!lc_settings_any(settings))
        return lc_unlinkat(file->dir, file->name, 0) == 0 || errno == ENOENT
                   ? LOCACHE_OK
                   : lc_fail_os(error, errno, "cannot remove %s", file->path);
    const lc_span content = {text, write_lines(text, settings, of_user)};
    lc_temporary_sweep(file->dir);
    if (lc_temporary_create(&temporary, file->dir) != 0 ||
        lc_temporary_share(&temporary, lc_share_like(file->dir)) != 0 ||
        lc_temporary_write(&temporary, &content, 1) != 0 ||
        lc_temporary_publish(&temporary, file->dir, file->name) != 0)
        return lc_fail_os(error, errno, "cannot write %s", file->path);
    return LOCACHE_OK;
}

/* The user's own, in its directory, which is made. */
static locache_status write_own(const lc_settings *settings, locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    char whole[LOCACHE_PATH_MAX];
    locache_status status = find_own(path, error);
    if (status != LOCACHE_OK)
        return status;
    memcpy(whole, path, strlen(path) + 1);
    char *name = strrchr(path, '/');
    *name++ = '\0';
    if (lc_settings_any(settings) && lc_tree_make(path) != 0)
        return lc_fail_os(error, errno, "cannot make the directory %s", path);
    int dir = lc_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return errno == ENOENT ? LOCACHE_OK : lc_fail_os(error, errno, "cannot open %s", path);
    status = write_file(&(settings_file){dir, name, whole}, settings, true, error);
    lc_close(dir);
    return status;
}

locache_status locache_set_bounds(const char *dir, const locache_bounds *bounds,
                                  locache_error *error)
{
    locache_bounds told;
    char path[LOCACHE_PATH_MAX + sizeof IN_CACHE + 1];
    int root;
    if (!lc_sized_take(&told, sizeof told, LC_SIZED_UP_TO(locache_bounds, max_bytes), bounds))
        return lc_fail(error, LOCACHE_EINVAL, "bounds.size is not sizeof(locache_bounds)");
    const lc_settings settings = {told.max_bytes, told.max_entries, told.max_age};
    locache_status status = open_scope(&root, dir, error);
    if (status != LOCACHE_OK)
        return status;
    if (root < 0)
        return write_own(&settings, error);
    (void)snprintf(path, sizeof path, "%s/" IN_CACHE, dir);
    status = write_file(&(settings_file){root, IN_CACHE, path}, &settings, false, error);
    /* Now, so that no store has to. */
    lc_folders counted = {.items = NULL};
    if (status == LOCACHE_OK && lc_settings_any(&settings))
        lc_folders_add(&counted, root, dir);
    lc_folders_free(&counted);
    lc_close(root);
    return status;
}
