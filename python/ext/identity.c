/* What a function is: an exact digest of its compiled code, made here since every process asks for
 * it; and one of what its source means, made by locache._identity, which is asked only where the
 * code is not one that the cache has met for this function. */
#include "identity.h"

#include <string.h>

#include "plain/compat.h"

/* Flags that change what the code does; the others say where it stands (nested, method), what it
 * imported from __future__, or that it has a docstring. */
#define CODE_FLAGS                                                                                 \
    (CO_OPTIMIZED | CO_NEWLOCALS | CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE |     \
     CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR)
/* What a function of a hundred lines needs. */
#define CODE_ROOM 4096

/* --------------------------------------------------------------------------------- code objects */

static int write_constant(locache_cbor_writer *writer, PyObject *constant);

static void write_type(locache_cbor_writer *writer, const char *name)
{
    locache_cbor_write_array(writer, 2);
    locache_cbor_write_text(writer, name, strlen(name));
}

/* In hexadecimal, as Python spells it. */
static void write_hexadecimal(locache_cbor_writer *writer, long value)
{
    char room[2 * sizeof value + 3]; /* a sign, 0x, the digits */
    char *at = room + sizeof room;
    unsigned long rest = value < 0 ? 0UL - (unsigned long)value : (unsigned long)value;
    do {
        *--at = "0123456789abcdef"[rest & 15];
        rest >>= 4;
    } while (rest != 0);
    *--at = 'x';
    *--at = '0';
    if (value < 0)
        *--at = '-';
    locache_cbor_write_bytes(writer, at, (size_t)(room + sizeof room - at));
}

/* As write_constant() writes an int. */
static void write_count(locache_cbor_writer *writer, int count)
{
    write_type(writer, "int");
    write_hexadecimal(writer, count);
}

/* As write_constant(); the reference is the caller's no more. NULL: there is an exception. */
static int write_new(locache_cbor_writer *writer, PyObject *constant)
{
    int status = constant != NULL ? write_constant(writer, constant) : -1;
    Py_XDECREF(constant);
    return status;
}

/* All that a code object does and is called with; not where it stands: its file, its lines and its
 * qualified name. The bytes are the code as it was compiled, whatever the interpreter has made of
 * it since (specialised, traced). */
static int write_code(locache_cbor_writer *writer, PyObject *object)
{
    enum { PARTS = 11 };
    const PyCodeObject *code = (const PyCodeObject *)object;
    locache_cbor_write_array(writer, PARTS);
    locache_cbor_write_int(writer, code->co_flags & CODE_FLAGS);
    write_count(writer, code->co_argcount);
    write_count(writer, code->co_posonlyargcount);
    write_count(writer, code->co_kwonlyargcount);
    if (write_constant(writer, code->co_names) < 0 ||
        write_new(writer, lcpy_compat_code_variables(object)) < 0 ||
        write_new(writer, lcpy_compat_code_cells(object)) < 0 ||
        write_new(writer, lcpy_compat_code_free(object)) < 0 ||
        write_new(writer, lcpy_compat_code_bytes(object)) < 0 ||
        write_constant(writer, code->co_consts) < 0)
        return -1;
    PyObject *tries = lcpy_compat_code_tries(object);
    if (tries != NULL)
        return write_constant(writer, tries);
    locache_cbor_write_null(writer);
    return 0;
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
    if (PyUnicode_IS_COMPACT_ASCII(text)) {
        locache_cbor_write_bytes(writer, PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
        return 0;
    }
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
    int beyond = 0;
    long small = PyLong_CheckExact(constant) ? PyLong_AsLongAndOverflow(constant, &beyond) : 0;
    if (PyLong_CheckExact(constant) && beyond == 0) {
        write_hexadecimal(writer, small);
        return 0;
    }
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
    if (Py_EnterRecursiveCall(" while reading a function's code"))
        return -1;
    write_type(writer, Py_TYPE(constant)->tp_name);
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

static PyObject *make_tag(void)
{
    char out[LCPY_TAG_MAX + 1];
    PyObject *tag = cache_tag();
    const char *text = tag != NULL ? PyUnicode_AsUTF8(tag) : NULL;
    int level = text != NULL ? optimize_level() : -1;
    if (level < 0) {
        Py_XDECREF(tag);
        return NULL;
    }
    /* The low half of the magic number counts the bytecode's versions; the high half is always
     * "\r\n". */
    PyOS_snprintf(out, sizeof out, "%.40s-%ld.O%d", text, PyImport_GetMagicNumber() & 0xFFFF,
                  level);
    for (char *at = out; *at != '\0'; at++)
        if (!Py_ISALNUM(Py_CHARMASK(*at)) && *at != '.' && *at != '-')
            *at = '_';
    Py_DECREF(tag);
    return PyBytes_FromString(out);
}

const char *lcpy_code_tag(lcpy_state *state)
{
    if (state->tag == NULL)
        state->tag = make_tag();
    return state->tag != NULL ? PyBytes_AS_STRING(state->tag) : NULL;
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
