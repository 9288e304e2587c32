/* What a decorated function reaches beside its own code. */
#include "call/depend.h"

#include "call/captures.h"

static bool is_followed(const lcpy_persisted *self)
{
    bool own = PyTuple_GET_SIZE(self->target.functions) > 0;
    return (own || self->options.depends != NULL) && self->options.version == NULL &&
           (self->options.flags & LOCACHE_OPEN_KEEP) == 0;
}

/* An object made in C that wraps the function, as wrapt's: it has no code of its own to look at,
 * and holds what a decorator does beside what it wraps. */
static bool is_wrapper_of_c(PyObject *callable)
{
    if (PyFunction_Check(callable) || PyMethod_Check(callable) || PyCFunction_Check(callable))
        return false;
    PyObject *call = PyObject_GetAttrString((PyObject *)Py_TYPE(callable), "__call__");
    PyObject *wrapped = PyObject_GetAttrString(callable, "__wrapped__");
    bool is = call != NULL && Py_IS_TYPE(call, &PyWrapperDescr_Type) && wrapped != NULL;
    PyErr_Clear();
    Py_XDECREF(wrapped);
    Py_XDECREF(call);
    return is;
}

/* What counts beside the functions, and what they reach: what depends= says, and such a wrapper. */
static PyObject *told_of(const lcpy_persisted *self)
{
    PyObject *depends = self->options.depends;
    if (!self->options.follow || !is_wrapper_of_c(self->target.callable))
        return depends != NULL ? Py_NewRef(depends) : PyTuple_New(0);
    PyObject *wrapper = PyTuple_Pack(1, self->target.callable);
    if (wrapper == NULL || depends == NULL)
        return wrapper;
    PyObject *both = PySequence_Concat(depends, wrapper);
    Py_DECREF(wrapper);
    return both;
}

/* Of a function whose own code alone counts, what depends= says all the same. */
static lcpy_reach *walk_reached(lcpy_persisted *self, unsigned more)
{
    unsigned scope = more | (self->options.follow ? LCPY_REACH_FOLLOW : 0U) |
                     (self->options.packages ? LCPY_REACH_PACKAGES : 0U);
    PyObject *told = told_of(self);
    lcpy_reach *reach =
        told != NULL ? lcpy_reach_new(self->state, self->target.functions, told, scope) : NULL;
    Py_XDECREF(told);
    return reach;
}

int lcpy_depend_begin(lcpy_persisted *self)
{
    if (self->reach != NULL || !is_followed(self))
        return 0;
    lcpy_reach *reach = walk_reached(self, 0);
    if (reach == NULL)
        return -1;
    if (self->reach != NULL) /* another thread was faster */
        lcpy_reach_free(reach);
    else
        self->reach = reach;
    return 0;
}

static void mix_in(locache_id *id, const locache_id *reached)
{
    locache_id both[2] = {*id, *reached};
    locache_id_of(id, both, sizeof both);
}

void lcpy_depend_code(const lcpy_persisted *self, locache_id *code)
{
    if (self->reach != NULL && !self->reach->empty)
        mix_in(code, &self->reach->quick);
}

int lcpy_depend_source(lcpy_persisted *self, locache_id *source)
{
    locache_id meaning;
    if (self->reach == NULL || self->reach->empty)
        return 0;
    if (lcpy_reach_meaning(self->state, &meaning, self->reach) < 0)
        return -1;
    mix_in(source, &meaning);
    return 0;
}

int lcpy_depend_again(lcpy_persisted *self)
{
    /* What changes while the function runs may be its own doing, which shows at its end. */
    if (self->running > 0)
        return 0;
    lcpy_reach *reach = walk_reached(self, 0);
    if (reach == NULL)
        return -1;
    lcpy_reach *before = self->reach;
    int same = before != NULL ? lcpy_reach_is_same(before, reach) : 0;
    if (same < 0) {
        lcpy_reach_free(reach);
        return -1;
    }
    int changed = !same;
    self->reach = reach;
    self->turn += (unsigned)changed;
    lcpy_reach_free(before);
    return changed;
}

int lcpy_depend_ended(lcpy_persisted *self, unsigned turn, int64_t others)
{
    if (self->turn != turn)
        return 0;
    if (lcpy_depend_holds(self))
        return 1;
    if (lcpy_captures_alone_since(others))
        return lcpy_guard_renew(&self->reach->guard) < 0 ? -1 : 1;
    /* Other threads ran: was it anything that counts that changed? */
    lcpy_reach *reach = walk_reached(self, 0);
    if (reach == NULL)
        return -1;
    int same = self->turn == turn ? lcpy_reach_is_same(self->reach, reach) : 0;
    if (same > 0) {
        lcpy_reach *before = self->reach;
        self->reach = reach;
        reach = before;
    }
    lcpy_reach_free(reach);
    return same;
}

PyObject *lcpy_depend_parts(PyObject *object, PyObject *unused)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    (void)unused;
    if (!is_followed(self))
        return PyList_New(0);
    lcpy_reach *reach = walk_reached(self, LCPY_REACH_PARTS);
    PyObject *parts = reach != NULL ? Py_NewRef(reach->parts) : NULL;
    lcpy_reach_free(reach);
    return parts;
}
