/* The program or shared library that a memoized function is in. */
#ifndef LC_OBJECT_H
#define LC_OBJECT_H

#include "locache.h"

/* What tells it from every other one, as its linker noted it: the build ID, which is a digest of
 * all of it. False where it has none. Any thread. */
bool lc_object_id(locache_id *out, const void *address);
/* The real path of its file; false where that is not there any more, or nobody knows it. Any
 * thread. */
bool lc_object_path(char out[LOCACHE_PATH_MAX], const void *address);

#endif
