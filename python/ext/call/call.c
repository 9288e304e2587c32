/* A call of a decorated function, from its arguments to its result. */
#include "call/call.h"

#include <stdio.h>

#include "call/changed.h"
#include "call/kept.h"
#include "call/lookup.h"
#include "call/open.h"
#include "call/simple.h"
#include "call/store.h"
#include "call/switch.h"
#include "call/warn.h"
#include "plain/stack.h"

lcpy_bound lcpy_call_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                         PyObject **culprit)
{
    locache_writer_init(&key->writer, key->room, sizeof key->room);
    if (self->target.is_simple && lcpy_simple_key(&key->writer, &self->target.plan, call)) {
        *culprit = NULL;
        key->simple = true;
        return LCPY_BOUND;
    }
    key->simple = false;
    locache_writer_reset(&key->writer);
    return lcpy_target_key(self->state, &key->writer, &self->target, call, (PyObject *)self,
                           culprit);
}

static PyObject *call_function(lcpy_persisted *self, const lcpy_call *call)
{
    return PyObject_Vectorcall(self->target.callable, call->args, (size_t)call->count,
                               call->kwnames);
}

static PyObject *keywords_of(const lcpy_call *call)
{
    PyObject *keywords = PyDict_New();
    Py_ssize_t count = call->kwnames != NULL ? PyTuple_GET_SIZE(call->kwnames) : 0;
    for (Py_ssize_t i = 0; keywords != NULL && i < count; i++)
        if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(call->kwnames, i),
                           call->args[call->count + i]) < 0)
            Py_CLEAR(keywords);
    return keywords;
}

static int import_async(lcpy_state *state)
{
    if (state->async_call == NULL) {
        PyObject *module = PyImport_ImportModule("locache._async");
        state->async_call = module != NULL ? PyObject_GetAttrString(module, "call") : NULL;
        Py_XDECREF(module);
    }
    return state->async_call != NULL ? 0 : -1;
}

/* A coroutine is known by its function's name, as in "coroutine 'fetch' was never awaited". */
static int name_coroutine(lcpy_persisted *self, PyObject *coroutine)
{
    PyObject *function = self->target.named;
    return PyObject_SetAttrString(coroutine, "__name__",
                                  ((PyFunctionObject *)function)->func_name) < 0 ||
                   PyObject_SetAttrString(coroutine, "__qualname__",
                                          ((PyFunctionObject *)function)->func_qualname) < 0
               ? -1
               : 0;
}

static PyObject *start_coroutine(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                                 bool fresh)
{
    PyObject *coroutine = NULL;
    PyObject *args = PyTuple_New(call->count);
    PyObject *keywords = keywords_of(call);
    PyObject *bytes =
        PyBytes_FromStringAndSize((const char *)key->writer.data, (Py_ssize_t)key->writer.length);
    if (args == NULL || keywords == NULL || bytes == NULL || import_async(self->state) < 0)
        goto done;
    for (Py_ssize_t i = 0; i < call->count; i++)
        PyTuple_SET_ITEM(args, i, Py_NewRef(call->args[i]));
    PyObject *arguments[] = {(PyObject *)self, bytes, args, keywords, fresh ? Py_True : Py_False};
    coroutine = PyObject_Vectorcall(self->state->async_call, arguments,
                                    sizeof arguments / sizeof *arguments, NULL);
    if (coroutine != NULL && name_coroutine(self, coroutine) < 0)
        Py_CLEAR(coroutine);
done:
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    Py_XDECREF(bytes);
    return coroutine;
}

/* --------------------------------------------------------------------------------------- the run
 *
 * The function may call itself, as deep as Python lets it: whatever is on the C stack while it runs
 * is there once for each level. So what is needed before and after lives in functions that have
 * returned by then, and what has to be kept from one to the other on the heap. */

/* A call that is to be computed. */
typedef struct pending {
    lcpy_key key;
    lcpy_run *run;
    locache_flight *flight; /* or NULL */
    int64_t start;
    bool fresh;
    bool quiet;
} pending;

/* What is left to do for a call once it was looked up. */
typedef enum step {
    FINISHED,  /* nothing: there is a result, or an exception */
    COMPUTE,   /* call the function and store what it returns */
    CALL_ONLY, /* call it */
    MISFIT     /* call it, and see whether it takes the arguments */
} step;

/* Finished, with the exception. */
static step fail(void)
{
    return FINISHED;
}

/* Its flight is ended, and who waits for it computes. */
static void drop_pending(pending *call)
{
    locache_abandon(call->flight);
    locache_writer_clear(&call->key.writer);
    PyMem_Free(call);
}

static step prepare(pending **out, lcpy_persisted *self, const lcpy_key *key, bool fresh,
                    bool quiet)
{
    pending *call = PyMem_Malloc(sizeof *call);
    if (call == NULL) {
        PyErr_NoMemory();
        return fail();
    }
    call->fresh = fresh;
    call->quiet = quiet;
    call->flight = NULL;
    call->key.simple = key->simple;
    locache_writer_init(&call->key.writer, call->key.room, sizeof call->key.room);
    locache_write_raw(&call->key.writer, key->writer.data, key->writer.length);
    if (locache_writer_status(&call->key.writer) != LOCACHE_OK)
        PyErr_NoMemory();
    call->run = PyErr_Occurred() == NULL ? lcpy_captures_begin(&self->target.captures,
                                                               key->writer.data, key->writer.length)
                                         : NULL;
    if (PyErr_Occurred() != NULL) {
        drop_pending(call);
        return fail();
    }
    *out = call;
    call->start = lcpy_persisted_clock();
    return COMPUTE;
}

/* The arguments have other values than before: said once, and counted. */
static int warn_of_change(lcpy_persisted *self, PyObject *where)
{
    locache_error error = {.status = LOCACHE_OK};
    const char *place = PyUnicode_AsUTF8(where);
    if (place == NULL)
        return -1;
    (void)snprintf(error.message, sizeof error.message,
                   "the call changes its argument: %s is another afterwards, which a hit would not "
                   "do, so that the program would go on differently; leave the argument out with "
                   "ignore=, or say what counts of it (key=, or __locache_key__ in its class)",
                   place);
    return lcpy_warn(self, LCPY_TROUBLE_CHANGED, &error, NULL);
}

/* Filled in is what the next call finds there: it computes no more than this one did. */
static int say_filled(const lcpy_persisted *self, PyObject *where)
{
    if (!self->state->verbose)
        return 0;
    PyObject *line = PyUnicode_FromFormat("store %U: the call filled in %U, which a hit will not",
                                          self->target.qualname, where);
    PyObject *done = line != NULL ? PyObject_CallOneArg(self->state->log_write, line) : NULL;
    Py_XDECREF(line);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

/* The key of the same call now, compared with the one that it had. Within the run, so that what is
 * captured counts as it did. */
static lcpy_change find_change(PyObject **where, lcpy_persisted *self, const lcpy_key *key,
                               const lcpy_call *call)
{
    lcpy_key after;
    PyObject *culprit = NULL;
    lcpy_change change = LCPY_CHANGE_NONE;
    *where = NULL;
    if (lcpy_call_key(self, &after, call, &culprit) == LCPY_BOUND)
        change = lcpy_changed_find(where, &self->target.captures, &key->writer, &after.writer);
    else if (PyErr_Occurred() != NULL && !PyErr_ExceptionMatches(PyExc_Exception))
        change = LCPY_CHANGE_ERROR;
    else
        PyErr_Clear(); /* the next call says that it has no key */
    Py_XDECREF(culprit);
    locache_writer_clear(&after.writer);
    return change;
}

int lcpy_call_may_be_stored(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call)
{
    PyObject *where;
    int status = 0;
    lcpy_change change = find_change(&where, self, key, call);
    if (change == LCPY_CHANGE_OTHER)
        status = warn_of_change(self, where);
    else if (change == LCPY_CHANGE_FILLED)
        status = say_filled(self, where);
    Py_XDECREF(where);
    return status < 0 || change == LCPY_CHANGE_ERROR ? -1 : change != LCPY_CHANGE_OTHER;
}

/* After the run: takes `result`, which may be NULL, and gives it back, or NULL. */
static __attribute__((noinline)) PyObject *finish(lcpy_persisted *self, pending *work,
                                                  const lcpy_call *call, PyObject *result)
{
    lcpy_computed computed = {result, lcpy_persisted_clock() - work->start, work->fresh,
                              work->quiet, work->flight};
    int stored = result != NULL;
    if (stored && !work->key.simple)
        stored = lcpy_call_may_be_stored(self, &work->key, call);
    int ended = lcpy_captures_end(self->state, &self->target.captures, work->run);
    if (ended < 0 || stored < 0) {
        Py_CLEAR(result);
    } else if (result != NULL) {
        work->flight = NULL;
        if (stored == 0)
            lcpy_store_give_up(computed.flight);
        else if (lcpy_store(self, &work->key, &computed) < 0)
            Py_CLEAR(result);
    }
    drop_pending(work);
    return result;
}

static __attribute__((noinline)) PyObject *warn_of_misfit(lcpy_persisted *self, PyObject *result)
{
    locache_error error = {.message = "its decorators take other arguments than it does; keep "
                                      "functools.wraps() off them"};
    if (result != NULL && lcpy_warn(self, LCPY_TROUBLE_MISFIT, &error, NULL) < 0)
        Py_CLEAR(result);
    return result;
}

/* The rest of a call, with nothing else on the C stack. */
static inline PyObject *run(lcpy_persisted *self, step next, pending *work, const lcpy_call *call)
{
    PyObject *result = call_function(self, call);
    if (next == COMPUTE)
        return finish(self, work, call, result);
    return next == MISFIT ? warn_of_misfit(self, result) : result;
}

PyObject *lcpy_call_compute(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call)
{
    pending *work = NULL;
    if (self->target.is_async)
        return start_coroutine(self, key, call, true);
    return prepare(&work, self, key, true, false) == COMPUTE ? run(self, COMPUTE, work, call)
                                                             : NULL;
}

/* No key could be made. */
static step go_without_key(lcpy_persisted *self, lcpy_bound bound, PyObject *culprit)
{
    self->bypassed++;
    if (bound == LCPY_BIND_ERROR && lcpy_warn(self, LCPY_TROUBLE_KEY, NULL, culprit) < 0)
        return fail();
    return bound == LCPY_MISFIT ? MISFIT : CALL_ONLY;
}

PyObject *lcpy_call_without_key(lcpy_persisted *self, const lcpy_call *call, lcpy_bound bound,
                                PyObject *culprit)
{
    step next = go_without_key(self, bound, culprit);
    return next == FINISHED ? NULL : run(self, next, NULL, call);
}

/* ------------------------------------------------------------------------------- the looking up */

/* Memory has nothing for the key. */
static step read_or_prepare(PyObject **out, pending **work, lcpy_persisted *self,
                            const lcpy_key *key)
{
    locache_flight *flight = NULL;
    lcpy_found found = self->mode == LCPY_READONLY ? lcpy_lookup_file(out, self, key)
                                                   : lcpy_lookup_begin(out, &flight, self, key);
    if (found == LCPY_ABSENT || found == LCPY_REJECTED) {
        step next = prepare(work, self, key, false, found == LCPY_REJECTED);
        if (next == COMPUTE)
            (*work)->flight = flight;
        else
            locache_abandon(flight);
        return next;
    }
    return found == LCPY_UNUSABLE ? CALL_ONLY : FINISHED;
}

/* There is no result in memory that could be given. Not inlined: most hits do without. */
static __attribute__((noinline)) PyObject *look_further(lcpy_persisted *self, const lcpy_call *call,
                                                        const lcpy_key *key, bool rejected,
                                                        step *next, pending **work)
{
    PyObject *result = NULL;
    if (self->target.is_async)
        return start_coroutine(self, key, call, false);
    if (lcpy_stack_check() < 0)
        return NULL;
    *next = rejected ? prepare(work, self, key, false, true)
                     : read_or_prepare(&result, work, self, key);
    return result;
}

static __attribute__((noinline)) void look_without_key(lcpy_persisted *self, lcpy_bound bound,
                                                       PyObject *culprit, step *next)
{
    *next = lcpy_stack_check() < 0 ? fail() : go_without_key(self, bound, culprit);
    Py_XDECREF(culprit);
}

/* What memory has for a key: the result; or NULL, and *rejected where it is no good. */
static inline PyObject *look_in_memory(lcpy_persisted *self, const lcpy_key *key, bool *found,
                                       bool *rejected)
{
    void *known;
    PyObject *result = NULL;
    if (self->cache == NULL || self->target.is_async ||
        locache_recall(&known, self->cache, key->writer.data, key->writer.length) != LOCACHE_OK)
        return NULL;
    *found = true;
    if (lcpy_kept_is_result(known)) {
        self->hits++;
        return known;
    }
    *rejected = lcpy_lookup_kept(&result, self, key, known) == LCPY_REJECTED;
    *found = !*rejected;
    return result;
}

/* Not inlined: the key would be on the C stack while the function runs. *next and *work are set
 * where something is left to do. */
static __attribute__((noinline)) PyObject *look_up(lcpy_persisted *self, const lcpy_call *call,
                                                   step *next, pending **work)
{
    lcpy_key key;
    PyObject *culprit;
    PyObject *result = NULL;
    bool found = false;
    bool rejected = false;
    lcpy_bound bound = lcpy_call_key(self, &key, call, &culprit);
    if (bound != LCPY_BOUND) {
        look_without_key(self, bound, culprit, next);
    } else {
        result = look_in_memory(self, &key, &found, &rejected);
        if (!found)
            result = look_further(self, call, &key, rejected, next, work);
    }
    locache_writer_clear(&key.writer);
    return result;
}

/* -------------------------------------------------------------------------------- not as always */

/* Under LOCACHE=refresh each call is computed once in a process: else a recursive function would
 * take as long as without a cache. 1: this one was; 0; or -1 with an exception. */
static int note_refreshed(lcpy_persisted *self, const lcpy_key *key)
{
    if (self->refreshed == NULL && (self->refreshed = PySet_New(NULL)) == NULL)
        return -1;
    PyObject *bytes =
        PyBytes_FromStringAndSize((const char *)key->writer.data, (Py_ssize_t)key->writer.length);
    int known = bytes != NULL ? PySet_Contains(self->refreshed, bytes) : -1;
    if (known == 0 && PySet_Add(self->refreshed, bytes) < 0)
        known = -1;
    Py_XDECREF(bytes);
    return known;
}

static bool refresh_call(PyObject **out, lcpy_persisted *self, const lcpy_call *call)
{
    lcpy_key key;
    PyObject *culprit = NULL;
    lcpy_bound bound = lcpy_call_key(self, &key, call, &culprit);
    int known = bound == LCPY_BOUND ? note_refreshed(self, &key) : 0;
    bool done = known <= 0;
    *out = NULL;
    if (bound != LCPY_BOUND)
        *out = lcpy_call_without_key(self, call, bound, culprit);
    else if (known == 0)
        *out = lcpy_call_compute(self, &key, call);
    Py_XDECREF(culprit);
    locache_writer_clear(&key.writer);
    return done;
}

/* A call that is not plain. True: it is done, and *out is its result, or NULL with an exception;
 * false: it goes on as always. */
static bool call_switched(PyObject **out, lcpy_persisted *self, const lcpy_call *call)
{
    *out = NULL;
    if (lcpy_open_refresh(self) < 0)
        return true;
    if (self->mode == LCPY_REFRESH)
        return refresh_call(out, self, call);
    if (self->mode != LCPY_OFF)
        return false;
    self->bypassed++;
    *out =
        PyObject_Vectorcall(self->target.callable, call->args, (size_t)call->count, call->kwnames);
    return true;
}

PyObject *lcpy_call_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                               PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, PyVectorcall_NARGS(nargsf), kwnames};
    pending *work = NULL;
    step next = FINISHED;
    PyObject *result;
    if (!lcpy_switch_is_plain(self) && call_switched(&result, self, &call))
        return result;
    result = look_up(self, &call, &next, &work);
    return next == FINISHED ? result : run(self, next, work, &call);
}
