/* Locks on single bytes of an open file, and on the whole of one where a system has none of those.
 * Results are 0, or -1 and errno. Never wait. Any thread. */
#ifndef LC_LOCK_H
#define LC_LOCK_H

#include <stdint.h>

#define LC_LOCK_BYTE_MAX (INT64_MAX - 1) /* the last byte that can be locked */

/* Lock one byte of a file that is open for writing, whether the file has that byte or not; the lock
 * is the open file description's, and goes with its last descriptor. EAGAIN: another description
 * has it; ENOTSUP: the system knows no such locks. */
int lc_lock_byte(int fd, int64_t byte);
/* Give it up, also for children of fork() that hold the description too. */
void lc_unlock_byte(int fd, int64_t byte);
/* flock() on the whole file; EAGAIN as above. It goes with the last descriptor. */
int lc_lock_whole(int fd);

#endif
