/* Who waits for whom: whether a computation that is about to wait would wait for itself. Any
 * thread; functions that end in _lock_held need lc_flights_lock(). */
#ifndef LC_CIRCLE_H
#define LC_CIRCLE_H

#include "cache/flights.h"

/* May `flight` not wait for `other`, a flight of this process for the same place? Since it is
 * within that, or since that waits for what `flight` is within, through whatever others. */
bool lc_circle_with_lock_held(locache_flight *flight, locache_flight *other);

/* Say that what the flight is within waits for the flight's key, if it is within anything; and that
 * it does not any more. Any number of times. */
void lc_circle_note_lock_held(locache_flight *flight);
void lc_circle_forget_lock_held(locache_flight *flight);

/* Does the process that has the turn wait for one of those that the flight is within, by what
 * it and others say in their lock files? It is said there, too, what this one waits for. `lane` is
 * that of the flight's directory. Without the lock. */
bool lc_circle_outside(locache_flight *flight, const lc_lane *lane);
/* Say in the lock files that what the flight is within waits for nothing any more. */
void lc_circle_outside_over(locache_flight *flight);

#endif
