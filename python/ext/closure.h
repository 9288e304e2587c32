/* What a function captures from the functions around it, as part of its key.
 *
 * A captured variable counts by the value that its object had when the function first met it: a list that grows from
 * call to call does not change the key, another object bound to the variable does. Left out are variables that the
 * function itself rebinds (state, not input), its own name (recursion), __class__ (its qualified name says it), and the
 * function that a functools.wraps() decorator calls (its code is part of the identity instead). */
#ifndef LCPY_CLOSURE_H
#define LCPY_CLOSURE_H

#include "pykey.h"

typedef struct lcpy_capture {
    PyObject *name;
    PyObject *label; /* bytes: the name as a key holds it */
    PyObject *cell;
    PyObject *wrapped; /* a function left out while the cell holds it, or NULL */
    PyObject *seen;    /* the object that `encoded` was made of, or NULL */
    PyObject *encoded; /* bytes */
    int added;         /* by lcpy_closure_add(): counts even where it is what is decorated */
} lcpy_capture;

typedef struct lcpy_closure {
    lcpy_capture *captures;
    Py_ssize_t count;
} lcpy_closure;

/* `functions`: the function, then those that it wraps (lcpy_target). Names in the set `ignored` are left out, and removed
 * from the set `unused`. 0, or -1 with an exception; clear it in both cases. */
int lcpy_closure_init(lcpy_closure *out, PyObject *functions, PyObject *ignored, PyObject *unused);
/* One more variable, bound to an object for good; as above. At most once. */
int lcpy_closure_add(lcpy_closure *closure, PyObject *name, PyObject *object, PyObject *ignored, PyObject *unused);
/* Drop the values seen so far; they are encoded anew. */
void lcpy_closure_forget(lcpy_closure *closure);
void lcpy_closure_clear(lcpy_closure *closure);
int lcpy_closure_traverse(lcpy_closure *closure, visitproc visit, void *arg);

/* Append the captured variables' labels and values, and say how many there are. `own` and `function` are the decorated
 * function and what it decorates. 0, or -1 with an exception and a new reference to the variable's name in *culprit. */
int lcpy_closure_write(lcpy_state *state, locache_writer *out, Py_ssize_t *count, lcpy_closure *closure, PyObject *own,
                       PyObject *function, PyObject **culprit);

/* The label of a parameter or variable, encoded as keys hold it: bytes, new reference, or NULL with an exception. */
PyObject *lcpy_label(PyObject *name);

#endif
