/* Containers of the user's own classes, whose methods may show or take something else than they
 * hold.
 *
 * pickle reads a subclass of list, dict, set, tuple or deque by the class's own __iter__() or
 * items(), and fills it by its own extend(), __setitem__() or __new__(). What the one leaves out
 * and the other changes is lost. Nothing tells that from the code of such methods, most of which do
 * no harm: so the object is made again here, of the same items, as pickle would make it, and is to
 * hold them. */
#include "result/contents.h"

#include <string.h>

#include "plain/types.h"

#define METHODS_MAX 5

/* The methods of a class that pickle goes through. */
typedef struct ways {
    const char *methods[METHODS_MAX];
} ways;

static const ways of_list = {{"__iter__", "extend"}};
static const ways of_dict = {
    {"items", "__setitem__", "__iter__"}}; /* dict(self), as Counter does */
static const ways of_set = {{"__iter__", "__new__", "__init__"}};
static const ways of_tuple = {{"__iter__", "__new__", "__getnewargs__", "__getnewargs_ex__"}};
static const ways of_deque = {{"__iter__", "extend", "__new__", "__init__"}};
static const ways of_pickle = {{"__reduce_ex__", "__reduce__"}};

static const ways *ways_of(PyObject *object, const PyTypeObject *base)
{
    if (PyList_Check(object))
        return &of_list;
    if (PyDict_Check(object))
        return &of_dict;
    if (PyAnySet_Check(object))
        return &of_set;
    if (PyTuple_Check(object))
        return &of_tuple;
    return strcmp(base->tp_name, "collections.deque") == 0 ? &of_deque : NULL;
}

/* Is it Counter or OrderedDict, or what namedtuple() made? These give what they hold. */
static bool is_of_collections(PyTypeObject *class)
{
    PyObject *module = PyDict_GetItemString(class->tp_dict, "__module__");
    if (PyDict_GetItemString(class->tp_dict, "_fields") != NULL)
        return true;
    return module != NULL && PyUnicode_Check(module) &&
           PyUnicode_CompareWithASCIIString(module, "collections") == 0;
}

/* The first of the methods that a class of the user's defines, or NULL. */
static const char *own_method(PyTypeObject *type, const ways *through)
{
    PyObject *order = type->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(order); i++) {
        PyTypeObject *class = (PyTypeObject *)PyTuple_GET_ITEM(order, i);
        if (lcpy_types_is_of_c(class))
            continue;
        bool plain = is_of_collections(class);
        for (size_t m = 0; m < METHODS_MAX && through->methods[m] != NULL; m++) {
            const char *method = through->methods[m];
            if (PyDict_GetItemString(class->tp_dict, method) != NULL &&
                (!plain || strcmp(method, "__iter__") == 0))
                return method;
        }
    }
    return NULL;
}

/* ----------------------------------------------------------------------------------- made again */

static int give_items(PyObject *made, PyObject *iterator)
{
    PyObject *items = PySequence_List(iterator);
    PyObject *done = items == NULL ? NULL
                     : PyList_GET_SIZE(items) == 0
                         ? Py_NewRef(Py_None)
                         : PyObject_CallMethod(made, "extend", "O", items);
    int status = done != NULL ? 0 : -1;
    Py_XDECREF(done);
    Py_XDECREF(items);
    return status;
}

static int give_pairs(PyObject *made, PyObject *iterator)
{
    PyObject *pairs = PySequence_List(iterator);
    int status = pairs != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(pairs); i++) {
        PyObject *key;
        PyObject *value;
        PyObject *pair = PySequence_Tuple(PyList_GET_ITEM(pairs, i));
        if (pair == NULL || !PyArg_ParseTuple(pair, "OO", &key, &value) ||
            PyObject_SetItem(made, key, value) < 0)
            status = -1;
        Py_XDECREF(pair);
    }
    Py_XDECREF(pairs);
    return status;
}

static int give_state(PyObject *made, PyObject *state)
{
    if (!PyObject_HasAttrString(made, "__setstate__"))
        return 0; /* attributes are no contents */
    PyObject *done = PyObject_CallMethod(made, "__setstate__", "(O)", state);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

/* In the order in which pickle does it. A part that is missing is NULL. */
static int give_all(PyObject *made, PyObject *state, PyObject *items, PyObject *pairs)
{
    if (items != NULL && items != Py_None && give_items(made, items) < 0)
        return -1;
    if (pairs != NULL && pairs != Py_None && give_pairs(made, pairs) < 0)
        return -1;
    return state != NULL && state != Py_None ? give_state(made, state) : 0;
}

/* The object that pickle would make of the same items. New reference, or NULL with an exception. */
static PyObject *remake(PyObject *object)
{
    PyObject *callable;
    PyObject *arguments;
    PyObject *state = NULL;
    PyObject *items = NULL;
    PyObject *pairs = NULL;
    PyObject *setter = NULL;
    PyObject *made = NULL;
    PyObject *reduction = PyObject_CallMethod(object, "__reduce_ex__", "i", 5);
    if (reduction != NULL && PyUnicode_Check(reduction))
        made = Py_NewRef(object); /* by name: it comes back as itself */
    else if (reduction != NULL && PyTuple_Check(reduction) &&
             PyArg_ParseTuple(reduction, "OO!|OOOO", &callable, &PyTuple_Type, &arguments, &state,
                              &items, &pairs, &setter))
        made = PyObject_CallObject(callable, arguments);
    if (made != NULL && made != object && give_all(made, state, items, pairs) < 0)
        Py_CLEAR(made);
    Py_XDECREF(reduction);
    return made;
}

/* ------------------------------------------------------------------------------------- compared */

/* What it holds, past the methods of its class: a list, or NULL with an exception. */
static PyObject *held_in(PyObject *object, PyTypeObject *base)
{
    PyObject *all = PyDict_Check(object)
                        ? PyObject_CallMethod((PyObject *)base, "items", "O", object)
                        : base->tp_iter(object);
    PyObject *held = all != NULL ? PySequence_List(all) : NULL;
    Py_XDECREF(all);
    return held;
}

/* What cannot be compared, as arrays, is likely the same. */
static bool is_same_item(PyObject *one, PyObject *other)
{
    int equal = one == other ||
                (Py_IS_TYPE(other, Py_TYPE(one)) ? PyObject_RichCompareBool(one, other, Py_EQ) : 0);
    if (equal < 0)
        PyErr_Clear();
    return equal != 0;
}

static bool holds_same(PyObject *made, PyObject *other, PyObject *held)
{
    Py_ssize_t count = PyList_GET_SIZE(held);
    bool same = PyList_GET_SIZE(other) == count;
    for (Py_ssize_t i = 0; same && i < count; i++) {
        PyObject *item = PyList_GET_ITEM(held, i);
        same = PyAnySet_Check(made) ? PySet_Contains(made, item) > 0
                                    : is_same_item(item, PyList_GET_ITEM(other, i));
    }
    PyErr_Clear();
    return same;
}

/* 1, 0, or -1 with an exception. */
static int comes_back(PyObject *object, PyTypeObject *base)
{
    PyObject *made = remake(object);
    PyObject *other = made == NULL                        ? NULL
                      : Py_IS_TYPE(made, Py_TYPE(object)) ? held_in(made, base)
                                                          : PyList_New(0);
    PyObject *held = other != NULL ? held_in(object, base) : NULL;
    int same = held != NULL ? holds_same(made, other, held) : -1;
    Py_XDECREF(held);
    Py_XDECREF(other);
    Py_XDECREF(made);
    return same;
}

int lcpy_contents_check(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyTypeObject *base = lcpy_types_base_of_c(type);
    const ways *through = base != type ? ways_of(object, base) : NULL;
    const char *method = through != NULL ? own_method(type, through) : NULL;

    if (method == NULL || own_method(type, &of_pickle) != NULL)
        return 0; /* what a class says itself is taken for all */
    int same = comes_back(object, base);
    if (same < 0 && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear(); /* what cannot be made again does not come back */
    if (same > 0)
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "a '%.200s' object would come back with what its %s() gives, which is not what it "
                 "holds; give the class a __reduce__",
                 type->tp_name, method);
    return -1;
}
