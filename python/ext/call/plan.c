/* The plan of a signature: its parameters with what each call's key has of them. */
#include "call/plan.h"

PyObject *lcpy_plan_label(PyObject *name)
{
    Py_ssize_t size = 0;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text == NULL)
        return NULL;
    unsigned char room[64]; /* bytes: few names are longer, and those go to the heap */
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, room, sizeof room);
    locache_key_name(&writer, text, (size_t)size);
    PyObject *label = NULL;
    if (locache_cbor_writer_status(&writer) == LOCACHE_OK)
        label = PyBytes_FromStringAndSize((const char *)writer.data, (Py_ssize_t)writer.length);
    else
        PyErr_NoMemory();
    locache_cbor_writer_clear(&writer);
    return label;
}

static int add_parameter(lcpy_plan *plan, PyObject *name, PyObject *fallbacks)
{
    lcpy_parameter *parameter = &plan->parameters[plan->count++];
    parameter->name = Py_NewRef(name);
    PyUnicode_InternInPlace(&parameter->name);
    if (fallbacks != Py_None)
        parameter->fallback = Py_XNewRef(PyDict_GetItemWithError(fallbacks, name));
    parameter->label = lcpy_plan_label(name);
    int ignored = plan->ignored != NULL ? PySet_Contains(plan->ignored, name) : 0;
    parameter->ignored = ignored > 0;
    if (plan->keys != NULL)
        parameter->key = Py_XNewRef(PyDict_GetItemWithError(plan->keys, name));
    plan->counted += !parameter->ignored;
    return parameter->label == NULL || ignored < 0 ? -1 : 0;
}

/* *args or **kwargs: `name` is None where there is none. */
static int set_any(const lcpy_plan *plan, PyObject *name, bool *any, bool *ignore)
{
    *any = name != Py_None;
    int ignored = *any && plan->ignored != NULL ? PySet_Contains(plan->ignored, name) : 0;
    *ignore = ignored > 0;
    return ignored < 0 ? -1 : 0;
}

static PyObject *key_of_any(const lcpy_plan *plan, PyObject *name)
{
    return plan->keys != NULL && name != Py_None
               ? Py_XNewRef(PyDict_GetItemWithError(plan->keys, name))
               : NULL;
}

int lcpy_plan_init(lcpy_plan *out, PyObject *told, PyObject *ignored, PyObject *keys)
{
    PyObject *function;
    PyObject *names;
    PyObject *fallbacks;
    PyObject *any_position;
    PyObject *any_keyword;
    int names_only = 0;
    *out = (lcpy_plan){
        .ignored = Py_XNewRef(ignored),
        .keys = PyDict_Check(keys) ? Py_NewRef(keys) : NULL,
        .call_key = PyDict_Check(keys) || keys == Py_None ? NULL : Py_NewRef(keys),
    };
    if (!PyArg_ParseTuple(told, "OO!OnnOOp;a plan", &function, &PyTuple_Type, &names, &fallbacks,
                          &out->positional_only, &out->positional, &any_position, &any_keyword,
                          &names_only))
        return -1;
    out->function = function != Py_None ? Py_NewRef(function) : NULL;
    out->keep_missing = names_only != 0;
    Py_ssize_t count = PyTuple_GET_SIZE(names);
    /* one more, since no bytes may be NULL */
    out->parameters = PyMem_Calloc((size_t)count + 1, sizeof *out->parameters);
    if (out->parameters == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (add_parameter(out, PyTuple_GET_ITEM(names, i), fallbacks) < 0)
            return -1;
    if (set_any(out, any_position, &out->any_position, &out->ignore_positions) < 0 ||
        set_any(out, any_keyword, &out->any_keyword, &out->ignore_keywords) < 0)
        return -1;
    out->position_key = key_of_any(out, any_position);
    out->keyword_key = key_of_any(out, any_keyword);
    return PyErr_Occurred() != NULL ? -1 : 0;
}

void lcpy_plan_clear(lcpy_plan *plan)
{
    lcpy_plan old = *plan;
    *plan = (lcpy_plan){0};
    for (Py_ssize_t i = 0; i < old.count; i++) {
        Py_CLEAR(old.parameters[i].name);
        Py_CLEAR(old.parameters[i].label);
        Py_CLEAR(old.parameters[i].opening);
        Py_CLEAR(old.parameters[i].fallback);
        Py_CLEAR(old.parameters[i].key);
    }
    PyMem_Free(old.parameters);
    Py_CLEAR(old.function);
    Py_CLEAR(old.ignored);
    Py_CLEAR(old.keys);
    Py_CLEAR(old.position_key);
    Py_CLEAR(old.keyword_key);
    Py_CLEAR(old.call_key);
}

int lcpy_plan_traverse(const lcpy_plan *plan, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        Py_VISIT(plan->parameters[i].fallback);
        Py_VISIT(plan->parameters[i].key);
    }
    Py_VISIT(plan->function);
    Py_VISIT(plan->keys);
    Py_VISIT(plan->position_key);
    Py_VISIT(plan->keyword_key);
    Py_VISIT(plan->call_key);
    return 0;
}

PyObject *lcpy_plan_default(const lcpy_plan *plan, Py_ssize_t n)
{
    if (plan->function == NULL)
        return plan->parameters[n].fallback;
    if (n >= plan->positional) {
        PyObject *by_name = PyFunction_GET_KW_DEFAULTS(plan->function);
        return by_name != NULL ? PyDict_GetItemWithError(by_name, plan->parameters[n].name) : NULL;
    }
    PyObject *defaults = PyFunction_GET_DEFAULTS(plan->function);
    Py_ssize_t at = defaults != NULL ? n - (plan->positional - PyTuple_GET_SIZE(defaults)) : -1;
    return at >= 0 ? PyTuple_GET_ITEM(defaults, at) : NULL;
}
