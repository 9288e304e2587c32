/* The memoized functions of the program and of what it has loaded.
 *
 * Who only sees a function's declaration, as C++ does, names it by its address. So each is put into
 * a list when it is loaded: by one exchange and without a lock, since every program pays that,
 * whether it ever asks or not. What looks for one, or takes one out, has a lock. */
#include "persist/loaded.h"
#include "base/latch.h"

#include <stdatomic.h>

static _Atomic(locache_function_record *) first;
static lc_latch latch;

void locache_function_begin(locache_function_record *function)
{
    locache_function_record *after = atomic_load(&first);
    do
        function->after = after;
    while (!atomic_compare_exchange_weak(&first, &after, function));
}

/* Whoever put one at the beginning meanwhile makes it a later one. */
static void take_out(locache_function_record *function)
{
    locache_function_record *at = function;
    if (atomic_compare_exchange_strong(&first, &at, function->after))
        return;
    while (at != NULL && at->after != function)
        at = at->after;
    if (at != NULL)
        at->after = function->after;
}

void lc_loaded_leave(locache_function_record *function)
{
    /* A thread that is not here any more left the list whole. */
    (void)lc_latch_have(&latch);
    take_out(function);
    lc_latch_release(&latch);
}

locache_function_record *lc_loaded_find(const void *code)
{
    (void)lc_latch_have(&latch);
    locache_function_record *at = atomic_load(&first);
    while (at != NULL && at->code != code)
        at = at->after;
    lc_latch_release(&latch);
    return at;
}
