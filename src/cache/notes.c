/* What processes that wait for each other's turns tell one another, in the lock file of the
 * function (disk/turns.h). Nothing here is on the way of a miss that nobody else asks for. */
#include "cache/notes.h"
#include "base/system.h"
#include "cache/circle.h"
#include "cache/dirhold.h"

#include <stdio.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
/* So much longer than the computation took that could not be stored, nobody waits for the like: one
 * that is asked for again and again is not to make a line of a parallel program. */
#define VAIN_MORE SECOND
#define VAIN_MOST (INT64_C(86400) * SECOND) /* a day: clocks may have jumped */

static lc_directory directory_in(const locache_flight *flight)
{
    return lc_handle_directory(flight->cache, atomic_load(&flight->cache->funcdir));
}

/* ------------------------------------------------------------------------------------- circles */

bool lc_notes_is_circle(locache_flight *flight)
{
    if (flight->within == NULL)
        return false;
    const lc_directory at = directory_in(flight);
    lc_lane *lane = lc_lane_take(&at, flight->device, flight->inode);
    bool circle = lane != NULL && lc_circle_outside(flight, lane);
    lc_lane_leave(lane);
    flight->told = true;
    return circle;
}

void lc_notes_end_wait(locache_flight *flight)
{
    if (flight->told)
        lc_circle_outside_over(flight);
    flight->told = false;
}

/* ------------------------------------------------------------------------ what cannot be stored */

void lc_notes_set_vain(const locache_flight *flight)
{
    if (flight->state != LC_FLIGHT_HELD && flight->state != LC_FLIGHT_LOOSE)
        return;
    int64_t now = lc_now();
    int64_t took = now - flight->since;
    if (took < 0 || took > VAIN_MOST)
        took = took < 0 ? 0 : VAIN_MOST;
    (void)lc_dirhold_borrow(flight->cache);
    const lc_directory at = directory_in(flight);
    lc_lane *lane = lc_lane_take(&at, flight->device, flight->inode);
    lc_dirhold_return(flight->cache);
    if (lane != NULL)
        lc_turns_set_vain(&lane->turns, flight->place, now + took + VAIN_MORE);
    lc_lane_leave(lane);
}

bool lc_notes_is_vain(const locache_flight *flight)
{
    const lc_directory at = directory_in(flight);
    lc_lane *lane = lc_lane_take(&at, flight->device, flight->inode);
    bool vain = lane != NULL && lc_turns_in_vain(&lane->turns, flight->place, lc_now());
    lc_lane_leave(lane);
    return vain;
}

/* ----------------------------------------------------------------------------------- for people */

static void write_since(char out[32], int64_t since, const char *format)
{
    struct tm parts;
    time_t seconds = (time_t)(since / SECOND);
    if (localtime_r(&seconds, &parts) == NULL || strftime(out, 32, format, &parts) == 0)
        snprintf(out, 32, "some time");
}

/* When the thread or task of this process began that computes it; 0: it waits for another process
 * itself. */
static int64_t begun_here(const locache_flight *flight)
{
    int64_t since = 0;
    lc_flights_lock();
    if (flight->blocker != NULL && flight->blocker->state != LC_FLIGHT_ASKING)
        since = flight->blocker->since;
    lc_flights_unlock();
    return since;
}

void lc_notes_whom(char *out, size_t size, locache_flight *flight)
{
    char since[32];
    lc_turn_holder holder = {.process = 0};
    int64_t here = begun_here(flight);
    if (here != 0) {
        write_since(since, here, "%Y-%m-%d %H:%M:%S");
        snprintf(out, size, "for another thread or task of this process, since %s", since);
        return;
    }
    const lc_directory at = directory_in(flight);
    lc_lane *lane = lc_lane_take(&at, flight->device, flight->inode);
    bool known = lane != NULL && lc_turns_holder(&holder, &lane->turns, &at, flight->place);
    lc_lane_leave(lane);
    write_since(since, holder.since, "%Y-%m-%d %H:%M");
    if (known && holder.process != 0)
        snprintf(out, size, "for process %lu, since %s", (unsigned long)holder.process, since);
    else
        snprintf(out, size, "for another process");
}
