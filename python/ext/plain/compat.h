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

/* What a code object has beside its plain members, without a look-up of a name: new references. */
static inline PyObject *lcpy_compat_code_bytes(PyObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    return PyCode_GetCode((PyCodeObject *)code);
#else
    return Py_NewRef(((PyCodeObject *)code)->co_code);
#endif
}
static inline PyObject *lcpy_compat_code_variables(PyObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    return PyCode_GetVarnames((PyCodeObject *)code);
#else
    return Py_NewRef(((PyCodeObject *)code)->co_varnames);
#endif
}
static inline PyObject *lcpy_compat_code_cells(PyObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    return PyCode_GetCellvars((PyCodeObject *)code);
#else
    return Py_NewRef(((PyCodeObject *)code)->co_cellvars);
#endif
}
static inline PyObject *lcpy_compat_code_free(PyObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    return PyCode_GetFreevars((PyCodeObject *)code);
#else
    return Py_NewRef(((PyCodeObject *)code)->co_freevars);
#endif
}

/* Where its tries are: borrowed, or NULL where they are among the instructions (3.10). */
static inline PyObject *lcpy_compat_code_tries(PyObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    return ((PyCodeObject *)code)->co_exceptiontable;
#else
    (void)code;
    return NULL;
#endif
}

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

/* How instructions say their names (reach/names.c). */

/* LOAD_GLOBAL: the index of its name, and whether it pushes a NULL for a call besides. */
static inline unsigned lcpy_compat_global_index(unsigned argument)
{
    return PY_VERSION_HEX >= 0x030B0000 ? argument >> 1 : argument;
}
static inline bool lcpy_compat_pushes_null(unsigned argument)
{
    return PY_VERSION_HEX >= 0x030B0000 && (argument & 1) != 0;
}

/* LOAD_ATTR: the same, and whether it pushes a method's object besides. */
static inline unsigned lcpy_compat_attribute_index(unsigned argument)
{
    return PY_VERSION_HEX >= 0x030C0000 ? argument >> 1 : argument;
}
static inline bool lcpy_compat_loads_method(unsigned argument)
{
    return PY_VERSION_HEX >= 0x030C0000 && (argument & 1) != 0;
}

/* What stands below the arguments of CALL_FUNCTION_EX: the callable, and from 3.11 on what it is a
 * method of, or nothing. */
#if PY_VERSION_HEX >= 0x030B0000
#define LCPY_COMPAT_CALLABLE_SLOTS 2
#else
#define LCPY_COMPAT_CALLABLE_SLOTS 1
#endif

/* Is the unit of code at `at` one that belongs to the instruction before it? */
static inline bool lcpy_compat_is_cache(const unsigned char *code, Py_ssize_t at, Py_ssize_t size)
{
    return PY_VERSION_HEX >= 0x030B0000 && at < size && code[at] == 0;
}

/* The name of a variable that LOAD_DEREF has this number for: a new reference. */
static inline PyObject *lcpy_compat_deref_name(PyCodeObject *code, unsigned argument)
{
#if PY_VERSION_HEX >= 0x030B0000
    if ((Py_ssize_t)argument < PyTuple_GET_SIZE(code->co_localsplusnames))
        return Py_NewRef(PyTuple_GET_ITEM(code->co_localsplusnames, argument));
#else
    Py_ssize_t cells = PyTuple_GET_SIZE(code->co_cellvars);
    Py_ssize_t n = (Py_ssize_t)argument;
    if (n < cells)
        return Py_NewRef(PyTuple_GET_ITEM(code->co_cellvars, n));
    if (n - cells < PyTuple_GET_SIZE(code->co_freevars))
        return Py_NewRef(PyTuple_GET_ITEM(code->co_freevars, n - cells));
#endif
    return Py_NewRef(code->co_name);
}

/* A number that changes with each change of a dict. False: this Python has none. */
static inline bool lcpy_compat_dict_version(uint64_t *out, PyObject *dict)
{
#if PY_VERSION_HEX >= 0x030E0000
    (void)out;
    (void)dict;
    return false;
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    *out = ((PyDictObject *)dict)->ma_version_tag;
#pragma GCC diagnostic pop
    return true;
#endif
}

/* A number that changes with each change of a class or of one of its bases; 0: it has none now. One
 * is given to a class that has none where this may be. */
static inline unsigned lcpy_compat_class_version(PyTypeObject *type)
{
#if PY_VERSION_HEX < 0x030D0000
    if (!PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG))
        return 0;
#endif
    return type->tp_version_tag;
}

/* What a weak reference refers to: a new reference, or NULL without an exception. */
static inline PyObject *lcpy_compat_referent(PyObject *weak)
{
    PyObject *referent = NULL;
#if PY_VERSION_HEX >= 0x030D0000
    (void)PyWeakref_GetRef(weak, &referent);
#else
    referent = PyWeakref_GetObject(weak);
    referent = referent != Py_None ? Py_XNewRef(referent) : NULL;
#endif
    PyErr_Clear();
    return referent;
}

/* Does an instance have a dict of its own, wherever it is kept? */
static inline bool lcpy_compat_has_dict(PyObject *object)
{
#ifdef Py_TPFLAGS_MANAGED_DICT
    return PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_MANAGED_DICT);
#else
    (void)object;
    return false;
#endif
}

/* Does a classmethod leave it to what it holds to be bound to the class? */
#define LCPY_CLASSMETHOD_CHAINS (PY_VERSION_HEX < 0x030D0000)

/* Call visit(object, context) with each object that the garbage collector knows, until it returns
 * 0. It must not make any. Not those that gc.freeze() took away. */
static inline void lcpy_compat_each_object(int (*visit)(PyObject *, void *), void *context)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyUnstable_GC_VisitObjects(visit, context);
#else
    (void)visit;
    (void)context;
#endif
}

/* Keep the garbage collector from running within allocations, as it does until 3.12, while very
 * many objects are made that are all in use. What the first says is for the second. */
static inline bool lcpy_compat_hold_collector(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return false;
#else
    return PyGC_Disable() != 0;
#endif
}
static inline void lcpy_compat_release_collector(bool held)
{
    if (held)
        PyGC_Enable();
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
