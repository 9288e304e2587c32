/* Results by pickle.
 *
 * Names in pickles. A class that was made in a script pickles as "__main__.Point". When the entry
 * is read, another script may be __main__ and the first be imported as a module: "__main__" must
 * then be read as that module, or the class would be looked for in the wrong script. The other way
 * round, an entry written while foo was imported says "foo.Point"; when foo.py itself runs,
 * importing foo would run the script a second time, and that Point would be another class than
 * __main__.Point. So every body says what __main__ was called where it was written, and
 * find_class() translates. */
#include "result/pickle.h"

#include <string.h>

#include "plain/array.h"
#include "plain/compat.h"
#include "plain/names.h"
#include "result/pickler.h"

#define NAME_SIZE_MAX 255 /* what a length byte holds */

/* What __main__ would be imported as; "__main__" itself where it cannot be. */
static PyObject *main_import_name(lcpy_state *state)
{
    PyObject *main_text = PyUnicode_FromString("__main__");
    PyObject *name = main_text == NULL ? NULL : lcpy_names_module(state, main_text);
    Py_XDECREF(main_text);
    return name;
}

/* -------------------------------------------------------------------------------------- writing */

/* The buffer_callback of pickle.dumps(): false takes a buffer out of line, true leaves it in the
 * pickle. */
static PyObject *collect(PyObject *collected, PyObject *pickle_buffer)
{
    const Py_buffer *view = PyPickleBuffer_GetBuffer(pickle_buffer);
    if (view == NULL)
        return NULL;
    if (view->len < LCPY_OUT_OF_LINE || !PyBuffer_IsContiguous(view, 'A') ||
        PyList_GET_SIZE(collected) >= LCPY_BUFFERS_MAX)
        Py_RETURN_TRUE;
    if (PyList_Append(collected, pickle_buffer) < 0)
        return NULL;
    Py_RETURN_FALSE;
}

static PyMethodDef collect_method = {"collect", collect, METH_O, NULL};

static PyObject *dump(lcpy_state *state, PyObject *value, PyObject *collected)
{
    PyObject *callback = PyCFunction_New(&collect_method, collected);
    PyObject *pickled = callback != NULL ? lcpy_pickler_dump(state, value, callback) : NULL;
    Py_XDECREF(callback);
    return pickled;
}

/* Append the trailer (pickle.h). */
static int add_main_name(lcpy_state *state, PyObject **pickled)
{
    int added = -1;
    Py_ssize_t size = 0;
    PyObject *name = main_import_name(state);
    const char *text = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, &size);
    /* A file may be called by any bytes. */
    if (name != NULL && text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        PyErr_Clear();
        text = "";
        size = 0; /* -1 from Python 3.13 on */
    }
    if (text != NULL) {
        if (size > NAME_SIZE_MAX)
            size = 0;
        const unsigned char length = (unsigned char)size;
        PyObject *trailer = PyBytes_FromStringAndSize(NULL, size + 1);
        if (trailer != NULL) {
            memcpy(PyBytes_AS_STRING(trailer), text, (size_t)size);
            memcpy(PyBytes_AS_STRING(trailer) + size, &length, 1);
        }
        PyBytes_ConcatAndDel(pickled, trailer); /* in place, since nobody else holds *pickled */
        added = *pickled == NULL ? -1 : 0;
    }
    Py_XDECREF(name);
    return added;
}

static int take_buffers(lcpy_encoded *out, PyObject *collected)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(collected); i++) {
        Py_buffer view;
        if (PyObject_GetBuffer(PyList_GET_ITEM(collected, i), &view, PyBUF_FULL_RO) < 0 ||
            lcpy_encoded_add(out, &view) < 0)
            return -1;
    }
    return 0;
}

int lcpy_pickle_encode(lcpy_state *state, lcpy_encoded *out, PyObject *value)
{
    PyObject *collected = PyList_New(0);
    PyObject *pickled = collected == NULL ? NULL : dump(state, value, collected);
    if (pickled != NULL && add_main_name(state, &pickled) == 0 &&
        take_buffers(out, collected) == 0) {
        size_t size = (size_t)PyBytes_GET_SIZE(pickled);
        out->codec = LOCACHE_CODEC_PICKLE;
        out->arrays = true;
        out->pickled = Py_NewRef(pickled);
        /* Full from the start: a pickle may be as large as memory allows and is not copied. */
        locache_cbor_writer_init(&out->body, PyBytes_AS_STRING(pickled), size);
        out->body.length = size;
    }
    Py_XDECREF(pickled);
    Py_XDECREF(collected);
    return out->pickled == NULL ? -1 : 0;
}

/* -------------------------------------------------------------------------------------- reading */

/* What an unpickler of ours has beyond pickle.Unpickler, whose size is known at run time only: it
 * lies behind. Borrowed from lcpy_pickle_decode(), all NULL outside it. */
typedef struct context {
    lcpy_state *state;
    PyObject *module; /* __name__ of the function's module; "" where it has none */
    /* import name of __main__ where the entry was written; "" where unknown */
    PyObject *written_main;
    bool mapped; /* buffers lie in a mapped file */
} context;

static size_t context_offset(PyTypeObject *unpickler)
{
    const size_t align = _Alignof(context);
    return ((size_t)unpickler->tp_basicsize + align - 1) / align * align;
}

static context *context_of(PyObject *self)
{
    return (context *)(void *)((char *)self + context_offset(Py_TYPE(self)->tp_base));
}

/* Under multiprocessing's spawn, a child has the parent's script as __mp_main__, and as __main__
 * too. */
static bool is_main(PyObject *name)
{
    return PyUnicode_CompareWithASCIIString(name, "__main__") == 0 ||
           PyUnicode_CompareWithASCIIString(name, "__mp_main__") == 0;
}

/* Is `module` "package.stem"? A script in a package that is run by its path knows itself by its
 * stem only. */
static int ends_with_stem(PyObject *module, PyObject *stem)
{
    PyObject *suffix = PyUnicode_FromFormat(".%U", stem);
    if (suffix == NULL)
        return -1;
    Py_ssize_t found = PyUnicode_Tailmatch(module, suffix, 0, PY_SSIZE_T_MAX, 1);
    Py_DECREF(suffix);
    return (int)found;
}

static int is_imported(PyObject *name)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    return PySequence_Contains(modules, name);
}

/* What "__main__" meant where the entry was written, by the name that it has when imported. New
 * reference. */
static PyObject *meant_by_main(const context *given)
{
    PyObject *written = given->written_main;
    /* typed in, or a notebook: it is __main__ again */
    if (PyUnicode_GET_LENGTH(written) == 0 || is_main(written))
        return PyUnicode_FromString("__main__");
    if (is_main(given->module))
        return Py_NewRef(written);
    int of_function = ends_with_stem(given->module, written);
    if (of_function < 0)
        return NULL;
    return Py_NewRef(of_function ? given->module : written);
}

/* A module that is not __main__, as this version of Python has it. New reference. */
static PyObject *meant_by(lcpy_state *state, PyObject *named)
{
    return LCPY_HAS_PATHLIB_LOCAL ? Py_NewRef(named) : lcpy_names_module(state, named);
}

/* The module to look in now, for one that a pickle names. New reference. */
static PyObject *module_now(const context *given, PyObject *named)
{
    PyObject *now = NULL;
    PyObject *meant = is_main(named) ? meant_by_main(given) : meant_by(given->state, named);
    PyObject *running = meant == NULL ? NULL : main_import_name(given->state);
    int imported = running == NULL ? -1 : is_imported(meant);
    if (imported < 0)
        goto done;
    if (PyUnicode_Compare(meant, running) == 0 && (is_main(given->module) || !imported)) {
        now = PyUnicode_FromString("__main__");
    } else if (is_main(named) && !imported && PyUnicode_Compare(meant, given->module) != 0) {
        /* Another script: to import it would run it. */
        PyErr_Format(PyExc_ModuleNotFoundError,
                     "the result needs a class of the script '%U', which is not running", meant);
    } else {
        now = Py_NewRef(meant);
    }
done:
    Py_XDECREF(meant);
    Py_XDECREF(running);
    return now;
}

/* numpy's _frombuffer(), which makes an array over the memory that it is given. Arrays that lie in
 * a mapped file keep it so; what was read is copied, so that the array owns it and can be resized.
 * `self` is the function, and whether buffers are mapped. */
static PyObject *make_own_array(PyObject *self, PyObject *arguments)
{
    PyObject *array = PyObject_CallObject(PyTuple_GET_ITEM(self, 0), arguments);
    PyObject *memory = PyTuple_GET_SIZE(arguments) > 0 ? PyTuple_GET_ITEM(arguments, 0) : Py_None;
    bool within = PyBytes_Check(memory) || PyByteArray_Check(memory);
    if (array == NULL || (!within && PyTuple_GET_ITEM(self, 1) == Py_True))
        return array;
    int readonly = lcpy_array_is_readonly(array);
    PyObject *copy = readonly < 0 ? NULL : PyObject_CallMethod(array, "copy", "s", "A");
    if (copy != NULL && readonly > 0 && lcpy_array_make_readonly(copy) < 0)
        Py_CLEAR(copy);
    Py_DECREF(array);
    return copy;
}

static PyMethodDef own_array_method = {"_frombuffer", make_own_array, METH_VARARGS, NULL};

/* What was found, with _frombuffer() in our own way. Takes the reference. */
static PyObject *own_way(const context *given, PyObject *named, PyObject *name, PyObject *found)
{
    if (found == NULL || PyUnicode_CompareWithASCIIString(name, "_frombuffer") != 0 ||
        (PyUnicode_CompareWithASCIIString(named, "numpy.core.numeric") != 0 &&
         PyUnicode_CompareWithASCIIString(named, "numpy._core.numeric") != 0))
        return found;
    PyObject *self = Py_BuildValue("(NO)", found, given->mapped ? Py_True : Py_False);
    PyObject *function = self != NULL ? PyCFunction_New(&own_array_method, self) : NULL;
    Py_XDECREF(self);
    return function;
}

static PyObject *find_class(PyObject *self, PyObject *arguments)
{
    PyObject *named;
    PyObject *name;
    if (!PyArg_ParseTuple(arguments, "UU:find_class", &named, &name))
        return NULL;
    const context *given = context_of(self);
    PyObject *module = given->state == NULL ? Py_NewRef(named) : module_now(given, named);
    if (module == NULL)
        return NULL;
    PyObject *found = PyObject_CallMethod((PyObject *)Py_TYPE(self)->tp_base, "find_class", "OOO",
                                          self, module, name);
    Py_DECREF(module);
    return own_way(given, named, name, found);
}

static PyMethodDef unpickler_methods[] = {
    {"find_class", find_class, METH_VARARGS,
     "Find a class or function by the name that a pickle has for it."},
    {NULL, NULL, 0, NULL},
};

/* The subclass of pickle.Unpickler, made at the first need: pickle is not imported before.
 * Borrowed. */
static PyTypeObject *unpickler_type(lcpy_state *state)
{
    if (state->unpickler_type != NULL)
        return state->unpickler_type;
    PyType_Slot slots[] = {
        {Py_tp_doc, "Unpickler of results."},
        {Py_tp_methods, unpickler_methods},
        {0, NULL},
    };
    PyObject *base = lcpy_pickler_attribute(state, "Unpickler");
    if (base == NULL)
        return NULL;
    if (!PyType_Check(base)) {
        PyErr_SetString(PyExc_TypeError, "pickle.Unpickler is no class");
    } else {
        PyType_Spec spec = {
            .name = "locache._core.Unpickler",
            .basicsize = (int)(context_offset((PyTypeObject *)base) + sizeof(context)),
            .flags = Py_TPFLAGS_DEFAULT,
            .slots = slots,
        };
        state->unpickler_type = (PyTypeObject *)PyType_FromSpecWithBases(&spec, base);
    }
    Py_DECREF(base);
    return state->unpickler_type;
}

/* io.BytesIO over the pickle. It copies, once; the pickle's own buffers are out of line. */
static PyObject *open_stream(lcpy_state *state, lcpy_owner *owner, void *body, size_t size)
{
    PyObject *stream = NULL;
    PyObject *memory = lcpy_buffer_new(state, owner, body, size);
    PyObject *io = memory == NULL ? NULL : PyImport_ImportModule("io");
    if (io != NULL)
        stream = PyObject_CallMethod(io, "BytesIO", "O", memory);
    Py_XDECREF(io);
    Py_XDECREF(memory);
    return stream;
}

static PyObject *open_buffers(lcpy_state *state, lcpy_owner *owner)
{
    size_t count = locache_value_buffer_count(owner->value);
    PyObject *buffers = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; i < count && buffers != NULL; i++) {
        PyObject *buffer = lcpy_buffer_nth(state, owner, i);
        if (buffer == NULL)
            Py_CLEAR(buffers);
        else
            PyList_SET_ITEM(buffers, (Py_ssize_t)i, buffer);
    }
    return buffers;
}

/* Unpickler(stream, buffers=buffers) */
static PyObject *make_unpickler(lcpy_state *state, PyObject *stream, PyObject *buffers)
{
    PyTypeObject *type = unpickler_type(state);
    PyObject *arguments = type == NULL ? NULL : Py_BuildValue("(O)", stream);
    PyObject *keywords = arguments == NULL ? NULL : Py_BuildValue("{sO}", "buffers", buffers);
    PyObject *unpickler =
        keywords == NULL ? NULL : PyObject_Call((PyObject *)type, arguments, keywords);
    Py_XDECREF(keywords);
    Py_XDECREF(arguments);
    return unpickler;
}

static PyObject *load(PyObject *unpickler, const context *told)
{
    context *given = context_of(unpickler);
    *given = *told;
    PyObject *value = PyObject_CallMethod(unpickler, "load", NULL);
    *given = (context){0};
    return value;
}

PyObject *lcpy_pickle_decode(lcpy_state *state, lcpy_owner *owner, PyObject *module)
{
    size_t size;
    unsigned char *body = (unsigned char *)(uintptr_t)locache_value_body(&size, owner->value);
    size_t name_size = size > 0 ? body[size - 1] : 0;
    if (size < name_size + 1) {
        PyErr_SetString(PyExc_ValueError, "malformed entry: no pickle");
        return NULL;
    }
    size_t pickle_size = size - 1 - name_size;
    PyObject *value = NULL;
    PyObject *unpickler = NULL;
    PyObject *written_main =
        PyUnicode_DecodeUTF8((const char *)body + pickle_size, (Py_ssize_t)name_size, "strict");
    PyObject *stream = written_main == NULL ? NULL : open_stream(state, owner, body, pickle_size);
    PyObject *buffers = stream == NULL ? NULL : open_buffers(state, owner);
    if (buffers != NULL)
        unpickler = make_unpickler(state, stream, buffers);
    PyObject *known = PyUnicode_Check(module) ? Py_NewRef(module) : PyUnicode_FromString("");
    if (unpickler != NULL && known != NULL)
        value = load(unpickler, &(context){.state = state,
                                           .module = known,
                                           .written_main = written_main,
                                           .mapped = locache_value_mapped(owner->value)});
    Py_XDECREF(known);
    Py_XDECREF(unpickler);
    Py_XDECREF(buffers);
    Py_XDECREF(stream);
    Py_XDECREF(written_main);
    return value;
}
