/* What a code object reads of what is around it, and what it changes there: told by its bytecode,
 * and that of the codes within it. */
#include "reach/names.h"

#include <opcode.h>
#include <stddef.h>
#include <string.h>

#include "plain/compat.h"
#include "reach/scan.h"

/* -------------------------------------------------------------------------- what is bound often */

/* Variables of a code that are bound: fast locals by their flags, others, which are in cells, by
 * name. */
typedef struct bindings {
    PyObject *code;
    PyObject *locals; /* co_varnames */
    unsigned char *flags;
    PyObject *once;  /* set, or NULL */
    PyObject *often; /* set, or NULL */
} bindings;

static void bind_fast(bindings *b, unsigned number)
{
    if (lcpy_scan_at(b->locals, number) != NULL)
        b->flags[number] |=
            (b->flags[number] & LCPY_LOCAL_BOUND) != 0 ? LCPY_LOCAL_OFTEN : LCPY_LOCAL_BOUND;
}

static int bind_cell(bindings *b, PyObject *name)
{
    int known = lcpy_lazy_set_has(b->once, name);
    return known < 0 ? -1 : lcpy_lazy_set_add(known ? &b->often : &b->once, name);
}

static int bind_deref(bindings *b, unsigned argument)
{
    PyObject *name = lcpy_compat_deref_name((PyCodeObject *)b->code, argument);
    int status = name != NULL ? bind_cell(b, name) : -1;
    Py_XDECREF(name);
    return status;
}

static int bind_by(bindings *b, const lcpy_instructions *in)
{
    switch (in->opcode) {
    case STORE_FAST:
    case DELETE_FAST:
#ifdef LOAD_FAST_AND_CLEAR
    case LOAD_FAST_AND_CLEAR:
#endif
        bind_fast(b, in->argument);
        return 0;
#ifdef STORE_FAST_LOAD_FAST
    case STORE_FAST_STORE_FAST:
        bind_fast(b, in->argument & 15);
        bind_fast(b, in->argument >> 4);
        return 0;
    case STORE_FAST_LOAD_FAST:
        bind_fast(b, in->argument >> 4);
        return 0;
#endif
    case STORE_DEREF:
    case DELETE_DEREF:
        return bind_deref(b, in->argument);
    default:
        return 0;
    }
}

/* A parameter that is in a cell is bound in both ways. */
static int bind_parameters(bindings *b)
{
    PyCodeObject *code = (PyCodeObject *)b->code;
    PyObject *cells = lcpy_compat_code_cells(b->code);
    Py_ssize_t count = code->co_argcount + code->co_kwonlyargcount;
    int status = cells != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < count; i++)
        b->flags[i] |= LCPY_LOCAL_BOUND;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(cells); i++) {
        Py_ssize_t n = PySequence_Index(b->locals, PyTuple_GET_ITEM(cells, i));
        PyErr_Clear();
        if (n >= 0)
            b->flags[n] |= LCPY_LOCAL_CELL;
        if (n >= 0 && n < count)
            status = bind_cell(b, PyTuple_GET_ITEM(cells, i));
    }
    Py_XDECREF(cells);
    return status;
}

static int find_bindings_within(bindings *b, PyObject *constants);

static int find_bindings(bindings *b, PyObject *bytes)
{
    lcpy_instructions in = lcpy_instructions_of(bytes);
    int status = bind_parameters(b);
    while (status == 0 && lcpy_instructions_next(&in))
        status = bind_by(b, &in);
    return status == 0 ? find_bindings_within(b, ((PyCodeObject *)b->code)->co_consts) : -1;
}

static int init_bindings(bindings *b, PyObject *code)
{
    *b = (bindings){.code = code, .locals = lcpy_compat_code_variables(code)};
    if (b->locals == NULL)
        return -1;
    b->flags = PyMem_Calloc((size_t)PyTuple_GET_SIZE(b->locals) + 1, 1);
    if (b->flags == NULL)
        PyErr_NoMemory();
    return b->flags != NULL ? 0 : -1;
}

static void clear_bindings(bindings *b)
{
    Py_XDECREF(b->locals);
    PyMem_Free(b->flags);
    Py_XDECREF(b->once);
    Py_XDECREF(b->often);
}

/* What a function within binds of the variables that it has from around it is bound often. */
static int find_bindings_of(bindings *around, PyObject *code)
{
    bindings b;
    PyObject *bytes = lcpy_compat_code_bytes(code);
    PyObject *free = bytes != NULL ? lcpy_compat_code_free(code) : NULL;
    int status = free != NULL ? init_bindings(&b, code) : -1;
    if (free != NULL) {
        if (status == 0)
            status = find_bindings(&b, bytes);
        for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(free); i++) {
            PyObject *name = PyTuple_GET_ITEM(free, i);
            int bound = lcpy_lazy_set_has(b.once, name);
            if (bound == 0)
                bound = lcpy_lazy_set_has(b.often, name);
            status = bound > 0 ? lcpy_lazy_set_add(&around->often, name) : bound;
        }
        clear_bindings(&b);
    }
    Py_XDECREF(free);
    Py_XDECREF(bytes);
    return status;
}

static int find_bindings_within(bindings *b, PyObject *constants)
{
    int status = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants) && status == 0; i++) {
        if (!PyCode_Check(PyTuple_GET_ITEM(constants, i)))
            continue;
        if (Py_EnterRecursiveCall(" while reading a function's code"))
            return -1;
        status = find_bindings_of(b, PyTuple_GET_ITEM(constants, i));
        Py_LeaveRecursiveCall();
    }
    return status;
}

/* ---------------------------------------------------------------------------------------- codes */

/* What the body of a class assigns is not looked for around it. */
static PyObject *own_names(PyObject *names, PyObject *bytes)
{
    PyObject *own = PySet_New(NULL);
    lcpy_instructions in = lcpy_instructions_of(bytes);
    while (own != NULL && lcpy_instructions_next(&in))
        if (in.opcode == STORE_NAME && lcpy_scan_at(names, in.argument) != NULL &&
            PySet_Add(own, lcpy_scan_at(names, in.argument)) < 0)
            Py_CLEAR(own);
    return own;
}

/* What is known of the variables that a function within has from around it: 0 and *out, which may
 * be NULL; or -1. */
static int aliases_within(PyObject **out, PyObject *aliases, PyObject *code)
{
    PyObject *free = aliases != NULL ? lcpy_compat_code_free(code) : NULL;
    int status = free != NULL || aliases == NULL ? 0 : -1;
    *out = NULL;
    for (Py_ssize_t i = 0; free != NULL && status == 0 && i < PyTuple_GET_SIZE(free); i++) {
        PyObject *name = PyTuple_GET_ITEM(free, i);
        PyObject *path = PyDict_GetItemWithError(aliases, name);
        if (path == NULL && PyErr_Occurred() == NULL)
            continue;
        if (*out == NULL)
            *out = PyDict_New();
        status = path != NULL && *out != NULL ? PyDict_SetItem(*out, name, path) : -1;
    }
    Py_XDECREF(free);
    return status;
}

/* A variable that is bound to a root of paths from the start: a parameter, the class around a
 * method. */
static int add_root(lcpy_scan *s, PyObject *name, PyObject *sign, bool changes)
{
    PyObject *root = PyUnicode_Concat(sign, name);
    PyObject *path = root != NULL ? lcpy_scan_path(root) : NULL;
    int status = path != NULL ? PyDict_SetItem(s->aliases, name, path) : -1;
    if (status == 0 && changes)
        status = lcpy_scan_read(s, path);
    Py_XDECREF(path);
    Py_XDECREF(root);
    return status;
}

static int add_class_root(lcpy_scan *s, PyObject *code)
{
    PyObject *free = lcpy_compat_code_free(code);
    if (free == NULL || PyTuple_GET_SIZE(free) == 0) {
        Py_XDECREF(free);
        return free == NULL ? -1 : 0;
    }
    PyObject *name = PyUnicode_InternFromString("__class__");
    PyObject *sign = PyUnicode_InternFromString(LCPY_ROOT_CLASS);
    int found = name != NULL && sign != NULL ? PySequence_Contains(free, name) : -1;
    int status = found > 0 ? add_root(s, name, sign, false) : found;
    Py_XDECREF(sign);
    Py_XDECREF(name);
    Py_DECREF(free);
    return status;
}

static int add_parameter_roots(lcpy_scan *s)
{
    PyObject *sign = PyUnicode_InternFromString(LCPY_ROOT_ARGUMENT);
    Py_ssize_t count = s->code->co_argcount + s->code->co_kwonlyargcount;
    int status = sign != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(s->locals, i);
        int changes = lcpy_lazy_set_has(s->often, name);
        status = changes < 0
                     ? -1
                     : add_root(s, name, sign, changes || (s->flags[i] & LCPY_LOCAL_OFTEN) != 0);
    }
    Py_XDECREF(sign);
    return status;
}

/* The roots of a function that is within no other. */
static int add_roots(lcpy_scan *s, PyObject *code)
{
    s->aliases = PyDict_New();
    return s->aliases == NULL || add_class_root(s, code) < 0 ? -1 : add_parameter_roots(s);
}

/* What a scan is of a code: `s` is all zero but for what it begins with. */
static int begin_scan(lcpy_scan *s, PyObject *code, PyObject *bytes)
{
    bindings b;
    s->code = (PyCodeObject *)code;
    s->names = Py_NewRef(s->code->co_names);
    if (init_bindings(&b, code) < 0)
        return -1;
    int status = find_bindings(&b, bytes);
    s->locals = Py_NewRef(b.locals);
    s->flags = b.flags;
    b.flags = NULL;
    s->often = Py_XNewRef(b.often);
    clear_bindings(&b);
    bool is_body = (s->code->co_flags & CO_NEWLOCALS) == 0;
    if (status == 0 && is_body && (s->own = own_names(s->names, bytes)) == NULL)
        status = -1;
    return status;
}

static void end_scan(lcpy_scan *s)
{
    for (int i = 0; i < s->depth; i++)
        Py_XDECREF(s->stack[i].path);
    s->depth = s->branch_count = 0;
    Py_CLEAR(s->often);
    Py_CLEAR(s->early);
    Py_CLEAR(s->names);
    Py_CLEAR(s->locals);
    Py_CLEAR(s->own);
    PyMem_Free(s->flags);
    s->flags = NULL;
}

static int scan_nested(lcpy_scan *s, PyObject *aliases, PyObject *constants);

/* `s` is of no code yet, and again afterwards. `outer`: of a function within no other. */
static int scan_code(lcpy_scan *s, PyObject *code, bool outer)
{
    PyObject *bytes = lcpy_compat_code_bytes(code);
    int status = bytes != NULL ? begin_scan(s, code, bytes) : -1;
    if (status == 0 && outer)
        status = add_roots(s, code);
    if (status == 0)
        status = lcpy_scan_run(s, bytes);
    Py_XDECREF(bytes);
    end_scan(s);
    PyObject *aliases = s->aliases;
    s->aliases = NULL;
    if (status == 0)
        status = scan_nested(s, aliases, ((PyCodeObject *)code)->co_consts);
    Py_XDECREF(aliases);
    return status;
}

static int scan_nested(lcpy_scan *s, PyObject *aliases, PyObject *constants)
{
    int status = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants) && status == 0; i++) {
        PyObject *constant = PyTuple_GET_ITEM(constants, i);
        if (!PyCode_Check(constant))
            continue;
        if (Py_EnterRecursiveCall(" while reading a function's code"))
            return -1;
        status = aliases_within(&s->aliases, aliases, constant);
        status = status == 0 ? scan_code(s, constant, false) : -1;
        Py_CLEAR(s->aliases);
        Py_LeaveRecursiveCall();
    }
    return status;
}

int lcpy_names_init(lcpy_names *out, PyObject *code)
{
    *out = (lcpy_names){.shown = 0};
    lcpy_scan *s = PyMem_Malloc(sizeof *s);
    if (s == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(s, 0, offsetof(lcpy_scan, branches)); /* the rest is written before it is read */
    s->branch_count = 0;
    s->out = out;
    int status = scan_code(s, code, true);
    PyMem_Free(s);
    return status;
}

void lcpy_names_clear(lcpy_names *names)
{
    Py_CLEAR(names->read);
    Py_CLEAR(names->bound);
    Py_CLEAR(names->assigned);
    Py_CLEAR(names->rebound);
    Py_CLEAR(names->mutated);
}

static PyObject *shown_set(PyObject *set)
{
    return set != NULL ? Py_NewRef(set) : PySet_New(NULL);
}

PyObject *lcpy_names_told(PyObject *module, PyObject *code)
{
    (void)module;
    lcpy_names names = {0};
    PyObject *told = NULL;
    if (!PyCode_Check(code))
        PyErr_SetString(PyExc_TypeError, "names are those of a code object");
    else if (lcpy_names_init(&names, code) == 0)
        told =
            Py_BuildValue("{s:N,s:N,s:N,s:N,s:N}", "read", shown_set(names.read), "bound",
                          shown_set(names.bound), "assigned", shown_set(names.assigned), "rebound",
                          shown_set(names.rebound), "mutated", shown_set(names.mutated));
    lcpy_names_clear(&names);
    return told;
}
