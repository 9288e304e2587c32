/* What a function captures from the functions around it, as part of its key.
 *
 * A captured variable counts by its value at the call, as an argument does, but for an object that
 * the function changes by running: a list that it appends to is state and not input, and counts by
 * the value that it had before, until somebody else changes it. Left out are variables that the
 * function itself rebinds (state, not input), its own name (recursion), __class__ (its qualified
 * name says it), and the function that a functools.wraps() decorator calls (its code is part of the
 * identity instead). */
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
    PyObject *encoded; /* bytes: what it counts as */
    /* bytes: what the function itself made of that object by running. While it is that still, it
     * counts as what it was before; NULL where the function leaves it as it is */
    PyObject *after;
    bool added; /* by lcpy_captures_add(): counts even where it is what is decorated */
} lcpy_capture;

/* One run of the function, and what the key of its call was made of. On the heap: runs may nest as
 * deep as the C stack is. */
typedef struct lcpy_run {
    struct lcpy_run *before; /* the one that began before this, in whatever thread */
    unsigned long thread;
    int64_t others; /* nanoseconds of CPU time that other threads had had at its beginning */
    bool alone;     /* there was no other thread that could run Python code */
    Py_ssize_t
        count; /* of values: as many as captures, or 0 where it is not known what they were */
    struct {
        PyObject *seen; /* NULL: left out of the key */
        PyObject *encoded;
    } values[];
} lcpy_run;

typedef struct lcpy_captures {
    lcpy_capture *items;
    Py_ssize_t count;
    lcpy_run *last; /* of the runs that have not ended, the last that began; or NULL */
} lcpy_captures;

/* What the captured variables add to a call's key: so many pairs of label and value, encoded. */
typedef struct lcpy_captured {
    locache_cbor_writer writer;
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
 * `own` and `function` are the decorated function and what it decorates. Within a run of the same
 * thread, which is recursion, what that run's key was made of counts as it was. 0, or -1 with an
 * exception and a new reference to the variable's name in *culprit. */
int lcpy_captures_write(lcpy_state *state, lcpy_captured *out, lcpy_captures *captures,
                        PyObject *own, PyObject *function, PyObject **culprit);

/* Around a run of the function, to find out what it changes. `key` is that of its call. NULL where
 * nothing is captured, or with MemoryError. */
lcpy_run *lcpy_captures_begin(lcpy_captures *captures, const void *key, size_t size);
/* Frees the run (may be NULL). Keeps an exception that is set; 0, or -1 with one that is not the
 * cache's to keep back. */
int lcpy_captures_end(lcpy_state *state, lcpy_captures *captures, lcpy_run *run);

/* The two for a coroutine, which may run in pieces: what to keep from the beginning; and after the
 * end, where nothing else ran in between but perhaps other threads. 0, or -1 with an exception. */
int64_t lcpy_captures_clock(void);
/* Can only this thread have changed anything since lcpy_captures_clock() said this? */
bool lcpy_captures_alone_since(int64_t others);
int lcpy_captures_ended(lcpy_state *state, lcpy_captures *captures, const void *key, size_t size,
                        int64_t others);

#endif
