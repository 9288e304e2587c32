/* Opening a function's cache: where it is and what the function is, asked for once. */
#include "call/open.h"

#include <errno.h>

#include "call/depend.h"
#include "call/kept.h"
#include "call/note.h"
#include "call/share.h"
#include "call/switch.h"
#include "call/warn.h"
#include "identity.h"
#include "plain/names.h"

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

/* The name of the function's directory: new reference. Under dir= several modules may share one
 * cache directory, and their functions of one name must not share theirs. What is no function of
 * Python has its module in its name already. */
static PyObject *directory_name(lcpy_persisted *self, const lcpy_where *where)
{
    const lcpy_target *target = &self->target;
    if (where->function != NULL && PyBytes_GET_SIZE(where->function) > 0)
        return PyUnicode_DecodeUTF8(PyBytes_AS_STRING(where->function),
                                    PyBytes_GET_SIZE(where->function), NULL);
    if (where->directory == NULL || where->function != NULL || !PyUnicode_Check(target->module) ||
        PyTuple_GET_SIZE(target->functions) == 0)
        return Py_NewRef(target->qualname);
    PyObject *module = lcpy_names_module(self->state, target->module);
    PyObject *name = NULL;
    if (module != NULL && PyUnicode_CompareWithASCIIString(module, "__main__") == 0)
        name = Py_NewRef(target->qualname);
    else if (module != NULL)
        name = PyUnicode_FromFormat("%U.%U", module, target->qualname);
    Py_XDECREF(module);
    return name;
}

/* What the function is, for the cache to compare: 0, or -1 with an exception. */
static int fill_identity(locache_identity *out, lcpy_persisted *self)
{
    PyObject *functions = self->target.functions;
    if (self->options.version != NULL) {
        const char *version = PyUnicode_AsUTF8(self->options.version);
        if (version == NULL)
            return -1;
        locache_identity_explicit(out, version);
    } else if (PyTuple_GET_SIZE(functions) > 0) {
        out->code_tag = lcpy_code_tag(self->state);
        if (out->code_tag == NULL || code_identity(&out->code, functions) < 0 ||
            lcpy_depend_begin(self) < 0)
            return -1;
        lcpy_depend_code(self, &out->code);
    }
    return 0;
}

/* Only the source can tell. */
static int fill_source(locache_identity *out, lcpy_persisted *self)
{
    int found = source_identity(self->state, &out->source, self->target.functions);
    if (found < 0 || (found > 0 && lcpy_depend_source(self, &out->source) < 0))
        return -1;
    out->has_source = found > 0;
    out->no_source = found == 0;
    return 0;
}

/* Its bytes are the note's as long as that lives. */
static void set_note(locache_options *options, PyObject *note)
{
    options->note = note != NULL ? PyBytes_AS_STRING(note) : NULL;
    options->note_size = note != NULL ? (size_t)PyBytes_GET_SIZE(note) : 0;
}

/* The source is asked for, as it is where the version is new: then it is noted, too, what that is
 * made of. */
static locache_status open_by_source(locache **out, lcpy_persisted *self, const char *directory,
                                     const locache_options *known, locache_error *error)
{
    locache_identity identity = *known->identity;
    locache_options options = *known;
    if (fill_source(&identity, self) < 0)
        return LOCACHE_ETYPE;
    options.identity = &identity;
    PyObject *note =
        (options.flags & LOCACHE_OPEN_READ_ONLY) == 0 ? lcpy_note_of_parts(self) : NULL;
    if (note == NULL && PyErr_Occurred() != NULL)
        return LOCACHE_ETYPE;
    set_note(&options, note);
    locache_status status = open_without_gil(out, directory, &options, error);
    Py_XDECREF(note);
    return status;
}

static locache_status open_named(locache **out, lcpy_persisted *self, const lcpy_where *where,
                                 const char *name, locache_error *error)
{
    char directory[LOCACHE_PATH_MAX];
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {
        .size = sizeof options,
        .function = name,
        .identity = &identity,
        .flags = self->options.flags | (self->mode == LCPY_READONLY ? LOCACHE_OPEN_READ_ONLY : 0U),
        .max_entries = self->options.max_entries,
        .max_age = self->options.max_age,
        .memory_entries = self->options.memory_entries,
        .memory_bytes = self->options.memory_bytes,
        .recheck = self->options.recheck,
        .compress = self->options.compress,
        .max_bytes = self->options.max_bytes,
        .ttl = self->options.ttl,
        .stale = self->options.stale,
        .retain = lcpy_kept_retain,
        .release = lcpy_kept_release,
        .group = self->state,
        .base = self->options.base != NULL ? PyBytes_AsString(self->options.base) : NULL,
        .mode = self->options.mode,
    };
    if (fill_identity(&identity, self) < 0)
        return LOCACHE_ETYPE;
    PyObject *note = self->options.version != NULL ? lcpy_note_of_version(self) : NULL;
    if (note == NULL && PyErr_Occurred() != NULL)
        return LOCACHE_ETYPE;
    set_note(&options, note);
    PyObject *shared = NULL;
    locache_status status = lcpy_where_find(directory, where, error);
    if (status == LOCACHE_OK && (shared = lcpy_share_name(self, where, directory, name)) != NULL)
        options.function = PyUnicode_AsUTF8(shared);
    if (PyErr_Occurred() != NULL)
        status = LOCACHE_ETYPE;
    if (status == LOCACHE_OK)
        status = open_without_gil(out, directory, &options, error);
    if (status == LOCACHE_NEED_SOURCE)
        status = open_by_source(out, self, directory, &options, error);
    Py_XDECREF(shared);
    Py_XDECREF(note);
    return status;
}

locache_status lcpy_open_at(locache **out, lcpy_persisted *self, const lcpy_where *where,
                            locache_error *error)
{
    PyObject *name = directory_name(self, where);
    const char *text = name != NULL ? PyUnicode_AsUTF8(name) : NULL;
    locache_status status =
        text != NULL ? open_named(out, self, where, text, error) : LOCACHE_ETYPE;
    Py_XDECREF(name);
    return status;
}

static uint64_t saved_by(const locache *cache)
{
    locache_statistics counted = {.size = sizeof counted};
    return cache != NULL && locache_info(&counted, cache) == LOCACHE_OK ? counted.saved_time : 0;
}

uint64_t lcpy_open_saved(const lcpy_persisted *self)
{
    uint64_t saved = self->saved + saved_by(self->cache);
    for (size_t i = 0; i < self->retired_count; i++)
        saved += saved_by(self->retired[i]);
    return saved;
}

static void close_cache(lcpy_persisted *self, locache *cache)
{
    self->saved += saved_by(cache);
    locache_close(cache);
}

static void close_retired(lcpy_persisted *self)
{
    for (size_t i = 0; i < self->retired_count; i++)
        close_cache(self, self->retired[i]);
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
        close_cache(self, cache);
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
    if (lcpy_open_follow(self) < 0)
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
    bool read_only = self->mode == LCPY_READONLY;
    int moved = lcpy_switch_refresh(self);
    if (moved > 0 || (moved == 0 && read_only != (self->mode == LCPY_READONLY)))
        lcpy_open_again(self);
    return moved < 0 ? -1 : 0;
}

/* Not inlined: each hit asks for it and hardly any needs it, and would save its registers. */
__attribute__((noinline)) int lcpy_open_changed(lcpy_persisted *self)
{
    int changed = lcpy_depend_again(self);
    if (changed > 0)
        lcpy_open_again(self);
    return changed < 0 ? -1 : 0;
}

int lcpy_open_begin_run(lcpy_persisted *self)
{
    return lcpy_depend_begin(self) < 0 ? -1 : lcpy_open_follow(self);
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
