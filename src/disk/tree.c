/* Directories with what is above and below them: making a path, removing a tree.
 *
 * A tree is removed by descriptors, each directory opened within the one above without following a
 * link. By paths, somebody who exchanges a directory for a link at the right moment would have us
 * remove what that leads to. */
#include "disk/tree.h"
#include "base/alloc.h"
#include "base/listing.h"
#include "base/os.h"
#include "disk/share.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A function's directory has two levels; deeper things are not ours, and the stack is not
 * theirs. */
#define DEPTH_MAX 16

int lc_tree_make_as(const char *path, mode_t mode)
{
    /* From below: nearly always all but the last are there. */
    if (lc_share_mkdir(AT_FDCWD, path, mode) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return -1;
    size_t size = strlen(path);
    while (size > 0 && path[size - 1] != '/')
        size--;
    while (size > 0 && path[size - 1] == '/')
        size--;
    if (size == 0) {
        errno = ENOENT;
        return -1;
    }
    char *above = lc_alloc(size + 1);
    if (above == NULL) {
        errno = ENOMEM;
        return -1;
    }
    memcpy(above, path, size);
    above[size] = '\0';
    int result = lc_tree_make_as(above, mode);
    int code = errno;
    lc_free(above);
    errno = code;
    if (result == 0)
        result = lc_share_mkdir(AT_FDCWD, path, mode);
    return result == 0 || errno == EEXIST ? 0 : -1;
}

int lc_tree_make(const char *path)
{
    return lc_tree_make_as(path, 0);
}

/* A directory whose content is removed. */
typedef struct tree {
    int dir;
    int depth; /* below the one that lc_tree_remove() was given */
} tree;

static int remove_tree(int at, const char *name, int depth);

static bool remove_one(void *context, const char *name)
{
    const tree *here = context;
    /* Directories are few: ask for the frequent case first. Linux says EISDIR, POSIX EPERM. */
    if (lc_unlinkat(here->dir, name, 0) != 0 && (errno == EISDIR || errno == EPERM))
        remove_tree(here->dir, name, here->depth + 1);
    /* Whatever failed, the rest goes: rmdir() then says that it is not empty. */
    return true;
}

static int remove_tree(int at, const char *name, int depth)
{
    if (depth > DEPTH_MAX) {
        errno = ELOOP;
        return -1;
    }
    tree here = {.dir = lc_openat(at, name, O_RDONLY | O_DIRECTORY, 0), .depth = depth};
    if (here.dir < 0)
        return -1;
    lc_each_name(here.dir, remove_one, &here);
    lc_close(here.dir);
    return lc_unlinkat(at, name, AT_REMOVEDIR);
}

int lc_tree_remove(int at, const char *name)
{
    return remove_tree(at, name, 0);
}
