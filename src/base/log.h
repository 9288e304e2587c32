/* Events (hit, miss, store, evict, ...), for whoever asked with locache_set_log(). Any thread. */
#ifndef LC_LOG_H
#define LC_LOG_H

#include "base/receiver.h"
#include "locache.h"

/* Here, so that a hit in memory asks without a call; for nobody else. */
extern lc_receiver lc_log_receiver;

/* One atomic load where nobody listens: a guess that lc_log() makes sure of. */
static inline bool lc_log_wanted(void)
{
    return atomic_load_explicit(&lc_log_receiver.fn, memory_order_relaxed) != NULL;
}

/* Call it with no lock held: the receiver may do anything. */
void lc_log(locache_event_kind kind, const char *function, const char *path, const char *detail);

#endif
