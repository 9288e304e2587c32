/* What a function captures from the functions around it, as part of its key.
 *
 * A captured variable counts by its value at the call, as an argument does, but for an object that
 * the function changes by running: a list that it appends to is state and not input, and counts by
 * the value that it had before. Left out are variables that the function itself rebinds (state, not
 * input), its own name (recursion), __class__ (its qualified name says it), and the function that a
 * functools.wraps() decorator calls (its code is part of the identity instead). */
#ifndef LCPY_CAPTURES_H
#define LCPY_CAPTURES_H

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
    bool added; /* by lcpy_captures_add(): counts even where it is what is decorated */
} lcpy_capture;

typedef struct lcpy_captures {
    lcpy_capture *items;
    Py_ssize_t count;
    Py_ssize_t running;   /* runs between lcpy_captures_begin() and lcpy_captures_end() */
    unsigned long thread; /* where the last of them began */
} lcpy_captures;

/* What the captured variables add to a call's key: so many pairs of label and value, encoded. */
typedef struct lcpy_captured {
    locache_writer writer;
    Py_ssize_t count;
    unsigned char room[256]; /* bytes: some ten scalars; more go to the heap */
} lcpy_captured;

/* `functions`: the function, then those that it wraps (lcpy_target). Names in the set `ignored` are
 * left out. 0, or -1 with an exception; clear it in both cases. */
int lcpy_captures_init(lcpy_captures *out, PyObject *functions, PyObject *ignored);
/* One more variable, bound to an object for good; as above. At most once. */
int lcpy_captures_add(lcpy_captures *captures, PyObject *name, PyObject *object, PyObject *ignored);
/* Drop the values seen so far; they are encoded anew. */
void lcpy_captures_forget(lcpy_captures *captures);
void lcpy_captures_clear(lcpy_captures *captures);
int lcpy_captures_traverse(lcpy_captures *captures, visitproc visit, void *arg);

/* Append the captured variables' labels and values to what has been initialised, and count them.
 * `own` and `function` are the decorated function and what it decorates. 0, or -1 with an exception
 * and a new reference to the variable's name in *culprit. */
int lcpy_captures_write(lcpy_state *state, lcpy_captured *out, lcpy_captures *captures,
                        PyObject *own, PyObject *function, PyObject **culprit);

/* Around a run of the function, to find out what it changes. For calls in between by the same
 * thread, which is recursion, what was seen counts as it was. end: keeps an exception that is set;
 * 0, or -1 with one that is not the cache's to keep back. */
void lcpy_captures_begin(lcpy_captures *captures);
int lcpy_captures_end(lcpy_state *state, lcpy_captures *captures);

#endif
