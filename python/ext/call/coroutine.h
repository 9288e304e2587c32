/* Methods of decorated functions for locache._async. */
#ifndef LCPY_COROUTINE_H
#define LCPY_COROUTINE_H

#include "call/persisted.h"

/* _others(): what _store() is told of the time before the function ran. */
PyObject *lcpy_coroutine_others(PyObject *object, PyObject *unused);
/* _key_of(args, kwargs): the key of the call now, as bytes; None: it has none. */
PyObject *lcpy_coroutine_make_key(PyObject *object, PyObject *args);
/* _parts_of(key, args, kwargs): lcpy_call_note_parts(), as bytes for _store(). */
PyObject *lcpy_coroutine_note_parts(PyObject *object, PyObject *args);
/* _store(request, key, result, nanoseconds, wanted, quiet, (others, parts, args, kwargs)) */
PyObject *lcpy_coroutine_store(PyObject *object, PyObject *args);
/* _settle(key, stored, computed or exception, raised, (others, parts, args, kwargs)): what a call
 * gives that was computed again, for verify= */
PyObject *lcpy_coroutine_settle(PyObject *object, PyObject *args);

#endif
