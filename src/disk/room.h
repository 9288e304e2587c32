/* Room for a new entry within max_bytes: made before the entry has its name, so that the bound holds
 * at every moment, and for all processes together. Any thread. */
#ifndef LC_ROOM_H
#define LC_ROOM_H

#include "disk/limits.h"
#include "disk/store.h"
#include "disk/tally.h"

/* Of one store. Borrowed, but for what enter() sets. */
typedef struct lc_room {
    const lc_directory *at;
    const lc_limits *limits;
    const lc_newcomer *newcomer; /* its name and size; uses */
    int64_t old_size;            /* of what it replaces */
    lc_tallying in;
    bool open; /* `in` is to be ended */
} lc_room;

/* Evict what is worth least (disk/worth.h) until the newcomer fits, sending EVICT events. From here
 * on no other process makes room, until leave(). */
void lc_room_enter(lc_room *room);
/* The newcomer is there now, and replaced something or nothing; or it is not (NULL). */
void lc_room_leave(lc_room *room, const lc_stored *stored);

#endif
