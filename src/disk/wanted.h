/* What processes that have turns wait for themselves, told beside the locks in a function's lock
 * file (turns.h), so that who would close a circle finds it. docs/format.md, "Turns", is normative.
 * A note may be lost, and may be wrong: what depends on it is whether somebody waits, or computes.
 * Any thread. */
#ifndef LC_WANTED_H
#define LC_WANTED_H

#include "disk/turns.h"

/* A turn that somebody waits for who has one. */
typedef struct lc_wanted {
    dev_t device; /* of the function's directory */
    ino_t inode;
    uint64_t place;
    char
        path[448]; /* of that directory, the rest of a note's half page; a longer one is not told */
} lc_wanted;

/* Say that this process, which has the turn of a place, waits for that meanwhile: with whatever
 * else it waits for, as tasks of one computation may. False: it cannot be said. */
bool lc_wanted_tell(const lc_turns *turns, uint64_t place, const lc_wanted *wanted);
/* It does not any more. */
void lc_wanted_over(const lc_turns *turns, uint64_t place, const lc_wanted *wanted);

/* Call fn with each turn that the process which has this one says to wait for; it returns false to
 * stop. */
void lc_wanted_each(const lc_turns *turns, const lc_directory *at, uint64_t place,
                    bool (*fn)(void *context, const lc_wanted *wanted), void *context);

#endif
