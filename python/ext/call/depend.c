/* What a decorated function reaches beside its own code. */
#include "call/depend.h"

#include <string.h>

#include "call/captures.h"

static bool is_followed(const lcpy_persisted *self)
{
    bool own = self->options.follow && PyTuple_GET_SIZE(self->target.functions) > 0;
    return (own || self->options.depends != NULL) && self->options.version == NULL &&
           (self->options.flags & LOCACHE_KEEP) == 0;
}

/* Of a function whose own code alone counts, what depends= says all the same. */
static lcpy_reach *walk_reached(lcpy_persisted *self)
{
    PyObject *roots = self->options.follow ? Py_NewRef(self->target.functions) : PyTuple_New(0);
    lcpy_reach *reach = roots == NULL
                            ? NULL
                            : lcpy_reach_new(self->state, roots, self->options.depends,
                                             self->options.packages ? LCPY_REACH_PACKAGES : 0);
    Py_XDECREF(roots);
    return reach;
}

int lcpy_depend_begin(lcpy_persisted *self)
{
    if (self->reach != NULL || !is_followed(self))
        return 0;
    lcpy_reach *reach = walk_reached(self);
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
    lcpy_reach *reach = walk_reached(self);
    if (reach == NULL)
        return -1;
    lcpy_reach *before = self->reach;
    int changed = before == NULL || memcmp(&before->quick, &reach->quick, sizeof reach->quick) != 0;
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
    if (!lcpy_captures_alone_since(others))
        return 0;
    return lcpy_guard_renew(&self->reach->guard) < 0 ? -1 : 1;
}

PyObject *lcpy_depend_parts(PyObject *object, PyObject *unused)
{
    (void)unused;
    lcpy_persisted *self = (lcpy_persisted *)object;
    if (lcpy_depend_begin(self) < 0 || (!lcpy_depend_holds(self) && lcpy_depend_again(self) < 0))
        return NULL;
    return self->reach != NULL ? PySequence_List(self->reach->parts) : PyList_New(0);
}
