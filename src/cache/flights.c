/* All flights of the process: by place, so that threads find each other's; by thread, so that a
 * computation knows what it is within; and what fork() and the end of a thread make of them.
 *
 * One mutex for all, held for list operations. It is taken around fork(), so that the child finds
 * the lists whole. There every flight is its parent's: its turn is the parent's to give up, and
 * what is left of it is that the child was forked within it. Flights of threads that are not in
 * the child stay in the table, without anybody to end them: some hundred bytes each. */
#include "cache/flights.h"
#include "base/alloc.h"

/* A power of two; programs compute tens of results at a time, event loops thousands. */
#define BUCKETS 256

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static locache_flight *buckets[BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local lc_chain mine;

/* ------------------------------------------------------------------------------ fork() and exit */

static void before_fork(void)
{
    pthread_mutex_lock(&table_lock);
    lc_lane_before_fork();
}

static void after_fork(void)
{
    lc_lane_after_fork(false);
    pthread_mutex_unlock(&table_lock);
}

static void after_fork_in_child(void)
{
    lc_lane_after_fork(true);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (locache_flight *flight = buckets[i]; flight != NULL; flight = flight->next) {
            if (flight->state == LC_FLIGHT_HELD && flight->turn.own >= 0)
                lc_turns_disown(&flight->turn);
            flight->state = LC_FLIGHT_INHERITED;
            flight->lane = NULL;
            /* Chains of threads that are not here. */
            if (flight->chain != &mine)
                flight->chain = NULL;
        }
    }
    pthread_mutex_unlock(&table_lock);
}

static void start(void)
{
    /* It fails without memory only: then a child takes its parent's turns for its own. */
    int failed = pthread_atfork(before_fork, after_fork, after_fork_in_child);
    (void)failed;
}

void lc_flights_unlock(void)
{
    pthread_mutex_unlock(&table_lock);
}

void lc_flights_lock(void)
{
    pthread_once(&once, start);
    pthread_mutex_lock(&table_lock);
}

bool lc_flights_wait_lock_held(locache_flight *flight, const struct timespec *until)
{
    return pthread_cond_timedwait(&flight->over, &table_lock, until) == 0;
}

/* -------------------------------------------------------------------------------------- threads */

bool lc_flights_any_within(void)
{
    return atomic_load_explicit(&mine, memory_order_relaxed) != NULL;
}

locache_flight *lc_flights_innermost_lock_held(void)
{
    locache_flight *flight = atomic_load(&mine);
    if (flight != NULL)
        flight->users++;
    return flight;
}

void lc_flights_push_lock_held(locache_flight *flight)
{
    flight->before = atomic_load(&mine);
    flight->chain = &mine;
    atomic_store(&mine, flight);
}

/* Mostly it is the last; flights that end in another order are searched for. */
void lc_flights_pull_lock_held(locache_flight *flight)
{
    if (flight->chain == NULL)
        return;
    locache_flight *at = atomic_load(flight->chain);
    if (at == flight) {
        atomic_store(flight->chain, flight->before);
    } else {
        while (at->before != flight)
            at = at->before;
        at->before = flight->before;
    }
    flight->chain = NULL;
    flight->before = NULL;
}

bool lc_flights_is_within_lock_held(const locache_flight *flight, const locache_flight *outer)
{
    const locache_flight *at = flight->within;
    while (at != NULL && at != outer)
        at = at->within;
    return at != NULL;
}

locache_flight *lc_flights_leave_thread(void)
{
    locache_flight *bound = NULL;
    lc_flights_lock();
    for (locache_flight *flight = atomic_load(&mine), *next; flight != NULL; flight = next) {
        next = flight->before;
        flight->chain = NULL;
        flight->before = NULL;
        if (flight->frame != NULL) {
            flight->before = bound;
            bound = flight;
        }
    }
    atomic_store(&mine, NULL);
    lc_flights_unlock();
    return bound;
}

/* ---------------------------------------------------------------------------------------- table */

static locache_flight **flights_of(uint64_t place)
{
    return &buckets[place % BUCKETS];
}

void lc_flights_insert_lock_held(locache_flight *flight)
{
    locache_flight **bucket = flights_of(flight->place);
    flight->next = *bucket;
    *bucket = flight;
}

void lc_flights_remove_lock_held(locache_flight *flight)
{
    locache_flight **at = flights_of(flight->place);
    while (*at != NULL && *at != flight)
        at = &(*at)->next;
    if (*at != NULL)
        *at = flight->next;
    flight->next = NULL;
}

locache_flight *lc_flights_find_lock_held(locache_flight *after, const locache_flight *like)
{
    locache_flight *at = after != NULL ? after->next : *flights_of(like->place);
    while (at != NULL &&
           (at->place != like->place || at->inode != like->inode || at->device != like->device))
        at = at->next;
    return at;
}

/* One user less. True: it was the last. */
static bool is_last_to_leave(locache_flight *flight)
{
    lc_flights_lock();
    bool last = --flight->users == 0;
    lc_flights_unlock();
    return last;
}

void lc_flights_free(locache_flight *flight)
{
    do {
        locache_flight *within = flight->within;
        /* Threads that waited for it in the parent are not here to leave it. */
        if (flight->state != LC_FLIGHT_INHERITED)
            pthread_cond_destroy(&flight->over);
        lc_free(flight);
        flight = within;
    } while (flight != NULL && is_last_to_leave(flight));
}

void lc_flights_release(locache_flight *flight)
{
    if (flight != NULL && is_last_to_leave(flight))
        lc_flights_free(flight);
}
