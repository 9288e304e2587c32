/* Receivers, exchanged while other threads send to them.
 *
 * A receiver is two words, function and context, that must be read together, and without a lock:
 * fork() may happen at any time, and a lock that another thread held then would never be released
 * in the child. So they are a sequence lock: `turn` is odd while the two are being changed, and who
 * read them while it was, or on both sides of a change, reads again. All of these are atomic, in
 * one order for all threads, so that no pair is ever made of one receiver's function and another's
 * context. */
#include "base/receiver.h"

#include <sched.h>
#include <stddef.h>

/* How often to give way to another lc_receiver_set() before it is taken for one that fork() cut
 * off: it has two words to store, so that a single time is nearly always enough. */
#define PATIENCE 10000

void lc_receiver_set(lc_receiver *receiver, lc_any_function fn, void *context)
{
    unsigned seen = atomic_load(&receiver->turn);
    unsigned mine;
    int waited = 0;
    for (;;) {
        if (seen % 2 != 0 && waited++ < PATIENCE) {
            sched_yield();
            seen = atomic_load(&receiver->turn);
            continue;
        }
        /* The next odd number. From an odd one, somebody never finished: his turn is taken over. */
        mine = seen + (seen % 2 == 0 ? 1 : 2);
        if (atomic_compare_exchange_strong(&receiver->turn, &seen, mine))
            break;
    }
    atomic_store(&receiver->fn, fn);
    atomic_store(&receiver->context, context);
    atomic_store(&receiver->turn, mine + 1);
}

bool lc_receiver_get(lc_any_function *fn, void **context, lc_receiver *receiver)
{
    unsigned before;
    do {
        before = atomic_load(&receiver->turn);
        if (before % 2 != 0)
            return false;
        *fn = atomic_load(&receiver->fn);
        *context = atomic_load(&receiver->context);
    } while (atomic_load(&receiver->turn) != before);
    return *fn != NULL;
}
