/* Where a function's cache is. */
#ifndef LCPY_PLACE_H
#define LCPY_PLACE_H

#include "state.h"

/* What decides it, taken down at decoration; the directory itself is only looked for when it is
 * needed. */
typedef struct lcpy_place {
    char *directory; /* exactly this one (dir=), absolute; or NULL, and */
    char *
        /* the source file, absolute; it need not exist; or NULL: unknown, since there is no working
         * directory */
        source;
    char *stem;     /* its stem in place of its own; or NULL */
    unsigned flags; /* of locache_locate() */
} lcpy_place;

/* `function` is a types.FunctionType or NULL (where the calling frame's file stands for the
 * source), name a str or NULL, directory bytes or NULL. 0, or -1 with an exception; clear it after
 * 0 only. */
int lcpy_place_init(lcpy_state *state, lcpy_place *out, PyObject *function, PyObject *name,
                    PyObject *directory);
void lcpy_place_clear(lcpy_place *place);
/* The cache directory. As locache_locate(). */
LOCACHE_CHECK locache_status lcpy_place_find(char out[LOCACHE_PATH_MAX], const lcpy_place *place,
                                             locache_error *error);

#endif
