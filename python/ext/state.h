/* What every part of the extension includes first: the state of the module. Needs the GIL, as
 * everything here does unless it says otherwise. Only locache.h is used of the core. */
#ifndef LCPY_STATE_H
#define LCPY_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include "locache.h"

/* ISO C has no conversion from a function to void *, which a type's slots need; POSIX has. */
#define LCPY_SLOT(function) (__extension__(void *)(function))

typedef struct lcpy_types lcpy_types; /* plain/types.c */
typedef struct lcpy_seen lcpy_seen;   /* key/instance.c */

/* Literals that are asked for as names, by their addresses (plain/names.c). */
#define LCPY_TEXTS_MAX 256
typedef struct lcpy_interned {
    const char *literal;
    PyObject *text; /* owned */
} lcpy_interned;

/* What an interpreter has seen of the environment, which is the process's (call/switch.c). */
typedef struct lcpy_watch {
    char **environment;
    char **end;
    char **slots[3];
    char *values[3];
    bool is_set; /* one of the two that count is there: else its slot is that of the last one */
    /* moves with whatever a function's mode depends on; a function for which nothing is special has
     * seen it. 0: never */
    unsigned generation;
    unsigned moved;  /* how often LOCACHE_DIR changed */
    bool active;     /* set by lcpy_switch_set() */
    char *rules;     /* the value of LOCACHE, or NULL; owned */
    char *directory; /* that of LOCACHE_DIR; owned */
} lcpy_watch;

typedef struct lcpy_state {
    lcpy_watch watch;
    PyTypeObject *persisted_type; /* call/type.c */
    PyTypeObject *bound_type;     /* call/bound.c */
    PyTypeObject *query_type;     /* the same */
    PyTypeObject *buffer_type;    /* result/buffer.c */
    PyTypeObject *stream_type;    /* result/arrow_read.c: made at the first frame of polars */
    PyTypeObject *unpickler_type; /* result/pickle.c: made at the first unpickling */
    PyTypeObject *pickler_type;   /* result/pickler.c: made at the first pickling */
    PyObject *cache_warning;      /* locache.CacheWarning */
    lcpy_types *types;            /* classes met so far; owned */
    PyObject *pickle;             /* the pickle module, once needed */
    PyObject *datetime;           /* the capsule of datetime's interface for C, once needed */
    /* import name of __main__, once known: see lcpy_names_module() */
    PyObject *main_name;
    lcpy_interned texts[LCPY_TEXTS_MAX];
    lcpy_seen *seen;          /* classes of objects that were in keys; owned */
    PyObject *dispatch_table; /* copyreg's, once needed */
    unsigned known_turn;      /* how often `known` was added to */
    PyObject *known;          /* dict: classes to what says their objects' keys (key/known.c) */
    Py_ssize_t known_modules; /* how many modules were loaded when it was last filled */
    /* dict: what is kept of the functions that were arguments (key/class.c) */
    PyObject *functions;
    /* What a function or class that is an argument brings, set by reach/: 1 and *out; 0: nothing;
     * -1 with an exception. */
    int (*reach_of)(struct lcpy_state *state, locache_id *out, PyObject *object);
    PyObject *reached;             /* dict: what is kept of these (reach/reach.c) */
    PyObject *owners;              /* dict: whose modules and files are (reach/owner.c) */
    PyObject *standard;            /* str: where the standard library is */
    PyObject *versions;            /* dict: of installed packages */
    PyObject *distributions;       /* dict: of the directories that they are in */
    PyObject *async_call;          /* locache._async.call, once needed */
    PyObject *identity;            /* the module locache._identity, once needed */
    PyObject *tag;                 /* bytes: of the interpreter's bytecode, once known */
    struct lcpy_persisted *newest; /* of the decorated functions: call/counts.c */
    bool verbose;                  /* lines of the log are asked for */
    PyObject *log_write; /* locache._log.write, once verbose; kept: a thread may be inside it */
} lcpy_state;

#endif
