/* What a function or class depends on: what it reaches in the user's own project, with a digest of
 * it and a guard that says whether it is still that. */
#ifndef LCPY_REACH_H
#define LCPY_REACH_H

#include "reach/guard.h"
#include "state.h"

/* What the roots reach counts; without it, that they are what they are. */
#define LCPY_REACH_FOLLOW 1u
/* Versions of packages count besides. */
#define LCPY_REACH_PACKAGES 2u
/* Parts are noted, for who asks what changed. */
#define LCPY_REACH_PARTS 4u

typedef struct lcpy_reach {
    bool empty;          /* it reaches nothing */
    locache_id quick;    /* where it is not empty; exact: of this interpreter's code */
    PyObject *own;       /* tuple: the roots' own code objects */
    PyObject *form;      /* bytes: all but the code */
    PyObject *functions; /* list: those whose code counts, in the order of the form */
    /* list of (kind, place, digest or None, object or None), for LCPY_REACH_PARTS; or NULL */
    PyObject *parts;
    lcpy_guard guard;
} lcpy_reach;

/* What `roots` (a tuple of types.FunctionType, or of one class) reach. NULL with an exception. */
lcpy_reach *lcpy_reach_new(lcpy_state *state, PyObject *roots, PyObject *depends, unsigned scope);
void lcpy_reach_free(lcpy_reach *reach);
int lcpy_reach_traverse(lcpy_reach *reach, visitproc visit, void *arg);

/* Is what two walks found the same? 1, 0, or -1 with an exception. */
int lcpy_reach_is_same(const lcpy_reach *a, const lcpy_reach *b);

/* Is it all as it was? */
static inline bool lcpy_reach_holds(lcpy_reach *reach)
{
    return lcpy_guard_holds(&reach->guard);
}

/* The digest of what it means: the same in every Python and with any layout. 0, or -1 with an
 * exception. */
int lcpy_reach_meaning(lcpy_state *state, locache_id *out, const lcpy_reach *reach);

/* state->reach_of: what a function, class or module that is an argument brings. 1 and *out; 0:
 * nothing; -1 with an exception. */
int lcpy_reach_of(lcpy_state *state, locache_id *out, PyObject *object);

#endif
