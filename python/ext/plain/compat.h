/* Where versions of CPython differ: PY_VERSION_HEX is asked here and in plain/ alone. */
#ifndef LCPY_COMPAT_H
#define LCPY_COMPAT_H

#include "state.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

/* The module's slot that lets it into every interpreter, where there are such slots: what it has of
 * Python is in its state, and what the core shares between interpreters has locks of its own. */
#if PY_VERSION_HEX >= 0x030C0000
#define LCPY_ANY_INTERPRETER {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#else
#define LCPY_ANY_INTERPRETER
#endif

/* What 3.13 pickled of pathlib names pathlib._local, which it and later versions have. */
#define LCPY_HAS_PATHLIB_LOCAL (PY_VERSION_HEX >= 0x030D0000)

/* The number that STORE_DEREF has for the first free variable of a code. */
static inline unsigned lcpy_compat_first_free(const PyCodeObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    return (unsigned)(code->co_nlocalsplus - code->co_nfreevars);
#else
    return (unsigned)PyTuple_GET_SIZE(code->co_cellvars);
#endif
}

/* The clock of a thread's CPU time. False where it cannot be told. */
static inline bool lcpy_compat_thread_clock(clockid_t *out, const PyThreadState *thread)
{
#if !defined(__linux__)
    (void)out;
    (void)thread;
    return false;
#elif PY_VERSION_HEX >= 0x030B0000
    /* As pthread_getcpuclockid() makes it of the thread's number in the kernel, which may be of a
     * thread that has ended: the kernel says no more than that then. */
    *out = (clockid_t)(~(unsigned)thread->native_thread_id << 3 | 6U);
    return true;
#else
    return pthread_getcpuclockid((pthread_t)thread->thread_id, out) == 0;
#endif
}

/* How deep calls in C may nest, by Python's own count. */
static inline int lcpy_compat_recursion_limit(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return 10000; /* or less, whatever sys.setrecursionlimit() says */
#else
    return Py_GetRecursionLimit();
#endif
}

#endif
