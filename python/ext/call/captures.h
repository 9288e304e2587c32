/* What a function captures from the functions around it, as part of its key.
 *
 * A captured variable counts by its value at the call, as an argument does, but for an object that
 * the function changes by running: a list that it appends to is state and not input, and counts by
 * the value that it had before. Left out are variables that the function itself rebinds (state, not
 * input), its own name (recursion), __class__ (its qualified name says it), and the function that a
 * functools.wraps() decorator calls (its code is part of the identity instead). */
#ifndef LCPY_CLOSURE_H
#define LCPY_CLOSURE_H

#include <stdbool.h>

#include "key/key.h"

typedef struct lcpy_capture {
    PyObject *name;
    PyObject *label; /* bytes: the name as a key holds it */
    PyObject *cell;
    PyObject *wrapped; /* a function left out while the cell holds it, or NULL */
    PyObject *seen;    /* the object that `encoded` was made of, or NULL */
    PyObject *encoded; /* bytes */
    /* the function changes that object by running: `encoded` is what it was before */
    bool is_state;
    int added; /* by lcpy_closure_add(): counts even where it is what is decorated */
} lcpy_capture;

typedef struct lcpy_closure {
    lcpy_capture *captures;
    Py_ssize_t count;
    Py_ssize_t running;   /* runs between lcpy_closure_begin() and lcpy_closure_end() */
    unsigned long thread; /* where the last of them began */
} lcpy_closure;

/* `functions`: the function, then those that it wraps (lcpy_target). Names in the set `ignored` are
 * left out, and removed from the set `unused`. 0, or -1 with an exception; clear it in both
 * cases. */
int lcpy_closure_init(lcpy_closure *out, PyObject *functions, PyObject *ignored, PyObject *unused);
/* One more variable, bound to an object for good; as above. At most once. */
int lcpy_closure_add(lcpy_closure *closure, PyObject *name, PyObject *object, PyObject *ignored,
                     PyObject *unused);
/* Drop the values seen so far; they are encoded anew. */
void lcpy_closure_forget(lcpy_closure *closure);
void lcpy_closure_clear(lcpy_closure *closure);
int lcpy_closure_traverse(lcpy_closure *closure, visitproc visit, void *arg);

/* Append the captured variables' labels and values, and say how many there are. `own` and
 * `function` are the decorated function and what it decorates. 0, or -1 with an exception and a new
 * reference to the variable's name in *culprit. */
int lcpy_closure_write(lcpy_state *state, locache_writer *out, Py_ssize_t *count,
                       lcpy_closure *closure, PyObject *own, PyObject *function,
                       PyObject **culprit);

/* Around a run of the function, to find out what it changes. For calls in between by the same
 * thread, which is recursion, what was seen counts as it was. end: keeps an exception that is set;
 * 0, or -1 with one that is not the cache's to keep back. */
void lcpy_closure_begin(lcpy_closure *closure);
int lcpy_closure_end(lcpy_state *state, lcpy_closure *closure);

/* The label of a parameter or variable, encoded as keys hold it: bytes, new reference, or NULL with
 * an exception. */
PyObject *lcpy_label(PyObject *name);

#endif
