/* Giving up the interpreter's lock around what the core does, such that what the core calls back
 * can take it again: the same thread, in the same interpreter. Any thread. */
#ifndef LCPY_GIL_H
#define LCPY_GIL_H

#include "state.h"

/* This thread's state while it is without the lock, for a call of the core; else NULL. */
extern _Thread_local PyThreadState *lcpy_gil_released;

static inline PyThreadState *lcpy_gil_release(void)
{
    lcpy_gil_released = PyEval_SaveThread();
    return lcpy_gil_released;
}

static inline void lcpy_gil_take(PyThreadState *thread)
{
    lcpy_gil_released = NULL;
    PyEval_RestoreThread(thread);
}

/* As Py_BEGIN_ALLOW_THREADS and its other half. */
#define LCPY_BEGIN_ALLOW_THREADS                                                                   \
    {                                                                                              \
        PyThreadState *lcpy_thread = lcpy_gil_release();
#define LCPY_END_ALLOW_THREADS                                                                     \
    lcpy_gil_take(lcpy_thread);                                                                    \
    }

#endif
