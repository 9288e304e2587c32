/* Any object that has no form of its own, by what its class or its reduction says of it.
 *
 * An object is tag 49613 over [callable, arguments, state, [items], pairs, setter] as its
 * __reduce_ex__(4) gives them, what is missing at the end left out. Where the callable is
 * copyreg.__newobj__, the class stands in its place and the arguments are a tuple (tag 49600)
 * instead of an array. Protocol 4 and not 5: the same for every memory layout. */
#include "key/walk.h"

#include <string.h>

#define PROTOCOL 4

/* -------------------------------------------------------------------------------------- globals */

/* Is this what `module` has under `name`? Then it is written as that. 1 written, 0 not, -1 with an
 * exception. */
static int write_if_found(lcpy_walk *walk, PyObject *object, PyObject *module, PyObject *name)
{
    PyObject *shown = NULL;
    PyObject *full = NULL;
    const char *text = NULL;
    int result = lcpy_global_is(object, module, name);

    if (result <= 0)
        return result;
    shown = lcpy_module_name(walk->state, module);
    full = shown == NULL ? NULL : PyUnicode_FromFormat("%U:%U", shown, name);
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
    if (found == 0)
        found = write_if_anywhere(walk, object, name);
    if (found == 0)
        return lcpy_walk_refuse(walk, object, "not being found under its own name");
    return found < 0 ? -1 : 0;
}

/* -------------------------------------------------------------------------------------- buffers */

/* The bytes in C order. */
static int write_view_data(lcpy_walk *walk, Py_buffer *view)
{
    const lcpy_padding none = {0};
    lcpy_strided bytes;
    PyObject *copy;
    int result = -1;

    if (view->suboffsets == NULL) {
        lcpy_strided_of(&bytes, view, none);
        return lcpy_walk_strided(walk, &bytes, view->obj);
    }
    /* Rows behind pointers of their own. */
    copy = PyBytes_FromStringAndSize(NULL, view->len);
    if (copy != NULL && PyBuffer_ToContiguous(PyBytes_AS_STRING(copy), view, view->len, 'C') == 0)
        result = lcpy_walk_data(walk, PyBytes_AS_STRING(copy), (size_t)view->len);
    Py_XDECREF(copy);
    return result;
}

/* The dict of an instance of a subclass: null where it has nothing. */
static int write_instance_dict(lcpy_walk *walk, PyObject *value)
{
    PyObject *dict = PyObject_GetAttrString(value, "__dict__");
    int result = 0;

    if (dict != NULL && PyDict_CheckExact(dict) && PyDict_GET_SIZE(dict) > 0) {
        result = lcpy_walk_dict(walk, dict, true);
    } else {
        PyErr_Clear();
        locache_write_null(walk->writer);
    }
    Py_XDECREF(dict);
    return result;
}

static int write_view(lcpy_walk *walk, PyObject *value, Py_buffer *view)
{
    const char *format = view->format == NULL ? "B" : view->format;
    bool subclass = PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_HEAPTYPE);

    locache_write_tag(walk->writer, LOCACHE_TAG_VIEW);
    locache_write_array(walk->writer, subclass ? 5 : 4);
    if (lcpy_walk_class(walk, (PyObject *)Py_TYPE(value)) < 0)
        return -1;
    locache_write_text(walk->writer, format, strlen(format));
    locache_write_array(walk->writer, (uint64_t)view->ndim);
    for (int i = 0; i < view->ndim; i++)
        locache_write_uint(walk->writer, (uint64_t)view->shape[i]);
    if (write_view_data(walk, view) < 0)
        return -1;
    return subclass ? write_instance_dict(walk, value) : 0;
}

int lcpy_walk_buffer(lcpy_walk *walk, PyObject *value)
{
    lcpy_frame frame;
    Py_buffer view;
    int result = lcpy_walk_enter(walk, &frame, value, 2);

    if (result != 0)
        return result < 0 ? -1 : 0;
    result = PyObject_GetBuffer(value, &view, PyBUF_FULL_RO);
    if (result == 0) {
        result = write_view(walk, value, &view);
        PyBuffer_Release(&view);
    }
    lcpy_walk_leave(walk);
    return result;
}

/* ----------------------------------------------------------------------------------- reductions */

/* A callable of a reduction: a function is what its name leads to, in every version of it, as for
 * pickle. */
static int write_callable(lcpy_walk *walk, PyObject *callable)
{
    if (PyFunction_Check(callable)) {
        int found = lcpy_walk_is_global(callable);

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

    if (callable == lcpy_loaded("copyreg", "__newobj__") && count > 0 &&
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
    lcpy_frame frame;
    int result = lcpy_walk_enter(walk, &frame, state, 2);

    if (result != 0)
        return result < 0 ? -1 : 0;
    locache_write_tag(walk->writer, LOCACHE_TAG_TUPLE);
    locache_write_array(walk->writer, 2);
    for (Py_ssize_t i = 0; result == 0 && i < 2; i++) {
        PyObject *half = PyTuple_GET_ITEM(state, i);

        if (PyDict_CheckExact(half))
            result = lcpy_walk_dict(walk, half, true);
        else
            locache_write_null(walk->writer);
    }
    lcpy_walk_leave(walk);
    return result;
}

static int write_state(lcpy_walk *walk, PyObject *state)
{
    if (is_absent(state)) {
        locache_write_null(walk->writer);
        return 0;
    }
    if (PyDict_CheckExact(state))
        return lcpy_walk_dict(walk, state, true);
    if (PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2 &&
        PyDict_CheckExact(PyTuple_GET_ITEM(state, 1)) &&
        (PyTuple_GET_ITEM(state, 0) == Py_None || PyDict_CheckExact(PyTuple_GET_ITEM(state, 0))))
        return write_slots_state(walk, state);
    return lcpy_walk_value(walk, state);
}

/* Pairs of a mapping: those of an OrderedDict are compared in order, those of others are not. */
static int write_pairs(lcpy_walk *walk, PyObject *pairs, PyObject *object)
{
    PyObject *ordered = lcpy_loaded("collections", "OrderedDict");
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
        parts[i] = i == ITEMS || i == PAIRS ? PySequence_List(part) : Py_NewRef(part);
        if (parts[i] == NULL)
            return -1;
    }
    return 0;
}

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
            result = write_pairs(walk, parts[i], object);
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
    PyObject *table = lcpy_loaded("copyreg", "dispatch_table");
    PyObject *class, *reducer;
    Py_ssize_t at = 0;

    while (table != NULL && PyDict_CheckExact(table) && PyDict_Next(table, &at, &class, &reducer))
        if (class == (PyObject *)type)
            return reducer;
    return NULL;
}

static PyObject *reduce(PyObject *object)
{
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
    locache_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_write_array(walk->writer, 2);
    lcpy_walk_name(walk, "functools:lru_cache");
    locache_write_array(walk->writer, 1);
    return lcpy_walk_attribute(walk, object, "__wrapped__");
}

/* No reduction: a TypeError is set, which says that the class has none. */
static int write_irreducible(lcpy_walk *walk, PyObject *object)
{
    if (!PyErr_ExceptionMatches(PyExc_TypeError))
        return -1;
    PyErr_Clear();
    return PyObject_CheckBuffer(object) ? lcpy_walk_buffer(walk, object)
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

static int write_by_reduction(lcpy_walk *walk, PyObject *object)
{
    lcpy_frame frame;
    PyObject *reduction;
    int result = lcpy_walk_enter(walk, &frame, object, 3);

    if (result != 0)
        return result < 0 ? -1 : 0;
    reduction = reduce(object);
    if (reduction != NULL) {
        result = write_reduced(walk, object, reduction);
        Py_DECREF(reduction);
    }
    lcpy_walk_leave(walk);
    return reduction == NULL ? write_irreducible(walk, object) : result;
}

/* -------------------------------------------------------------------------------------- objects */

/* __locache_key__ as the class has it (borrowed), or NULL. */
static PyObject *find_custom(PyTypeObject *type)
{
    PyObject *name = PyUnicode_InternFromString("__locache_key__");
    PyObject *order = type->tp_mro;
    PyObject *found = NULL;

    for (Py_ssize_t i = 0;
         name != NULL && order != NULL && found == NULL && i < PyTuple_GET_SIZE(order); i++) {
        PyObject *dict = ((PyTypeObject *)PyTuple_GET_ITEM(order, i))->tp_dict;

        /* Builtin classes have theirs elsewhere from 3.12 on. */
        found = dict == NULL ? NULL : PyDict_GetItemWithError(dict, name);
    }
    Py_XDECREF(name);
    return found;
}

static PyObject *call_custom(PyObject *object, PyObject *custom)
{
    descrgetfunc bind = Py_TYPE(custom)->tp_descr_get;
    PyObject *method =
        bind == NULL ? Py_NewRef(custom) : bind(custom, object, (PyObject *)Py_TYPE(object));
    PyObject *value = method == NULL ? NULL : PyObject_CallNoArgs(method);

    Py_XDECREF(method);
    return value;
}

/* [class, value]; `custom` is held by the caller. */
static int write_custom(lcpy_walk *walk, PyObject *object, PyObject *custom)
{
    lcpy_frame frame;
    PyObject *value = NULL;
    int result;

    if (custom == Py_None)
        return lcpy_walk_refuse(walk, object, "its __locache_key__ being None");
    result = lcpy_walk_enter(walk, &frame, object, 2);
    if (result != 0)
        return result < 0 ? -1 : 0;
    value = call_custom(object, custom);
    result = -1;
    if (value != NULL) {
        locache_write_tag(walk->writer, LOCACHE_TAG_CUSTOM);
        locache_write_array(walk->writer, 2);
        result = lcpy_walk_class(walk, (PyObject *)Py_TYPE(object));
    }
    if (result == 0 && lcpy_walk_value(walk, value) < 0)
        result = lcpy_walk_step(walk, "%s", ".__locache_key__()");
    Py_XDECREF(value);
    lcpy_walk_leave(walk);
    return result;
}

static bool is_subtype_of(PyObject *object, const char *module, const char *name)
{
    PyObject *base = lcpy_loaded(module, name);

    return base != NULL && PyType_Check(base) &&
           PyType_IsSubtype(Py_TYPE(object), (PyTypeObject *)base);
}

/* A member of an enumeration: [class, [name]]; for flags the value, since combinations have no name
 * in every version. */
static int write_enum(lcpy_walk *walk, PyObject *member)
{
    lcpy_frame frame;
    int result = lcpy_walk_enter(walk, &frame, member, 3);

    if (result != 0)
        return result < 0 ? -1 : 0;
    locache_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_write_array(walk->writer, 2);
    result = lcpy_walk_class(walk, (PyObject *)Py_TYPE(member));
    locache_write_array(walk->writer, 1);
    if (result == 0) {
        result = lcpy_walk_attribute(walk, member,
                                     is_subtype_of(member, "enum", "Flag") ? "_value_" : "_name_");
    }
    lcpy_walk_leave(walk);
    return result;
}

/* types.MappingProxyType: its mapping, as a dict. */
static int write_proxy(lcpy_walk *walk, PyObject *proxy)
{
    PyObject *copy = PyObject_CallMethod(proxy, "copy", NULL);
    lcpy_frame frame;
    int result = copy == NULL ? -1 : lcpy_walk_enter(walk, &frame, proxy, 3);

    if (result == 0) {
        locache_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
        locache_write_array(walk->writer, 2);
        lcpy_walk_name(walk, "types:MappingProxyType");
        locache_write_array(walk->writer, 1);
        result = lcpy_walk_value(walk, copy);
        lcpy_walk_leave(walk);
    }
    Py_XDECREF(copy);
    return result < 0 ? -1 : 0;
}

int lcpy_walk_object(lcpy_walk *walk, PyObject *value)
{
    PyObject *custom = Py_XNewRef(find_custom(Py_TYPE(value)));

    if (custom != NULL) {
        int result = write_custom(walk, value, custom);

        Py_DECREF(custom);
        return result;
    }
    if (PyErr_Occurred() != NULL)
        return -1;
    if (PyType_Check(value))
        return lcpy_walk_class(walk, value);
    if (PyCFunction_Check(value))
        return lcpy_walk_builtin(walk, value);
    if (Py_TYPE(value) == &PyDictProxy_Type)
        return write_proxy(walk, value);
    if (Py_TYPE(value) == &PyBaseObject_Type)
        return lcpy_walk_refuse(walk, value, "being no other than itself");
    if (PyIter_Check(value))
        return lcpy_walk_refuse(walk, value, "being used up as it is read (pass a list instead)");
    /* Enumerations have a metaclass; most classes have none. */
    if (Py_TYPE(Py_TYPE(value)) != &PyType_Type && is_subtype_of(value, "enum", "Enum"))
        return write_enum(walk, value);
    return write_by_reduction(walk, value);
}
