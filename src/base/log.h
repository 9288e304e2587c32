/* Events (hit, miss, store, evict, ...), for whoever asked with locache_set_log(). Any thread. */
#ifndef LC_LOG_H
#define LC_LOG_H

#include "locache.h"

/* One atomic load where nobody listens. Call it with no lock held: the receiver may do anything. */
bool lc_log_wanted(void);
void lc_log(locache_event_kind kind, const char *function, const char *path, const char *detail);

#endif
