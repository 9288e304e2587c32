/* The receiver of events, exchanged while other threads send them.
 *
 * A receiver is two words, function and context, that must be read together, and without a lock:
 * fork() may happen at any time, and a lock that another thread held then would never be released
 * in the child. So they are a sequence lock: `turn` is odd while the two are being changed, and who
 * read them while it was, or on both sides of a change, reads again. All of these are atomic, in
 * one order for all threads, so that no pair is ever made of one receiver's function and another's
 * context. */
#include "base/log.h"

#include <sched.h>
#include <stdatomic.h>

typedef void (*log_fn)(void *context, const locache_event *event);

static _Atomic(log_fn) receiver;
static _Atomic(void *) receiver_context;
static atomic_uint turn;

/* How often to give way to another locache_set_log() before it is taken for one that fork() cut
 * off: it has two words to store, so that a single time is nearly always enough. */
#define PATIENCE 10000

void locache_set_log(void (*fn)(void *context, const locache_event *event), void *context)
{
    unsigned seen = atomic_load(&turn);
    unsigned mine;
    int waited = 0;
    for (;;) {
        if (seen % 2 != 0 && waited++ < PATIENCE) {
            sched_yield();
            seen = atomic_load(&turn);
            continue;
        }
        /* The next odd number. From an odd one, somebody never finished: his turn is taken over. */
        mine = seen + (seen % 2 == 0 ? 1 : 2);
        if (atomic_compare_exchange_strong(&turn, &seen, mine))
            break;
    }
    atomic_store(&receiver, fn);
    atomic_store(&receiver_context, context);
    atomic_store(&turn, mine + 1);
}

bool lc_log_wanted(void)
{
    /* Asked at every hit, and mostly nobody listens: a guess that lc_log() makes sure of. */
    return atomic_load_explicit(&receiver, memory_order_relaxed) != NULL;
}

void lc_log(locache_event_kind kind, const char *function, const char *path, const char *detail)
{
    if (!lc_log_wanted())
        return;
    unsigned before;
    log_fn fn;
    void *context;
    do {
        before = atomic_load(&turn);
        /* Between two receivers: the event is neither's. */
        if (before % 2 != 0)
            return;
        fn = atomic_load(&receiver);
        context = atomic_load(&receiver_context);
    } while (atomic_load(&turn) != before);
    if (fn == NULL)
        return;
    const locache_event event = {
        .kind = kind, .function = function, .path = path, .detail = detail ? detail : ""};
    fn(context, &event);
}
