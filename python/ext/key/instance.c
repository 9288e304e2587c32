/* Objects of a class that come by the thousand.
 *
 * Such objects mostly have the same attributes, filled in the same order. What is to be known of
 * these is found out once: in which order they are written, their names as bytes, and that none of
 * them is one that the object notes down in itself. An object has the outline that is known if its
 * dict has the very same names in the same order, which is a comparison of pointers for each. */
#include "key/instance.h"

#include <string.h>

#include "plain/compat.h"
#include "plain/names.h"
#include "plain/scalar.h"

/* More attributes are written as those of any other object: names are then a small part of it. */
#define NAMES_MAX 24
#define LABELS_MAX 512 /* bytes of all names: some 20 each */
/* So often an outline is made of a class whose objects differ in what they have: it costs no more
 * than a few objects do without. */
#define OUTLINES_MAX 16

struct lcpy_outline {
    Py_ssize_t count;
    PyObject *names[NAMES_MAX];     /* in the order of the dict; owned */
    unsigned char order[NAMES_MAX]; /* in which they are written */
    /* where the nth that is written ends in `labels` */
    unsigned short ends[NAMES_MAX];
    unsigned char labels[LABELS_MAX];
    bool used; /* by an object that is being written */
};

/* Found by identity: a metaclass may have a __hash__. As pickle does, the table that was there
 * first is the one that counts. */
PyObject *lcpy_instance_reducer(lcpy_state *state, PyTypeObject *type)
{
    PyObject *class, *reducer;
    Py_ssize_t at = 0;

    if (state->dispatch_table == NULL)
        state->dispatch_table = Py_XNewRef(LCPY_LOADED(state, "copyreg", "dispatch_table"));
    PyObject *table = state->dispatch_table;
    if (table == NULL || !PyDict_CheckExact(table))
        return NULL;
    if (Py_TYPE(type)->tp_hash == PyType_Type.tp_hash &&
        Py_TYPE(type)->tp_richcompare == PyType_Type.tp_richcompare)
        return PyDict_GetItemWithError(table, (PyObject *)type);
    while (PyDict_Next(table, &at, &class, &reducer))
        if (class == (PyObject *)type)
            return reducer;
    return NULL;
}

bool lcpy_instance_has_own(PyTypeObject *type, PyObject *name)
{
    PyObject *found = name == NULL ? NULL : _PyType_Lookup(type, name);
    bool own = name == NULL || (found != NULL && !(Py_IS_TYPE(found, &PyMethodDescr_Type) &&
                                                   PyDescr_TYPE(found) == &PyBaseObject_Type));

    PyErr_Clear();
    return own;
}

/* ------------------------------------------------------------------------------------- outlines */

/* None, then: there may be objects without attributes. */
static void clear_outline(lcpy_outline *outline)
{
    while (outline->count > 0)
        Py_DECREF(outline->names[--outline->count]);
    outline->count = -1;
}

static void free_outline(lcpy_outline *outline)
{
    if (outline != NULL) {
        clear_outline(outline);
        PyMem_Free(outline);
    }
}

/* ------------------------------------------------------------------------ what was seen of them */

/* Programs have few classes whose objects are arguments: a slot for each, by its address. */
#define SEEN_MAX 64

static void clear_seen(lcpy_seen *seen)
{
    free_outline(seen->outline);
    Py_XDECREF(seen->module);
    Py_XDECREF(seen->qualified);
    Py_XDECREF(seen->name);
    memset(seen, 0, sizeof *seen);
}

lcpy_seen *lcpy_instance_seen(lcpy_state *state, PyTypeObject *type)
{
    unsigned version = lcpy_compat_class_version(type);

    if (version == 0 || (state->seen == NULL &&
                         (state->seen = PyMem_Calloc(SEEN_MAX, sizeof *state->seen)) == NULL))
        return NULL;
    lcpy_seen *seen = &state->seen[((uintptr_t)type >> 8) % SEEN_MAX];
    if (seen->type == type && seen->version == version)
        return seen;
    if (seen->outline != NULL && seen->outline->used)
        return NULL; /* somebody is writing an object by it */
    clear_seen(seen);
    seen->type = type;
    seen->version = version;
    seen->outlines = -1;
    return seen;
}

void lcpy_instance_free(lcpy_state *state)
{
    for (size_t i = 0; state->seen != NULL && i < SEEN_MAX; i++)
        clear_seen(&state->seen[i]);
    PyMem_Free(state->seen);
    state->seen = NULL;
}

void lcpy_instance_meet(lcpy_walk *walk, PyTypeObject *type)
{
    lcpy_met *met = lcpy_walk_met(walk, type);

    if (met->outline != NULL && met->outline->used)
        return;
    if (met->outline != NULL)
        clear_outline(met->outline);
    Py_INCREF(type);
    Py_XSETREF(met->type, type);
    met->asked = false;
    met->outlines = -1; /* one object of a class is none of many */
}

/* The names of a dict as they come; false where they are no such names, or too many. */
static bool take_names(lcpy_outline *outline, PyTypeObject *type, PyObject *dict)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;

    outline->count = 0;
    if (PyDict_GET_SIZE(dict) > NAMES_MAX)
        return false;
    while (PyDict_Next(dict, &at, &name, &value)) {
        if (!PyUnicode_CheckExact(name) || lcpy_walk_may_be_noted(type, name))
            return false;
        outline->names[outline->count++] = Py_NewRef(name);
    }
    return true;
}

/* By insertion: they are few, and mostly nearly in order. */
static void sort_names(lcpy_outline *outline)
{
    for (Py_ssize_t i = 0; i < outline->count; i++) {
        Py_ssize_t to = i;

        for (; to > 0 &&
               PyUnicode_Compare(outline->names[outline->order[to - 1]], outline->names[i]) > 0;
             to--)
            outline->order[to] = outline->order[to - 1];
        outline->order[to] = (unsigned char)i;
    }
}

/* False where they are too long, or not Unicode. */
static bool write_labels(lcpy_outline *outline)
{
    locache_cbor_writer writer;
    bool done = true;

    locache_cbor_writer_init(&writer, outline->labels, sizeof outline->labels);
    for (Py_ssize_t i = 0; done && i < outline->count; i++) {
        done = lcpy_scalar_write_fast(&writer, outline->names[outline->order[i]]) &&
               writer.length <= sizeof outline->labels;
        outline->ends[i] = (unsigned short)writer.length;
    }
    done = done && locache_cbor_writer_status(&writer) == LOCACHE_OK;
    locache_cbor_writer_clear(&writer);
    return done;
}

static void learn(lcpy_outline **at, PyTypeObject *type, PyObject *dict)
{
    lcpy_outline *outline = *at;

    if (outline == NULL) {
        outline = PyMem_Malloc(sizeof *outline);
        if (outline == NULL)
            return; /* it goes without */
        outline->count = -1;
        outline->used = false;
        *at = outline;
    }
    if (outline->used)
        return;
    clear_outline(outline);
    bool done = take_names(outline, type, dict);
    if (done)
        sort_names(outline);
    if (!done || !write_labels(outline))
        clear_outline(outline);
    PyErr_Clear();
}

/* The values of a dict that has the outline, borrowed, in its order. */
static bool has_outline(PyObject *values[NAMES_MAX], const lcpy_outline *outline, PyObject *dict)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;
    Py_ssize_t count = 0;

    if (outline == NULL || PyDict_GET_SIZE(dict) != outline->count)
        return false;
    while (PyDict_Next(dict, &at, &name, &value)) {
        if (count == outline->count || name != outline->names[count])
            return false;
        values[count++] = value;
    }
    return count == outline->count;
}

/* They are held: to write one may run code that takes others out of the dict. */
static int write_values(lcpy_walk *walk, lcpy_outline *outline, PyObject *values[NAMES_MAX])
{
    Py_ssize_t count = outline->count;
    unsigned start = 0;
    int result = 0;

    outline->used = true;
    for (Py_ssize_t i = 0; i < count; i++)
        Py_INCREF(values[i]);
    locache_cbor_write_map(walk->writer, (uint64_t)count);
    for (Py_ssize_t i = 0; result == 0 && i < count; i++) {
        unsigned char at = outline->order[i];

        locache_cbor_write_raw(walk->writer, outline->labels + start, outline->ends[i] - start);
        start = outline->ends[i];
        if (lcpy_walk_value(walk, values[at]) < 0)
            result = lcpy_walk_step(walk, ".%U", outline->names[at]);
    }
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(values[i]);
    outline->used = false;
    return result;
}

/* In the class's own place for as long as it stays as it is, else in the walk's. */
int lcpy_instance_attributes(lcpy_walk *walk, PyObject *object, PyObject *dict)
{
    PyObject *values[NAMES_MAX];
    PyTypeObject *type = Py_TYPE(object);
    lcpy_seen *seen = lcpy_instance_seen(walk->state, type);
    lcpy_met *met = lcpy_walk_met(walk, type);
    lcpy_outline **outline = seen != NULL ? &seen->outline : &met->outline;
    int *outlines = seen != NULL ? &seen->outlines : &met->outlines;

    if (seen == NULL && met->type != type)
        return lcpy_walk_attributes(walk, dict, type);
    if (has_outline(values, *outline, dict))
        return write_values(walk, *outline, values);
    if (*outlines < OUTLINES_MAX && (*outlines)++ >= 0) {
        learn(outline, type, dict);
        if (has_outline(values, *outline, dict))
            return write_values(walk, *outline, values);
    }
    return lcpy_walk_attributes(walk, dict, type);
}

void lcpy_instance_forget(lcpy_walk *walk)
{
    for (size_t i = 0; i < LCPY_MET_MAX; i++) {
        lcpy_met *met = &walk->met[i];

        Py_XDECREF(met->type);
        free_outline(met->outline);
    }
}
