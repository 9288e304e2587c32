/* Turns between processes: who has a key's turn computes its result. One lock file for each
 * function, .locache/turns, with a range of bytes for each key; the kernel gives a dead process's
 * turns up. docs/format.md, "Turns", is normative for what is in the file. Any thread; threads do
 * not keep each other from a turn (cache/flight.c does that). What holders wait for themselves is
 * told in the same file: disk/wanted.h. */
#ifndef LC_TURNS_H
#define LC_TURNS_H

#include "disk/directory.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes at the front of the file that are notes of waits (wanted.c). */
#define LC_TURNS_NOTES ((uint64_t)128 << 10)

/* An open lock file. */
typedef struct lc_turns {
    int fd;
    dev_t device;
    ino_t inode;
} lc_turns;

/* Open the lock file of the function's directory that has this device and number, made where it is
 * missing. 0, or -1 and errno: it cannot be made, or is not ours; ENOENT: the directory is
 * deleted. */
int lc_turns_open(lc_turns *out, const lc_directory *at, dev_t device, ino_t inode);
/* Is it open still, and has its file a name? */
bool lc_turns_valid(const lc_turns *turns);
/* Close it, unless its number is another file's by now. */
void lc_turns_close(const lc_turns *turns);

/* A key's place in the file, by its hash. Keys that share one are computed one after the other. */
uint64_t lc_turns_place(uint64_t hash);

/* A turn that was taken. */
typedef struct lc_turn {
    uint64_t place;
    int own; /* descriptor of a file for this place alone, where ranges cannot be locked; or -1 */
} lc_turn;

/* Take a place's turn, and say by the lock itself whose it is and since when (nanoseconds since
 * 1970-01-01 UTC). 0; -1 with EAGAIN: another process has it; with any other errno: there are no
 * locks here. */
int lc_turns_take(lc_turn *out, const lc_turns *turns, const lc_directory *at, uint64_t place,
                  int64_t since);
/* Close what this process, a child of fork(), has of its parent's turn. */
void lc_turns_disown(lc_turn *turn);
void lc_turns_give_up(const lc_turn *turn, const lc_turns *turns, const lc_directory *at);

/* Which process has a turn. */
typedef struct lc_turn_holder {
    uint32_t process; /* by its number in its own namespace; 0: not known */
    int64_t since;    /* nanoseconds since 1970-01-01 UTC, to the minute */
} lc_turn_holder;

/* False: no other process has it, or it cannot be said. */
bool lc_turns_holder(lc_turn_holder *out, const lc_turns *turns, const lc_directory *at,
                     uint64_t place);

/* Call fn with the holder of each turn of a function, also of this process's own, in no order; it
 * returns false to stop. To look needs no right to write. */
void lc_turns_each(const lc_directory *at, bool (*fn)(void *context, const lc_turn_holder *holder),
                   void *context);

/* Say that what was computed at this place could not be stored, which nobody is to wait for until
 * then (nanoseconds since 1970-01-01 UTC). */
void lc_turns_set_vain(const lc_turns *turns, uint64_t place, int64_t until);
/* Was that said, and has the time not come? */
bool lc_turns_in_vain(const lc_turns *turns, uint64_t place, int64_t now);

#endif
