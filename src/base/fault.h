/* The hook by which a test makes system calls and allocations fail. */
#ifndef LC_FAULT_H
#define LC_FAULT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* Called before each system call and allocation when set: a non-zero return becomes errno and the
 * call fails without being made. The names: alloc openat unnamed close fstat fstatat mkdir unlink
 * rename link symlink utime chmod access realpath readlink getxattr dup fsync read pread write
 * pwrite truncate map lock lockrange flock thread readdir seek statfs statx (each turn of a loop
 * asks again). For tests; set it while no other thread is inside the library, since it is read
 * without any order. */
extern int (*lc_fault_hook)(const char *call);

/* Does the hook want this call to fail? errno is set then. */
static inline bool lc_fault(const char *call)
{
    if (__builtin_expect(lc_fault_hook == NULL, 1))
        return false;
    int code = lc_fault_hook(call);
    if (code == 0)
        return false;
    errno = code;
    return true;
}

#endif
