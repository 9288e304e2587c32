/* Whose a function's directory is: a line in its .locache/module. It may be deleted at any time:
 * whoever comes next has it then. */
#include "call/claim.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_IN "/.locache/module"
/* Longer names of modules are cut: as far as that they tell them apart. */
#define MODULE_MAX 512

bool lcpy_claim_is_others(const char *directory, const char *name, const char *module)
{
    char path[LOCACHE_PATH_MAX];
    char said[MODULE_MAX + 1];
    size_t size = strnlen(module, MODULE_MAX);
    int length = PyOS_snprintf(path, sizeof path, "%s/%s" FILE_IN, directory, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t read_size = read(fd, said, sizeof said);
    close(fd);
    return read_size > 0 && ((size_t)read_size != size || memcmp(said, module, size) != 0);
}

void lcpy_claim_make(const char *function_directory, const char *module)
{
    char path[LOCACHE_PATH_MAX];
    int length = PyOS_snprintf(path, sizeof path, "%s" FILE_IN, function_directory);
    if (length < 0 || (size_t)length >= sizeof path)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    (void)!write(fd, module, strnlen(module, MODULE_MAX));
    close(fd);
}
