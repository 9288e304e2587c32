/* The key of a call that is only spoken of, and of which call it is.
 *
 * A bound method of ours knows its object (bound.c). A classmethod around a decorated function made
 * one until Python 3.12; from 3.13 on it binds by itself, as types.MethodType does, which gives its
 * function's attributes as its own: C.make.is_cached(1) is then is_cached(1) of the function, and
 * would ask about a call with cls=1. There is no way to see the class from there. So such a
 * function is told, and what may be meant either way is refused. */
#include "call/asked.h"

#include "call/call.h"
#include "plain/compat.h"

/* ------------------------------------------------------------------------- below a classmethod? */

typedef struct search {
    PyObject *function;
    PyObject *member; /* classmethod.__func__ */
    bool found;
} search;

/* Subclasses that bind in a way of their own, as ours, are none. */
static bool is_around(const search *in, PyObject *object)
{
    if (!PyObject_TypeCheck(object, &PyClassMethod_Type) ||
        Py_TYPE(object)->tp_descr_get != PyClassMethod_Type.tp_descr_get)
        return false;
    PyObject *held =
        Py_TYPE(in->member)->tp_descr_get(in->member, object, (PyObject *)Py_TYPE(object));
    bool found = held == in->function;
    Py_XDECREF(held);
    return found;
}

static int visit_one(PyObject *object, void *context)
{
    search *in = context;
    in->found = is_around(in, object);
    return !in->found;
}

/* What the function's own name leads to, in the dicts of its module and of the classes on the way.
 * NULL, without an exception, where that is nothing. */
static PyObject *find_by_name(const lcpy_persisted *self)
{
    PyObject *parts = PyObject_CallMethod(self->target.qualname, "split", "s", ".");
    PyObject *at = parts != NULL ? PyImport_GetModule(self->target.module) : NULL;
    for (Py_ssize_t i = 0; at != NULL && i < PyList_GET_SIZE(parts); i++) {
        PyObject *dict = PyObject_GetAttrString(at, "__dict__");
        Py_SETREF(at, dict != NULL ? PyObject_GetItem(dict, PyList_GET_ITEM(parts, i)) : NULL);
        Py_XDECREF(dict);
    }
    Py_XDECREF(parts);
    PyErr_Clear();
    return at;
}

/* By looking at every object there is, which takes milliseconds in a large program: once, and again
 * where another classmethod may have been made of the function. By its name besides, for what
 * gc.freeze() hides. */
static bool is_below_classmethod(lcpy_persisted *self)
{
    search in = {.function = (PyObject *)self};
    if (self->below != LCPY_BELOW_UNKNOWN)
        return self->below == LCPY_BELOW_CLASSMETHOD;
    in.member = PyObject_GetAttrString((PyObject *)&PyClassMethod_Type, "__func__");
    PyObject *named = in.member != NULL ? find_by_name(self) : NULL;
    if (named != NULL)
        in.found = is_around(&in, named);
    if (in.member != NULL && !in.found)
        lcpy_compat_each_object(visit_one, &in);
    Py_XDECREF(named);
    Py_XDECREF(in.member);
    PyErr_Clear();
    self->below = in.found ? LCPY_BELOW_CLASSMETHOD : LCPY_BELOW_NOTHING;
    return in.found;
}

PyObject *lcpy_asked_getattro(PyObject *object, PyObject *name)
{
    /* a classmethod that is made of it takes its __doc__ over */
    if (!LCPY_CLASSMETHOD_CHAINS && PyUnicode_CompareWithASCIIString(name, "__doc__") == 0)
        ((lcpy_persisted *)object)->below = LCPY_BELOW_UNKNOWN;
    return PyObject_GenericGetAttr(object, name);
}

/* ------------------------------------------------------------------------------------- the call */

static bool fits(lcpy_persisted *self, const lcpy_call *call)
{
    lcpy_key key;
    PyObject *culprit = NULL;
    lcpy_bound bound = lcpy_call_key(self, &key, call, &culprit);
    PyErr_Clear();
    Py_XDECREF(culprit);
    locache_cbor_writer_clear(&key.writer);
    return bound != LCPY_MISFIT;
}

/* Would the arguments be a call with a class in front of them, too? Then the first of them may be
 * an argument like others. */
static bool fits_behind_class(lcpy_persisted *self, const lcpy_call *call)
{
    Py_ssize_t count = call->count + (call->kwnames != NULL ? PyTuple_GET_SIZE(call->kwnames) : 0);
    PyObject **all = PyMem_Malloc((size_t)(count + 1) * sizeof *all);
    if (all == NULL)
        return true;
    all[0] = call->args[0];
    for (Py_ssize_t i = 0; i < count; i++)
        all[i + 1] = call->args[i];
    bool done = fits(self, &(lcpy_call){all, call->count + 1, call->kwnames});
    PyMem_Free(all);
    return done;
}

int lcpy_asked_check(lcpy_persisted *self, const lcpy_call *call)
{
    if (LCPY_CLASSMETHOD_CHAINS || !is_below_classmethod(self))
        return 0;
    if (call->count > 0 && PyType_Check(call->args[0]) && !fits_behind_class(self, call))
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "%U() is decorated below @classmethod, which from Python 3.13 on keeps from it "
                 "for which class its results are asked: put @persist above @classmethod",
                 self->target.qualname);
    return -1;
}

int lcpy_asked_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call)
{
    PyObject *culprit = NULL;
    if (lcpy_asked_check(self, call) < 0) {
        locache_cbor_writer_init(&key->writer, NULL, 0);
        return -1;
    }
    lcpy_bound bound = lcpy_call_key(self, key, call, &culprit);
    Py_XDECREF(culprit);
    if (bound == LCPY_MISFIT)
        PyErr_Format(PyExc_TypeError,
                     "these arguments do not fit the signature of %U() (of a method asked through "
                     "its class, the object is the first one)",
                     self->target.qualname);
    return bound == LCPY_BOUND ? 0 : -1;
}
