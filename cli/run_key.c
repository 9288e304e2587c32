/* The key of a memoized command: its words by their positions, then what was asked for, each under
 * a name of its own. Nothing else of the world is in it. */
#include "print.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Any bytes: text where they are UTF-8, which shows in the entry's name, else bytes. */
static void put_word(locache_cbor_writer *key, const char *word)
{
    size_t size = strlen(word);
    size_t ascii = 0;
    while (ascii < size && (unsigned char)word[ascii] < 0x80)
        ascii++;
    bool is_text = ascii == size;
    if (!is_text) {
        unsigned char room[256];
        locache_cbor_writer trial;
        locache_cbor_writer_init(&trial, room, sizeof room);
        locache_key_text(&trial, word, size);
        is_text = locache_cbor_writer_status(&trial) == LOCACHE_OK;
        locache_cbor_writer_clear(&trial);
    }
    if (is_text)
        locache_key_text(key, word, size);
    else
        locache_key_bytes(key, word, size);
}

static void key_label(locache_cbor_writer *key, const char *name)
{
    locache_key_name(key, name, strlen(name));
}

static bool put_directory(cli_run *run)
{
    char path[LOCACHE_PATH_MAX];
    if (getcwd(path, sizeof path) == NULL) {
        cli_error("run: cannot tell the working directory: not cached");
        return false;
    }
    key_label(&run->key, "cwd");
    put_word(&run->key, path);
    return true;
}

/* A path without what leads nowhere: "./a//b" is "a/b". Links are followed by ".." and by a '/' at
 * the end, which stay. */
static void clean_path(char out[LOCACHE_PATH_MAX], const char *path)
{
    size_t size = 0;
    bool any = *path != '\0';
    while (*path != '\0' && size < LOCACHE_PATH_MAX - 1) {
        bool begins = size == 0 || out[size - 1] == '/';
        if (begins && size > 0 && *path == '/')
            path++;
        else if (begins && path[0] == '.' && path[1] == '/')
            for (path++; *path == '/' && size == 0; path++)
                continue;
        else
            out[size++] = *path++;
    }
    if (size == 0 && any)
        out[size++] = '.';
    out[size] = '\0';
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_path(const void *a, const void *b)
{
    char one[LOCACHE_PATH_MAX];
    char other[LOCACHE_PATH_MAX];
    clean_path(one, *(const char *const *)a);
    clean_path(other, *(const char *const *)b);
    return strcmp(one, other);
}

/* What was asked for is a set: each once, in an order of its own. How many they are. */
static size_t make_set(const char **all, size_t count, int (*compare)(const void *, const void *))
{
    size_t kept = 0;
    qsort(all, count, sizeof *all, compare);
    for (size_t n = 0; n < count; n++)
        if (kept == 0 || compare(&all[kept - 1], &all[n]) != 0)
            all[kept++] = all[n];
    all[kept] = NULL;
    return kept;
}

static void put_environment(cli_run *run)
{
    run->environment_count = make_set(run->environment, run->environment_count, by_name);
    key_label(&run->key, "env");
    locache_cbor_write_array(&run->key, 2 * run->environment_count);
    for (size_t n = 0; n < run->environment_count; n++) {
        const char *value = getenv(run->environment[n]);
        put_word(&run->key, run->environment[n]);
        if (value != NULL)
            put_word(&run->key, value);
        else
            locache_cbor_write_null(&run->key);
    }
}

static bool put_files(cli_run *run)
{
    char path[LOCACHE_PATH_MAX] = "";
    unsigned char digest[CLI_RUN_DIGEST];
    run->file_count = make_set(run->files, run->file_count, by_path);
    key_label(&run->key, "file");
    locache_cbor_write_array(&run->key, 3 * run->file_count);
    for (size_t n = 0; n < run->file_count; n++) {
        char kind = cli_run_digest_path(digest, run->files[n], run->place);
        if (kind == 0)
            return false;
        clean_path(path, run->files[n]);
        put_word(&run->key, path);
        locache_cbor_write_text(&run->key, &kind, 1);
        locache_cbor_write_bytes(&run->key, digest, kind != '-' ? sizeof digest : 0);
    }
    return true;
}

static bool put_input(cli_run *run)
{
    unsigned char digest[CLI_RUN_DIGEST];
    int error = cli_spool_digest(digest, &run->input);
    if (error != 0) {
        cli_error("run: cannot keep standard input: %s: not cached", strerror(error));
        return false;
    }
    key_label(&run->key, "stdin");
    locache_cbor_write_bytes(&run->key, digest, sizeof digest);
    return true;
}

static size_t count_parts(const cli_run *run)
{
    size_t count = (size_t)run->command_count;
    count += run->with_cwd ? 1 : 0;
    count += run->environment_count > 0 ? 1 : 0;
    count += run->file_count > 0 ? 1 : 0;
    count += run->with_stdin ? 1 : 0;
    count += run->scope != NULL ? 1 : 0;
    return count;
}

bool cli_run_make_key(cli_run *run)
{
    locache_key_begin(&run->key, count_parts(run));
    for (int n = 0; n < run->command_count; n++) {
        locache_key_index(&run->key, (uint64_t)n);
        put_word(&run->key, run->command[n]);
    }
    if (run->with_cwd && !put_directory(run))
        return false;
    if (run->environment_count > 0)
        put_environment(run);
    if (run->file_count > 0 && !put_files(run))
        return false;
    if (run->with_stdin && !put_input(run))
        return false;
    if (run->scope != NULL) {
        key_label(&run->key, "scope");
        put_word(&run->key, run->scope);
    }
    if (locache_cbor_writer_status(&run->key) == LOCACHE_OK)
        return true;
    cli_error("run: no memory for the key: not cached");
    return false;
}

/* Bytes at most of a directory's name: a longer one is no name of a program. */
#define FUNCTION_MAX 128

/* What is no ASCII is '?': the key tells commands apart, the name is for people. */
char *cli_run_function(const cli_run *run)
{
    const char *slash = strrchr(run->command[0], '/');
    const char *word = slash != NULL ? slash + 1 : run->command[0];
    char *name = malloc(FUNCTION_MAX + 1);
    size_t size = 0;
    if (name == NULL)
        return NULL;
    for (; word[size] != '\0' && size < FUNCTION_MAX; size++) {
        name[size] = '?';
        if (word[size] > ' ' && word[size] < 0x7F)
            name[size] = word[size];
    }
    if (size == 0)
        name[size++] = '_';
    name[size] = '\0';
    return name;
}
