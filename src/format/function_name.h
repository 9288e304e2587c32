/* The name of a function's directory: docs/format.md, "Names". Any thread. */
#ifndef LC_FUNCTION_NAME_H
#define LC_FUNCTION_NAME_H

#include "locache.h"

#include <stdbool.h>

/* `function`: its qualified name, UTF-8; `folds`: on a file system that takes capital letters for
 * small ones; `other`: what it is called where something that is not locache's has its own name.
 * False: the other one would be too long, and there is none. */
bool lc_function_name(char out[LOCACHE_NAME_MAX + 1], const char *function, bool folds, bool other);

#endif
