/* Any object that has no form of its own: by its __locache_key__, as what its class makes it, or by
 * its reduction (reduction.c).
 *
 * In that order: what the class says of itself goes before everything. Then come the kinds of
 * objects whose reduction says too little or does not exist, and those that must not be keyed since
 * no two of them can be told apart, or since reading them would change them. */
#include "key/object.h"

#include "key/class.h"
#include "key/instance.h"
#include "key/known.h"
#include "key/reduction.h"
#include "plain/names.h"

/* __locache_key__ as the class has it (borrowed), or NULL, perhaps with an exception. As Python
 * looks up its own special methods: in the classes, not in the instance. */
static PyObject *find_custom(lcpy_state *state, PyTypeObject *type)
{
    PyObject *name = LCPY_NAME(state, "__locache_key__");
    PyObject *order = type->tp_mro;
    PyObject *found = NULL;

    for (Py_ssize_t i = 0;
         name != NULL && order != NULL && found == NULL && i < PyTuple_GET_SIZE(order); i++) {
        PyObject *dict = ((PyTypeObject *)PyTuple_GET_ITEM(order, i))->tp_dict;

        /* Builtin classes have theirs elsewhere from 3.12 on. */
        found = dict == NULL ? NULL : PyDict_GetItemWithError(dict, name);
    }
    return found;
}

/* As Python binds a method that it found in a class: a staticmethod or a plain callable takes no
 * self. */
static PyObject *call_custom(PyObject *object, PyObject *custom)
{
    descrgetfunc bind = Py_TYPE(custom)->tp_descr_get;
    PyObject *method =
        bind == NULL ? Py_NewRef(custom) : bind(custom, object, (PyObject *)Py_TYPE(object));
    PyObject *value = method == NULL ? NULL : PyObject_CallNoArgs(method);

    Py_XDECREF(method);
    return value;
}

/* [class, value]; value is stolen, and may be NULL with an exception. */
static int write_said(lcpy_walk *walk, PyObject *object, PyObject *value, const char *step)
{
    if (value == NULL)
        return -1;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_CUSTOM);
    locache_cbor_write_array(walk->writer, 2);
    if (lcpy_class_write(walk, (PyObject *)Py_TYPE(object)) < 0) {
        Py_DECREF(value);
        return -1;
    }
    return lcpy_walk_new(walk, value) < 0 ? lcpy_walk_step(walk, "%s", step) : 0;
}

/* `custom` is held by the caller. */
static int write_custom(lcpy_walk *walk, PyObject *object, PyObject *custom)
{
    /* As __hash__ = None says that a class has none. */
    if (custom == Py_None)
        return lcpy_walk_refuse(walk, object, "its __locache_key__ being None");
    return write_said(walk, object, call_custom(object, custom), ".__locache_key__()");
}

static bool derives_from_enum(lcpy_state *state, PyObject *object, bool flag)
{
    PyObject *class =
        flag ? LCPY_LOADED(state, "enum", "Flag") : LCPY_LOADED(state, "enum", "Enum");

    return class != NULL && PyType_Check(class) &&
           PyType_IsSubtype(Py_TYPE(object), (PyTypeObject *)class);
}

/* A member of an enumeration: [class, [name]]; for flags the value, since combinations have no name
 * in every version. With the value behind the name where no name leads to the class: what the
 * class's own dict says of values is not the same in every version. */
static int write_enum(lcpy_walk *walk, PyObject *member)
{
    PyObject *class = (PyObject *)Py_TYPE(member);
    bool flag = derives_from_enum(walk->state, member, true);
    int named = lcpy_class_is_named(walk, class);

    if (named < 0)
        return -1;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_cbor_write_array(walk->writer, 2);
    if (lcpy_class_write(walk, class) < 0)
        return -1;
    locache_cbor_write_array(walk->writer, named || flag ? 1 : 2);
    if (!flag && lcpy_walk_attribute(walk, member, "_name_") < 0)
        return -1;
    return flag || !named ? lcpy_walk_attribute(walk, member, "_value_") : 0;
}

/* types.MappingProxyType: its mapping, as a dict. */
static int write_proxy(lcpy_walk *walk, PyObject *proxy)
{
    lcpy_walk_begin_object(walk, "types:MappingProxyType", 1);
    return lcpy_walk_call(walk, proxy, "copy");
}

/* What has no method that says it, nor a function. */
static int write_as_it_is(lcpy_walk *walk, PyObject *value)
{
    if (PyType_Check(value))
        return lcpy_class_write_here(walk, value);
    if (PyCFunction_Check(value))
        return lcpy_class_write_builtin(walk, value);
    if (Py_TYPE(value) == &PyDictProxy_Type)
        return write_proxy(walk, value);
    if (Py_TYPE(value) == &PyBaseObject_Type)
        return lcpy_walk_refuse(walk, value, "being no other than itself"); /* a bare object() */
    /* To write what it gives would take that from the function; and its state is not what it will
     * give. */
    if (PyIter_Check(value))
        return lcpy_walk_refuse(walk, value, "being used up as it is read");
    /* Enumerations have a metaclass; most classes have none. */
    if (Py_TYPE(Py_TYPE(value)) != &PyType_Type && derives_from_enum(walk->state, value, false))
        return write_enum(walk, value);
    return lcpy_reduction_write(walk, value);
}

/* The first of its class that nothing says more of: what holds for all of them is noted. */
static int write_first(lcpy_walk *walk, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    lcpy_met *met = lcpy_walk_met(walk, type);
    lcpy_seen *seen = lcpy_instance_seen(walk->state, type);
    bool plain = seen != NULL && seen->asked
                     ? seen->plain && lcpy_instance_reducer(walk->state, type) == NULL
                     : Py_TYPE(type) == &PyType_Type && lcpy_reduction_is_plain(walk->state, type);

    if (met->type == type) {
        met->asked = true;
        met->plain = plain;
    }
    seen = lcpy_instance_seen(walk->state, type); /* which may have got a version by now */
    if (seen != NULL) {
        seen->plain = seen->asked ? seen->plain : plain;
        seen->asked = true;
        seen->turn = walk->state->known_turn;
    }
    return plain ? lcpy_reduction_write_plain(walk, value) : write_as_it_is(walk, value);
}

static int write_unasked(lcpy_walk *walk, PyObject *value)
{
    const lcpy_seen *seen = lcpy_instance_seen(walk->state, Py_TYPE(value));
    if (seen != NULL && seen->asked && lcpy_known_is_same(walk->state, seen->turn))
        return write_first(walk, value);
    /* Held: the method may take itself out of its class. */
    PyObject *custom = Py_XNewRef(find_custom(walk->state, Py_TYPE(value)));
    PyObject *known = NULL;
    int result;

    if (custom != NULL) {
        result = write_custom(walk, value, custom);
        Py_DECREF(custom);
        return result;
    }
    if (PyErr_Occurred() != NULL)
        return -1; /* a look-up in a class's dict failed */
    result = lcpy_known_find(&known, walk->state, Py_TYPE(value));
    if (result < 0)
        return -1;
    if (result == 0)
        return write_first(walk, value);
    PyObject *said = PyObject_CallOneArg(known, value);
    Py_DECREF(known);
    if (said == Py_NotImplemented) { /* the function says nothing of this one */
        Py_DECREF(said);
        return write_as_it_is(walk, value);
    }
    return write_said(walk, value, said, ".key_for()");
}

/* Objects mostly come by the thousand of one class. */
int lcpy_object_write_here(lcpy_walk *walk, PyObject *value)
{
    const lcpy_met *met = lcpy_walk_met(walk, Py_TYPE(value));
    if (met->type != Py_TYPE(value) || !met->asked)
        return write_unasked(walk, value);
    return met->plain ? lcpy_reduction_write_plain(walk, value) : write_as_it_is(walk, value);
}

int lcpy_object_write(lcpy_walk *walk, PyObject *value)
{
    return lcpy_walk_nested(walk, value, lcpy_object_write_here);
}
