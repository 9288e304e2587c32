/* Runs a fuzz target over every file of the directories (or files) given: for the plain tests,
 * which have no libFuzzer.
 *
 *     fuzz_cbor_replay DIRECTORY...
 *
 * Each file has a process of its own, so that one that crashes it is named and the others still
 * run. What it takes of memory is at most four times its size and a megabyte: counted where the
 * allocator is glibc's own, which a sanitizer's is not. */
#include <dirent.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned passed, failed;
static size_t in_use, most; /* bytes */

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void __libc_free(void *memory);

static void *count(void *memory)
{
    in_use += memory != NULL ? malloc_usable_size(memory) : 0;
    most = in_use > most ? in_use : most;
    return memory;
}

void *malloc(size_t size)
{
    return count(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
    return count(__libc_calloc(number, size));
}

void *realloc(void *memory, size_t size)
{
    size_t before = memory != NULL ? malloc_usable_size(memory) : 0;
    void *moved = __libc_realloc(memory, size);
    if (moved != NULL || size == 0)
        in_use -= before;
    return count(moved);
}

void free(void *memory)
{
    in_use -= memory != NULL ? malloc_usable_size(memory) : 0;
    __libc_free(memory);
}
#endif

/* In a buffer of exactly its size, so that a sanitizer sees a read past its end. */
static int run(const char *path, size_t size)
{
    uint8_t *data = malloc(size > 0 ? size : 1);
    FILE *file = fopen(path, "rb");
    if (data == NULL || file == NULL || fread(data, 1, size, file) != size) {
        perror(path);
        return 1;
    }
    fclose(file);
    size_t before = most = in_use;
    int result = LLVMFuzzerTestOneInput(data, size);
    free(data);
    if (most - before > 4 * size + (1 << 20)) {
        fprintf(stderr, "%s, of %zu bytes, takes %zu\n", path, size, most - before);
        return 1;
    }
    return result;
}

static void replay_file(const char *path, size_t size)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        exit(run(path, size));
    if (child > 0 && waitpid(child, &status, 0) == child && status == 0) {
        passed++;
        return;
    }
    failed++;
    fprintf(stderr, "failed: %s\n", path);
}

static void replay(const char *path, int depth);

static void replay_directory(const char *path, int depth)
{
    DIR *stream = opendir(path);
    struct dirent *entry;
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        char inner[4096];
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) < (int)sizeof inner)
            replay(inner, depth + 1);
    }
    if (stream != NULL)
        closedir(stream);
}

static void replay(const char *path, int depth)
{
    struct stat found;
    if (stat(path, &found) != 0) {
        perror(path);
        failed++;
    } else if (S_ISREG(found.st_mode)) {
        replay_file(path, (size_t)found.st_size);
    } else if (S_ISDIR(found.st_mode) && depth < 2) {
        replay_directory(path, depth);
    }
}

int main(int count, char **paths)
{
    for (int i = 1; i < count; i++)
        replay(paths[i], 0);
    printf("%u passed, %u failed\n", passed, failed);
    return passed == 0 || failed > 0;
}
