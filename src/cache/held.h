/* Descriptors that are held of the files of results in memory: to ask an open file whether it has
 * changed costs half of what asking by its name does. A set belongs to one table, under whose lock
 * every function here is called but lc_held_close(); how many descriptors all sets hold is counted
 * for the process. */
#ifndef LC_HELD_H
#define LC_HELD_H

#include "locache.h"

/* Descriptors that one table holds: what is used in turn by most programs, and few beside the 1,024
 * that a process often has. */
#define LC_HELD_MAX 64

/* What an entry of a table has for it. */
typedef struct lc_holder {
    int descriptor;      /* of its file, or -1 */
    bool used;           /* since the hand passed it */
    unsigned char at;    /* its place in the set, where it has a descriptor */
    locache_stamp stamp; /* of its file */
} lc_holder;

/* All zeros: empty. */
typedef struct lc_held {
    lc_holder *holders[LC_HELD_MAX];
    unsigned count;
    unsigned hand;
    unsigned hits_without; /* a descriptor, where all are held */
} lc_held;

/* An entry without a descriptor was used: is there one to be had for it? */
bool lc_held_offer(lc_held *held);
/* Hold the file's descriptor for that entry, in the place of another's that is used less: true, and
 * *evicted is what that one has to close (descriptor -1: nothing). False: there is no place. */
bool lc_held_pin(lc_held *held, lc_holder *holder, int descriptor, lc_holder *evicted);
/* The entry goes: its place is free, its descriptor the caller's to close. */
void lc_held_release(lc_held *held, const lc_holder *holder);
/* A child of fork() forgets what another thread was changing. */
void lc_held_forget(lc_held *held);

/* Close an entry's descriptor, if it is still of that entry's file. No lock is needed. */
void lc_held_close(const lc_holder *holder);

#endif
