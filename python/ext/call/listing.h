/* What a function's directory holds, and the clearing of a whole cache directory. */
#ifndef LCPY_LISTING_H
#define LCPY_LISTING_H

#include "state.h"

extern const char lcpy_listing_entries_doc[];

/* f.entries(): METH_NOARGS. */
PyObject *lcpy_listing_entries(PyObject *object, PyObject *unused);
/* For locache._memory: _clear(directory), METH_O. */
PyObject *lcpy_listing_clear(PyObject *module, PyObject *directory);

#endif
