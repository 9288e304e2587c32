/* Sets of Python's that are made when there is something to be in them: most of some kinds stay
 * empty, and one takes longer to be made than to be asked. NULL is an empty one. */
#ifndef LCPY_LAZY_SET_H
#define LCPY_LAZY_SET_H

#include <Python.h>

/* 0, or -1 with an exception. */
static inline int lcpy_lazy_set_add(PyObject **set, PyObject *item)
{
    if (*set == NULL && (*set = PySet_New(NULL)) == NULL)
        return -1;
    return PySet_Add(*set, item);
}

/* 1, 0, or -1 with an exception. */
static inline int lcpy_lazy_set_has(PyObject *set, PyObject *item)
{
    return set != NULL ? PySet_Contains(set, item) : 0;
}

#endif
