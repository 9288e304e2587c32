/* Circles of computations that wait for each other: f(1) asks for f(2) while f(2), in another
 * thread, task or process, asks for f(1). Nobody would ever go on; so who would close a circle
 * does not wait, and computes.
 *
 * Within a process an edge is noted under the lock before anybody waits, and asked for circles in
 * the same moment, so that of those who make one the last sees it. Between processes each says what
 * it waits for in a note beside its locks (disk/turns.h), and looks again and again: the notes are
 * not of one moment, and may be overwritten by those of other places. What is read wrong there
 * costs a computation that was not needed. */
#include "cache/circle.h"
#include "base/os.h"
#include "cache/handle.h"
#include "disk/owner.h"
#include "disk/share.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Processes that wait for each other in a line: a circle through more of them is not found, and is
 * broken by nobody but who ends one of them. */
#define HOPS 16
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

/* Each time anew: the note of another place may have taken the slot. */
static bool tell_turns(const held *turns, int count, const lc_wanted_turn *wanted)
{
    bool told = true;
    for (int i = 0; i < count; i++)
        told = lc_turns_tell(&turns[i].lane->turns, turns[i].place, wanted) && told;
    return told;
}

static bool is_one_of(const held *turns, int count, const lc_wanted_turn *wanted)
{
    for (int i = 0; i < count; i++)
        if (turns[i].place == wanted->place && turns[i].lane->inode == wanted->inode &&
            turns[i].lane->device == wanted->device)
            return true;
    return false;
}

/* What who has that turn waits for itself, in a directory that this process may not have open. */
static bool ask_next(lc_wanted_turn *wanted)
{
    lc_turns turns;
    int dir;
    /* Nothing is believed of it but that somebody waits: a group's does, too. */
    const lc_owner_place place = {
        .where = "", .name = wanted->path, .variable = "", .mode = LC_SHARE_GROUP};
    if (lc_owner_open(&dir, AT_FDCWD, &place, NULL) != LOCACHE_OK)
        return false;
    bool told = false;
    const lc_directory at = {.dir = dir, .owner = geteuid(), .mode = lc_share_like(dir)};
    if (lc_turns_open(&turns, &at, wanted->device, wanted->inode) == 0) {
        told = lc_turns_ask(wanted, &turns, &at, wanted->place);
        lc_turns_close(&turns);
    }
    lc_close(dir);
    return told;
}

bool lc_circle_outside(locache_flight *flight, const lc_lane *lane)
{
    held turns[TOLD];
    lc_wanted_turn wanted = {
        .device = flight->device, .inode = flight->inode, .place = flight->place};
    const lc_directory at =
        lc_handle_directory(flight->cache, atomic_load(&flight->cache->funcdir));
    const char *path = lc_handle_path(flight->cache);
    int count = held_turns(turns, flight);
    bool circle = false;
    if (count > 0) {
        /* What cannot be said nobody can find a circle by. */
        circle = strlen(path) >= sizeof wanted.path;
        if (!circle)
            memcpy(wanted.path, path, strlen(path) + 1);
        circle = circle || !tell_turns(turns, count, &wanted);
        bool told = lc_turns_ask(&wanted, &lane->turns, &at, flight->place);
        for (int hop = 0; !circle && told && hop < HOPS; hop++) {
            circle = is_one_of(turns, count, &wanted);
            told = ask_next(&wanted);
        }
    }
    leave_turns(turns, count);
    return circle;
}

void lc_circle_outside_over(locache_flight *flight)
{
    held turns[TOLD];
    int count = held_turns(turns, flight);
    tell_turns(turns, count, NULL);
    leave_turns(turns, count);
}
