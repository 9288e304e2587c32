/* Classes by name, or by content where no name leads to them; functions by their code and what it
 * is bound to.
 *
 * A class that is imported is the same class in every process, whatever its code: code that matters
 * to the result is followed by the function's own identity. A class or function that is made at run
 * time is no more than what it consists of, and as such it is written: two calls of a function that
 * makes a class give equal keys if the classes are equal. */
#include "key/class.h"

#include <string.h>

#include "identity.h"
#include "key/instance.h"
#include "plain/compat.h"
#include "plain/names.h"

/* What has no such attributes, or others than text there, is no global. */
int lcpy_class_is_global(PyObject *object)
{
    PyObject *module = PyObject_GetAttrString(object, "__module__");
    PyObject *name = module == NULL ? NULL : PyObject_GetAttrString(object, "__qualname__");
    int result = 0;

    if (name == NULL)
        PyErr_Clear();
    else if (PyUnicode_Check(module) && PyUnicode_Check(name))
        result = lcpy_names_has(object, module, name);
    Py_XDECREF(name);
    Py_XDECREF(module);
    return result;
}

/* -------------------------------------------------------------------------------------- classes */

/* What a class's dict holds that says nothing of it, or is not the same in every version of
 * Python. Of pydantic's, what it makes from the fields and the decorators, partly when it is first
 * needed, and where the class was made: fields and decorators count. */
bool lcpy_class_is_incidental(PyObject *name)
{
    static const lcpy_text names[] = {
        LCPY_TEXT("__dict__"),
        LCPY_TEXT("__weakref__"),
        LCPY_TEXT("__doc__"),
        LCPY_TEXT("__module__"),
        LCPY_TEXT("__qualname__"),
        LCPY_TEXT("__annotations__"),
        LCPY_TEXT("__annotate__"),
        LCPY_TEXT("__annotate_func__"),
        LCPY_TEXT("__abstractmethods__"),
        LCPY_TEXT("_abc_impl"),
        LCPY_TEXT("__firstlineno__"),
        LCPY_TEXT("__static_attributes__"),
        LCPY_TEXT("__annotations_cache__"),
        LCPY_TEXT("__type_params__"),
        LCPY_TEXT("__classdictcell__"),
        LCPY_TEXT("__conditional_annotations__"),
        LCPY_TEXT("__slotnames__"), /* copyreg's, once an object was pickled */
        LCPY_TEXT("__signature__"),
        LCPY_TEXT("__mutable_keys__"),
        LCPY_TEXT("__readonly_keys__"),
        LCPY_TEXT("__pydantic_complete__"),
        LCPY_TEXT("__pydantic_core_schema__"),
        LCPY_TEXT("__pydantic_fields_complete__"),
        LCPY_TEXT("__pydantic_parent_namespace__"),
        LCPY_TEXT("__pydantic_serializer__"),
        LCPY_TEXT("__pydantic_setattr_handlers__"),
        LCPY_TEXT("__pydantic_validator__")};
    return PyUnicode_CheckExact(name) &&
           lcpy_names_is_one_of(name, names, sizeof names / sizeof *names);
}

/* The dict of a class without what is incidental: an exact dict, new reference. */
PyObject *lcpy_class_members(PyObject *class)
{
    PyObject *proxy = PyObject_GetAttrString(class, "__dict__");
    PyObject *all = proxy == NULL ? NULL : PyObject_CallMethod(proxy, "copy", NULL);
    PyObject *members = all == NULL || !PyDict_CheckExact(all) ? NULL : PyDict_New();
    PyObject *name, *value;
    Py_ssize_t at = 0;

    /* A copy is walked: an attribute of the class may be set meanwhile. */
    while (members != NULL && PyDict_Next(all, &at, &name, &value))
        if (!lcpy_class_is_incidental(name) && PyDict_SetItem(members, name, value) < 0)
            Py_CLEAR(members);
    Py_XDECREF(all);
    Py_XDECREF(proxy);
    return members;
}

/* A class that no name leads to, as one made within a function: by its content, since many can have
 * the one name. [metaclass, [name, bases, {members}]], as type() makes it. */
static int write_local_class(lcpy_walk *walk, PyObject *class)
{
    PyObject *members = lcpy_class_members(class);
    int result = -1;

    if (members == NULL)
        return -1;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_cbor_write_array(walk->writer, 2);
    if (lcpy_class_write(walk, (PyObject *)Py_TYPE(class)) < 0)
        goto done;
    locache_cbor_write_array(walk->writer, 3);
    if (lcpy_walk_global(walk, class) < 0 ||
        lcpy_walk_value(walk, ((PyTypeObject *)class)->tp_bases) < 0)
        goto done;
    result = lcpy_walk_attributes(walk, members, NULL);
done:
    Py_DECREF(members);
    return result;
}

/* Is it still found where it was found before? */
static bool is_where_it_was(const lcpy_seen *seen, PyObject *class)
{
    return seen != NULL && seen->name != NULL &&
           ((PyHeapTypeObject *)class)->ht_qualname == seen->qualified &&
           lcpy_names_loaded_by(seen->module, seen->qualified) == class;
}

/* Keep where it was found and what it is called; not what is within something else, nor what may
 * yet be called otherwise, as a main module is. */
static void keep_name(lcpy_walk *walk, PyObject *class)
{
    lcpy_seen *seen = lcpy_instance_seen(walk->state, (PyTypeObject *)class);
    PyObject *qualified = ((PyHeapTypeObject *)class)->ht_qualname;
    PyObject *module = seen == NULL || PyUnicode_FindChar(qualified, '.', 0,
                                                          PyUnicode_GET_LENGTH(qualified), 1) >= 0
                           ? NULL
                           : PyObject_GetAttr(class, LCPY_NAME(walk->state, "__module__"));
    PyObject *name = module == NULL || !PyUnicode_CheckExact(module) ||
                             lcpy_names_loaded_by(module, qualified) != class
                         ? NULL
                         : lcpy_names_global(walk->state, class);
    bool lasts =
        name != NULL && (PyUnicode_READ_CHAR(module, 0) != '_' || walk->state->main_name != NULL);

    PyErr_Clear();
    if (lasts && lcpy_instance_seen(walk->state, (PyTypeObject *)class) == seen) {
        Py_XSETREF(seen->module, Py_NewRef(module));
        Py_XSETREF(seen->qualified, Py_NewRef(qualified));
        Py_XSETREF(seen->name, Py_NewRef(name));
    }
    Py_XDECREF(name);
    Py_XDECREF(module);
}

int lcpy_class_is_named(lcpy_walk *walk, PyObject *class)
{
    PyTypeObject *type = (PyTypeObject *)class;

    /* What C made is. */
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) ||
        PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE) ||
        is_where_it_was(lcpy_instance_seen(walk->state, type), class))
        return 1;
    int named = lcpy_class_is_global(class);
    if (named > 0)
        keep_name(walk, class);
    return named;
}

/* As lcpy_names_global(), of a class whose name may have been kept just now. */
static PyObject *name_of(lcpy_walk *walk, PyObject *object)
{
    const lcpy_seen *seen =
        PyType_Check(object) && PyType_HasFeature((PyTypeObject *)object, Py_TPFLAGS_HEAPTYPE)
            ? lcpy_instance_seen(walk->state, (PyTypeObject *)object)
            : NULL;
    return is_where_it_was(seen, object) ? Py_NewRef(seen->name)
                                         : lcpy_names_global(walk->state, object);
}

/* What is written elsewhere: its number. 1; 0: it is written here; -1 with an exception. */
static int write_collected(lcpy_walk *walk, PyObject *object)
{
    int number = walk->collector != NULL ? walk->collector->meet(walk->collector, object)
                                         : LCPY_COLLECT_BY_NAME;

    if (number < 0)
        return number == LCPY_COLLECT_BY_NAME ? 0 : -1;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_FUNCTION);
    locache_cbor_write_int(walk->writer, number);
    return 1;
}

/* What the code of the user's that it is comes to: 1 and *id; 0: it is none; -1. */
static int find_brought(locache_id *id, lcpy_walk *walk, PyObject *object)
{
    return walk->collector == NULL && walk->state->reach_of != NULL
               ? walk->state->reach_of(walk->state, id, object)
               : 0;
}

/* A class or function of C that has a name: that, and what its code and that which it reaches come
 * to, where it is the user's. */
int lcpy_class_write_named(lcpy_walk *walk, PyObject *object)
{
    locache_id id;
    PyObject *name;
    int result;
    int found = write_collected(walk, object);

    if (found != 0)
        return found < 0 ? -1 : 0;
    found = find_brought(&id, walk, object);
    if (found <= 0)
        return found < 0 ? -1 : lcpy_walk_global(walk, object);
    name = name_of(walk, object);
    if (name == NULL)
        return -1;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_CLASS);
    locache_cbor_write_array(walk->writer, 2);
    result = lcpy_walk_value(walk, name);
    locache_cbor_write_bytes(walk->writer, id.bytes, sizeof id.bytes);
    Py_DECREF(name);
    return result;
}

/* What C made without a dict of its own is nobody's who edits it. */
static int write_named_class(lcpy_walk *walk, PyObject *class)
{
    return PyType_HasFeature((PyTypeObject *)class, Py_TPFLAGS_HEAPTYPE) ||
                   strchr(((PyTypeObject *)class)->tp_name, '.') != NULL
               ? lcpy_class_write_named(walk, class)
               : lcpy_walk_global(walk, class);
}

int lcpy_class_write_here(lcpy_walk *walk, PyObject *class)
{
    int named = lcpy_class_is_named(walk, class);

    if (named <= 0)
        return named < 0 ? -1 : write_local_class(walk, class);
    walk->apart = true;
    return write_named_class(walk, class);
}

/* That of the outermost object is written in place where it has a name: a file's name shows it. */
int lcpy_class_write(lcpy_walk *walk, PyObject *class)
{
    int named;

    if (class == walk->current || !lcpy_walk_is_outermost(walk))
        return lcpy_walk_nested(walk, class, lcpy_class_write_here);
    named = lcpy_class_is_named(walk, class);
    if (named < 0)
        return -1;
    return named ? write_named_class(walk, class) : walk->refer(walk, class, false);
}

/* -------------------------------------------------------------------------------------- modules */

/* Its name, where import finds it under that; NULL, perhaps with an exception. */
static PyObject *loaded_name(PyObject *module)
{
    PyObject *name = PyModule_GetNameObject(module);
    PyObject *loaded = name != NULL ? PyImport_GetModule(name) : NULL;

    PyErr_Clear();
    if (loaded != module)
        Py_CLEAR(name);
    Py_XDECREF(loaded);
    return name;
}

static int write_module(lcpy_walk *walk, PyObject *module)
{
    locache_id id;
    PyObject *name;
    int result;
    int found = write_collected(walk, module);

    if (found != 0)
        return found < 0 ? -1 : 0;
    name = loaded_name(module);
    if (name == NULL)
        return lcpy_walk_refuse(walk, module, "not being found under its own name");
    found = find_brought(&id, walk, module);
    lcpy_walk_begin_object(walk, "types:ModuleType", found > 0 ? 2 : 1);
    result = found < 0 ? -1 : lcpy_walk_value(walk, name);
    if (found > 0)
        locache_cbor_write_bytes(walk->writer, id.bytes, sizeof id.bytes);
    Py_DECREF(name);
    return result;
}

int lcpy_class_write_module(lcpy_walk *walk, PyObject *module)
{
    return lcpy_walk_nested(walk, module, write_module);
}

/* ------------------------------------------------------------------------------------ functions */

/* What functools.singledispatch() notes down of calls that were made, and how functions are added.
 * Its functions have the name of the user's, so that they are known by where they look names up. */
static bool is_noted(PyObject *function, PyObject *name)
{
    static const char *const noted[] = {"dispatch_cache", "cache_token", "_clear_cache",
                                        "register"};
    PyObject *module = PyDict_GetItemString(PyFunction_GET_GLOBALS(function), "__name__");

    if (module == NULL || !PyUnicode_Check(module) || !PyUnicode_Check(name) ||
        PyUnicode_CompareWithASCIIString(module, "functools") != 0)
        return false;
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++)
        if (PyUnicode_CompareWithASCIIString(name, noted[i]) == 0)
            return true;
    return false;
}

/* One that is empty is an object of no class, which nothing else is. */
static int write_cell(lcpy_walk *walk, PyObject *cell)
{
    /* Held, since other code may assign to the cell. */
    PyObject *value = PyCell_Get(cell);
    int result = 0;

    if (value == NULL) {
        locache_cbor_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
        locache_cbor_write_array(walk->writer, 0);
    } else {
        result = lcpy_walk_value(walk, value);
        Py_DECREF(value);
    }
    return result;
}

/* The values of a closure's cells. */
static int write_closure(lcpy_walk *walk, PyObject *function)
{
    PyObject *closure = PyFunction_GetClosure(function);
    PyObject *names = lcpy_compat_code_free(PyFunction_GET_CODE(function));
    Py_ssize_t count = closure == NULL ? 0 : PyTuple_GET_SIZE(closure);
    uint64_t written = 0;
    int result = 0;

    if (names == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++)
        written += !is_noted(function, PyTuple_GET_ITEM(names, i));
    locache_cbor_write_array(walk->writer, written);
    for (Py_ssize_t i = 0; i < count && result == 0; i++) {
        if (!is_noted(function, PyTuple_GET_ITEM(names, i)) &&
            write_cell(walk, PyTuple_GET_ITEM(closure, i)) < 0)
            result = lcpy_walk_step(walk, ".__closure__[%zd]", i);
    }
    Py_DECREF(names);
    return result;
}

/* object() as a default says "not given": where it is, it is itself. */
static int write_default(lcpy_walk *walk, PyObject *value)
{
    if (!Py_IS_TYPE(value, &PyBaseObject_Type))
        return lcpy_walk_value(walk, value);
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_DEFAULT);
    locache_cbor_write_null(walk->writer);
    return 0;
}

static int write_positional_defaults(lcpy_walk *walk, PyObject *defaults)
{
    Py_ssize_t count = PyTuple_GET_SIZE(defaults);

    locache_cbor_write_array(walk->writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++)
        if (write_default(walk, PyTuple_GET_ITEM(defaults, i)) < 0)
            return lcpy_walk_step(walk, ".__defaults__[%zd]", i);
    return 0;
}

/* By name: which order they were given in shows nowhere. */
static int write_keyword_defaults(lcpy_walk *walk, PyObject *defaults)
{
    PyObject *names = PyDict_Keys(defaults);
    int result = names == NULL || PyList_Sort(names) < 0 ? -1 : 0;

    locache_cbor_write_map(walk->writer, (uint64_t)PyDict_GET_SIZE(defaults));
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        PyObject *value = PyDict_GetItemWithError(defaults, name);

        result = value == NULL ? lcpy_walk_changed("a function's defaults")
                               : lcpy_walk_value(walk, name);
        if (result == 0 && write_default(walk, value) < 0)
            result = lcpy_walk_step(walk, ".__kwdefaults__[%R]", name);
    }
    Py_XDECREF(names);
    return result;
}

/* [[positional defaults], {keyword-only defaults}], both null where there are none. */
static int write_defaults(lcpy_walk *walk, PyObject *function)
{
    PyObject *defaults = PyFunction_GET_DEFAULTS(function);
    PyObject *named = PyFunction_GET_KW_DEFAULTS(function);

    locache_cbor_write_array(walk->writer, 2);
    if (defaults == NULL)
        locache_cbor_write_null(walk->writer);
    else if (write_positional_defaults(walk, defaults) < 0)
        return -1;
    if (named != NULL)
        return write_keyword_defaults(walk, named);
    locache_cbor_write_null(walk->writer);
    return 0;
}

/* Attributes set on a function, less what is noted down and the one that functools.wraps() leaves.
 * A new dict. */
static PyObject *function_attributes(PyObject *function)
{
    PyObject *dict = PyObject_GetAttrString(function, "__dict__");
    PyObject *own = dict == NULL ? NULL : PyDict_New();
    PyObject *name;
    PyObject *value;
    Py_ssize_t at = 0;

    while (own != NULL && PyDict_Next(dict, &at, &name, &value)) {
        bool counts =
            !PyUnicode_Check(name) || PyUnicode_CompareWithASCIIString(name, "__wrapped__") != 0;
        if (counts && !is_noted(function, name) && PyDict_SetItem(own, name, value) < 0)
            Py_CLEAR(own);
    }
    Py_XDECREF(dict);
    return own;
}

/* "module:name", as of classes: what a function does may depend on what it is called. */
static int write_function_name(lcpy_walk *walk, PyObject *function)
{
    PyObject *name = lcpy_names_global(walk->state, function);
    int result;

    if (name == NULL) { /* made by exec() without a module: its code is what tells it */
        PyErr_Clear();
        return lcpy_walk_attribute(walk, function, "__qualname__");
    }
    result = lcpy_walk_value(walk, name);
    Py_DECREF(name);
    return result;
}

/* So many functions' digests are kept: what a program passes about, and lambdas in loops. */
#define FUNCTIONS_MAX 4096

/* A digest of what the function's source means, which is the same in every version of Python and
 * with any layout; of its code where there is no source. Kept by the code, which is held. */
int lcpy_class_function_id(lcpy_state *state, locache_id *out, PyObject *function)
{
    PyObject *code = PyFunction_GET_CODE(function);
    PyObject *key = PyLong_FromVoidPtr(code);
    PyObject *kept = NULL;
    int result = -1;

    if (state->functions == NULL)
        state->functions = PyDict_New();
    if (key == NULL || state->functions == NULL)
        goto done;
    kept = Py_XNewRef(PyDict_GetItemWithError(state->functions, key));
    if (kept == NULL && PyErr_Occurred() == NULL) {
        int found = lcpy_source_id(state, out, function);

        if (found == 0)
            found = lcpy_code_id(out, code) < 0 ? -1 : 1;
        if (PyDict_GET_SIZE(state->functions) >= FUNCTIONS_MAX)
            PyDict_Clear(state->functions);
        kept = found < 0 ? NULL
                         : Py_BuildValue("(Oy#)", code, (const char *)out->bytes,
                                         (Py_ssize_t)sizeof out->bytes);
        if (kept != NULL && PyDict_SetItem(state->functions, key, kept) < 0)
            Py_CLEAR(kept);
    }
    if (kept == NULL)
        goto done;
    memcpy(out->bytes, PyBytes_AS_STRING(PyTuple_GET_ITEM(kept, 1)), sizeof out->bytes);
    result = 0;
done:
    Py_XDECREF(kept);
    Py_XDECREF(key);
    return result;
}

PyObject *lcpy_class_function_id_of(PyObject *module, PyObject *function)
{
    locache_id id;
    if (!PyFunction_Check(function)) {
        PyErr_SetString(PyExc_TypeError, "expected a function");
        return NULL;
    }
    return lcpy_class_function_id(PyModule_GetState(module), &id, function) < 0
               ? NULL
               : PyBytes_FromStringAndSize((const char *)id.bytes, sizeof id.bytes);
}

static int write_code_and_bindings(lcpy_walk *walk, PyObject *function, PyObject *attributes)
{
    locache_id ids[2];
    locache_id id;
    int found = write_collected(walk, function);

    if (found != 0)
        return found < 0 ? -1 : 0;
    /* A function that was changed is another argument. */
    if (lcpy_class_function_id(walk->state, &id, function) < 0)
        return -1;
    if (walk->state->reach_of != NULL) {
        ids[0] = id;
        found = walk->state->reach_of(walk->state, &ids[1], function);
        if (found < 0)
            return -1;
        if (found > 0)
            locache_id_of(&id, ids, sizeof ids);
    }
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_FUNCTION);
    locache_cbor_write_array(walk->writer, PyDict_GET_SIZE(attributes) > 0 ? 5 : 4);
    if (write_function_name(walk, function) < 0)
        return -1;
    locache_cbor_write_bytes(walk->writer, id.bytes, sizeof id.bytes);
    if (write_closure(walk, function) < 0 || write_defaults(walk, function) < 0)
        return -1;
    return PyDict_GET_SIZE(attributes) > 0 ? lcpy_walk_attributes(walk, attributes, NULL) : 0;
}

static int write_function(lcpy_walk *walk, PyObject *function)
{
    PyObject *attributes = function_attributes(function);
    int result = attributes == NULL ? -1 : write_code_and_bindings(walk, function, attributes);

    Py_XDECREF(attributes);
    return result;
}

int lcpy_class_write_function(lcpy_walk *walk, PyObject *function)
{
    return lcpy_walk_nested(walk, function, write_function);
}

/* A method of an object of C, as [].append: the object, and the name in it. */
static int write_bound(lcpy_walk *walk, PyObject *function)
{
    lcpy_walk_begin_object(walk, "types:BuiltinMethodType", 2);
    if (lcpy_walk_value(walk, PyCFunction_GET_SELF(function)) < 0)
        return lcpy_walk_step(walk, "%s", ".__self__");
    return lcpy_walk_attribute(walk, function, "__name__");
}

int lcpy_class_write_builtin(lcpy_walk *walk, PyObject *function)
{
    PyObject *self = PyCFunction_GET_SELF(function);

    /* A function of a module is bound to the module. */
    return self == NULL || PyModule_Check(self) ? lcpy_class_write_named(walk, function)
                                                : write_bound(walk, function);
}
