/* What a function or class depends on: the walk from it, its digests, and what is kept of those
 * that are arguments. */
#include "reach/reach.h"

#include <string.h>

#include "identity.h"
#include "reach/owner.h"
#include "reach/walk.h"

#include "key/class.h"

/* Nodes that are followed: more than any function reaches of a project by name. */
#define NODES_MAX 20000
/* Rounds until no more state is found: each finds some, and one is mostly enough. */
#define ROUNDS_MAX 8

/* ------------------------------------------------------------------------------------- the walk */

/* A class or function of an extension module of the user's? 1, 0, or -1. */
static int is_compiled(lcpy_reacher *r, PyObject *object)
{
    if (!PyType_Check(object))
        return lcpy_owner_is_compiled(r->state, object);
    int owner = lcpy_owner_of_class(r->state, object);
    return owner < 0 ? -1 : owner == LCPY_OWNER_COMPILED;
}

static int write_node(lcpy_reacher *r, PyObject *node)
{
    PyObject *object = PyTuple_GET_ITEM(node, 0);
    int mode = (int)PyLong_AsLong(PyTuple_GET_ITEM(node, 1));
    if (mode == LCPY_NODE_OPAQUE)
        return lcpy_reach_opaque(r, object);
    if (PyFunction_Check(object))
        return lcpy_reach_code(r, object, mode);
    if (PyModule_Check(object))
        return lcpy_reach_module(r, object);
    int compiled = is_compiled(r, object);
    return compiled < 0           ? -1
           : compiled > 0         ? lcpy_reach_foreign(r, object)
           : PyType_Check(object) ? lcpy_reach_class(r, object, mode)
                                  : lcpy_reach_object(r, object);
}

static int write_node_at(lcpy_reacher *r, PyObject *node)
{
    r->place = PyTuple_GET_ITEM(node, 2);
    r->place = lcpy_reach_place_of(r, PyTuple_GET_ITEM(node, 0));
    int status = write_node(r, node);
    Py_DECREF(r->place);
    return status;
}

static int write_nodes(lcpy_reacher *r)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(r->nodes) && i < NODES_MAX; i++) {
        PyObject *node = Py_NewRef(PyList_GET_ITEM(r->nodes, i));
        int status = write_node_at(r, node);
        Py_DECREF(node);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int note_root(lcpy_reacher *r, PyObject *root)
{
    PyObject *before = r->place;
    r->place = lcpy_reach_place_of(r, root);
    int status = PyFunction_Check(root) ? lcpy_reach_code_part(r, "function", root) : 0;
    Py_DECREF(r->place);
    r->place = before;
    return status;
}

static int begin_roots(lcpy_reacher *r, PyObject *roots, PyObject *depends)
{
    locache_cbor_writer unused;
    unsigned char room[64];
    locache_cbor_writer *writer = r->writer;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(roots); i++) {
        PyObject *root = PyTuple_GET_ITEM(roots, i);
        if (note_root(r, root) < 0)
            return -1;
        if ((r->scope & LCPY_REACH_FOLLOW) == 0) {
            status = lcpy_reach_guard_function(r, root);
            continue;
        }
        locache_cbor_writer_init(&unused, room, sizeof room);
        r->writer = &unused;
        status =
            lcpy_reach_node(r, root, PyFunction_Check(root) ? LCPY_NODE_ROOT : LCPY_NODE_WHOLE);
        locache_cbor_writer_clear(&unused);
        r->writer = writer;
    }
    r->counted = false;
    Py_ssize_t count = depends != NULL ? PyTuple_GET_SIZE(depends) : 0;
    for (Py_ssize_t i = 0; status == 0 && i < count; i++)
        status = lcpy_reach_told(r, PyTuple_GET_ITEM(depends, i));
    return status;
}

static int add_code(locache_cbor_writer *writer, PyObject *function)
{
    locache_id id;
    if (lcpy_code_id(&id, PyFunction_GET_CODE(function)) < 0)
        return -1;
    locache_cbor_write_bytes(writer, id.bytes, sizeof id.bytes);
    return 0;
}

static int add_quick(lcpy_reach *reach, locache_cbor_writer *writer)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(reach->functions); i++)
        if (add_code(writer, PyList_GET_ITEM(reach->functions, i)) < 0)
            return -1;
    return 0;
}

/* The roots' own code: whoever asks digests it elsewhere, and here it is only compared. */
static PyObject *codes_of(PyObject *roots)
{
    PyObject *codes = PyTuple_New(PyTuple_GET_SIZE(roots));
    for (Py_ssize_t i = 0; codes != NULL && i < PyTuple_GET_SIZE(roots); i++) {
        PyObject *root = PyTuple_GET_ITEM(roots, i);
        PyTuple_SET_ITEM(codes, i,
                         Py_NewRef(PyFunction_Check(root) ? PyFunction_GET_CODE(root) : Py_None));
    }
    return codes;
}

static int finish_form(lcpy_reacher *r, PyObject *roots)
{
    lcpy_reach *out = r->out;
    locache_cbor_writer *writer = r->writer;
    if (locache_cbor_writer_status(writer) != LOCACHE_OK) {
        PyErr_NoMemory();
        return -1;
    }
    out->form = PyBytes_FromStringAndSize((const char *)writer->data, (Py_ssize_t)writer->length);
    if (out->form == NULL || add_quick(out, writer) < 0)
        return -1;
    if (locache_cbor_writer_status(writer) != LOCACHE_OK) {
        PyErr_NoMemory();
        return -1;
    }
    out->empty = !r->counted;
    if (!out->empty)
        locache_id_of(&out->quick, writer->data, writer->length);
    out->own = codes_of(roots);
    return out->own != NULL ? 0 : -1;
}

/* What one round wrote. */
static int reset_round(lcpy_reacher *r)
{
    lcpy_reach *out = r->out;
    Py_XSETREF(r->numbers, PyDict_New());
    Py_XSETREF(r->nodes, PyList_New(0));
    Py_XSETREF(out->functions, PyList_New(0));
    Py_XSETREF(out->parts, (r->scope & LCPY_REACH_PARTS) != 0 ? PyList_New(0) : NULL);
    lcpy_guard_clear(&out->guard);
    locache_cbor_writer_reset(r->writer);
    r->grown = false;
    if (r->numbers == NULL || r->nodes == NULL || out->functions == NULL ||
        (out->parts == NULL && PyErr_Occurred() != NULL) || lcpy_guard_init(&out->guard) < 0)
        return -1;
    out->guard.contents.state = r->state;
    return 0;
}

static int walk_round(lcpy_reacher *r, PyObject *roots, PyObject *depends)
{
    PyObject *place = PyUnicode_FromString("");
    int status = place != NULL ? reset_round(r) : -1;
    r->place = place;
    if (status == 0)
        status = begin_roots(r, roots, depends);
    if (status == 0)
        status = write_nodes(r);
    if (status == 0)
        status = lcpy_contents_take(&r->out->guard.contents);
    Py_XDECREF(place);
    return status;
}

static int walk_rounds(lcpy_reacher *r, PyObject *roots, PyObject *depends)
{
    int status = 0;
    r->grown = true;
    for (int round = 0; r->grown && round < ROUNDS_MAX && status == 0; round++)
        status = walk_round(r, roots, depends);
    return status == 0 ? finish_form(r, roots) : -1;
}

/* What most functions reach. */
#define FORM_ROOM 2048

lcpy_reach *lcpy_reach_new(lcpy_state *state, PyObject *roots, PyObject *depends, unsigned scope)
{
    unsigned char room[FORM_ROOM];
    locache_cbor_writer writer;
    lcpy_reach *out = PyMem_Calloc(1, sizeof *out);
    if (out == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    locache_cbor_writer_init(&writer, room, sizeof room);
    lcpy_reacher r = {.state = state, .out = out, .writer = &writer, .scope = scope};
    lcpy_reach_collect(&r);
    int status = walk_rounds(&r, roots, depends);
    locache_cbor_writer_clear(&writer);
    Py_XDECREF(r.numbers);
    Py_XDECREF(r.nodes);
    Py_XDECREF(r.assigned);
    Py_XDECREF(r.mutated);
    if (status == 0)
        return out;
    lcpy_reach_free(out);
    return NULL;
}

void lcpy_reach_free(lcpy_reach *reach)
{
    if (reach == NULL)
        return;
    Py_XDECREF(reach->own);
    Py_XDECREF(reach->form);
    Py_XDECREF(reach->functions);
    Py_XDECREF(reach->parts);
    lcpy_guard_clear(&reach->guard);
    PyMem_Free(reach);
}

static int is_same_code(PyObject *a, PyObject *b)
{
    locache_id ids[2];
    if (a == b || !PyCode_Check(a) || !PyCode_Check(b))
        return a == b;
    if (lcpy_code_id(&ids[0], a) < 0 || lcpy_code_id(&ids[1], b) < 0)
        return -1;
    return memcmp(&ids[0], &ids[1], sizeof ids[0]) == 0;
}

int lcpy_reach_is_same(const lcpy_reach *a, const lcpy_reach *b)
{
    Py_ssize_t count = PyTuple_GET_SIZE(a->own);
    bool equal =
        a->empty == b->empty && (a->empty || memcmp(&a->quick, &b->quick, sizeof a->quick) == 0);
    int same = equal && count == PyTuple_GET_SIZE(b->own);
    for (Py_ssize_t i = 0; same > 0 && i < count; i++)
        same = is_same_code(PyTuple_GET_ITEM(a->own, i), PyTuple_GET_ITEM(b->own, i));
    return same;
}

int lcpy_reach_traverse(lcpy_reach *reach, visitproc visit, void *arg)
{
    if (reach == NULL)
        return 0;
    Py_VISIT(reach->functions);
    Py_VISIT(reach->own);
    return lcpy_guard_traverse(&reach->guard, visit, arg);
}

/* ------------------------------------------------------------------------------------- meanings */

int lcpy_reach_meaning(lcpy_state *state, locache_id *out, const lcpy_reach *reach)
{
    unsigned char room[FORM_ROOM];
    locache_cbor_writer writer;
    int status = 0;
    locache_cbor_writer_init(&writer, room, sizeof room);
    locache_cbor_write_bytes(&writer, PyBytes_AS_STRING(reach->form),
                             (size_t)PyBytes_GET_SIZE(reach->form));
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(reach->functions); i++) {
        locache_id id;
        status = lcpy_class_function_id(state, &id, PyList_GET_ITEM(reach->functions, i));
        locache_cbor_write_bytes(&writer, id.bytes, sizeof id.bytes);
    }
    if (status == 0 && locache_cbor_writer_status(&writer) != LOCACHE_OK) {
        PyErr_NoMemory();
        status = -1;
    }
    if (status == 0)
        locache_id_of(out, writer.data, writer.length);
    locache_cbor_writer_clear(&writer);
    return status;
}

/* ------------------------------------------------------------------------------------ arguments */

/* So many functions and classes are kept: what a program passes about. */
#define KEPT_MAX 4096

typedef struct kept {
    lcpy_reach *reach;
    bool has_meaning;
    locache_id meaning;
} kept;

static void free_kept(PyObject *capsule)
{
    kept *one = PyCapsule_GetPointer(capsule, NULL);
    if (one != NULL)
        lcpy_reach_free(one->reach);
    PyMem_Free(one);
}

static PyObject *new_kept(lcpy_reach *reach)
{
    kept *one = PyMem_Calloc(1, sizeof *one);
    PyObject *capsule = one != NULL ? PyCapsule_New(one, NULL, free_kept) : PyErr_NoMemory();
    if (capsule == NULL) {
        PyMem_Free(one);
        lcpy_reach_free(reach);
        return NULL;
    }
    one->reach = reach;
    return capsule;
}

/* Look at an object, and keep what was found under `id`: a capsule, or the object itself where it
 * is not the user's. New reference. */
static PyObject *keep_reached(lcpy_state *state, PyObject *id, PyObject *object)
{
    int owner = lcpy_owner_of(state, object);
    bool own = owner == LCPY_OWNER_USER || owner == LCPY_OWNER_COMPILED;
    PyObject *roots = own ? PyTuple_Pack(1, object) : NULL;
    lcpy_reach *reach =
        roots != NULL ? lcpy_reach_new(state, roots, NULL, LCPY_REACH_FOLLOW | LCPY_REACH_PACKAGES)
                      : NULL;
    bool foreign = owner >= 0 && !own;
    PyObject *found = foreign ? Py_NewRef(object) : reach != NULL ? new_kept(reach) : NULL;
    if (found != NULL && PyDict_GET_SIZE(state->reached) >= KEPT_MAX)
        PyDict_Clear(state->reached);
    if (found != NULL && PyDict_SetItem(state->reached, id, found) < 0)
        Py_CLEAR(found);
    Py_XDECREF(roots);
    return found;
}

/* What is known of the object, looked at anew where something changed. As keep_reached(). */
static PyObject *find_kept(lcpy_state *state, PyObject *object)
{
    if (state->reached == NULL && (state->reached = PyDict_New()) == NULL)
        return NULL;
    /* Functions of one code and module reach the same: what each is bound to is written beside. */
    PyObject *id = PyFunction_Check(object)
                       ? Py_BuildValue("(nn)", (Py_ssize_t)(intptr_t)PyFunction_GET_CODE(object),
                                       (Py_ssize_t)(intptr_t)PyFunction_GET_GLOBALS(object))
                       : PyLong_FromVoidPtr(object);
    if (id == NULL)
        return NULL;
    PyObject *found = Py_XNewRef(PyDict_GetItemWithError(state->reached, id));
    if (found != NULL && PyCapsule_CheckExact(found)) {
        kept *one = PyCapsule_GetPointer(found, NULL);
        if (one != NULL && !lcpy_reach_holds(one->reach))
            Py_CLEAR(found);
    }
    if (found == NULL && PyErr_Occurred() == NULL)
        found = keep_reached(state, id, object);
    Py_DECREF(id);
    return found;
}

/* What a module of a package brings: that package's version. As lcpy_reach_of(). */
static int version_id(lcpy_state *state, locache_id *out, PyObject *module)
{
    PyObject *name = PyModule_GetNameObject(module);
    PyObject *version = name != NULL ? lcpy_owner_version(state, name) : NULL;
    Py_ssize_t size;
    const char *text = version != NULL ? PyUnicode_AsUTF8AndSize(version, &size) : NULL;
    if (text != NULL)
        locache_id_of(out, text, (size_t)size);
    Py_XDECREF(version);
    Py_XDECREF(name);
    return text != NULL ? 1 : -1;
}

int lcpy_reach_of(lcpy_state *state, locache_id *out, PyObject *object)
{
    if (PyModule_Check(object)) {
        int owner = lcpy_owner_of(state, object);
        if (owner < 0 || owner == LCPY_OWNER_PYTHON)
            return owner < 0 ? -1 : 0;
        if (owner == LCPY_OWNER_PACKAGE)
            return version_id(state, out, object);
    }
    PyObject *found = find_kept(state, object);
    if (found == NULL || !PyCapsule_CheckExact(found)) {
        Py_XDECREF(found);
        return found == NULL ? -1 : 0;
    }
    kept *one = PyCapsule_GetPointer(found, NULL);
    int status = one->reach->empty && !PyType_Check(object) ? 0 : 1;
    if (status > 0 && !one->has_meaning) {
        status = lcpy_reach_meaning(state, &one->meaning, one->reach) < 0 ? -1 : 1;
        one->has_meaning = status > 0;
    }
    if (status > 0)
        *out = one->meaning;
    Py_DECREF(found);
    return status;
}
