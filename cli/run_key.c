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

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each once, sorted: whoever asks for the same in another order asks for the same. */
static void make_set(char **words, size_t *count)
{
    size_t kept = 0;
    if (*count > 1)
        qsort(words, *count, sizeof *words, compare_words);
    for (size_t n = 0; n < *count; n++)
        if (kept == 0 || strcmp(words[kept - 1], words[n]) != 0)
            words[kept++] = words[n];
    *count = kept;
}

/* Without "." and empty parts, in place. ".." stays, which leads elsewhere behind a link. */
static void clean_path(char *path)
{
    char *to = path;
    const char *from = path;
    bool absolute = path[0] == '/';
    to += absolute ? 1 : 0;
    while (*from != '\0') {
        size_t size = strcspn(from, "/");
        if (size > 0 && !(size == 1 && from[0] == '.')) {
            if (to > path + absolute)
                *to++ = '/';
            memmove(to, from, size);
            to += size;
        }
        from += size;
        from += *from == '/' ? 1 : 0;
    }
    /* The working directory; "" is none. */
    if (to == path && from > path)
        *to++ = '.';
    *to = '\0';
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

static void put_environment(cli_run *run)
{
    key_label(&run->key, "env");
    make_set(run->environment, &run->environment_count);
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
    unsigned char digest[CLI_RUN_DIGEST];
    key_label(&run->key, "file");
    for (size_t n = 0; n < run->file_count; n++)
        clean_path(run->files[n]);
    make_set(run->files, &run->file_count);
    locache_cbor_write_array(&run->key, 3 * run->file_count);
    for (size_t n = 0; n < run->file_count; n++) {
        char kind = cli_run_digest_path(digest, run->files[n], run->place);
        if (kind == 0)
            return false;
        put_word(&run->key, run->files[n]);
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
