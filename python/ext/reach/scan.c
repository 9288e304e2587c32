/* The stack on which a code's bytecode is followed: only paths stand for themselves there.
 *
 * What other instructions do to the stack is known by how much they grow it, and that is enough for
 * what is asked: a path is followed through attributes, items, calls and stores. Where it is lost
 * (passed on, compared, returned) it was read as far as it was known. */
#include "reach/scan.h"

#include "plain/names.h"

/* ------------------------------------------------------------------------------------ the paths */

PyObject *lcpy_scan_path(PyObject *name)
{
    return PyTuple_Pack(1, name);
}

PyObject *lcpy_scan_extend(PyObject *path, PyObject *name)
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

static PyObject *extend_by(PyObject *path, const char *step)
{
    PyObject *name = PyUnicode_InternFromString(step);
    PyObject *longer = name != NULL ? lcpy_scan_extend(path, name) : NULL;
    Py_XDECREF(name);
    return longer;
}

static bool is_item(PyObject *path, Py_ssize_t i)
{
    return PyUnicode_READ_CHAR(PyTuple_GET_ITEM(path, i), 0) == (Py_UCS4)LCPY_STEP_ITEM[0];
}

static bool is_global(PyObject *path, const char *name)
{
    return path != NULL && PyTuple_GET_SIZE(path) == 1 &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(path, 0), name) == 0;
}

static bool has_prefix(PyObject *path, Py_UCS4 prefix)
{
    return PyUnicode_READ_CHAR(PyTuple_GET_ITEM(path, 0), 0) == prefix;
}

/* The first step that is an item, or the path's length: what is in a container is of its whole. */
static Py_ssize_t first_item(PyObject *path)
{
    Py_ssize_t n = 0;
    while (n < PyTuple_GET_SIZE(path) && !is_item(path, n))
        n++;
    return n;
}

static int note_read_in(PyObject **set, PyObject *path)
{
    PyObject *known = path != NULL ? PyTuple_GetSlice(path, 0, first_item(path)) : NULL;
    int status = path == NULL ? 0 : known != NULL ? lcpy_lazy_set_add(set, known) : -1;
    Py_XDECREF(known);
    return status;
}

int lcpy_scan_read(lcpy_scan *s, PyObject *path)
{
    return note_read_in(&s->out->read, path);
}

/* The container itself, where items of it are stored into; what is an attribute of an item is of
 * nobody knows which object. */
static int note_mutated_path(lcpy_scan *s, PyObject *path)
{
    Py_ssize_t end = PyTuple_GET_SIZE(path);
    while (end > 1 && is_item(path, end - 1))
        end--;
    if (first_item(path) < end)
        return 0;
    PyObject *container = PyTuple_GetSlice(path, 0, end);
    int status = container != NULL ? lcpy_lazy_set_add(&s->out->mutated, container) : -1;
    Py_XDECREF(container);
    return status;
}

static int note_assigned_path(lcpy_scan *s, PyObject *path)
{
    return first_item(path) < PyTuple_GET_SIZE(path) ? 0
                                                     : lcpy_lazy_set_add(&s->out->assigned, path);
}

/* ------------------------------------------------------------------------------------ the stack */

int lcpy_scan_push(lcpy_scan *s, PyObject *path)
{
    int status = path != NULL || PyErr_Occurred() == NULL ? 0 : -1;
    if (s->depth == LCPY_SCAN_DEPTH) {
        status = status < 0 ? -1 : lcpy_scan_read(s, path);
        Py_XDECREF(path);
        return status;
    }
    s->stack[s->depth++] = (lcpy_slot){path, NULL};
    return status;
}

/* Takes the topmost path; NULL where there is none. */
static PyObject *pop_path(lcpy_scan *s)
{
    return s->depth > 0 ? s->stack[--s->depth].path : NULL;
}

int lcpy_scan_pop(lcpy_scan *s)
{
    PyObject *path = pop_path(s);
    int status = lcpy_scan_read(s, path);
    Py_XDECREF(path);
    return status;
}

int lcpy_scan_leave_for(lcpy_scan *s, Py_ssize_t target)
{
    if (s->meeting_count == LCPY_SCAN_MEETINGS || lcpy_scan_peek(s, 0) == NULL)
        return lcpy_scan_pop(s);
    s->meetings[s->meeting_count].target = target;
    s->meetings[s->meeting_count++].path = pop_path(s);
    return 0;
}

int lcpy_scan_meet(lcpy_scan *s, Py_ssize_t at, PyObject *name)
{
    int status = 0;
    int left = 0;
    for (int i = 0; i < s->meeting_count; i++) {
        PyObject *path = s->meetings[i].path;
        if (s->meetings[i].target != at) {
            s->meetings[left++] = s->meetings[i];
            continue;
        }
        if (name != NULL && status == 0)
            Py_SETREF(path, lcpy_scan_extend(path, name));
        if (status == 0)
            status = path != NULL ? lcpy_scan_read(s, path) : -1;
        Py_XDECREF(path);
    }
    s->meeting_count = left;
    return status;
}

int lcpy_scan_pop_to(lcpy_scan *s, int depth)
{
    int status = 0;
    while (s->depth > depth && status == 0)
        status = lcpy_scan_pop(s);
    return status;
}

PyObject *lcpy_scan_peek(const lcpy_scan *s, int n)
{
    return s->depth > n ? s->stack[s->depth - 1 - n].path : NULL;
}

int lcpy_scan_effect(lcpy_scan *s, int opcode, int argument)
{
    int effect = PyCompile_OpcodeStackEffect(opcode, argument);
    if (effect == PY_INVALID_STACK_EFFECT)
        return 0;
    int status = 0;
    /* What leaves more than it takes may leave it in another form: the parts of a tuple. */
    if (effect > 0 && s->depth > 0) {
        status = lcpy_scan_pop(s);
        effect++;
    }
    for (int i = 0; i < 1 - effect && effect <= 0 && status == 0; i++)
        status = lcpy_scan_pop(s);
    for (int i = 0; (effect <= 0 ? i < 1 : i < effect) && status == 0; i++)
        status = lcpy_scan_push(s, NULL);
    return status;
}

/* ------------------------------------------------------------------------ variables, attributes */

/* Methods of containers that change them. */
static bool is_mutator(PyObject *name)
{
    static const lcpy_text mutators[] = {LCPY_TEXT("append"),
                                         LCPY_TEXT("add"),
                                         LCPY_TEXT("update"),
                                         LCPY_TEXT("setdefault"),
                                         LCPY_TEXT("pop"),
                                         LCPY_TEXT("popitem"),
                                         LCPY_TEXT("clear"),
                                         LCPY_TEXT("extend"),
                                         LCPY_TEXT("insert"),
                                         LCPY_TEXT("remove"),
                                         LCPY_TEXT("discard"),
                                         LCPY_TEXT("sort"),
                                         LCPY_TEXT("reverse"),
                                         LCPY_TEXT("appendleft"),
                                         LCPY_TEXT("popleft"),
                                         LCPY_TEXT("extendleft"),
                                         LCPY_TEXT("move_to_end"),
                                         LCPY_TEXT("rotate"),
                                         LCPY_TEXT("subtract"),
                                         LCPY_TEXT("__setitem__"),
                                         LCPY_TEXT("__delitem__"),
                                         LCPY_TEXT("difference_update"),
                                         LCPY_TEXT("intersection_update"),
                                         LCPY_TEXT("symmetric_difference_update")};
    return lcpy_names_is_one_of(name, mutators, sizeof mutators / sizeof *mutators);
}

/* What is told by an attribute of this name of any function or class: of which one is not asked, as
 * it may be one of a list. */
static void note_shown_attribute(lcpy_scan *s, PyObject *name)
{
    static const lcpy_text names[] = {LCPY_TEXT("__name__"), LCPY_TEXT("__qualname__")};
    static const lcpy_text docs[] = {LCPY_TEXT("__doc__"), LCPY_TEXT("getdoc")};
    static const lcpy_text annotations[] = {
        LCPY_TEXT("__annotations__"), LCPY_TEXT("signature"), LCPY_TEXT("get_type_hints"),
        LCPY_TEXT("get_annotations"), LCPY_TEXT("getfullargspec")};
    if (lcpy_names_is_one_of(name, names, sizeof names / sizeof *names))
        s->out->shown |= LCPY_SHOWN_NAME;
    else if (lcpy_names_is_one_of(name, docs, sizeof docs / sizeof *docs))
        s->out->shown |= LCPY_SHOWN_DOC;
    else if (lcpy_names_is_one_of(name, annotations, sizeof annotations / sizeof *annotations))
        s->out->shown |= LCPY_SHOWN_ANNOTATIONS;
}

int lcpy_scan_global(lcpy_scan *s, PyObject *name)
{
    if (PyUnicode_READ_CHAR(name, 0) != '_') /* `__name__` and the like are the module's */
        note_shown_attribute(s, name);
    if (s->own != NULL) {
        int own = PySet_Contains(s->own, name);
        if (own != 0)
            return own < 0 ? -1 : lcpy_scan_push(s, NULL);
    }
    return lcpy_scan_push(s, lcpy_scan_path(name));
}

int lcpy_scan_attribute(lcpy_scan *s, PyObject *name, bool extra)
{
    PyObject *path = pop_path(s);
    PyObject *longer = NULL;
    int status = 0;
    note_shown_attribute(s, name);
    if (path != NULL) {
        if (is_mutator(name))
            status = note_mutated_path(s, path);
        longer = status == 0 ? lcpy_scan_extend(path, name) : NULL;
        status = longer != NULL ? 0 : -1;
        Py_DECREF(path);
    }
    if (status == 0)
        status = lcpy_scan_push(s, longer);
    return status == 0 && extra ? lcpy_scan_push(s, NULL) : status;
}

int lcpy_scan_store_attribute(lcpy_scan *s, PyObject *name, int values)
{
    PyObject *path = pop_path(s);
    PyObject *longer = path != NULL ? lcpy_scan_extend(path, name) : NULL;
    int status = path == NULL ? 0 : longer != NULL ? note_assigned_path(s, longer) : -1;
    Py_XDECREF(path);
    Py_XDECREF(longer);
    for (int i = 0; i < values && status == 0; i++)
        status = lcpy_scan_pop(s);
    return status;
}

int lcpy_scan_store_item(lcpy_scan *s, int n, int count)
{
    PyObject *path = lcpy_scan_peek(s, n);
    int status = path != NULL ? note_mutated_path(s, path) : 0;
    for (int i = 0; i < count && status == 0; i++)
        status = lcpy_scan_pop(s);
    return status;
}

/* Is globals()["name"] only another way to write the variable? */
static bool is_variable_of_all(PyObject *path, PyObject *name)
{
    return name != NULL && PyUnicode_CheckExact(name) && PyUnicode_GET_LENGTH(name) > 0 &&
           PyTuple_GET_SIZE(path) == 2 && PyUnicode_READ_CHAR(name, 0) != '=' &&
           PyUnicode_READ_CHAR(name, 0) != '^' && PyUnicode_READ_CHAR(name, 0) != '<' &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(path, 0), "globals") == 0 &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(path, 1), LCPY_STEP_CALL) == 0;
}

int lcpy_scan_item(lcpy_scan *s, int keys)
{
    int status = 0;
    PyObject *variable = keys == 1 && s->depth > 1 ? s->stack[s->depth - 1].constant : NULL;
    for (int i = 0; i < keys && status == 0; i++)
        status = lcpy_scan_pop(s);
    PyObject *path = pop_path(s);
    PyObject *longer = path == NULL                         ? NULL
                       : is_variable_of_all(path, variable) ? lcpy_scan_path(variable)
                                                            : extend_by(path, LCPY_STEP_ITEM);
    if (path != NULL && longer == NULL)
        status = -1;
    Py_XDECREF(path);
    if (status == 0)
        return lcpy_scan_push(s, longer);
    Py_XDECREF(longer);
    return -1;
}

int lcpy_scan_store_global(lcpy_scan *s, PyObject *name, bool deletes)
{
    PyObject *path = lcpy_scan_path(name);
    int status = path != NULL ? lcpy_lazy_set_add(&s->out->assigned, path) : -1;
    Py_XDECREF(path);
    return status == 0 && !deletes ? lcpy_scan_pop(s) : status;
}

/* A local variable that is bound to a path is that path, wherever it is read. Where it is bound but
 * once, and read after that, nothing else is to be known of what it is bound to. */
int lcpy_scan_store_local(lcpy_scan *s, PyObject *name, int number)
{
    PyObject *path = pop_path(s);
    if (path == NULL)
        return 0;
    int unsure = number >= 0 ? (s->flags[number] & (LCPY_LOCAL_OFTEN | LCPY_LOCAL_EARLY)) != 0
                             : lcpy_lazy_set_has(s->often, name);
    if (unsure == 0 && number < 0)
        unsure = lcpy_lazy_set_has(s->early, name);
    int status = unsure < 0 ? -1 : 0;
    if (status == 0 && s->aliases == NULL && (s->aliases = PyDict_New()) == NULL)
        status = -1;
    if (status == 0)
        status = PyDict_SetItem(s->aliases, name, path);
    if (status == 0)
        status = note_read_in(unsure ? &s->out->read : &s->out->bound, path);
    Py_DECREF(path);
    return status;
}

static int note_early(lcpy_scan *s, PyObject *name, int number)
{
    if (number >= 0) {
        s->flags[number] |= LCPY_LOCAL_EARLY;
        return 0;
    }
    return lcpy_lazy_set_add(&s->early, name);
}

int lcpy_scan_load_local(lcpy_scan *s, PyObject *name, int number)
{
    PyObject *path = s->aliases != NULL ? PyDict_GetItemWithError(s->aliases, name) : NULL;
    if (path == NULL && (PyErr_Occurred() != NULL || note_early(s, name, number) < 0))
        return -1;
    return lcpy_scan_push(s, Py_XNewRef(path));
}

/* -------------------------------------------------------------------------------------- imports */

/* import a.b binds a; what else there is to it is that a.b is loaded. */
static int import_whole(lcpy_scan *s, PyObject *module, long level)
{
    Py_ssize_t dot = PyUnicode_FindChar(module, '.', 0, PyUnicode_GET_LENGTH(module), 1);
    PyObject *whole = PyUnicode_FromFormat("<%ld>%U", level, module);
    PyObject *top = dot > 0 ? PyUnicode_Substring(module, 0, dot) : Py_NewRef(module);
    PyObject *first = top != NULL ? PyUnicode_FromFormat("<%ld>%U", level, top) : NULL;
    PyObject *path = whole != NULL ? lcpy_scan_path(whole) : NULL;
    int status = first == NULL || path == NULL ? -1 : note_read_in(&s->out->bound, path);
    Py_XDECREF(path);
    if (status == 0)
        status = lcpy_scan_push(s, lcpy_scan_path(first));
    Py_XDECREF(whole);
    Py_XDECREF(top);
    Py_XDECREF(first);
    return status;
}

int lcpy_scan_import(lcpy_scan *s, PyObject *module)
{
    PyObject *fromlist = s->depth > 0 ? s->stack[s->depth - 1].constant : NULL;
    PyObject *level = s->depth > 1 ? s->stack[s->depth - 2].constant : NULL;
    long number = level != NULL && PyLong_Check(level) ? PyLong_AsLong(level) : 0;
    if (lcpy_scan_pop_to(s, s->depth > 2 ? s->depth - 2 : 0) < 0)
        return -1;
    if (fromlist == NULL || fromlist == Py_None)
        return import_whole(s, module, number);
    PyObject *name = PyUnicode_FromFormat("<%ld.>%U", number, module);
    int status = name != NULL ? lcpy_scan_push(s, lcpy_scan_path(name)) : -1;
    Py_XDECREF(name);
    return status;
}

int lcpy_scan_import_from(lcpy_scan *s, PyObject *name)
{
    PyObject *path = lcpy_scan_peek(s, 0);
    return lcpy_scan_push(s, path != NULL ? lcpy_scan_extend(path, name) : NULL);
}

/* ---------------------------------------------------------------------------------------- calls */

static bool is_import(PyObject *callable)
{
    Py_ssize_t last = PyTuple_GET_SIZE(callable) - 1;
    PyObject *name = PyTuple_GET_ITEM(callable, last);
    return is_global(callable, "__import__") ||
           (last < 2 && PyUnicode_CompareWithASCIIString(name, "import_module") == 0);
}

/* importlib.import_module("a.b") and __import__("a") of a name that stands there, as the statement
 * does it. 0, or -1. */
static int import_named(lcpy_scan *s, PyObject **result, PyObject *callable)
{
    PyObject *name = s->depth > 0 ? s->stack[s->depth - 1].constant : NULL;
    if (name == NULL || !PyUnicode_CheckExact(name) || PyUnicode_GET_LENGTH(name) == 0 ||
        PyUnicode_READ_CHAR(name, 0) == '.')
        return 0;
    Py_ssize_t dot = is_global(callable, "__import__")
                         ? PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1)
                         : -1;
    PyObject *module = dot > 0 ? PyUnicode_Substring(name, 0, dot) : Py_NewRef(name);
    PyObject *root = module != NULL ? PyUnicode_FromFormat("<0>%U", module) : NULL;
    PyObject *whole = PyUnicode_FromFormat("<0>%U", name);
    PyObject *loaded = whole != NULL ? lcpy_scan_path(whole) : NULL;
    int status = loaded != NULL ? note_read_in(&s->out->bound, loaded) : -1;
    *result = root != NULL && status == 0 ? lcpy_scan_path(root) : NULL;
    Py_XDECREF(loaded);
    Py_XDECREF(whole);
    Py_XDECREF(root);
    Py_XDECREF(module);
    return *result != NULL ? 0 : -1;
}

/* getattr(object, "name") and its like are object.name, which goes on; of isinstance(object, class)
 * the object's own class is all that is asked. *result: NULL, or what the call's result is. 1: the
 * first argument is dealt with; 0; -1 with an exception. */
static int call_builtin(lcpy_scan *s, PyObject **result, PyObject *callable, int given)
{
    PyObject *path = given > 0 ? lcpy_scan_peek(s, given - 1) : NULL;
    PyObject *name =
        given > 1 && s->depth >= given ? s->stack[s->depth - given + 1].constant : NULL;
    if (is_import(callable) && given == 1)
        return import_named(s, result, callable);
    if (is_global(callable, "super") && given == 0) {
        PyObject *root = PyUnicode_InternFromString(LCPY_ROOT_SUPER);
        *result = root != NULL ? lcpy_scan_path(root) : NULL;
        Py_XDECREF(root);
        return *result != NULL ? 0 : -1;
    }
    if (name != NULL && PyUnicode_CheckExact(name) && is_global(callable, "getattr"))
        note_shown_attribute(s, name);
    if (path == NULL || PyTuple_GET_SIZE(callable) != 1)
        return 0;
    if (is_global(callable, "isinstance") && given == 2)
        return has_prefix(path, '=') && PyTuple_GET_SIZE(path) == 1;
    if (is_global(callable, "type") && given == 1) {
        *result = extend_by(path, "__class__");
        return *result != NULL ? 1 : -1;
    }
    if (name == NULL || !PyUnicode_CheckExact(name))
        return 0;
    bool gets = is_global(callable, "getattr");
    bool sets = is_global(callable, "setattr") || is_global(callable, "delattr");
    if (!gets && !sets && !is_global(callable, "hasattr"))
        return 0;
    PyObject *longer = lcpy_scan_extend(path, name);
    int status = longer == NULL ? -1 : sets ? note_assigned_path(s, longer) : 0;
    if (status == 0 && !sets && !gets)
        status = lcpy_scan_read(s, longer);
    if (status == 0 && gets)
        *result = Py_NewRef(longer);
    Py_XDECREF(longer);
    return status < 0 ? -1 : 1;
}

int lcpy_scan_call(lcpy_scan *s, int taken, int given)
{
    int at = given;
    while (at + 1 < taken && lcpy_scan_peek(s, at) == NULL)
        at++; /* beside it there is the object of a method, or nothing */
    PyObject *callable = Py_XNewRef(lcpy_scan_peek(s, at));
    PyObject *result = NULL;
    int status = callable != NULL ? call_builtin(s, &result, callable, given) : 0;
    if (status > 0)
        Py_CLEAR(s->stack[s->depth - given].path);
    if (status == 0 && result == NULL && callable != NULL) {
        result = extend_by(callable, LCPY_STEP_CALL);
        status = result != NULL ? 0 : -1;
        Py_CLEAR(s->stack[s->depth - 1 - at].path); /* it goes on in the result */
    }
    for (int i = 0; i < taken && status >= 0; i++)
        status = lcpy_scan_pop(s);
    Py_XDECREF(callable);
    if (status >= 0)
        return lcpy_scan_push(s, result);
    Py_XDECREF(result);
    return -1;
}

int lcpy_scan_super(lcpy_scan *s, PyObject *name, bool extra, bool explicit)
{
    PyObject *self = pop_path(s);
    int status = explicit ? lcpy_scan_read(s, self) : 0;
    Py_XDECREF(self);
    PyObject *class = pop_path(s);
    if (status == 0 && explicit)
        status = lcpy_scan_read(s, class);
    Py_XDECREF(class);
    if (status == 0)
        status = lcpy_scan_pop(s);
    PyObject *root = PyUnicode_InternFromString(LCPY_ROOT_SUPER);
    PyObject *path = root != NULL ? PyTuple_Pack(2, root, name) : NULL;
    Py_XDECREF(root);
    if (status < 0 || path == NULL) {
        Py_XDECREF(path);
        return -1;
    }
    status = lcpy_scan_push(s, path);
    return status == 0 && extra ? lcpy_scan_push(s, NULL) : status;
}
