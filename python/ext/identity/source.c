/* A function's source: where its text is, which part of the text it is, and whether that text is what runs. */
#include "identity/source.h"

#include "identity/code.h"
#include "identity/tree.h"

#define ONLY_AST 0x0400        /* ast.PyCF_ONLY_AST */
#define TOP_LEVEL_AWAIT 0x2000 /* ast.PyCF_ALLOW_TOP_LEVEL_AWAIT: notebook cells have it */
#define UNSEEN "<locache>"     /* the file's name, for the compiler; matches itself as a regular expression */

typedef struct search {
    lcpy_state *state;
    PyCodeObject *code; /* of the function that is looked for */
    locache_id code_id;
    bool lambda;
    PyObject *nodes;    /* list: definitions with its name, in the order of the text */
    long first_line;    /* the nth of them was given the line first_line + n, so that its code is known by it */
    bool *same;         /* for each: its code is the function's */
    Py_ssize_t at_line; /* which of them stood where the function says that it stands; -1: none, -2: several */
} search;

/* -------------------------------------------------------------------------------------------------------------- text */

/* Failures here mean that there is no source, not that something is broken; but for memory and interrupts. */
static bool pardon(void)
{
    if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
        return false;
    PyErr_Clear();
    return true;
}

/* Bytes of a file: the compiler finds their encoding. */
static PyObject *read_file(PyObject *path)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *file = io ? PyObject_CallMethod(io, "open", "Os", path, "rb") : NULL;
    PyObject *bytes = file ? PyObject_CallMethod(file, "read", NULL) : NULL;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *closed = file ? PyObject_CallMethod(file, "close", NULL) : NULL;
    if (!closed)
        PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    Py_XDECREF(closed);
    Py_XDECREF(file);
    Py_XDECREF(io);
    return bytes;
}

/* What is in no file: notebook cells, the REPL from 3.13 on, modules in an archive. NULL also where it has nothing. */
static PyObject *read_linecache(PyObject *path, PyObject *globals)
{
    PyObject *linecache = PyImport_ImportModule("linecache");
    PyObject *lines = linecache ? PyObject_CallMethod(linecache, "getlines", "OO", path, globals) : NULL;
    PyObject *empty = lines ? PyUnicode_FromString("") : NULL;
    PyObject *text = empty && PyObject_IsTrue(lines) == 1 ? PyUnicode_Join(empty, lines) : NULL;
    Py_XDECREF(empty);
    Py_XDECREF(lines);
    Py_XDECREF(linecache);
    return text;
}

static PyObject *text_of(PyObject *function)
{
    PyObject *path = ((PyCodeObject *)PyFunction_GET_CODE(function))->co_filename;
    PyObject *text = read_file(path);
    return text || !pardon() ? text : read_linecache(path, PyFunction_GET_GLOBALS(function));
}

/* compile(source, UNSEEN, "exec", flags, dont_inherit=True), without the warnings, which its first compilation gave: by a
 * filter that knows them by the file's name, and that stays. warnings.catch_warnings() would put the filters back as they
 * were, whatever another thread has done to them meanwhile. */
static PyObject *compile_quietly(PyObject *source, int flags)
{
    PyObject *compile = PyDict_GetItemString(PyEval_GetBuiltins(), "compile");
    PyObject *warnings = PyImport_ImportModule("warnings");
    PyObject *ignored =
        warnings ? PyObject_CallMethod(warnings, "filterwarnings", "ssOs", "ignore", "", PyExc_Warning, UNSEEN) : NULL;
    PyObject *compiled = NULL;
    if (ignored && compile)
        compiled = PyObject_CallFunction(compile, "Ossii", source, UNSEEN, "exec", flags, 1);
    Py_XDECREF(ignored);
    Py_XDECREF(warnings);
    return compiled;
}

/* ------------------------------------------------------------------------------------------------------- definitions */

static int set_line(PyObject *node, long line)
{
    /* It must not end before it begins, nor on one line with columns that are out of order. */
    PyObject *first = PyLong_FromLong(line), *last = PyLong_FromLong(line + 1);
    int status = -1;
    if (first && last && PyObject_SetAttrString(node, "lineno", first) == 0)
        status = PyObject_SetAttrString(node, "end_lineno", last);
    Py_XDECREF(first);
    Py_XDECREF(last);
    return status;
}

static int line_of(long *out, PyObject *node, const char *attribute)
{
    PyObject *line = PyObject_GetAttrString(node, attribute);
    *out = line ? PyLong_AsLong(line) : -1;
    Py_XDECREF(line);
    return PyErr_Occurred() ? -1 : 0;
}

/* The node whose line a definition's code begins with: its first decorator, else itself. New reference. */
static PyObject *first_node(PyObject *definition)
{
    if (lcpy_node_is(definition, "Lambda"))
        return Py_NewRef(definition);
    PyObject *decorators = PyObject_GetAttrString(definition, "decorator_list");
    if (!decorators)
        return NULL;
    PyObject *first =
        PyList_Check(decorators) && PyList_GET_SIZE(decorators) > 0 ? PyList_GET_ITEM(decorators, 0) : NULL;
    Py_INCREF(first ? first : definition);
    Py_DECREF(decorators);
    return first ? first : definition;
}

/* 1 where the node defines a function of the name that is looked for, -1 with an exception. */
static int is_wanted(const search *s, PyObject *node)
{
    if (s->lambda)
        return lcpy_node_is(node, "Lambda");
    if (!lcpy_node_is(node, "FunctionDef") && !lcpy_node_is(node, "AsyncFunctionDef"))
        return 0;
    PyObject *name = PyObject_GetAttrString(node, "name");
    int same = name ? PyUnicode_Compare(name, s->code->co_name) == 0 : -1;
    Py_XDECREF(name);
    return PyErr_Occurred() ? -1 : same;
}

static int collect(search *s, PyObject *value);

static int collect_fields(search *s, PyObject *node)
{
    PyObject *fields = PyObject_GetAttrString((PyObject *)Py_TYPE(node), "_fields");
    if (!fields || !PyTuple_Check(fields)) { /* None, a name, a number */
        Py_XDECREF(fields);
        PyErr_Clear();
        return 0;
    }
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(fields); i++) {
        PyObject *value = PyObject_GetAttr(node, PyTuple_GET_ITEM(fields, i));
        if (!value)
            PyErr_Clear(); /* an optional field */
        else
            status = collect(s, value);
        Py_XDECREF(value);
    }
    Py_DECREF(fields);
    return status;
}

/* All definitions that are wanted, in a value of the tree. */
static int collect(search *s, PyObject *value)
{
    int status = 0;
    if (PyList_Check(value)) {
        for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(value); i++)
            status = collect(s, PyList_GET_ITEM(value, i));
        return status;
    }
    if (value == Py_None || PyUnicode_CheckExact(value) || PyLong_CheckExact(value))
        return 0;
    if (Py_EnterRecursiveCall(" while searching a function's source"))
        return -1;
    status = is_wanted(s, value);
    if (status > 0)
        status = PyList_Append(s->nodes, value);
    if (status == 0)
        status = collect_fields(s, value);
    Py_LeaveRecursiveCall();
    return status;
}

/* Give each definition a line of its own, past the end of the text. */
static int label(search *s, PyObject *tree)
{
    PyObject *body = PyObject_GetAttrString(tree, "body");
    Py_ssize_t last = body && PyList_Check(body) ? PyList_GET_SIZE(body) - 1 : -1;
    int status = last >= 0 ? line_of(&s->first_line, PyList_GET_ITEM(body, last), "end_lineno") : -1;
    Py_XDECREF(body);
    s->first_line++;
    s->at_line = -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(s->nodes); i++) {
        PyObject *node = PyList_GET_ITEM(s->nodes, i), *first = first_node(node);
        long line;
        status = first ? line_of(&line, first, "lineno") : -1;
        if (status == 0 && line == s->code->co_firstlineno)
            s->at_line = s->at_line == -1 ? i : -2;
        if (status == 0)
            status = set_line(node, s->first_line + (long)i);
        if (status == 0 && first != node)
            status = set_line(first, s->first_line + (long)i);
        Py_XDECREF(first);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------------- what it runs */

/* Find the definitions' code by their lines, within a code object, and see which is the function's. */
static int compare(search *s, PyCodeObject *within)
{
    PyObject *constants = within->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); i++) {
        PyCodeObject *code = (PyCodeObject *)PyTuple_GET_ITEM(constants, i);
        if (!PyCode_Check(code))
            continue;
        long index = code->co_firstlineno - s->first_line;
        if (index >= 0 && index < PyList_GET_SIZE(s->nodes) &&
            PyUnicode_Compare(code->co_name, s->code->co_name) == 0) {
            locache_id id;
            if (lcpy_code_id(s->state, &id, (PyObject *)code) < 0)
                return -1;
            if (memcmp(&id, &s->code_id, sizeof id) == 0)
                s->same[index] = true;
        }
        if (compare(s, code) < 0)
            return -1;
    }
    return 0;
}

/* 1 with the digest of the one definition that is the function's, or of several that are the same; 0 where there is none
 * or they differ. */
static int choose(search *s, locache_id *out)
{
    if (s->at_line >= 0 && s->same[s->at_line])
        return lcpy_normal_id(s->state, out, PyList_GET_ITEM(s->nodes, s->at_line)) < 0 ? -1 : 1;
    int found = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(s->nodes); i++) {
        locache_id id;
        if (!s->same[i])
            continue;
        if (lcpy_normal_id(s->state, &id, PyList_GET_ITEM(s->nodes, i)) < 0)
            return -1;
        if (found && memcmp(&id, out, sizeof id) != 0)
            return 0;
        *out = id;
        found = 1;
    }
    return found;
}

static int search_text(search *s, locache_id *out, PyObject *text)
{
    PyObject *module = NULL;
    PyObject *tree = compile_quietly(text, ONLY_AST | TOP_LEVEL_AWAIT);
    int found = -1;
    if (!tree || collect(s, tree) < 0)
        goto done;
    found = 0;
    if (PyList_GET_SIZE(s->nodes) == 0)
        goto done;
    found = -1;
    s->same = PyMem_Calloc((size_t)PyList_GET_SIZE(s->nodes), sizeof *s->same);
    if (!s->same) {
        PyErr_NoMemory();
        goto done;
    }
    if (label(s, tree) < 0)
        goto done;
    module = compile_quietly(tree, TOP_LEVEL_AWAIT);
    if (module && PyCode_Check(module) && compare(s, (PyCodeObject *)module) == 0)
        found = choose(s, out);
done:
    PyMem_Free(s->same);
    Py_XDECREF(module);
    Py_XDECREF(tree);
    return found;
}

int lcpy_source_id(lcpy_state *state, locache_id *out, PyObject *function)
{
    search s = {.state = state, .code = (PyCodeObject *)PyFunction_GET_CODE(function)};
    if (lcpy_code_id(state, &s.code_id, (PyObject *)s.code) < 0)
        return -1;
    s.lambda = PyUnicode_CompareWithASCIIString(s.code->co_name, "<lambda>") == 0;
    PyObject *text = text_of(function);
    if (!text)
        return !PyErr_Occurred() || pardon() ? 0 : -1;
    int found = -1;
    s.nodes = PyList_New(0);
    if (s.nodes)
        found = search_text(&s, out, text);
    Py_XDECREF(s.nodes);
    Py_DECREF(text);
    return found < 0 && pardon() ? 0 : found;
}
