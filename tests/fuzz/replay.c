/* Runs a fuzz target over every file of the directories (or files) given: for the plain tests,
 * which have no libFuzzer.
 *
 *     fuzz_cbor_replay DIRECTORY...
 *
 * Each file has a process of its own, so that one that crashes it is named and the others still
 * run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned passed, failed;

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
    int result = LLVMFuzzerTestOneInput(data, size);
    free(data);
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
    printf("%u passed, %u failed\n%u injections\n", passed, failed, passed + failed);
    return passed == 0 || failed > 0;
}
