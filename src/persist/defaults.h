/* The options of memoized functions: their own, and the process's where they say nothing. */
#ifndef LC_DEFAULTS_H
#define LC_DEFAULTS_H

#include "locache.h"

/* What holds for the function. OK, or EINVAL: it says what this library does not know. Any
 * thread. */
locache_status lc_defaults_of(locache_persist_options *out, const locache_function_record *function,
                              locache_error *error);
/* Forget what locache_configure() said. No other thread may be in here. */
void lc_defaults_clear(void);

#endif
