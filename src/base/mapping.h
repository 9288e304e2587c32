/* Files as memory. Any thread. */
#ifndef LC_MAPPING_H
#define LC_MAPPING_H

#include <stddef.h>

/* An open file of size bytes (not 0) as private memory: loaded as it is touched, written to by
 * nobody else. NULL and errno; ENOMEM also where a quarter of the mappings that a process may have
 * are ours. */
void *lc_map(int fd, size_t size);
void lc_unmap(void *memory, size_t size);

#endif
