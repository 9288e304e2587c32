/* What locache._async does with the core: a key goes through Python as bytes while a coroutine
 * runs. */
#include "call/coroutine.h"

#include "call/call.h"
#include "call/captures.h"
#include "call/open.h"
#include "call/refreshed.h"
#include "call/store.h"
#include "call/tasks.h"
#include "call/verify.h"

/* What is captured and only the coroutine can have changed is its state; `others` is None where it
 * was not alone. */
static int note_state(lcpy_persisted *self, const lcpy_key *key, PyObject *others)
{
    long long time = others != Py_None ? PyLong_AsLongLong(others) : 0;
    if (others == Py_None)
        return 0;
    if (time == -1 && PyErr_Occurred() != NULL)
        return -1;
    return lcpy_captures_ended(self->state, &self->target.captures, key->writer.data,
                               key->writer.length, time);
}

PyObject *lcpy_coroutine_others(PyObject *object, PyObject *unused)
{
    (void)unused;
    lcpy_persisted *self = (lcpy_persisted *)object;
    if (lcpy_open_begin_run(self) < 0)
        return NULL;
    return Py_BuildValue("(LI)", (long long)lcpy_captures_clock(), self->turn);
}

/* A coroutine's arguments, a tuple and a dict, as those of a call. 0, or -1 with an exception;
 * `held` is to be released in both cases. */
static int spread(lcpy_call *out, PyObject *held[2], PyObject *args, PyObject *keywords)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    PyObject *names = PyDict_Keys(keywords);
    PyObject *values = names != NULL ? PyDict_Values(keywords) : NULL;
    held[0] = values != NULL ? PyList_AsTuple(names) : NULL;
    held[1] = held[0] != NULL ? PySequence_List(args) : NULL;
    int status = held[1] != NULL ? PyList_SetSlice(held[1], count, count, values) : -1;
    if (status == 0)
        *out = (lcpy_call){((PyListObject *)held[1])->ob_item, count, held[0]};
    Py_XDECREF(values);
    Py_XDECREF(names);
    return status;
}

PyObject *lcpy_coroutine_make_key(PyObject *object, PyObject *args)
{
    lcpy_key key;
    lcpy_call call;
    PyObject *culprit = NULL;
    PyObject *held[2] = {NULL, NULL};
    PyObject *given;
    PyObject *keywords;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "O!O!:_key_of", &PyTuple_Type, &given, &PyDict_Type, &keywords))
        return NULL;
    if (spread(&call, held, given, keywords) == 0) {
        lcpy_bound bound = lcpy_call_key((lcpy_persisted *)object, &key, &call, &culprit);
        if (bound == LCPY_BOUND)
            result = PyBytes_FromStringAndSize((const char *)key.writer.data,
                                               (Py_ssize_t)key.writer.length);
        else if (PyErr_Occurred() == NULL || PyErr_ExceptionMatches(PyExc_Exception))
            result = Py_NewRef(Py_None);
        locache_cbor_writer_clear(&key.writer);
        Py_XDECREF(culprit);
    }
    if (result == Py_None)
        PyErr_Clear(); /* the next call says that it has no key */
    Py_XDECREF(held[0]);
    Py_XDECREF(held[1]);
    return result;
}

PyObject *lcpy_coroutine_note_parts(PyObject *object, PyObject *args)
{
    lcpy_key key;
    lcpy_call call;
    locache_cbor_writer parts;
    PyObject *held[2] = {NULL, NULL};
    PyObject *bytes;
    PyObject *given;
    PyObject *keywords;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "OO!O!:_parts_of", &bytes, &PyTuple_Type, &given, &PyDict_Type,
                          &keywords) ||
        lcpy_tasks_key(&key, bytes) < 0)
        return NULL;
    locache_cbor_writer_init(&parts, NULL, 0);
    if (spread(&call, held, given, keywords) == 0 &&
        lcpy_call_note_parts((lcpy_persisted *)object, &parts, &key, &call) == 0)
        result = PyBytes_FromStringAndSize((const char *)parts.data, (Py_ssize_t)parts.length);
    locache_cbor_writer_clear(&parts);
    Py_XDECREF(held[0]);
    Py_XDECREF(held[1]);
    return result;
}

/* A run of the coroutine that is over, borrowed. */
typedef struct ended_run {
    PyObject *others; /* None where it was not alone */
    unsigned turn;
    PyObject *noted; /* of lcpy_coroutine_note_parts() */
    PyObject *given;
    PyObject *keywords;
} ended_run;

/* For PyArg_ParseTuple(): ((others, turn), parts, args, kwargs). */
static int convert_run(PyObject *told, void *out)
{
    ended_run *run = out;
    return PyArg_ParseTuple(told, "(OI)SO!O!;run", &run->others, &run->turn, &run->noted,
                            &PyTuple_Type, &run->given, &PyDict_Type, &run->keywords);
}

/* As lcpy_call_may_be_stored(). */
static int may_be_stored(lcpy_persisted *self, const lcpy_key *key, const ended_run *run)
{
    lcpy_call call;
    locache_cbor_writer parts;
    PyObject *held[2] = {NULL, NULL};
    size_t size = (size_t)PyBytes_GET_SIZE(run->noted);
    locache_cbor_writer_init(&parts, PyBytes_AS_STRING(run->noted), size);
    parts.length = size; /* full, and only read */
    int status = spread(&call, held, run->given, run->keywords);
    if (status == 0)
        status = lcpy_call_may_be_stored(self, &(lcpy_changed_key){&key->writer, &parts}, &call);
    Py_XDECREF(held[0]);
    Py_XDECREF(held[1]);
    return status;
}

/* May what it returned be stored? 1, 0, or -1 with an exception. As lcpy_depend_ended() at last. */
static int end_run(lcpy_persisted *self, lcpy_key *key, const ended_run *run)
{
    /* first, since the key that is made again takes note of what is captured now */
    int may = note_state(self, key, run->others) == 0 ? may_be_stored(self, key, run) : -1;
    if (may <= 0)
        return may;
    long long time = run->others != Py_None ? PyLong_AsLongLong(run->others) : -1;
    if (time == -1 && PyErr_Occurred() != NULL)
        return -1;
    return lcpy_depend_ended(self, run->turn, time);
}

PyObject *lcpy_coroutine_store(PyObject *object, PyObject *args)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_key key;
    lcpy_computed computed = {.result = NULL};
    PyObject *request;
    PyObject *bytes;
    long long compute_time = 0;
    int wanted = LCPY_ANY;
    int quiet = 0;
    ended_run run;
    if (!PyArg_ParseTuple(args, "OOOLipO&:_store", &request, &bytes, &computed.result,
                          &compute_time, &wanted, &quiet, convert_run, &run) ||
        lcpy_tasks_key(&key, bytes) < 0)
        return NULL;
    self->computed += (uint64_t)compute_time;
    computed.compute_time = compute_time;
    computed.fresh = wanted != LCPY_ANY;
    computed.quiet = quiet != 0;
    int stored = end_run(self, &key, &run);
    if (stored < 0)
        return NULL;
    /* Of what is refreshed it is noted before the next takes its turn. */
    if (stored == 0 || wanted != LCPY_REFRESHED)
        computed.flight = lcpy_tasks_take(request);
    if (PyErr_Occurred() != NULL)
        return NULL;
    if (stored == 0) /* nor will that of who waits be */
        lcpy_store_give_up(computed.flight);
    else
        stored = lcpy_store(self, &key, &computed);
    if (stored >= 0 && wanted == LCPY_REFRESHED)
        stored = lcpy_refreshed_add(self, &key);
    return stored < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *lcpy_coroutine_settle(PyObject *object, PyObject *args)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_key key;
    PyObject *bytes;
    PyObject *stored;
    PyObject *computed;
    int raised = 0;
    ended_run run;
    if (!PyArg_ParseTuple(args, "OOOpO&:_settle", &bytes, &stored, &computed, &raised, convert_run,
                          &run) ||
        lcpy_tasks_key(&key, bytes) < 0)
        return NULL;
    int store = raised ? note_state(self, &key, run.others) : end_run(self, &key, &run);
    if (store < 0)
        return NULL;
    if (raised)
        PyErr_SetObject((PyObject *)Py_TYPE(computed), computed);
    PyObject *result = lcpy_verify_settle(self, &key, Py_NewRef(stored),
                                          raised ? NULL : Py_NewRef(computed), &store);
    if (store > 0)
        store = lcpy_store(self, &key, &(lcpy_computed){.result = result, .fresh = true});
    if (store < 0)
        Py_CLEAR(result);
    return result;
}
