/* The key of a simple call: scalars, short strings and small tuples of such, by position or by
 * compiled keywords. */
#include "call/simple.h"

#include "key/key.h"
#include "plain/scalar.h"

/* Signatures are shorter, and slots for so many lie on the stack. */
#define PARAMETERS_MAX 16
/* What is larger is not slower by the general way (bind.h). Bytes are far from those that go in as
 * a digest. */
#define BYTES_MAX 256
#define ITEMS_MAX 64 /* of all tuples */
#define DEPTH_MAX 4  /* of tuples: so many calls of write_short() within each other */

/* The head of a key of so many arguments, then the first one's label. */
static PyObject *make_opening(uint64_t count, PyObject *label)
{
    locache_cbor_writer writer;
    PyObject *opening = NULL;
    locache_cbor_writer_init(&writer, NULL, 0);
    locache_key_begin(&writer, count);
    locache_cbor_write_raw(&writer, PyBytes_AS_STRING(label), (size_t)PyBytes_GET_SIZE(label));
    if (locache_cbor_writer_status(&writer) == LOCACHE_OK)
        opening = PyBytes_FromStringAndSize((const char *)writer.data, (Py_ssize_t)writer.length);
    else
        PyErr_NoMemory();
    locache_cbor_writer_clear(&writer);
    return opening;
}

int lcpy_simple_prepare(lcpy_plan *plan)
{
    bool first = true;
    if (plan->function == NULL || plan->count > PARAMETERS_MAX || plan->any_position ||
        plan->any_keyword || plan->keep_missing || plan->keys != NULL || plan->call_key != NULL)
        return 0;
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        lcpy_parameter *parameter = &plan->parameters[i];
        if (parameter->ignored)
            continue;
        parameter->opening =
            first ? make_opening(plan->counted, parameter->label) : Py_NewRef(parameter->label);
        if (parameter->opening == NULL)
            return -1;
        first = false;
    }
    return 1;
}

/* Each parameter's value, where the call has it. The names of parameters are interned, and so are
 * keywords that were compiled: the same name is the same object. Others are for the general way. */
static bool fill_slots(PyObject **slots, const lcpy_plan *plan, const lcpy_call *call)
{
    for (Py_ssize_t i = 0; i < plan->count; i++)
        slots[i] = i < call->count ? call->args[i] : NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(call->kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(call->kwnames, i);
        Py_ssize_t at = plan->positional_only;
        while (at < plan->count && plan->parameters[at].name != name)
            at++;
        if (at == plan->count || slots[at] != NULL)
            return false;
        slots[at] = call->args[call->count + i];
    }
    return true;
}

/* `items`: so many may still come. */
static bool write_short(locache_cbor_writer *key, PyObject *value, Py_ssize_t *items, int depth)
{
    if (lcpy_scalar_write_fast(key, value))
        return true;
    if (PyBytes_CheckExact(value) && PyBytes_GET_SIZE(value) <= BYTES_MAX) {
        locache_cbor_write_bytes(key, PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value));
        return true;
    }
    if (!PyTuple_CheckExact(value) || PyTuple_GET_SIZE(value) > *items || depth == DEPTH_MAX)
        return false;
    Py_ssize_t size = PyTuple_GET_SIZE(value);
    size_t start = key->length;
    bool done = true;
    *items -= size;
    locache_cbor_write_tag(key, LOCACHE_TAG_TUPLE);
    locache_cbor_write_array(key, (uint64_t)size);
    for (Py_ssize_t i = 0; i < size && done; i++)
        done = write_short(key, PyTuple_GET_ITEM(value, i), items, depth + 1);
    /* A long part of an argument is written as its digest, by the general way. */
    return done && (depth == 0 || key->length - start <= LCPY_PART_MAX);
}

bool lcpy_simple_key(locache_cbor_writer *key, const lcpy_plan *plan, const lcpy_call *call)
{
    PyObject *slots[PARAMETERS_MAX];
    PyObject *const *given = call->args;
    Py_ssize_t given_count = call->count;
    Py_ssize_t items = ITEMS_MAX;
    if (call->count > plan->positional)
        return false;
    if (call->kwnames != NULL) {
        if (!fill_slots(slots, plan, call))
            return false;
        given = slots;
        given_count = plan->count;
    }
    if (plan->counted == 0)
        locache_key_begin(key, 0);
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        PyObject *opening = plan->parameters[i].opening;
        PyObject *value = i < given_count ? given[i] : NULL;
        /* A default is only borrowed, and written before anything could put another in its
         * place. */
        if (value == NULL && (value = lcpy_plan_default(plan, i)) == NULL) {
            PyErr_Clear();
            return false;
        }
        if (opening == NULL) /* it is ignored */
            continue;
        locache_cbor_write_raw(key, PyBytes_AS_STRING(opening), (size_t)PyBytes_GET_SIZE(opening));
        if (!write_short(key, value, &items, 0))
            return false;
    }
    return locache_cbor_writer_status(key) == LOCACHE_OK;
}
