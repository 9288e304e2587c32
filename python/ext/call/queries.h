/* What may be asked of a decorated function's results, or given to them, without a call of it. */
#ifndef LCPY_QUERIES_H
#define LCPY_QUERIES_H

#include "state.h"

extern const char lcpy_queries_get_doc[];
extern const char lcpy_queries_put_doc[];

/* Methods, METH_FASTCALL | METH_KEYWORDS. */
PyObject *lcpy_queries_get(PyObject *object, PyObject *const *args, Py_ssize_t count,
                           PyObject *kwnames);
PyObject *lcpy_queries_put(PyObject *object, PyObject *const *args, Py_ssize_t count,
                           PyObject *kwnames);

#endif
