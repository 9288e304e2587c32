/* Where a function's cache is, as locache._where found it. */
#ifndef LCPY_WHERE_H
#define LCPY_WHERE_H

#include "state.h"

/* What decides it, taken down at decoration; the directory itself is only looked for when it is
 * needed. All are bytes, paths absolute. */
typedef struct lcpy_where {
    PyObject *directory; /* exactly this one (dir=); or NULL, and */
    /* the source file, which need not exist; or NULL: unknown, since there was no working
     * directory */
    PyObject *source;
    PyObject *stem; /* its stem in place of its own; or NULL */
    unsigned flags; /* of locache_locate() */
    /* the name of the function's directory, empty: its own; or NULL: that, under dir= with its
     * module in front */
    PyObject *function;
} lcpy_where;

/* From the tuple that locache._target.where() gives, and the name of the function's directory where
 * that is not its own. 0, or -1 with an exception; clear it in both
 * cases. */
int lcpy_where_init(lcpy_where *out, PyObject *told);
void lcpy_where_clear(lcpy_where *where);
/* The cache directory. As locache_locate(). */
LOCACHE_CHECK locache_status lcpy_where_find(char out[LOCACHE_PATH_MAX], const lcpy_where *where,
                                             locache_error *error);

#endif
