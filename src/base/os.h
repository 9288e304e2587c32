/* Files: every system call of the core goes through here or through system.h, so that a test can
 * make each of them fail (lc_fault_hook). Calls retry EINTR and otherwise behave as the POSIX
 * function of the same name: -1 and errno. Any thread. */
#ifndef LC_OS_H
#define LC_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK and O_NOCTTY are always added: nothing that locache opens may
 * block or lead elsewhere. O_NOFOLLOW says nothing about the directories that a path goes
 * through: that they are ours alone is for disk/owner.h to say. */
int lc_openat(int dir, const char *path, int flags, mode_t mode);
/* For reading, without a note of it in the file's time of access, where the system can do that: who
 * looks at an entry to tell of it does not use it. */
int lc_open_unseen(int dir, const char *path);
/* The descriptor is gone whatever is returned, also when a test makes it fail. */
int lc_close(int fd);
int lc_fstat(int fd, struct stat *out);
/* Never follows a symbolic link. */
int lc_fstatat(int dir, const char *path, struct stat *out);
int lc_mkdirat(int dir, const char *path, mode_t mode);
int lc_unlinkat(int dir, const char *path, int flags);
int lc_renameat(int from_dir, const char *from, int to_dir, const char *to);
/* The same where nothing is called `to` yet. Else -1, as where the system or the file system does
 * not offer that. */
int lc_rename_new(int from_dir, const char *from, int to_dir, const char *to);
int lc_linkat(int from_dir, const char *from, int to_dir, const char *to);
/* A new file for writing in an open directory, mode 0600, that has no name and goes with its last
 * descriptor. -1 also where the system or the file system does not offer that. */
int lc_open_unnamed(int dir);
/* Give it a name that nothing has yet (else EEXIST). */
int lc_link_unnamed(int fd, int to_dir, const char *to);
/* A symbolic link that holds `target`, which need not be anything; EEXIST as lc_linkat(). */
int lc_symlinkat(const char *target, int dir, const char *path);
int lc_fsync(int fd);
int lc_fchmod(int fd, mode_t mode);
/* Both times to now, to the nanosecond (the kernel's own stamps may lag by a tick); does not follow
 * a link. */
int lc_utime_now(int dir, const char *path);
/* The time of access only; that of modification stays. */
int lc_utime_access(int dir, const char *path);
/* The open file's time of modification to now, to the nanosecond, and its time of access with it:
 * *out, where the file system keeps that much of it. */
int lc_utime_own(struct timespec *out, int fd);

/* What is known of the file system that an open file is on. */
typedef struct lc_file_system {
    /* Nanoseconds in which its clock may stand still; negative: what it says of a file may be old,
     * or is not known. */
    int64_t grain;
    bool holds; /* an open descriptor shows whatever becomes of its file */
} lc_file_system;
lc_file_system lc_file_system_of(int fd);

/* The number of the mount that an open file was reached by, which no other one has had since the
 * machine was started; 0 where the system has none. */
uint64_t lc_mount_of(int fd);
/* The path with every link resolved. out has room for size bytes; ENAMETOOLONG where that is not
 * enough. */
int lc_realpath(char *out, size_t size, const char *path);
/* May the effective user make names in this directory (which may be reached through links)? 0 or
 * -1. */
int lc_writable(const char *path);
/* What a symbolic link holds, with a NUL; its size, or -1 (ENAMETOOLONG: more than there is room
 * for). */
ssize_t lc_readlink(const char *path, char *out, size_t size);
/* An extended attribute of an open file: its size, or -1 and errno: ENODATA: it has none; ENOTSUP:
 * there are no such attributes here; ERANGE: it is larger than that. */
ssize_t lc_get_attribute(int fd, const char *name, void *out, size_t size);
/* Descriptor `to` becomes what `from` is, in one step for every thread. */
int lc_dup_over(int from, int to);

/* Read exactly size bytes where there are so many: the count read, less only at the end of the
 * file. */
ssize_t lc_read_full(int fd, void *out, size_t size);
/* The same from an offset on; the descriptor's own stays. */
ssize_t lc_pread_full(int fd, void *out, size_t size, uint64_t offset);
/* Is there a hole in it, where nothing was ever written? False where the file system does not say.
 * Moves the descriptor's offset to the file's begin. */
bool lc_has_hole(int fd, uint64_t size);
/* Cut or fill the file to that size. */
int lc_truncate(int fd, uint64_t size);
/* In one call: 0, or -1 where it was not all written. */
int lc_pwrite(int fd, const void *data, size_t size, uint64_t offset);
/* The same by who has just written a file that is larger, and so need not ask how large a file of
 * this process may be: beyond that a write is a signal. */
int lc_pwrite_within(int fd, const void *data, size_t size, uint64_t offset);
/* In one call, to a file that is open for appending and had so many bytes when it was looked at: 0,
 * or -1 where it was not all written. */
int lc_append(int fd, const void *data, size_t size, uint64_t end);
/* Where the descriptor stands: behind what was appended last; or -1. */
int64_t lc_position(int fd);
/* Write all of it; the vectors are changed. 0 or -1. */
int lc_write_full(int fd, struct iovec *vectors, int count);

/* An exclusive open-file-description lock on the whole file, which must be open for writing,
 * without waiting: 0, or -1 with EAGAIN where another has it. It goes with the last descriptor of
 * that description. */
int lc_lock_now(int fd);
/* The same for a few calls, until lc_unlock(), which comes before the close: a child that is forked
 * meanwhile closes its descriptor. Waits in steps of at most 50 ms up to `milliseconds` in all; -1
 * with EAGAIN then, with EINTR where a signal was handled meanwhile, with EALREADY where done(),
 * asked between the steps (NULL: nobody), says that the lock is not needed any more. */
int lc_lock_within(int fd, int milliseconds, bool (*done)(const void *context),
                   const void *context);
/* Give up what lc_lock_within() took, also for children of fork() that hold the description too.
 * Not in such a child: it is the parent's. */
void lc_unlock(int fd);

#endif
