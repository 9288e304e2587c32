/* What an operand names: a cache directory, a folder or an entry's file in one, a source file, or
 * one of its functions; and the caches that are below a directory. */
#include "places.h"
#include "command.h"
#include "print.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Directories below the one where the search for caches begins; a path can hold no more. */
#define DEPTH_MAX (LOCACHE_PATH_MAX / 2)

/* --------------------------------------------------------------------------- names of functions */

static int hex_digit(char c)
{
    const char *digits = "0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

void cli_function_name(char *out, const char *directory)
{
    size_t size = 0;
    for (const char *at = directory; *at != '\0' && *at != '~' && size < LOCACHE_NAME_MAX; at++) {
        int high = *at == '%' ? hex_digit(at[1]) : -1;
        int low = high >= 0 ? hex_digit(at[2]) : -1;
        const unsigned char byte = (unsigned char)(low >= 0 ? high * 16 + low : 0);
        memcpy(out + size++, low >= 0 ? (const char *)&byte : at, 1);
        at += low >= 0 ? 2 : 0;
    }
    out[size] = '\0';
}

/* What is no digit is in no name that locache made, and counts as 0. */
static unsigned hex_low(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (unsigned)(found - digits) : 0;
}

void cli_function_id(locache_id *out, const char *directory)
{
    char name[LOCACHE_NAME_MAX + 1];
    const char *tail = strchr(directory, '~');
    bool hashed = tail != NULL && strcmp(tail, "~locache") != 0 &&
                  strlen(tail + 1) >= 2 * (size_t)LOCACHE_ID_SIZE;
    for (size_t i = 0; hashed && i < LOCACHE_ID_SIZE; i++)
        out->bytes[i] = (unsigned char)(hex_low(tail[1 + 2 * i]) << 4 | hex_low(tail[2 + 2 * i]));
    if (hashed)
        return;
    cli_function_name(name, directory);
    locache_id_of(out, name, strlen(name));
}

/* A long name ends with the id of the whole. */
static bool has_id_of(const char *tail, const char *function)
{
    locache_id id;
    char text[2 * LOCACHE_ID_SIZE + 1];
    locache_id_of(&id, function, strlen(function));
    for (size_t i = 0; i < LOCACHE_ID_SIZE; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", id.bytes[i]);
    return strncmp(tail, text, strlen(text)) == 0;
}

bool cli_is_function(const char *directory, const char *function)
{
    char name[LOCACHE_NAME_MAX + 1];
    const char *tail = strchr(directory, '~');
    cli_function_name(name, directory);
    if (tail != NULL && strcmp(tail, "~locache") != 0 && has_id_of(tail + 1, function))
        return true;
    /* A name that was cut is no name; but it may be what a pattern means. */
    return fnmatch(function, name, 0) == 0;
}

/* ------------------------------------------------------------------------------------- the list */

static char *copy_of(const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL) {
        cli_error("no memory");
        exit(CLI_FAILED);
    }
    return copy;
}

static void add(cli_places *out, const cli_place *place)
{
    if (out->count == out->room) {
        out->room = 2 * out->room + 16;
        out->items = realloc(out->items, out->room * sizeof *out->items);
        if (out->items == NULL) {
            cli_error("no memory");
            exit(CLI_FAILED);
        }
    }
    out->items[out->count++] = (cli_place){copy_of(place->dir), copy_of(place->function),
                                           copy_of(place->folder), copy_of(place->entry)};
}

void cli_places_clear(cli_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        free(places->items[i].dir);
        free(places->items[i].function);
        free(places->items[i].folder);
        free(places->items[i].entry);
    }
    free(places->items);
    *places = (cli_places){.items = NULL};
}

/* ---------------------------------------------------------------------------- below a directory */

static bool is_directory(const char *path, const struct dirent *item)
{
    struct stat found;
    if (item->d_type != DT_UNKNOWN)
        return item->d_type == DT_DIR;
    return lstat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static bool has(const char *path, const char *name)
{
    char within[LOCACHE_PATH_MAX];
    struct stat found;
    return (size_t)snprintf(within, sizeof within, "%s/%s", path, name) < sizeof within &&
           lstat(within, &found) == 0;
}

/* Is all that is below it of that cache? A user's own directory may have others in it. */
static bool is_cache_alone(const char *path)
{
    size_t size = strlen(path);
    return has(path, "CACHEDIR.TAG") || (size > 6 && strcmp(path + size - 6, ".cache") == 0);
}

/* `path` has room for LOCACHE_PATH_MAX bytes, and is `size` long. */
static void search(cli_places *out, char *path, size_t size, int depth)
{
    bool is_cache = locache_is_cache(path) == LOCACHE_OK;
    if (is_cache) {
        add(out, &(cli_place){.dir = path});
        if (is_cache_alone(path))
            return;
    }
    DIR *dir = opendir(path);
    if (dir == NULL) {
        /* Others' directories are not looked into: only the first was named. */
        if (depth == 0 || (errno != EACCES && errno != ENOENT)) {
            cli_error("cannot look into %s: %s", path, strerror(errno));
            out->failed = true;
        }
        return;
    }
    const struct dirent *item;
    while (depth < DEPTH_MAX && (item = readdir(dir)) != NULL) {
        size_t length = strlen(item->d_name);
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0 ||
            strcmp(item->d_name, ".git") == 0 || size + length + 2 > LOCACHE_PATH_MAX)
            continue;
        bool slash = path[size - 1] == '/';
        (void)snprintf(path + size, LOCACHE_PATH_MAX - size, "%s%s", slash ? "" : "/",
                       item->d_name);
        if (is_directory(path, item) &&
            !(is_cache && (strcmp(item->d_name, ".versions") == 0 || has(path, ".locache"))))
            search(out, path, size + length + !slash, depth + 1);
        path[size] = '\0';
    }
    closedir(dir);
}

/* ---------------------------------------------------------------------------------- one operand */

/* Cut the last `parts` names of a path off. False: it has no more than these. */
static bool above(char out[LOCACHE_PATH_MAX], const char *path, int parts)
{
    (void)snprintf(out, LOCACHE_PATH_MAX, "%s", path);
    for (; parts > 0; parts--) {
        char *slash = strrchr(out, '/');
        if (slash == NULL || slash == out)
            return false;
        *slash = '\0';
    }
    return true;
}

static const char *name_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* The cache directory that a folder is in, if it is one. */
static bool folder_in(char dir[LOCACHE_PATH_MAX], const char *path)
{
    char versions[LOCACHE_PATH_MAX];
    if (above(dir, path, 1) && locache_is_cache(dir) == LOCACHE_OK)
        return name_of(path)[0] != '.';
    return above(versions, path, 2) && strcmp(name_of(versions), ".versions") == 0 &&
           above(dir, path, 3) && locache_is_cache(dir) == LOCACHE_OK;
}

/* An absolute path without links in what is above its last name, which may be one. */
static bool absolute(char out[LOCACHE_PATH_MAX], const char *path)
{
    char given[LOCACHE_PATH_MAX];
    char parent[PATH_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof given)
        return false;
    memcpy(given, path, size + 1);
    while (size > 1 && given[size - 1] == '/')
        given[--size] = '\0';
    char *slash = strrchr(given, '/');
    const char *last = slash != NULL ? slash + 1 : given;
    if (strcmp(last, "") == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return realpath(given, parent) != NULL &&
               snprintf(out, LOCACHE_PATH_MAX, "%s", parent) < LOCACHE_PATH_MAX;
    if (slash != NULL)
        *slash = '\0';
    if (realpath(slash == NULL ? "." : slash == given ? "/" : given, parent) == NULL)
        return false;
    const char *between = strcmp(parent, "/") == 0 ? "" : "/";
    return snprintf(out, LOCACHE_PATH_MAX, "%s%s%s", parent, between, last) < LOCACHE_PATH_MAX;
}

/* Where a source's results are: beside it, and where they would be if that could not be written
 * to. */
static int find_source(cli_places *out, const char *source, char *function)
{
    char dir[LOCACHE_PATH_MAX];
    char expected[LOCACHE_PATH_MAX] = "";
    locache_error error;
    size_t before = out->count;
    static const unsigned ways[] = {0, LOCACHE_LOCATE_AWAY};
    for (size_t n = 0; n < sizeof ways / sizeof *ways; n++) {
        if (locache_locate(dir, source, NULL, ways[n], &error) != LOCACHE_OK) {
            cli_error("%s", error.message);
            return CLI_FAILED;
        }
        if (strcmp(dir, expected) != 0 && locache_is_cache(dir) == LOCACHE_OK)
            add(out, &(cli_place){.dir = dir, .function = function});
        if (n == 0)
            (void)snprintf(expected, sizeof expected, "%s", dir);
    }
    if (out->count > before)
        return CLI_DONE;
    cli_error("%s has no results: there is no %s; what dir= or name= put elsewhere is among those "
              "of locache ls --all",
              source, expected);
    return CLI_FOUND;
}

static int find_directory(cli_places *out, char *path)
{
    char dir[LOCACHE_PATH_MAX];
    if (folder_in(dir, path)) {
        add(out, &(cli_place){.dir = dir, .folder = path});
        return CLI_DONE;
    }
    size_t before = out->count;
    search(out, path, strlen(path), 0); /* the first is it itself, if it is one */
    if (out->count > before || out->failed)
        return CLI_DONE;
    cli_error("there is no cache of locache in %s", path);
    return CLI_FOUND;
}

/* A file is an entry where it is in a folder; else a source. */
static int find_file(cli_places *out, char *path)
{
    char folder[LOCACHE_PATH_MAX];
    char dir[LOCACHE_PATH_MAX];
    if (above(folder, path, 1) && folder_in(dir, folder)) {
        add(out, &(cli_place){.dir = dir, .folder = folder, .entry = path + strlen(folder) + 1});
        return CLI_DONE;
    }
    return find_source(out, path, NULL);
}

/* "foo.py:my_func", where no file has that name. */
static int find_function(cli_places *out, const char *operand)
{
    char path[LOCACHE_PATH_MAX];
    char source[LOCACHE_PATH_MAX];
    struct stat found;
    const char *colon = strrchr(operand, ':');
    if (colon == NULL || colon == operand || colon[1] == '\0' ||
        (size_t)(colon - operand) >= sizeof source) {
        cli_error("there is no %s", operand);
        return CLI_FOUND;
    }
    memcpy(source, operand, (size_t)(colon - operand));
    source[colon - operand] = '\0';
    char *function = copy_of(colon + 1);
    int code;
    if (!absolute(path, source)) {
        cli_error("there is no %s", source);
        code = CLI_FOUND;
    } else if (locache_is_cache(path) == LOCACHE_OK) {
        add(out, &(cli_place){.dir = path, .function = function});
        code = CLI_DONE;
    } else if (lstat(path, &found) == 0 && S_ISDIR(found.st_mode)) {
        cli_error("%s is a directory, and no cache: name a source file, as foo.py:%s", source,
                  function);
        code = CLI_FOUND;
    } else {
        code = find_source(out, path, function);
    }
    free(function);
    return code;
}

static int find_operand(cli_places *out, const char *operand)
{
    char path[LOCACHE_PATH_MAX];
    struct stat found;
    if (!absolute(path, operand) || lstat(path, &found) != 0) {
        char folder[LOCACHE_PATH_MAX];
        char dir[LOCACHE_PATH_MAX];
        if (absolute(path, operand) && above(folder, path, 1) && folder_in(dir, folder)) {
            cli_error("there is no result %s", operand);
            return CLI_FOUND;
        }
        return find_function(out, operand);
    }
    if (S_ISLNK(found.st_mode) && stat(path, &found) == 0 && S_ISDIR(found.st_mode)) {
        cli_error("%s is a symbolic link, which is not followed: name what it leads to", operand);
        return CLI_FAILED;
    }
    return S_ISDIR(found.st_mode) ? find_directory(out, path) : find_file(out, path);
}

int cli_places_find(cli_places *out, int count, char **operands)
{
    char here[LOCACHE_PATH_MAX];
    int code = CLI_DONE;
    *out = (cli_places){.items = NULL};
    if (count == 0) {
        if (getcwd(here, sizeof here) == NULL) {
            cli_error("cannot tell the working directory: %s", strerror(errno));
            return CLI_FAILED;
        }
        search(out, here, strlen(here), 0);
    }
    for (int i = 0; i < count; i++) {
        int one = find_operand(out, operands[i]);
        code = one > code ? one : code;
    }
    return out->failed && code == CLI_DONE ? CLI_FAILED : code;
}

/* --------------------------------------------------------------------------- all of this user's */

/* Those that were there before are looked through for each: they are below one directory. */
typedef struct adding {
    cli_places *to;
    size_t before;
} adding;

static bool add_cache(void *context, const locache_cache_info *cache)
{
    const adding *in = context;
    char path[LOCACHE_PATH_MAX];
    for (size_t i = 0; i < in->before; i++)
        if (strcmp(in->to->items[i].dir, cache->path) == 0)
            return true;
    (void)snprintf(path, sizeof path, "%s", cache->path);
    add(in->to, &(cli_place){.dir = path});
    return true;
}

int cli_places_add_all(cli_places *places)
{
    locache_error error;
    adding in = {places, places->count};
    if (locache_each_cache(add_cache, &in, &error) == LOCACHE_OK)
        return CLI_DONE;
    cli_error("%s", error.message);
    return CLI_FAILED;
}

int cli_places_of(cli_places *out, const cli_parse *parse)
{
    if (!parse->all)
        return cli_places_find(out, parse->operands, parse->argv);
    *out = (cli_places){.items = NULL};
    return cli_places_add_all(out);
}
