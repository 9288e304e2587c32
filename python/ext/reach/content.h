/* What values hold that somebody may change in place: containers by the pointers that are in them,
 * objects by those of their attributes, arrays by their bytes. Needs the GIL. */
#ifndef LCPY_REACH_CONTENT_H
#define LCPY_REACH_CONTENT_H

#include "state.h"

typedef enum lcpy_content_kind {
    LCPY_CONTENT_DICT,
    LCPY_CONTENT_LIST,
    LCPY_CONTENT_SET,
    LCPY_CONTENT_ORDER, /* of the keys of an OrderedDict, which its items are beside */
    LCPY_CONTENT_BUFFER,
    LCPY_CONTENT_ATTRIBUTES, /* an instance's dict */
    LCPY_CONTENT_REFERENTS,  /* what the garbage collector is told of */
    LCPY_CONTENT_MARK        /* what mark.h says */
} lcpy_content_kind;

typedef struct lcpy_content {
    PyObject *object;
    PyObject *items; /* tuple; of a buffer bytes; a mark is anything */
    uint64_t version;
    lcpy_content_kind kind;
    bool versioned; /* a dict whose version says it */
} lcpy_content;

/* Zeroed is empty; then the state is to be set. */
typedef struct lcpy_contents {
    lcpy_state *state;
    lcpy_content *all;
    Py_ssize_t count;
    Py_ssize_t items; /* of all, so far */
    Py_ssize_t bytes;
    PyObject *queue;         /* list: what is to be looked at, which stays held */
    PyObject *seen;          /* set of addresses */
    PyObject *registrations; /* what counts those with abstract classes, where there are such */
    PyObject *token;         /* and what it counted */
} lcpy_contents;

/* All: 0, or -1 with an exception. */

/* Look at a value, too. */
int lcpy_contents_add(lcpy_contents *contents, PyObject *value);
/* At what is registered with a class, too, where it is an abstract one. */
void lcpy_contents_add_class(lcpy_contents *contents, PyObject *class);
/* Take down what all that was added holds: up to some thousand items in all, what is nearest
 * first. */
int lcpy_contents_take(lcpy_contents *contents);
/* From now on it is as it is now. */
int lcpy_contents_renew(lcpy_contents *contents);

/* Does it all hold what was taken down? Nothing is raised. */
bool lcpy_contents_hold(lcpy_contents *contents);

void lcpy_contents_clear(lcpy_contents *contents);
int lcpy_contents_traverse(lcpy_contents *contents, visitproc visit, void *arg);

#endif
