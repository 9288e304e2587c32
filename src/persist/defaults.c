/* The options of memoized functions: their own, and the process's where they say nothing. */
#include "persist/defaults.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"

#include <stdatomic.h>
#include <string.h>

/* What locache_configure() said, the last time first. Any thread may be reading an earlier one:
 * they stay, and are few. */
typedef struct said_options {
    struct said_options *before;
    locache_persist_options options;
    char base[]; /* what options.base points to */
} said_options;

static _Atomic(said_options *) said;

static locache_status take(locache_persist_options *out, const locache_persist_options *given,
                           locache_error *error)
{
    if (lc_sized_take(out, sizeof *out, sizeof out->size, given))
        return LOCACHE_OK;
    return lc_fail(error, LOCACHE_EINVAL,
                   "the options' size is not set, or they say what this version of the library "
                   "(" LOCACHE_VERSION_STRING ") does not know");
}

locache_status locache_configure(const locache_persist_options *defaults, locache_error *error)
{
    locache_persist_options options = {.size = sizeof options};
    lc_error_clear(error);
    locache_status status = defaults ? take(&options, defaults, error) : LOCACHE_OK;
    if (status == LOCACHE_OK && options.ignore != NULL)
        status = lc_fail(error, LOCACHE_EINVAL,
                         "the option ignore is about one function: LOCACHE_PERSIST_WITH");
    if (status == LOCACHE_OK)
        status = locache_set_dir(options.dir, error);
    if (status != LOCACHE_OK)
        return status;
    size_t base_size = options.base != NULL ? strlen(options.base) + 1 : 0;
    said_options *made = lc_alloc(sizeof *made + base_size);
    if (made == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for the options");
    /* The path was copied; the caller's may go. */
    options.dir = NULL;
    if (options.base != NULL)
        options.base = memcpy(made->base, options.base, base_size);
    made->options = options;
    made->before = atomic_load(&said);
    while (!atomic_compare_exchange_weak(&said, &made->before, made))
        ;
    return LOCACHE_OK;
}

void lc_defaults_clear(void)
{
    said_options *at = atomic_exchange(&said, NULL);
    while (at != NULL) {
        said_options *before = at->before;
        lc_free(at);
        at = before;
    }
}

static void inherit(int64_t *member, int64_t of_process)
{
    if (*member == 0)
        *member = of_process;
}

locache_status lc_defaults_of(locache_persist_options *out, const locache_function_record *function,
                              locache_error *error)
{
    const said_options *defaults = atomic_load(&said);
    locache_status status = take(out, function->options, error);
    if (status != LOCACHE_OK || defaults == NULL)
        return status;
    out->flags |= defaults->options.flags;
    out->discard |= defaults->options.discard;
    inherit(&out->max_entries, defaults->options.max_entries);
    inherit(&out->max_age, defaults->options.max_age);
    inherit(&out->memory_entries, defaults->options.memory_entries);
    inherit(&out->memory_bytes, defaults->options.memory_bytes);
    inherit(&out->recheck, defaults->options.recheck);
    inherit(&out->compress, defaults->options.compress);
    inherit(&out->max_bytes, defaults->options.max_bytes);
    inherit(&out->ttl, defaults->options.ttl);
    inherit(&out->stale, defaults->options.stale);
    if (out->base == NULL)
        out->base = defaults->options.base;
    if (out->mode == 0)
        out->mode = defaults->options.mode;
    return LOCACHE_OK;
}
