/* The receiver of events. */
#include "base/log.h"
#include "base/receiver.h"

typedef void (*log_fn)(void *context, const locache_event *event);

static lc_receiver receiver;

void locache_set_log(log_fn fn, void *context)
{
    lc_receiver_set(&receiver, (lc_any_function)fn, context);
}

bool lc_log_wanted(void)
{
    /* Asked at every hit, and mostly nobody listens: a guess that lc_log() makes sure of. */
    return atomic_load_explicit(&receiver.fn, memory_order_relaxed) != NULL;
}

void lc_log(locache_event_kind kind, const char *function, const char *path, const char *detail)
{
    lc_any_function fn;
    void *context;
    /* Between two receivers the event is neither's. */
    if (!lc_log_wanted() || !lc_receiver_get(&fn, &context, &receiver))
        return;
    const locache_event event = {.size = sizeof event,
                                 .kind = kind,
                                 .function = function,
                                 .path = path,
                                 .detail = detail ? detail : ""};
    ((log_fn)fn)(context, &event);
}
