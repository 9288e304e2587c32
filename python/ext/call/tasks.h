/* Methods and functions for locache._async. */
#ifndef LCPY_TASKS_H
#define LCPY_TASKS_H

#include "call/persisted.h"

/* _request(key): a capsule, for the others. */
PyObject *lcpy_tasks_request(PyObject *object, PyObject *bytes);
PyObject *lcpy_tasks_ask(PyObject *object, PyObject *const *args, Py_ssize_t count);
PyObject *lcpy_tasks_others(PyObject *object, PyObject *unused);
PyObject *lcpy_tasks_store(PyObject *object, PyObject *args);

/* Of the module. _end(request): nothing is stored, and the next who waits computes. */
PyObject *lcpy_tasks_end(PyObject *module, PyObject *capsule);
PyObject *lcpy_tasks_hide(PyObject *module, PyObject *file);

#endif
