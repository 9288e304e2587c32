/* What is decorated, and the key of a call of it. */
#include "call/target.h"

#include "call/simple.h"

static PyObject *none_to_null(PyObject *object)
{
    return object != Py_None ? Py_NewRef(object) : NULL;
}

static int init_plans(lcpy_target *out, PyObject *plan, PyObject *own, PyObject *ignored,
                      PyObject *keys)
{
    out->has_own = own != NULL;
    if (lcpy_plan_init(&out->plan, plan, ignored, keys) < 0)
        return -1;
    return out->has_own ? lcpy_plan_init(&out->own, own, ignored, keys) : 0;
}

static int init_defaulted(lcpy_target *out, PyObject *plans, PyObject *ignored)
{
    Py_ssize_t count = PyTuple_GET_SIZE(plans);
    if (count == 0)
        return 0;
    out->defaulted = PyMem_Calloc((size_t)count, sizeof *out->defaulted);
    if (out->defaulted == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (out->defaulted_count < count) {
        Py_ssize_t at = out->defaulted_count++;
        if (lcpy_plan_init(&out->defaulted[at], PyTuple_GET_ITEM(plans, at), ignored, Py_None) < 0)
            return -1;
    }
    return 0;
}

/* `captured`: of an object that is called, and may be a decorator: the name of its "self", and the
 * object, which counts like a captured variable; or None. */
static int init_captures(lcpy_target *out, PyObject *captured, PyObject *ignored)
{
    if (lcpy_captures_init(&out->captures, out->functions, ignored) < 0)
        return -1;
    return captured == Py_None ? 0
                               : lcpy_captures_add(&out->captures, PyTuple_GET_ITEM(captured, 0),
                                                   PyTuple_GET_ITEM(captured, 1), ignored);
}

int lcpy_target_init(lcpy_target *out, PyObject *told, PyObject *ignored)
{
    PyObject *prefix;
    PyObject *keywords;
    PyObject *captured;
    PyObject *defaulted;
    PyObject *keys;
    PyObject *plan;
    PyObject *own = NULL;
    int is_async = 0;
    *out = (lcpy_target){0};
    if (!PyArg_ParseTuple(told, "OO!OUOpOOOO!OO|O;a target", &out->callable, &PyTuple_Type,
                          &out->functions, &out->named, &out->qualname, &out->module, &is_async,
                          &prefix, &keywords, &captured, &PyTuple_Type, &defaulted, &keys, &plan,
                          &own)) {
        *out = (lcpy_target){0}; /* what was borrowed so far */
        return -1;
    }
    Py_INCREF(out->callable);
    Py_INCREF(out->functions);
    Py_INCREF(out->named);
    Py_INCREF(out->qualname);
    Py_INCREF(out->module);
    out->is_async = is_async != 0;
    out->prefix = none_to_null(prefix);
    out->keywords = none_to_null(keywords);
    if (init_captures(out, captured, ignored) < 0 ||
        init_plans(out, plan, own, ignored, keys) < 0 ||
        init_defaulted(out, defaulted, ignored) < 0)
        return -1;
    if (out->prefix == NULL && out->keywords == NULL && !out->has_own && out->captures.count == 0 &&
        out->defaulted_count == 0) {
        int ready = lcpy_simple_prepare(&out->plan);
        out->is_simple = ready > 0;
        return ready < 0 ? -1 : 0;
    }
    return 0;
}

void lcpy_target_clear(lcpy_target *target)
{
    Py_CLEAR(target->callable);
    Py_CLEAR(target->named);
    Py_CLEAR(target->functions);
    Py_CLEAR(target->prefix);
    Py_CLEAR(target->keywords);
    Py_CLEAR(target->qualname);
    Py_CLEAR(target->module);
    lcpy_plan_clear(&target->plan);
    lcpy_plan_clear(&target->own);
    for (Py_ssize_t i = 0; i < target->defaulted_count; i++)
        lcpy_plan_clear(&target->defaulted[i]);
    target->defaulted_count = 0;
    PyMem_Free(target->defaulted);
    target->defaulted = NULL;
    lcpy_captures_clear(&target->captures);
}

int lcpy_target_traverse(lcpy_target *target, visitproc visit, void *arg)
{
    Py_VISIT(target->callable);
    Py_VISIT(target->named);
    Py_VISIT(target->functions);
    Py_VISIT(target->prefix);
    Py_VISIT(target->keywords);
    int status = lcpy_plan_traverse(&target->plan, visit, arg);
    if (status == 0)
        status = lcpy_plan_traverse(&target->own, visit, arg);
    for (Py_ssize_t i = 0; i < target->defaulted_count && status == 0; i++)
        status = lcpy_plan_traverse(&target->defaulted[i], visit, arg);
    return status != 0 ? status : lcpy_captures_traverse(&target->captures, visit, arg);
}

/* ------------------------------------------------------------------------------------------ key */

/* A call with what the partials and bound methods add. */
typedef struct composed {
    lcpy_call call;
    PyObject **args;
    PyObject *kwnames;
} composed;

static Py_ssize_t tuple_size(PyObject *tuple)
{
    return tuple != NULL ? PyTuple_GET_SIZE(tuple) : 0;
}

/* The call's keywords, then those of the partials that it does not override. */
static int compose_keywords(composed *out, const lcpy_target *target, const lcpy_call *call,
                            PyObject **values)
{
    PyObject *names = PyList_New(0);
    if (names == NULL)
        return -1;
    Py_ssize_t given = tuple_size(call->kwnames);
    int status = 0;
    for (Py_ssize_t i = 0; i < given && status == 0; i++) {
        values[i] = call->args[call->count + i];
        status = PyList_Append(names, PyTuple_GET_ITEM(call->kwnames, i));
    }
    Py_ssize_t at = 0;
    PyObject *name;
    PyObject *value;
    while (status == 0 && target->keywords != NULL &&
           PyDict_Next(target->keywords, &at, &name, &value)) {
        int overridden = call->kwnames != NULL ? PySequence_Contains(call->kwnames, name) : 0;
        if (overridden == 0) {
            values[PyList_GET_SIZE(names)] = value;
            status = PyList_Append(names, name);
        } else if (overridden < 0) {
            status = -1;
        }
    }
    out->kwnames = status == 0 ? PyList_AsTuple(names) : NULL;
    Py_DECREF(names);
    return out->kwnames != NULL ? 0 : -1;
}

static int compose_call(composed *out, const lcpy_target *target, const lcpy_call *call)
{
    Py_ssize_t before = tuple_size(target->prefix);
    Py_ssize_t keywords = tuple_size(call->kwnames) +
                          (target->keywords != NULL ? PyDict_GET_SIZE(target->keywords) : 0);
    out->args = PyMem_Malloc((size_t)(before + call->count + keywords + 1) * sizeof *out->args);
    if (out->args == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < before; i++)
        out->args[i] = PyTuple_GET_ITEM(target->prefix, i);
    for (Py_ssize_t i = 0; i < call->count; i++)
        out->args[before + i] = call->args[i];
    if (compose_keywords(out, target, call, out->args + before + call->count) < 0)
        return -1;
    out->call = (lcpy_call){out->args, before + call->count, out->kwnames};
    return 0;
}

/* The defaults that a plan does not fill in: those of the functions that the one it is of wraps, or
 * is wrapped by. They count as captured variables do. */
static int write_wrapped_defaults(lcpy_state *state, lcpy_captured *out, const lcpy_plan *plan,
                                  PyObject **culprit)
{
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        const lcpy_parameter *parameter = &plan->parameters[i];
        PyObject *value = parameter->ignored ? NULL : lcpy_plan_default(plan, i);
        if (value == NULL) {
            if (PyErr_Occurred() != NULL)
                return -1;
            continue;
        }
        locache_cbor_write_raw(&out->writer, PyBytes_AS_STRING(parameter->label),
                               (size_t)PyBytes_GET_SIZE(parameter->label));
        Py_INCREF(value);
        int written = lcpy_bind_write_default(state, &out->writer, value);
        Py_DECREF(value);
        if (written < 0) {
            *culprit = Py_NewRef(parameter->name);
            return -1;
        }
        out->count++;
    }
    return 0;
}

/* Of one call: what all its bindings are given. */
typedef struct keying {
    lcpy_state *state;
    locache_cbor_writer *key;
    const lcpy_call *call;
    lcpy_captured *captured;
    PyObject **culprit;
} keying;

static lcpy_bound bind_with_defaults(const keying *of, const lcpy_target *target,
                                     const lcpy_plan *plan)
{
    size_t length = of->captured->writer.length;
    Py_ssize_t count = of->captured->count;
    for (Py_ssize_t i = 0; i < target->defaulted_count; i++)
        if (target->defaulted[i].function != plan->function &&
            write_wrapped_defaults(of->state, of->captured, &target->defaulted[i], of->culprit) < 0)
            return LCPY_BIND_ERROR;
    lcpy_bound status =
        lcpy_bind_key(of->state, of->key, plan, of->call, of->captured, of->culprit);
    if (status == LCPY_MISFIT) { /* the next plan has others */
        of->captured->writer.length = length;
        of->captured->count = count;
    }
    return status;
}

lcpy_bound lcpy_target_key(lcpy_state *state, locache_cbor_writer *key, lcpy_target *target,
                           const lcpy_call *call, PyObject *own, PyObject **culprit)
{
    *culprit = NULL;
    composed more = {.args = NULL};
    lcpy_captured captured;
    locache_cbor_writer_init(&captured.writer, captured.room, sizeof captured.room);
    captured.count = 0;
    lcpy_bound status = LCPY_BIND_ERROR;
    if (target->prefix != NULL || target->keywords != NULL) {
        if (compose_call(&more, target, call) < 0)
            goto done;
        call = &more.call;
    }
    if (target->captures.count > 0 && lcpy_captures_write(state, &captured, &target->captures, own,
                                                          target->callable, culprit) < 0)
        goto done;
    keying of = {state, key, call, &captured, culprit};
    status = bind_with_defaults(&of, target, &target->plan);
    if (status == LCPY_MISFIT && target->has_own)
        status = bind_with_defaults(&of, target, &target->own);
    if (status == LCPY_BOUND && (locache_cbor_writer_status(&captured.writer) != LOCACHE_OK ||
                                 locache_cbor_writer_status(key) != LOCACHE_OK)) {
        PyErr_NoMemory();
        status = LCPY_BIND_ERROR;
    }
done:
    locache_cbor_writer_clear(&captured.writer);
    PyMem_Free(more.args);
    Py_XDECREF(more.kwnames);
    return status;
}
