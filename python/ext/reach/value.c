/* A value that is reached: by its key, by reference where it is a node, or left out.
 *
 * What has no key (a lock, an open file, a generator) says nothing that could be compared, and is
 * left out; where it is within a list or an object, the rest of that counts all the same. */
#include "reach/owner.h"
#include "reach/walk.h"

#include <string.h>

#include "key/class.h"
#include "key/reduction.h"
#include "key/walk.h"
#include "plain/names.h"

/* Key bytes that go into the form as they are. */
#define INLINE_MAX 64

int lcpy_reach_package(lcpy_reacher *r, PyObject *module_name)
{
    int owner = lcpy_owner_of_module(r->state, module_name);
    if (owner < 0)
        return -1;
    if (owner == LCPY_OWNER_COMPILED)
        return lcpy_reach_build(r, module_name);
    if (owner != LCPY_OWNER_PACKAGE)
        return lcpy_reach_left_out(r);
    PyObject *version = lcpy_owner_version(r->state, module_name);
    PyObject *place = r->place;
    r->place = module_name;
    int status = version != NULL ? lcpy_reach_version(r, version) : -1;
    r->place = place;
    Py_XDECREF(version);
    return status;
}

/* --------------------------------------------------------------------------------------- by key */

/* What the key's walk asks for each function and class within a value. */
static int meet_node(lcpy_collector *collector, PyObject *object)
{
    lcpy_reacher *r = (lcpy_reacher *)collector;
    int owner = lcpy_owner_of(r->state, object);
    if (owner < 0)
        return -1;
    return owner == LCPY_OWNER_USER || owner == LCPY_OWNER_COMPILED
               ? (int)lcpy_reach_number(r, object, LCPY_NODE_WHOLE)
               : LCPY_COLLECT_BY_NAME;
}

void lcpy_reach_collect(lcpy_reacher *r)
{
    r->collector.meet = meet_node;
}

/* Takes what was written of a value: as it is where it is short. */
static int take_key(lcpy_reacher *r, const locache_cbor_writer *key, PyObject *value)
{
    locache_id id;
    if (locache_cbor_writer_status(key) != LOCACHE_OK) {
        PyErr_NoMemory();
        return -1;
    }
    r->counted = true;
    locache_cbor_write_array(r->writer, 2);
    locache_cbor_write_int(r->writer, LCPY_FORM_VALUE);
    if (key->length <= INLINE_MAX) {
        locache_cbor_write_bytes(r->writer, key->data, key->length);
    } else {
        locache_id_of(&id, key->data, key->length);
        locache_cbor_write_bytes(r->writer, id.bytes, sizeof id.bytes);
    }
    return lcpy_reach_part(r, "value", (lcpy_reach_bytes){key->data, key->length}, value);
}

static int write_sequence_of(lcpy_reacher *r, PyObject *sequence)
{
    PyObject *items = PySequence_Tuple(sequence);
    int status = items != NULL ? 0 : -1;
    if (items != NULL) {
        locache_cbor_write_array(r->writer, 1 + (uint64_t)PyTuple_GET_SIZE(items));
        locache_cbor_write_int(r->writer, LCPY_FORM_ITEMS);
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(items); i++)
        status = lcpy_reach_value(r, PyTuple_GET_ITEM(items, i));
    Py_XDECREF(items);
    return status;
}

static bool is_dict_view(PyObject *value)
{
    return PyDictKeys_Check(value) || PyDictItems_Check(value) || PyDictValues_Check(value);
}

/* What a dict has when it is looked at: [its class's name, items]. */
static int write_dict_view(lcpy_reacher *r, PyObject *view)
{
    PyObject *name = PyUnicode_FromString(Py_TYPE(view)->tp_name);
    int status = name != NULL ? lcpy_guard_add_content(&r->out->guard, view) : -1;
    locache_cbor_write_array(r->writer, 2);
    if (status == 0)
        status = lcpy_reach_text(r, LCPY_FORM_NAME, name);
    Py_XDECREF(name);
    return status == 0 ? write_sequence_of(r, view) : -1;
}

/* It has no key as a whole: what is in it counts, as far as it has one. */
static int write_pieces(lcpy_reacher *r, PyObject *value)
{
    if (PyList_CheckExact(value) || PyTuple_CheckExact(value))
        return write_sequence_of(r, value);
    if (PyDict_CheckExact(value))
        return lcpy_reach_dict(r, value, NULL, NULL);
    return lcpy_reach_node(r, value, LCPY_NODE_OPAQUE);
}

static int write_by_key(lcpy_reacher *r, PyObject *value)
{
    unsigned char room[512];
    locache_cbor_writer key;
    locache_cbor_writer_init(&key, room, sizeof room);
    int status = lcpy_key_collect(r->state, &key, value, &r->collector);
    if (status == 0) {
        status = take_key(r, &key, value);
        if (status == 0)
            status = lcpy_guard_add_content(&r->out->guard, value);
    } else if (PyErr_ExceptionMatches(PyExc_Exception) &&
               !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        status = lcpy_reach_is_data(value) ? lcpy_guard_add_content(&r->out->guard, value) : 0;
        if (status == 0 && Py_EnterRecursiveCall(" while looking at what a function reaches"))
            status = -1;
        else if (status == 0) {
            status = write_pieces(r, value);
            Py_LeaveRecursiveCall();
        }
    }
    locache_cbor_writer_clear(&key);
    return status;
}

/* -------------------------------------------------------------------------------------- objects */

/* A key, which is no part of its own. */
static int write_name_of(lcpy_reacher *r, PyObject *key)
{
    unsigned scope = r->scope;
    r->scope &= ~LCPY_REACH_PARTS;
    int status = lcpy_reach_value(r, key);
    r->scope = scope;
    return status;
}

/* What a dict has under a key: at a place of its own. */
static int write_item(lcpy_reacher *r, PyObject *key, PyObject *value)
{
    PyObject *before = r->place;
    r->place = PyUnicode_Check(key) ? lcpy_reach_place_in(r, "%U.%U", key) : Py_NewRef(before);
    int status = r->place != NULL ? lcpy_reach_value(r, value) : -1;
    Py_XDECREF(r->place);
    r->place = before;
    return status;
}

/* Attributes in an order of their own, as theirs shows nowhere, without those that
 * functools.update_wrapper() takes over and that mean nothing, and what an object of that class
 * notes down in itself. */
static int choose_attributes(PyObject *names, PyTypeObject *type)
{
    for (Py_ssize_t i = PyList_GET_SIZE(names); i-- > 0;) {
        PyObject *name = PyList_GET_ITEM(names, i);
        bool noted = type != NULL && PyUnicode_CheckExact(name) &&
                     _PyType_Lookup(type, name) != NULL && lcpy_walk_may_be_noted(type, name);
        if ((noted || lcpy_class_is_incidental(name)) && PyList_SetSlice(names, i, i + 1, NULL) < 0)
            return -1;
    }
    return PyList_Sort(names);
}

int lcpy_reach_dict(lcpy_reacher *r, PyObject *dict, PyObject *owner, PyTypeObject *type)
{
    PyObject *copy = PyDict_Copy(dict);
    PyObject *keys = copy != NULL ? PyDict_Keys(copy) : NULL;
    if (keys == NULL || (owner != NULL && choose_attributes(keys, type) < 0)) {
        Py_XDECREF(copy);
        Py_XDECREF(keys);
        return -1;
    }
    int status = 0;
    locache_cbor_write_array(r->writer, 1 + 2 * (uint64_t)PyList_GET_SIZE(keys));
    locache_cbor_write_int(r->writer, LCPY_FORM_ITEMS);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(keys); i++) {
        PyObject *key = PyList_GET_ITEM(keys, i);
        PyObject *value = PyDict_GetItemWithError(copy, key);
        status = value != NULL ? write_name_of(r, key) : -1;
        if (status < 0)
            break;
        int left_out = owner != NULL ? lcpy_reach_is_state(r, owner, key, value) : 0;
        status = left_out < 0 ? -1 : left_out ? lcpy_reach_left_out(r) : write_item(r, key, value);
    }
    Py_DECREF(keys);
    Py_DECREF(copy);
    return status;
}

int lcpy_reach_object(lcpy_reacher *r, PyObject *object)
{
    PyObject *dict = PyObject_GenericGetDict(object, NULL);
    PyErr_Clear();
    locache_cbor_write_array(r->writer, 3);
    locache_cbor_write_int(r->writer, LCPY_FORM_OBJECT);
    int status = lcpy_reach_node(r, (PyObject *)Py_TYPE(object), LCPY_NODE_WHOLE);
    if (status == 0 && dict != NULL && PyDict_CheckExact(dict))
        status = lcpy_reach_dict(r, dict, dict, Py_TYPE(object));
    else if (status == 0)
        status = lcpy_reach_left_out(r);
    if (status == 0)
        status = lcpy_guard_add_content(&r->out->guard, object);
    Py_XDECREF(dict);
    return status;
}

/* A member of an enumeration: its name and value, and its class without the other members. */
static int write_member(lcpy_reacher *r, PyObject *member)
{
    PyObject *name = PyObject_GetAttrString(member, "_name_");
    PyObject *value = name != NULL ? PyObject_GetAttrString(member, "_value_") : NULL;
    int status = value != NULL ? 0 : -1;
    if (status == 0) {
        locache_cbor_write_array(r->writer, 4);
        locache_cbor_write_int(r->writer, LCPY_FORM_MEMBER);
        status = lcpy_reach_value(r, name);
    }
    if (status == 0)
        status = lcpy_reach_value(r, value);
    if (status == 0)
        status = lcpy_reach_node(r, (PyObject *)Py_TYPE(member), LCPY_NODE_MEMBER);
    Py_XDECREF(name);
    Py_XDECREF(value);
    return status;
}

/* What a class of the user's says of its objects' keys itself goes before what can be seen. */
static bool says_its_key(PyTypeObject *type)
{
    PyObject *name = PyUnicode_InternFromString("__locache_key__");
    PyObject *found = name != NULL ? _PyType_Lookup(type, name) : NULL;
    Py_XDECREF(name);
    PyErr_Clear();
    return found != NULL;
}

static int write_users(lcpy_reacher *r, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    /* Its class may be another. */
    if (lcpy_guard_add_slot(&r->out->guard, value, (PyObject **)&value->ob_type) < 0)
        return -1;
    if (lcpy_names_is_of((PyObject *)type, "enum", "EnumMeta"))
        return write_member(r, value);
    if (lcpy_reduction_is_bare(r->state, type) && !says_its_key(type))
        return lcpy_reach_node(r, value, LCPY_NODE_WHOLE);
    return write_by_key(r, value);
}

int lcpy_reach_foreign(lcpy_reacher *r, PyObject *object)
{
    PyObject *module = PyObject_GetAttrString(object, "__module__");
    PyObject *name = lcpy_names_global(r->state, object);
    PyErr_Clear();
    int status = 0;
    locache_cbor_write_array(r->writer, 2);
    if (module != NULL && PyUnicode_Check(module))
        status = lcpy_reach_package(r, module);
    else
        status = lcpy_reach_left_out(r);
    if (status == 0)
        status = name != NULL ? lcpy_reach_text(r, LCPY_FORM_NAME, name) : lcpy_reach_left_out(r);
    Py_XDECREF(name);
    Py_XDECREF(module);
    return status;
}

static int write_code_of(lcpy_reacher *r, PyObject *value)
{
    int owner = lcpy_owner_of(r->state, value);
    if (owner < 0)
        return -1;
    /* A wrapper that is a package's is what it wraps, too. */
    if (owner == LCPY_OWNER_USER ||
        (PyFunction_Check(value) && PyFunction_GET_CLOSURE(value) != NULL))
        return lcpy_reach_node(r, value, LCPY_NODE_WHOLE);
    return lcpy_reach_foreign(r, value);
}

static int write_wrapped(lcpy_reacher *r, PyObject *value)
{
    PyObject *wrapped = PyObject_GetAttrString(value, "__wrapped__");
    int status = wrapped != NULL ? lcpy_reach_value(r, wrapped) : -1;
    Py_XDECREF(wrapped);
    return status;
}

/* What wraps a function, by that and by the options it was made with, where it keeps them as
 * numba's dispatchers do: with another of these the same source computes something else. */
static int write_wrapper_of_c(lcpy_reacher *r, PyObject *value, PyObject *wrapped)
{
    PyObject *options = PyObject_GetAttrString(value, "targetoptions");
    PyErr_Clear();
    locache_cbor_write_array(r->writer, 2);
    int status = options != NULL && PyDict_CheckExact(options)
                     ? lcpy_reach_dict(r, options, options, NULL)
                     : lcpy_reach_left_out(r);
    Py_XDECREF(options);
    return status == 0 ? lcpy_reach_value(r, wrapped) : -1;
}

/* An object of a package's class: what that wraps, where it says so; else its key, and the
 * package. */
static int write_other(lcpy_reacher *r, PyObject *value)
{
    PyObject *module = PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__module__");
    int status = 0;
    PyErr_Clear();
    locache_cbor_write_array(r->writer, 2);
    if (module != NULL && PyUnicode_Check(module))
        status = lcpy_reach_package(r, module);
    else
        status = lcpy_reach_left_out(r);
    Py_XDECREF(module);
    if (status < 0)
        return -1;
    PyObject *wrapped =
        PyCallable_Check(value) ? PyObject_GetAttrString(value, "__wrapped__") : NULL;
    PyErr_Clear();
    status = wrapped != NULL && PyCallable_Check(wrapped) ? write_wrapper_of_c(r, value, wrapped)
                                                          : write_by_key(r, value);
    Py_XDECREF(wrapped);
    return status;
}

/* One of the user's as a whole: whoever has it may look for any of its names. */
static int write_any_module(lcpy_reacher *r, PyObject *module)
{
    PyObject *name = PyModule_GetNameObject(module);
    PyErr_Clear();
    int owner = lcpy_owner_of(r->state, module);
    int status = owner < 0                  ? -1
                 : owner == LCPY_OWNER_USER ? lcpy_reach_node(r, module, LCPY_NODE_WHOLE)
                 : name != NULL             ? lcpy_reach_package(r, name)
                                            : lcpy_reach_left_out(r);
    Py_XDECREF(name);
    return status;
}

static bool is_plain_type(const PyTypeObject *type)
{
    return type == &PyList_Type || type == &PyDict_Type || type == &PyTuple_Type ||
           type == &PySet_Type || type == &PyFrozenSet_Type || type == &PyUnicode_Type ||
           type == &PyBytes_Type || type == &PyLong_Type || type == &PyFloat_Type ||
           type == &PyBool_Type || type == &PyComplex_Type || type == Py_TYPE(Py_None) ||
           type == &PyByteArray_Type || type == &PyMethod_Type;
}

bool lcpy_reach_is_data(PyObject *value)
{
    return is_plain_type(Py_TYPE(value));
}

/* A function of C's own, and no method. */
static bool is_of_module(PyObject *value)
{
    return PyCFunction_Check(value) &&
           (PyCFunction_GET_SELF(value) == NULL || PyModule_Check(PyCFunction_GET_SELF(value)));
}

static int write_declared(lcpy_reacher *r, PyObject *declared)
{
    int status = lcpy_reach_value(r, declared);
    Py_DECREF(declared);
    return status;
}

int lcpy_reach_value(lcpy_reacher *r, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (is_plain_type(type))
        return write_by_key(r, value);
    if (type == &PyFunction_Type || PyType_Check(value))
        return write_code_of(r, value);
    if (type == r->state->persisted_type)
        return write_wrapped(r, value);
    if (PyModule_Check(value))
        return write_any_module(r, value);
    int compiled = lcpy_owner_is_compiled(r->state, value);
    if (compiled < 0)
        return -1;
    if (compiled > 0 || is_of_module(value))
        return lcpy_reach_foreign(r, value);
    PyObject *declared;
    int library = lcpy_reach_library(r, value, &declared);
    if (library != 0)
        return library < 0 ? -1 : write_declared(r, declared);
    if (is_dict_view(value))
        return write_dict_view(r, value);
    if (value == (PyObject *)Py_NotImplemented || Py_IS_TYPE(value, &PyBaseObject_Type))
        return lcpy_reach_left_out(r); /* only ever compared with */
    int owner = lcpy_owner_of_class(r->state, (PyObject *)type);
    if (owner < 0)
        return -1;
    return owner == LCPY_OWNER_USER ? write_users(r, value) : write_other(r, value);
}
