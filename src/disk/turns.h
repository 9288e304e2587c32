/* Turns between processes: who has a key's turn computes its result. One lock file for each
 * function, .locache/turns, with a byte for each key; the kernel gives a dead process's turns up.
 * docs/format.md, "Turns", is normative for what is in the file. Any thread; threads do not keep
 * each other from a turn (cache/flight.c does that). */
#ifndef LC_TURNS_H
#define LC_TURNS_H

#include "disk/directory.h"

#include <stdbool.h>

/* An open lock file. */
typedef struct lc_turns {
    int fd;
    dev_t device;
    ino_t inode;
} lc_turns;

/* Open a function's lock file, made where it is missing. 0, or -1 and errno: it cannot be made, or
 * is not ours. */
int lc_turns_open(lc_turns *out, const lc_directory *at);
/* Is it open still, and has its file a name? */
bool lc_turns_valid(const lc_turns *turns);
/* Close it, unless its number is another file's by now. */
void lc_turns_close(const lc_turns *turns);

/* A turn that was taken. */
typedef struct lc_turn {
    uint64_t key; /* hash of the key */
    int own;      /* descriptor of a file for this key alone, where bytes cannot be locked; or -1 */
} lc_turn;

/* Take a key's turn. 0; -1 with EAGAIN: another process has it; with any other errno: there are no
 * locks here. */
int lc_turns_take(lc_turn *out, const lc_turns *turns, const lc_directory *at, uint64_t key);
/* Close what this process, a child of fork(), has of its parent's turn. */
void lc_turns_disown(lc_turn *turn);
void lc_turns_give_up(const lc_turn *turn, const lc_turns *turns, const lc_directory *at);

/* What somebody waits for. */
typedef struct lc_wanted_turn {
    dev_t device; /* of the function's directory */
    ino_t inode;
    uint64_t key;
    const char *path; /* of that directory */
} lc_wanted_turn;

/* Who has a turn. */
typedef struct lc_turn_note {
    int64_t since; /* nanoseconds since 1970-01-01 UTC */
    uint32_t process;
    bool waits; /* and waits for another itself: `device` to `path` */
    dev_t device;
    ino_t inode;
    uint64_t key;
    char path[448]; /* the rest of the note's half page; a longer path is not noted */
} lc_turn_note;

/* Say beside the lock that this process has the turn, and what it waits for meanwhile; NULL: for
 * nothing. False: it cannot be said. For others to read, nothing depends on it but what is told of
 * waits and the finding of circles. */
bool lc_turns_note(const lc_turns *turns, uint64_t key, int64_t since,
                   const lc_wanted_turn *waits_for);
/* What who has it said. False: nothing, or nothing that is whole. */
bool lc_turns_read(lc_turn_note *out, const lc_turns *turns, uint64_t key);

#endif
