/* What every part of the extension includes first: the state of the module. Needs the GIL, as
 * everything here does unless it says otherwise. Only locache.h is used of the core. */
#ifndef LCPY_STATE_H
#define LCPY_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "locache.h"

/* ISO C has no conversion from a function to void *, which a type's slots need; POSIX has. */
#define LCPY_SLOT(function) (__extension__(void *)(function))

typedef struct lcpy_types lcpy_types; /* pytypes.c */

typedef struct lcpy_state {
    PyTypeObject *persisted_type;  /* persist.c */
    PyTypeObject *cache_info_type; /* persist.c: a struct sequence */
    PyTypeObject *decorator_type;  /* module.c */
    PyTypeObject *buffer_type;     /* pybuffer.c */
    PyTypeObject *unpickler_type;  /* pypickle.c: made at the first unpickling */
    PyObject *cache_warning;       /* locache.CacheWarning */
    lcpy_types *types;             /* classes met so far; owned */
    PyObject *pickle;              /* the pickle module, once needed */
    /* import name of __main__, once known: see lcpy_names_module() in pytypes.h */
    PyObject *main_name;
    /* bytes: the working directory at import, where a notebook lives; or None */
    PyObject *start_directory;
    PyObject *async_call; /* locache._async.call, once needed */
    PyObject *identity;   /* the module locache._identity, once needed */
    PyObject
        *logger; /* logging.getLogger("locache"), once verbose; kept: a thread may be inside it */
    PyObject *log_handler; /* the one that verbose() added, or NULL */
    PyObject *log_level;   /* the logger's level before verbose() raised it, or NULL */
} lcpy_state;

#endif
