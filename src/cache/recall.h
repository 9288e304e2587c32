/* Results of one function in memory: what is kept, and whether it may still be given. Any thread. */
#ifndef LC_RECALL_H
#define LC_RECALL_H

#include "cache/address.h"
#include "cache/handle.h"

/* Set up a handle's, as the options say. OK or ENOMEM. */
locache_status lc_recall_init(locache *cache, const locache_options *options);
void lc_recall_close(locache *cache);
/* Hits from memory. Any thread; exact where no other is within locache_recall(). */
uint64_t lc_recall_hits(const locache *cache);
/* The function's directory is now the open one. */
void lc_recall_found_directory(locache *cache, int funcdir);

/* The following are for handles that keep values themselves, and do nothing for others. */

/* As locache_recall(): *out is a holder's. */
locache_status lc_recall_value(locache_value **out, locache *cache, lc_address *address);
/* Keep a value that was read and is valid, if it is one to be kept. */
void lc_recall_keep(locache *cache, lc_address *address, locache_value *value);
/* The same of one that was written. */
void lc_recall_keep_written(locache *cache, lc_address *address, const locache_stamp *stamp,
                            const lc_image *image);
/* Forget one key, or everything (NULL). */
void lc_recall_forget(locache *cache, const lc_address *address);

#endif
