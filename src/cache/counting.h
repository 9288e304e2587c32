/* What a handle counted, added to the function's counts on disk (disk/counts.h): about once a
 * second while it is used, when it is closed, and when the process ends. */
#ifndef LC_COUNTING_H
#define LC_COUNTING_H

#include "cache/handle.h"

/* Begin to count, for a handle that was just made; and the other way round, for one that is
 * closed, while nobody recalls from it any more: what it counted is added. One thread. */
void lc_counting_begin(locache *cache);
void lc_counting_end(locache *cache);
/* For a handle that was closed and had flights still, when the last has ended. */
void lc_counting_last(locache *cache);

/* Add what was counted, if it is time; and make it time, as at the first store, which makes the
 * file that others add to. Any thread. */
void lc_counting_soon(locache *cache);
void lc_counting_note(locache *cache);
/* All handles' now, as when the process ends. */
void lc_counting_exit(void);
/* What was added before counts no more: the function's counts begin anew. */
void lc_counting_forget(locache *cache);

/* Of all handles of this process, also those that are closed. */
void lc_counting_all(lc_counts *out);
/* Of all processes: what is on disk, and what this handle has not added yet. */
void lc_counting_total(lc_counts *out, locache *cache);

/* Hits from memory, and what they had taken to compute. Any thread; exact where no other is within
 * locache_recall(). */
uint64_t lc_counting_hits(const locache *cache);
uint64_t lc_counting_saved(const locache *cache);

/* Bytes of an entry that was read and given, and of one that was stored. Any thread. */
static inline void lc_counting_bytes(_Atomic uint64_t *sum, uint64_t bytes)
{
    atomic_fetch_add_explicit(sum, bytes, memory_order_relaxed);
}

#endif
