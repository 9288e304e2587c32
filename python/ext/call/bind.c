#include "call/bind.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_ON_STACK 16 /* parameters; more go to the heap */

/* --------------------------------------------------------------------------------- making plans */

static int add_parameter(lcpy_plan *plan, PyObject *name, PyObject *fallback, PyObject *unused)
{
    lcpy_parameter *parameter = &plan->parameters[plan->count++];
    parameter->name = Py_NewRef(name);
    PyUnicode_InternInPlace(&parameter->name);
    parameter->fallback = Py_XNewRef(fallback);
    parameter->label = lcpy_label(name);
    if (parameter->label == NULL)
        return -1;
    if (plan->ignored != NULL) {
        int found = PySet_Contains(plan->ignored, name);
        if (found < 0 || PySet_Discard(unused, name) < 0)
            return -1;
        parameter->ignored = found > 0;
    }
    plan->counted += !parameter->ignored;
    return 0;
}

/* The name of *args or **kwargs may be ignored as well: 1, 0 or -1. */
static int is_ignored(const lcpy_plan *plan, PyObject *name, PyObject *unused)
{
    if (plan->ignored == NULL)
        return 0;
    int found = PySet_Contains(plan->ignored, name);
    return found < 0 || PySet_Discard(unused, name) < 0 ? -1 : found;
}

static int make_room(lcpy_plan *plan, Py_ssize_t count)
{
    plan->parameters = PyMem_Calloc((size_t)count + 1, sizeof *plan->parameters);
    if (plan->parameters == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

int lcpy_plan_of_function(lcpy_plan *out, PyObject *function, bool names_only, PyObject *ignored,
                          PyObject *unused)
{
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    *out = (lcpy_plan){.function = Py_NewRef(function),
                       .ignored = Py_XNewRef(ignored),
                       .keep_missing = names_only};
    out->positional_only = code->co_posonlyargcount;
    out->positional = code->co_argcount;
    out->any_position = (code->co_flags & CO_VARARGS) != 0;
    out->any_keyword = (code->co_flags & CO_VARKEYWORDS) != 0;
    Py_ssize_t named = code->co_argcount + code->co_kwonlyargcount;
    PyObject *names = PyObject_GetAttrString((PyObject *)code, "co_varnames");
    if (names == NULL || make_room(out, named) < 0) {
        Py_XDECREF(names);
        return -1;
    }
    int status = 0;
    for (Py_ssize_t i = 0; i < named && status == 0; i++)
        status = add_parameter(out, PyTuple_GET_ITEM(names, i), NULL, unused);
    if (status == 0 && out->any_position) {
        status = is_ignored(out, PyTuple_GET_ITEM(names, named), unused);
        out->ignore_positions = status > 0;
    }
    if (status >= 0 && out->any_keyword) {
        status =
            is_ignored(out, PyTuple_GET_ITEM(names, named + (out->any_position ? 1 : 0)), unused);
        out->ignore_keywords = status > 0;
    }
    Py_DECREF(names);
    return status < 0 ? -1 : 0;
}

/* One inspect.Parameter. `empty` is inspect.Parameter.empty. */
static int add_inspected(lcpy_plan *plan, PyObject *parameter, PyObject *empty, PyObject *unused)
{
    enum {
        POSITIONAL_ONLY,
        POSITIONAL_OR_KEYWORD,
        VAR_POSITIONAL,
        KEYWORD_ONLY,
        VAR_KEYWORD
    }; /* inspect._ParameterKind */
    int status = -1;
    PyObject *name = PyObject_GetAttrString(parameter, "name");
    PyObject *kind_object = PyObject_GetAttrString(parameter, "kind");
    PyObject *fallback = PyObject_GetAttrString(parameter, "default");
    if (name == NULL || kind_object == NULL || fallback == NULL)
        goto done;
    long kind = PyLong_AsLong(kind_object);
    if (kind == -1 && PyErr_Occurred() != NULL)
        goto done;
    if (kind == VAR_POSITIONAL || kind == VAR_KEYWORD) {
        status = is_ignored(plan, name, unused);
        *(kind == VAR_POSITIONAL ? &plan->any_position : &plan->any_keyword) = true;
        *(kind == VAR_POSITIONAL ? &plan->ignore_positions : &plan->ignore_keywords) = status > 0;
        goto done;
    }
    plan->positional_only += kind == POSITIONAL_ONLY;
    plan->positional += kind != KEYWORD_ONLY;
    status = add_parameter(plan, name, fallback == empty ? NULL : fallback, unused);
done:
    Py_XDECREF(name);
    Py_XDECREF(kind_object);
    Py_XDECREF(fallback);
    return status < 0 ? -1 : 0;
}

static int add_signature(lcpy_plan *plan, PyObject *signature, PyObject *unused)
{
    int status = -1;
    PyObject *empty = PyObject_GetAttrString(signature, "empty");
    PyObject *by_name = PyObject_GetAttrString(signature, "parameters");
    PyObject *parameters = by_name != NULL ? PyMapping_Values(by_name) : NULL;
    if (empty == NULL || parameters == NULL || make_room(plan, PyList_GET_SIZE(parameters)) < 0)
        goto done;
    status = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parameters) && status == 0; i++)
        status = add_inspected(plan, PyList_GET_ITEM(parameters, i), empty, unused);
done:
    Py_XDECREF(empty);
    Py_XDECREF(by_name);
    Py_XDECREF(parameters);
    return status;
}

int lcpy_plan_of_callable(lcpy_plan *out, PyObject *callable, PyObject *ignored, PyObject *unused)
{
    *out = (lcpy_plan){.ignored = Py_XNewRef(ignored)};
    PyObject *inspect = PyImport_ImportModule("inspect");
    if (inspect == NULL)
        return -1;
    PyObject *signature = PyObject_CallMethod(inspect, "signature", "O", callable);
    Py_DECREF(inspect);
    if (signature != NULL) {
        int status = add_signature(out, signature, unused);
        Py_DECREF(signature);
        return status;
    }
    if (!PyErr_ExceptionMatches(PyExc_ValueError) && !PyErr_ExceptionMatches(PyExc_TypeError))
        return -1;
    PyErr_Clear(); /* it has no signature that can be known: what it takes, it takes */
    out->any_position = true;
    out->any_keyword = true;
    return make_room(out, 0);
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
    }
    PyMem_Free(old.parameters);
    Py_CLEAR(old.function);
    Py_CLEAR(old.ignored);
}

int lcpy_plan_traverse(lcpy_plan *plan, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < plan->count; i++)
        Py_VISIT(plan->parameters[i].fallback);
    Py_VISIT(plan->function);
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

/* -------------------------------------------------------------------------------------- binding */

typedef struct keyword {
    PyObject *name;
    PyObject *value;
} keyword;

/* One call, bound. Slots hold references, since a default could be assigned anew while a key is
 * written. */
typedef struct binding {
    PyObject **slots; /* one per parameter; NULL: not given */
    PyObject *room[SLOTS_ON_STACK];
    keyword *extra; /* from **kwargs, sorted, without the ignored ones */
    Py_ssize_t extra_count;
} binding;

/* The number of the parameter with this keyword, or -1. */
static Py_ssize_t parameter_of(const lcpy_plan *plan, PyObject *name)
{
    for (Py_ssize_t i = plan->positional_only; i < plan->count; i++)
        if (plan->parameters[i].name == name)
            return i;
    for (Py_ssize_t i = plan->positional_only; i < plan->count; i++)
        if (PyUnicode_Compare(plan->parameters[i].name, name) == 0)
            return i;
    return -1;
}

/* By code points, which is the order of their UTF-8 as well. */
static int compare_keywords(const void *a, const void *b)
{
    return PyUnicode_Compare(((const keyword *)a)->name, ((const keyword *)b)->name);
}

static lcpy_bound bind_extra(binding *bound, const lcpy_plan *plan, PyObject *name, PyObject *value,
                             Py_ssize_t most)
{
    if (!plan->any_keyword)
        return LCPY_MISFIT;
    int ignored = plan->ignore_keywords   ? 1
                  : plan->ignored != NULL ? PySet_Contains(plan->ignored, name)
                                          : 0;
    if (ignored != 0)
        return ignored < 0 ? LCPY_BIND_ERROR : LCPY_BOUND;
    if (bound->extra == NULL) {
        bound->extra = PyMem_Calloc((size_t)most, sizeof *bound->extra);
        if (bound->extra == NULL) {
            PyErr_NoMemory();
            return LCPY_BIND_ERROR;
        }
    }
    bound->extra[bound->extra_count++] = (keyword){name, value};
    return LCPY_BOUND;
}

static lcpy_bound bind_keywords(binding *bound, const lcpy_plan *plan, const lcpy_call *call)
{
    Py_ssize_t count = call->kwnames != NULL ? PyTuple_GET_SIZE(call->kwnames) : 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(call->kwnames, i);
        PyObject *value = call->args[call->count + i];
        Py_ssize_t at = parameter_of(plan, name);
        if (at < 0) {
            lcpy_bound status = bind_extra(bound, plan, name, value, count);
            if (status != LCPY_BOUND)
                return status;
        } else if (bound->slots[at] != NULL) {
            return LCPY_MISFIT;
        } else {
            bound->slots[at] = Py_NewRef(value);
        }
    }
    if (bound->extra_count > 1)
        qsort(bound->extra, (size_t)bound->extra_count, sizeof *bound->extra, compare_keywords);
    return LCPY_BOUND;
}

static lcpy_bound bind_call(binding *bound, const lcpy_plan *plan, const lcpy_call *call)
{
    bound->slots = bound->room;
    if (plan->count > SLOTS_ON_STACK) {
        bound->slots = PyMem_Malloc((size_t)plan->count * sizeof *bound->slots);
        if (bound->slots == NULL) {
            PyErr_NoMemory();
            return LCPY_BIND_ERROR;
        }
    }
    memset(bound->slots, 0, (size_t)plan->count * sizeof *bound->slots);
    if (call->count > plan->positional && !plan->any_position)
        return LCPY_MISFIT;
    for (Py_ssize_t i = 0; i < call->count && i < plan->positional; i++)
        bound->slots[i] = Py_NewRef(call->args[i]);
    lcpy_bound status = bind_keywords(bound, plan, call);
    for (Py_ssize_t i = 0; i < plan->count && status == LCPY_BOUND && !plan->keep_missing; i++) {
        if (bound->slots[i] == NULL) {
            bound->slots[i] = Py_XNewRef(lcpy_plan_default(plan, i));
            status = bound->slots[i] != NULL    ? LCPY_BOUND
                     : PyErr_Occurred() != NULL ? LCPY_BIND_ERROR
                                                : LCPY_MISFIT;
        }
    }
    return status;
}

static void unbind(binding *bound, const lcpy_plan *plan)
{
    for (Py_ssize_t i = 0; bound->slots != NULL && i < plan->count; i++)
        Py_XDECREF(bound->slots[i]);
    if (bound->slots != bound->room)
        PyMem_Free(bound->slots);
    PyMem_Free(bound->extra);
}

/* -------------------------------------------------------------------------------------- writing */

/* object() as a default says "not given": nothing else can be said of it, and where it is, it is
 * itself. */
static int write_argument(lcpy_state *state, locache_writer *key, const lcpy_plan *plan,
                          Py_ssize_t n, PyObject *value)
{
    if (Py_IS_TYPE(value, &PyBaseObject_Type) && value == lcpy_plan_default(plan, n)) {
        locache_write_tag(key, LOCACHE_TAG_DEFAULT);
        locache_write_null(key);
        return 0;
    }
    return lcpy_key_write(state, key, value);
}

static int write_parameters(lcpy_state *state, locache_writer *key, const lcpy_plan *plan,
                            const binding *bound, PyObject **culprit)
{
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        const lcpy_parameter *parameter = &plan->parameters[i];
        if (parameter->ignored || bound->slots[i] == NULL)
            continue;
        locache_write_raw(key, PyBytes_AS_STRING(parameter->label),
                          (size_t)PyBytes_GET_SIZE(parameter->label));
        if (write_argument(state, key, plan, i, bound->slots[i]) < 0) {
            *culprit = Py_NewRef(parameter->name);
            return -1;
        }
    }
    return 0;
}

static int write_extra(lcpy_state *state, locache_writer *key, const lcpy_plan *plan,
                       const lcpy_call *call, const binding *bound, PyObject **culprit)
{
    for (Py_ssize_t i = plan->positional; i < call->count && !plan->ignore_positions; i++) {
        locache_key_index(key, (uint64_t)i);
        if (lcpy_key_write(state, key, call->args[i]) < 0) {
            *culprit = PyUnicode_FromFormat("argument %zd", i + 1);
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < bound->extra_count; i++) {
        const keyword *extra = &bound->extra[i];
        Py_ssize_t size = 0;
        const char *name = PyUnicode_AsUTF8AndSize(extra->name, &size);
        if (name != NULL)
            locache_key_name(key, name, (size_t)size);
        if (name == NULL || lcpy_key_write(state, key, extra->value) < 0) {
            *culprit = Py_NewRef(extra->name);
            return -1;
        }
    }
    return 0;
}

lcpy_bound lcpy_plan_key(lcpy_state *state, locache_writer *key, const lcpy_plan *plan,
                         const lcpy_call *call, const locache_writer *captures, Py_ssize_t captured,
                         PyObject **culprit)
{
    binding bound;
    bound.slots = NULL;
    bound.extra = NULL;
    bound.extra_count = 0;
    lcpy_bound status = bind_call(&bound, plan, call);
    if (status != LCPY_BOUND)
        goto done;
    Py_ssize_t count = bound.extra_count + captured;
    for (Py_ssize_t i = 0; i < plan->count; i++)
        count += bound.slots[i] != NULL && !plan->parameters[i].ignored;
    if (call->count > plan->positional && !plan->ignore_positions)
        count += call->count - plan->positional;
    locache_key_begin(key, (uint64_t)count);
    if (write_parameters(state, key, plan, &bound, culprit) < 0 ||
        write_extra(state, key, plan, call, &bound, culprit) < 0) {
        status = LCPY_BIND_ERROR;
        goto done;
    }
    if (captured > 0)
        locache_write_raw(key, captures->data, captures->length);
done:
    unbind(&bound, plan);
    return status;
}
