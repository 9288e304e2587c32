/* What a code object reads of what is around it, and what it changes there: told by its bytecode,
 * with a stack on which only paths stand for themselves.
 *
 * What other instructions do to the stack is known by how much they grow it, and that is enough for
 * what is asked: a path is followed through attributes, items and stores. Where it is lost (kept in
 * a local variable, passed on) it was read as far as it was known. */
#include "reach/names.h"

#include <opcode.h>
#include <string.h>

#include "plain/compat.h"

/* What stands on the stack: a path (owned), or what is not known. */
typedef struct slot {
    PyObject *path;
    PyObject *constant; /* borrowed; or NULL */
} slot;

/* Deeper expressions lose their paths, which counts them as read. */
#define DEPTH_MAX 256
/* Branches that are open at once. */
#define BRANCHES_MAX 64

typedef struct scan {
    lcpy_names *out;
    PyObject *aliases; /* dict: local variables to the imports that they are bound to */
    PyCodeObject *code;
    PyObject *names;  /* co_names */
    PyObject *locals; /* co_varnames */
    PyObject *own;    /* set: names that the body of a class assigns; or NULL */
    slot stack[DEPTH_MAX];
    int depth;
    struct {
        Py_ssize_t target;
        int depth;
    } branches[BRANCHES_MAX];
    int branch_count;
} scan;

static int scan_code(lcpy_names *out, PyObject *aliases, PyObject *code);

/* ------------------------------------------------------------------------------------ the stack */

/* A path that goes no further was read. */
static int note_read(scan *s, PyObject *path)
{
    return path != NULL ? PySet_Add(s->out->read, path) : 0;
}

static int push(scan *s, PyObject *path)
{
    int status = path != NULL || PyErr_Occurred() == NULL ? 0 : -1;
    if (s->depth == DEPTH_MAX) {
        status = status < 0 ? -1 : note_read(s, path);
        Py_XDECREF(path);
        return status;
    }
    s->stack[s->depth++] = (slot){path, NULL};
    return status;
}

/* Takes the topmost path; NULL where there is none. */
static PyObject *pop_path(scan *s)
{
    return s->depth > 0 ? s->stack[--s->depth].path : NULL;
}

static int pop(scan *s)
{
    PyObject *path = pop_path(s);
    int status = note_read(s, path);
    Py_XDECREF(path);
    return status;
}

static int pop_to(scan *s, int depth)
{
    int status = 0;
    while (s->depth > depth && status == 0)
        status = pop(s);
    return status;
}

/* The path at the nth place from the top, borrowed, or NULL. */
static PyObject *peek(const scan *s, int n)
{
    return s->depth > n ? s->stack[s->depth - 1 - n].path : NULL;
}

/* An instruction of which only the effect on the stack's depth is known: what it takes is lost, and
 * what it leaves is new. */
static int apply_effect(scan *s, int opcode, int argument)
{
    int effect = PyCompile_OpcodeStackEffect(opcode, argument);
    if (effect == PY_INVALID_STACK_EFFECT)
        return 0;
    int status = 0;
    for (int i = 0; i < 1 - effect && effect <= 0 && status == 0; i++)
        status = pop(s);
    for (int i = 0; (effect <= 0 ? i < 1 : i < effect) && status == 0; i++)
        status = push(s, NULL);
    return status;
}

/* ------------------------------------------------------------------------------------ the paths */

static PyObject *path_of(PyObject *name)
{
    return PyTuple_Pack(1, name);
}

static PyObject *extend(PyObject *path, PyObject *name)
{
    Py_ssize_t size = PyTuple_GET_SIZE(path);
    PyObject *longer = PyTuple_New(size + 1);
    if (longer == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < size; i++)
        PyTuple_SET_ITEM(longer, i, Py_NewRef(PyTuple_GET_ITEM(path, i)));
    PyTuple_SET_ITEM(longer, size, Py_NewRef(name));
    return longer;
}

/* Methods of containers that change them. */
static bool is_mutator(PyObject *name)
{
    static const char *const mutators[] = {"append",
                                           "add",
                                           "update",
                                           "setdefault",
                                           "pop",
                                           "popitem",
                                           "clear",
                                           "extend",
                                           "insert",
                                           "remove",
                                           "discard",
                                           "sort",
                                           "reverse",
                                           "appendleft",
                                           "popleft",
                                           "extendleft",
                                           "move_to_end",
                                           "rotate",
                                           "subtract",
                                           "__setitem__",
                                           "__delitem__",
                                           "difference_update",
                                           "intersection_update",
                                           "symmetric_difference_update"};
    for (size_t i = 0; i < sizeof mutators / sizeof *mutators; i++)
        if (PyUnicode_CompareWithASCIIString(name, mutators[i]) == 0)
            return true;
    return false;
}

static int load_global(scan *s, PyObject *name)
{
    if (s->own != NULL) {
        int own = PySet_Contains(s->own, name);
        if (own != 0)
            return own < 0 ? -1 : push(s, NULL);
    }
    return push(s, path_of(name));
}

/* `extra`: a method's object is on the stack besides. */
static int load_attribute(scan *s, PyObject *name, bool extra)
{
    PyObject *path = pop_path(s);
    PyObject *longer = NULL;
    int status = 0;
    if (path != NULL) {
        if (is_mutator(name))
            status = PySet_Add(s->out->mutated, path);
        longer = status == 0 ? extend(path, name) : NULL;
        status = longer != NULL ? 0 : -1;
        Py_DECREF(path);
    }
    if (status == 0)
        status = push(s, longer);
    return status == 0 && extra ? push(s, NULL) : status;
}

/* object.name = value, or del object.name: `values` stand below the object. */
static int store_attribute(scan *s, PyObject *name, int values)
{
    PyObject *path = pop_path(s);
    PyObject *longer = path != NULL ? extend(path, name) : NULL;
    int status = path == NULL ? 0 : longer != NULL ? PySet_Add(s->out->assigned, longer) : -1;
    Py_XDECREF(path);
    Py_XDECREF(longer);
    for (int i = 0; i < values && status == 0; i++)
        status = pop(s);
    return status;
}

/* object[key] = value, or del object[key], or of a slice: the object is the nth from the top. */
static int store_item(scan *s, int n, int count)
{
    PyObject *path = peek(s, n);
    int status = path != NULL ? PySet_Add(s->out->mutated, path) : 0;
    for (int i = 0; i < count && status == 0; i++)
        status = pop(s);
    return status;
}

/* object[key]: what is in it is of its path. */
static int load_item(scan *s, int keys)
{
    int status = 0;
    for (int i = 0; i < keys && status == 0; i++)
        status = pop(s);
    return status; /* the object's path stands for its item */
}

static int store_global(scan *s, PyObject *name, bool deletes)
{
    PyObject *path = path_of(name);
    int status = path != NULL ? PySet_Add(s->out->assigned, path) : -1;
    Py_XDECREF(path);
    return status == 0 && !deletes ? pop(s) : status;
}

/* -------------------------------------------------------------------------------------- imports */

/* import a.b binds a; what else there is to it is that a.b is there. */
static int import_whole(scan *s, PyObject *module, long level)
{
    Py_ssize_t dot = PyUnicode_FindChar(module, '.', 0, PyUnicode_GET_LENGTH(module), 1);
    PyObject *whole = PyUnicode_FromFormat("<%ld>%U", level, module);
    PyObject *top = dot > 0 ? PyUnicode_Substring(module, 0, dot) : Py_NewRef(module);
    PyObject *first = top != NULL ? PyUnicode_FromFormat("<%ld>%U", level, top) : NULL;
    PyObject *path = whole != NULL ? path_of(whole) : NULL;
    int status = first == NULL || path == NULL ? -1 : note_read(s, path);
    Py_XDECREF(path);
    if (status == 0)
        status = push(s, path_of(first));
    Py_XDECREF(whole);
    Py_XDECREF(top);
    Py_XDECREF(first);
    return status;
}

static int import_name(scan *s, PyObject *module)
{
    PyObject *fromlist = s->depth > 0 ? s->stack[s->depth - 1].constant : NULL;
    PyObject *level = s->depth > 1 ? s->stack[s->depth - 2].constant : NULL;
    long number = level != NULL && PyLong_Check(level) ? PyLong_AsLong(level) : 0;
    if (pop_to(s, s->depth > 2 ? s->depth - 2 : 0) < 0)
        return -1;
    if (fromlist == NULL || fromlist == Py_None)
        return import_whole(s, module, number);
    PyObject *name = PyUnicode_FromFormat("<%ld>%U", number, module);
    int status = name != NULL ? push(s, path_of(name)) : -1;
    Py_XDECREF(name);
    return status;
}

static int import_from(scan *s, PyObject *name)
{
    PyObject *path = peek(s, 0);
    return push(s, path != NULL ? extend(path, name) : NULL);
}

/* A local variable that is bound to an import is that import. */
static int store_local(scan *s, PyObject *name)
{
    PyObject *path = pop_path(s);
    int status = 0;
    if (path != NULL && PyUnicode_READ_CHAR(PyTuple_GET_ITEM(path, 0), 0) == '<')
        status = PyDict_SetItem(s->aliases, name, path);
    if (status == 0)
        status = note_read(s, path);
    Py_XDECREF(path);
    return status;
}

static int load_local(scan *s, PyObject *name)
{
    return push(s, Py_XNewRef(PyDict_GetItemWithError(s->aliases, name)));
}

/* ------------------------------------------------------------------------------------- branches */

/* A branch that is taken later finds the stack as it is now. */
static void note_branch(scan *s, Py_ssize_t target)
{
    if (s->branch_count < BRANCHES_MAX) {
        s->branches[s->branch_count].target = target;
        s->branches[s->branch_count++].depth = s->depth;
    }
}

/* After an instruction that goes elsewhere: the depth that whoever jumps to `at` left. */
static int take_branch(scan *s, Py_ssize_t at)
{
    int depth = 0;
    for (int i = 0; i < s->branch_count; i++)
        if (s->branches[i].target == at)
            depth = s->branches[i].depth;
    return pop_to(s, depth);
}

/* --------------------------------------------------------------------------------- instructions */

static PyObject *item(PyObject *tuple, unsigned index)
{
    return (Py_ssize_t)index < PyTuple_GET_SIZE(tuple) ? PyTuple_GET_ITEM(tuple, index) : NULL;
}

/* A name of co_names, or the empty one, which nothing has. */
static PyObject *name_at(const scan *s, unsigned index)
{
    PyObject *name = item(s->names, index);
    return name != NULL ? name : ((PyCodeObject *)s->code)->co_name;
}

static int copy_slot(scan *s, int n)
{
    return push(s, Py_XNewRef(peek(s, n)));
}

#ifdef SWAP
static int swap_slots(scan *s, int n)
{
    if (n < 1 || s->depth <= n)
        return 0;
    slot *top = &s->stack[s->depth - 1];
    slot *other = &s->stack[s->depth - 1 - n];
    slot held = *top;
    *top = *other;
    *other = held;
    return 0;
}
#endif

#ifdef ROT_THREE
static int rotate_slots(scan *s, int count)
{
    if (s->depth < count)
        return 0;
    slot *top = &s->stack[s->depth - 1];
    slot held = *top;
    for (int i = 0; i < count - 1; i++)
        top[-i] = top[-i - 1];
    top[1 - count] = held;
    return 0;
}
#endif

static int load_constant(scan *s, unsigned index)
{
    PyObject *constants = s->code->co_consts;
    if (push(s, NULL) < 0)
        return -1;
    s->stack[s->depth - 1].constant = item(constants, index);
    return 0;
}

/* Instructions on variables. *done: it is one. */
static int step_variable(scan *s, int opcode, unsigned argument, bool *done)
{
    *done = true;
    switch (opcode) {
    case LOAD_CONST:
        return load_constant(s, argument);
    case LOAD_GLOBAL:
        if (lcpy_compat_pushes_null(argument) && push(s, NULL) < 0)
            return -1;
        return load_global(s, name_at(s, lcpy_compat_global_index(argument)));
    case LOAD_NAME:
        return load_global(s, name_at(s, argument));
#ifdef LOAD_FROM_DICT_OR_GLOBALS
    case LOAD_FROM_DICT_OR_GLOBALS:
        return pop(s) < 0 ? -1 : load_global(s, name_at(s, argument));
#endif
    case STORE_GLOBAL:
    case DELETE_GLOBAL:
        return store_global(s, name_at(s, argument), opcode == DELETE_GLOBAL);
    case STORE_NAME:
        return pop(s);
    case LOAD_FAST:
    case STORE_FAST: {
        PyObject *name = item(s->locals, argument);
        if (name == NULL)
            return opcode == LOAD_FAST ? push(s, NULL) : pop(s);
        return opcode == LOAD_FAST ? load_local(s, name) : store_local(s, name);
    }
    case LOAD_DEREF:
    case STORE_DEREF: {
        PyObject *name = lcpy_compat_deref_name(s->code, argument);
        int status = name != NULL ? 0 : -1;
        if (status == 0 && opcode == STORE_DEREF)
            status = PySet_Add(s->out->rebound, name);
        if (status == 0)
            status = opcode == LOAD_DEREF ? load_local(s, name) : store_local(s, name);
        Py_XDECREF(name);
        return status;
    }
    case IMPORT_NAME:
        return import_name(s, name_at(s, argument));
    case IMPORT_FROM:
        return import_from(s, name_at(s, argument));
    default:
        *done = false;
        return 0;
    }
}

#ifdef LOAD_FAST_LOAD_FAST
/* Two instructions on local variables in one, whose numbers are four bits each. */
static int step_two(scan *s, int first, int second, unsigned argument)
{
    bool done;
    return step_variable(s, first, argument >> 4, &done) < 0
               ? -1
               : step_variable(s, second, argument & 15, &done);
}
#endif

/* Instructions of newer Pythons that are two in one, or of older ones that are none any more. */
static int step_fused(scan *s, int opcode, unsigned argument, bool *done)
{
    *done = true;
    (void)argument; /* those of Python 3.10 have none */
    switch (opcode) {
#ifdef LOAD_FAST_CHECK
    case LOAD_FAST_CHECK:
        return step_variable(s, LOAD_FAST, argument, done);
#endif
#ifdef LOAD_FAST_BORROW
    case LOAD_FAST_BORROW:
        return step_variable(s, LOAD_FAST, argument, done);
    case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
        return step_two(s, LOAD_FAST, LOAD_FAST, argument);
#endif
#ifdef LOAD_FAST_LOAD_FAST
    case LOAD_FAST_LOAD_FAST:
        return step_two(s, LOAD_FAST, LOAD_FAST, argument);
    case STORE_FAST_LOAD_FAST:
        return step_two(s, STORE_FAST, LOAD_FAST, argument);
    case STORE_FAST_STORE_FAST:
        return step_two(s, STORE_FAST, STORE_FAST, argument);
#endif
#ifdef COPY
    case COPY:
        return copy_slot(s, (int)argument - 1);
    case SWAP:
        return swap_slots(s, (int)argument - 1);
#endif
#ifdef DUP_TOP
    case DUP_TOP:
        return copy_slot(s, 0);
    case DUP_TOP_TWO:
        return copy_slot(s, 1) < 0 ? -1 : copy_slot(s, 1);
    case ROT_TWO:
        return rotate_slots(s, 2);
    case ROT_THREE:
        return rotate_slots(s, 3);
    case ROT_FOUR:
        return rotate_slots(s, 4);
#endif
    default:
        *done = false;
        return 0;
    }
}

/* Instructions on attributes and items. */
static int step_object(scan *s, int opcode, unsigned argument, bool *done)
{
    *done = true;
    switch (opcode) {
    case LOAD_ATTR:
        return load_attribute(s, name_at(s, lcpy_compat_attribute_index(argument)),
                              lcpy_compat_loads_method(argument));
#ifdef LOAD_METHOD
    case LOAD_METHOD:
        return load_attribute(s, name_at(s, argument), true);
#endif
    case STORE_ATTR:
        return store_attribute(s, name_at(s, argument), 1);
    case DELETE_ATTR:
        return store_attribute(s, name_at(s, argument), 0);
#ifdef BINARY_SUBSCR
    case BINARY_SUBSCR:
        return load_item(s, 1);
#endif
#ifdef BINARY_SLICE
    case BINARY_SLICE:
        return load_item(s, 2);
    case STORE_SLICE:
        return store_item(s, 2, 4);
#endif
#ifdef NB_SUBSCR
    case BINARY_OP:
        if (argument != NB_SUBSCR) {
            *done = false;
            return 0;
        }
        return load_item(s, 1);
#endif
    case STORE_SUBSCR:
        return store_item(s, 1, 3);
    case DELETE_SUBSCR:
        return store_item(s, 1, 2);
    case POP_TOP:
        return pop(s);
    default:
        *done = false;
        return 0;
    }
}

static bool goes_on(int opcode)
{
    switch (opcode) {
    case RETURN_VALUE:
    case RAISE_VARARGS:
    case RERAISE:
    case JUMP_FORWARD:
#ifdef JUMP_ABSOLUTE
    case JUMP_ABSOLUTE:
#endif
#ifdef JUMP_BACKWARD
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
#endif
        return false;
    default:
        return true;
    }
}

/* Jumps that may be taken, forward: where to, or -1. `next` is after the instruction. */
static Py_ssize_t target_of(int opcode, unsigned argument, Py_ssize_t next)
{
    (void)next;
    switch (opcode) {
#ifdef POP_JUMP_FORWARD_IF_FALSE
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_TRUE:
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
        return next + 2 * (Py_ssize_t)argument;
#elif defined(JUMP_ABSOLUTE)
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
        return 2 * (Py_ssize_t)argument;
#else
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
        return next + 2 * (Py_ssize_t)argument;
#endif
    default:
        return -1;
    }
}

static int step_any(scan *s, int opcode, unsigned argument)
{
    bool done;
    int status = step_variable(s, opcode, argument, &done);
    if (!done)
        status = step_object(s, opcode, argument, &done);
    if (!done)
        status = step_fused(s, opcode, argument, &done);
    return done ? status : apply_effect(s, opcode, (int)argument);
}

static int run_scan(scan *s, const unsigned char *code, Py_ssize_t size)
{
    unsigned extended = 0;
    bool went_on = true;
    for (Py_ssize_t i = 0; i + 1 < size;) {
        int opcode = code[i];
        unsigned argument = extended << 8 | code[i + 1];
        extended = opcode == EXTENDED_ARG ? argument : 0;
        if (!went_on && take_branch(s, i) < 0)
            return -1;
        i += 2;
        while (lcpy_compat_is_cache(code, i, size))
            i += 2;
        went_on = true;
        if (opcode == EXTENDED_ARG)
            continue;
        if (step_any(s, opcode, argument) < 0)
            return -1;
        Py_ssize_t target = target_of(opcode, argument, i);
        if (target >= 0)
            note_branch(s, target);
        went_on = goes_on(opcode);
    }
    return pop_to(s, 0);
}

/* ---------------------------------------------------------------------------------------- codes */

/* What the body of a class assigns is not looked for around it. */
static PyObject *own_names(PyObject *names, const unsigned char *code, Py_ssize_t size)
{
    PyObject *own = PySet_New(NULL);
    unsigned extended = 0;
    for (Py_ssize_t i = 0; own != NULL && i + 1 < size; i += 2) {
        unsigned argument = extended << 8 | code[i + 1];
        extended = code[i] == EXTENDED_ARG ? argument : 0;
        if (code[i] == STORE_NAME && item(names, argument) != NULL &&
            PySet_Add(own, item(names, argument)) < 0)
            Py_CLEAR(own);
    }
    return own;
}

static int scan_nested(lcpy_names *out, PyObject *aliases, PyObject *constants)
{
    int status = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants) && status == 0; i++) {
        PyObject *constant = PyTuple_GET_ITEM(constants, i);
        if (PyCode_Check(constant)) {
            if (Py_EnterRecursiveCall(" while reading a function's code"))
                return -1;
            status = scan_code(out, aliases, constant);
            Py_LeaveRecursiveCall();
        }
    }
    return status;
}

static int scan_code(lcpy_names *out, PyObject *aliases, PyObject *code)
{
    PyObject *bytes = PyObject_GetAttrString(code, "co_code");
    PyObject *names = bytes != NULL ? PyObject_GetAttrString(code, "co_names") : NULL;
    PyObject *locals = names != NULL ? PyObject_GetAttrString(code, "co_varnames") : NULL;
    scan *s = locals != NULL ? PyMem_Calloc(1, sizeof *s) : NULL;
    int status = -1;
    if (locals != NULL && s == NULL)
        PyErr_NoMemory();
    if (s != NULL) {
        const unsigned char *text = (const unsigned char *)PyBytes_AS_STRING(bytes);
        s->out = out;
        s->aliases = aliases;
        s->code = (PyCodeObject *)code;
        s->names = names;
        s->locals = locals;
        bool is_body = (s->code->co_flags & CO_NEWLOCALS) == 0;
        s->own = is_body ? own_names(names, text, PyBytes_GET_SIZE(bytes)) : NULL;
        if (!is_body || s->own != NULL)
            status = run_scan(s, text, PyBytes_GET_SIZE(bytes));
        while (s->depth > 0)
            Py_XDECREF(pop_path(s));
        Py_XDECREF(s->own);
        PyMem_Free(s);
    }
    Py_XDECREF(locals);
    Py_XDECREF(names);
    Py_XDECREF(bytes);
    return status < 0 ? -1 : scan_nested(out, aliases, ((PyCodeObject *)code)->co_consts);
}

int lcpy_names_init(lcpy_names *out, PyObject *code)
{
    *out = (lcpy_names){PySet_New(NULL), PySet_New(NULL), PySet_New(NULL), PySet_New(NULL)};
    PyObject *aliases = PyDict_New();
    int status = -1;
    if (out->read != NULL && out->assigned != NULL && out->rebound != NULL &&
        out->mutated != NULL && aliases != NULL)
        status = scan_code(out, aliases, code);
    Py_XDECREF(aliases);
    return status;
}

void lcpy_names_clear(lcpy_names *names)
{
    Py_CLEAR(names->read);
    Py_CLEAR(names->assigned);
    Py_CLEAR(names->rebound);
    Py_CLEAR(names->mutated);
}
