/* What can be looked at of a function or class beside what it does: its name, what is said of it,
 * its annotations. It counts where any of the code that is reached looks at such a thing. */
#include "reach/names.h"
#include "reach/walk.h"

void lcpy_reach_add_shown(lcpy_reacher *r, unsigned shown)
{
    r->grown = r->grown || (shown & ~r->shown) != 0;
    r->shown |= shown;
}

/* Slots of functions: those of classes are in their dicts. */
static int guard_shown(lcpy_reacher *r, PyObject *function, unsigned flag)
{
    PyFunctionObject *parts = (PyFunctionObject *)function;
    PyObject **at = flag == LCPY_SHOWN_NAME  ? &parts->func_qualname
                    : flag == LCPY_SHOWN_DOC ? &parts->func_doc
                                             : &parts->func_annotations;
    return *at != NULL ? lcpy_guard_add_slot(&r->out->guard, function, at) : 0;
}

static int write_shown(lcpy_reacher *r, PyObject *object, const char *attribute)
{
    PyObject *name = PyUnicode_InternFromString(attribute);
    PyObject *value = name != NULL ? PyObject_GetAttr(object, name) : NULL;
    PyErr_Clear(); /* annotations may name what is not there */
    PyObject *before = r->place;
    r->place = name != NULL ? lcpy_reach_place_in(r, "%U.%U", name) : NULL;
    int status = -1;
    if (r->place != NULL)
        status = value == NULL              ? lcpy_reach_left_out(r)
                 : PyDict_CheckExact(value) ? lcpy_reach_dict(r, value, NULL, NULL)
                                            : lcpy_reach_value(r, value);
    Py_XDECREF(r->place);
    r->place = before;
    Py_XDECREF(value);
    Py_XDECREF(name);
    return status;
}

int lcpy_reach_shown(lcpy_reacher *r, PyObject *object)
{
    static const struct {
        unsigned flag;
        const char *attribute;
    } all[] = {{LCPY_SHOWN_NAME, "__qualname__"},
               {LCPY_SHOWN_DOC, "__doc__"},
               {LCPY_SHOWN_ANNOTATIONS, "__annotations__"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if ((r->shown & all[i].flag) == 0)
            continue;
        locache_cbor_write_int(r->writer, (int64_t)all[i].flag);
        if (write_shown(r, object, all[i].attribute) < 0 ||
            (PyFunction_Check(object) && guard_shown(r, object, all[i].flag) < 0))
            return -1;
    }
    return 0;
}
