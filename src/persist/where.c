/* Where a memoized C function keeps its results: found once for each, at its first call.
 *
 * What a program knows is the name that its compiler was given for the source, which is relative in
 * most builds, and the source's text. So a file of that name is looked for where programs are run
 * and built, and is the source only where its content says so: else two programs with a main.c each
 * would share a cache. */
#include "persist/where.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "persist/identity.h"
#include "persist/object.h"
#include "persist/source.h"
#include "persist/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Bytes: no source is so large, and a log of that name is not read. */
#define SOURCE_MAX (64 << 20)

/* -------------------------------------------------------------------------------------- set_dir */

/* What locache_set_dir() said, the last time first. Any thread may be reading an earlier one: they
 * stay, and are few. The list only keeps them from counting as leaks. */
typedef struct chosen_dir {
    struct chosen_dir *before;
    bool none;
    char path[LOCACHE_PATH_MAX];
} chosen_dir;

static _Atomic(chosen_dir *) chosen;

/* From the working directory where it is relative. */
static locache_status absolute(char out[LOCACHE_PATH_MAX], const char *dir, locache_error *error)
{
    char start[LOCACHE_PATH_MAX] = "";
    if (dir[0] == '\0')
        return lc_fail(error, LOCACHE_EINVAL, "the path of the cache directory must not be empty");
    if (dir[0] != '/' && getcwd(start, sizeof start) == NULL)
        return lc_fail_os(error, errno, "cannot find the working directory, which %s starts from",
                          dir);
    int size = snprintf(out, LOCACHE_PATH_MAX, "%s%s%s", start, start[0] ? "/" : "", dir);
    return size < LOCACHE_PATH_MAX
               ? LOCACHE_OK
               : lc_fail(error, LOCACHE_ELIMIT, "the path of the cache directory is too long");
}

locache_status locache_set_dir(const char *dir, locache_error *error)
{
    lc_error_clear(error);
    chosen_dir *made = lc_alloc(sizeof *made);
    if (made == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for the path of the cache directory");
    made->none = dir == NULL;
    locache_status status = dir != NULL ? absolute(made->path, dir, error) : LOCACHE_OK;
    if (status != LOCACHE_OK) {
        lc_free(made);
        return status;
    }
    made->before = atomic_load(&chosen);
    /* A failed exchange has set made->before to the newest: two that set at once both stay. */
    while (!atomic_compare_exchange_weak(&chosen, &made->before, made))
        ;
    return LOCACHE_OK;
}

void lc_where_clear(void)
{
    chosen_dir *at = atomic_exchange(&chosen, NULL);
    while (at != NULL) {
        chosen_dir *before = at->before;
        lc_free(at);
        at = before;
    }
}

/* -------------------------------------------------------------------------- is this the source? */

/* What is looked for: the file that was compiled, or, of a function that is shared, the one that
 * its definition is in. */
typedef struct wanted {
    const locache_function_record *function;
    const char *file;
    lc_span text;
    bool loosely; /* a file that only defines such a function will do */
} wanted;

/* Does that content define a memoized function of the name? It was edited since it was compiled,
 * say. The identity, which is of the text in the program, keeps the results apart from another
 * source's. */
static bool defines(const char *name, const lc_span *content)
{
    lc_source *tokens;
    lc_span definition;
    if (lc_source_make(&tokens, *content) != LOCACHE_OK)
        return false;
    bool found = lc_source_definition(&definition, tokens, name, 0);
    lc_source_free(tokens);
    return found;
}

static bool is_wanted(const wanted *what, const lc_span *content)
{
    if (what->loosely)
        return defines(what->function->name, content);
    return what->text.data != NULL && what->text.size == content->size &&
           memcmp(what->text.data, content->data, content->size) == 0;
}

/* Through links, as locache_locate() will resolve them. */
static bool is_source(const wanted *what, const char *path)
{
    char real[LOCACHE_PATH_MAX];
    struct stat found;
    char *content = NULL;
    bool same = false;
    if (lc_realpath(real, sizeof real, path) != 0)
        return false;
    int fd = lc_openat(AT_FDCWD, real, O_RDONLY, 0);
    if (fd < 0)
        return false;
    if (lc_fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size > SOURCE_MAX)
        goto done;
    content = lc_alloc((size_t)found.st_size);
    if (content == NULL || lc_read_full(fd, content, (size_t)found.st_size) != found.st_size)
        goto done;
    lc_span all = {content, (size_t)found.st_size};
    same = is_wanted(what, &all);
done:
    lc_free(content);
    lc_close(fd);
    return same;
}

/* ---------------------------------------------------------------------------------- directories */

static bool is_there(const char *path)
{
    char real[LOCACHE_PATH_MAX];
    return lc_realpath(real, sizeof real, path) == 0;
}

/* <directory>/<file> where that is the source. */
static bool try_in(char out[LOCACHE_PATH_MAX], const char *directory, const wanted *what)
{
    int size = snprintf(out, LOCACHE_PATH_MAX, "%s/%s", directory, what->file);
    return size > 0 && size < LOCACHE_PATH_MAX && is_source(what, out);
}

/* From the working directory, then from the executable's and those above it: a build directory is
 * one of them, mostly. */
static bool find_source(char out[LOCACHE_PATH_MAX], const wanted *what)
{
    char directory[LOCACHE_PATH_MAX];
    if (getcwd(directory, sizeof directory) != NULL && try_in(out, directory, what))
        return true;
    if (!lc_object_path(directory, what->function))
        return false;
    for (char *slash; (slash = strrchr(directory, '/')) != NULL;) {
        *slash = '\0';
        if (try_in(out, directory, what))
            return true;
    }
    return false;
}

/* A name for a source that nobody finds: its relative path, what leads up left out, under the
 * program's own, since another program beside it may be of a file with the same name. */
static bool name_source(char out[LOCACHE_PATH_MAX], const wanted *what)
{
    char program[LOCACHE_PATH_MAX];
    const char *file = what->file;
    if (!lc_object_path(program, what->function))
        program[0] = '\0';
    /* What leads up would leave the program's name; only what follows the last is kept. */
    for (const char *up; (up = strstr(file, "../")) != NULL;)
        file = up + 3;
    int size = snprintf(out, LOCACHE_PATH_MAX, "%s.d/%s", program, file);
    return size > 0 && size < LOCACHE_PATH_MAX;
}

/* Of locache_set_dir(); false where that was never said, or a NULL after a path. */
static bool chosen_path(char out[LOCACHE_PATH_MAX])
{
    const chosen_dir *dir = atomic_load(&chosen);
    if (dir == NULL || dir->none)
        return false;
    snprintf(out, LOCACHE_PATH_MAX, "%s", dir->path);
    return true;
}

locache_status lc_where(char out[LOCACHE_PATH_MAX], bool *located,
                        const locache_function_record *function, locache_error *error)
{
    char source[LOCACHE_PATH_MAX];
    lc_text text;
    bool shared = lc_identity_statement(function, true) != NULL;
    lc_error_clear(error);
    *located = false;
    if (function->options->dir != NULL)
        return absolute(out, function->options->dir, error);
    if (chosen_path(out))
        return LOCACHE_OK;
    *located = true;
    lc_text_find(&text, function);
    wanted what = {.function = function,
                   .file = shared ? function->file : function->base_file,
                   .text = shared ? text.own : text.base};
    if (what.file[0] == '/')
        return locache_locate(out, what.file, NULL,
                              /* Built elsewhere: nobody has that directory. */
                              is_there(what.file) ? 0 : LOCACHE_LOCATE_AWAY, error);
    bool found = what.text.data != NULL && find_source(source, &what);
    what.loosely = true;
    if (found || find_source(source, &what))
        return locache_locate(out, source, NULL, 0, error);
    if (!name_source(source, &what))
        return lc_fail(error, LOCACHE_ELIMIT, "the path of the source is too long: %s", what.file);
    return locache_locate(out, source, NULL, LOCACHE_LOCATE_AWAY, error);
}
