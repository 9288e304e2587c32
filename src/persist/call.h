/* A call on its way: what is in the locache_call of a program, which knows how much room it has and
 * nothing else. */
#ifndef LC_CALL_H
#define LC_CALL_H

#include "locache.h"

/* Of the key, beyond which it is on the heap: what programs give, but for what comes before it. */
#define LC_CALL_ROOM 328

typedef struct lc_call {
    locache_function_record *function;
    locache *cache;
    locache_flight *flight;
    int64_t began;
    void *left[4]; /* what is called where the body is left without a return */
    bool discarded;
    bool fresh; /* the body is to run */
    locache_cbor_writer key;
    unsigned char room[LC_CALL_ROOM];
} lc_call;

_Static_assert(sizeof(lc_call) <= sizeof(((locache_call *)NULL)->words), "a program has room");

/* No other part of a program looks at those words. */
static inline lc_call *lc_call_within(locache_call *call)
{
    return (lc_call *)(void *)call->words;
}

#endif
