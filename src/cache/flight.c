/* A flight: the undertaking to compute one result, from asking for the turn to giving it up.
 *
 * A turn has two halves. In the process it is a flight in the table (flights.c): who finds one of
 * the same key waits for it to change its state. Who finds none puts his own there, and asks for
 * the other half, a lock on the key's byte in the function's lock file, on behalf of all threads
 * of the process: so that one of them asks other processes, and the rest wait for him.
 *
 * Threads are woken by a condition. Other processes are asked again and again: a lock that is
 * waited for in the kernel can neither be given up after a time, nor by Ctrl-C, nor by who finds a
 * circle, and 5 ms after a process died its turn is taken. */
#include "cache/flight.h"
#include "base/alloc.h"
#include "base/system.h"
#include "cache/circle.h"
#include "cache/dirhold.h"
#include "cache/funcdir.h"
#include "cache/notes.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* Between two questions to another process, nanoseconds: soon at first, since many results take no
 * time, and then every 5 ms, which costs a waiting process a thousandth of a processor. */
#define STEP_FIRST INT64_C(100000)
#define STEP_LAST INT64_C(5000000)
/* A lock file that is deleted as often as it is opened: somebody does so in a loop. */
#define ATTEMPTS 8

/* Turns of one function that a process holds at once: the kernel keeps a file's locks in a list
 * that every lock and unlock goes through, so that ten thousand, as deep recursion has them,
 * take seconds. Beyond, threads of the process share still, and other processes compute, too. */
#define HELD_MAX 2048

static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static pthread_condattr_t by_monotonic_clock;
static pthread_key_t at_thread_exit;
static bool has_at_thread_exit;
static _Thread_local bool exit_is_noted;

/* --------------------------------------------------------------------------------- begin and
 * end */

/* What a thread began and has not ended another may end, but not the body of a C function, which is
 * gone with the thread's stack. */
static void end_of_thread(void *unused)
{
    (void)unused;
    exit_is_noted = false;
    for (locache_flight *flight = lc_flights_leave_thread(), *next; flight != NULL; flight = next) {
        next = flight->before;
        flight->before = NULL;
        lc_flight_end(flight);
    }
}

static void prepare_flights(void)
{
    pthread_condattr_init(&by_monotonic_clock);
    pthread_condattr_setclock(&by_monotonic_clock, CLOCK_MONOTONIC);
    /* It fails where a program has used up its keys: then turns of a thread that ended within a
     * body are the process's until it ends. */
    has_at_thread_exit = pthread_key_create(&at_thread_exit, end_of_thread) == 0;
}

static void note_thread(void)
{
    if (!exit_is_noted && has_at_thread_exit)
        exit_is_noted = pthread_setspecific(at_thread_exit, &exit_is_noted) == 0;
}

locache_flight *lc_flight_new(locache *cache, const lc_address *address,
                              const locache_request *request)
{
    locache_flight *flight = lc_alloc(sizeof *flight + address->key_size);
    if (flight == NULL)
        return NULL;
    pthread_once(&prepared, prepare_flights);
    memset(flight, 0, offsetof(locache_flight, key));
    flight->cache = cache;
    lc_handle_retain(cache);
    /* The key is the caller's, who may free it before the commit; the name was made by the look-up
     * that missed, and is not made again. */
    flight->address = *address;
    flight->address.key = memcpy(flight->key, address->key, address->key_size);
    flight->place = lc_turns_place(address->hash);
    flight->turn.own = -1;
    flight->state = LC_FLIGHT_STOPPED;
    flight->users = 1;
    pthread_cond_init(&flight->over, &by_monotonic_clock);
    lc_flights_lock();
    flight->within = request->within;
    if (flight->within != NULL)
        flight->within->users++;
    else
        flight->within = lc_flights_innermost_lock_held();
    if (!request->detached)
        lc_flights_push_lock_held(flight);
    lc_flights_unlock();
    if (!request->detached)
        note_thread();
    return flight;
}

lc_address *lc_flight_address(locache_flight *flight)
{
    return &flight->address;
}

locache *lc_flight_cache(const locache_flight *flight)
{
    return flight->cache;
}

void lc_flight_part(locache_flight *flight)
{
    lc_flights_lock();
    locache_flight *outer = flight->within;
    flight->within = NULL;
    lc_flights_unlock();
    lc_flights_release(outer);
}

/* What is within the flight itself, as this thread may have begun it, the flight is not within. */
void lc_flight_adopt(locache_flight *flight)
{
    note_thread();
    lc_flights_lock();
    lc_flights_pull_lock_held(flight);
    locache_flight *outer = lc_flights_innermost_lock_held();
    if (outer != NULL && flight->within == NULL && !lc_flights_is_within_lock_held(outer, flight)) {
        flight->within = outer;
        outer = NULL;
    }
    lc_flights_push_lock_held(flight);
    lc_flights_unlock();
    lc_flights_release(outer);
}

static void set_state_lock_held(locache_flight *flight, lc_flight_state state)
{
    if (flight->state == LC_FLIGHT_STOPPED && state != LC_FLIGHT_STOPPED)
        lc_flights_insert_lock_held(flight);
    else if (state == LC_FLIGHT_STOPPED && flight->state != LC_FLIGHT_STOPPED)
        lc_flights_remove_lock_held(flight);
    flight->state = state;
    if (state == LC_FLIGHT_HELD || state == LC_FLIGHT_LOOSE)
        lc_circle_forget_lock_held(flight);
    /* Who waits is a user, too. */
    if (flight->users > 1)
        pthread_cond_broadcast(&flight->over);
}

static void set_state(locache_flight *flight, lc_flight_state state)
{
    lc_flights_lock();
    set_state_lock_held(flight, state);
    lc_flights_unlock();
}

static lc_directory directory_of(const locache *cache)
{
    return lc_handle_directory(cache, atomic_load(&cache->funcdir));
}

static void drop_blocker(locache_flight *flight)
{
    lc_flights_release(flight->blocker);
    flight->blocker = NULL;
}

void lc_flight_resume(locache_flight *flight, bool detached)
{
    if (detached)
        return;
    note_thread();
    lc_flights_lock();
    lc_flights_push_lock_held(flight);
    lc_flights_unlock();
}

void lc_flight_pause(locache_flight *flight)
{
    lc_lane *lane = flight->lane;
    lc_flights_lock();
    flight->lane = NULL;
    set_state_lock_held(flight, LC_FLIGHT_STOPPED);
    lc_flights_pull_lock_held(flight);
    lc_flights_unlock();
    lc_lane_leave(lane);
    drop_blocker(flight);
}

static void give_up_turn(const locache_flight *flight, lc_lane *lane)
{
    /* What lies in the directory is a file of the place alone, mostly there is none. */
    bool own = flight->turn.own >= 0;
    if (own)
        (void)lc_dirhold_borrow(flight->cache);
    const lc_directory at = directory_of(flight->cache);
    lc_turns_give_up(&flight->turn, &lane->turns, &at);
    if (own)
        lc_dirhold_return(flight->cache);
    atomic_fetch_sub_explicit(&lane->held, 1, memory_order_relaxed);
}

/* Give the turn up, and be a user less where it is the end. True: it was the last. */
static bool stop(locache_flight *flight, bool failed, bool end)
{
    /* The lock first: who is woken is to find it free. Not where it is a parent's: then the lane
     * is no more, and nobody waits for it but in the parent. */
    lc_lane *lane = flight->lane;
    lc_notes_end_wait(flight);
    if (failed)
        lc_notes_set_vain(flight);
    if (lane != NULL && flight->state == LC_FLIGHT_HELD)
        give_up_turn(flight, lane);
    lc_flights_lock();
    flight->lane = NULL;
    flight->failed = failed;
    bool inherited = flight->state == LC_FLIGHT_INHERITED;
    if (inherited)
        lc_flights_remove_lock_held(flight);
    else
        set_state_lock_held(flight, LC_FLIGHT_STOPPED);
    lc_flights_pull_lock_held(flight);
    lc_circle_forget_lock_held(flight);
    locache_flight *blocker = flight->blocker;
    flight->blocker = NULL;
    bool last = end && --flight->users == 0;
    lc_flights_unlock();
    lc_lane_leave(lane);
    lc_flights_release(blocker);
    return last;
}

void lc_flight_stop(locache_flight *flight, bool failed)
{
    stop(flight, failed, false);
}

void lc_flight_end(locache_flight *flight)
{
    if (flight == NULL)
        return;
    locache *cache = flight->cache;
    if (stop(flight, flight->failed, true))
        lc_flights_free(flight);
    lc_handle_release(cache);
}

/* --------------------------------------------------------------------------------- taking a
 * turn */

/* Is the turn to be had in this process? TAKEN: nobody else asks for it, and the flight is in the
 * table for all to see. */
static lc_turn_state try_here_lock_held(locache_flight *flight)
{
    locache_flight *other = NULL;
    locache_flight *busy = NULL;
    while ((other = lc_flights_find_lock_held(other, flight)) != NULL) {
        if (other == flight)
            continue;
        if (lc_circle_with_lock_held(flight, other))
            return LC_TURN_CIRCLE;
        if (other->state == LC_FLIGHT_ASKING || other->state == LC_FLIGHT_HELD)
            busy = other;
    }
    if (busy == NULL) {
        set_state_lock_held(flight, LC_FLIGHT_ASKING);
        return LC_TURN_TAKEN;
    }
    /* In the same moment as the look for circles: of those who close one, the last sees it. */
    lc_circle_note_lock_held(flight);
    busy->users++;
    flight->blocker = busy;
    return LC_TURN_HERE;
}

static lc_turn_state try_here(locache_flight *flight)
{
    const locache *cache = flight->cache;
    lc_flights_lock();
    if (flight->state == LC_FLIGHT_STOPPED) {
        flight->device = atomic_load(&cache->funcdir_device);
        flight->inode = atomic_load(&cache->funcdir_inode);
    }
    lc_turn_state state =
        flight->state == LC_FLIGHT_ASKING ? LC_TURN_TAKEN : try_here_lock_held(flight);
    lc_flights_unlock();
    return state;
}

/* Ask other processes once. 0, or -1 and errno; ENOENT: the directory is deleted. That shows by the
 * lock file, which is deleted with it: nobody asks the directory itself. */
static int try_lane(locache_flight *flight, int64_t now)
{
    const lc_directory at = directory_of(flight->cache);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (flight->lane == NULL)
            flight->lane = lc_lane_take(&at, flight->device, flight->inode);
        if (flight->lane == NULL)
            return -1;
        if (atomic_load_explicit(&flight->lane->held, memory_order_relaxed) >= HELD_MAX) {
            errno = ENOLCK;
            return -1;
        }
        const lc_turns *turns = &flight->lane->turns;
        int result = lc_turns_take(&flight->turn, turns, &at, flight->place, now);
        if (result != 0 && errno != EAGAIN)
            return -1;
        /* Also where another has it: who holds the lock of a deleted file is not to be waited
         * for. */
        if (lc_turns_valid(turns)) {
            if (result == 0)
                atomic_fetch_add_explicit(&flight->lane->held, 1, memory_order_relaxed);
            return result;
        }
        if (result == 0)
            lc_turns_give_up(&flight->turn, turns, &at);
        lc_lane_renew(flight->lane);
        lc_lane_leave(flight->lane);
        flight->lane = NULL;
    }
    errno = EIO;
    return -1;
}

static void leave_lane(locache_flight *flight)
{
    lc_lane *lane = flight->lane;
    lc_flights_lock();
    flight->lane = NULL;
    lc_flights_unlock();
    lc_lane_leave(lane);
}

static void compute(locache_flight *flight, lc_flight_state state, int64_t now)
{
    lc_flights_lock();
    flight->since = now;
    set_state_lock_held(flight, state);
    lc_flights_unlock();
}

void lc_flight_loosen(locache_flight *flight)
{
    leave_lane(flight);
    compute(flight, LC_FLIGHT_LOOSE, lc_now());
}

lc_turn_state lc_flight_try(locache_flight *flight)
{
    drop_blocker(flight);
    if (flight->hopeless || flight->state == LC_FLIGHT_LOOSE)
        return LC_TURN_CIRCLE;
    lc_turn_state state = try_here(flight);
    if (state != LC_TURN_TAKEN)
        return state;
    int64_t now = lc_now();
    int result = try_lane(flight, now);
    int code = result != 0 ? errno : 0;
    if (code == EAGAIN) {
        lc_flights_lock();
        lc_circle_note_lock_held(flight);
        lc_flights_unlock();
        return LC_TURN_AWAY;
    }
    if (code != 0) {
        leave_lane(flight); /* threads of this process do without it */
        if (lc_funcdir_gone(flight->cache, atomic_load(&flight->cache->funcdir)))
            code = ENOENT;
    }
    if (code == ENOENT) {
        set_state(flight, LC_FLIGHT_STOPPED);
        return LC_TURN_GONE;
    }
    compute(flight, LC_FLIGHT_HELD, now);
    return LC_TURN_TAKEN;
}

/* -------------------------------------------------------------------------------------- waiting */

static void wait_here(locache_flight *flight, int64_t nanoseconds)
{
    locache_flight *blocker = flight->blocker;
    int64_t until = lc_monotonic() + nanoseconds;
    const struct timespec at = {.tv_sec = (time_t)(until / INT64_C(1000000000)),
                                .tv_nsec = (long)(until % INT64_C(1000000000))};
    lc_flights_lock();
    lc_flight_state first = blocker->state;
    bool in_time = first == LC_FLIGHT_ASKING || first == LC_FLIGHT_HELD;
    while (in_time && blocker->state == first)
        in_time = lc_flights_wait_lock_held(blocker, &at);
    flight->hopeless = blocker->failed;
    lc_flights_unlock();
}

void lc_flight_wait(locache_flight *flight, unsigned asked, int64_t nanoseconds)
{
    if (flight->blocker != NULL) {
        wait_here(flight, nanoseconds);
        return;
    }
    int64_t step = asked < 16 ? STEP_FIRST << asked : STEP_LAST;
    if (step > STEP_LAST)
        step = STEP_LAST;
    lc_sleep(step < nanoseconds ? step : nanoseconds);
}

/* --------------------------------------------------------------------------------- bodies of C */

void lc_flight_bind(locache_flight *flight, const void *frame)
{
    lc_flights_lock();
    flight->frame = frame;
    lc_flights_unlock();
}

/* The innermost of this thread's whose frame is not there any more, counted for the caller. */
static locache_flight *next_left(const void *frame)
{
    lc_flights_lock();
    locache_flight *flight = lc_flights_innermost_lock_held();
    locache_flight *top = flight;
    /* Stacks grow downwards: a frame that is there is above those that it called. */
    while (flight != NULL && (flight->frame == NULL || (uintptr_t)flight->frame > (uintptr_t)frame))
        flight = flight->before;
    if (flight != NULL)
        flight->users++;
    lc_flights_unlock();
    lc_flights_release(top);
    return flight;
}

void lc_flight_left(const void *frame)
{
    locache_flight *flight;
    if (!lc_flights_any_within())
        return;
    while ((flight = next_left(frame)) != NULL) {
        lc_flight_stop(flight, false);
        lc_flights_release(flight);
    }
}

void lc_flight_close(const locache *cache)
{
    if (atomic_load(&cache->funcdir_inode) != 0)
        lc_lane_forget(atomic_load(&cache->funcdir_device), atomic_load(&cache->funcdir_inode));
}
