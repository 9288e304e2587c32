#include "call/target.h"

#include <string.h>

#include "call/simple.h"

#define LAYERS_MAX 100 /* of partials and wrappers: nobody has so many, a cycle has more */

/* ------------------------------------------------------------------------- down to the function */

static int prepend(lcpy_target *target, PyObject *arguments)
{
    if (target->prefix == NULL) {
        target->prefix = Py_NewRef(arguments);
        return 0;
    }
    PyObject *both = PySequence_Concat(arguments, target->prefix);
    if (both == NULL)
        return -1;
    Py_SETREF(target->prefix, both);
    return 0;
}

static int prepend_one(lcpy_target *target, PyObject *argument)
{
    PyObject *arguments = PyTuple_Pack(1, argument);
    int status = arguments != NULL ? prepend(target, arguments) : -1;
    Py_XDECREF(arguments);
    return status;
}

/* An outer partial's keywords go before an inner one's. */
static int add_keywords(lcpy_target *target, PyObject *keywords)
{
    if (target->keywords == NULL) {
        target->keywords = PyDict_Copy(keywords);
        return target->keywords != NULL ? 0 : -1;
    }
    return PyDict_Merge(target->keywords, keywords, 0);
}

/* One step down a functools.partial: the new callable, or NULL with an exception. */
static PyObject *through_partial(lcpy_target *target, PyObject *partial)
{
    PyObject *inner = PyObject_GetAttrString(partial, "func");
    PyObject *arguments = PyObject_GetAttrString(partial, "args");
    PyObject *keywords = PyObject_GetAttrString(partial, "keywords");
    if (inner == NULL || arguments == NULL || keywords == NULL || prepend(target, arguments) < 0 ||
        add_keywords(target, keywords) < 0)
        Py_CLEAR(inner);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    return inner;
}

static int is_partial(PyObject *callable)
{
    PyObject *functools = PyImport_ImportModule("functools");
    PyObject *partial = functools != NULL ? PyObject_GetAttrString(functools, "partial") : NULL;
    int found = partial != NULL ? PyObject_IsInstance(callable, partial) : -1;
    Py_XDECREF(partial);
    Py_XDECREF(functools);
    return found;
}

/* The method of C that a bound one binds, as str.split of "a,b".split; NULL without exception where
 * there is none. */
static PyObject *unbound(PyObject *callable)
{
    PyObject *self = PyCFunction_Check(callable) ? PyCFunction_GET_SELF(callable) : NULL;
    if (self == NULL || PyModule_Check(self))
        return NULL;
    PyObject *found = PyObject_GetAttrString((PyObject *)Py_TYPE(self),
                                             ((PyCFunctionObject *)callable)->m_ml->ml_name);
    if (found == NULL || !Py_IS_TYPE(found, &PyMethodDescr_Type) ||
        ((PyMethodDescrObject *)found)->d_method != ((PyCFunctionObject *)callable)->m_ml) {
        PyErr_Clear();
        Py_CLEAR(found);
    }
    return found;
}

/* One step towards the function that runs: a new reference; the same object where this is the end;
 * NULL with an exception. */
static PyObject *step(lcpy_target *target, PyObject *callable)
{
    if (PyFunction_Check(callable))
        return Py_NewRef(callable);
    if (PyMethod_Check(callable)) {
        return prepend_one(target, PyMethod_GET_SELF(callable)) < 0
                   ? NULL
                   : Py_NewRef(PyMethod_GET_FUNCTION(callable));
    }
    int partial = is_partial(callable);
    if (partial != 0)
        return partial < 0 ? NULL : through_partial(target, callable);
    PyObject *method = unbound(callable);
    if (method != NULL) {
        if (prepend_one(target, PyCFunction_GET_SELF(callable)) < 0)
            Py_CLEAR(method);
        return method;
    }
    PyObject *call = PyObject_GetAttrString((PyObject *)Py_TYPE(callable), "__call__");
    if (call == NULL)
        return NULL;
    if (!PyFunction_Check(call)) {
        Py_DECREF(call);
        return Py_NewRef(callable);
    }
    if (prepend_one(target, callable) < 0)
        Py_CLEAR(call);
    return call;
}

static PyObject *innermost(lcpy_target *target, PyObject *callable)
{
    PyObject *at = Py_NewRef(callable);
    for (int i = 0; i < LAYERS_MAX; i++) {
        PyObject *next = step(target, at);
        Py_DECREF(at);
        if (next == NULL || next == at)
            return next;
        at = next;
    }
    Py_DECREF(at);
    PyErr_SetString(PyExc_TypeError, "persist(): too many layers of partials and callable objects");
    return NULL;
}

/* The function that a decorator made by functools.wraps() or update_wrapper() says it wraps: a new
 * reference, or NULL without exception. What lies between and is no function, as lru_cache's
 * objects, is passed over. */
static PyObject *wrapped_by(PyObject *decorator)
{
    PyObject *at = Py_NewRef(decorator);
    for (int i = 0; at != NULL && i < LAYERS_MAX && (i == 0 || !PyFunction_Check(at)); i++) {
        PyObject *within = PyObject_GetAttrString(at, "__wrapped__");
        if (within == NULL)
            PyErr_Clear();
        Py_SETREF(at, within);
    }
    if (at != NULL && !PyFunction_Check(at))
        Py_CLEAR(at);
    return at;
}

/* Append what runs and what it wraps, beginning with `at` (a reference that is taken; may be
 * NULL). */
static int append_chain(PyObject *functions, PyObject *at)
{
    int status = 0;
    for (int i = 0; at != NULL && i < LAYERS_MAX && status == 0; i++) {
        status = PyList_Append(functions, at);
        PyObject *within = status == 0 ? wrapped_by(at) : NULL;
        Py_SETREF(at, within);
    }
    Py_XDECREF(at);
    return status;
}

/* Is the only argument that goes before the call's own the object that is called? */
static bool is_given_first(const lcpy_target *target)
{
    return target->prefix != NULL && PyTuple_GET_SIZE(target->prefix) == 1 &&
           PyTuple_GET_ITEM(target->prefix, 0) == target->callable;
}

/* `function` is what innermost() found. A callable object runs its class's __call__, and may be a
 * decorator itself. */
static int set_functions(lcpy_target *target, PyObject *function)
{
    PyObject *functions = PyList_New(0);
    bool is_function = PyFunction_Check(function);
    bool is_object = is_function && is_given_first(target);
    PyObject *within =
        is_object || !is_function ? wrapped_by(is_object ? target->callable : function) : NULL;
    target->named = Py_NewRef(within != NULL ? within : function);
    int status = functions != NULL ? 0 : -1;
    if (status == 0 && is_object)
        status = PyList_Append(functions, function);
    else if (is_function)
        within = Py_NewRef(function);
    if (status == 0)
        status = append_chain(functions, Py_XNewRef(within));
    Py_XDECREF(within);
    target->functions = status == 0 ? PyList_AsTuple(functions) : NULL;
    Py_XDECREF(functions);
    return target->functions != NULL ? 0 : -1;
}

/* Beside which file? Decorators may live anywhere, and functools.wraps() may name what lives
 * anywhere: the one that persist() was written in, else that of the innermost function. */
static void set_home(lcpy_target *target)
{
    Py_ssize_t depth = PyTuple_GET_SIZE(target->functions);
    PyFrameObject *frame = depth > 1 ? PyEval_GetFrame() : NULL;
    PyCodeObject *here = frame != NULL ? PyFrame_GetCode(frame) : NULL;
    Py_ssize_t at = depth - 1;
    for (Py_ssize_t i = 0; i < depth && here != NULL; i++) {
        PyCodeObject *code =
            (PyCodeObject *)PyFunction_GET_CODE(PyTuple_GET_ITEM(target->functions, i));
        if (PyUnicode_Compare(code->co_filename, here->co_filename) == 0) {
            at = i;
            break;
        }
    }
    Py_XDECREF(here);
    target->home = depth > 0 ? Py_NewRef(PyTuple_GET_ITEM(target->functions, at)) : NULL;
}

/* ---------------------------------------------------------------------------------------- names */

static int replace(PyObject **text, const char *from, const char *to)
{
    PyObject *old = PyUnicode_FromString(from);
    PyObject *new = PyUnicode_FromString(to);
    PyObject *result = old != NULL && new != NULL ? PyUnicode_Replace(*text, old, new, -1) : NULL;
    Py_XDECREF(old);
    Py_XDECREF(new);
    if (result == NULL)
        return -1;
    Py_SETREF(*text, result);
    return 0;
}

/* An attribute that is a str; NULL without exception where it is not. */
static PyObject *text_attribute(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    if (value == NULL || !PyUnicode_Check(value)) {
        PyErr_Clear();
        Py_CLEAR(value);
    }
    return value;
}

/* What is no Python function has no source file of its own, so that its module has to tell it from
 * others. */
static PyObject *foreign_name(PyObject *callable)
{
    PyObject *name = text_attribute(callable, "__qualname__");
    if (name == NULL)
        name = text_attribute((PyObject *)Py_TYPE(callable), "__qualname__");
    PyObject *module = text_attribute(callable, "__module__");
    PyObject *result = name == NULL     ? NULL
                       : module != NULL ? PyUnicode_FromFormat("%U.%U", module, name)
                                        : Py_NewRef(name);
    if (result == NULL && PyErr_Occurred() == NULL)
        PyErr_SetString(PyExc_TypeError, "persist(): a callable without a name");
    Py_XDECREF(name);
    Py_XDECREF(module);
    return result;
}

static int set_names(lcpy_target *target)
{
    PyObject *named = target->named;
    target->qualname =
        PyFunction_Check(named) ? text_attribute(named, "__qualname__") : foreign_name(named);
    if (target->qualname == NULL)
        return -1;
    target->module = text_attribute(named, "__module__");
    if (target->module == NULL)
        target->module = Py_NewRef(Py_None);
    if (PyUnicode_FindChar(target->qualname, '<', 0, PyUnicode_GET_LENGTH(target->qualname), 1) < 0)
        return PyErr_Occurred() != NULL ? -1 : 0;
    return replace(&target->qualname, "<locals>.", "") < 0 ||
                   replace(&target->qualname, "<lambda>", "lambda") < 0
               ? -1
               : 0;
}

/* ---------------------------------------------------------------------------------------- plans */

static int refuse_generators(PyObject *function)
{
    int flags = ((PyCodeObject *)PyFunction_GET_CODE(function))->co_flags;
    if (flags & (CO_GENERATOR | CO_ASYNC_GENERATOR)) {
        PyErr_Format(PyExc_TypeError,
                     "persist(): %U is %s function, and what it yields can be had only once; "
                     "return a list instead",
                     ((PyFunctionObject *)function)->func_qualname,
                     flags & CO_GENERATOR ? "a generator" : "an async generator");
        return -1;
    }
    return 0;
}

/* An object whose class has __call__, and that says which function it wraps. */
static bool is_decorating_object(const lcpy_target *target)
{
    return is_given_first(target) && PyTuple_GET_SIZE(target->functions) > 1 &&
           target->named == PyTuple_GET_ITEM(target->functions, 1);
}

/* def wrapper(*args, **kwargs), or the same as a method, which passes on what it gets to what it
 * wraps. */
static bool passes_on(lcpy_target *target)
{
    Py_ssize_t depth = PyTuple_GET_SIZE(target->functions);
    if (depth < 2)
        return false;
    PyCodeObject *outer =
        (PyCodeObject *)PyFunction_GET_CODE(PyTuple_GET_ITEM(target->functions, 0));
    PyCodeObject *inner =
        (PyCodeObject *)PyFunction_GET_CODE(PyTuple_GET_ITEM(target->functions, depth - 1));
    bool is_object = is_decorating_object(target);
    /* Positional-only parameters could then be mistaken for keywords of the same name. */
    return outer->co_argcount == is_object && outer->co_kwonlyargcount == 0 &&
           (outer->co_flags & CO_VARARGS) && (outer->co_flags & CO_VARKEYWORDS) &&
           inner->co_posonlyargcount == 0 && (is_object || target->prefix == NULL);
}

/* A decorating object is no argument: it counts as what it was when it was first called, like a
 * captured variable. */
static int capture_object(lcpy_target *target, PyObject *ignored, PyObject *unused)
{
    PyObject *call = PyTuple_GET_ITEM(target->functions, 0);
    PyObject *names = PyObject_GetAttrString(PyFunction_GET_CODE(call), "co_varnames");
    int status = names != NULL ? lcpy_closure_add(&target->closure, PyTuple_GET_ITEM(names, 0),
                                                  target->callable, ignored, unused)
                               : -1;
    Py_XDECREF(names);
    Py_CLEAR(target->prefix);
    return status;
}

/* A function of C or a method of a class that C made: all that it is, its name says. */
static bool is_named_only(PyObject *callable)
{
    PyObject *self = PyCFunction_Check(callable) ? PyCFunction_GET_SELF(callable) : Py_None;
    return self == NULL || PyModule_Check(self) || Py_IS_TYPE(callable, &PyMethodDescr_Type) ||
           Py_IS_TYPE(callable, &PyWrapperDescr_Type) ||
           Py_IS_TYPE(callable, &PyClassMethodDescr_Type);
}

/* Another callable object of C: many may have the one name, as operator.itemgetter(0) and
 * operator.itemgetter(1). */
static int capture_callable(lcpy_target *target, PyObject *callable, PyObject *ignored,
                            PyObject *unused)
{
    PyObject *name = PyUnicode_FromString("self");
    int status =
        name != NULL ? lcpy_closure_add(&target->closure, name, callable, ignored, unused) : -1;
    Py_XDECREF(name);
    return status;
}

static int make_plans(lcpy_target *target, PyObject *callable, PyObject *ignored, PyObject *unused)
{
    Py_ssize_t depth = PyTuple_GET_SIZE(target->functions);
    if (depth == 0) {
        if (!is_named_only(callable) && capture_callable(target, callable, ignored, unused) < 0)
            return -1;
        return lcpy_plan_of_callable(&target->plan, callable, ignored, unused);
    }
    PyObject *function = PyTuple_GET_ITEM(target->functions, 0);
    if (!passes_on(target))
        return lcpy_plan_of_function(&target->plan, function, false, ignored, unused);
    PyObject *inner = PyTuple_GET_ITEM(target->functions, depth - 1);
    if (lcpy_plan_of_function(&target->plan, inner, true, ignored, unused) < 0)
        return -1;
    if (is_decorating_object(target))
        return capture_object(target, ignored, unused);
    target->has_own = true;
    return lcpy_plan_of_function(&target->own, function, false, ignored, unused);
}

static int refuse_unused(const lcpy_target *target, PyObject *unused)
{
    if (unused == NULL || PySet_GET_SIZE(unused) == 0 || target->plan.any_keyword)
        return 0;
    PyObject *names = PySequence_List(unused);
    if (names != NULL && PyList_Sort(names) == 0) {
        PyErr_Format(PyExc_TypeError, "persist(): ignore= names %R, but %U has no such parameter",
                     names, target->qualname);
    }
    Py_XDECREF(names);
    return -1;
}

int lcpy_target_init(lcpy_target *out, PyObject *callable, PyObject *ignored)
{
    *out = (lcpy_target){.callable = Py_NewRef(callable)};
    int status = -1;
    PyObject *unused = ignored != NULL ? PySet_New(ignored) : NULL;
    PyObject *function = ignored != NULL && unused == NULL ? NULL : innermost(out, callable);
    if (function == NULL || (PyFunction_Check(function) && refuse_generators(function) < 0))
        goto done;
    if (set_functions(out, function) < 0 || set_names(out) < 0 ||
        lcpy_closure_init(&out->closure, out->functions, ignored, unused) < 0 ||
        make_plans(out, function, ignored, unused) < 0 || refuse_unused(out, unused) < 0)
        goto done;
    set_home(out);
    if (out->prefix == NULL && out->keywords == NULL && !out->has_own && out->closure.count == 0) {
        int ready = lcpy_quick_prepare(&out->plan);
        if (ready < 0)
            goto done;
        out->is_simple = ready > 0;
    }
    out->is_async = PyFunction_Check(function) &&
                    (((PyCodeObject *)PyFunction_GET_CODE(function))->co_flags & CO_COROUTINE) != 0;
    status = 0;
done:
    Py_XDECREF(function);
    Py_XDECREF(unused);
    return status;
}

void lcpy_target_clear(lcpy_target *target)
{
    Py_CLEAR(target->callable);
    Py_CLEAR(target->named);
    Py_CLEAR(target->home);
    Py_CLEAR(target->functions);
    Py_CLEAR(target->prefix);
    Py_CLEAR(target->keywords);
    Py_CLEAR(target->qualname);
    Py_CLEAR(target->module);
    lcpy_plan_clear(&target->plan);
    lcpy_plan_clear(&target->own);
    lcpy_closure_clear(&target->closure);
}

int lcpy_target_traverse(lcpy_target *target, visitproc visit, void *arg)
{
    Py_VISIT(target->callable);
    Py_VISIT(target->named);
    Py_VISIT(target->home);
    Py_VISIT(target->functions);
    Py_VISIT(target->prefix);
    Py_VISIT(target->keywords);
    int status = lcpy_plan_traverse(&target->plan, visit, arg);
    if (status == 0)
        status = lcpy_plan_traverse(&target->own, visit, arg);
    return status != 0 ? status : lcpy_closure_traverse(&target->closure, visit, arg);
}

/* ------------------------------------------------------------------------------------------ key */

/* A call with what the partials and bound methods add. */
typedef struct composed {
    lcpy_call call;
    PyObject **args;
    PyObject *kwnames;
} composed;

static Py_ssize_t size_of(PyObject *tuple)
{
    return tuple != NULL ? PyTuple_GET_SIZE(tuple) : 0;
}

/* The call's keywords, then those of the partials that it does not override. */
static int compose_keywords(composed *out, const lcpy_target *target, const lcpy_call *call,
                            PyObject **values)
{
    PyObject *names = PyList_New(0);
    if (names == NULL)
        return -1;
    Py_ssize_t given = size_of(call->kwnames);
    int status = 0;
    for (Py_ssize_t i = 0; i < given && status == 0; i++) {
        values[i] = call->args[call->count + i];
        status = PyList_Append(names, PyTuple_GET_ITEM(call->kwnames, i));
    }
    Py_ssize_t at = 0;
    PyObject *name;
    PyObject *value;
    while (status == 0 && target->keywords != NULL &&
           PyDict_Next(target->keywords, &at, &name, &value)) {
        int overridden = call->kwnames != NULL ? PySequence_Contains(call->kwnames, name) : 0;
        if (overridden == 0) {
            values[PyList_GET_SIZE(names)] = value;
            status = PyList_Append(names, name);
        } else if (overridden < 0) {
            status = -1;
        }
    }
    out->kwnames = status == 0 ? PyList_AsTuple(names) : NULL;
    Py_DECREF(names);
    return out->kwnames != NULL ? 0 : -1;
}

static int compose(composed *out, const lcpy_target *target, const lcpy_call *call)
{
    Py_ssize_t before = size_of(target->prefix);
    Py_ssize_t keywords =
        size_of(call->kwnames) + (target->keywords != NULL ? PyDict_GET_SIZE(target->keywords) : 0);
    out->args = PyMem_Malloc((size_t)(before + call->count + keywords + 1) * sizeof *out->args);
    if (out->args == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < before; i++)
        out->args[i] = PyTuple_GET_ITEM(target->prefix, i);
    for (Py_ssize_t i = 0; i < call->count; i++)
        out->args[before + i] = call->args[i];
    if (compose_keywords(out, target, call, out->args + before + call->count) < 0)
        return -1;
    out->call = (lcpy_call){out->args, before + call->count, out->kwnames};
    return 0;
}

static lcpy_bound plan_key(lcpy_state *state, locache_writer *key, const lcpy_target *target,
                           const lcpy_call *call, const locache_writer *captures,
                           Py_ssize_t captured, PyObject **culprit)
{
    lcpy_bound status = lcpy_plan_key(state, key, &target->plan, call, captures, captured, culprit);
    if (status == LCPY_MISFIT && target->has_own)
        status = lcpy_plan_key(state, key, &target->own, call, captures, captured, culprit);
    return status;
}

lcpy_bound lcpy_target_key(lcpy_state *state, locache_writer *key, lcpy_target *target,
                           const lcpy_call *call, PyObject *own, PyObject **culprit)
{
    *culprit = NULL;
    composed more = {.args = NULL};
    unsigned char room[256];
    locache_writer captures;
    locache_writer_init(&captures, room, sizeof room);
    Py_ssize_t captured = 0;
    lcpy_bound status = LCPY_BIND_ERROR;
    if (target->prefix != NULL || target->keywords != NULL) {
        if (compose(&more, target, call) < 0)
            goto done;
        call = &more.call;
    }
    if (target->closure.count > 0 &&
        lcpy_closure_write(state, &captures, &captured, &target->closure, own, target->callable,
                           culprit) < 0)
        goto done;
    status = plan_key(state, key, target, call, &captures, captured, culprit);
    if (status == LCPY_BOUND && (locache_writer_status(&captures) != LOCACHE_OK ||
                                 locache_writer_status(key) != LOCACHE_OK)) {
        PyErr_NoMemory();
        status = LCPY_BIND_ERROR;
    }
done:
    locache_writer_clear(&captures);
    PyMem_Free(more.args);
    Py_XDECREF(more.kwnames);
    return status;
}
