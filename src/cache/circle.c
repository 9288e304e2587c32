/* Circles of computations that wait for each other: f(1) asks for f(2) while f(2), in another
 * thread, task or process, asks for f(1). Nobody would ever go on; so who would close a circle
 * does not wait, and computes.
 *
 * Within a process an edge is noted under the lock before anybody waits, and asked for circles in
 * the same moment, so that of those who make one the last sees it. Between processes each says what
 * it waits for in notes beside its locks (disk/wanted.h), and looks again and again: the notes are
 * not of one moment, and may be overwritten by others. What is read wrong there costs a computation
 * that was not needed. */
#include "cache/circle.h"
#include "base/alloc.h"
#include "base/os.h"
#include "cache/handle.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/wanted.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Turns of other processes that are gone through: a circle among more of them may not be found, and
 * is broken by nobody but who ends one of them. */
#define SOUGHT 64
/* Of what a flight is within: so many are told to other processes. */
#define TOLD 64

/* Flights whose `within` waits for their key. */
static locache_flight *edges;
static unsigned marks;

/* ------------------------------------------------------------------------------ in this process */

/* Is it within a flight that is marked, or one itself? */
static bool is_marked_lock_held(const locache_flight *within, unsigned mark)
{
    while (within != NULL && within->mark != mark)
        within = within->within;
    return within != NULL;
}

/* Mark whoever has the turn that an edge waits for. True: `flight` is within that. */
static bool follow_lock_held(const locache_flight *edge, const locache_flight *flight,
                             unsigned mark, bool *more)
{
    locache_flight *at = NULL;
    while ((at = lc_flights_find_lock_held(at, edge)) != NULL) {
        if (at->state != LC_FLIGHT_HELD || at->mark == mark)
            continue;
        if (lc_flights_is_within_lock_held(flight, at))
            return true;
        at->mark = mark;
        *more = true;
    }
    return false;
}

bool lc_circle_with_lock_held(locache_flight *flight, locache_flight *other)
{
    if (lc_flights_is_within_lock_held(flight, other))
        return true;
    if (flight->within == NULL || other->state != LC_FLIGHT_HELD)
        return false;
    unsigned mark = ++marks;
    bool more = true;
    other->mark = mark;
    /* Until nothing new is marked: there are few edges, those of waits within computations. */
    while (more) {
        more = false;
        for (const locache_flight *edge = edges; edge != NULL; edge = edge->next_edge)
            if (is_marked_lock_held(edge->within, mark) &&
                follow_lock_held(edge, flight, mark, &more))
                return true;
    }
    return false;
}

void lc_circle_note_lock_held(locache_flight *flight)
{
    if (flight->within == NULL || flight->is_edge)
        return;
    flight->is_edge = true;
    flight->previous_edge = NULL;
    flight->next_edge = edges;
    if (edges != NULL)
        edges->previous_edge = flight;
    edges = flight;
}

void lc_circle_forget_lock_held(locache_flight *flight)
{
    if (!flight->is_edge)
        return;
    flight->is_edge = false;
    if (flight->previous_edge != NULL)
        flight->previous_edge->next_edge = flight->next_edge;
    else
        edges = flight->next_edge;
    if (flight->next_edge != NULL)
        flight->next_edge->previous_edge = flight->previous_edge;
}

/* ---------------------------------------------------------------------------- between processes */

/* A turn that this process has, as it is needed without the lock. */
typedef struct held {
    lc_lane *lane;
    uint64_t place;
} held;

/* The turns that the flight is within, the innermost first; their lanes are taken once more, since
 * another thread may end what a task is within. */
static int held_turns(held out[TOLD], const locache_flight *flight)
{
    int count = 0;
    lc_flights_lock();
    for (const locache_flight *at = flight->within; at != NULL && count < TOLD; at = at->within)
        if (at->state == LC_FLIGHT_HELD && at->lane != NULL) {
            lc_lane_retake(at->lane);
            out[count++] = (held){at->lane, at->place};
        }
    lc_flights_unlock();
    return count;
}

static void leave_turns(const held *turns, int count)
{
    for (int i = 0; i < count; i++)
        lc_lane_leave(turns[i].lane);
}

/* False: it cannot be said of all of them. */
static bool tell_turns(const held *turns, int count, const lc_wanted *wanted)
{
    bool told = true;
    for (int i = 0; i < count; i++)
        told = lc_wanted_tell(&turns[i].lane->turns, turns[i].place, wanted) && told;
    return told;
}

/* The turn that the flight waits for. False: its directory's path is too long to be told. */
static bool wanted_by(lc_wanted *out, const locache_flight *flight)
{
    const char *path = lc_handle_path(flight->cache);
    size_t size = strlen(path);
    *out = (lc_wanted){.device = flight->device, .inode = flight->inode, .place = flight->place};
    if (size >= sizeof out->path)
        return false;
    memcpy(out->path, path, size + 1);
    return true;
}

static bool is_same(const lc_wanted *one, const lc_wanted *other)
{
    return one->place == other->place && one->inode == other->inode && one->device == other->device;
}

/* The turns that are waited for, by whatever way, by who has the one that a flight waits for. */
typedef struct search {
    const held *within; /* what the flight is within */
    int within_count;
    bool circle;
    unsigned count;
    lc_wanted found[SOUGHT]; /* the first is the flight's own */
} search;

static bool add_found(void *context, const lc_wanted *wanted)
{
    search *all = context;
    for (int i = 0; i < all->within_count && !all->circle; i++)
        all->circle = all->within[i].place == wanted->place &&
                      all->within[i].lane->inode == wanted->inode &&
                      all->within[i].lane->device == wanted->device;
    unsigned known = 0;
    while (known < all->count && !is_same(&all->found[known], wanted))
        known++;
    if (known == all->count && known < SOUGHT)
        all->found[all->count++] = *wanted;
    return !all->circle;
}

/* What who has that turn waits for itself, in a directory that this process may not have open. */
static void ask_elsewhere(search *all, const lc_wanted *wanted)
{
    lc_turns turns;
    int dir;
    /* Nothing is believed of it but that somebody waits: a group's does, too. */
    const lc_owner_place place = {
        .where = "", .name = wanted->path, .variable = "", .mode = LC_SHARE_GROUP};
    if (lc_owner_open(&dir, AT_FDCWD, &place, NULL) != LOCACHE_OK)
        return;
    const lc_directory at = {.dir = dir, .owner = geteuid(), .mode = lc_share_like(dir)};
    if (lc_turns_open(&turns, &at, wanted->device, wanted->inode) == 0) {
        lc_wanted_each(&turns, &at, wanted->place, add_found, all);
        lc_turns_close(&turns);
    }
    lc_close(dir);
}

/* From what the flight waits for on, all->found[0]. */
static void seek(search *all, const locache_flight *flight, const lc_lane *lane)
{
    const lc_directory at =
        lc_handle_directory(flight->cache, atomic_load(&flight->cache->funcdir));
    for (unsigned i = 0; i < all->count && !all->circle; i++) {
        const lc_wanted *next = &all->found[i];
        if (next->inode == lane->inode && next->device == lane->device)
            lc_wanted_each(&lane->turns, &at, next->place, add_found, all);
        else
            ask_elsewhere(all, next);
    }
}

static bool is_circle(const held *within, int count, const lc_wanted *wanted,
                      const locache_flight *flight, const lc_lane *lane)
{
    /* Not on the stack, which may be a small thread's. */
    search *all = lc_alloc(sizeof *all);
    if (all == NULL)
        return false;
    all->within = within;
    all->within_count = count;
    all->circle = false;
    all->count = 1;
    all->found[0] = *wanted;
    seek(all, flight, lane);
    bool circle = all->circle;
    lc_free(all);
    return circle;
}

bool lc_circle_outside(locache_flight *flight, const lc_lane *lane)
{
    held turns[TOLD];
    lc_wanted wanted;
    int count = held_turns(turns, flight);
    /* What cannot be said nobody can find a circle by. */
    bool circle = count > 0 && (!wanted_by(&wanted, flight) || !tell_turns(turns, count, &wanted) ||
                                is_circle(turns, count, &wanted, flight, lane));
    leave_turns(turns, count);
    return circle;
}

void lc_circle_outside_over(locache_flight *flight)
{
    held turns[TOLD];
    lc_wanted wanted;
    int count = held_turns(turns, flight);
    bool told = wanted_by(&wanted, flight);
    for (int i = 0; told && i < count; i++)
        lc_wanted_over(&turns[i].lane->turns, turns[i].place, &wanted);
    leave_turns(turns, count);
}
