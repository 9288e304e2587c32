/* The key of a call: made in the short way or the general one, in time, and again after a wait. */
#include "call/call_key.h"

#include <string.h>

#include "call/simple.h"

/* True where that was all. */
static inline bool begin_key(const lcpy_persisted *self, lcpy_key *key, const lcpy_call *call)
{
    locache_cbor_writer_init(&key->writer, key->room, sizeof key->room);
    key->simple = self->target.is_simple && lcpy_simple_key(&key->writer, &self->target.plan, call);
    if (!key->simple)
        locache_cbor_writer_reset(&key->writer);
    return key->simple;
}

static lcpy_bound make_general_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                                   PyObject **culprit)
{
    return lcpy_target_key(self->state, &key->writer, &self->target, call, (PyObject *)self,
                           culprit);
}

lcpy_bound lcpy_call_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                         PyObject **culprit)
{
    *culprit = NULL;
    return begin_key(self, key, call) ? LCPY_BOUND : make_general_key(self, key, call, culprit);
}

int lcpy_call_key_again(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call)
{
    lcpy_key now;
    PyObject *culprit;
    int same = -1;
    lcpy_bound bound = lcpy_call_key(self, &now, call, &culprit);
    size_t size = now.writer.length;
    if (bound == LCPY_BOUND) {
        same = size == key->writer.length && memcmp(now.writer.data, key->writer.data, size) == 0;
        if (!same) {
            locache_cbor_writer_reset(&key->writer);
            locache_cbor_write_raw(&key->writer, now.writer.data, size);
        }
        if (locache_cbor_writer_status(&key->writer) != LOCACHE_OK) {
            PyErr_NoMemory();
            same = -1;
        }
    } else if (PyErr_Occurred() != NULL && PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear(); /* the next call says that it has no key */
    }
    Py_XDECREF(culprit);
    locache_cbor_writer_clear(&now.writer);
    return same;
}

/* A refusal that took this long (nanoseconds) is remembered: 10 ms, so that it is felt. */
#define REFUSED_LONG 10000000
/* While it is, no key takes longer than 1 ms: most do not, and find their results. */
#define HASTE 1000000
/* It is for so many times the time that it took: who calls with the like again and again loses 1%
 * by looking whether it still is refused. */
#define REMEMBERED 100

lcpy_bound lcpy_call_key_in_time(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                                 PyObject **culprit)
{
    *culprit = NULL;
    if (begin_key(self, key, call))
        return LCPY_BOUND;
    int64_t start = lcpy_persisted_clock();
    bool hasty = start < self->hasty_until;
    int64_t outer = lcpy_key_set_deadline(hasty ? start + HASTE : 0);
    lcpy_bound bound = make_general_key(self, key, call, culprit);
    lcpy_key_set_deadline(outer);
    if (bound != LCPY_BIND_ERROR)
        return bound;
    int64_t took = lcpy_persisted_clock() - start;
    if (hasty && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        Py_CLEAR(*culprit);
    } else if (took > REFUSED_LONG && PyErr_ExceptionMatches(PyExc_Exception)) {
        self->hasty_until = start + took + took * REMEMBERED;
    }
    return bound;
}
