/* Which hits are computed again, and what comes of it. What is equal and what is not, and how it is
 * said, is locache._verify's. */
#include "call/verify.h"

#include <stdio.h>
#include <unistd.h>

#include "call/warn.h"

/* The calls of this thread that are computed again, the last first. */
static _Thread_local lcpy_check *running;

static bool is_within(const lcpy_persisted *self)
{
    const lcpy_check *at = running;
    while (at != NULL && at->self != self)
        at = at->outer;
    return at != NULL;
}

/* SplitMix64 (Steele, Lea and Flood), of the function's own: nobody's random numbers are others for
 * it. */
static uint64_t draw(lcpy_persisted *self)
{
    if (self->drawn == 0)
        self->drawn =
            (uint64_t)lcpy_persisted_clock() ^ (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)self;
    uint64_t mixed = self->drawn += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

bool lcpy_verify_draws(lcpy_persisted *self)
{
    return draw(self) % LCPY_VERIFY_ALL < self->options.verify && !is_within(self);
}

void lcpy_verify_begin(lcpy_check *check, lcpy_persisted *self, PyObject *stored)
{
    *check = (lcpy_check){running, self, stored};
    running = check;
}

void lcpy_verify_end(lcpy_check *check)
{
    if (check->self == NULL)
        return;
    lcpy_check **at = &running;
    while (*at != NULL && *at != check)
        at = &(*at)->outer;
    if (*at == check)
        *at = check->outer;
    check->self = NULL;
    Py_CLEAR(check->stored);
}

/* What differs, in words: None where nothing does. NULL with an exception. */
static PyObject *ask_difference(const lcpy_key *key, PyObject *stored, PyObject *computed,
                                bool raised)
{
    PyObject *module = PyImport_ImportModule("locache._verify");
    PyObject *told = module != NULL
                         ? PyObject_CallMethod(module, raised ? "raised" : "difference_of", "y#OO",
                                               key->writer.data, (Py_ssize_t)key->writer.length,
                                               stored, computed)
                         : NULL;
    Py_XDECREF(module);
    return told;
}

/* 1: they differ, which is said; 0; or -1 with an exception. What cannot be compared is no
 * difference. */
static int compare_results(lcpy_persisted *self, const lcpy_key *key, PyObject *stored,
                           PyObject *computed, bool raised)
{
    locache_error error = {.status = LOCACHE_OK};
    PyObject *told = ask_difference(key, stored, computed, raised);
    const char *text = told != NULL && told != Py_None ? PyUnicode_AsUTF8(told) : NULL;
    if (text != NULL)
        (void)snprintf(error.message, sizeof error.message, "%s", text);
    Py_XDECREF(told);
    if (text == NULL && PyErr_Occurred() != NULL)
        return lcpy_warn_count(self);
    self->verified++;
    if (text == NULL)
        return 0;
    self->mismatches++;
    return lcpy_warn(self, LCPY_TROUBLE_MISMATCH, &error, NULL) < 0 ? -1 : 1;
}

/* The exception that is set, taken, as an object. */
static PyObject *take_exception_object(void)
{
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value != NULL ? value : Py_NewRef(Py_None);
}

PyObject *lcpy_verify_settle(lcpy_persisted *self, const lcpy_key *key, PyObject *stored,
                             PyObject *computed, int *store)
{
    bool raised = computed == NULL;
    if (raised && !PyErr_ExceptionMatches(PyExc_Exception)) {
        Py_DECREF(stored);
        *store = 0;
        return NULL;
    }
    if (raised)
        computed = take_exception_object();
    if (raised || *store > 0) {
        int differs = compare_results(self, key, stored, computed, raised);
        *store = raised && differs > 0 ? 0 : differs;
    }
    if (*store > 0) {
        Py_DECREF(stored);
        return computed;
    }
    Py_DECREF(computed);
    return stored;
}
