/* Where a user's own directories are: for a cache away from its source, and for the key. Any
 * thread. */
#ifndef LC_LOCATE_H
#define LC_LOCATE_H

#include "base/error.h"

/* Into out (of size bytes): the value of an XDG variable, or the home directory and `otherwise`.
 * OK, ELIMIT, EIO: no home. */
locache_status lc_locate_user_directory(char *out, size_t size, const char *variable,
                                        const char *otherwise, locache_error *error);

#endif
