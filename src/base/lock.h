/* Locks on ranges of an open file's bytes, and on the whole of one where a system has none of
 * those. Results are 0, or -1 and errno. Never wait. Any thread. */
#ifndef LC_LOCK_H
#define LC_LOCK_H

#include <stdint.h>

/* Lock bytes of a file that is open for writing, whether the file has them or not; the lock is the
 * open file description's, and goes with its last descriptor. EAGAIN: another description has one
 * of them; ENOTSUP: the system knows no such locks. */
int lc_lock_range(int fd, int64_t start, int64_t length);
/* Give it up, also for children of fork() that hold the description too. */
void lc_unlock_range(int fd, int64_t start, int64_t length);
/* How many bytes has the lock that begins with this one and that another description has? -1 and
 * ENOENT: there is none. */
int64_t lc_lock_length(int fd, int64_t start);
/* Some lock that another description has on bytes from `start` on, and before `end`: its first byte
 * and its length (0: to the end of all offsets). -1 and ENOENT: there is none. */
int lc_lock_find(int64_t *at, int64_t *length, int fd, int64_t start, int64_t end);
/* flock() on the whole file, or a directory; EAGAIN as above. It goes with the last descriptor. */
int lc_lock_whole(int fd);
/* The same beside others that have it so, none of whom has it whole then. */
int lc_lock_shared(int fd);

#endif
