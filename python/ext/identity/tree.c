/* Syntax trees to bytes. A node is the name of its class, then for every field that says something the field's name and
 * value, then null. Which fields a class has differs between versions only by fields that are empty where the source could
 * be read by all of them. */
#include "identity/tree.h"

#include "identity/code.h"

typedef struct output {
    lcpy_state *state;
    locache_writer *writer;
    bool optimized; /* assertions are not compiled, __debug__ is false */
    bool in_class;  /* statements are a class's body: annotations are evaluated, and make fields */
} output;

static int write_value(output to, PyObject *value);

/* "FunctionDef" of a node; the class may be called ast.FunctionDef or _ast.FunctionDef. */
static const char *class_name(PyObject *node)
{
    const char *name = Py_TYPE(node)->tp_name, *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

int lcpy_node_is(PyObject *node, const char *name)
{
    return strcmp(class_name(node), name) == 0;
}

static void write_ascii(output to, const char *text)
{
    locache_write_text(to.writer, text, strlen(text));
}

/* A field, None where it is missing. New reference. */
static PyObject *field_of(PyObject *node, const char *name)
{
    PyObject *value = PyObject_GetAttrString(node, name);
    if (value || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return value;
    PyErr_Clear();
    return Py_NewRef(Py_None);
}

/* ------------------------------------------------------------------------------------------------- what says nothing */

/* `pass`, a docstring, any other constant that is computed and dropped, an assertion that is not compiled. -1 with an exception. */
static int is_idle(output to, PyObject *statement)
{
    if (lcpy_node_is(statement, "Pass") || (to.optimized && lcpy_node_is(statement, "Assert")))
        return 1;
    if (!lcpy_node_is(statement, "Expr"))
        return 0;
    PyObject *value = field_of(statement, "value");
    if (!value)
        return -1;
    int idle = lcpy_node_is(value, "Constant");
    Py_DECREF(value);
    return idle;
}

/* A list without its idle statements: new reference. */
static PyObject *without_idle(output to, PyObject *list)
{
    PyObject *kept = PyList_New(0);
    for (Py_ssize_t i = 0; kept && i < PyList_GET_SIZE(list); i++) {
        int idle = is_idle(to, PyList_GET_ITEM(list, i));
        if (idle < 0 || (!idle && PyList_Append(kept, PyList_GET_ITEM(list, i)) < 0))
            Py_CLEAR(kept);
    }
    return kept;
}

/* Fields that repeat what the tree's shape says (ctx), or that no program sees: u"" (kind), type comments. */
static bool is_unseen(const char *field)
{
    return strcmp(field, "ctx") == 0 || strcmp(field, "kind") == 0 || strcmp(field, "type_comment") == 0;
}

/* --------------------------------------------------------------------------------------------------------- f-strings */

/* The parts of a JoinedStr with neighbouring texts merged and empty ones dropped, as versions disagree on where to split
 * them: strings and nodes. New reference. */
static PyObject *joined_parts(PyObject *node)
{
    PyObject *values = field_of(node, "values"), *parts = PyList_New(0);
    bool ok = values && parts && PyList_Check(values);
    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(values); i++) {
        PyObject *part = PyList_GET_ITEM(values, i);
        PyObject *text = lcpy_node_is(part, "Constant") ? field_of(part, "value") : NULL;
        Py_ssize_t last = PyList_GET_SIZE(parts) - 1;
        if (!text) {
            ok = !PyErr_Occurred() && PyList_Append(parts, part) == 0;
        } else if (last >= 0 && PyUnicode_Check(PyList_GET_ITEM(parts, last))) {
            PyObject *both = PyUnicode_Concat(PyList_GET_ITEM(parts, last), text);
            ok = both && PyList_SetItem(parts, last, both) == 0;
        } else if (!PyUnicode_Check(text) || PyUnicode_GET_LENGTH(text) > 0) {
            ok = PyList_Append(parts, text) == 0;
        }
        Py_XDECREF(text);
    }
    Py_XDECREF(values);
    if (!ok)
        Py_CLEAR(parts);
    return parts;
}

static int write_joined(output to, PyObject *node)
{
    PyObject *parts = joined_parts(node);
    if (!parts)
        return -1;
    write_ascii(to, "JoinedStr");
    locache_write_array(to.writer, (uint64_t)PyList_GET_SIZE(parts));
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(parts); i++)
        status = write_value(to, PyList_GET_ITEM(parts, i));
    Py_DECREF(parts);
    return status;
}

/* f"{x:}" is f"{x}". -1 with an exception. */
static int is_empty_format(PyObject *value)
{
    if (!lcpy_node_is(value, "JoinedStr"))
        return 0;
    PyObject *parts = joined_parts(value);
    int empty = parts ? PyList_GET_SIZE(parts) == 0 : -1;
    Py_XDECREF(parts);
    return empty;
}

/* ------------------------------------------------------------------------------------------------------------- nodes */

static int write_list(output to, PyObject *list)
{
    int status = 0;
    locache_write_array(to.writer, (uint64_t)PyList_GET_SIZE(list));
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++)
        status = write_value(to, PyList_GET_ITEM(list, i));
    return status;
}

static int write_list_field(output to, const char *name, PyObject *list)
{
    PyObject *kept = without_idle(to, list);
    if (!kept)
        return -1;
    int status = 0;
    if (PyList_GET_SIZE(kept) > 0) {
        write_ascii(to, name);
        status = write_list(to, kept);
    }
    Py_DECREF(kept);
    return status;
}

static int write_field(output to, PyObject *node, const char *name)
{
    PyObject *value = field_of(node, name);
    if (!value)
        return -1;
    int status = 0;
    if (PyList_Check(value)) {
        status = write_list_field(to, name, value);
    } else if (value != Py_None) {
        int empty = strcmp(name, "format_spec") == 0 ? is_empty_format(value) : 0;
        status = empty < 0 ? -1 : 0;
        if (!empty) {
            write_ascii(to, name);
            status = write_value(to, value);
        }
    }
    Py_DECREF(value);
    return status;
}

static int write_fields(output to, PyObject *node)
{
    PyObject *fields = PyObject_GetAttrString((PyObject *)Py_TYPE(node), "_fields");
    if (!fields)
        return -1;
    int status = 0;
    Py_ssize_t count = PyTuple_Check(fields) ? PyTuple_GET_SIZE(fields) : 0;
    for (Py_ssize_t i = 0; status == 0 && i < count; i++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(fields, i));
        status = !name ? -1 : is_unseen(name) ? 0 : write_field(to, node, name);
    }
    Py_DECREF(fields);
    return status;
}

/* In a function `x: int = 1` is `x = 1`, and `x: int` only makes x a local variable. */
static int write_annotated(output to, PyObject *node)
{
    PyObject *value = field_of(node, "value"), *target = field_of(node, "target");
    int status = value && target ? 0 : -1;
    bool assigns = status == 0 && value != Py_None;
    if (status == 0) {
        write_ascii(to, assigns ? "Assign" : "AnnAssign");
        write_ascii(to, "targets");
        locache_write_array(to.writer, 1);
        status = write_value(to, target);
    }
    if (status == 0 && assigns) {
        write_ascii(to, "value");
        status = write_value(to, value);
    }
    locache_write_null(to.writer);
    Py_XDECREF(value);
    Py_XDECREF(target);
    return status;
}

static int write_constant(output to, PyObject *node)
{
    PyObject *value = PyObject_GetAttrString(node, "value");
    if (!value)
        return -1;
    write_ascii(to, "Constant");
    int status = lcpy_constant_write(to.state, to.writer, value);
    Py_DECREF(value);
    return status;
}

/* -1 with an exception. */
static int is_debug_flag(PyObject *name_node)
{
    PyObject *id = PyObject_GetAttrString(name_node, "id");
    int is = !id ? -1 : PyUnicode_Check(id) && PyUnicode_CompareWithASCIIString(id, "__debug__") == 0;
    Py_XDECREF(id);
    return is;
}

static int write_debug_flag(output to)
{
    write_ascii(to, "Constant");
    locache_write_bool(to.writer, !to.optimized);
    return 0;
}

static int write_node(output to, PyObject *node)
{
    const char *name = class_name(node);
    if (strcmp(name, "Constant") == 0)
        return write_constant(to, node);
    if (strcmp(name, "JoinedStr") == 0)
        return write_joined(to, node);
    if (strcmp(name, "AnnAssign") == 0 && !to.in_class)
        return write_annotated(to, node);
    if (strcmp(name, "ClassDef") == 0)
        to.in_class = true;
    else if (strcmp(name, "FunctionDef") == 0 || strcmp(name, "AsyncFunctionDef") == 0)
        to.in_class = false;
    else if (strcmp(name, "Name") == 0) {
        int flag = is_debug_flag(node);
        if (flag)
            return flag < 0 ? -1 : write_debug_flag(to);
    }
    write_ascii(to, name);
    if (write_fields(to, node) < 0)
        return -1;
    locache_write_null(to.writer);
    return 0;
}

/* None in a list stands for something: a `**` in a dict, a parameter without default. */
static int write_value(output to, PyObject *value)
{
    if (value == Py_None) {
        locache_write_null(to.writer);
        return 0;
    }
    if (PyUnicode_CheckExact(value) || PyLong_CheckExact(value) || PyBool_Check(value))
        return lcpy_constant_write(to.state, to.writer, value);
    if (PyList_Check(value))
        return write_list(to, value);
    if (Py_EnterRecursiveCall(" while reading a function's source"))
        return -1;
    int status = write_node(to, value);
    Py_LeaveRecursiveCall();
    return status;
}

/* ------------------------------------------------------------------------------------------------- the function itself */

static int write_parameter(output to, PyObject *parameter)
{
    if (parameter == Py_None) {
        locache_write_null(to.writer);
        return 0;
    }
    PyObject *name = PyObject_GetAttrString(parameter, "arg");
    int status = name ? write_value(to, name) : -1;
    Py_XDECREF(name);
    return status;
}

static int write_parameters(output to, PyObject *node)
{
    static const char *const kinds[] = {"posonlyargs", "args", "vararg", "kwonlyargs", "kwarg"};
    PyObject *arguments = PyObject_GetAttrString(node, "args");
    int status = arguments ? 0 : -1;
    for (size_t i = 0; status == 0 && i < sizeof kinds / sizeof *kinds; i++) {
        PyObject *value = field_of(arguments, kinds[i]);
        if (value && PyList_Check(value)) {
            locache_write_array(to.writer, (uint64_t)PyList_GET_SIZE(value));
            for (Py_ssize_t j = 0; status == 0 && j < PyList_GET_SIZE(value); j++)
                status = write_parameter(to, PyList_GET_ITEM(value, j));
        } else {
            status = value ? write_parameter(to, value) : -1;
        }
        Py_XDECREF(value);
    }
    Py_XDECREF(arguments);
    return status;
}

int lcpy_normal_id(lcpy_state *state, locache_id *out, PyObject *function_node)
{
    int level = lcpy_optimize_level();
    if (level < 0)
        return -1;
    locache_writer writer;
    locache_writer_init(&writer, NULL, 0);
    output to = {.state = state, .writer = &writer, .optimized = level > 0};
    write_ascii(to, class_name(function_node));
    int status = write_parameters(to, function_node);
    if (status == 0)
        status = write_field(to, function_node, "body");
    if (status == 0)
        status = lcpy_writer_id(out, &writer);
    locache_writer_clear(&writer);
    return status;
}
