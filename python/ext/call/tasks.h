/* Methods and functions for locache._async: what a task asks the core, and holds of it. */
#ifndef LCPY_TASKS_H
#define LCPY_TASKS_H

#include "call/persisted.h"

/* _request(key, wanted): a capsule, for the others; `wanted` is an lcpy_wanted. */
PyObject *lcpy_tasks_request(PyObject *object, PyObject *const *args, Py_ssize_t count);
PyObject *lcpy_tasks_ask(PyObject *object, PyObject *const *args, Py_ssize_t count);
/* A request that has the flight already, which it takes: new reference; NULL with an exception, and
 * the flight is ended. `key` is a bytes object, or NULL with an exception. */
PyObject *lcpy_tasks_hold(PyObject *key, locache_flight *flight);
/* The flight that a request was given, which is the caller's from then on; or NULL. */
locache_flight *lcpy_tasks_take(PyObject *capsule);
/* A key that was made before, and goes through Python as bytes, which must outlive it. 0, or -1
 * with an exception. */
int lcpy_tasks_key(lcpy_key *key, PyObject *bytes);

/* Of the module. _end(request): nothing is stored, and the next who waits computes. */
PyObject *lcpy_tasks_end(PyObject *module, PyObject *capsule);
/* _adopt(request): this thread computes it from here on. */
PyObject *lcpy_tasks_adopt(PyObject *module, PyObject *capsule);
PyObject *lcpy_tasks_hide(PyObject *module, PyObject *file);

#endif
