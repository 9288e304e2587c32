/* A class that is reached: its bases, its metaclass, and what it was made of. */
#include "reach/owner.h"
#include "reach/walk.h"

#include <string.h>

#include "key/class.h"
#include "plain/compat.h"
#include "plain/names.h"

/* Names under which dataclasses, enumerations and named tuples note down in a class what follows
 * from the rest. */
static bool is_derived_name(PyObject *name)
{
    static const lcpy_text names[] = {LCPY_TEXT("__orig_bases__"),
                                      LCPY_TEXT("__parameters__"),
                                      LCPY_TEXT("_member_names_"),
                                      LCPY_TEXT("_member_map_"),
                                      LCPY_TEXT("_value2member_map_"),
                                      LCPY_TEXT("_member_type_"),
                                      LCPY_TEXT("_unhashable_values_"),
                                      LCPY_TEXT("_hashable_values_"),
                                      LCPY_TEXT("_unhashable_values_map_"),
                                      LCPY_TEXT("_use_args_"),
                                      LCPY_TEXT("_generate_next_value_"),
                                      LCPY_TEXT("_value_repr_"),
                                      LCPY_TEXT("__slots__"),
                                      LCPY_TEXT("_new_member_"),
                                      LCPY_TEXT("__getnewargs__"),
                                      LCPY_TEXT("__type_params__"),
                                      LCPY_TEXT("_flag_mask_"),
                                      LCPY_TEXT("_singles_mask_"),
                                      LCPY_TEXT("_all_bits_"),
                                      LCPY_TEXT("_boundary_"),
                                      LCPY_TEXT("_inverted_"),
                                      LCPY_TEXT("__hash__"),
                                      LCPY_TEXT("__protocol_attrs__"),
                                      LCPY_TEXT("__non_callable_proto_members__"),
                                      LCPY_TEXT("_is_protocol"),
                                      LCPY_TEXT("_is_runtime_protocol"),
                                      LCPY_TEXT("__attrs_attrs__"),
                                      LCPY_TEXT("__attrs_own_setattr__"),
                                      LCPY_TEXT("__attrs_props__"),
                                      LCPY_TEXT("__replace__"),
                                      LCPY_TEXT("__attrs_base_of_slotted__")};
    return lcpy_names_is_one_of(name, names, sizeof names / sizeof *names);
}

/* A function as it is in a class, or what binds it there. Borrowed from the class. */
static PyObject *bare_function(PyObject *value)
{
    PyObject *inner = NULL;
    if (PyFunction_Check(value))
        return value;
    if (Py_IS_TYPE(value, &PyClassMethod_Type) || Py_IS_TYPE(value, &PyStaticMethod_Type))
        inner = PyObject_GetAttrString(value, "__func__");
    PyErr_Clear();
    Py_XDECREF(inner); /* its method holds it */
    return inner != NULL && PyFunction_Check(inner) ? inner : NULL;
}

/* Made from the class's fields, as __init__ of a dataclass: what it does follows from them. */
static bool is_generated(lcpy_reacher *r, PyObject *members, PyObject *value)
{
    PyObject *function = bare_function(value);
    if (function == NULL)
        return false;
    PyObject *file = ((PyCodeObject *)PyFunction_GET_CODE(function))->co_filename;
    const char *path = PyUnicode_AsUTF8(file);
    PyErr_Clear();
    if (path == NULL)
        return false;
    if (strncmp(path, "<attrs generated ", 17) == 0)
        return true;
    if (PyDict_GetItemString(members, "__dataclass_fields__") == NULL &&
        PyDict_GetItemString(members, "_fields") == NULL)
        return false;
    return path[0] == '<' ? strcmp(path, "<string>") == 0
                          : lcpy_owner_of_function(r->state, function) == LCPY_OWNER_PYTHON;
}

/* What the enum module puts into an enumeration: how its members are made and shown, which each
 * version of Python does in its own way. */
static bool is_of_enum(lcpy_reacher *r, PyObject *members, PyObject *name, PyObject *value)
{
    PyObject *function = bare_function(value);
    if (PyDict_GetItemString(members, "_member_map_") == NULL ||
        PyUnicode_READ_CHAR(name, 0) != '_')
        return false;
    return function != NULL
               ? lcpy_owner_of_function(r->state, function) == LCPY_OWNER_PYTHON
               : Py_IS_TYPE(value, &PyMethodDescr_Type) || Py_IS_TYPE(value, &PyWrapperDescr_Type);
}

/* It follows from the rest of the class, unless the user wrote it. */
static bool is_derived(lcpy_reacher *r, PyObject *name, PyObject *value)
{
    PyObject *function = is_derived_name(name) ? bare_function(value) : NULL;
    return is_derived_name(name) &&
           (function == NULL || lcpy_owner_of_function(r->state, function) != LCPY_OWNER_USER);
}

/* A method in a class's dict: the function within what binds it. New reference. */
static PyObject *within_descriptor(PyObject *value, const char *name)
{
    PyObject *inner = PyObject_GetAttrString(value, name);
    PyErr_Clear();
    return inner != NULL ? inner : Py_NewRef(Py_None);
}

static int write_named_parts(lcpy_reacher *r, PyObject *value, const char *const *names)
{
    uint64_t count = 0;
    while (names[count] != NULL)
        count++;
    locache_cbor_write_array(r->writer, count);
    for (uint64_t i = 0; i < count; i++) {
        PyObject *inner = within_descriptor(value, names[i]);
        int status = inner != NULL ? lcpy_reach_value(r, inner) : -1;
        Py_XDECREF(inner);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int write_class_member(lcpy_reacher *r, PyObject *value)
{
    static const char *const property[] = {"fget", "fset", "fdel", NULL};
    static const char *const method[] = {"__func__", NULL};
    static const char *const cached[] = {"func", NULL};
    static const char *const dispatched[] = {"func", "dispatcher", NULL};
    static const char *const partial[] = {"func", "args", "keywords", NULL};
    const char *type = Py_TYPE(value)->tp_name;
    if (PyObject_TypeCheck(value, &PyProperty_Type))
        return write_named_parts(r, value, property);
    if (PyObject_TypeCheck(value, &PyClassMethod_Type) ||
        PyObject_TypeCheck(value, &PyStaticMethod_Type))
        return write_named_parts(r, value, method);
    if (strcmp(type, "cached_property") == 0)
        return write_named_parts(r, value, cached);
    if (strcmp(type, "singledispatchmethod") == 0)
        return write_named_parts(r, value, dispatched);
    if (strcmp(type, "partialmethod") == 0) /* from 3.14 on it has more, which follows from these */
        return write_named_parts(r, value, partial);
    return lcpy_reach_value(r, value);
}

/* What a slot or __dict__ is made of, or a named tuple's field, says no more than that it is
 * there. */
static bool is_slot(PyObject *value)
{
    const char *name = strrchr(Py_TYPE(value)->tp_name, '.');
    return Py_IS_TYPE(value, &PyMemberDescr_Type) || Py_IS_TYPE(value, &PyGetSetDescr_Type) ||
           (name != NULL && strcmp(name, "._tuplegetter") == 0);
}

/* Of a dataclass's field "default" is no attribute of the class where that has slots. */
static int write_data_fields(lcpy_reacher *r, PyObject *fields)
{
    static const char *const parts[] = {
        "name", "default", "default_factory", "init", "compare", "kw_only",
        "repr", "hash",    "metadata",        NULL};
    static const char *const kind[] = {"name", NULL};
    PyObject *values = PyDict_Values(fields);
    int status = values != NULL ? 0 : -1;
    if (values != NULL)
        locache_cbor_write_array(r->writer, 2 * (uint64_t)PyList_GET_SIZE(values));
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(values); i++) {
        PyObject *type = within_descriptor(PyList_GET_ITEM(values, i), "_field_type");
        status = write_named_parts(r, type, kind); /* a field, or one that is not stored */
        if (status == 0)
            status = write_named_parts(r, PyList_GET_ITEM(values, i), parts);
        Py_DECREF(type);
    }
    Py_XDECREF(values);
    return status;
}

static int write_data_options(lcpy_reacher *r, PyObject *options)
{
    static const char *const parts[] = {"init",        "repr",   "eq", "order",
                                        "unsafe_hash", "frozen", NULL};
    return write_named_parts(r, options, parts);
}

static bool is_told_member(PyObject *value, const char *text, const char *name, const char *type)
{
    const char *dot = strrchr(Py_TYPE(value)->tp_name, '.');
    const char *of = dot != NULL ? dot + 1 : Py_TYPE(value)->tp_name;
    return strcmp(text, name) == 0 && strcmp(of, type) == 0;
}

static int write_member_value(lcpy_reacher *r, const char *name, PyObject *value)
{
    if (is_told_member(value, name, "__dataclass_fields__", "dict"))
        return write_data_fields(r, value);
    if (is_told_member(value, name, "__dataclass_params__", "_DataclassParams"))
        return write_data_options(r, value);
    /* From 3.12 on a static method, whatever was written. */
    if (strcmp(name, "_generate_next_value_") == 0 && bare_function(value) != NULL)
        value = bare_function(value);
    return is_slot(value) ? lcpy_reach_left_out(r) : write_class_member(r, value);
}

static int write_named_member(lcpy_reacher *r, PyObject *class, PyObject *name, PyObject *value)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    PyObject *before = r->place;
    int status = text != NULL ? lcpy_reach_is_state(r, class, name, value) : -1;
    if (status < 0)
        return -1;
    locache_cbor_write_text(r->writer, text, (size_t)size);
    if (status > 0)
        return lcpy_reach_left_out(r);
    r->place = lcpy_reach_place_in(r, "%U.%U", name);
    status = r->place != NULL ? write_member_value(r, text, value) : -1;
    Py_XDECREF(r->place);
    r->place = before;
    return status;
}

/* The members of an enumeration: a borrowed dict, or NULL. */
static PyObject *member_map(PyObject *class)
{
    PyObject *dict = ((PyTypeObject *)class)->tp_dict;
    PyObject *map = dict != NULL ? PyDict_GetItemString(dict, "_member_map_") : NULL;
    return map != NULL && PyDict_Check(map) ? map : NULL;
}

/* Is it to be written here? Members of an enumeration are where one of them is reached, or all. */
static int counts(lcpy_reacher *r, PyObject *class, PyObject *members, PyObject *name,
                  PyObject *value)
{
    PyObject *map = member_map(class);
    if (!PyUnicode_Check(name) || is_derived(r, name, value) || is_generated(r, members, value) ||
        is_of_enum(r, members, name, value))
        return 0;
    int member = map != NULL ? PyDict_Contains(map, name) : 0;
    return member < 0 ? -1 : !member;
}

static int write_class_members(lcpy_reacher *r, PyObject *class)
{
    PyObject *members = lcpy_class_members(class);
    PyObject *names = members != NULL ? PyDict_Keys(members) : NULL;
    int status = names != NULL ? PyList_Sort(names) : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        PyObject *value = PyDict_GetItemWithError(members, name);
        int here = value != NULL ? counts(r, class, members, name, value) : 0;
        status = here > 0 ? write_named_member(r, class, name, value) : here;
    }
    Py_XDECREF(names);
    Py_XDECREF(members);
    return status;
}

/* An enumeration as a whole is its members in their order. */
static int write_enum_members(lcpy_reacher *r, PyObject *class)
{
    PyObject *map = member_map(class);
    if (map == NULL)
        return lcpy_reach_left_out(r);
    PyObject *names = PyDict_Keys(map);
    int status = names != NULL ? 0 : -1;
    if (status == 0)
        locache_cbor_write_array(r->writer, 2 * (uint64_t)PyList_GET_SIZE(names));
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        PyObject *member = PyDict_GetItemWithError(map, name);
        PyObject *value = member != NULL ? PyObject_GetAttrString(member, "_value_") : NULL;
        status = value != NULL && lcpy_reach_value(r, name) == 0 ? lcpy_reach_value(r, value) : -1;
        Py_XDECREF(value);
    }
    Py_XDECREF(names);
    return status;
}

static int write_class_bases(lcpy_reacher *r, PyTypeObject *type)
{
    PyObject *bases = type->tp_bases;
    locache_cbor_write_array(r->writer, 1 + (uint64_t)PyTuple_GET_SIZE(bases));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++)
        if (lcpy_reach_value(r, PyTuple_GET_ITEM(bases, i)) < 0)
            return -1;
    /* An enumeration's follows from its base, and has another name in 3.10. */
    PyObject *of_enum = lcpy_names_loaded("enum", "EnumMeta");
    bool plain = Py_TYPE(type) == &PyType_Type || (PyObject *)Py_TYPE(type) == of_enum;
    return plain ? lcpy_reach_left_out(r) : lcpy_reach_value(r, (PyObject *)Py_TYPE(type));
}

/* What representations of its objects show. */
static int write_class_name(lcpy_reacher *r, PyObject *class)
{
    PyObject *name = PyObject_GetAttrString(class, "__qualname__");
    Py_ssize_t size;
    const char *text = name != NULL ? PyUnicode_AsUTF8AndSize(name, &size) : NULL;
    if (text != NULL)
        locache_cbor_write_text(r->writer, text, (size_t)size);
    Py_XDECREF(name);
    return text != NULL ? 0 : -1;
}

/* Of each class that is registered with one whose metaclass is ABCMeta its name: a new list. */
static PyObject *registered_names(PyObject *class)
{
    PyObject *dump = lcpy_names_loaded("_abc", "_get_dump");
    PyObject *names = PyList_New(0);
    if (names == NULL || dump == NULL || !lcpy_names_is_of(class, "abc", "ABCMeta"))
        return names;
    PyObject *all = PyObject_CallOneArg(dump, class);
    PyObject *of = all != NULL ? PySequence_GetItem(all, 0) : NULL;
    PyObject *each = of != NULL ? PySequence_List(of) : NULL;
    PyErr_Clear(); /* a class that is being made has no such record yet */
    for (Py_ssize_t i = 0; each != NULL && names != NULL && i < PyList_GET_SIZE(each); i++) {
        PyObject *one = lcpy_compat_referent(PyList_GET_ITEM(each, i));
        PyObject *name = one != NULL ? PyObject_GetAttrString(one, "__qualname__") : NULL;
        PyErr_Clear();
        if (name != NULL && PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
        Py_XDECREF(one);
    }
    Py_XDECREF(each);
    Py_XDECREF(of);
    Py_XDECREF(all);
    return names;
}

/* Classes that are registered with an abstract one, which isinstance() and issubclass() know: by
 * their names, in an order of their own. Nothing is written where there are none. */
static int write_registered(lcpy_reacher *r, PyObject *class)
{
    PyObject *names = registered_names(class);
    int status = names != NULL ? PyList_Sort(names) : -1;
    if (status == 0 && PyList_GET_SIZE(names) > 0)
        status = lcpy_reach_value(r, names);
    if (status == 0)
        lcpy_contents_add_class(&r->out->guard.contents, class);
    Py_XDECREF(names);
    return status;
}

int lcpy_reach_class(lcpy_reacher *r, PyObject *class, int mode)
{
    PyTypeObject *type = (PyTypeObject *)class;
    if (lcpy_guard_add_class(&r->out->guard, type) < 0 ||
        lcpy_reach_code_part(r, "class", class) < 0)
        return -1;
    locache_cbor_write_array(r->writer, 4);
    locache_cbor_write_int(r->writer, LCPY_FORM_CLASS);
    if (write_class_name(r, class) < 0 || write_class_bases(r, type) < 0 ||
        lcpy_reach_shown(r, class) < 0 || write_registered(r, class) < 0)
        return -1;
    if (mode != LCPY_NODE_MEMBER && write_enum_members(r, class) < 0)
        return -1;
    return write_class_members(r, class);
}
