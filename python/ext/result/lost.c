/* What pickle would lose of an object.
 *
 * A class that is made in C, and one whose author wrote a __reduce__, say how they are made again,
 * and know nothing of what a subclass adds: an attribute of an instance of one's own subclass of
 * Decimal, datetime, Path, Counter or numpy.ndarray is not in the pickle, and the object comes back
 * without it. Such an object is found out here: it has attributes, its reduction is inherited, and
 * neither the reduction nor the object that it makes has them. */
#include "result/lost.h"

#include <string.h>

#include "plain/array.h"
#include "plain/names.h"
#include "plain/types.h"
#include "result/arrow_frame.h"
#include "result/contents.h"
#include "result/layout.h"
#include "result/result.h"

/* ------------------------------------------------------------------------------------ the class */

/* The class that defines a method, as far as it was made by a class statement or its like; NULL
 * where a class of C's own does, which `object` is too. Borrowed. */
static PyTypeObject *definer_of(PyTypeObject *type, const char *method)
{
    PyObject *order = type->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(order); i++) {
        PyTypeObject *class = (PyTypeObject *)PyTuple_GET_ITEM(order, i);
        if (PyType_HasFeature(class, Py_TPFLAGS_HEAPTYPE) &&
            PyDict_GetItemString(class->tp_dict, method) != NULL)
            return class;
    }
    return NULL;
}

/* Does the class have object's own method? */
static bool has_default(PyTypeObject *type, const char *method)
{
    PyObject *own = PyObject_GetAttrString((PyObject *)type, method);
    PyObject *of_object = PyObject_GetAttrString((PyObject *)&PyBaseObject_Type, method);
    bool same = own == of_object; /* both NULL: before 3.11 object has no __getstate__ */
    PyErr_Clear();
    Py_XDECREF(own);
    Py_XDECREF(of_object);
    return same;
}

/* The first part of a module's name: the library that a class is of. */
static PyObject *library_of(PyTypeObject *type)
{
    PyObject *module = PyObject_GetAttrString((PyObject *)type, "__module__");
    PyObject *library = NULL;
    if (module != NULL && PyUnicode_Check(module)) {
        Py_ssize_t size = PyUnicode_GET_LENGTH(module);
        Py_ssize_t dot = PyUnicode_FindChar(module, '.', 0, size, 1);
        library = PyUnicode_Substring(module, 0, dot < 0 ? size : dot);
    }
    PyErr_Clear();
    Py_XDECREF(module);
    return library;
}

/* Classes of one library know each other: what they leave out is left out on purpose. */
static bool same_library(PyTypeObject *a, PyTypeObject *b)
{
    PyObject *one = library_of(a);
    PyObject *other = library_of(b);
    bool same = one != NULL && other != NULL && PyUnicode_Compare(one, other) == 0;
    Py_XDECREF(one);
    Py_XDECREF(other);
    return same;
}

/* The class of C's own that a class derives from, before object. */
static PyTypeObject *base_in_c(PyTypeObject *type)
{
    while (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && type->tp_base != NULL)
        type = type->tp_base;
    return type;
}

/* How much is to be asked of a reduction. */
typedef enum doubt { NO_DOUBT, DOUBT_PUBLIC, DOUBT_ALL } doubt;

/* *author: whoever made the reduction that the class inherits. Where that is a class of Python, the
 * attributes with an underscore are its own to leave out. */
static doubt doubt_of(PyTypeObject *type, PyTypeObject **author)
{
    const char *const methods[] = {"__reduce_ex__", "__reduce__", "__getstate__"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (has_default(type, methods[i]))
            continue;
        *author = definer_of(type, methods[i]);
        if (*author != NULL)
            return *author == type || same_library(*author, type) ? NO_DOUBT : DOUBT_PUBLIC;
        *author = base_in_c(type);
        return same_library(*author, type) ? NO_DOUBT : DOUBT_ALL;
    }
    return NO_DOUBT; /* object's own takes __dict__ and slots along */
}

/* ------------------------------------------------------------------------------- the attributes */

static int add_slot(PyObject *attributes, PyObject *object, PyObject *name, PyObject *descriptor)
{
    PyObject *value = NULL;
    int status = 0;
    if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type))
        return 0;
    value = Py_TYPE(descriptor)->tp_descr_get(descriptor, object, (PyObject *)Py_TYPE(object));
    if (value == NULL)
        PyErr_Clear(); /* nothing was assigned */
    else
        status = PyDict_SetItem(attributes, name, value);
    Py_XDECREF(value);
    return status;
}

/* The slots of the classes that come before the author of the reduction. */
static int add_slots(PyObject *attributes, PyObject *object, const PyTypeObject *author)
{
    PyObject *order = Py_TYPE(object)->tp_mro;
    int status = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(order) && status == 0; i++) {
        PyTypeObject *class = (PyTypeObject *)PyTuple_GET_ITEM(order, i);
        if (class == author)
            break;
        if (!PyType_HasFeature(class, Py_TPFLAGS_HEAPTYPE) ||
            PyDict_GetItemString(class->tp_dict, "__slots__") == NULL)
            continue;
        Py_ssize_t at = 0;
        PyObject *name;
        PyObject *member;
        while (status == 0 && PyDict_Next(class->tp_dict, &at, &name, &member))
            status = add_slot(attributes, object, name, member);
    }
    return status;
}

/* What the instance has of its own: a new dict, or NULL with an exception. */
static PyObject *own_attributes(PyObject *object, const PyTypeObject *author)
{
    PyObject *attributes = PyDict_New();
    PyObject *dict = NULL;
    if (attributes == NULL)
        return NULL;
    if (Py_TYPE(object)->tp_dictoffset != 0) {
        dict = PyObject_GenericGetDict(object, NULL);
        if (dict == NULL || PyDict_Update(attributes, dict) < 0)
            Py_CLEAR(attributes);
        Py_XDECREF(dict);
    }
    if (attributes != NULL && add_slots(attributes, object, author) < 0)
        Py_CLEAR(attributes);
    return attributes;
}

/* ------------------------------------------------------------------------------------ the parts */

/* Is this one object wherever it is named? That a reduction has a 3 says nothing of an attribute
 * that is 3: it may be the length of an array. */
static bool is_shared(PyObject *value)
{
    return value == Py_None || PyLong_Check(value) || PyUnicode_Check(value) ||
           PyBytes_Check(value) || PyType_Check(value) ||
           (PyTuple_Check(value) && PyTuple_GET_SIZE(value) == 0);
}

/* Is it there, by name or as the object that it is? In what a reduction consists of: a state is a
 * dict, or a tuple with one in it. Name NULL: a dict among arguments is the object's items. */
static bool holds(PyObject *part, PyObject *name, PyObject *value, int depth)
{
    if (part == value && !is_shared(value))
        return true;
    if (PyDict_Check(part) && name != NULL) {
        bool found = PyDict_GetItemWithError(part, name) != NULL;
        PyErr_Clear();
        return found;
    }
    if (!PyTuple_Check(part) || depth == 0)
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(part); i++)
        if (holds(PyTuple_GET_ITEM(part, i), name, value, depth - 1))
            return true;
    return false;
}

static bool is_private(PyObject *name)
{
    return !PyUnicode_Check(name) || PyUnicode_GET_LENGTH(name) == 0 ||
           PyUnicode_READ_CHAR(name, 0) == '_';
}

/* Take those that the reduction accounts for out of `attributes`. */
static int drop_held(PyObject *attributes, PyObject *reduction, doubt how)
{
    PyObject *names = PyDict_Keys(attributes);
    int status = names == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        PyObject *value = PyDict_GetItemWithError(attributes, name);
        bool held = value == NULL || (how == DOUBT_PUBLIC && is_private(name));
        for (Py_ssize_t part = 1; part < 3 && part < PyTuple_GET_SIZE(reduction) && !held; part++)
            held = holds(PyTuple_GET_ITEM(reduction, part), part == 2 ? name : NULL, value, 2);
        if (held)
            status = PyDict_DelItem(attributes, name);
    }
    Py_XDECREF(names);
    return status;
}

static bool has_state(PyObject *reduction)
{
    return PyTuple_GET_SIZE(reduction) > 2 && PyTuple_GET_ITEM(reduction, 2) != Py_None;
}

/* The object that pickle makes of a reduction, as far as its attributes go; where its class has no
 * __setstate__ the state is a dict, which names them (holds()). NULL with an exception. */
static PyObject *make_again(PyObject *reduction)
{
    PyObject *made =
        PyObject_CallObject(PyTuple_GET_ITEM(reduction, 0), PyTuple_GET_ITEM(reduction, 1));
    if (made == NULL || !has_state(reduction) || !PyObject_HasAttrString(made, "__setstate__"))
        return made;
    PyObject *state = PyTuple_GET_ITEM(reduction, 2);
    PyObject *done = PyObject_CallMethod(made, "__setstate__", "(O)", state);
    if (done == NULL)
        Py_CLEAR(made);
    Py_XDECREF(done);
    return made;
}

/* Those that the object has too that the reduction makes: what __init__ computes. */
static int drop_made_again(PyObject *attributes, PyObject *reduction, const PyTypeObject *author)
{
    PyObject *made = make_again(reduction);
    PyObject *again = made != NULL ? own_attributes(made, author) : NULL;
    PyObject *names = again != NULL ? PyDict_Keys(attributes) : NULL;
    int status = names == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        PyObject *value = PyDict_GetItemWithError(attributes, name);
        PyObject *other = PyDict_GetItemWithError(again, name);
        int same =
            value == NULL || other == NULL ? 0 : PyObject_RichCompareBool(value, other, Py_EQ);
        if (same < 0)
            PyErr_Clear(); /* as arrays: what it has is likely the same */
        if (same != 0)
            status = PyDict_DelItem(attributes, name);
    }
    Py_XDECREF(names);
    Py_XDECREF(again);
    Py_XDECREF(made);
    return status;
}

/* One of them, for the message. Always -1, with TypeError. */
static int refuse_lost(PyObject *object, PyObject *attributes)
{
    Py_ssize_t at = 0;
    PyObject *name = NULL;
    PyObject *value;
    (void)PyDict_Next(attributes, &at, &name, &value);
    PyErr_Format(PyExc_TypeError,
                 "the attribute %R of a '%.200s' object would be lost, since the class inherits a "
                 "__reduce__ that knows nothing of it; give the class one of its own",
                 name, Py_TYPE(object)->tp_name);
    return -1;
}

/* 0 where all that the instance has comes back, -1 with an exception. */
static int check_reduction(PyObject *object, PyObject *attributes, PyObject *reduction,
                           const PyTypeObject *author, doubt how)
{
    if (!PyTuple_Check(reduction) || PyTuple_GET_SIZE(reduction) < 2 ||
        !PyTuple_Check(PyTuple_GET_ITEM(reduction, 1)))
        return 0; /* a name; or pickle says what is wrong */
    if (drop_held(attributes, reduction, how) < 0)
        return -1;
    if (PyDict_GET_SIZE(attributes) > 0 && drop_made_again(attributes, reduction, author) < 0 &&
        !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear(); /* what cannot be made again is lost for sure */
    return PyDict_GET_SIZE(attributes) == 0 ? 0 : refuse_lost(object, attributes);
}

static bool has_registered_reducer(PyTypeObject *type)
{
    PyObject *table = lcpy_names_loaded("copyreg", "dispatch_table");
    bool found = table != NULL && PyDict_CheckExact(table) &&
                 PyDict_GetItemWithError(table, (PyObject *)type) != NULL;
    PyErr_Clear();
    return found;
}

/* -------------------------------------------------------------------------------- by their name */

/* Does nothing tell instances of this class apart but what they hold and which they are? */
static bool is_told_by_identity(PyTypeObject *type)
{
    static const char *const methods[] = {"__reduce_ex__",  "__reduce__",        "__getstate__",
                                          "__getnewargs__", "__getnewargs_ex__", "__eq__"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (!has_default(type, methods[i]))
            return false;
    return base_in_c(type) == &PyBaseObject_Type;
}

/* A sentinel, as `MISSING = _Missing()`, is asked for with `is`: it has no state, so that nothing
 * else is to be asked of it. It comes back as the one that its module has. */
static PyObject *reduce_sentinel(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *dict = type->tp_dictoffset != 0 ? PyObject_GenericGetDict(object, NULL) : NULL;
    bool empty = dict == NULL || PyDict_GET_SIZE(dict) == 0; /* mostly not: then all is said */
    PyObject *slots = empty && is_told_by_identity(type) ? own_attributes(object, NULL) : NULL;
    PyObject *name =
        slots != NULL && PyDict_GET_SIZE(slots) == 0 ? lcpy_names_in_module(object) : NULL;
    Py_XDECREF(slots);
    Py_XDECREF(dict);
    PyErr_Clear();
    return name != NULL ? name : Py_NewRef(Py_NotImplemented);
}

static PyObject *reduce_instance(PyObject *object)
{
    PyTypeObject *author = NULL;
    doubt how = doubt_of(Py_TYPE(object), &author);
    if (how == NO_DOUBT)
        return reduce_sentinel(object);
    PyObject *attributes = own_attributes(object, author);
    if (attributes == NULL)
        return NULL;
    PyObject *reduction = NULL;
    if (PyDict_GET_SIZE(attributes) == 0) {
        reduction = Py_NewRef(Py_NotImplemented);
    } else {
        reduction = PyObject_CallMethod(object, "__reduce_ex__", "i", 5);
        if (reduction != NULL && check_reduction(object, attributes, reduction, author, how) < 0)
            Py_CLEAR(reduction);
    }
    Py_DECREF(attributes);
    return reduction;
}

/* --------------------------------------------------------------------------------------- arrays */

/* A view that repeats its memory, in a pickle as elsewhere (encode.c). */
static int refuse_expanded(PyObject *array)
{
    Py_buffer view;
    if (PyObject_GetBuffer(array, &view, PyBUF_STRIDES) < 0) {
        PyErr_Clear();
        return 0;
    }
    const lcpy_padding none = {0};
    lcpy_strided bytes;
    lcpy_strided_of(&bytes, &view, none);
    bool expanded = lcpy_expanded(view.len, &bytes);
    PyBuffer_Release(&view);
    if (expanded)
        PyErr_SetString(PyExc_TypeError, "an array that is a view which shows the same memory many "
                                         "times over would take far more than it does now; return "
                                         "what it is a view of");
    return expanded ? -1 : 0;
}

/* (locache._core._read_only, (a copy that can be written to,)). NumPy's own reduction says it where
 * it has a buffer, that is of contiguous arrays without objects. */
static PyObject *reduce_readonly(PyObject *array)
{
    PyObject *module = PyImport_ImportModule("locache._core");
    PyObject *restore = module == NULL ? NULL : PyObject_GetAttrString(module, "_read_only");
    PyObject *copy = restore == NULL ? NULL : PyObject_CallMethod(array, "copy", "s", "K");
    PyObject *reduction = copy == NULL ? NULL : Py_BuildValue("(O(O))", restore, copy);
    Py_XDECREF(copy);
    Py_XDECREF(restore);
    Py_XDECREF(module);
    return reduction;
}

/* 1 where the array's memory goes into a pickle as a buffer, 0 where not, -1 with an exception. */
static int goes_by_buffer(PyObject *array)
{
    Py_buffer view;
    /* NumPy asks for the format, too, which dates do not have. */
    if (PyObject_GetBuffer(array, &view, PyBUF_ANY_CONTIGUOUS | PyBUF_FORMAT) < 0) {
        PyErr_Clear();
        return 0;
    }
    PyBuffer_Release(&view);
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    PyObject *objects = dtype == NULL ? NULL : PyObject_GetAttrString(dtype, "hasobject");
    int has_objects = objects == NULL ? -1 : PyObject_IsTrue(objects);
    Py_XDECREF(objects);
    Py_XDECREF(dtype);
    return has_objects < 0 ? -1 : !has_objects;
}

static PyObject *reduce_array(PyObject *array)
{
    if (refuse_expanded(array) < 0)
        return NULL;
    int readonly = lcpy_array_is_readonly(array);
    int unkept = readonly < 0 ? -1 : lcpy_layout_is_lost(array);
    if (unkept != 0)
        return unkept < 0 ? NULL : lcpy_layout_reduce(array, readonly);
    int by_buffer = readonly > 0 ? goes_by_buffer(array) : 1;
    if (by_buffer < 0)
        return NULL;
    return by_buffer ? Py_NewRef(Py_NotImplemented) : reduce_readonly(array);
}

PyObject *lcpy_lost_read_only(PyObject *module, PyObject *array)
{
    (void)module;
    if (lcpy_array_make_readonly(array) < 0)
        return NULL;
    return Py_NewRef(array);
}

/* NumPy's reduction of a masked array has all but whether the mask is a hard one. */
static int refuse_hard_mask(PyObject *object)
{
    if (!lcpy_names_is_of(object, "numpy.ma", "MaskedArray"))
        return 0;
    PyObject *hard = PyObject_GetAttrString(object, "hardmask");
    int is_hard = hard != NULL ? PyObject_IsTrue(hard) : -1;
    Py_XDECREF(hard);
    if (is_hard > 0)
        PyErr_SetString(PyExc_TypeError, "a masked array's hard mask would be lost, which NumPy "
                                         "leaves out of what it pickles; harden it after the call");
    return is_hard == 0 ? 0 : -1;
}

static int refuse_cause(PyObject *object)
{
    PyObject *cause = PyExceptionInstance_Check(object) ? PyException_GetCause(object) : NULL;
    if (cause == NULL)
        return 0;
    Py_DECREF(cause);
    PyErr_SetString(PyExc_TypeError, "what an exception was raised from, its __cause__, would be "
                                     "lost, since pickle leaves it out; return that beside it");
    return -1;
}

PyObject *lcpy_lost_reduce(lcpy_state *state, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyBaseObject_Type) {
        PyErr_SetString(PyExc_TypeError, "a bare object() would come back as another one, which "
                                         "'is' not the same; return None or a member of an enum");
        return NULL;
    }
    if (lcpy_types_classify(state, type) == LCPY_NDARRAY)
        return reduce_array(object);
    if (refuse_cause(object) < 0)
        return NULL;
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) || PyType_Check(object))
        return Py_NewRef(Py_NotImplemented);
    if (refuse_hard_mask(object) < 0)
        return NULL;
    PyObject *reduction = lcpy_arrow_frame_reduce(state, object);
    if (reduction != NULL || PyErr_Occurred() != NULL)
        return reduction;
    if (has_registered_reducer(type))
        return Py_NewRef(Py_NotImplemented);
    return lcpy_contents_check(object) < 0 ? NULL : reduce_instance(object);
}
