/* Parameters that make no other call: the option `ignore` of a function. Any thread. */
#ifndef LC_IGNORED_H
#define LC_IGNORED_H

#include "locache.h"

/* Are there any? Each call asks that first. */
static inline bool lc_ignored_any(const locache_function_record *function)
{
    return function->options->ignore != NULL;
}

/* Is it one of those? */
bool lc_ignored_is(const locache_function_record *function, const char *name);
/* How many of the parameters are. */
uint64_t lc_ignored_count(const locache_function_record *function);
/* Does it name parameters, and nothing else? */
bool lc_ignored_known(const locache_function_record *function);

#endif
