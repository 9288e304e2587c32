/* Methods of decorated functions for locache._async. */
#ifndef LCPY_COROUTINE_H
#define LCPY_COROUTINE_H

#include "call/persisted.h"

/* _others(): what _store() is told of the time before the function ran. */
PyObject *lcpy_coroutine_others(PyObject *object, PyObject *unused);
/* _parts_of(key, args, kwargs): lcpy_call_note_parts(), as bytes for _store(). */
PyObject *lcpy_coroutine_note_parts(PyObject *object, PyObject *args);
/* _store(request or None, key, result, nanoseconds, fresh, quiet, others, parts, args, kwargs) */
PyObject *lcpy_coroutine_store(PyObject *object, PyObject *args);

#endif
