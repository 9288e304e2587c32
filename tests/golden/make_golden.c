/* Write the golden entries: make_golden DIRECTORY, by hand and once, when a case is added or a
 * format version is new. A file that is there already is left as it is: what was released does not
 * change. */
#include "cases.h"

#include <errno.h>

static int failures;

static void write_file(const char *directory, const char *kind, const char *name,
                       const unsigned char *bytes, size_t size)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s/%s", directory, kind, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "wbx") : NULL;
    if (file == NULL && errno == EEXIST)
        return;
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        failures++;
        return;
    }
    printf("%s: %zu bytes\n", path, size);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY (as tests/golden/v2, with good/ and bad/ in it)\n",
                argv[0]);
        return 2;
    }
    for (size_t i = 0; i < GOLDEN_COUNT(golden_goods); i++) {
        size_t size;
        unsigned char *bytes = golden_build(&size, &golden_goods[i]);
        write_file(argv[1], "good", golden_goods[i].name, bytes, size);
        free(bytes);
    }
    for (size_t i = 0; i < GOLDEN_COUNT(golden_bads); i++) {
        size_t size;
        unsigned char *bytes = golden_spoil(&size, &golden_bads[i]);
        write_file(argv[1], "bad", golden_bads[i].name, bytes, size);
        free(bytes);
    }
    return failures > 0;
}
