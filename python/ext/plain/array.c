#include "plain/array.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

/* Bits of an RFC 8746 tag: 010 f s e ll. */
enum { TYPED_FLOAT = 16, TYPED_SIGNED = 8, TYPED_LITTLE = 4 };

/* The tag for a NumPy type string, or 0 where RFC 8746 has none. */
static uint64_t typed_tag(const char *type)
{
    uint64_t tag = LOCACHE_TAG_TYPED_FIRST;
    unsigned size_log2;

    if (strlen(type) != 3 || strchr("1248", type[2]) == NULL)
        return 0;
    size_log2 = type[2] == '1' ? 0 : type[2] == '2' ? 1 : type[2] == '4' ? 2 : 3;
    if (size_log2 > 0)
        tag |= type[0] == '<' ? TYPED_LITTLE : 0;
    switch (type[1]) {
    case 'u':
        return tag | size_log2;
    case 'i':
        return tag | TYPED_SIGNED | size_log2;
    case 'f':
        return size_log2 == 0 ? 0 : tag | TYPED_FLOAT | (size_log2 - 1);
    default:
        return 0;
    }
}

/* The way back: false for the tags that NumPy has no type for (clamped bytes, binary128). */
static bool typed_string(char out[4], uint64_t tag)
{
    bool is_float = (tag & TYPED_FLOAT) != 0;
    unsigned size_log2 = (unsigned)(tag & 3) + (is_float ? 1 : 0);

    if (tag < LOCACHE_TAG_TYPED_FIRST || tag > LOCACHE_TAG_TYPED_LAST || size_log2 > 3 ||
        (is_float && tag & TYPED_SIGNED))
        return false;
    out[0] = (char)(size_log2 == 0 ? '|' : tag & TYPED_LITTLE ? '<' : '>');
    out[1] = (char)(is_float ? 'f' : tag & TYPED_SIGNED ? 'i' : 'u');
    out[2] = (char)('0' + (1 << size_log2));
    out[3] = '\0';
    return typed_tag(out) == tag; /* a single byte has no byte order */
}

/* -------------------------------------------------------------------------------------- opening */

/* Copy a str attribute; true, or false with an exception, also where it is too long. */
static bool copy_text(char *out, size_t room, PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    Py_ssize_t size = 0;
    const char *text = value == NULL ? NULL : PyUnicode_AsUTF8AndSize(value, &size);

    if (text != NULL && (size_t)size >= room) {
        PyErr_Format(PyExc_ValueError, "%s is too long", name);
        text = NULL;
    }
    if (text != NULL)
        memcpy(out, text, (size_t)size + 1);
    Py_XDECREF(value);
    return text != NULL;
}

/* Is this attribute None? 1, 0, or -1 with an exception. */
static int is_none(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    int result = value == NULL ? -1 : value == Py_None;

    Py_XDECREF(value);
    return result;
}

/* The type string of a dtype whose elements are plain data of NumPy's own types. */
static lcpy_written plain_type(char out[64], PyObject *dtype)
{
    PyObject *builtin = NULL;
    int plain;

    if (!copy_text(out, 64, dtype, "str"))
        return LCPY_ERROR;
    if (out[0] == '\0' || out[1] == '\0' || strchr("biufcSUVmM", out[1]) == NULL ||
        (strchr("SUV", out[1]) != NULL && strcmp(out + 2, "0") == 0))
        return LCPY_NOT_EXACT;
    plain = is_none(dtype, "names");
    if (plain > 0)
        plain = is_none(dtype, "metadata");
    if (plain > 0) {
        /* 2: a type that another package registered */
        builtin = PyObject_GetAttrString(dtype, "isbuiltin");
        plain = builtin == NULL ? -1 : PyLong_AsLong(builtin) != 2;
        Py_XDECREF(builtin);
    }
    return plain < 0 ? LCPY_ERROR : plain ? LCPY_DONE : LCPY_NOT_EXACT;
}

static bool read_extents(lcpy_array *out, PyObject *array)
{
    PyObject *shape = PyObject_GetAttrString(array, "shape");
    bool done = false;

    if (shape == NULL || !PyTuple_Check(shape) || PyTuple_GET_SIZE(shape) > LCPY_DIMENSIONS_MAX) {
        if (shape != NULL)
            PyErr_SetString(PyExc_ValueError, "an array of too many dimensions");
        goto done;
    }
    out->dimensions = (int)PyTuple_GET_SIZE(shape);
    for (int i = 0; i < out->dimensions; i++) {
        out->extents[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
        if (out->extents[i] < 0)
            goto done;
    }
    done = true;
done:
    Py_XDECREF(shape);
    return done;
}

/* x87's long double has 10 bytes of value in 16: the rest is whatever was in memory. */
static bool has_padding(const char *type)
{
    return LDBL_MANT_DIG == 64 && sizeof(long double) == 16 &&
           (strcmp(type + 1, "f16") == 0 || strcmp(type + 1, "c32") == 0);
}

static lcpy_padding padding_of(const char *type)
{
    const lcpy_padding none = {0};
    const lcpy_padding after = {.every = 16, .first = 10, .last = 15};
    const lcpy_padding before = {.every = 16, .first = 0, .last = 5};

    return !has_padding(type) ? none : type[0] == '>' ? before : after;
}

static void clear_padding(const char *type, char *data, Py_ssize_t size)
{
    lcpy_padding padding = padding_of(type);

    for (Py_ssize_t i = 0; i + 16 <= size; i += 16)
        memset(data + i + padding.first, 0, 6);
}

/* A buffer over `bytes` (stolen, may be NULL). */
static bool view_of(Py_buffer *out, PyObject *bytes)
{
    bool done = bytes != NULL && PyObject_GetBuffer(bytes, out, PyBUF_SIMPLE) == 0;

    Py_XDECREF(bytes);
    return done;
}

/* The bytes of an array in C order, copied. */
static bool copy_bytes(lcpy_array *out, PyObject *array)
{
    PyObject *bytes = PyObject_CallMethod(array, "tobytes", "s", "C");

    if (bytes != NULL && has_padding(out->type)) {
        Py_SETREF(bytes, PyByteArray_FromObject(bytes));
        if (bytes != NULL)
            clear_padding(out->type, PyByteArray_AS_STRING(bytes), PyByteArray_GET_SIZE(bytes));
    }
    out->order = 'C';
    return view_of(&out->view, bytes);
}

/* `array`, or the integers that its dates are, in place. 0: it cannot be; -1 with an exception. */
static int open_in_place(lcpy_array *out, PyObject *array)
{
    /* the buffer protocol has no format for them */
    bool is_time = out->type[1] == 'm' || out->type[1] == 'M';
    PyObject *source = is_time ? PyObject_CallMethod(array, "view", "s", "i8") : Py_NewRef(array);
    int result = 1;

    if (source == NULL)
        return -1;
    if (PyObject_GetBuffer(source, &out->view, PyBUF_STRIDES) < 0) {
        PyErr_Clear();
        result = 0;
    }
    Py_DECREF(source);
    return result;
}

/* In one piece: in place where the array is contiguous. */
static bool open_contiguous(lcpy_array *out, PyObject *array, bool keep_order)
{
    int opened = has_padding(out->type) ? 0 : open_in_place(out, array);

    if (opened > 0) {
        out->order = PyBuffer_IsContiguous(&out->view, 'C') ? 'C' : 'F';
        if (out->order == 'C' || (keep_order && PyBuffer_IsContiguous(&out->view, 'F')))
            return true;
        PyBuffer_Release(&out->view);
    }
    return opened >= 0 && copy_bytes(out, array);
}

/* However its items lie. */
static bool open_anyhow(lcpy_array *out, PyObject *array)
{
    int opened = open_in_place(out, array);

    out->order = 'C';
    return opened > 0 || (opened == 0 && copy_bytes(out, array));
}

enum how { KEEP_ORDER, C_ORDER, ANYHOW };

static lcpy_written open_numpy(lcpy_array *out, PyObject *array, enum how how)
{
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    lcpy_written result = dtype == NULL ? LCPY_ERROR : plain_type(out->type, dtype);

    Py_XDECREF(dtype);
    if (result != LCPY_DONE)
        return result;
    out->tag = typed_tag(out->type);
    if (out->tag == 0)
        out->tag = LOCACHE_TAG_ARRAY;
    if (!read_extents(out, array))
        return LCPY_ERROR;
    return (how == ANYHOW ? open_anyhow(out, array)
                          : open_contiguous(out, array, how == KEEP_ORDER))
               ? LCPY_DONE
               : LCPY_ERROR;
}

static lcpy_written open_pyarray(lcpy_array *out, PyObject *array)
{
    out->tag = LOCACHE_TAG_PYARRAY;
    out->order = 'C';
    out->dimensions = 0;
    if (!copy_text(out->type, sizeof out->type, array, "typecode"))
        return LCPY_ERROR;
    return PyObject_GetBuffer(array, &out->view, PyBUF_SIMPLE) == 0 ? LCPY_DONE : LCPY_ERROR;
}

static lcpy_written open_array(lcpy_state *state, lcpy_array *out, PyObject *array, enum how how)
{
    switch (lcpy_classify(state, Py_TYPE(array))) {
    case LCPY_NDARRAY:
        return open_numpy(out, array, how);
    case LCPY_PYARRAY:
        return open_pyarray(out, array);
    default:
        return LCPY_NOT_EXACT;
    }
}

lcpy_written lcpy_array_open(lcpy_state *state, lcpy_array *out, PyObject *array, int keep_order)
{
    return open_array(state, out, array, keep_order ? KEEP_ORDER : C_ORDER);
}

lcpy_written lcpy_array_open_for_key(lcpy_state *state, lcpy_array *out, lcpy_strided *bytes,
                                     PyObject *array)
{
    const lcpy_padding none = {0};
    lcpy_written result = open_array(state, out, array, ANYHOW);

    if (result == LCPY_DONE) {
        lcpy_strided_of(bytes, &out->view,
                        out->tag == LOCACHE_TAG_PYARRAY ? none : padding_of(out->type));
    }
    return result;
}

void lcpy_array_close(lcpy_array *array)
{
    PyBuffer_Release(&array->view);
}

/* -------------------------------------------------------------------------------------- writing */

static void write_text(locache_writer *writer, const char *text)
{
    locache_write_text(writer, text, strlen(text));
}

static void write_extents(locache_writer *writer, const lcpy_array *array)
{
    locache_write_array(writer, (uint64_t)array->dimensions);
    for (int i = 0; i < array->dimensions; i++)
        locache_write_uint(writer, (uint64_t)array->extents[i]);
}

void lcpy_array_write_head(locache_writer *writer, const lcpy_array *array)
{
    switch (array->tag) {
    case LOCACHE_TAG_PYARRAY:
        locache_write_tag(writer, array->tag);
        locache_write_array(writer, 2);
        write_text(writer, array->type);
        break;
    case LOCACHE_TAG_ARRAY:
        locache_write_tag(writer, array->tag);
        locache_write_array(writer, 4);
        write_text(writer, array->type);
        write_extents(writer, array);
        locache_write_text(writer, &array->order, 1);
        break;
    default:
        locache_write_tag(writer,
                          array->order == 'F' ? LOCACHE_TAG_NDARRAY_F : LOCACHE_TAG_NDARRAY);
        locache_write_array(writer, 2);
        write_extents(writer, array);
        locache_write_tag(writer, array->tag);
        break;
    }
}

static void write_npscalar(locache_writer *writer, const char *type, const void *data, size_t size)
{
    locache_write_tag(writer, LOCACHE_TAG_SCALAR);
    locache_write_array(writer, 2);
    write_text(writer, type);
    locache_write_bytes(writer, data, size);
}

static const char native_order = PY_BIG_ENDIAN ? '>' : '<';

/* numpy.str_ and numpy.bytes_ are str and bytes: taken as such, since NumPy's own way drops NULs
 * from their ends. */
static lcpy_written write_npstring(locache_writer *writer, PyObject *scalar)
{
    char type[64];

    if (PyBytes_Check(scalar)) {
        snprintf(type, sizeof type, "|S%zd", PyBytes_GET_SIZE(scalar));
        write_npscalar(writer, type, PyBytes_AS_STRING(scalar), (size_t)PyBytes_GET_SIZE(scalar));
        return LCPY_DONE;
    }
    Py_UCS4 *text = PyUnicode_AsUCS4Copy(scalar);
    if (text == NULL)
        return LCPY_ERROR;
    snprintf(type, sizeof type, "%cU%zd", native_order, PyUnicode_GET_LENGTH(scalar));
    write_npscalar(writer, type, text, sizeof *text * (size_t)PyUnicode_GET_LENGTH(scalar));
    PyMem_Free(text);
    return LCPY_DONE;
}

/* Two classes share a type string where C has two integers of one size: the one that NumPy would
 * not give back. */
static bool is_second_class(PyObject *dtype)
{
    PyObject *code = PyObject_GetAttrString(dtype, "char");
    bool second = code != NULL && sizeof(long) == sizeof(long long) &&
                  (PyUnicode_CompareWithASCIIString(code, "q") == 0 ||
                   PyUnicode_CompareWithASCIIString(code, "Q") == 0);

    Py_XDECREF(code);
    PyErr_Clear();
    return second;
}

static lcpy_written write_number(locache_writer *writer, const char *type, PyObject *scalar)
{
    char copy[2 * sizeof(long double)];
    Py_buffer view;

    if (PyObject_GetBuffer(scalar, &view, PyBUF_SIMPLE) < 0)
        return LCPY_ERROR;
    if (has_padding(type) && (size_t)view.len <= sizeof copy) {
        memcpy(copy, view.buf, (size_t)view.len);
        clear_padding(type, copy, view.len);
        write_npscalar(writer, type, copy, (size_t)view.len);
    } else {
        write_npscalar(writer, type, view.buf, (size_t)view.len);
    }
    PyBuffer_Release(&view);
    return LCPY_DONE;
}

lcpy_written lcpy_npscalar_write(lcpy_state *state, locache_writer *writer, PyObject *scalar)
{
    char type[64];
    PyObject *dtype;
    lcpy_written result;

    (void)state;
    if (PyUnicode_Check(scalar) || PyBytes_Check(scalar))
        return write_npstring(writer, scalar);
    dtype = PyObject_GetAttrString(scalar, "dtype");
    result = dtype == NULL ? LCPY_ERROR : plain_type(type, dtype);
    if (result == LCPY_DONE && is_second_class(dtype))
        result = LCPY_NOT_EXACT;
    Py_XDECREF(dtype);
    return result == LCPY_DONE ? write_number(writer, type, scalar) : result;
}

/* -------------------------------------------------------------------------------------- reading */

/* An interrupt, a lack of memory or of NumPy say nothing of the content. */
static PyObject *bad(void)
{
    if (PyErr_Occurred() == NULL ||
        (PyErr_ExceptionMatches(PyExc_Exception) && !PyErr_ExceptionMatches(PyExc_MemoryError) &&
         !PyErr_ExceptionMatches(PyExc_ImportError)))
        PyErr_SetString(PyExc_ValueError, "no array as locache writes it");
    return NULL;
}

static bool take(locache_item *out, locache_reader *reader, locache_kind kind)
{
    return locache_read(out, reader) == LOCACHE_OK && out->kind == kind;
}

static bool take_array(locache_reader *reader, uint64_t count)
{
    locache_item item;

    return take(&item, reader, LOCACHE_ARRAY) && item.number == count;
}

/* A type string that names plain data: byte order, kind, size, for dates their unit. */
static bool take_type(char out[64], locache_reader *reader)
{
    locache_item item;
    size_t at = 2;

    if (!take(&item, reader, LOCACHE_TEXT) || item.size < 3 || item.size >= 64 ||
        memchr(item.data, 0, item.size) != NULL)
        return false;
    memcpy(out, item.data, item.size);
    out[item.size] = '\0';
    if (strchr("<>|", out[0]) == NULL || strchr("biufcSUVmM", out[1]) == NULL)
        return false;
    at += strspn(out + at, "0123456789");
    if (at == 2)
        return false;
    if (out[at] == '[' && (out[1] == 'm' || out[1] == 'M')) {
        at += 1 + strspn(out + at + 1,
                         "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/");
        at += out[at] == ']';
    }
    return out[at] == '\0';
}

/* An array's shape as read: the tuple, and how many elements that makes. */
typedef struct extents {
    PyObject *tuple; /* owned */
    uint64_t elements;
} extents;

/* False without extents where the content is bad or memory is short (with MemoryError). */
static bool take_shape(extents *out, locache_reader *reader)
{
    locache_item item;
    uint64_t product = 1;
    bool empty = false;

    *out = (extents){0};
    if (!take(&item, reader, LOCACHE_ARRAY) || item.number > LCPY_DIMENSIONS_MAX)
        return false;
    Py_ssize_t dimensions = (Py_ssize_t)item.number;
    out->tuple = PyTuple_New(dimensions);
    for (Py_ssize_t i = 0; out->tuple != NULL && i < dimensions; i++) {
        PyObject *extent = NULL;

        if (take(&item, reader, LOCACHE_UINT) && item.number <= PY_SSIZE_T_MAX) {
            empty = empty || item.number == 0;
            if (item.number == 0 || !__builtin_mul_overflow(product, item.number, &product))
                extent = PyLong_FromUnsignedLongLong(item.number);
        }
        if (extent == NULL)
            Py_CLEAR(out->tuple);
        else
            PyTuple_SET_ITEM(out->tuple, i, extent);
    }
    out->elements = empty ? 0 : product;
    return out->tuple != NULL && product <= PY_SSIZE_T_MAX;
}

/* numpy.dtype(type), where that is what the type's own string is. */
static PyObject *make_dtype(PyObject *numpy, const char *type)
{
    char again[64];
    PyObject *dtype = PyObject_CallMethod(numpy, "dtype", "s", type);

    if (dtype != NULL &&
        (!copy_text(again, sizeof again, dtype, "str") || strcmp(again, type) != 0))
        Py_CLEAR(dtype);
    return dtype != NULL ? dtype : bad();
}

/* The size of a buffer, or -1 with an exception. */
static Py_ssize_t size_of(PyObject *data)
{
    Py_buffer view;

    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return -1;
    PyBuffer_Release(&view);
    return view.len;
}

/* Do so many elements of this type fill exactly these bytes? */
static bool sizes_agree(PyObject *dtype, uint64_t elements, PyObject *data)
{
    PyObject *item_size = PyObject_GetAttrString(dtype, "itemsize");
    Py_ssize_t each = item_size == NULL ? -1 : PyLong_AsSsize_t(item_size);
    Py_ssize_t size = each > 0 ? size_of(data) : -1;
    uint64_t total;

    Py_XDECREF(item_size);
    return size >= 0 && !__builtin_mul_overflow((uint64_t)each, elements, &total) &&
           total == (uint64_t)size;
}

/* numpy.ndarray over `data`, whose size has been compared. */
static PyObject *make_array(PyObject *numpy, PyObject *dtype, const extents *shape, PyObject *data,
                            char order)
{
    PyObject *class = PyObject_GetAttrString(numpy, "ndarray");
    PyObject *arguments = Py_BuildValue("(OO)", shape->tuple, dtype);
    /* Without elements there is nothing to keep the buffer for. */
    PyObject *options = shape->elements == 0
                            ? Py_BuildValue("{s:C}", "order", order)
                            : Py_BuildValue("{s:C,s:O}", "order", order, "buffer", data);
    PyObject *array = NULL;

    if (class != NULL && arguments != NULL && options != NULL)
        array = PyObject_Call(class, arguments, options);
    Py_XDECREF(options);
    Py_XDECREF(arguments);
    Py_XDECREF(class);
    return array;
}

/* What is left of an array of this type: its bytes. Takes the shape. */
static PyObject *finish_array(locache_reader *reader, const char *type, extents *shape, char order,
                              lcpy_bytes_reader bytes, void *context)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *dtype = numpy == NULL ? NULL : make_dtype(numpy, type);
    PyObject *data = dtype == NULL ? NULL : bytes(context, reader);
    PyObject *array = NULL;

    if (data != NULL && sizes_agree(dtype, shape->elements, data))
        array = make_array(numpy, dtype, shape, data, order);
    if (data != NULL && array == NULL)
        bad();
    Py_XDECREF(data);
    Py_XDECREF(dtype);
    Py_XDECREF(numpy);
    Py_CLEAR(shape->tuple);
    return array;
}

/* [[extents], typed array] */
static PyObject *read_typed(locache_reader *reader, char order, lcpy_bytes_reader bytes,
                            void *context)
{
    extents shape = {0};
    locache_item item;
    char type[4];

    if (!take_array(reader, 2) || !take_shape(&shape, reader) ||
        !take(&item, reader, LOCACHE_TAG) || !typed_string(type, item.number)) {
        Py_XDECREF(shape.tuple);
        return bad();
    }
    return finish_array(reader, type, &shape, order, bytes, context);
}

/* A typed array alone: one dimension, as long as its bytes. */
static PyObject *read_flat(locache_reader *reader, uint64_t tag, lcpy_bytes_reader bytes,
                           void *context)
{
    char type[4];
    PyObject *numpy = NULL;
    PyObject *data = NULL;
    PyObject *array = NULL;
    extents shape = {0};

    if (!typed_string(type, tag))
        return bad();
    numpy = PyImport_ImportModule("numpy");
    PyObject *dtype = numpy == NULL ? NULL : make_dtype(numpy, type);
    data = dtype == NULL ? NULL : bytes(context, reader);
    if (data == NULL)
        goto done;
    Py_ssize_t size = size_of(data);
    if (size >= 0) {
        shape.elements = (uint64_t)size / (uint64_t)(type[2] - '0');
        shape.tuple = Py_BuildValue("(n)", (Py_ssize_t)shape.elements);
    }
    if (shape.tuple != NULL && sizes_agree(dtype, shape.elements, data))
        array = make_array(numpy, dtype, &shape, data, 'C');
    if (array == NULL)
        bad();
done:
    Py_XDECREF(shape.tuple);
    Py_XDECREF(data);
    Py_XDECREF(dtype);
    Py_XDECREF(numpy);
    return array;
}

/* [type string, [extents], "C" or "F", bytes] */
static PyObject *read_untyped(locache_reader *reader, lcpy_bytes_reader bytes, void *context)
{
    extents shape = {0};
    locache_item item;
    char type[64];

    if (!take_array(reader, 4) || !take_type(type, reader) || typed_tag(type) != 0 ||
        !take_shape(&shape, reader) || !take(&item, reader, LOCACHE_TEXT) || item.size != 1 ||
        (item.data[0] != 'C' && item.data[0] != 'F')) {
        Py_XDECREF(shape.tuple);
        return bad();
    }
    return finish_array(reader, type, &shape, (char)item.data[0], bytes, context);
}

/* [type code, bytes] */
static PyObject *read_pyarray(locache_reader *reader, lcpy_bytes_reader bytes, void *context)
{
    locache_item item;
    PyObject *module = NULL;
    PyObject *array = NULL;
    PyObject *data = NULL;
    PyObject *done = NULL;

    if (!take_array(reader, 2) || !take(&item, reader, LOCACHE_TEXT) || item.size != 1 ||
        strchr("bBuwhHiIlLqQfd", item.data[0]) == NULL)
        return bad();
    module = PyImport_ImportModule("array");
    data = module == NULL ? NULL : bytes(context, reader);
    if (data == NULL)
        goto done;
    array = PyObject_CallMethod(module, "array", "C", item.data[0]);
    done = array == NULL ? NULL : PyObject_CallMethod(array, "frombytes", "O", data);
    if (done == NULL) {
        Py_CLEAR(array);
        bad();
    }
    Py_XDECREF(done);
done:
    Py_XDECREF(data);
    Py_XDECREF(module);
    return array;
}

/* The value of numpy.str_ or numpy.bytes_. */
static PyObject *string_value(const char *type, const locache_item *bytes)
{
    char again[64];
    int order = type[0] == '>' ? 1 : -1;
    PyObject *value;

    if (type[1] == 'S') {
        snprintf(again, sizeof again, "|S%zu", bytes->size);
        value = PyBytes_FromStringAndSize((const char *)bytes->data, (Py_ssize_t)bytes->size);
    } else {
        snprintf(again, sizeof again, "%cU%zu", type[0] == '>' ? '>' : '<', bytes->size / 4);
        value = PyUnicode_DecodeUTF32((const char *)bytes->data, (Py_ssize_t)bytes->size,
                                      "surrogatepass", &order);
    }
    if (value != NULL && strcmp(again, type) != 0)
        Py_CLEAR(value);
    return value != NULL ? value : bad();
}

static PyObject *read_npstring(const char *type, const locache_item *bytes)
{
    PyObject *value = string_value(type, bytes);
    PyObject *numpy = value == NULL ? NULL : PyImport_ImportModule("numpy");
    PyObject *scalar =
        numpy == NULL ? NULL
                      : PyObject_CallMethod(numpy, type[1] == 'S' ? "bytes_" : "str_", "O", value);

    Py_XDECREF(numpy);
    Py_XDECREF(value);
    return scalar;
}

/* For finish_array(): the bytes of a scalar, which the reader is at. */
static PyObject *copy_inline(void *context, locache_reader *reader)
{
    locache_item item;

    (void)context;
    return take(&item, reader, LOCACHE_BYTES)
               ? PyByteArray_FromStringAndSize((const char *)item.data, (Py_ssize_t)item.size)
               : bad();
}

/* [type string, bytes] */
static PyObject *read_npscalar(locache_reader *reader)
{
    char type[64];
    locache_item item;
    extents none = {.elements = 1};

    if (!take_array(reader, 2) || !take_type(type, reader))
        return bad();
    if (type[1] == 'S' || type[1] == 'U')
        return take(&item, reader, LOCACHE_BYTES) ? read_npstring(type, &item) : bad();
    none.tuple = PyTuple_New(0);
    if (none.tuple == NULL)
        return NULL;
    PyObject *array = finish_array(reader, type, &none, 'C', copy_inline, NULL);
    PyObject *index = array == NULL ? NULL : PyTuple_New(0);
    PyObject *scalar = index == NULL ? NULL : PyObject_GetItem(array, index);

    Py_XDECREF(index);
    Py_XDECREF(array);
    return scalar;
}

PyObject *lcpy_array_read(lcpy_state *state, locache_reader *reader, uint64_t tag,
                          lcpy_bytes_reader bytes, void *context)
{
    (void)state;
    switch (tag) {
    case LOCACHE_TAG_NDARRAY:
        return read_typed(reader, 'C', bytes, context);
    case LOCACHE_TAG_NDARRAY_F:
        return read_typed(reader, 'F', bytes, context);
    case LOCACHE_TAG_ARRAY:
        return read_untyped(reader, bytes, context);
    case LOCACHE_TAG_PYARRAY:
        return read_pyarray(reader, bytes, context);
    case LOCACHE_TAG_SCALAR:
        return read_npscalar(reader);
    default:
        return read_flat(reader, tag, bytes, context);
    }
}
