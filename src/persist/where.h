/* Where a memoized C function keeps its results. */
#ifndef LC_WHERE_H
#define LC_WHERE_H

#include "locache.h"

/* The cache directory of the function: locache_set_dir()'s; else that of its source as
 * locache_locate() has it, beside the source only where the source is there, else away from it. A
 * relative name counts from the working directory and from the directories that the executable is
 * in, where the file there has the text that the program carries or, having been edited since,
 * defines the function. Any thread. Statuses as from locache_locate(), and ENOMEM. */
locache_status lc_where(char out[LOCACHE_PATH_MAX], const locache_function_record *function,
                        locache_error *error);

#endif
