/* What is counted of a function's results and of their use. */
#include "call/counts.h"

#include <string.h>

#include "call/open.h"

#define SECOND 1e9 /* nanoseconds */

/* --------------------------------------------------------------------------------- one function */

/* What is stored, and what all processes did with it. Nothing where there is no cache that can be
 * used. */
typedef struct stored {
    uint64_t count;
    uint64_t bytes;
    locache_counts total;
} stored;

static void measure(stored *out, lcpy_persisted *self)
{
    locache_error error;
    *out = (stored){.total.size = sizeof out->total};
    if (lcpy_open(self, &error) != LOCACHE_OK) {
        PyErr_Clear();
        return;
    }
    LCPY_BEGIN_WITHOUT_GIL(self);
    if (locache_measure(&out->count, &out->bytes, cache, &error) != LOCACHE_OK)
        out->count = out->bytes = 0;
    (void)!locache_total(&out->total, cache);
    LCPY_END_WITHOUT_GIL(self);
}

PyObject *lcpy_counts_maxsize(const lcpy_persisted *self)
{
    return self->options.max_entries > 0 ? PyLong_FromLongLong(self->options.max_entries)
                                         : Py_NewRef(Py_None);
}

const char lcpy_counts_info_doc[] =
    "cache_info($self, /)\n--\n\n"
    "Counts of this process, and the number of results stored: the named tuple\n"
    "CacheInfo(hits, misses, maxsize, currsize).\n\n"
    "Beside these it has the attributes `bypassed` (calls that did without the cache), `errors`,\n"
    "`time_computed` (seconds that the results of misses took), `time_saved` (seconds that\n"
    "those of hits had taken), `verified` (hits that were computed again, by verify=),\n"
    "`mismatches` (of these, which gave another result), `bytes` (that the stored results take)\n"
    "and `total`, what all processes counted of the function as it is now: the named tuple\n"
    "Totals(hits, misses, stores, time_saved, time_computed, bytes_read, bytes_stored); and\n"
    "`from_base` (hits that were read from a base: base=).";

static unsigned long long base_hits(const locache *cache)
{
    locache_statistics counted = {.size = sizeof counted};
    return cache != NULL && locache_info(&counted, cache) == LOCACHE_OK ? counted.base_hits : 0;
}

PyObject *lcpy_counts_info(PyObject *object, PyObject *unused)
{
    (void)unused;
    lcpy_persisted *self = (lcpy_persisted *)object;
    stored now;
    measure(&now, self);
    const locache_counts *total = &now.total;
    PyObject *module = PyImport_ImportModule("locache._info");
    PyObject *maxsize = lcpy_counts_maxsize(self);
    PyObject *info = NULL;
    if (module != NULL && maxsize != NULL)
        info = PyObject_CallMethod(
            module, "CacheInfo", "KKOKKKddKKK(KKKddKK)K", self->hits, self->misses, maxsize,
            now.count, self->bypassed, self->errors, (double)self->computed / SECOND,
            (double)lcpy_open_saved(self) / SECOND, self->verified, self->mismatches, now.bytes,
            total->hits, total->misses + total->rejects, total->stores,
            (double)total->saved_time / SECOND, (double)total->compute_time / SECOND,
            total->bytes_read, total->bytes_stored, base_hits(self->cache));
    Py_XDECREF(maxsize);
    Py_XDECREF(module);
    return info;
}

void lcpy_counts_looked(locache *cache, locache_status status, const locache_value *value,
                        const locache_error *error)
{
    if (status == LOCACHE_OK || (status == LOCACHE_MISS && error->status == LOCACHE_OK))
        locache_uncount(cache, status == LOCACHE_OK ? value : NULL);
}

/* -------------------------------------------------------------------------------- all functions */

void lcpy_counts_enter(lcpy_persisted *self)
{
    self->older = self->state->newest;
    if (self->older != NULL)
        self->older->newer = self;
    self->state->newest = self;
}

void lcpy_counts_leave(lcpy_persisted *self)
{
    if (self->older != NULL)
        self->older->newer = self->newer;
    if (self->newer != NULL)
        self->newer->older = self->older;
    else
        self->state->newest = self->older;
}

PyObject *lcpy_counts_all(PyObject *module, PyObject *unused)
{
    (void)unused;
    lcpy_state *state = PyModule_GetState(module);
    PyObject *list = PyList_New(0);
    /* To append may collect garbage, and with it a function that is just passed: the list holds
     * the one that the way goes on from. */
    for (lcpy_persisted *at = state->newest; list != NULL && at != NULL; at = at->older)
        if (PyList_Append(list, (PyObject *)at) < 0)
            Py_CLEAR(list);
    if (list != NULL && PyList_Reverse(list) < 0)
        Py_CLEAR(list);
    return list;
}

PyObject *lcpy_counts_summary(PyObject *module, PyObject *unused)
{
    char line[LOCACHE_SUMMARY_MAX];
    (void)module;
    (void)unused;
    return locache_summary(line, sizeof line) ? PyUnicode_FromString(line) : Py_NewRef(Py_None);
}

PyObject *lcpy_counts_add(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    LCPY_BEGIN_ALLOW_THREADS;
    locache_add_counts();
    LCPY_END_ALLOW_THREADS;
    return Py_NewRef(Py_None);
}
