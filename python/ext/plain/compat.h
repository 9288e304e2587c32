/* Where versions of CPython differ: PY_VERSION_HEX is asked here and in plain/ alone. */
#ifndef LCPY_COMPAT_H
#define LCPY_COMPAT_H

#include "state.h"

/* The module's slot that keeps it out of subinterpreters, where there are such slots: lines of the
 * log come through PyGILState, which only knows the main interpreter. */
#if PY_VERSION_HEX >= 0x030C0000
#define LCPY_MAIN_INTERPRETER_ONLY                                                                 \
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#else
#define LCPY_MAIN_INTERPRETER_ONLY
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

#endif
