/* Results of one function in memory: what is remembered, and whether it is still so. Any thread. */
#ifndef LC_MEMORY_H
#define LC_MEMORY_H

#include "cache/handle.h"

/* Set up a handle's, as the options say. OK or ENOMEM. */
locache_status lc_memory_init(locache *cache, const locache_options *options);
void lc_memory_close(locache *cache);
/* Hits from memory. Any thread; exact where no other is within locache_recall(). */
uint64_t lc_memory_hits(const locache *cache);
/* The function's directory is now the open one. */
void lc_memory_place(locache *cache, int home);

/* The following are for handles that keep values themselves, and do nothing for others. */

/* As locache_recall(): *out is a holder's. */
locache_status lc_memory_get(locache_value **out, locache *cache, const void *key, size_t key_size);
/* Remember a value that was read, if it is one to be kept. */
void lc_memory_keep(locache *cache, const void *key, size_t key_size, locache_value *value);
/* The same of one that was written, in these spans. */
void lc_memory_keep_written(locache *cache, const void *key, size_t key_size,
                            const locache_stamp *stamp, const lc_span *spans, size_t count);
/* Forget one key, or everything (NULL). */
void lc_memory_forget(locache *cache, const void *key, size_t key_size);

#endif
