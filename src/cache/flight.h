/* A flight: the undertaking to compute one result, whose it is and of which key; the turn that it
 * holds, and the waiting for one that others hold. Any thread, but where it says otherwise.
 * docs/concurrency.md has the whole of it. */
#ifndef LC_FLIGHT_H
#define LC_FLIGHT_H

#include "cache/handle.h"

/* A new flight, without a turn, within another one (NULL: within what this thread computes). It is
 * the thread's own, unless it is detached: what the thread begins next is within it. NULL: no
 * memory. End it with lc_flight_end(). */
locache_flight *lc_flight_new(locache *cache, const lc_address *address,
                              const locache_request *request);
/* The address that it was made of, as long as it lives. */
lc_address *lc_flight_address(locache_flight *flight);
locache *lc_flight_cache(const locache_flight *flight);
/* It is within nothing: what it was begun within does not wait for it. */
void lc_flight_part(locache_flight *flight);
/* This thread computes it from here on, whoever began it. */
void lc_flight_adopt(locache_flight *flight);

typedef enum lc_turn_state {
    LC_TURN_TAKEN,  /* it is this flight's to compute, once it has looked again */
    LC_TURN_CIRCLE, /* it would wait for itself: to compute without a turn */
    LC_TURN_HERE,   /* a thread or a task of this process has it, or asks for it */
    LC_TURN_AWAY,   /* another process has it */
    LC_TURN_GONE    /* the function's directory was deleted */
} lc_turn_state;

/* Ask for the turn of the flight's key, by who borrows the directory (dirhold.h). It never
 * waits. */
lc_turn_state lc_flight_try(locache_flight *flight);
/* Compute without the turn, whoever has it. */
void lc_flight_loosen(locache_flight *flight);
/* Wait for what lc_flight_try() said is elsewhere, at most so many nanoseconds. It may be over
 * sooner: ask again. `asked`: how often it was asked already. */
void lc_flight_wait(locache_flight *flight, unsigned asked, int64_t nanoseconds);

/* The wait is interrupted: others ask in its place. What it is within counts as waiting still. */
void lc_flight_pause(locache_flight *flight);
/* The same thread or another asks again. */
void lc_flight_resume(locache_flight *flight, bool detached);

/* The turn is given up, and who waits is told: to compute at once, where `failed` says that no
 * result can be stored, else one after the other. The flight lives on. Any number of times. */
void lc_flight_stop(locache_flight *flight, bool failed);
/* The same, and the flight is gone. NULL is allowed. */
void lc_flight_end(locache_flight *flight);

/* The flight is of a C function's body, whose frame is there: it goes with the frame and the
 * thread. */
void lc_flight_bind(locache_flight *flight, const void *frame);
/* Of this thread's flights that are bound, stop those whose frames were left without a return, as
 * longjmp() does: the stack is back at `frame`. */
void lc_flight_left(const void *frame);

/* No flight of the handle is left: close what stays open for it. */
void lc_flight_close(const locache *cache);

#endif
