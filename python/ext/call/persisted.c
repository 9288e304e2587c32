#include "call/persisted.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* ------------------------------------------------------------------------------------- the type */

/* What functools.update_wrapper() does. */
static int copy_attributes(lcpy_persisted *self)
{
    static const char *const names[] = {"__module__", "__name__", "__qualname__", "__doc__"};
    PyObject *like = self->target.named;
    self->attributes = PyDict_New();
    if (self->attributes == NULL)
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PyObject *value = PyObject_GetAttrString(like, names[i]);
        if (value == NULL) {
            PyErr_Clear();
            continue;
        }
        int status = PyDict_SetItemString(self->attributes, names[i], value);
        Py_DECREF(value);
        if (status < 0)
            return -1;
    }
    PyObject *own = PyFunction_Check(like) ? ((PyFunctionObject *)like)->func_dict : NULL;
    if (own != NULL && PyDict_Update(self->attributes, own) < 0)
        return -1;
    return PyDict_SetItemString(self->attributes, "__wrapped__", self->target.callable);
}

PyObject *lcpy_persisted_new(lcpy_state *state, PyObject *callable, const lcpy_options *options)
{
    lcpy_persisted *self = PyObject_GC_New(lcpy_persisted, state->persisted_type);
    if (self == NULL)
        return NULL;
    memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
    self->vectorcall = lcpy_persisted_call;
    self->state = state;
    lcpy_options_copy(&self->options, options);
    self->in_memory =
        options->memory_entries >= 0 && options->memory_bytes >= 0 && options->max_entries <= 0;
    if (lcpy_target_init(&self->target, callable, options->ignored) < 0)
        goto fail;
    if (lcpy_place_init(state, &self->place, self->target.home, options->name, options->directory) <
            0 ||
        copy_attributes(self) < 0)
        goto fail;
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

/* The target stays, so that a finalizer may still call it: every cycle through it has another
 * object that breaks it. */
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
    if (self->weak_references != NULL)
        PyObject_ClearWeakRefs(object);
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
    return instance == NULL || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

static PyObject *persisted_repr(PyObject *object)
{
    const lcpy_persisted *self = (const lcpy_persisted *)object;
    if (PyTuple_GET_SIZE(self->target.functions) == 0 || self->target.module == Py_None)
        return PyUnicode_FromFormat("<persisted function %U>", self->target.qualname);
    return PyUnicode_FromFormat("<persisted function %U.%U>", self->target.module,
                                self->target.qualname);
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
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = persisted_slots,
};

int lcpy_persist_exec(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    state->persisted_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &persisted_spec, NULL);
    return state->persisted_type != NULL ? lcpy_persist_methods_exec(module) : -1;
}
