/* Files as memory: mapped, and how many of them at a time. */
#include "base/mapping.h"
#include "base/fault.h"
#include "base/os.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* A process may have so many mappings in all (vm.max_map_count; Linux's default), beyond which its
 * own allocations fail: ours are a part of them, and files are read from there on. */
#define MAPPINGS_FILE "/proc/sys/vm/max_map_count"
#define MAPPINGS_DEFAULT 65530
#define MAPPINGS_PART 4

/* Now; a child of fork() has its parent's, and counts on. */
static atomic_long mappings;

/* Of ours; read once. Two threads that ask at once get the same. */
static long mappings_max(void)
{
    static atomic_long most;
    char text[24] = "";
    long found = atomic_load_explicit(&most, memory_order_relaxed);
    if (found != 0)
        return found;
    int fd = lc_openat(AT_FDCWD, MAPPINGS_FILE, O_RDONLY, 0);
    if (fd >= 0) {
        (void)!lc_read_full(fd, text, sizeof text - 1);
        lc_close(fd);
    }
    found = strtol(text, NULL, 10);
    found = (found > 0 ? found : MAPPINGS_DEFAULT) / MAPPINGS_PART;
    found = found > 0 ? found : 1; /* 0: not read yet */
    atomic_store_explicit(&most, found, memory_order_relaxed);
    return found;
}

void *lc_map(int fd, size_t size)
{
    if (lc_fault("map"))
        return NULL;
    if (atomic_fetch_add_explicit(&mappings, 1, memory_order_relaxed) < mappings_max()) {
        /* Without a claim on swap space for all of it: most of it is never written to. */
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
        if (memory != MAP_FAILED)
            return memory;
    } else {
        errno = ENOMEM;
    }
    int code = errno;
    atomic_fetch_sub_explicit(&mappings, 1, memory_order_relaxed);
    errno = code;
    return NULL;
}

void lc_unmap(void *memory, size_t size)
{
    munmap(memory, size);
    atomic_fetch_sub_explicit(&mappings, 1, memory_order_relaxed);
}

void lc_map_leave(const void *from, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)from / page * page;
    uintptr_t end = ((uintptr_t)from + size) / page * page;
    if (end > first)
        (void)madvise((void *)first, end - first, MADV_DONTNEED);
}
