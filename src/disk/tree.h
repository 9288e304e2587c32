/* Paths to make and trees to remove. Results are 0, or -1 and errno. Any thread. */
#ifndef LC_TREE_H
#define LC_TREE_H

#include <sys/types.h>

/* Make a directory (0700) and those above it that are missing. */
int lc_tree_make(const char *path);
/* The same with the rights of a cache that others share (disk/share.h); 0: 0700. */
int lc_tree_make_as(const char *path, mode_t mode);

/* Remove a directory and all that is in it, following no link. What cannot be removed stays. */
int lc_tree_remove(int at, const char *name);

#endif
