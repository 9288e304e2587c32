/* Whose a function's directory is, where several modules may share a cache directory (dir=, name=):
 * the first that comes has the function's name for it, others theirs before it. So that two
 * functions of one name never share results nor take turns, and what one module has alone is called
 * as everywhere, which programs in other languages know. */
#ifndef LCPY_CLAIM_H
#define LCPY_CLAIM_H

#include "state.h"

/* Does the directory of the function `name` in this cache directory say that it is another's? */
bool lcpy_claim_is_others(const char *directory, const char *name, const char *module);
/* Say in the function's directory whose it is, where nothing says so yet. It need not succeed. */
void lcpy_claim_make(const char *function_directory, const char *module);

#endif
