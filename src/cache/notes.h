/* What processes that wait for each other's turns tell one another beside the locks: for circles,
 * of what cannot be stored, and for people. Each opens, reads or writes a file: for who has waited
 * some time, or in vain. Any thread, without lc_flights_lock(); by who borrows the handle's
 * directory, but for lc_notes_set_vain(). */
#ifndef LC_NOTES_H
#define LC_NOTES_H

#include "cache/flights.h"

/* Does somebody outside of this process, who has the turn that the flight wants, wait for one that
 * this flight is within? It is told there, too, that what the flight is within waits. */
bool lc_notes_is_circle(locache_flight *flight);
/* The wait is over: that is told where the wait was. */
void lc_notes_end_wait(locache_flight *flight);

/* What the flight computed could not be stored: for as long as that took nobody need wait for who
 * computes it again. */
void lc_notes_set_vain(const locache_flight *flight);
/* Was that told of what the flight waits for? */
bool lc_notes_is_vain(const locache_flight *flight);

/* Who has the turn, as words for people. */
void lc_notes_whom(char *out, size_t size, locache_flight *flight);

#endif
