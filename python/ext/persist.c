#include "persist.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>
#include <time.h>

#include "quick.h"
#include "remember.h"
#include "source.h"
#include "warn.h"

int64_t lcpy_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---------------------------------------------------------------------------------------------------------------- opening */

/* The function's own code and that of what it wraps; of one function, just its code. */
static int code_identity(lcpy_state *state, locache_id *out, PyObject *functions)
{
    locache_id ids[2];
    Py_ssize_t depth = PyTuple_GET_SIZE(functions);
    for (Py_ssize_t i = 0; i < depth; i++) {
        if (lcpy_code_id(state, &ids[1], PyFunction_GET_CODE(PyTuple_GET_ITEM(functions, i))) < 0) {
            return -1;
        }
        if (i == 0) {
            ids[0] = ids[1];
        } else {
            locache_id_of(&ids[0], ids, sizeof ids);
        }
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
        if (found <= 0) {
            return found;
        }
        if (i == 0) {
            ids[0] = ids[1];
        } else {
            locache_id_of(&ids[0], ids, sizeof ids);
        }
    }
    *out = ids[0];
    return 1;
}

static locache_status open_without_gil(locache **out, const char *directory, const locache_options *options,
                                       locache_error *error)
{
    locache_status status;
    Py_BEGIN_ALLOW_THREADS status = locache_open(out, directory, options, error);
    Py_END_ALLOW_THREADS return status;
}

locache_status lcpy_persisted_open_at(locache **out, lcpy_persisted *self, const lcpy_place *place,
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
        .retain = lcpy_memory_retain,
        .release = lcpy_memory_release,
    };
    if (!options.function) {
        return LOCACHE_ETYPE;
    }
    if (self->options.version) {
        const char *version = PyUnicode_AsUTF8(self->options.version);
        if (!version) {
            return LOCACHE_ETYPE;
        }
        locache_identity_explicit(&options.identity, version);
    } else if (PyTuple_GET_SIZE(functions) > 0) {
        if (lcpy_code_tag(tag) < 0 || code_identity(self->state, &options.identity.code, functions) < 0) {
            return LOCACHE_ETYPE;
        }
        options.identity.code_tag = tag;
    }
    locache_status status = lcpy_place_find(directory, place, error);
    if (status == LOCACHE_OK) {
        status = open_without_gil(out, directory, &options, error);
    }
    if (status == LOCACHE_NEED_SOURCE) {
        int found = source_identity(self->state, &options.identity.source, functions);
        if (found < 0) {
            return LOCACHE_ETYPE;
        }
        options.identity.has_source = found > 0;
        options.identity.no_source = found == 0;
        status = open_without_gil(out, directory, &options, error);
    }
    return status;
}

locache_status lcpy_persisted_open(lcpy_persisted *self, locache_error *error)
{
    if (self->cache) {
        return LOCACHE_OK;
    }
    locache *cache = NULL;
    locache_status status = lcpy_persisted_open_at(&cache, self, &self->place, error);
    if (status != LOCACHE_OK) {
        return status;
    }
    if (self->cache) { /* another thread was faster */
        locache_close(cache);
    } else {
        self->cache = cache;
    }
    return LOCACHE_OK;
}

/* On the way of a call. Trying again may take a hundredth of the time that passes. */
static lcpy_found open_for_call(lcpy_persisted *self)
{
    int64_t start = lcpy_clock();
    if (start < self->retry_from) {
        return LCPY_UNUSABLE;
    }
    locache_error error;
    locache_status status = lcpy_persisted_open(self, &error);
    if (status == LOCACHE_OK) {
        return LCPY_FOUND;
    }
    int64_t now = lcpy_clock();
    self->retry_from = now + 100 * (now - start);
    int told = lcpy_warn(self, LCPY_TROUBLE_OPEN, status == LOCACHE_ETYPE ? NULL : &error, NULL);
    return told < 0 ? LCPY_INTERRUPTED : LCPY_UNUSABLE;
}

/* ------------------------------------------------------------------------------------------------------- looking up, storing */

/* An entry that is there, but is no result. */
static lcpy_found disbelieved(lcpy_persisted *self, const locache_error *error)
{
    lcpy_trouble trouble = LCPY_TROUBLE_READ;
    if (error->status == LOCACHE_EUNTRUSTED) {
        trouble = LCPY_TROUBLE_TRUST;
    } else if (error->status == LOCACHE_EFORMAT) {
        trouble = LCPY_TROUBLE_FORMAT;
    }
    return lcpy_warn(self, trouble, error, NULL) < 0 ? LCPY_INTERRUPTED : LCPY_DISBELIEVED;
}

/* The exception that is set says why an entry becomes no object, but not which entry. */
static lcpy_found undecodable(lcpy_persisted *self, const void *key, size_t key_size)
{
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    char path[LOCACHE_PATH_MAX];
    PyObject *file = NULL;
    if (locache_path(path, self->cache, key, key_size, NULL) == LOCACHE_OK) {
        file = PyUnicode_DecodeFSDefault(path);
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
    int told = lcpy_warn(self, LCPY_TROUBLE_DECODE, NULL, file);
    Py_XDECREF(file);
    return told < 0 ? LCPY_INTERRUPTED : LCPY_DISBELIEVED;
}

/* Count what was found, or NULL: it is no result, and an exception says why. */
static lcpy_found count_found(lcpy_persisted *self, const PyObject *result, const void *key, size_t key_size)
{
    if (result) {
        self->hits++;
        return LCPY_FOUND;
    }
    self->misses++;
    return undecodable(self, key, key_size);
}

/* An object that locache_recall() gave; its reference is taken. */
static lcpy_found give(PyObject **out, lcpy_persisted *self, void *object, const void *key, size_t key_size)
{
    *out = lcpy_memory_is_result(object) ? object : lcpy_memory_decode(self->state, object, self->target.module);
    return count_found(self, *out, key, key_size);
}

/* Take a value that was read before results were forgotten for the nth time. */
static lcpy_found decode(PyObject **out, lcpy_persisted *self, locache_value *value, uint64_t n, const void *key,
                         size_t key_size)
{
    locache_stamp stamp;
    locache_value *kept = self->in_memory ? lcpy_memory_value(value) : NULL;
    locache_value_stamp(&stamp, value);
    *out = lcpy_value_decode(self->state, value, self->target.module);
    if (*out && self->in_memory && self->forgotten == n) {
        (void)lcpy_memory_keep(self->state, self->cache, key, key_size, &stamp, *out, kept);
    }
    locache_value_free(kept);
    return count_found(self, *out, key, key_size);
}

/* The file. */
static lcpy_found look_up_file(PyObject **out, lcpy_persisted *self, const void *key, size_t key_size)
{
    if (!self->cache) {
        lcpy_found opened = open_for_call(self);
        if (opened != LCPY_FOUND) {
            self->bypassed++;
            return opened;
        }
    }
    locache_value *value = NULL;
    locache_error error;
    locache_status status;
    uint64_t forgotten = self->forgotten;
    Py_BEGIN_ALLOW_THREADS status = locache_get(&value, self->cache, key, key_size, &error);
    Py_END_ALLOW_THREADS if (status == LOCACHE_OK)
    {
        return decode(out, self, value, forgotten, key, key_size);
    }
    self->misses++;
    if (status == LOCACHE_MISS && error.status == LOCACHE_OK) {
        return LCPY_ABSENT;
    }
    return disbelieved(self, &error);
}

lcpy_found lcpy_persisted_lookup(PyObject **out, lcpy_persisted *self, const void *key, size_t key_size)
{
    void *object;
    if (self->cache && locache_recall(&object, self->cache, key, key_size) == LOCACHE_OK) {
        return give(out, self, object, key, key_size);
    }
    return look_up_file(out, self, key, key_size);
}

void lcpy_persisted_forget(lcpy_persisted *self)
{
    self->forgotten++;
    if (self->cache) {
        locache_forget_memory(self->cache);
    }
}

static locache_status put(locache_stamp *stamp, lcpy_persisted *self, const void *key, size_t key_size,
                          const lcpy_encoded *encoded, int64_t compute_time, locache_error *error)
{
    locache_record record = {
        .size = sizeof record,
        .codec = encoded->codec,
        .body = encoded->body.data,
        .body_size = encoded->body.length,
        .buffers = encoded->buffers,
        .buffer_count = encoded->buffer_count,
        .compute_time = compute_time,
        .stamp = stamp,
    };
    locache_status status;
    Py_BEGIN_ALLOW_THREADS status = locache_put(self->cache, key, key_size, &record, error);
    Py_END_ALLOW_THREADS return status;
}

/* What was stored is what the next hit gives; of what can be changed, that is read first. `forgotten`: as before it was stored. */
static void remember_stored(lcpy_persisted *self, const void *key, size_t key_size, const locache_stamp *stamp,
                            const lcpy_encoded *encoded, PyObject *result, int fresh, uint64_t forgotten)
{
    bool kept = self->in_memory && self->forgotten == forgotten && encoded->codec == LOCACHE_CBOR &&
                lcpy_memory_keep(self->state, self->cache, key, key_size, stamp, result, NULL);
    if (!fresh) {
        return;
    }
    self->forgotten++;
    if (!kept && self->options.recheck > 0) {
        locache_forget_memory(self->cache);
    }
}

int lcpy_persisted_store(lcpy_persisted *self, const void *key, size_t key_size, PyObject *result, int64_t compute_time,
                         int fresh, int quiet)
{
    if (!self->cache) {
        lcpy_found opened = open_for_call(self);
        if (opened != LCPY_FOUND) {
            return opened == LCPY_INTERRUPTED ? -1 : 0;
        }
    }
    lcpy_encoded encoded;
    if (lcpy_value_encode(self->state, &encoded, result, (self->options.flags & LOCACHE_NO_PICKLE) != 0) < 0) {
        return quiet ? lcpy_count_error(self) : lcpy_warn(self, LCPY_TROUBLE_ENCODE, NULL, NULL);
    }
    locache_error error;
    locache_stamp stamp;
    uint64_t forgotten = self->forgotten;
    locache_status status = put(&stamp, self, key, key_size, &encoded, compute_time, &error);
    if (status == LOCACHE_OK) {
        remember_stored(self, key, key_size, &stamp, &encoded, result, fresh, forgotten);
    }
    lcpy_encoded_clear(&encoded);
    if (status == LOCACHE_OK) {
        return 0;
    }
    if (quiet) {
        return lcpy_count_error(self);
    }
    return lcpy_warn(self, status == LOCACHE_EFORMAT ? LCPY_TROUBLE_FORMAT : LCPY_TROUBLE_WRITE, &error, NULL);
}

/* --------------------------------------------------------------------------------------------------------------- the call */

lcpy_bound lcpy_persisted_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call, PyObject **culprit)
{
    locache_writer_init(&key->writer, key->room, sizeof key->room);
    if (self->target.is_simple && lcpy_quick_key(&key->writer, &self->target.plan, call)) {
        *culprit = NULL;
        return LCPY_BOUND;
    }
    locache_writer_reset(&key->writer);
    return lcpy_target_key(self->state, &key->writer, &self->target, call, (PyObject *)self, culprit);
}

void lcpy_key_clear(lcpy_key *key)
{
    locache_writer_clear(&key->writer);
}

static PyObject *call_function(lcpy_persisted *self, const lcpy_call *call)
{
    return PyObject_Vectorcall(self->target.callable, call->args, (size_t)call->count, call->kwnames);
}

static PyObject *keywords_of(const lcpy_call *call)
{
    PyObject *keywords = PyDict_New();
    Py_ssize_t count = call->kwnames ? PyTuple_GET_SIZE(call->kwnames) : 0;
    for (Py_ssize_t i = 0; keywords && i < count; i++) {
        if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(call->kwnames, i), call->args[call->count + i]) < 0) {
            Py_CLEAR(keywords);
        }
    }
    return keywords;
}

static int import_async(lcpy_state *state)
{
    if (!state->async_call) {
        PyObject *module = PyImport_ImportModule("locache._async");
        state->async_call = module ? PyObject_GetAttrString(module, "call") : NULL;
        Py_XDECREF(module);
    }
    return state->async_call ? 0 : -1;
}

/* A coroutine is known by its function's name, as in "coroutine 'fetch' was never awaited". */
static int name_coroutine(lcpy_persisted *self, PyObject *coroutine)
{
    PyObject *function = self->target.named;
    return PyObject_SetAttrString(coroutine, "__name__", ((PyFunctionObject *)function)->func_name) < 0 ||
                   PyObject_SetAttrString(coroutine, "__qualname__", ((PyFunctionObject *)function)->func_qualname) < 0
               ? -1
               : 0;
}

static PyObject *start_coroutine(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call, int fresh)
{
    PyObject *coroutine = NULL;
    PyObject *args = PyTuple_New(call->count);
    PyObject *keywords = keywords_of(call);
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)key->writer.data, (Py_ssize_t)key->writer.length);
    if (!args || !keywords || !bytes || import_async(self->state) < 0) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < call->count; i++) {
        PyTuple_SET_ITEM(args, i, Py_NewRef(call->args[i]));
    }
    PyObject *arguments[] = {(PyObject *)self, bytes, args, keywords, fresh ? Py_True : Py_False};
    coroutine = PyObject_Vectorcall(self->state->async_call, arguments, sizeof arguments / sizeof *arguments, NULL);
    if (coroutine && name_coroutine(self, coroutine) < 0) {
        Py_CLEAR(coroutine);
    }
done:
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    Py_XDECREF(bytes);
    return coroutine;
}

PyObject *lcpy_persisted_compute(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call, int fresh, int quiet)
{
    if (self->target.is_async) {
        return start_coroutine(self, key, call, fresh);
    }
    lcpy_closure_begin(&self->target.closure);
    int64_t start = lcpy_clock();
    PyObject *result = call_function(self, call);
    int64_t elapsed = lcpy_clock() - start;
    if (lcpy_closure_end(self->state, &self->target.closure) < 0 ||
        (result &&
         lcpy_persisted_store(self, key->writer.data, key->writer.length, result, elapsed, fresh, quiet) < 0)) {
        Py_CLEAR(result);
    }
    return result;
}

PyObject *lcpy_persisted_without_key(lcpy_persisted *self, const lcpy_call *call, lcpy_bound bound, PyObject *culprit)
{
    self->bypassed++;
    if (bound == LCPY_BIND_ERROR && lcpy_warn(self, LCPY_TROUBLE_KEY, NULL, culprit) < 0) {
        return NULL;
    }
    PyObject *result = call_function(self, call);
    if (result && bound == LCPY_MISFIT) {
        locache_error error = {.message =
                                   "its decorators take other arguments than it does; keep functools.wraps() off them"};
        if (lcpy_warn(self, LCPY_TROUBLE_MISFIT, &error, NULL) < 0) {
            Py_CLEAR(result);
        }
    }
    return result;
}

/* Memory has nothing for the key. */
static PyObject *read_or_compute(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call)
{
    PyObject *result = NULL;
    lcpy_found found = look_up_file(&result, self, key->writer.data, key->writer.length);
    if (found == LCPY_ABSENT || found == LCPY_DISBELIEVED) {
        return lcpy_persisted_compute(self, key, call, 0, found == LCPY_DISBELIEVED);
    }
    return found == LCPY_UNUSABLE ? call_function(self, call) : result;
}

/* Memory has this for the key. */
static PyObject *give_or_compute(lcpy_persisted *self, void *object, const lcpy_key *key, const lcpy_call *call)
{
    PyObject *result = NULL;
    lcpy_found found = give(&result, self, object, key->writer.data, key->writer.length);
    return found == LCPY_DISBELIEVED ? lcpy_persisted_compute(self, key, call, 0, 1) : result;
}

static PyObject *persisted_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, PyVectorcall_NARGS(nargsf), kwnames};
    lcpy_key key;
    PyObject *culprit = NULL;
    PyObject *result;
    void *known;
    lcpy_bound bound = lcpy_persisted_key(self, &key, &call, &culprit);
    if (bound != LCPY_BOUND) {
        result = lcpy_persisted_without_key(self, &call, bound, culprit);
    } else if (self->target.is_async) {
        result = lcpy_persisted_compute(self, &key, &call, 0, 0);
    } else if (!self->cache || locache_recall(&known, self->cache, key.writer.data, key.writer.length) != LOCACHE_OK) {
        result = read_or_compute(self, &key, &call);
    } else if (!lcpy_memory_is_result(known)) {
        result = give_or_compute(self, known, &key, &call);
    } else {
        self->hits++;
        result = known;
    }
    Py_XDECREF(culprit);
    lcpy_key_clear(&key);
    return result;
}

/* ---------------------------------------------------------------------------------------------------------------- the type */

/* What functools.update_wrapper() does. */
static int copy_attributes(lcpy_persisted *self)
{
    static const char *const names[] = {"__module__", "__name__", "__qualname__", "__doc__"};
    PyObject *like = self->target.named;
    self->attributes = PyDict_New();
    if (!self->attributes) {
        return -1;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PyObject *value = PyObject_GetAttrString(like, names[i]);
        if (!value) {
            PyErr_Clear();
            continue;
        }
        int status = PyDict_SetItemString(self->attributes, names[i], value);
        Py_DECREF(value);
        if (status < 0) {
            return -1;
        }
    }
    PyObject *own = PyFunction_Check(like) ? ((PyFunctionObject *)like)->func_dict : NULL;
    if (own && PyDict_Update(self->attributes, own) < 0) {
        return -1;
    }
    return PyDict_SetItemString(self->attributes, "__wrapped__", self->target.callable);
}

PyObject *lcpy_persisted_new(lcpy_state *state, PyObject *callable, const lcpy_options *options)
{
    lcpy_persisted *self = PyObject_GC_New(lcpy_persisted, state->persisted_type);
    if (!self) {
        return NULL;
    }
    memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
    self->vectorcall = persisted_vectorcall;
    self->state = state;
    lcpy_options_copy(&self->options, options);
    self->in_memory = options->memory_entries >= 0 && options->memory_bytes >= 0 && options->max_entries <= 0;
    if (lcpy_target_init(&self->target, callable, options->ignored) < 0) {
        goto fail;
    }
    if (lcpy_place_init(state, &self->place, self->target.home, options->name, options->directory) < 0 ||
        copy_attributes(self) < 0) {
        goto fail;
    }
    PyObject_GC_Track(self);
    return (PyObject *)self;
fail:
    PyObject_GC_Track(self);
    Py_DECREF(self);
    return NULL;
}

static int persisted_traverse(PyObject *object, visitproc visit, void *arg)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->attributes);
    return lcpy_target_traverse(&self->target, visit, arg);
}

/* The target stays, so that a finalizer may still call it: every cycle through it has another object that breaks it. */
static int persisted_clear(PyObject *object)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_closure_forget(&self->target.closure);
    Py_CLEAR(self->attributes);
    return 0;
}

static void persisted_dealloc(PyObject *object)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak_references) {
        PyObject_ClearWeakRefs(object);
    }
    lcpy_target_clear(&self->target);
    Py_CLEAR(self->attributes);
    lcpy_options_clear(&self->options);
    lcpy_place_clear(&self->place);
    locache_close(self->cache);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *persisted_descr_get(PyObject *self, PyObject *instance, PyObject *owner)
{
    (void)owner;
    return !instance || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

static PyObject *persisted_repr(PyObject *object)
{
    const lcpy_persisted *self = (const lcpy_persisted *)object;
    if (PyTuple_GET_SIZE(self->target.functions) == 0 || self->target.module == Py_None) {
        return PyUnicode_FromFormat("<persisted function %U>", self->target.qualname);
    }
    return PyUnicode_FromFormat("<persisted function %U.%U>", self->target.module, self->target.qualname);
}

static PyObject *forward_get(PyObject *self, void *name)
{
    return PyObject_GetAttrString(((lcpy_persisted *)self)->target.named, name);
}

static int forward_set(PyObject *self, PyObject *value, void *name)
{
    return PyObject_SetAttrString(((lcpy_persisted *)self)->target.named, name, value);
}

/* inspect takes what has all of these for a function. */
static PyGetSetDef persisted_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"__annotations__", forward_get, forward_set, NULL, "__annotations__"},
    {"__code__", forward_get, NULL, NULL, "__code__"},
    {"__defaults__", forward_get, forward_set, NULL, "__defaults__"},
    {"__kwdefaults__", forward_get, forward_set, NULL, "__kwdefaults__"},
    {"__globals__", forward_get, NULL, NULL, "__globals__"},
    {"__closure__", forward_get, NULL, NULL, "__closure__"},
    {"__type_params__", forward_get, forward_set, NULL, "__type_params__"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef persisted_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(lcpy_persisted, vectorcall), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(lcpy_persisted, attributes), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(lcpy_persisted, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot persisted_slots[] = {
    {Py_tp_doc, "A function whose results are kept in files. Made by persist()."},
    {Py_tp_dealloc, LCPY_SLOT(persisted_dealloc)},
    {Py_tp_traverse, LCPY_SLOT(persisted_traverse)},
    {Py_tp_clear, LCPY_SLOT(persisted_clear)},
    {Py_tp_call, LCPY_SLOT(PyVectorcall_Call)},
    {Py_tp_descr_get, LCPY_SLOT(persisted_descr_get)},
    {Py_tp_repr, LCPY_SLOT(persisted_repr)},
    {Py_tp_methods, lcpy_persisted_methods},
    {Py_tp_getset, persisted_getset},
    {Py_tp_members, persisted_members},
    {0, NULL},
};

static PyType_Spec persisted_spec = {
    .name = "locache._core.Persisted",
    .basicsize = sizeof(lcpy_persisted),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = persisted_slots,
};

int lcpy_persist_exec(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    state->persisted_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &persisted_spec, NULL);
    return state->persisted_type ? lcpy_persist_methods_exec(module) : -1;
}
