/* Gives a fuzz target the inputs that were kept: every file of the directories named. For builds without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return -1;
    }
    long size = ftell(file);
    rewind(file);
    /* Exactly as large as the input, so that a sanitizer sees a read past its end. */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    int result = -1;
    if (data != NULL && size >= 0 && fread(data, 1, (size_t)size, file) == (size_t)size)
        result = LLVMFuzzerTestOneInput(data, (size_t)size);
    if (result != 0)
        fprintf(stderr, "%s: failed\n", path);
    free(data);
    (void)fclose(file);
    return result;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        if (dir == NULL) {
            perror(argv[i]);
            return 1;
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            char path[4096];
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (replay(path) != 0)
                return 1;
            count++;
        }
        closedir(dir);
    }
    printf("%zu inputs\n", count);
    return count == 0;
}
