/* Where a memoized C function keeps its results. */
#ifndef LC_WHERE_H
#define LC_WHERE_H

#include "locache.h"

/* The cache directory of the function: locache_set_dir()'s (*located is false then); else that of
 * its source as locache_locate() has it, beside the source only where the source is there, else
 * away from it. The source is the file that was compiled, of a function that LOCACHE_SHARE is said
 * for the file of its definition. A relative name counts from the working directory and from the
 * directories that the program is in, where the file there has the text that the program carries;
 * where none has, one that defines the function, having been edited since. Any thread. Statuses as
 * from locache_locate(), and ENOMEM. */
locache_status lc_where(char out[LOCACHE_PATH_MAX], bool *located,
                        const locache_function_record *function, locache_error *error);
/* Forget what locache_set_dir() said. No other thread may be in here. */
void lc_where_clear(void);

#endif
