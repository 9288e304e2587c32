/* Who may write to a file or directory beside its owner. Any thread. */
#ifndef LC_WRITERS_H
#define LC_WRITERS_H

#include "base/os.h"

/* May anybody but its owner write to the open file that has this status? By mode bits, by its
 * access control list where that is what the group's bits stand for, and by who else is of its
 * group. True where it cannot be told. fd < 0: it could not be opened. */
bool lc_writers_others(int fd, const struct stat *file);
/* The same beside its owner and the members of a group. */
bool lc_writers_beside(int fd, const struct stat *file, gid_t group);

#endif
