/* A pickler that refuses what would not come back as it is, and that cannot overflow the C stack.
 *
 * pickle.Pickler asks its reducer_override how to store each object that is of no builtin type, and
 * its persistent_id, where it has one, for every object before it goes into it. The first is asked
 * always. The second costs a call for each number in a list, and is there only where Python's own
 * limit of recursion would let pickle go deeper than the thread's stack is. */
#include "result/pickler.h"

#include "plain/compat.h"
#include "plain/stack.h"
#include "result/lost.h"

/* C stack that pickle takes for a level of Python's count of recursion, bytes: less than 600 with
 * CPython 3.10 to 3.13 as they are built for speed; twice that. */
#define PICKLE_LEVEL 1200

PyObject *lcpy_pickler_attribute(lcpy_state *state, const char *name)
{
    if (state->pickle == NULL && (state->pickle = PyImport_ImportModule("pickle")) == NULL)
        return NULL;
    return PyObject_GetAttrString(state->pickle, name);
}

static PyObject *reducer_override(PyObject *self, PyObject *object)
{
    lcpy_state *state = PyCapsule_GetPointer(self, NULL);
    return state != NULL ? lcpy_lost_reduce(state, object) : NULL;
}

/* None: it is stored as it is. */
static PyObject *persistent_id(PyObject *self, PyObject *object)
{
    (void)self;
    (void)object;
    return lcpy_stack_check() < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef reducer_method = {"reducer_override", reducer_override, METH_O, NULL};
static PyMethodDef guard_method = {"persistent_id", persistent_id, METH_O, NULL};

/* A subclass, whose instances can have attributes. Made at the first need: pickle is not imported
 * before. Borrowed. */
static PyTypeObject *pickler_type(lcpy_state *state)
{
    if (state->pickler_type == NULL) {
        PyObject *base = lcpy_pickler_attribute(state, "Pickler");
        PyObject *type = base == NULL ? NULL
                                      : PyObject_CallFunction((PyObject *)&PyType_Type, "s(O){}",
                                                              "Pickler", base);
        state->pickler_type = (PyTypeObject *)type;
        Py_XDECREF(base);
    }
    return state->pickler_type;
}

static int set_method(lcpy_state *state, PyObject *pickler, PyMethodDef *method)
{
    PyObject *capsule = PyCapsule_New(state, NULL, NULL);
    PyObject *function = capsule != NULL ? PyCFunction_New(method, capsule) : NULL;
    int status = function != NULL ? PyObject_SetAttrString(pickler, method->ml_name, function) : -1;
    Py_XDECREF(function);
    Py_XDECREF(capsule);
    return status;
}

static bool may_overflow(void)
{
    return !lcpy_stack_has((size_t)lcpy_compat_recursion_limit() * PICKLE_LEVEL);
}

/* Pickler(stream, 5, buffer_callback=callback) */
static PyObject *make_pickler(lcpy_state *state, PyObject *stream, PyObject *callback)
{
    PyTypeObject *type = pickler_type(state);
    PyObject *arguments = type == NULL ? NULL : Py_BuildValue("(Oi)", stream, 5);
    PyObject *keywords =
        arguments == NULL ? NULL : Py_BuildValue("{sO}", "buffer_callback", callback);
    PyObject *pickler =
        keywords == NULL ? NULL : PyObject_Call((PyObject *)type, arguments, keywords);
    if (pickler != NULL && (set_method(state, pickler, &reducer_method) < 0 ||
                            (may_overflow() && set_method(state, pickler, &guard_method) < 0)))
        Py_CLEAR(pickler);
    Py_XDECREF(keywords);
    Py_XDECREF(arguments);
    return pickler;
}

PyObject *lcpy_pickler_dump(lcpy_state *state, PyObject *value, PyObject *callback)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *stream = io == NULL ? NULL : PyObject_CallMethod(io, "BytesIO", NULL);
    PyObject *pickler = stream == NULL ? NULL : make_pickler(state, stream, callback);
    PyObject *done = pickler == NULL ? NULL : PyObject_CallMethod(pickler, "dump", "(O)", value);
    PyObject *pickled = done == NULL ? NULL : PyObject_CallMethod(stream, "getvalue", NULL);
    Py_XDECREF(done);
    Py_XDECREF(pickler);
    Py_XDECREF(stream); /* holds the bytes until here */
    Py_XDECREF(io);
    return pickled;
}
