/* Descriptors that are held of the files of results in memory, which are pinned thereby: to ask an
 * open file whether it has changed costs less than half of what asking by its name does
 * (docs/speed.md, "What the operating system takes"). A set belongs to one table, under whose lock
 * every function here is called but lc_held_close(); how many descriptors all sets hold is counted
 * for the process. */
#ifndef LC_HELD_H
#define LC_HELD_H

#include "locache.h"

/* What an entry of a table has for it. */
typedef struct lc_holder {
    int descriptor;         /* of its file, or -1 */
    bool used;              /* since the hand passed it */
    struct lc_holder *next; /* in the set, a ring, where it has a descriptor */
    struct lc_holder *last;
    locache_stamp stamp; /* of its file */
} lc_holder;

/* All zeros: empty. */
typedef struct lc_held {
    lc_holder *hand;       /* of CLOCK, where it stopped last, in the ring; NULL: there are none */
    unsigned hits_without; /* a descriptor, where all are held */
} lc_held;

/* An entry without a descriptor was used: may it have one? Where all are held, only now and
 * then. */
bool lc_held_offer(lc_held *held);
/* Pin: hold the file's descriptor for that entry. Where there is no room, one that is used less is
 * evicted, and *evicted is what the caller has to close after the lock (descriptor -1: nothing).
 * False: there is no room, and the descriptor stays the caller's. */
bool lc_held_pin(lc_held *held, lc_holder *holder, int descriptor, lc_holder *evicted);
/* The entry goes, and leaves the set; its descriptor is the caller's to close. */
void lc_held_release(lc_held *held, lc_holder *holder);
/* One directory more is held by the process, or one less, of what files and directories may have
 * together. Any thread. */
void lc_held_count_directory(int more);
/* In a child of fork() whose parent's other thread was changing the set: it is empty now. Nothing
 * is closed. */
void lc_held_forget(lc_held *held);

/* Close an entry's descriptor, if it is still of that entry's file. Under no lock: it asks the
 * system. */
void lc_held_close(const lc_holder *holder);

#endif
