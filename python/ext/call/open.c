/* Opening a function's cache: where it is and what the function is, asked for once. */
#include "call/open.h"

#include <errno.h>

#include "call/kept.h"
#include "call/switch.h"
#include "call/warn.h"
#include "identity.h"

/* Nanoseconds until a cache whose lock was not to be had is asked for again. */
#define BUSY_PAUSE INT64_C(10000000)

/* The function's own code and that of what it wraps; of one function, just its code. */
static int code_identity(locache_id *out, PyObject *functions)
{
    locache_id ids[2];
    Py_ssize_t depth = PyTuple_GET_SIZE(functions);
    for (Py_ssize_t i = 0; i < depth; i++) {
        if (lcpy_code_id(&ids[1], PyFunction_GET_CODE(PyTuple_GET_ITEM(functions, i))) < 0)
            return -1;
        if (i == 0)
            ids[0] = ids[1];
        else
            locache_id_of(&ids[0], ids, sizeof ids);
    }
    *out = ids[0];
    return 0;
}

/* The same for their sources: 1, 0 where one of them has none, or -1. */
static int source_identity(lcpy_state *state, locache_id *out, PyObject *functions)
{
    locache_id ids[2];
    Py_ssize_t depth = PyTuple_GET_SIZE(functions);
    for (Py_ssize_t i = 0; i < depth; i++) {
        int found = lcpy_source_id(state, &ids[1], PyTuple_GET_ITEM(functions, i));
        if (found <= 0)
            return found;
        if (i == 0)
            ids[0] = ids[1];
        else
            locache_id_of(&ids[0], ids, sizeof ids);
    }
    *out = ids[0];
    return 1;
}

static locache_status open_without_gil(locache **out, const char *directory,
                                       const locache_options *options, locache_error *error)
{
    locache_status status;
    LCPY_BEGIN_ALLOW_THREADS;
    status = locache_open(out, directory, options, error);
    LCPY_END_ALLOW_THREADS;
    return status;
}

locache_status lcpy_open_at(locache **out, lcpy_persisted *self, const lcpy_where *where,
                            locache_error *error)
{
    char directory[LOCACHE_PATH_MAX];
    char tag[LCPY_TAG_MAX + 1];
    PyObject *functions = self->target.functions;
    locache_options options = {
        .size = sizeof options,
        .function = PyUnicode_AsUTF8(self->target.qualname),
        .flags = self->options.flags,
        .max_entries = self->options.max_entries,
        .max_age = self->options.max_age,
        .memory_entries = self->options.memory_entries,
        .memory_bytes = self->options.memory_bytes,
        .recheck = self->options.recheck,
        .retain = lcpy_kept_retain,
        .release = lcpy_kept_release,
        .group = self->state,
    };
    if (options.function == NULL)
        return LOCACHE_ETYPE;
    if (self->options.version != NULL) {
        const char *version = PyUnicode_AsUTF8(self->options.version);
        if (version == NULL)
            return LOCACHE_ETYPE;
        locache_identity_explicit(&options.identity, version);
    } else if (PyTuple_GET_SIZE(functions) > 0) {
        if (lcpy_code_tag(tag) < 0 || code_identity(&options.identity.code, functions) < 0)
            return LOCACHE_ETYPE;
        options.identity.code_tag = tag;
    }
    locache_status status = lcpy_where_find(directory, where, error);
    if (status == LOCACHE_OK)
        status = open_without_gil(out, directory, &options, error);
    if (status == LOCACHE_NEED_SOURCE) {
        int found = source_identity(self->state, &options.identity.source, functions);
        if (found < 0)
            return LOCACHE_ETYPE;
        options.identity.has_source = found > 0;
        options.identity.no_source = found == 0;
        status = open_without_gil(out, directory, &options, error);
    }
    return status;
}

static void close_retired(lcpy_persisted *self)
{
    for (size_t i = 0; i < self->retired_count; i++)
        locache_close(self->retired[i]);
    PyMem_Free(self->retired);
    self->retired = NULL;
    self->retired_count = 0;
}

void lcpy_open_again(lcpy_persisted *self)
{
    locache *cache = self->cache;
    self->cache = NULL;
    self->retry_from = 0;
    self->forgotten++;
    lcpy_warn_again(self);
    if (self->busy == 0) {
        locache_close(cache);
        close_retired(self);
    } else if (cache != NULL) {
        locache **more =
            PyMem_Realloc(self->retired, (self->retired_count + 1) * sizeof *self->retired);
        if (more == NULL) /* it stays open */
            return;
        self->retired = more;
        self->retired[self->retired_count++] = cache;
    }
}

void lcpy_open_end(lcpy_persisted *self)
{
    locache_close(self->cache);
    self->cache = NULL;
    close_retired(self);
}

locache_status lcpy_open(lcpy_persisted *self, locache_error *error)
{
    if (!lcpy_switch_is_plain(self) && lcpy_open_refresh(self) < 0)
        return LOCACHE_ETYPE;
    if (self->cache != NULL)
        return LOCACHE_OK;
    unsigned moved = self->moved;
    locache *cache = NULL;
    locache_status status = lcpy_open_at(&cache, self, &self->where, error);
    if (status != LOCACHE_OK)
        return status;
    if (self->cache != NULL || self->moved != moved) /* another thread was faster */
        locache_close(cache);
    else
        self->cache = cache;
    return self->cache != NULL ? LOCACHE_OK : lcpy_open(self, error);
}

int lcpy_open_refresh(lcpy_persisted *self)
{
    int moved = lcpy_switch_refresh(self);
    if (moved > 0)
        lcpy_open_again(self);
    return moved < 0 ? -1 : 0;
}

lcpy_found lcpy_open_for_call(lcpy_persisted *self)
{
    int64_t start = lcpy_persisted_clock();
    if (start < self->retry_from)
        return LCPY_UNUSABLE;
    locache_error error;
    locache_status status = lcpy_open(self, &error);
    if (status == LOCACHE_OK)
        return LCPY_FOUND;
    if (status == LOCACHE_EBUSY && error.os_error == EINTR)
        return PyErr_CheckSignals() < 0 ? LCPY_INTERRUPTED : lcpy_open_for_call(self);
    int64_t now = lcpy_persisted_clock();
    /* Trying again may take a hundredth of the time that passes. That others held a lock is no sign
     * of something broken, and the core waits for it no more than once. */
    self->retry_from = now + (status == LOCACHE_EBUSY ? BUSY_PAUSE : 100 * (now - start));
    int told = lcpy_warn(self, LCPY_TROUBLE_OPEN, status == LOCACHE_ETYPE ? NULL : &error, NULL);
    return told < 0 ? LCPY_INTERRUPTED : LCPY_UNUSABLE;
}
