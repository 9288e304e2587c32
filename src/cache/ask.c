/* A result asked for, computed once: begin, commit and abandon of locache.h.
 *
 * The way of a miss:  looked up (cache.c) -> a flight -> its turn (flight.c), waited for where
 * somebody else has it -> looked up again, since he may have stored it meanwhile -> the caller
 * computes -> commit: stored, and the turn given up.
 *
 * What it costs where nobody else asks: six system calls, of which none waits, opens or allocates:
 * the lock, whether its file is there still, the second look, a note of who holds it (with a look
 * at the limit of files' sizes), and the lock given up. A hit pays nothing of it. */
#include "base/sized.h"
#include "base/system.h"
#include "cache/cache.h"
#include "cache/flight.h"

#include <pthread.h>

#define SECOND INT64_C(1000000000)
/* A computation that is waited for so long is told of, and again after ten times as long, ... */
#define TOLD_FIRST (3 * SECOND)
/* From here on it is looked for circles outside of the process, so often: what takes no longer is
 * no circle. */
#define CIRCLE_EVERY (SECOND / 20)
/* A directory that is deleted as often as it is made is somebody's loop. */
#define ATTEMPTS 4

/* One request on its way. */
typedef struct asking {
    locache_request *request;
    locache_flight *flight;
    int64_t until;   /* monotonic, when the wait is over; INT64_MAX: as long as it takes */
    int64_t checked; /* when it was last looked for circles outside */
    unsigned asked;
    bool was_there; /* the first look found something that was not valid */
} asking;

/* Was one of 3 s, 30 s, 300 s ... since it was asked for first passed after `seen`? */
static bool is_time_to_tell(int64_t since, int64_t seen, int64_t now)
{
    int64_t after = TOLD_FIRST;
    while (after < now - since && after < seen - since && after < INT64_MAX / 10)
        after *= 10;
    return seen - since < after && after <= now - since;
}

static void tell(asking *all, int64_t now)
{
    char whom[128];
    locache *cache = lc_flight_cache(all->flight);
    if (is_time_to_tell(all->request->since, all->request->seen, now)) {
        lc_flight_whom(whom, sizeof whom, all->flight);
        lc_handle_event(cache, LOCACHE_EVENT_WAIT, lc_flight_address(all->flight)->name, whom);
    }
    all->request->seen = now;
}

/* Wait a little. False: the wait is over. */
static bool wait_a_little(asking *all)
{
    int64_t now = lc_monotonic();
    tell(all, now);
    if (now >= all->until)
        return false;
    int64_t rest = all->until - now;
    lc_flight_wait(all->flight, all->asked++, rest < CIRCLE_EVERY ? rest : CIRCLE_EVERY);
    return true;
}

static bool is_circle_outside(asking *all)
{
    int64_t now = lc_monotonic();
    if (now - all->checked < CIRCLE_EVERY)
        return false;
    all->checked = now;
    return lc_flight_circle_outside(all->flight);
}

/* Take the turn, or wait for it. OK: *value was stored meanwhile. MISS: it is the caller's to
 * compute. PENDING. */
static locache_status take_turn(locache_value **value, asking *all)
{
    locache *cache = lc_flight_cache(all->flight);
    lc_address *address = lc_flight_address(all->flight);
    bool here = false;
    int made = 0;
    for (;;) {
        /* Who waited for a thread finds what that stored, mostly, and needs no turn for it. */
        if (here && lc_cache_get_again(value, cache, address, all->was_there) == LOCACHE_OK)
            return LOCACHE_OK;
        lc_turn_state state = lc_flight_try(all->flight);
        if (state == LC_TURN_TAKEN)
            return lc_cache_get_again(value, cache, address, all->was_there);
        if (state == LC_TURN_GONE && made++ < ATTEMPTS &&
            lc_cache_make_directory(cache, NULL) == LOCACHE_OK)
            continue;
        if (state == LC_TURN_CIRCLE || state == LC_TURN_GONE || is_circle_outside(all)) {
            lc_flight_loosen(all->flight);
            return LOCACHE_MISS;
        }
        here = state == LC_TURN_HERE;
        if (!wait_a_little(all))
            return LOCACHE_PENDING;
    }
}

static locache_status fly(locache_value **value, locache_flight **flight, asking *all)
{
    locache_status status = take_turn(value, all);
    if (status == LOCACHE_PENDING) {
        lc_flight_pause(all->flight);
        all->request->waits = all->flight;
    } else if (status == LOCACHE_OK) {
        lc_flight_end(all->flight);
    } else {
        *flight = all->flight;
    }
    return status;
}

/* The flight of a request that goes on, or a new one. */
static locache_flight *flight_of(locache *cache, const lc_address *address,
                                 locache_request *request)
{
    locache_flight *flight = request->waits;
    request->waits = NULL;
    if (flight == NULL)
        return lc_flight_new(cache, address, request);
    lc_flight_resume(flight, request->detached);
    return flight;
}

static int64_t end_of_wait(const locache *cache, const locache_request *request, int64_t now)
{
    int64_t wait = request->wait != 0 ? request->wait : cache->wait;
    if (wait < 0)
        return now;
    return wait == 0 || wait > INT64_MAX - now ? INT64_MAX : now + wait;
}

static locache_status ask(locache_value **value, locache_flight **flight, locache *cache,
                          locache_request *request, locache_error *error)
{
    lc_address address;
    lc_address_init(&address, request->key, request->key_size);
    locache_status status = lc_cache_get(value, cache, &address, error);
    if (status != LOCACHE_MISS)
        return status;
    int64_t now = lc_monotonic();
    asking all = {.request = request,
                  .until = end_of_wait(cache, request, now),
                  .checked = now,
                  .was_there = error->status != LOCACHE_OK};
    if (request->since == 0)
        request->since = now;
    if (request->seen == 0)
        request->seen = request->since;
    all.flight = flight_of(cache, &address, request);
    if (all.flight == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to begin a computation");
    /* Without a directory there is nothing to lock, and nothing will be stored: the put says
     * why. */
    if (atomic_load(&cache->funcdir) < 0 && lc_cache_make_directory(cache, NULL) != LOCACHE_OK)
        lc_flight_loosen(all.flight);
    return fly(value, flight, &all);
}

locache_status locache_ask(locache_value **value, locache_flight **flight, locache *cache,
                           locache_request *request, locache_error *error)
{
    locache_error own;
    int cancelling;
    if (error == NULL)
        error = &own;
    lc_error_clear(error);
    if (request == NULL || request->size != sizeof *request)
        return lc_fail(error, LOCACHE_EINVAL, "request.size is not sizeof(locache_request)");
    /* A thread that were cancelled in here would leave its turn to nobody. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    locache_status status = ask(value, flight, cache, request, error);
    if (status != LOCACHE_PENDING)
        locache_give_up(request);
    pthread_setcancelstate(cancelling, &cancelling);
    return status;
}

locache_status locache_begin(locache_value **value, locache_flight **flight, locache *cache,
                             const void *key, size_t key_size, locache_error *error)
{
    locache_request request = {.size = sizeof request, .key = key, .key_size = key_size};
    locache_status status = locache_ask(value, flight, cache, &request, error);
    locache_give_up(&request);
    return status;
}

void locache_give_up(locache_request *request)
{
    if (request == NULL)
        return;
    lc_flight_end(request->waits);
    request->waits = NULL;
}

/* The turn is given up when the result is there, whatever came of it: the address that it is stored
 * under is the flight's. */
locache_status locache_commit(locache_flight *flight, const locache_record *record,
                              locache_error *error)
{
    int cancelling;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    locache_status status =
        lc_cache_put(lc_flight_cache(flight), lc_flight_address(flight), record, error);
    lc_flight_stop(flight, status != LOCACHE_OK);
    lc_flight_end(flight);
    pthread_setcancelstate(cancelling, &cancelling);
    return status;
}

void locache_abandon(locache_flight *flight)
{
    int cancelling;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    lc_flight_end(flight);
    pthread_setcancelstate(cancelling, &cancelling);
}
