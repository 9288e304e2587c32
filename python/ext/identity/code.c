/* A code object as bytes: what calls see of it, what it does (bytecode.c), and its constants. */
#include "identity/code.h"

#include "identity/bytecode.h"
#include "identity/source.h"

/* Flags that change what the code does; the others say where it stands (nested, method), what it imported from
 * __future__, or that it has a docstring. */
#define CODE_FLAGS                                                                                                     \
    (CO_OPTIMIZED | CO_NEWLOCALS | CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE | CO_ITERABLE_COROUTINE | \
     CO_ASYNC_GENERATOR)

int lcpy_text_write(locache_writer *writer, PyObject *text)
{
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (!utf8)
        return -1;
    locache_write_text(writer, utf8, (size_t)size);
    return 0;
}

/* ----------------------------------------------------------------------------------------------------- code objects */

static int write_texts(locache_writer *writer, PyObject *texts)
{
    if (!texts)
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(texts);
    locache_write_array(writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++)
        if (lcpy_text_write(writer, PyTuple_GET_ITEM(texts, i)) < 0)
            return -1;
    return 0;
}

/* What calls see, and the variables that instructions name by number. */
static int write_signature(locache_writer *writer, PyCodeObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *names[3] = {PyCode_GetVarnames(code), PyCode_GetCellvars(code), PyCode_GetFreevars(code)};
#else
    PyObject *names[3] = {Py_NewRef(code->co_varnames), Py_NewRef(code->co_cellvars), Py_NewRef(code->co_freevars)};
#endif
    int status = 0;
    locache_write_int(writer, code->co_argcount);
    locache_write_int(writer, code->co_posonlyargcount);
    locache_write_int(writer, code->co_kwonlyargcount);
    locache_write_int(writer, code->co_flags & CODE_FLAGS);
    for (int i = 0; i < 3; i++) {
        if (status == 0)
            status = write_texts(writer, names[i]);
        Py_XDECREF(names[i]);
    }
    return status;
}

static int write_code(lcpy_state *state, locache_writer *writer, PyCodeObject *code)
{
    return write_signature(writer, code) < 0 ? -1 : lcpy_bytecode_write(state, writer, code);
}

/* -------------------------------------------------------------------------------------------------------- constants */

static int write_tuple(lcpy_state *state, locache_writer *writer, PyObject *tuple)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    locache_write_tag(writer, LOCACHE_TAG_TUPLE);
    locache_write_array(writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++)
        if (lcpy_constant_write(state, writer, PyTuple_GET_ITEM(tuple, i)) < 0)
            return -1;
    return 0;
}

static int write_frozenset(lcpy_state *state, locache_writer *writer, PyObject *set)
{
    PyObject *members = PySequence_Tuple(set);
    if (!members)
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(members);
    locache_write_tag(writer, LOCACHE_TAG_FROZENSET);
    locache_write_array(writer, (uint64_t)count);
    size_t start = writer->length;
    int status = 0;
    for (Py_ssize_t i = 0; i < count && status == 0; i++)
        status = lcpy_constant_write(state, writer, PyTuple_GET_ITEM(members, i));
    locache_write_sorted(writer, start, 1);
    Py_DECREF(members);
    return status;
}

static void write_global(locache_writer *writer, const char *name)
{
    locache_write_tag(writer, LOCACHE_TAG_GLOBAL);
    locache_write_text(writer, name, strlen(name));
}

static int write_slice(lcpy_state *state, locache_writer *writer, PySliceObject *slice)
{
    locache_write_tag(writer, LOCACHE_TAG_OBJECT);
    locache_write_array(writer, 4);
    write_global(writer, "builtins:slice");
    if (lcpy_constant_write(state, writer, slice->start) < 0 || lcpy_constant_write(state, writer, slice->stop) < 0)
        return -1;
    return lcpy_constant_write(state, writer, slice->step);
}

/* A nested function's or class's code, with the name that it gives to what is made of it. */
static int write_nested(lcpy_state *state, locache_writer *writer, PyCodeObject *code)
{
    locache_write_tag(writer, LOCACHE_TAG_FUNCTION);
    if (lcpy_text_write(writer, code->co_name) < 0)
        return -1;
    return write_code(state, writer, code);
}

static int write_any(lcpy_state *state, locache_writer *writer, PyObject *constant)
{
    if (PyBytes_CheckExact(constant)) {
        locache_write_bytes(writer, PyBytes_AS_STRING(constant), (size_t)PyBytes_GET_SIZE(constant));
        return 0;
    }
    if (PyTuple_CheckExact(constant))
        return write_tuple(state, writer, constant);
    if (PyCode_Check(constant))
        return write_nested(state, writer, (PyCodeObject *)constant);
    if (PyFrozenSet_CheckExact(constant))
        return write_frozenset(state, writer, constant);
    if (PySlice_Check(constant))
        return write_slice(state, writer, (PySliceObject *)constant);
    if (constant == Py_Ellipsis) {
        write_global(writer, "builtins:Ellipsis");
        return 0;
    }
    lcpy_written written = lcpy_scalar_write(state, writer, constant, LCPY_OTHER);
    if (written == LCPY_NOT_EXACT)
        PyErr_Format(PyExc_TypeError, "a code object holds a constant of type %.200s", Py_TYPE(constant)->tp_name);
    return written == LCPY_DONE ? 0 : -1;
}

int lcpy_constant_write(lcpy_state *state, locache_writer *writer, PyObject *constant)
{
    if (Py_EnterRecursiveCall(" while reading a function's code"))
        return -1;
    int status = write_any(state, writer, constant);
    Py_LeaveRecursiveCall();
    return status;
}

/* ----------------------------------------------------------------------------------------------------------- the id */

int lcpy_writer_id(locache_id *out, const locache_writer *writer)
{
    switch (locache_writer_status(writer)) {
    case LOCACHE_OK:
        locache_id_of(out, writer->data, writer->length);
        return 0;
    case LOCACHE_ENOMEM:
        PyErr_NoMemory();
        return -1;
    default: /* a frozenset with two NaNs */
        PyErr_SetString(PyExc_ValueError, "the function's constants have no canonical form");
        return -1;
    }
}

int lcpy_code_id(lcpy_state *state, locache_id *out, PyObject *code)
{
    if (!PyCode_Check(code)) {
        PyErr_Format(PyExc_TypeError, "expected a code object, not %.200s", Py_TYPE(code)->tp_name);
        return -1;
    }
    unsigned char room[4096]; /* a function of a hundred lines */
    locache_writer writer;
    locache_writer_init(&writer, room, sizeof room);
    int status = write_code(state, &writer, (PyCodeObject *)code);
    if (status == 0)
        status = lcpy_writer_id(out, &writer);
    locache_writer_clear(&writer);
    return status;
}

static PyObject *cache_tag(void)
{
    PyObject *implementation = PySys_GetObject("implementation"), *tag = NULL;
    if (implementation)
        tag = PyObject_GetAttrString(implementation, "cache_tag");
    if (tag == Py_None) { /* an interpreter that writes no .pyc files */
        Py_DECREF(tag);
        tag = PyObject_GetAttrString(implementation, "name");
    }
    if (!tag && !PyErr_Occurred())
        PyErr_SetString(PyExc_RuntimeError, "sys.implementation is lost");
    return tag;
}

int lcpy_optimize_level(void)
{
    PyObject *flags = PySys_GetObject("flags");
    if (!flags) {
        PyErr_SetString(PyExc_RuntimeError, "sys.flags is lost");
        return -1;
    }
    PyObject *optimize = PyObject_GetAttrString(flags, "optimize");
    int level = optimize ? (int)PyLong_AsLong(optimize) : -1;
    Py_XDECREF(optimize);
    return level;
}

int lcpy_code_tag(char out[LCPY_TAG_MAX + 1])
{
    PyObject *tag = cache_tag();
    const char *text = tag ? PyUnicode_AsUTF8(tag) : NULL;
    int level = text ? lcpy_optimize_level() : -1;
    if (level < 0) {
        Py_XDECREF(tag);
        return -1;
    }
    /* The low half of the magic number counts the bytecode's versions; the high half is always "\r\n". */
    PyOS_snprintf(out, LCPY_TAG_MAX + 1, "%.40s-%ld.O%d", text, PyImport_GetMagicNumber() & 0xFFFF, level);
    for (char *at = out; *at; at++)
        if (!Py_ISALNUM(Py_CHARMASK(*at)) && *at != '.' && *at != '-')
            *at = '_';
    Py_DECREF(tag);
    return 0;
}
