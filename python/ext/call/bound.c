/* Bound methods. Those of types.MethodType would give all that they are asked for to the function,
 * which does not know the object: model.predict.is_cached(3) would ask of a call with self=3. */
#include "call/bound.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "call/methods.h"
#include "call/persisted.h"

typedef struct bound_method {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *function; /* a decorated one; of a query, its method */
    PyObject *instance;
    PyObject *weak_references;
} bound_method;

/* What more arguments than this take goes to the heap; few functions have so many. */
#define ARGUMENTS_ON_STACK 8

static PyObject *call_with_copy(bound_method *self, PyObject *const *args, Py_ssize_t count,
                                PyObject *kwnames)
{
    PyObject *room[ARGUMENTS_ON_STACK];
    PyObject **all = room;
    Py_ssize_t total = count + (kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0);
    if (total >= ARGUMENTS_ON_STACK &&
        (all = PyMem_Malloc((size_t)(total + 1) * sizeof *all)) == NULL)
        return PyErr_NoMemory();
    all[0] = self->instance;
    for (Py_ssize_t i = 0; i < total; i++)
        all[i + 1] = args[i];
    PyObject *result = PyObject_Vectorcall(self->function, all, (size_t)count + 1, kwnames);
    if (all != room)
        PyMem_Free(all);
    return result;
}

static PyObject *bound_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                                  PyObject *kwnames)
{
    bound_method *self = (bound_method *)object;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    if ((nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) == 0)
        return call_with_copy(self, args, count, kwnames);
    PyObject **all = (PyObject **)args - 1; /* the caller lends the place before its arguments */
    PyObject *lent = all[0];
    all[0] = self->instance;
    PyObject *result = PyObject_Vectorcall(self->function, all, (size_t)count + 1, kwnames);
    all[0] = lent;
    return result;
}

static PyObject *make(PyTypeObject *type, PyObject *function, PyObject *instance)
{
    bound_method *self = PyObject_GC_New(bound_method, type);
    if (self == NULL)
        return NULL;
    self->vectorcall = bound_vectorcall;
    self->function = Py_NewRef(function);
    self->instance = Py_NewRef(instance);
    self->weak_references = NULL;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

PyObject *lcpy_bound_new(lcpy_state *state, PyObject *function, PyObject *instance)
{
    return make(state->bound_type, function, instance);
}

/* As types.MethodType is made: weakref.WeakMethod does, and pickles do. */
static PyObject *bound_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function;
    PyObject *instance;
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "a bound method is made without keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OO:method", &function, &instance))
        return NULL;
    lcpy_state *state = PyType_GetModuleState(type);
    if (!Py_IS_TYPE(function, state->persisted_type)) {
        PyErr_SetString(PyExc_TypeError, "only a persisted function is bound by this type");
        return NULL;
    }
    return make(type, function, instance);
}

static int bound_traverse(PyObject *object, visitproc visit, void *arg)
{
    bound_method *self = (bound_method *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->function);
    Py_VISIT(self->instance);
    return 0;
}

static void bound_dealloc(PyObject *object)
{
    bound_method *self = (bound_method *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak_references != NULL)
        PyObject_ClearWeakRefs(object);
    Py_CLEAR(self->function);
    Py_CLEAR(self->instance);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *bound_repr(PyObject *object)
{
    bound_method *self = (bound_method *)object;
    lcpy_persisted *function = (lcpy_persisted *)self->function;
    return PyUnicode_FromFormat("<bound method %U of %R>", function->target.qualname,
                                self->instance);
}

/* By what they are bound to. A query of a function is another object at each look, so that it is
 * asked whether it is equal. */
static PyObject *bound_compare(PyObject *a, PyObject *b, int op)
{
    if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(b, Py_TYPE(a)))
        Py_RETURN_NOTIMPLEMENTED;
    int equal = PyObject_RichCompareBool(((bound_method *)a)->function,
                                         ((bound_method *)b)->function, Py_EQ);
    if (equal < 0)
        return NULL;
    equal = equal && ((bound_method *)a)->instance == ((bound_method *)b)->instance;
    return PyBool_FromLong(equal == (op == Py_EQ));
}

static Py_hash_t bound_hash(PyObject *object)
{
    bound_method *self = (bound_method *)object;
    Py_hash_t hash = PyObject_Hash(self->function);
    if (hash == -1)
        return -1;
    hash ^= (Py_hash_t)((uintptr_t)self->instance >> 4);
    return hash != -1 ? hash : -2;
}

static bool asks_to_put(PyObject *name)
{
    return PyUnicode_CompareWithASCIIString(name, "put") == 0;
}

/* Does it take the arguments of a call? */
static bool is_of_one_call(PyObject *name)
{
    static const char *const names[] = {"cache_path", "explain", "forget", "get",
                                        "is_cached",  "put",     "refresh"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0)
            return true;
    return false;
}

/* put(value, ...): the value comes in front of the object. */
static PyObject *put_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                                PyObject *kwnames)
{
    bound_method *self = (bound_method *)object;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    Py_ssize_t total = count + (kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0);
    if (count == 0) {
        PyErr_SetString(PyExc_TypeError, "put() takes the value, then the call's arguments");
        return NULL;
    }
    PyObject **all = PyMem_Malloc((size_t)(total + 1) * sizeof *all);
    if (all == NULL)
        return PyErr_NoMemory();
    all[0] = args[0];
    all[1] = self->instance;
    for (Py_ssize_t i = 1; i < total; i++)
        all[i + 1] = args[i];
    PyObject *result = PyObject_Vectorcall(self->function, all, (size_t)count + 1, kwnames);
    PyMem_Free(all);
    return result;
}

/* What asks of one call, as model.predict.is_cached: the function's own, bound to the object. No
 * types.MethodType, whose pickle would look for the query in the object. */
static PyObject *make_query(bound_method *self, PyObject *name)
{
    lcpy_state *state = PyType_GetModuleState(Py_TYPE(self));
    PyObject *of_function = PyObject_GetAttr(self->function, name);
    PyObject *query =
        of_function != NULL ? make(state->query_type, of_function, self->instance) : NULL;
    if (query != NULL && asks_to_put(name))
        ((bound_method *)query)->vectorcall = put_vectorcall;
    Py_XDECREF(of_function);
    return query;
}

static PyObject *bound_getattro(PyObject *object, PyObject *name)
{
    bound_method *self = (bound_method *)object;
    if (is_of_one_call(name))
        return make_query(self, name);
    /* the type's own is no module of the function's */
    if (PyUnicode_CompareWithASCIIString(name, "__module__") != 0) {
        PyObject *own = PyObject_GenericGetAttr(object, name);
        if (own != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
            return own;
        PyErr_Clear();
    }
    return PyObject_GetAttr(self->function, name);
}

static PyObject *get_doc(PyObject *object, void *unused)
{
    (void)unused;
    return PyObject_GetAttrString(((bound_method *)object)->function, "__doc__");
}

/* inspect, asyncio and others ask with isinstance() whether something is a bound method. */
static PyObject *get_class(PyObject *object, void *unused)
{
    (void)object;
    (void)unused;
    return Py_NewRef((PyObject *)&PyMethod_Type);
}

static PyObject *reduce_bound(PyObject *object, PyObject *unused)
{
    (void)unused;
    return lcpy_methods_delegate("reduce_bound", object, NULL);
}

static PyObject *deep_copy_bound(PyObject *object, PyObject *memo)
{
    return lcpy_methods_delegate("deep_copy_bound", object, memo);
}

/* As an argument it counts as any other bound method. */
static PyObject *key_of(PyObject *object, PyObject *unused)
{
    (void)unused;
    return PyMethod_New(((bound_method *)object)->function, ((bound_method *)object)->instance);
}

static PyObject *reduce_query(PyObject *object, PyObject *unused)
{
    (void)unused;
    return lcpy_methods_delegate("reduce_query", object, NULL);
}

static PyObject *query_getattro(PyObject *object, PyObject *name)
{
    PyObject *own = PyObject_GenericGetAttr(object, name);
    if (own != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return own;
    PyErr_Clear();
    return PyObject_GetAttr(((bound_method *)object)->function, name);
}

static PyObject *query_repr(PyObject *object)
{
    bound_method *self = (bound_method *)object;
    lcpy_persisted *function = (lcpy_persisted *)PyCFunction_GET_SELF(self->function);
    return PyUnicode_FromFormat("<bound method %U.%s of %R>", function->target.qualname,
                                ((PyCFunctionObject *)self->function)->m_ml->ml_name,
                                self->instance);
}

static PyMethodDef bound_methods[] = {
    {"__reduce__", reduce_bound, METH_NOARGS, NULL},
    {"__deepcopy__", deep_copy_bound, METH_O, NULL},
    {"__locache_key__", key_of, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef bound_getset[] = {
    {"__doc__", get_doc, NULL, NULL, NULL},
    {"__class__", get_class, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef bound_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(bound_method, vectorcall), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(bound_method, weak_references), READONLY, NULL},
    {"__func__", T_OBJECT, offsetof(bound_method, function), READONLY, NULL},
    {"__self__", T_OBJECT, offsetof(bound_method, instance), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot bound_slots[] = {
    {Py_tp_new, LCPY_SLOT(bound_new)},
    {Py_tp_dealloc, LCPY_SLOT(bound_dealloc)},
    {Py_tp_traverse, LCPY_SLOT(bound_traverse)},
    {Py_tp_call, LCPY_SLOT(PyVectorcall_Call)},
    {Py_tp_repr, LCPY_SLOT(bound_repr)},
    {Py_tp_hash, LCPY_SLOT(bound_hash)},
    {Py_tp_richcompare, LCPY_SLOT(bound_compare)},
    {Py_tp_getattro, LCPY_SLOT(bound_getattro)},
    {Py_tp_methods, bound_methods},
    {Py_tp_getset, bound_getset},
    {Py_tp_members, bound_members},
    {0, NULL},
};

static PyType_Spec bound_spec = {
    .name = "locache._core.BoundMethod",
    .basicsize = sizeof(bound_method),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = bound_slots,
};

static PyMethodDef query_methods[] = {
    {"__reduce__", reduce_query, METH_NOARGS, NULL},
    {"__locache_key__", key_of, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot query_slots[] = {
    {Py_tp_dealloc, LCPY_SLOT(bound_dealloc)},
    {Py_tp_traverse, LCPY_SLOT(bound_traverse)},
    {Py_tp_call, LCPY_SLOT(PyVectorcall_Call)},
    {Py_tp_repr, LCPY_SLOT(query_repr)},
    {Py_tp_hash, LCPY_SLOT(bound_hash)},
    {Py_tp_richcompare, LCPY_SLOT(bound_compare)},
    {Py_tp_getattro, LCPY_SLOT(query_getattro)},
    {Py_tp_methods, query_methods},
    {Py_tp_getset, bound_getset},
    {Py_tp_members, bound_members},
    {0, NULL},
};

static PyType_Spec query_spec = {
    .name = "locache._core.BoundQuery",
    .basicsize = sizeof(bound_method),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = query_slots,
};

int lcpy_bound_exec(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    state->bound_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &bound_spec, NULL);
    state->query_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &query_spec, NULL);
    return state->bound_type != NULL && state->query_type != NULL ? 0 : -1;
}
