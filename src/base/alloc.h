/* Memory: every allocation of the core goes through here, to malloc() or to the caller's allocator
 * (locache_set_allocator()), and can be made to fail by a test (lc_fault_hook). Any thread. */
#ifndef LC_ALLOC_H
#define LC_ALLOC_H

#include <stddef.h>

/* NULL when there is no memory; lc_alloc(0) is not NULL, so that NULL has one meaning only. */
void *lc_alloc(size_t size);
void *lc_realloc(void *old, size_t size);
/* Aligned to 64 bytes (a cache line, and the widest vector load). Free with lc_free. */
void *lc_alloc_aligned(size_t size);
void lc_free(void *memory);

#endif
