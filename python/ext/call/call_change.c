/* Whether a call changed its arguments, so that its result is not that of what its key says: asked
 * before a result is stored. */
#include "call/call_change.h"

#include <stdio.h>

#include "call/call_key.h"
#include "call/parts.h"
#include "call/warn.h"

int lcpy_call_note_parts(lcpy_persisted *self, locache_cbor_writer *parts, const lcpy_key *key,
                         const lcpy_call *call)
{
    lcpy_key again;
    PyObject *culprit = NULL;
    if (key->simple || !lcpy_parts_has_tag(key->writer.data, key->writer.length, LOCACHE_TAG_PART))
        return 0;
    locache_cbor_writer *outer = lcpy_key_note_parts(parts);
    lcpy_bound bound = lcpy_call_key(self, &again, call, &culprit);
    (void)lcpy_key_note_parts(outer);
    Py_XDECREF(culprit);
    locache_cbor_writer_clear(&again.writer);
    if (bound == LCPY_BIND_ERROR && PyErr_Occurred() != NULL) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Clear(); /* without notes, digests can only be the same or not */
    }
    return 0;
}

/* The arguments have other values than before: said once, and counted. */
static int warn_of_change(lcpy_persisted *self, PyObject *where)
{
    locache_error error = {.status = LOCACHE_OK};
    const char *place = PyUnicode_AsUTF8(where);
    if (place == NULL)
        return -1;
    (void)snprintf(error.message, sizeof error.message,
                   "the call changes its argument: %s is another afterwards, which a hit would not "
                   "do, so that the program would go on differently; leave the argument out with "
                   "ignore=, or say what counts of it (key=, or __locache_key__ in its class)",
                   place);
    return lcpy_warn(self, LCPY_TROUBLE_CHANGED, &error, NULL);
}

/* Filled in is what the next call finds there: it computes no more than this one did. */
static int say_filled(const lcpy_persisted *self, PyObject *where)
{
    if (!self->state->verbose)
        return 0;
    PyObject *line = PyUnicode_FromFormat("store %U: the call filled in %U, which a hit will not",
                                          self->target.qualname, where);
    PyObject *done = line != NULL ? PyObject_CallOneArg(self->state->log_write, line) : NULL;
    Py_XDECREF(line);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

/* The key of the same call now, compared with the one that it had. Within the run, so that what is
 * captured counts as it did. */
static lcpy_change find_change(PyObject **where, lcpy_persisted *self,
                               const lcpy_changed_key *before, const lcpy_call *call)
{
    lcpy_key after;
    locache_cbor_writer parts;
    PyObject *culprit = NULL;
    lcpy_change change = LCPY_CHANGE_NONE;
    *where = NULL;
    locache_cbor_writer_init(&parts, NULL, 0);
    locache_cbor_writer *outer = lcpy_key_note_parts(&parts);
    lcpy_bound bound = lcpy_call_key(self, &after, call, &culprit);
    (void)lcpy_key_note_parts(outer);
    if (bound == LCPY_BOUND)
        change = lcpy_changed_find(where, &self->target.captures, before,
                                   &(lcpy_changed_key){&after.writer, &parts});
    else if (PyErr_Occurred() != NULL && !PyErr_ExceptionMatches(PyExc_Exception))
        change = LCPY_CHANGE_ERROR;
    else
        PyErr_Clear(); /* the next call says that it has no key */
    Py_XDECREF(culprit);
    locache_cbor_writer_clear(&parts);
    locache_cbor_writer_clear(&after.writer);
    return change;
}

int lcpy_call_may_be_stored(lcpy_persisted *self, const lcpy_changed_key *before,
                            const lcpy_call *call)
{
    PyObject *where;
    int status = 0;
    lcpy_change change = find_change(&where, self, before, call);
    if (change == LCPY_CHANGE_OTHER)
        status = warn_of_change(self, where);
    else if (change == LCPY_CHANGE_FILLED)
        status = say_filled(self, where);
    Py_XDECREF(where);
    return status < 0 || change == LCPY_CHANGE_ERROR ? -1 : change != LCPY_CHANGE_OTHER;
}
