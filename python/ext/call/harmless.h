/* f.keep_results(): the present edit of a function is said to be harmless. */
#ifndef LCPY_HARMLESS_H
#define LCPY_HARMLESS_H

#include "call/persisted.h"

extern const char lcpy_harmless_doc[];
/* keep_results(who=None) */
PyObject *lcpy_harmless_keep(PyObject *object, PyObject *args, PyObject *keywords);

#endif
