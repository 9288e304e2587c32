/* Whether a call hits, and why not: told to f.explain(), and to the log's lines of misses. */
#ifndef LCPY_EXPLAIN_H
#define LCPY_EXPLAIN_H

#include "call/persisted.h"

/* What a thread looks up now, for the line of the log that comes of it. */
typedef struct lcpy_sought {
    lcpy_persisted *self;
    const lcpy_key *key;
    bool quiet; /* no line: nobody calls */
} lcpy_sought;

/* That of the present thread, set while it is in the core where lines are asked for; or NULL. */
extern _Thread_local const lcpy_sought *lcpy_explain_asked;

/* Set it where lines are asked for; what it was, to be set again. */
static inline const lcpy_sought *lcpy_explain_enter(const lcpy_sought *asked)
{
    const lcpy_sought *outer = lcpy_explain_asked;
    lcpy_explain_asked = asked->self->state->verbose ? asked : NULL;
    return outer;
}

/* More than the core can say of an event: a new str; NULL without an exception: nothing. */
PyObject *lcpy_explain_event(const locache_event *event);

/* f.explain(*args, **kwargs) */
extern const char lcpy_explain_doc[];
PyObject *lcpy_explain(PyObject *object, PyObject *const *args, Py_ssize_t count,
                       PyObject *kwnames);

/* For locache._explain and locache._keys: a function's versions, as locache_each_version() has
 * them, each with its note; and the name of a key. */
PyObject *lcpy_explain_versions(PyObject *module, PyObject *args);
PyObject *lcpy_explain_key_name(PyObject *module, PyObject *key);

#endif
