/* What a memoized C function is: what tells it from every other one, and from its own earlier
 * self. */
#ifndef LC_IDENTITY_H
#define LC_IDENTITY_H

#include "locache.h"

/* What LOCACHE_FUNCTION_VERSION (shared: LOCACHE_SHARE) says for the function, or NULL. Any
 * thread. */
const char *lc_identity_statement(const locache_function_record *function, bool shared);

/* Its identity within a directory. located: the directory is that of its source file, whose path
 * need not count then. OK; ENOMEM; EIO: a function without a text, of a program that nothing tells
 * from another one. Any thread. */
locache_status lc_identity_of(locache_identity *out, const locache_function_record *function,
                              bool located, locache_error *error);

#endif
