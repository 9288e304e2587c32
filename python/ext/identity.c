/* What a function is: an exact digest of its compiled code, made here since every process asks for
 * it; and one of what its source means, made by locache._identity, which is asked only where the
 * code is not one that the cache has met for this function. */
#include "identity.h"

#include <string.h>

/* Flags that change what the code does; the others say where it stands (nested, method), what it
 * imported from __future__, or that it has a docstring. */
#define CODE_FLAGS                                                                                 \
    (CO_OPTIMIZED | CO_NEWLOCALS | CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE |     \
     CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR)
/* What a function of a hundred lines needs. */
#define CODE_ROOM 4096

/* --------------------------------------------------------------------------------- code objects */

static int write_constant(locache_cbor_writer *writer, PyObject *constant);

/* All that a code object does and is called with; not where it stands: its file, its lines and its
 * qualified name. co_code is the code as it was compiled, whatever the interpreter has made of it
 * since (specialised, traced). */
static int write_code(locache_cbor_writer *writer, PyObject *code)
{
    static const char *const attributes[] = {
        "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_names", "co_varnames",
        "co_cellvars", "co_freevars",        "co_code",           "co_consts"};
    enum { COUNT = sizeof attributes / sizeof attributes[0] };
    locache_cbor_write_array(writer, COUNT + 2);
    locache_cbor_write_int(writer, ((PyCodeObject *)code)->co_flags & CODE_FLAGS);
    for (size_t i = 0; i < COUNT; i++) {
        PyObject *value = PyObject_GetAttrString(code, attributes[i]);
        int status = value != NULL ? write_constant(writer, value) : -1;
        Py_XDECREF(value);
        if (status < 0)
            return -1;
    }
    /* Python 3.10 has its tries among the instructions. */
    PyObject *tries = PyObject_GetAttrString(code, "co_exceptiontable");
    if (tries == NULL) {
        PyErr_Clear();
        locache_cbor_write_null(writer);
        return 0;
    }
    int status = write_constant(writer, tries);
    Py_DECREF(tries);
    return status;
}

/* Code within code: the name is that of the function or class that is made of it. */
static int write_nested(locache_cbor_writer *writer, PyObject *code)
{
    locache_cbor_write_array(writer, 2);
    int status = write_constant(writer, ((PyCodeObject *)code)->co_name);
    return status < 0 ? -1 : write_code(writer, code);
}

static int write_members(locache_cbor_writer *writer, PyObject *tuple)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    locache_cbor_write_array(writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++)
        if (write_constant(writer, PyTuple_GET_ITEM(tuple, i)) < 0)
            return -1;
    return 0;
}

/* The order of a set's members depends on the hash seed. */
static int write_frozenset(locache_cbor_writer *writer, PyObject *set)
{
    PyObject *members = PySequence_Tuple(set);
    if (members == NULL)
        return -1;
    locache_cbor_write_array(writer, (uint64_t)PyTuple_GET_SIZE(members));
    size_t start = writer->length;
    int status = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(members) && status == 0; i++)
        status = write_constant(writer, PyTuple_GET_ITEM(members, i));
    locache_cbor_write_sorted(writer, start, 1);
    Py_DECREF(members);
    return status;
}

static int write_slice(locache_cbor_writer *writer, PySliceObject *slice)
{
    locache_cbor_write_array(writer, 3);
    if (write_constant(writer, slice->start) < 0 || write_constant(writer, slice->stop) < 0)
        return -1;
    return write_constant(writer, slice->step);
}

static int write_str(locache_cbor_writer *writer, PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    if (bytes == NULL)
        return -1;
    locache_cbor_write_bytes(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return 0;
}

/* Integers of any size (in hexadecimal, which is not limited as decimal is); None, True, False and
 * Ellipsis by their names. */
static int write_spelled(locache_cbor_writer *writer, PyObject *constant)
{
    PyObject *text =
        PyLong_CheckExact(constant) ? PyNumber_ToBase(constant, 16) : PyObject_Repr(constant);
    int status = text != NULL ? write_str(writer, text) : -1;
    Py_XDECREF(text);
    return status;
}

static int write_any(locache_cbor_writer *writer, PyObject *constant)
{
    if (PyUnicode_CheckExact(constant))
        return write_str(writer, constant);
    if (PyBytes_CheckExact(constant))
        locache_cbor_write_bytes(writer, PyBytes_AS_STRING(constant),
                                 (size_t)PyBytes_GET_SIZE(constant));
    else if (PyFloat_CheckExact(constant)) /* as they are in memory: NaNs have signs, too */
        locache_cbor_write_bytes(writer, &((PyFloatObject *)constant)->ob_fval, sizeof(double));
    else if (PyComplex_CheckExact(constant))
        locache_cbor_write_bytes(writer, &((PyComplexObject *)constant)->cval, sizeof(Py_complex));
    else if (PyTuple_CheckExact(constant))
        return write_members(writer, constant);
    else if (PyFrozenSet_CheckExact(constant))
        return write_frozenset(writer, constant);
    else if (PySlice_Check(constant))
        return write_slice(writer, (PySliceObject *)constant);
    else if (PyCode_Check(constant))
        return write_nested(writer, constant);
    else
        return write_spelled(writer, constant);
    return 0;
}

/* One item: an array of the constant's type and its value. */
static int write_constant(locache_cbor_writer *writer, PyObject *constant)
{
    const char *type = Py_TYPE(constant)->tp_name;
    if (Py_EnterRecursiveCall(" while reading a function's code"))
        return -1;
    locache_cbor_write_array(writer, 2);
    locache_cbor_write_text(writer, type, strlen(type));
    int status = write_any(writer, constant);
    Py_LeaveRecursiveCall();
    return status;
}

static int writer_id(locache_id *out, const locache_cbor_writer *writer)
{
    switch (locache_cbor_writer_status(writer)) {
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

int lcpy_code_id(locache_id *out, PyObject *code)
{
    if (!PyCode_Check(code)) {
        PyErr_Format(PyExc_TypeError, "expected a code object, not %.200s", Py_TYPE(code)->tp_name);
        return -1;
    }
    unsigned char room[CODE_ROOM];
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, room, sizeof room);
    int status = write_code(&writer, code);
    if (status == 0)
        status = writer_id(out, &writer);
    locache_cbor_writer_clear(&writer);
    return status;
}

/* ------------------------------------------------------------------------------------------ tag */

static PyObject *cache_tag(void)
{
    PyObject *implementation = PySys_GetObject("implementation");
    PyObject *tag = NULL;
    if (implementation != NULL)
        tag = PyObject_GetAttrString(implementation, "cache_tag");
    if (tag == Py_None) { /* an interpreter that writes no .pyc files */
        Py_DECREF(tag);
        tag = PyObject_GetAttrString(implementation, "name");
    }
    if (tag == NULL && PyErr_Occurred() == NULL)
        PyErr_SetString(PyExc_RuntimeError, "sys.implementation is lost");
    return tag;
}

/* sys.flags.optimize, or -1 with an exception. */
static int optimize_level(void)
{
    PyObject *flags = PySys_GetObject("flags");
    if (flags == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "sys.flags is lost");
        return -1;
    }
    PyObject *optimize = PyObject_GetAttrString(flags, "optimize");
    int level = optimize != NULL ? (int)PyLong_AsLong(optimize) : -1;
    Py_XDECREF(optimize);
    return level;
}

int lcpy_code_tag(char out[LCPY_TAG_MAX + 1])
{
    PyObject *tag = cache_tag();
    const char *text = tag != NULL ? PyUnicode_AsUTF8(tag) : NULL;
    int level = text != NULL ? optimize_level() : -1;
    if (level < 0) {
        Py_XDECREF(tag);
        return -1;
    }
    /* The low half of the magic number counts the bytecode's versions; the high half is always
     * "\r\n". */
    PyOS_snprintf(out, LCPY_TAG_MAX + 1, "%.40s-%ld.O%d", text, PyImport_GetMagicNumber() & 0xFFFF,
                  level);
    for (char *at = out; *at != '\0'; at++)
        if (!Py_ISALNUM(Py_CHARMASK(*at)) && *at != '.' && *at != '-')
            *at = '_';
    Py_DECREF(tag);
    return 0;
}

/* ------------------------------------------------------------------------- locache._identity */

static PyObject *identity_module(lcpy_state *state)
{
    if (state->identity == NULL)
        state->identity = PyImport_ImportModule("locache._identity");
    return state->identity;
}

int lcpy_source_id(lcpy_state *state, locache_id *out, PyObject *function)
{
    PyObject *module = identity_module(state);
    PyObject *digest =
        module != NULL ? PyObject_CallMethod(module, "source_id", "O", function) : NULL;
    int found = digest != NULL ? digest != Py_None : -1;
    if (found > 0)
        memcpy(out->bytes, PyBytes_AS_STRING(digest), sizeof out->bytes);
    Py_XDECREF(digest);
    return found;
}

/* What locache._identity has of the extension. */

static PyObject *id_object(const locache_id *id)
{
    return PyBytes_FromStringAndSize((const char *)id->bytes, sizeof id->bytes);
}

PyObject *lcpy_identity_id_of(PyObject *module, PyObject *data)
{
    locache_id id;
    (void)module;
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "a digest is of bytes");
        return NULL;
    }
    locache_id_of(&id, PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data));
    return id_object(&id);
}

PyObject *lcpy_identity_code_id(PyObject *module, PyObject *code)
{
    locache_id id;
    (void)module;
    return lcpy_code_id(&id, code) < 0 ? NULL : id_object(&id);
}
