/* The handles of memoized functions: opened by the first call, shared by all, closed when their
 * program ends or their library is unloaded. */
#ifndef LC_OPENED_H
#define LC_OPENED_H

#include "locache.h"

/* The function's handle, to be used until lc_opened_leave(). Where it cannot be had, the error says
 * why; its status is OK where that was said a moment ago, or the function has ended. Any thread. */
locache_status lc_opened_enter(locache **out, locache_function_record *function,
                               locache_error *error);
void lc_opened_leave(locache_function_record *function);
/* Its calls go without a handle for a while: nothing is there, and nothing can be kept. Any
 * thread. */
void lc_opened_pause(locache_function_record *function);

#endif
