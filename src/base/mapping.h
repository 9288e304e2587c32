/* Files as memory. Any thread. */
#ifndef LC_MAPPING_H
#define LC_MAPPING_H

#include <stddef.h>

/* An open file of size bytes (not 0) as private memory: loaded as it is touched, written to by
 * nobody else. NULL and errno; ENOMEM also where a quarter of the mappings that a process may have
 * are ours. */
void *lc_map(int fd, size_t size);
void lc_unmap(void *memory, size_t size);

/* What was read of a mapping of a file, to which nobody wrote: its pages go, but for the one that
 * it ends in, and are loaded again if they are touched again. */
void lc_map_leave(const void *from, size_t size);

#endif
