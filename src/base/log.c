/* The receiver of events. */
#include "base/log.h"

typedef void (*log_fn)(void *context, const locache_event *event);

lc_receiver lc_log_receiver;

void locache_set_log(log_fn fn, void *context)
{
    lc_receiver_set(&lc_log_receiver, (lc_any_function)fn, context);
}

void lc_log(locache_event_kind kind, const char *function, const char *path, const char *detail)
{
    lc_any_function fn;
    void *context;
    /* Between two receivers the event is neither's. */
    if (!lc_log_wanted() || !lc_receiver_get(&fn, &context, &lc_log_receiver))
        return;
    const locache_event event = {.size = sizeof event,
                                 .kind = kind,
                                 .function = function,
                                 .path = path,
                                 .detail = detail ? detail : ""};
    ((log_fn)fn)(context, &event);
}
