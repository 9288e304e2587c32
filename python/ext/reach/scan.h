/* The stack on which a code's bytecode is followed, and what is noted of its paths: what names.c
 * works with. */
#ifndef LCPY_REACH_SCAN_H
#define LCPY_REACH_SCAN_H

#include "reach/names.h"

/* What stands on the stack: a path (owned), or what is not known. */
typedef struct lcpy_slot {
    PyObject *path;
    PyObject *constant; /* borrowed; or NULL */
} lcpy_slot;

/* Deeper expressions lose their paths, which counts them as read. */
#define LCPY_SCAN_DEPTH 256
/* Branches that are open at once. */
#define LCPY_SCAN_BRANCHES 64

/* Values of conditional expressions that are on their way to where the branches meet. */
#define LCPY_SCAN_MEETINGS 8

/* What is known of a fast local variable. */
enum {
    LCPY_LOCAL_BOUND = 1, /* it is bound somewhere */
    LCPY_LOCAL_OFTEN = 2, /* more than once */
    LCPY_LOCAL_EARLY = 4, /* it is read before it is bound */
    LCPY_LOCAL_CELL = 8   /* it is a cell, which LOAD_DEREF reads */
};

typedef struct lcpy_scan {
    lcpy_names *out;
    PyObject *aliases; /* dict: variables to the paths that they are bound to; or NULL */
    PyObject *often;   /* set: variables in cells that are bound more than once; or NULL */
    PyObject *early;   /* set: those that are read before they are bound; or NULL */
    PyCodeObject *code;
    PyObject *names;      /* co_names */
    PyObject *locals;     /* co_varnames */
    PyObject *own;        /* set: names that the body of a class assigns; or NULL */
    unsigned char *flags; /* of each of the locals */
    int depth;
    int meeting_count;
    struct {
        Py_ssize_t target;
        int depth;
    } branches[LCPY_SCAN_BRANCHES];
    int branch_count;
    struct {
        Py_ssize_t target;
        PyObject *path; /* owned */
    } meetings[LCPY_SCAN_MEETINGS];
    lcpy_slot stack[LCPY_SCAN_DEPTH];
} lcpy_scan;

/* The instructions of a code, one after the other. */
typedef struct lcpy_instructions {
    const unsigned char *code;
    Py_ssize_t size;
    Py_ssize_t at;   /* of this one */
    Py_ssize_t next; /* of the one after it */
    int opcode;
    unsigned argument;
} lcpy_instructions;

/* Of a code's bytes. */
static inline lcpy_instructions lcpy_instructions_of(PyObject *bytes)
{
    return (lcpy_instructions){.code = (const unsigned char *)PyBytes_AS_STRING(bytes),
                               .size = PyBytes_GET_SIZE(bytes)};
}

bool lcpy_instructions_next(lcpy_instructions *in);

/* An item of a tuple, borrowed; NULL: it has none of this number. */
static inline PyObject *lcpy_scan_at(PyObject *tuple, unsigned index)
{
    return (Py_ssize_t)index < PyTuple_GET_SIZE(tuple) ? PyTuple_GET_ITEM(tuple, index) : NULL;
}

/* All: 0, or -1 with an exception. */

/* Follow a code's bytes (steps.c). */
int lcpy_scan_run(lcpy_scan *s, PyObject *bytes);

/* A path, which may be NULL: stolen. */
int lcpy_scan_push(lcpy_scan *s, PyObject *path);
/* The topmost goes no further: it was read. */
int lcpy_scan_pop(lcpy_scan *s);
/* The topmost goes on at `target`, where another branch leaves its own in its place. */
int lcpy_scan_leave_for(lcpy_scan *s, Py_ssize_t target);
/* Those that were left for `at`: their attribute `name` is read; NULL: they are, as a whole. */
int lcpy_scan_meet(lcpy_scan *s, Py_ssize_t at, PyObject *name);
int lcpy_scan_pop_to(lcpy_scan *s, int depth);
/* The path at the nth place from the top, borrowed, or NULL. */
PyObject *lcpy_scan_peek(const lcpy_scan *s, int n);
/* An instruction of which only the effect on the stack's depth is known: what it takes is lost, and
 * what it leaves is new. */
int lcpy_scan_effect(lcpy_scan *s, int opcode, int argument);
/* A path that goes no further. */
int lcpy_scan_read(lcpy_scan *s, PyObject *path);

/* A path of one step, and one with a step more: new references. */
PyObject *lcpy_scan_path(PyObject *name);
PyObject *lcpy_scan_extend(PyObject *path, PyObject *name);

int lcpy_scan_global(lcpy_scan *s, PyObject *name);
/* `extra`: a method's object is on the stack besides. */
int lcpy_scan_attribute(lcpy_scan *s, PyObject *name, bool extra);
/* object.name = value, or del object.name: `values` stand below the object. */
int lcpy_scan_store_attribute(lcpy_scan *s, PyObject *name, int values);
/* object[key], of `keys` on the stack. */
int lcpy_scan_item(lcpy_scan *s, int keys);
/* object[key] = value, or del object[key], or of a slice: the object is the nth from the top, and
 * `count` are taken. */
int lcpy_scan_store_item(lcpy_scan *s, int n, int count);
int lcpy_scan_store_global(lcpy_scan *s, PyObject *name, bool deletes);
/* A variable by its name; of a fast local also its number, else -1. */
int lcpy_scan_store_local(lcpy_scan *s, PyObject *name, int number);
int lcpy_scan_load_local(lcpy_scan *s, PyObject *name, int number);
int lcpy_scan_import(lcpy_scan *s, PyObject *module);
int lcpy_scan_import_from(lcpy_scan *s, PyObject *name);
/* A call that takes `taken` from the stack, of which the topmost `given` are what it is given. */
int lcpy_scan_call(lcpy_scan *s, int taken, int given);
/* super().name without arguments, in one instruction. */
int lcpy_scan_super(lcpy_scan *s, PyObject *name, bool extra, bool explicit);

#endif
