/* Any object by its reduction.
 *
 * An object is tag 49613 over [class, arguments, callable, state, [items], pairs, setter,
 * attributes], most of it as its __reduce_ex__(4) gives them, what is missing at the end left out.
 * Its own class goes first: a reduction may name a base of it, or a function. The callable is left
 * out where it is copyreg.__newobj__ for that class, and the arguments are a tuple (tag 49600) then
 * instead of an array. Attributes are those that the reduction leaves out, as one that was written
 * in C for a base class does.
 *
 * A reduction is made to be pickled, not to be compared: parts that mean the same but differ
 * between versions of Python, or by the order in which something happened, are given one form here.
 * A name as a reduction means the object itself, which then has to be found under it. */
#include "key/reduction.h"

#include "key/class.h"
#include "key/instance.h"
#include "key/view.h"
#include "plain/names.h"
#include "plain/types.h"

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
    int found = PyCallable_Check(object) ? lcpy_class_is_global(object) : 0;

    if (found != 0)
        return found < 0 ? -1 : lcpy_class_write_named(walk, object);
    found = write_if_in_own(walk, object, object, name);
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
    int result;

    if (members == NULL)
        return -1;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_SET);
    result = lcpy_walk_members(walk, members, object);
    Py_DECREF(members);
    return result;
}

/* Is it made by copyreg.__newobj__ of its own class? */
static bool is_made_new(lcpy_state *state, PyObject *callable, PyObject *arguments,
                        PyObject *object)
{
    return PyTuple_GET_SIZE(arguments) > 0 &&
           PyTuple_GET_ITEM(arguments, 0) == (PyObject *)Py_TYPE(object) &&
           PyFunction_Check(callable) && callable == LCPY_LOADED(state, "copyreg", "__newobj__");
}

/* class, arguments, callable */
static int write_construction(lcpy_walk *walk, PyObject *callable, PyObject *arguments,
                              PyObject *object)
{
    bool new = is_made_new(walk->state, callable, arguments, object);
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);
    Py_ssize_t first = new ? 1 : 0;

    if (lcpy_class_write(walk, (PyObject *)Py_TYPE(object)) < 0)
        return -1;
    if (new)
        locache_cbor_write_tag(walk->writer, LOCACHE_TAG_TUPLE);
    locache_cbor_write_array(walk->writer, (uint64_t)(count - first));
    for (Py_ssize_t i = first; i < count; i++) {
        PyObject *argument = PyTuple_GET_ITEM(arguments, i);
        /* Sets reduce to their class and a list, which is in the order of the hash table. */
        bool unordered = PyAnySet_Check(object) && PyList_CheckExact(argument);

        if ((unordered ? write_unordered(walk, argument, object)
                       : lcpy_walk_value(walk, argument)) < 0)
            return lcpy_walk_step(walk, ".args[%zd]", i - first);
    }
    /* Mostly the class again. */
    if (new || callable == (PyObject *)Py_TYPE(object)) {
        locache_cbor_write_null(walk->writer);
        return 0;
    }
    return write_callable(walk, callable);
}

/* A method of the class that Python code defines (borrowed), or NULL. */
static PyObject *python_method(PyTypeObject *type, PyObject *name)
{
    PyObject *found = name == NULL ? NULL : _PyType_Lookup(type, name);

    PyErr_Clear();
    return found != NULL && PyFunction_Check(found) ? found : NULL;
}

/* No state, and an empty dict that nothing but the instance's own is filled from, are one: which of
 * them it is depends on Python's version. */
static bool is_absent_state(lcpy_state *of, PyObject *state, PyObject *object)
{
    return state == NULL ||
           (PyDict_CheckExact(state) && lcpy_walk_has_none(state, Py_TYPE(object)) &&
            python_method(Py_TYPE(object), LCPY_NAME(of, "__setstate__")) == NULL);
}

/* {attributes of __dict__, attributes of __slots__} */
static int write_slots_state(lcpy_walk *walk, PyObject *state, PyTypeObject *type)
{
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_TUPLE);
    locache_cbor_write_array(walk->writer, 2);
    for (Py_ssize_t i = 0; i < 2; i++) {
        PyObject *half = PyTuple_GET_ITEM(state, i);

        if (!PyDict_CheckExact(half) || lcpy_walk_has_none(half, type))
            locache_cbor_write_null(walk->writer);
        else if (lcpy_walk_attributes(walk, half, type) < 0)
            return -1;
    }
    return 0;
}

/* A state of no usual shape, which a __getstate__ of the class's own made, is a value like
 * others. */
static int write_state(lcpy_walk *walk, PyObject *state, PyTypeObject *type)
{
    if (PyDict_CheckExact(state))
        return lcpy_walk_attributes(walk, state, type);
    if (PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2 &&
        PyDict_CheckExact(PyTuple_GET_ITEM(state, 1)) &&
        (PyTuple_GET_ITEM(state, 0) == Py_None || PyDict_CheckExact(PyTuple_GET_ITEM(state, 0))))
        return write_slots_state(walk, state, type);
    return lcpy_walk_value(walk, state);
}

/* Pairs of a mapping, in its own order, which whoever walks it sees. */
static int write_mapping(lcpy_walk *walk, PyObject *pairs, PyObject *object)
{
    Py_ssize_t count = PyList_GET_SIZE(pairs);

    locache_cbor_write_map(walk->writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PyList_GET_ITEM(pairs, i);

        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
            return lcpy_walk_refuse(walk, object, "its __reduce_ex__ giving no pairs");
        if (lcpy_walk_value(walk, PyTuple_GET_ITEM(pair, 0)) < 0 ||
            lcpy_walk_value(walk, PyTuple_GET_ITEM(pair, 1)) < 0)
            return lcpy_walk_step(walk, "[<%s>]", Py_TYPE(PyTuple_GET_ITEM(pair, 0))->tp_name);
    }
    return 0;
}

/* ------------------------------------------------------------------ what a reduction leaves out */

/* Runs the class's own code. New reference, or NULL with an exception. */
static PyObject *reduction_of(lcpy_state *state, PyObject *object)
{
    /* As copyreg and pickle do, before the method. */
    PyObject *reducer = Py_XNewRef(lcpy_instance_reducer(state, Py_TYPE(object)));
    PyObject *reduction;

    if (reducer == NULL) {
        PyObject *name = LCPY_NAME(state, "__reduce_ex__");
        PyObject *protocol = name == NULL ? NULL : PyLong_FromLong(PROTOCOL);

        reduction = protocol == NULL ? NULL : PyObject_CallMethodOneArg(object, name, protocol);
        Py_XDECREF(protocol);
        return reduction;
    }
    reduction = PyObject_CallOneArg(reducer, object);
    Py_DECREF(reducer);
    return reduction;
}

/* Is this function one of the standard library's? */
static bool is_of_library(PyObject *function)
{
    PyObject *name = PyDict_GetItemString(PyFunction_GET_GLOBALS(function), "__name__");
    PyObject *names = PySys_GetObject("stdlib_module_names");
    PyObject *dot = PyUnicode_FromString(".");
    PyObject *parts = name == NULL || !PyUnicode_Check(name) || dot == NULL
                          ? NULL
                          : PyUnicode_Partition(name, dot);
    bool found = parts != NULL && names != NULL &&
                 PySequence_Contains(names, PyTuple_GET_ITEM(parts, 0)) > 0;

    Py_XDECREF(parts);
    Py_XDECREF(dot);
    PyErr_Clear();
    return found;
}

/* Is the method the class's, and no base's? */
static bool is_its_own(const PyTypeObject *type, PyObject *name, const PyObject *method)
{
    return type->tp_dict != NULL && PyDict_GetItemWithError(type->tp_dict, name) == method;
}

/* Was the reduction written, in C or in the standard library, for a base of the object's class that
 * knows nothing of the attributes that the class adds? What a class of Python's own says of itself
 * is taken for all. */
static bool is_inherited(lcpy_state *state, PyTypeObject *type)
{
    PyObject *names[2] = {LCPY_NAME(state, "__reduce_ex__"), LCPY_NAME(state, "__reduce__")};
    bool inherited = false;

    for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
        PyObject *found = _PyType_Lookup(type, names[i]);

        if (found == NULL ||
            (Py_IS_TYPE(found, &PyMethodDescr_Type) && PyDescr_TYPE(found) == &PyBaseObject_Type))
            continue; /* object's own, which gives all there is */
        /* A logger says of itself that it is the one of its name. */
        inherited = PyFunction_Check(found)
                        ? is_of_library(found) && !is_its_own(type, names[i], found)
                        : !Py_IS_TYPE(found, &PyMethodDescr_Type) || PyDescr_TYPE(found) != type;
        break;
    }
    PyErr_Clear();
    return inherited && PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) &&
           lcpy_instance_reducer(state, type) == NULL;
}

/* Add what the slots of the class hold. */
static int add_slot_values(lcpy_state *state, PyObject *to, PyObject *object)
{
    PyObject *function = LCPY_LOADED(state, "copyreg", "_slotnames");
    PyObject *names =
        function == NULL ? NULL : PyObject_CallOneArg(function, (PyObject *)Py_TYPE(object));
    int result = 0;

    if (names == NULL || !PyList_CheckExact(names)) {
        Py_XDECREF(names);
        PyErr_Clear();
        return 0;
    }
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *value = PyObject_GetAttr(object, PyList_GET_ITEM(names, i));

        if (value != NULL)
            result = PyDict_SetItem(to, PyList_GET_ITEM(names, i), value);
        else
            PyErr_Clear(); /* a slot that was not filled */
        Py_XDECREF(value);
    }
    Py_DECREF(names);
    return result;
}

/* All attributes of an instance: a new dict; NULL with an exception. */
static PyObject *attributes_of(lcpy_state *state, PyObject *object)
{
    PyObject *dict = PyObject_GetAttrString(object, "__dict__");
    PyObject *all;

    PyErr_Clear();
    all = dict != NULL && PyDict_CheckExact(dict) ? PyDict_Copy(dict) : PyDict_New();
    Py_XDECREF(dict);
    if (all != NULL && add_slot_values(state, all, object) < 0)
        Py_CLEAR(all);
    return all;
}

/* Is a state no more than these attributes? Either of them is the same in every version of Python
 * then. */
static bool is_said_by(PyObject *state, PyObject *attributes)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;

    if (state == NULL)
        return true;
    if (PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2 &&
        PyDict_CheckExact(PyTuple_GET_ITEM(state, 1)))
        state = PyTuple_GET_ITEM(state, 0);
    if (state == Py_None)
        return true;
    if (!PyDict_CheckExact(state))
        return false;
    while (PyDict_Next(state, &at, &name, &value))
        if (PyDict_GetItemWithError(attributes, name) != value)
            return false;
    return true;
}

/* ------------------------------------------------------------------------------ the whole of it */

enum { CALLABLE, ARGUMENTS, STATE, ITEMS, PAIRS, SETTER, GIVEN, ATTRIBUTES = GIVEN, PARTS };

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

static int write_part(lcpy_walk *walk, PyObject *parts[PARTS], int part, PyObject *object)
{
    switch (part) {
    case STATE:
        return write_state(walk, parts[STATE], Py_TYPE(object));
    case ITEMS:
        return lcpy_walk_items(walk, parts[ITEMS]);
    case PAIRS:
        return write_mapping(walk, parts[PAIRS], object);
    case ATTRIBUTES:
        return lcpy_walk_attributes(walk, parts[ATTRIBUTES], Py_TYPE(object));
    default:
        return write_callable(walk, parts[part]);
    }
}

/* Absent parts are null between others, and left out behind the last; the two first are always
 * there. */
static int write_parts(lcpy_walk *walk, PyObject *parts[PARTS], PyObject *object)
{
    int count = PARTS;
    int result;

    while (count > STATE && parts[count - 1] == NULL)
        count--;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_cbor_write_array(walk->writer, (uint64_t)count + 1); /* and the class */
    result = write_construction(walk, parts[CALLABLE], parts[ARGUMENTS], object);
    for (int i = STATE; result == 0 && i < count; i++) {
        if (parts[i] == NULL)
            locache_cbor_write_null(walk->writer);
        else
            result = write_part(walk, parts, i, object);
    }
    return result;
}

static bool is_empty_list(PyObject *part)
{
    return part != NULL && PyList_CheckExact(part) && PyList_GET_SIZE(part) == 0;
}

/* Does the class say in Python, of its own, how its objects are made again? Then that is all. */
static bool says_itself(lcpy_state *state, PyTypeObject *type)
{
    PyObject *most = python_method(type, LCPY_NAME(state, "__reduce_ex__"));
    PyObject *other = python_method(type, LCPY_NAME(state, "__reduce__"));

    return lcpy_instance_reducer(state, type) != NULL || (most != NULL && !is_of_library(most)) ||
           (other != NULL && !is_of_library(other));
}

/* Does the class show by its own __iter__() what the one that was made in C holds? */
static bool has_own_iter(const PyTypeObject *type, const PyTypeObject *base)
{
    return base->tp_iter != NULL && type->tp_iter != base->tp_iter;
}

/* The pairs of a subclass of dict, past its items(), and past its __iter__() where the reduction is
 * made of dict(self), as Counter's is. */
static PyObject *pairs_held_by(lcpy_state *state, PyObject *object, bool reduced)
{
    PyTypeObject *type = Py_TYPE(object);
    PyTypeObject *base = lcpy_types_base_of_c(type);

    if (reduced ? python_method(type, LCPY_NAME(state, "items")) == NULL
                : !has_own_iter(type, base))
        return NULL;
    /* The order of an OrderedDict is its own, not that of the dict below. */
    PyObject *view = PyObject_CallMethod((PyObject *)base, "items", "O", object);
    PyObject *pairs = view != NULL ? PySequence_List(view) : NULL;
    Py_XDECREF(view);
    return pairs;
}

/* What a subclass of list, deque, tuple or dict holds, where the reduction went through methods of
 * the subclass that may show something else; reduced: it has that part. NULL without an exception:
 * the reduction says it. */
static PyObject *held_by(lcpy_state *state, PyObject *object, int part, bool reduced)
{
    PyTypeObject *base = lcpy_types_base_of_c(Py_TYPE(object));

    if (part == PAIRS)
        return PyDict_Check(object) ? pairs_held_by(state, object, reduced) : NULL;
    /* A tuple's items are arguments, which namedtuple() takes from its __iter__(). */
    if (!(reduced || PyTuple_Check(object)) || PyDict_Check(object) ||
        !has_own_iter(Py_TYPE(object), base))
        return NULL;
    PyObject *iterator = base->tp_iter(object);
    PyObject *items = iterator != NULL ? PySequence_List(iterator) : NULL;
    Py_XDECREF(iterator);
    return items;
}

/* The same of a set, whose members are the one argument that it is made with. */
static int take_members(lcpy_state *state, PyObject *parts[PARTS], PyObject *object)
{
    if (parts[ARGUMENTS] == NULL || !PyTuple_Check(parts[ARGUMENTS]) ||
        PyTuple_GET_SIZE(parts[ARGUMENTS]) != 1 || says_itself(state, Py_TYPE(object)))
        return 0;
    PyObject *iterator = PySet_Type.tp_iter(object); /* which a frozenset has, too */
    PyObject *members = iterator != NULL ? PySequence_List(iterator) : NULL;
    PyObject *arguments = members != NULL ? PyTuple_Pack(1, members) : NULL;
    Py_XDECREF(members);
    Py_XDECREF(iterator);
    if (arguments == NULL)
        return -1;
    Py_SETREF(parts[ARGUMENTS], arguments);
    return 0;
}

static int take_held(lcpy_state *state, PyObject *parts[PARTS], PyObject *object)
{
    if (PyAnySet_Check(object))
        return has_own_iter(Py_TYPE(object), lcpy_types_base_of_c(Py_TYPE(object)))
                   ? take_members(state, parts, object)
                   : 0;
    for (int i = ITEMS; i <= PAIRS; i++) {
        PyObject *held = says_itself(state, Py_TYPE(object))
                             ? NULL
                             : held_by(state, object, i, parts[i] != NULL);
        if (held != NULL)
            Py_XSETREF(parts[i], held);
        else if (PyErr_Occurred() != NULL)
            return -1;
    }
    return 0;
}

/* What an exception was raised from, which no reduction has. */
static int add_cause(PyObject *parts[PARTS], PyObject *object)
{
    PyObject *cause = PyExceptionInstance_Check(object) ? PyException_GetCause(object) : NULL;
    int result = 0;

    if (cause == NULL)
        return 0;
    if (parts[ATTRIBUTES] == NULL)
        parts[ATTRIBUTES] = PyDict_New();
    if (parts[ATTRIBUTES] == NULL ||
        PyDict_SetItemString(parts[ATTRIBUTES], "__cause__", cause) < 0)
        result = -1;
    Py_DECREF(cause);
    return result;
}

/* The attributes that the reduction leaves out. */
static int add_attributes(lcpy_state *state, PyObject *parts[PARTS], PyObject *object)
{
    parts[ATTRIBUTES] = attributes_of(state, object);
    if (parts[ATTRIBUTES] == NULL)
        return -1;
    if (lcpy_walk_has_none(parts[ATTRIBUTES], Py_TYPE(object)))
        Py_CLEAR(parts[ATTRIBUTES]);
    else if (is_said_by(parts[STATE], parts[ATTRIBUTES]))
        Py_CLEAR(parts[STATE]);
    return PyErr_Occurred() != NULL ? -1 : 0;
}

/* Parts that say nothing out, and the attributes in that the others leave out. */
static int complete_parts(lcpy_state *state, PyObject *parts[PARTS], PyObject *object)
{
    if (take_held(state, parts, object) < 0)
        return -1;
    if (is_empty_list(parts[ITEMS]))
        Py_CLEAR(parts[ITEMS]);
    if (is_empty_list(parts[PAIRS]))
        Py_CLEAR(parts[PAIRS]);
    if (is_absent_state(state, parts[STATE], object))
        Py_CLEAR(parts[STATE]);
    if (is_inherited(state, Py_TYPE(object)) && add_attributes(state, parts, object) < 0)
        return -1;
    return add_cause(parts, object);
}

static int write_reduction(lcpy_walk *walk, PyObject *object, PyObject *reduction)
{
    PyObject *parts[PARTS];
    int result = -1;

    if (!PyTuple_Check(reduction) || PyTuple_GET_SIZE(reduction) < 2 ||
        PyTuple_GET_SIZE(reduction) > GIVEN) {
        return lcpy_walk_refuse(walk, object,
                                "its __reduce_ex__ giving neither a name nor two to six parts");
    }
    if (take_parts(parts, reduction) == 0) {
        if (parts[CALLABLE] == NULL || parts[ARGUMENTS] == NULL || !PyTuple_Check(parts[ARGUMENTS]))
            lcpy_walk_refuse(walk, object, "its __reduce_ex__ giving no callable with arguments");
        else if (complete_parts(walk->state, parts, object) == 0)
            result = write_parts(walk, parts, object);
    }
    for (Py_ssize_t i = 0; i < PARTS; i++)
        Py_XDECREF(parts[i]);
    return result;
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
    return PyObject_CheckBuffer(object) ? lcpy_view_write_here(walk, object)
                                        : lcpy_walk_refuse(walk, object, NULL);
}

/* Has an object of this class no room for anything? */
static bool is_bare(PyTypeObject *type)
{
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) || type->tp_dictoffset != 0 ||
        type->tp_itemsize != 0 ||
        type->tp_basicsize > (Py_ssize_t)(sizeof(PyObject) + sizeof(PyObject *)))
        return false;
    /* A class's own size is the number of its slots, of which one would be as large as a list of
     * weak references. */
    for (; PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE); type = type->tp_base)
        if (Py_SIZE(type) != 0)
            return false;
    return true;
}

/* Has the class, or a base of it, a persisted method? */
static bool has_persisted(const lcpy_state *state, PyTypeObject *type)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;

    for (; PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE); type = type->tp_base)
        for (at = 0; type->tp_dict != NULL && PyDict_Next(type->tp_dict, &at, &name, &value);)
            if (Py_IS_TYPE(value, state->persisted_type))
                return true;
    return false;
}

/* A sentinel, as MISSING = _Missing(), without a state: which of them it is, is all that a function
 * can ask. Not the object of a persisted method, a service, which is asked for more. 1 written by
 * its name, 0 not, -1 with an exception. */
static int write_sentinel(lcpy_walk *walk, PyObject *object)
{
    PyObject *name = Py_TYPE(object)->tp_richcompare == PyBaseObject_Type.tp_richcompare &&
                             !has_persisted(walk->state, Py_TYPE(object))
                         ? lcpy_names_in_module(object)
                         : NULL;
    int result =
        name == NULL ? 0 : write_if_in_own(walk, object, (PyObject *)Py_TYPE(object), name);

    Py_XDECREF(name);
    return result;
}

int lcpy_reduction_write(lcpy_walk *walk, PyObject *object)
{
    PyObject *reduction;
    int result;

    if (strcmp(Py_TYPE(object)->tp_name, "functools._lru_cache_wrapper") == 0)
        return write_lru_cache(walk, object);
    if (is_bare(Py_TYPE(object)) &&
        !lcpy_instance_has_own(Py_TYPE(object), LCPY_NAME(walk->state, "__reduce_ex__")) &&
        !lcpy_instance_has_own(Py_TYPE(object), LCPY_NAME(walk->state, "__reduce__")) &&
        (result = write_sentinel(walk, object)) != 0)
        return result < 0 ? -1 : 0;
    reduction = reduction_of(walk->state, object);
    if (reduction == NULL)
        return write_irreducible(walk, object);
    result = PyUnicode_Check(reduction) ? write_named(walk, object, reduction)
                                        : write_reduction(walk, object, reduction);
    Py_DECREF(reduction);
    return result;
}

/* -------------------------------------------------------------------------------- plain objects */

/* Of an object that has a __dict__ and a list of weak references, and nothing of C's besides. */
#define PLAIN_SIZE ((Py_ssize_t)(sizeof(PyObject) + 2 * sizeof(PyObject *)))

/* Not where a base was made in C, or slots hold something: then the class is larger than object and
 * a __dict__ and list of weak references. */
bool lcpy_reduction_is_bare(lcpy_state *state, PyTypeObject *type)
{
    static const char *const methods[] = {"__reduce_ex__",     "__reduce__",     "__getstate__",
                                          "__getnewargs_ex__", "__getnewargs__", "__slots__"};
    PyObject *order = type->tp_mro;

    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) || type->tp_itemsize != 0 ||
        type->tp_dictoffset == 0 || type->tp_basicsize > PLAIN_SIZE || order == NULL)
        return false;
    for (Py_ssize_t i = 0; i + 1 < PyTuple_GET_SIZE(order); i++)
        if (!PyType_HasFeature((PyTypeObject *)PyTuple_GET_ITEM(order, i), Py_TPFLAGS_HEAPTYPE))
            return false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (lcpy_instance_has_own(type, lcpy_names_text(state, methods[i])))
            return false;
    return lcpy_instance_reducer(state, type) == NULL;
}

bool lcpy_reduction_is_plain(lcpy_state *state, PyTypeObject *type)
{
    return !lcpy_instance_has_own(type, LCPY_NAME(state, "__next__")) &&
           lcpy_reduction_is_bare(state, type);
}

/* [class, tuple without items, no callable, attributes], the last two left out where there are
 * none. */
int lcpy_reduction_write_plain(lcpy_walk *walk, PyObject *object)
{
    PyObject *dict = PyObject_GenericGetDict(object, NULL);
    bool empty =
        dict == NULL || !PyDict_CheckExact(dict) || lcpy_walk_has_none(dict, Py_TYPE(object));
    int result;

    PyErr_Clear();
    if (empty && (result = write_sentinel(walk, object)) != 0) {
        Py_XDECREF(dict);
        return result < 0 ? -1 : 0;
    }
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_cbor_write_array(walk->writer, empty ? 3 : 4);
    result = lcpy_class_write(walk, (PyObject *)Py_TYPE(object));
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_TUPLE);
    locache_cbor_write_array(walk->writer, 0);
    locache_cbor_write_null(walk->writer);
    if (result == 0 && !empty)
        result = lcpy_instance_attributes(walk, object, dict);
    Py_XDECREF(dict);
    return result;
}
