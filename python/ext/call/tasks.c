/* What a coroutine's call does: for locache._async, which knows event loops and waits in them. A
 * task asks and is answered at once; the flight that it may be given is the task's own, whatever
 * thread it runs on, and lives in a capsule, which ends it where nobody else has. */
#include "call/tasks.h"

#include "call/call.h"
#include "call/explain.h"
#include "call/lookup.h"
#include "call/open.h"
#include "call/refreshed.h"
#include "call/verify.h"

#define CAPSULE "locache._core.request"

typedef struct task {
    locache_request request;
    locache_flight *flight; /* once it was given; or NULL */
    const locache *asked;   /* the cache that the request was made to last */
    lcpy_wanted wanted;
    bool rejected; /* what was there was no result: said already */
    int64_t start;
    PyObject *key; /* bytes, those of the request */
} task;

static void drop_task(PyObject *capsule)
{
    task *of = PyCapsule_GetPointer(capsule, CAPSULE);
    locache_give_up(&of->request);
    locache_abandon(of->flight);
    Py_DECREF(of->key);
    PyMem_Free(of);
}

static task *task_of(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, CAPSULE);
}

int lcpy_tasks_key(lcpy_key *key, PyObject *bytes)
{
    if (!PyBytes_Check(bytes)) {
        PyErr_SetString(PyExc_TypeError, "a key is bytes");
        return -1;
    }
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    locache_cbor_writer_init(&key->writer, PyBytes_AS_STRING(bytes),
                             size); /* full, and only read */
    key->writer.length = size;
    key->simple = false; /* that is not known */
    return 0;
}

static PyObject *make_task(PyObject *bytes, lcpy_wanted wanted)
{
    lcpy_key key;
    if (lcpy_tasks_key(&key, bytes) < 0)
        return NULL;
    task *made = PyMem_Malloc(sizeof *made);
    if (made == NULL)
        return PyErr_NoMemory();
    *made = (task){.request = {.size = sizeof made->request,
                               .key = key.writer.data,
                               .key_size = key.writer.length,
                               .wait = -1,
                               .detached = true,
                               .behind = true,
                               .fresh = wanted != LCPY_ANY},
                   .wanted = wanted,
                   .start = lcpy_persisted_clock(),
                   .key = Py_NewRef(bytes)};
    PyObject *capsule = PyCapsule_New(made, CAPSULE, drop_task);
    if (capsule == NULL) {
        Py_DECREF(made->key);
        PyMem_Free(made);
    }
    return capsule;
}

PyObject *lcpy_tasks_request(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    (void)object;
    long wanted = count == 2 ? PyLong_AsLong(args[1]) : -1;
    return wanted < 0 ? NULL : make_task(args[0], (lcpy_wanted)wanted);
}

PyObject *lcpy_tasks_hold(PyObject *key, locache_flight *flight)
{
    PyObject *capsule = key != NULL ? make_task(key, LCPY_NEW) : NULL;
    if (capsule != NULL)
        task_of(capsule)->flight = flight;
    else
        locache_abandon(flight);
    return capsule;
}

/* Is it not to be waited for any longer? */
static bool is_over(const lcpy_persisted *self, const task *of)
{
    return of->wanted == LCPY_NEW ||
           (self->options.wait > 0 && lcpy_persisted_clock() - of->start >= self->options.wait);
}

/* Ask the cache, without waiting. */
static locache_status ask_now(lcpy_answer *answer, lcpy_persisted *self, const lcpy_key *key,
                              task *of)
{
    if (of->asked != self->cache)
        locache_give_up(&of->request);
    of->asked = self->cache;
    answer->forgotten = self->forgotten;
    answer->fresh = of->request.fresh;
    /* What it is within, another thread may end as soon as it has the GIL. */
    if (of->request.within != NULL) {
        self->busy++;
        answer->status =
            locache_ask(&answer->value, &of->flight, self->cache, &of->request, &answer->error);
        self->busy--;
    } else {
        const lcpy_sought asked = {self, key, false};
        const lcpy_sought *outer = lcpy_explain_enter(&asked);
        LCPY_BEGIN_WITHOUT_GIL(self);
        answer->status =
            locache_ask(&answer->value, &of->flight, cache, &of->request, &answer->error);
        LCPY_END_WITHOUT_GIL(self);
        lcpy_explain_asked = outer;
    }
    if (answer->status == LOCACHE_PENDING && is_over(self, of)) {
        locache_give_up(&of->request);
        answer->status = LOCACHE_MISS;
    }
    return answer->status;
}

/* What memory has; REJECTED: what it has is no result; ABSENT. */
static lcpy_found recall_for_task(PyObject **out, lcpy_persisted *self, const lcpy_key *key,
                                  const task *of)
{
    void *object;
    if (of->request.fresh ||
        locache_recall(&object, self->cache, key->writer.data, key->writer.length) != LOCACHE_OK)
        return LCPY_ABSENT;
    return lcpy_lookup_kept(out, self, key, object);
}

/* What memory or the file has; else whether to compute it. What is there and is no result of this
 * program's is asked for anew, so that one computes it. */
static lcpy_found look_or_ask(PyObject **out, lcpy_persisted *self, const lcpy_key *key, task *of)
{
    lcpy_answer answer;
    if (self->mode == LCPY_READONLY)
        return of->request.fresh ? LCPY_ABSENT : lcpy_lookup(out, self, key);
    lcpy_found found = lcpy_lookup_open(self);
    if (found != LCPY_FOUND)
        return found;
    found = recall_for_task(out, self, key, of);
    while (found == LCPY_ABSENT || (found == LCPY_REJECTED && !of->request.fresh)) {
        of->rejected = of->rejected || found == LCPY_REJECTED;
        of->request.fresh = of->request.fresh || found == LCPY_REJECTED;
        if (ask_now(&answer, self, key, of) == LOCACHE_PENDING)
            return LCPY_ELSEWHERE;
        found = lcpy_lookup_answer(out, self, key, &answer);
        if (found == LCPY_ABSENT || of->flight != NULL)
            break;
    }
    if (of->rejected && found == LCPY_FOUND)
        self->misses--; /* it was none in the end */
    return of->rejected && found == LCPY_ABSENT ? LCPY_REJECTED : found;
}

/* _ask(request, within): a tuple of the result, with another item where it is to be computed again
 * all the same, for verify=, and two where it is stale and the request's to compute anew; None: it
 * is to be computed; False: that, and the user was told already why; ...: somebody else computes
 * it. */
PyObject *lcpy_tasks_ask(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_key key;
    PyObject *value = NULL;
    task *of = count == 2 ? task_of(args[0]) : NULL;
    const task *within = of != NULL && args[1] != Py_None ? task_of(args[1]) : NULL;
    if (of == NULL || PyErr_Occurred() != NULL || lcpy_tasks_key(&key, of->key) < 0 ||
        lcpy_open_follow(self) < 0)
        return NULL;
    of->request.within = within != NULL ? within->flight : NULL;
    lcpy_found found = look_or_ask(&value, self, &key, of);
    if (found == LCPY_ABSENT && of->wanted == LCPY_REFRESHED &&
        lcpy_refreshed_has(self, &key) != 0) {
        /* By another thread, just before this task had the turn. */
        locache_abandon(of->flight);
        of->flight = NULL;
        of->wanted = LCPY_ANY;
        of->request.fresh = false;
        of->request.from = 0;
        found = PyErr_Occurred() == NULL ? look_or_ask(&value, self, &key, of) : LCPY_INTERRUPTED;
    }
    switch (found) {
    case LCPY_FOUND: {
        bool noted = of->wanted != LCPY_REFRESHED || lcpy_refreshed_add(self, &key) == 0;
        bool stale = of->flight != NULL;
        bool again = !stale && of->wanted == LCPY_ANY && self->options.verify != 0 &&
                     lcpy_verify_draws(self);
        PyObject *result = noted ? PyTuple_Pack(stale   ? 3
                                                : again ? 2
                                                        : 1,
                                                value, Py_True, Py_True)
                                 : NULL;
        Py_DECREF(value);
        return result;
    }
    case LCPY_INTERRUPTED:
        return NULL;
    case LCPY_ELSEWHERE:
        return Py_NewRef(Py_Ellipsis);
    case LCPY_REJECTED:
        return Py_NewRef(Py_False);
    default:
        return Py_NewRef(Py_None);
    }
}

PyObject *lcpy_tasks_end(PyObject *module, PyObject *capsule)
{
    (void)module;
    locache_abandon(lcpy_tasks_take(capsule));
    return PyErr_Occurred() == NULL ? Py_NewRef(Py_None) : NULL;
}

PyObject *lcpy_tasks_adopt(PyObject *module, PyObject *capsule)
{
    (void)module;
    const task *of = task_of(capsule);
    if (of == NULL)
        return NULL;
    locache_adopt(of->flight);
    return Py_NewRef(Py_None);
}

locache_flight *lcpy_tasks_take(PyObject *capsule)
{
    task *of = task_of(capsule);
    locache_flight *flight = of != NULL ? of->flight : NULL;
    if (of != NULL)
        of->flight = NULL;
    return flight;
}

/* The exception that is being handled forgets the frames of one file at its top, so that `raise`
 * goes on with it as if they had not been there. Its traceback is kept twice before Python 3.11:
 * in the exception, and beside it. */
PyObject *lcpy_tasks_hide(PyObject *module, PyObject *file)
{
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    (void)module;
    PyErr_GetExcInfo(&type, &value, &traceback);
    PyObject *top = value != NULL && value != Py_None ? PyException_GetTraceback(value) : NULL;
    while (top != NULL && PyTraceBack_Check(top)) {
        PyFrameObject *frame = ((PyTracebackObject *)top)->tb_frame;
        PyCodeObject *code = PyFrame_GetCode(frame);
        bool ours = PyObject_RichCompareBool(code->co_filename, file, Py_EQ) == 1;
        Py_DECREF(code);
        if (!ours)
            break;
        PyObject *next = (PyObject *)((PyTracebackObject *)top)->tb_next;
        Py_XINCREF(next);
        Py_SETREF(top, next);
    }
    if (top != NULL) {
        PyException_SetTraceback(value, top);
        Py_XSETREF(traceback, Py_NewRef(top));
    }
    Py_XDECREF(top);
    PyErr_SetExcInfo(type, value, traceback);
    return PyErr_Occurred() == NULL ? Py_NewRef(Py_None) : NULL;
}
