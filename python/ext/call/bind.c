/* A call's arguments bound to the plan of a signature, and the key that they make. */
#include "call/bind.h"

#include <stdlib.h>
#include <string.h>

/* Parameters: few functions have more, and those go to the heap. */
#define SLOTS_ON_STACK 16

typedef struct keyword {
    PyObject *name;
    PyObject *value;
} keyword;

/* One call, bound. Slots hold references, since a default could be assigned anew while a key is
 * written. */
typedef struct binding {
    PyObject **slots; /* one per parameter; NULL: not given */
    bool *is_default; /* of a plan of names only: the parameter was not given, and has a default */
    PyObject *room[SLOTS_ON_STACK];
    bool default_room[SLOTS_ON_STACK];
    keyword *extra; /* from **kwargs, as they were given, without the ignored ones */
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
    return LCPY_BOUND;
}

static int make_slots(binding *bound, const lcpy_plan *plan)
{
    size_t count = (size_t)plan->count;
    bound->slots = bound->room;
    bound->is_default = bound->default_room;
    if (plan->count > SLOTS_ON_STACK) {
        bound->slots = PyMem_Malloc(count * (sizeof *bound->slots + sizeof *bound->is_default));
        if (bound->slots == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        bound->is_default = (bool *)(bound->slots + count);
    }
    memset(bound->slots, 0, count * sizeof *bound->slots);
    if (plan->keep_missing)
        memset(bound->is_default, 0, count * sizeof *bound->is_default);
    return 0;
}

static lcpy_bound fill_defaults(binding *bound, const lcpy_plan *plan)
{
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (bound->slots[i] != NULL)
            continue;
        bound->slots[i] = Py_XNewRef(lcpy_plan_default(plan, i));
        if (bound->slots[i] == NULL && PyErr_Occurred() != NULL)
            return LCPY_BIND_ERROR;
        if (plan->keep_missing)
            bound->is_default[i] = bound->slots[i] != NULL;
        else if (bound->slots[i] == NULL)
            return LCPY_MISFIT;
    }
    return LCPY_BOUND;
}

static lcpy_bound bind_call(binding *bound, const lcpy_plan *plan, const lcpy_call *call)
{
    if (make_slots(bound, plan) < 0)
        return LCPY_BIND_ERROR;
    if (call->count > plan->positional && !plan->any_position)
        return LCPY_MISFIT;
    for (Py_ssize_t i = 0; i < call->count && i < plan->positional; i++)
        bound->slots[i] = Py_NewRef(call->args[i]);
    lcpy_bound status = bind_keywords(bound, plan, call);
    return status == LCPY_BOUND ? fill_defaults(bound, plan) : status;
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

int lcpy_bind_write_default(lcpy_state *state, locache_cbor_writer *key, PyObject *value)
{
    locache_cbor_write_tag(key, LOCACHE_TAG_DEFAULT);
    if (Py_IS_TYPE(value, &PyBaseObject_Type)) {
        locache_cbor_write_null(key);
        return 0;
    }
    locache_cbor_write_array(key, 1);
    return lcpy_key_write(state, key, value);
}

/* [function, what it said]: with another function the same could be said of another argument. */
static int write_stand_in(lcpy_state *state, locache_cbor_writer *key, PyObject *function,
                          PyObject *said)
{
    locache_cbor_write_tag(key, LOCACHE_TAG_CUSTOM);
    locache_cbor_write_array(key, 2);
    return lcpy_key_write(state, key, function) < 0 || lcpy_key_write(state, key, said) < 0 ? -1
                                                                                            : 0;
}

/* A value, by the function that says what counts of it where there is one, and where that says
 * anything. */
static int write_value(lcpy_state *state, locache_cbor_writer *key, PyObject *function,
                       PyObject *value)
{
    PyObject *said = function != NULL ? PyObject_CallOneArg(function, value) : Py_NotImplemented;
    if (said == NULL)
        return -1;
    int result = said != Py_NotImplemented ? write_stand_in(state, key, function, said)
                                           : lcpy_key_write(state, key, value);
    if (function != NULL)
        Py_DECREF(said);
    return result;
}

/* object() as a default says "not given": nothing else can be said of it, and where it is, it is
 * itself. */
static int write_argument(lcpy_state *state, locache_cbor_writer *key, const lcpy_plan *plan,
                          Py_ssize_t n, PyObject *value)
{
    if (Py_IS_TYPE(value, &PyBaseObject_Type) && value == lcpy_plan_default(plan, n))
        return lcpy_bind_write_default(state, key, value);
    return write_value(state, key, plan->parameters[n].key, value);
}

static int write_parameters(lcpy_state *state, locache_cbor_writer *key, const lcpy_plan *plan,
                            const binding *bound, PyObject **culprit)
{
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        const lcpy_parameter *parameter = &plan->parameters[i];
        if (parameter->ignored || bound->slots[i] == NULL)
            continue;
        locache_cbor_write_raw(key, PyBytes_AS_STRING(parameter->label),
                               (size_t)PyBytes_GET_SIZE(parameter->label));
        int written = plan->keep_missing && bound->is_default[i]
                          ? lcpy_bind_write_default(state, key, bound->slots[i])
                          : write_argument(state, key, plan, i, bound->slots[i]);
        if (written < 0) {
            *culprit = Py_NewRef(parameter->name);
            return -1;
        }
    }
    return 0;
}

/* Of what came by **kwargs: a borrowed reference, or NULL. */
static PyObject *key_of_extra(const lcpy_plan *plan, PyObject *name)
{
    PyObject *own = plan->keys != NULL ? PyDict_GetItemWithError(plan->keys, name) : NULL;
    return own != NULL ? own : plan->keyword_key;
}

static int write_extra(lcpy_state *state, locache_cbor_writer *key, const lcpy_plan *plan,
                       const lcpy_call *call, const binding *bound, PyObject **culprit)
{
    for (Py_ssize_t i = plan->positional; i < call->count && !plan->ignore_positions; i++) {
        locache_key_index(key, (uint64_t)i);
        if (write_value(state, key, plan->position_key, call->args[i]) < 0) {
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
        PyObject *function = key_of_extra(plan, extra->name);
        if (name == NULL || PyErr_Occurred() != NULL ||
            write_value(state, key, function, extra->value) < 0) {
            *culprit = Py_NewRef(extra->name);
            return -1;
        }
    }
    return 0;
}

static int write_arguments(lcpy_state *state, locache_cbor_writer *key, const lcpy_plan *plan,
                           const lcpy_call *call, const binding *bound, PyObject **culprit)
{
    if (write_parameters(state, key, plan, bound, culprit) < 0)
        return -1;
    return write_extra(state, key, plan, call, bound, culprit);
}

/* How many arguments count. */
static Py_ssize_t count_arguments(const lcpy_plan *plan, const lcpy_call *call,
                                  const binding *bound)
{
    Py_ssize_t count = bound->extra_count;
    for (Py_ssize_t i = 0; i < plan->count; i++)
        count += bound->slots[i] != NULL && !plan->parameters[i].ignored;
    if (call->count > plan->positional && !plan->ignore_positions)
        count += call->count - plan->positional;
    return count;
}

/* ------------------------------------------------------------------- a function for whole calls */

static int add_keyword(PyObject *keywords, const lcpy_plan *plan, const binding *bound,
                       Py_ssize_t n)
{
    return bound->slots[n] != NULL
               ? PyDict_SetItem(keywords, plan->parameters[n].name, bound->slots[n])
               : 0;
}

/* The arguments as the signature has them, defaults too, so that it is one call however it was
 * spelled: by position where that can be, the others by name. What it says, or NULL. */
static PyObject *ask_of_call(const lcpy_plan *plan, const lcpy_call *call, const binding *bound)
{
    Py_ssize_t given = 0;
    Py_ssize_t more = call->count > plan->positional ? call->count - plan->positional : 0;
    while (given < plan->positional && bound->slots[given] != NULL)
        given++;
    PyObject *args = PyTuple_New(given + more);
    PyObject *keywords = PyDict_New();
    PyObject *said = NULL;
    int status = args != NULL && keywords != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < given; i++)
        PyTuple_SET_ITEM(args, i, Py_NewRef(bound->slots[i]));
    for (Py_ssize_t i = 0; status == 0 && i < more; i++)
        PyTuple_SET_ITEM(args, given + i, Py_NewRef(call->args[plan->positional + i]));
    for (Py_ssize_t i = given; status == 0 && i < plan->count; i++)
        status = add_keyword(keywords, plan, bound, i);
    for (Py_ssize_t i = 0; status == 0 && i < bound->extra_count; i++)
        status = PyDict_SetItem(keywords, bound->extra[i].name, bound->extra[i].value);
    if (status == 0)
        said = PyObject_Call(plan->call_key, args, keywords);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    return said;
}

static PyObject *say_of_call(const lcpy_plan *plan, const lcpy_call *call, const binding *bound,
                             PyObject **culprit)
{
    PyObject *said =
        plan->call_key != NULL ? ask_of_call(plan, call, bound) : Py_NewRef(Py_NotImplemented);
    if (said == NULL)
        *culprit = PyUnicode_FromString("key=");
    return said;
}

/* In place of all arguments one value, "key". */
static int write_call_said(lcpy_state *state, locache_cbor_writer *key, const lcpy_plan *plan,
                           PyObject *said, PyObject **culprit)
{
    locache_key_name(key, "key", strlen("key"));
    if (write_stand_in(state, key, plan->call_key, said) == 0)
        return 0;
    *culprit = PyUnicode_FromString("key=");
    return -1;
}

lcpy_bound lcpy_bind_key(lcpy_state *state, locache_cbor_writer *key, const lcpy_plan *plan,
                         const lcpy_call *call, const lcpy_captured *captured, PyObject **culprit)
{
    binding bound;
    PyObject *said = NULL;
    bound.slots = NULL;
    bound.extra = NULL;
    bound.extra_count = 0;
    lcpy_bound status = bind_call(&bound, plan, call);
    if (status != LCPY_BOUND)
        goto done;
    said = say_of_call(plan, call, &bound, culprit);
    bool whole = said != NULL && said != Py_NotImplemented;
    locache_key_begin(
        key, (uint64_t)(captured->count + (whole ? 1 : count_arguments(plan, call, &bound))));
    if (said == NULL || (whole ? write_call_said(state, key, plan, said, culprit)
                               : write_arguments(state, key, plan, call, &bound, culprit)) < 0) {
        status = LCPY_BIND_ERROR;
        goto done;
    }
    if (captured->count > 0)
        locache_cbor_write_raw(key, captured->writer.data, captured->writer.length);
done:
    Py_XDECREF(said);
    unbind(&bound, plan);
    return status;
}
