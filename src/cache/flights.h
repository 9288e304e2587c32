/* The table of all flights of the process, under one lock, and which of them a thread is within.
 * For flight.c and circle.c; functions that end in _lock_held need lc_flights_lock(). Nothing
 * under that lock waits, allocates or calls the system, but pthread_cond_wait(). */
#ifndef LC_FLIGHTS_H
#define LC_FLIGHTS_H

#include "cache/address.h"
#include "cache/lane.h"

#include <pthread.h>
#include <stdatomic.h>

typedef enum lc_flight_state {
    LC_FLIGHT_ASKING,    /* waits for another process's turn, or did not ask yet */
    LC_FLIGHT_HELD,      /* has the turn */
    LC_FLIGHT_LOOSE,     /* computes without one */
    LC_FLIGHT_INHERITED, /* of the parent that this process was forked from */
    LC_FLIGHT_STOPPED
} lc_flight_state;

/* Where a thread's flights are: the one that it began last. It is read without the lock by that
 * thread alone. */
typedef _Atomic(locache_flight *) lc_chain;

struct locache_flight {
    locache *cache;          /* retained, until the flight is ended */
    lc_address address;      /* of the copy in key */
    lc_lane *lane;           /* taken; or NULL */
    lc_turn turn;            /* of the lane, if state is HELD */
    locache_flight *blocker; /* counted; what it waits for in this process */
    const void *frame;       /* of the body of a C function; or NULL */
    bool hopeless;           /* what it waited for could not be stored */
    bool told;               /* other processes, that what it is within waits */
    /* From here on under the lock. */
    lc_flight_state state;
    bool failed;
    unsigned users; /* who has it, waits for it or is within it */
    dev_t device;   /* of the function's directory */
    ino_t inode;
    uint64_t place;         /* of the key in there, which another key may share: turns.h */
    int64_t since;          /* when it began to compute, nanoseconds since 1970-01-01 UTC */
    locache_flight *within; /* counted */
    lc_chain *chain;        /* of the thread that it is within; NULL: of none */
    locache_flight *before; /* in that chain */
    locache_flight *next;   /* in its bucket */
    /* circle.c's: */
    bool is_edge;
    unsigned mark;
    locache_flight *next_edge;
    locache_flight *previous_edge;
    pthread_cond_t over; /* it has another state */
    unsigned char key[];
};

void lc_flights_lock(void);
void lc_flights_unlock(void);
/* Wait, without the lock, until the flight's state is another one or that time of the monotonic
 * clock has come: false. It may be neither. */
bool lc_flights_wait_lock_held(locache_flight *flight, const struct timespec *until);

/* What this thread began last and has not ended, counted for the caller; NULL: nothing. */
locache_flight *lc_flights_innermost_lock_held(void);
/* Is there any? Without the lock. */
bool lc_flights_any_within(void);
/* Put it on this thread's chain; and off the chain that it is on. */
void lc_flights_push_lock_held(locache_flight *flight);
void lc_flights_pull_lock_held(locache_flight *flight);
/* Is it within that one, through whatever others? */
bool lc_flights_is_within_lock_held(const locache_flight *flight, const locache_flight *outer);

/* The thread ends: nothing is on its chain any more. Its flights with a frame, linked by
 * `before`. */
locache_flight *lc_flights_leave_thread(void);

void lc_flights_insert_lock_held(locache_flight *flight);
void lc_flights_remove_lock_held(locache_flight *flight);
/* The next flight for the place that `like` is for or waits for, after `after`, in any state but
 * STOPPED; NULL: no more. */
locache_flight *lc_flights_find_lock_held(locache_flight *after, const locache_flight *like);
/* One user less: the last frees it, and is one less of what it is within. Without the lock. */
void lc_flights_release(locache_flight *flight);
/* The same of one that has no user any more. */
void lc_flights_free(locache_flight *flight);

#endif
