/* Any object by its reduction.
 *
 * An object is tag 49613 over [callable, arguments, state, [items], pairs, setter] as its
 * __reduce_ex__(4) gives them, what is missing at the end left out. Where the callable is
 * copyreg.__newobj__, the class stands in its place and the arguments are a tuple (tag 49600)
 * instead of an array.
 *
 * A reduction is made to be pickled, not to be compared: parts that mean the same but differ
 * between versions of Python, or by the order in which something happened, are given one form here.
 * A name as a reduction means the object itself, which then has to be found under it. */
#include "key/reduction.h"

#include "key/class.h"
#include "key/view.h"
#include "plain/names.h"

#include <string.h>

/* -------------------------------------------------------------------------------------- globals */

/* Is this what `module` has under `name`? Then it is written as that. 1 written, 0 not, -1 with an
 * exception. */
static int write_if_found(lcpy_walk *walk, PyObject *object, PyObject *module, PyObject *name)
{
    PyObject *shown = NULL;
    PyObject *full = NULL;
    const char *text = NULL;
    int result = lcpy_names_has(object, module, name);

    if (result <= 0)
        return result;
    shown = lcpy_names_module(walk->state, module);
    full = shown == NULL ? NULL : PyUnicode_FromFormat("%U:%U", shown, name);
    /* Its UTF-8 is kept with the str for as long as that is held. */
    text = full == NULL ? NULL : PyUnicode_AsUTF8(full);
    if (text == NULL)
        result = -1;
    else
        lcpy_walk_name(walk, text);
    Py_XDECREF(full);
    Py_XDECREF(shown);
    return result;
}

/* As write_if_found(), with the module that an attribute names. */
static int write_if_in_own(lcpy_walk *walk, PyObject *object, PyObject *owner, PyObject *name)
{
    PyObject *module = PyObject_GetAttrString(owner, "__module__");
    int result = 0;

    if (module == NULL)
        PyErr_Clear();
    else if (PyUnicode_Check(module))
        result = write_if_found(walk, object, module, name);
    Py_XDECREF(module);
    return result;
}

/* The same with every module there is, in the order of their names: the order of imports is not the
 * same everywhere. */
static int write_if_anywhere(lcpy_walk *walk, PyObject *object, PyObject *name)
{
    PyObject *modules = PySys_GetObject("modules");
    PyObject *names = modules == NULL ? NULL : PyMapping_Keys(modules);
    int result = names == NULL || PyList_Sort(names) < 0 ? -1 : 0;

    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *module = PyList_GET_ITEM(names, i);

        if (PyUnicode_Check(module))
            result = write_if_found(walk, object, module, name);
    }
    if (result < 0) {
        PyErr_Clear(); /* a module that cannot be asked holds nothing */
        result = 0;
    }
    Py_XDECREF(names);
    return result;
}

/* An object whose reduction is a string: the name of a global. */
static int write_named(lcpy_walk *walk, PyObject *object, PyObject *name)
{
    int found = write_if_in_own(walk, object, object, name);

    if (found == 0)
        found = write_if_in_own(walk, object, (PyObject *)Py_TYPE(object), name);
    /* Slow, and last: every module there is. */
    if (found == 0)
        found = write_if_anywhere(walk, object, name);
    if (found == 0)
        return lcpy_walk_refuse(walk, object, "not being found under its own name");
    return found < 0 ? -1 : 0;
}

/* -------------------------------------------------------------------------------- the six parts */

/* And not 5: with it, arrays and buffers reduce to what depends on how they lie in memory. */
#define PROTOCOL 4

/* A callable of a reduction: a function is what its name leads to, in every version of it, as for
 * pickle. */
static int write_callable(lcpy_walk *walk, PyObject *callable)
{
    /* Not its code: the function is how the object is made, not what it is. */
    if (PyFunction_Check(callable)) {
        int found = lcpy_class_is_global(callable);

        if (found != 0)
            return found < 0 ? -1 : lcpy_walk_global(walk, callable);
    }
    return lcpy_walk_value(walk, callable);
}

/* The members of a set of a class of its own, which it reduces to a list of in no order. */
static int write_unordered(lcpy_walk *walk, PyObject *list, PyObject *object)
{
    /* the class may keep the list, and change it meanwhile */
    PyObject *members = PyList_AsTuple(list);
    Py_ssize_t count = members == NULL ? 0 : PyTuple_GET_SIZE(members);
    int result = members == NULL ? -1 : 0;

    locache_write_tag(walk->writer, LOCACHE_TAG_SET);
    locache_write_array(walk->writer, (uint64_t)count);
    size_t start = walk->writer->length;
    for (Py_ssize_t i = 0; result == 0 && i < count; i++)
        result = lcpy_walk_value(walk, PyTuple_GET_ITEM(members, i));
    Py_XDECREF(members);
    return result < 0 ? -1 : lcpy_walk_sort(walk, start, 1, object);
}

/* callable, arguments */
static int write_construction(lcpy_walk *walk, PyObject *callable, PyObject *arguments,
                              PyObject *object)
{
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);
    Py_ssize_t first = 0;

    if (callable == lcpy_names_loaded("copyreg", "__newobj__") && count > 0 &&
        PyType_Check(PyTuple_GET_ITEM(arguments, 0))) {
        callable = PyTuple_GET_ITEM(arguments, 0);
        first = 1;
    }
    if (write_callable(walk, callable) < 0)
        return -1;
    if (first > 0)
        locache_write_tag(walk->writer, LOCACHE_TAG_TUPLE);
    locache_write_array(walk->writer, (uint64_t)(count - first));
    for (Py_ssize_t i = first; i < count; i++) {
        PyObject *argument = PyTuple_GET_ITEM(arguments, i);
        /* Sets reduce to their class and a list, which is in the order of the hash table. */
        bool unordered = PyAnySet_Check(object) && PyList_CheckExact(argument);

        if ((unordered ? write_unordered(walk, argument, object)
                       : lcpy_walk_value(walk, argument)) < 0)
            return lcpy_walk_step(walk, ".args[%zd]", i - first);
    }
    return 0;
}

/* No state, None and an empty dict are one: which of them it is depends on Python's version. */
static bool is_absent(PyObject *part)
{
    return part == NULL || part == Py_None ||
           (PyDict_CheckExact(part) && PyDict_GET_SIZE(part) == 0) ||
           (PyList_CheckExact(part) && PyList_GET_SIZE(part) == 0);
}

/* {attributes of __dict__, attributes of __slots__} */
static int write_slots_state(lcpy_walk *walk, PyObject *state)
{
    locache_write_tag(walk->writer, LOCACHE_TAG_TUPLE);
    locache_write_array(walk->writer, 2);
    for (Py_ssize_t i = 0; i < 2; i++) {
        PyObject *half = PyTuple_GET_ITEM(state, i);

        if (!PyDict_CheckExact(half))
            locache_write_null(walk->writer);
        else if (lcpy_walk_attributes(walk, half) < 0)
            return -1;
    }
    return 0;
}

/* A state of no usual shape, which a __getstate__ of the class's own made, is a value like
 * others. */
static int write_state(lcpy_walk *walk, PyObject *state)
{
    if (is_absent(state)) {
        locache_write_null(walk->writer);
        return 0;
    }
    if (PyDict_CheckExact(state))
        return lcpy_walk_attributes(walk, state);
    if (PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2 &&
        PyDict_CheckExact(PyTuple_GET_ITEM(state, 1)) &&
        (PyTuple_GET_ITEM(state, 0) == Py_None || PyDict_CheckExact(PyTuple_GET_ITEM(state, 0))))
        return lcpy_walk_nested(walk, state, 2, write_slots_state);
    return lcpy_walk_value(walk, state);
}

/* Pairs of a mapping: those of an OrderedDict are compared in order, those of others are not. */
static int write_mapping(lcpy_walk *walk, PyObject *pairs, PyObject *object)
{
    PyObject *ordered = lcpy_names_loaded("collections", "OrderedDict");
    bool in_order = ordered != NULL && PyType_IsSubtype(Py_TYPE(object), (PyTypeObject *)ordered);
    Py_ssize_t count = PyList_GET_SIZE(pairs);

    if (in_order)
        return lcpy_walk_list(walk, pairs);
    locache_write_map(walk->writer, (uint64_t)count);
    size_t start = walk->writer->length;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PyList_GET_ITEM(pairs, i);

        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
            return lcpy_walk_refuse(walk, object, "its __reduce_ex__ giving no pairs");
        if (lcpy_walk_value(walk, PyTuple_GET_ITEM(pair, 0)) < 0 ||
            lcpy_walk_value(walk, PyTuple_GET_ITEM(pair, 1)) < 0)
            return lcpy_walk_step(walk, "[<%s>]", Py_TYPE(PyTuple_GET_ITEM(pair, 0))->tp_name);
    }
    return lcpy_walk_sort(walk, start, 2, object);
}

/* ------------------------------------------------------------------------------ the whole of it */

enum { CALLABLE, ARGUMENTS, STATE, ITEMS, PAIRS, SETTER, PARTS };

/* The parts of a reduction, with its iterators made into lists; each a new reference or NULL. */
static int take_parts(PyObject *parts[PARTS], PyObject *reduction)
{
    Py_ssize_t count = PyTuple_GET_SIZE(reduction);

    for (Py_ssize_t i = 0; i < PARTS; i++)
        parts[i] = NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *part = PyTuple_GET_ITEM(reduction, i);

        if (part == Py_None)
            continue;
        /* These two are iterators, which can be read once. */
        parts[i] = i == ITEMS || i == PAIRS ? PySequence_List(part) : Py_NewRef(part);
        if (parts[i] == NULL)
            return -1;
    }
    return 0;
}

/* Absent parts are null between others, and left out behind the last; the two first are always
 * there. */
static int write_parts(lcpy_walk *walk, PyObject *parts[PARTS], PyObject *object)
{
    Py_ssize_t count = PARTS;

    while (count > STATE && is_absent(parts[count - 1]))
        count--;
    locache_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_write_array(walk->writer, (uint64_t)count);
    if (write_construction(walk, parts[CALLABLE], parts[ARGUMENTS], object) < 0 ||
        (count > STATE && write_state(walk, parts[STATE]) < 0))
        return -1;
    for (Py_ssize_t i = ITEMS; i < count; i++) {
        int result = 0;

        if (is_absent(parts[i]))
            locache_write_null(walk->writer);
        else if (i == ITEMS)
            result = lcpy_walk_list(walk, parts[i]);
        else if (i == PAIRS)
            result = write_mapping(walk, parts[i], object);
        else
            result = write_callable(walk, parts[i]);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int write_reduction(lcpy_walk *walk, PyObject *object, PyObject *reduction)
{
    PyObject *parts[PARTS];
    int result = -1;

    if (!PyTuple_Check(reduction) || PyTuple_GET_SIZE(reduction) < 2 ||
        PyTuple_GET_SIZE(reduction) > PARTS) {
        return lcpy_walk_refuse(walk, object,
                                "its __reduce_ex__ giving neither a name nor two to six parts");
    }
    if (take_parts(parts, reduction) == 0) {
        if (parts[CALLABLE] == NULL || parts[ARGUMENTS] == NULL || !PyTuple_Check(parts[ARGUMENTS]))
            lcpy_walk_refuse(walk, object, "its __reduce_ex__ giving no callable with arguments");
        else
            result = write_parts(walk, parts, object);
    }
    for (Py_ssize_t i = 0; i < PARTS; i++)
        Py_XDECREF(parts[i]);
    return result;
}

/* The function that copyreg has for this class (borrowed), or NULL. Found by identity: a metaclass
 * may have a __hash__. */
static PyObject *registered_reducer(PyTypeObject *type)
{
    PyObject *table = lcpy_names_loaded("copyreg", "dispatch_table");
    PyObject *class, *reducer;
    Py_ssize_t at = 0;

    while (table != NULL && PyDict_CheckExact(table) && PyDict_Next(table, &at, &class, &reducer))
        if (class == (PyObject *)type)
            return reducer;
    return NULL;
}

/* Runs the class's own code. New reference, or NULL with an exception. */
static PyObject *reduction_of(PyObject *object)
{
    /* As copyreg and pickle do, before the method. */
    PyObject *reducer = Py_XNewRef(registered_reducer(Py_TYPE(object)));
    PyObject *reduction;

    if (reducer == NULL)
        return PyObject_CallMethod(object, "__reduce_ex__", "i", PROTOCOL);
    reduction = PyObject_CallOneArg(reducer, object);
    Py_DECREF(reducer);
    return reduction;
}

/* functools.lru_cache reduces to a name, which says nothing of the code behind it. */
static int write_lru_cache(lcpy_walk *walk, PyObject *object)
{
    lcpy_walk_begin_object(walk, "functools:lru_cache", 1);
    return lcpy_walk_attribute(walk, object, "__wrapped__");
}

/* No reduction: a TypeError is set, which says that the class has none. */
static int write_irreducible(lcpy_walk *walk, PyObject *object)
{
    /* Anything else is an error of the class: not to be hidden. */
    if (!PyErr_ExceptionMatches(PyExc_TypeError))
        return -1;
    PyErr_Clear();
    return PyObject_CheckBuffer(object) ? lcpy_view_write(walk, object)
                                        : lcpy_walk_refuse(walk, object, NULL);
}

/* What to do with a reduction, as it came. */
static int write_reduced(lcpy_walk *walk, PyObject *object, PyObject *reduction)
{
    if (strcmp(Py_TYPE(object)->tp_name, "functools._lru_cache_wrapper") == 0)
        return write_lru_cache(walk, object);
    return PyUnicode_Check(reduction) ? write_named(walk, object, reduction)
                                      : write_reduction(walk, object, reduction);
}

int lcpy_reduction_write(lcpy_walk *walk, PyObject *object)
{
    lcpy_walk_node node;
    PyObject *reduction;
    int result = lcpy_walk_enter(walk, &node, object, 3);

    if (result != 0)
        return result < 0 ? -1 : 0;
    reduction = reduction_of(object);
    if (reduction != NULL) {
        result = write_reduced(walk, object, reduction);
        Py_DECREF(reduction);
    }
    lcpy_walk_leave(walk); /* before the buffer is asked for, which enters the object again */
    return reduction == NULL ? write_irreducible(walk, object) : result;
}
