/* A result asked for, computed once: begin, commit and abandon of locache.h.
 *
 * The way of a miss:  looked up (cache.c) -> a flight -> its turn (flight.c), waited for where
 * somebody else has it -> looked up again, since he may have stored it meanwhile -> the caller
 * computes -> commit: stored, and the turn given up.
 *
 * After some misses in a row, or where the function has no directory yet, the next is expected to
 * be one, too: then the turn is taken first, and the look that comes then is the only one. What is
 * looked up under the turn is the second look, which no other can make false; the first is there to
 * spare hits the turn.
 *
 * What it costs where nobody else asks: three system calls, of which none waits, opens or writes:
 * the lock, whether its file is there still (which says the same of the directory, so that the
 * look need not ask), and the lock given up; and a second look before the misses are in a row. A
 * hit pays nothing of it, unless it is the first after such a row. */
#include "base/sized.h"
#include "base/system.h"
#include "cache/cache.h"
#include "cache/dirhold.h"
#include "cache/flight.h"
#include "cache/notes.h"
#include "cache/recall.h"

#include <limits.h>
#include <pthread.h>

#define SECOND INT64_C(1000000000)
/* A computation that is waited for so long is told of, and again after ten times as long, ... */
#define TOLD_FIRST (3 * SECOND)
/* Who waits for so long looks what other processes tell of the turn, and again as often: what takes
 * no longer is no circle. */
#define LOOK_EVERY (SECOND / 20)
/* A directory that is deleted as often as it is made is somebody's loop. */
#define ATTEMPTS 4
/* So many misses in a row let the next be expected. A hit that was taken for a miss pays some two
 * microseconds, which these have saved twice over. */
#define MISSES_IN_ROW 4

/* One request on its way. */
typedef struct asking {
    locache_request *request;
    locache_flight *flight;
    lc_look look;
    bool looked; /* on disk */
    bool waited;
    bool waits;    /* until is set */
    int64_t until; /* monotonic, when the wait is over; INT64_MAX: as long as it takes */
} asking;

/* Was one of 3 s, 30 s, 300 s ... since it was asked for first passed after `seen`? */
static bool is_time_to_tell(int64_t since, int64_t seen, int64_t now)
{
    int64_t after = TOLD_FIRST;
    while (after < now - since && after < seen - since && after < INT64_MAX / 10)
        after *= 10;
    return seen - since < after && after <= now - since;
}

static void tell(const asking *all, int64_t now)
{
    char whom[128];
    locache *cache = lc_flight_cache(all->flight);
    if (is_time_to_tell(all->request->since, all->request->seen, now)) {
        lc_notes_whom(whom, sizeof whom, all->flight);
        lc_handle_event(cache, LOCACHE_EVENT_WAIT, lc_flight_address(all->flight)->name, whom);
    }
    all->request->seen = now;
}

static int64_t end_of_wait(const locache *cache, const locache_request *request, int64_t now)
{
    int64_t wait = request->wait != 0 ? request->wait : cache->wait;
    if (wait < 0)
        return now;
    return wait == 0 || wait > INT64_MAX - now ? INT64_MAX : now + wait;
}

/* The first wait of all, or the first since the request goes on. */
static void begin_wait(asking *all)
{
    locache_request *request = all->request;
    int64_t now = lc_monotonic();
    all->until = end_of_wait(lc_flight_cache(all->flight), request, now);
    all->waits = true;
    if (request->since == 0)
        request->since = now;
    if (request->seen == 0)
        request->seen = request->since;
}

/* Wait a little. False: the wait is over. */
static bool wait_a_little(const asking *all)
{
    int64_t now = lc_monotonic();
    tell(all, now);
    if (now >= all->until)
        return false;
    int64_t rest = all->until - now;
    lc_flight_wait(all->flight, all->request->asked, rest < LOOK_EVERY ? rest : LOOK_EVERY);
    if (all->request->asked < UINT_MAX)
        all->request->asked++;
    return true;
}

/* Is there a reason not to wait that shows in the lock file? */
static bool is_no_wait(const asking *all)
{
    locache_request *request = all->request;
    int64_t now = lc_monotonic();
    bool first = request->looked == 0;
    if (!first && now - request->looked < LOOK_EVERY)
        return false;
    request->looked = now;
    /* Most waits are short: a circle is looked for by who waits longer. */
    return lc_notes_is_vain(all->flight) || (!first && lc_notes_is_circle(all->flight));
}

static bool may_not_wait(const asking *all, lc_turn_state state)
{
    return state == LC_TURN_CIRCLE || state == LC_TURN_GONE ||
           (state == LC_TURN_AWAY && all->request->fresh) || is_no_wait(all);
}

/* Look for it on disk, for the first time. */
static locache_status look_first(locache_value **value, asking *all, locache *cache,
                                 lc_address *address, locache_error *error)
{
    locache_status status = lc_cache_look(value, cache, address, &all->look, error);
    unsigned misses = atomic_load_explicit(&cache->misses, memory_order_relaxed);
    all->looked = true;
    if (status == LOCACHE_OK)
        atomic_store_explicit(&cache->misses, 0, memory_order_relaxed);
    else if (misses < MISSES_IN_ROW)
        atomic_store_explicit(&cache->misses, misses + 1, memory_order_relaxed);
    return status;
}

static locache_status look_again(locache_value **value, asking *all)
{
    return lc_cache_look_again(value, lc_flight_cache(all->flight), lc_flight_address(all->flight),
                               &all->look);
}

/* The look that comes with the turn. The first is worth as much without it, too: who does not have
 * the turn has not looked yet, and may find that there is nothing to wait for. */
static locache_status look_now(locache_value **value, asking *all, lc_turn_state state,
                               locache_error *error)
{
    if (!all->looked)
        return look_first(value, all, lc_flight_cache(all->flight), lc_flight_address(all->flight),
                          error);
    if (state == LC_TURN_TAKEN && (all->waited || !all->request->fresh))
        return look_again(value, all);
    return LOCACHE_MISS;
}

/* Take the turn, or wait for it. OK: *value was stored meanwhile. MISS: it is the caller's to
 * compute. PENDING. ENOMEM. */
static locache_status take_turn(locache_value **value, asking *all, locache_error *error)
{
    bool here = false;
    int made = 0;
    for (;;) {
        /* Who waited for a thread finds what that stored, mostly, and needs no turn for it. */
        if (here && look_again(value, all) == LOCACHE_OK)
            return LOCACHE_OK;
        lc_turn_state state = lc_flight_try(all->flight);
        locache_status status = look_now(value, all, state, error);
        if (state == LC_TURN_TAKEN || status != LOCACHE_MISS)
            return status;
        if (state == LC_TURN_GONE && made++ < ATTEMPTS &&
            lc_cache_make_directory(lc_flight_cache(all->flight), NULL) == LOCACHE_OK)
            continue;
        if (may_not_wait(all, state)) {
            lc_flight_loosen(all->flight);
            return LOCACHE_MISS;
        }
        here = state == LC_TURN_HERE;
        all->waited = true;
        if (!all->waits)
            begin_wait(all);
        if (!wait_a_little(all))
            return LOCACHE_PENDING;
    }
}

static locache_status fly(locache_value **value, locache_flight **flight, asking *all,
                          locache_error *error)
{
    locache_status status = take_turn(value, all, error);
    if (status == LOCACHE_PENDING) {
        lc_flight_pause(all->flight);
        all->request->waits = all->flight;
    } else if (status != LOCACHE_MISS) {
        lc_flight_end(all->flight);
    } else {
        lc_notes_end_wait(all->flight);
        if (!all->request->fresh)
            lc_cache_tell_miss(lc_flight_cache(all->flight), lc_flight_address(all->flight),
                               &all->look, error);
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

/* Did the handle find no directory when it was opened? Then it holds nothing, mostly. */
static bool is_new(const locache *cache)
{
    return atomic_load_explicit(&cache->funcdir_inode, memory_order_relaxed) == 0 &&
           cache->layers == NULL;
}

/* Is the turn to be taken before it is looked up? Not where a stale result may be there, which is
 * given to who does not have it. */
static bool is_expected_missing(const locache *cache, const locache_request *request)
{
    return request->seen == 0 && cache->limits.stale <= 0 &&
           !(cache->flags & LOCACHE_OPEN_READ_ONLY) &&
           (is_new(cache) ||
            atomic_load_explicit(&cache->misses, memory_order_relaxed) >= MISSES_IN_ROW);
}

/* Programs of an earlier header do not have it. */
static int64_t newer_than(const locache_request *request)
{
    return request->size >= LC_SIZED_UP_TO(locache_request, newer_than) ? request->newer_than : 0;
}

/* The look before the turn; a request that goes on has looked, and what was not valid was told. */
static locache_status look_before(locache_value **value, asking *all, locache *cache,
                                  lc_address *address, locache_error *error)
{
    locache_request *request = all->request;
    if (request->fresh && request->from == 0)
        request->from = lc_now();
    all->looked = request->fresh;
    int64_t from = request->fresh ? request->from : newer_than(request);
    /* What is in memory does not say when it was stored. */
    if (from == 0 && lc_recall_value(value, cache, address) == LOCACHE_OK)
        return LOCACHE_OK;
    all->look = (lc_look){.trusting = true, .quiet = request->seen != 0, .from = from};
    if (lc_address_name(address) == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_ask() are not a key");
    if (request->fresh || is_expected_missing(cache, request))
        return LOCACHE_MISS;
    return look_first(value, all, cache, address, error);
}

/* A stale result was found: undertake to compute it anew, where nobody does so. *flight: that
 * undertaking, or NULL. What somebody stored meanwhile takes the stale one's place. */
static void offer_refresh(locache_value **value, locache_flight **flight, locache *cache,
                          const lc_address *address, asking *all)
{
    locache_value *newer;
    locache_request own = {.size = 0};
    /* A program of an earlier header has a shorter one. */
    (void)lc_sized_take(&own, sizeof own, LC_SIZED_UP_TO(locache_request, waits), all->request);
    own.detached = own.detached || own.behind;
    own.waits = NULL;
    locache_flight *begun = lc_flight_new(cache, address, &own);
    if (begun == NULL)
        return;
    /* Who asked does not wait for what is computed behind: it may wait for him. */
    if (own.behind)
        lc_flight_part(begun);
    /* Of a base's there may be no directory yet that the new one could be put into. */
    bool can_store =
        lc_dirhold_borrow(cache) >= 0 || lc_cache_make_directory(cache, NULL) == LOCACHE_OK;
    bool taken = can_store && lc_flight_try(begun) == LC_TURN_TAKEN;
    all->look.counted = true;
    if (taken &&
        lc_cache_look_again(&newer, cache, lc_flight_address(begun), &all->look) == LOCACHE_OK) {
        locache_value_free(*value);
        *value = newer;
        taken = newer->stale;
    }
    if (!taken)
        lc_flight_end(begun);
    lc_dirhold_return(cache);
    *flight = taken ? begun : NULL;
}

static locache_status ask(locache_value **value, locache_flight **flight, locache *cache,
                          locache_request *request, locache_error *error)
{
    lc_address address;
    asking all = {.request = request, .waited = request->waits != NULL};
    lc_handle_address(&address, cache, request->key, request->key_size);
    if (cache->limits.stale > 0)
        *flight = NULL;
    locache_status status = look_before(value, &all, cache, &address, error);
    if (status == LOCACHE_OK && (*value)->stale && !(cache->flags & LOCACHE_OPEN_READ_ONLY))
        offer_refresh(value, flight, cache, &address, &all);
    if (status != LOCACHE_MISS)
        return status;
    all.flight = flight_of(cache, &address, request);
    if (all.flight == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to begin a computation");
    /* Without a directory there is nothing to lock, and nothing will be stored: the put says
     * why. */
    int funcdir = lc_dirhold_borrow(cache);
    if (cache->flags & LOCACHE_OPEN_READ_ONLY ||
        (funcdir < 0 && lc_cache_make_directory(cache, NULL) != LOCACHE_OK))
        lc_flight_loosen(all.flight);
    status = fly(value, flight, &all, error);
    lc_dirhold_return(cache);
    return status;
}

locache_status locache_ask(locache_value **value, locache_flight **flight, locache *cache,
                           locache_request *request, locache_error *error)
{
    locache_error own;
    int cancelling;
    if (error == NULL)
        error = &own;
    lc_error_clear(error);
    if (request == NULL ||
        !lc_sized_fits(sizeof *request, LC_SIZED_UP_TO(locache_request, waits), request))
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
    if (status != LOCACHE_OK)
        lc_flight_stop(flight, true);
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

void locache_adopt(locache_flight *flight)
{
    int cancelling;
    if (flight == NULL)
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    lc_flight_adopt(flight);
    pthread_setcancelstate(cancelling, &cancelling);
}
