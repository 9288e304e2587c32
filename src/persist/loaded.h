/* The memoized functions of the program and of what it has loaded. */
#ifndef LC_LOADED_H
#define LC_LOADED_H

#include "locache.h"

/* The function whose code begins there; NULL: none that is memoized. Any thread, while what it is
 * in stays loaded. */
locache_function_record *lc_loaded_find(const void *code);
/* What it is in is unloaded. Any thread. */
void lc_loaded_leave(locache_function_record *function);

#endif
