/* Has anything changed of what was looked at? The comparisons, and what they compare with. */
#include "reach/guard.h"

#include <string.h>

#include "plain/compat.h"

bool lcpy_guard_has_versions(void)
{
    uint64_t unused;
    return lcpy_compat_dict_version(&unused, PyImport_GetModuleDict());
}

int lcpy_guard_init(lcpy_guard *out)
{
    *out = (lcpy_guard){.held = PyList_New(0)};
    return out->held != NULL ? 0 : -1;
}

void lcpy_guard_clear(lcpy_guard *guard)
{
    lcpy_guard old = *guard;
    *guard = (lcpy_guard){0};
    for (Py_ssize_t i = 0; i < old.slot_count; i++)
        Py_XDECREF(old.slots[i].expected);
    for (Py_ssize_t i = 0; i < old.dict_count; i++) {
        for (Py_ssize_t n = 0; n < old.dicts[i].count; n++)
            Py_XDECREF(old.dicts[i].names[n].expected);
        PyMem_Free(old.dicts[i].names);
    }
    PyMem_Free(old.slots);
    PyMem_Free(old.dicts);
    PyMem_Free(old.classes);
    lcpy_contents_clear(&old.contents);
    PyMem_Free(old.files);
    Py_XDECREF(old.held);
}

int lcpy_guard_traverse(lcpy_guard *guard, visitproc visit, void *arg)
{
    Py_VISIT(guard->held);
    for (Py_ssize_t i = 0; i < guard->slot_count; i++)
        Py_VISIT(guard->slots[i].expected);
    for (Py_ssize_t i = 0; i < guard->dict_count; i++)
        for (Py_ssize_t n = 0; n < guard->dicts[i].count; n++)
            Py_VISIT(guard->dicts[i].names[n].expected);
    return lcpy_contents_traverse(&guard->contents, visit, arg);
}

static int hold(lcpy_guard *guard, PyObject *object)
{
    return object != NULL ? PyList_Append(guard->held, object) : 0;
}

/* Room for one more, doubled where the number is a power of two. NULL with MemoryError. */
static void *grow(void *array, Py_ssize_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return array;
    void *more = PyMem_Realloc(array, (size_t)(count > 0 ? 2 * count : 1) * size);
    if (more == NULL)
        PyErr_NoMemory();
    return more;
}

int lcpy_guard_add_slot(lcpy_guard *guard, PyObject *owner, PyObject **at)
{
    lcpy_guard_slot *slots = grow(guard->slots, guard->slot_count, sizeof *slots);
    if (slots == NULL)
        return -1;
    guard->slots = slots;
    slots[guard->slot_count++] = (lcpy_guard_slot){at, Py_XNewRef(*at)};
    return hold(guard, owner);
}

static lcpy_guard_dict *find_dict(lcpy_guard *guard, PyObject *dict)
{
    for (Py_ssize_t i = 0; i < guard->dict_count; i++)
        if (guard->dicts[i].dict == dict)
            return &guard->dicts[i];
    lcpy_guard_dict *dicts = grow(guard->dicts, guard->dict_count, sizeof *dicts);
    if (dicts == NULL)
        return NULL;
    guard->dicts = dicts;
    lcpy_guard_dict *found = &dicts[guard->dict_count++];
    *found = (lcpy_guard_dict){.dict = dict, .size = -1};
    found->always = !lcpy_compat_dict_version(&found->version, dict);
    return hold(guard, dict) < 0 ? NULL : found;
}

int lcpy_guard_add_name(lcpy_guard *guard, PyObject *dict, PyObject *name, PyObject *value)
{
    lcpy_guard_dict *in = find_dict(guard, dict);
    if (in == NULL)
        return -1;
    struct lcpy_guard_name *names = grow(in->names, in->count, sizeof *names);
    if (names == NULL)
        return -1;
    in->names = names;
    names[in->count++] = (struct lcpy_guard_name){name, Py_XNewRef(value)};
    return hold(guard, name);
}

int lcpy_guard_add_size(lcpy_guard *guard, PyObject *dict)
{
    lcpy_guard_dict *in = find_dict(guard, dict);
    if (in == NULL)
        return -1;
    in->size = PyDict_GET_SIZE(dict);
    return 0;
}

int lcpy_guard_add_entry(lcpy_guard *guard, PyObject *dict, PyObject *name, PyObject *value)
{
    if (lcpy_guard_add_name(guard, dict, name, value) < 0)
        return -1;
    find_dict(guard, dict)->always = true;
    return 0;
}

/* A class has a version only once something was looked for in it since its last change. */
static unsigned version_of(PyTypeObject *type)
{
    PyObject *name = PyUnicode_InternFromString("__init__");
    if (name != NULL)
        (void)_PyType_Lookup(type, name);
    PyErr_Clear();
    Py_XDECREF(name);
    return lcpy_compat_class_version(type);
}

int lcpy_guard_add_class(lcpy_guard *guard, PyTypeObject *type)
{
    lcpy_guard_class *classes = grow(guard->classes, guard->class_count, sizeof *classes);
    if (classes == NULL)
        return -1;
    guard->classes = classes;
    classes[guard->class_count++] = (lcpy_guard_class){type, version_of(type)};
    return hold(guard, (PyObject *)type);
}

static bool take_state(lcpy_guard_file *file)
{
    memset(&file->state, 0, sizeof file->state);
    return file->there = stat(PyBytes_AS_STRING(file->path), &file->state) == 0;
}

int lcpy_guard_add_file(lcpy_guard *guard, PyObject *path)
{
    lcpy_guard_file *files = grow(guard->files, guard->file_count, sizeof *files);
    if (files == NULL)
        return -1;
    guard->files = files;
    files[guard->file_count].path = path;
    take_state(&files[guard->file_count++]);
    return hold(guard, path);
}

static bool files_hold(const lcpy_guard *guard)
{
    for (Py_ssize_t i = 0; i < guard->file_count; i++) {
        const lcpy_guard_file *file = &guard->files[i];
        lcpy_guard_file now = {.path = file->path};
        take_state(&now);
        if (now.there != file->there || now.state.st_ino != file->state.st_ino ||
            now.state.st_dev != file->state.st_dev || now.state.st_size != file->state.st_size ||
            memcmp(&now.state.st_mtim, &file->state.st_mtim, sizeof now.state.st_mtim) != 0 ||
            memcmp(&now.state.st_ctim, &file->state.st_ctim, sizeof now.state.st_ctim) != 0)
            return false;
    }
    return true;
}

int lcpy_guard_add_content(lcpy_guard *guard, PyObject *value)
{
    return lcpy_contents_add(&guard->contents, value);
}

/* ------------------------------------------------------------------------------------ at a call */

/* The dict has changed: has what was looked for in it? */
static bool names_hold(lcpy_guard_dict *in)
{
    if (in->size >= 0 && in->size != PyDict_GET_SIZE(in->dict))
        return false;
    for (Py_ssize_t i = 0; i < in->count; i++) {
        PyObject *value = PyDict_GetItemWithError(in->dict, in->names[i].name);
        if (value == NULL)
            PyErr_Clear();
        if (value != in->names[i].expected)
            return false;
    }
    (void)lcpy_compat_dict_version(&in->version, in->dict);
    return true;
}

static bool dicts_hold(lcpy_guard *guard)
{
    uint64_t now;
    for (Py_ssize_t i = 0; i < guard->dict_count; i++) {
        lcpy_guard_dict *in = &guard->dicts[i];
        if ((in->always || !lcpy_compat_dict_version(&now, in->dict) || now != in->version) &&
            !names_hold(in))
            return false;
    }
    return true;
}

bool lcpy_guard_holds(lcpy_guard *guard)
{
    const lcpy_guard_slot *slots = guard->slots;
    for (Py_ssize_t i = 0; i < guard->slot_count; i++)
        if (*slots[i].at != slots[i].expected)
            return false;
    if (!dicts_hold(guard))
        return false;
    const lcpy_guard_class *classes = guard->classes;
    for (Py_ssize_t i = 0; i < guard->class_count; i++)
        if (classes[i].version == 0 ||
            lcpy_compat_class_version(classes[i].type) != classes[i].version)
            return false;
    return lcpy_contents_hold(&guard->contents) && (guard->file_count == 0 || files_hold(guard));
}

static int renew_dict(lcpy_guard_dict *in)
{
    if (in->size >= 0)
        in->size = PyDict_GET_SIZE(in->dict);
    for (Py_ssize_t n = 0; n < in->count; n++) {
        PyObject *value = PyDict_GetItemWithError(in->dict, in->names[n].name);
        if (value == NULL && PyErr_Occurred() != NULL)
            return -1;
        Py_XSETREF(in->names[n].expected, Py_XNewRef(value));
    }
    (void)lcpy_compat_dict_version(&in->version, in->dict);
    return 0;
}

int lcpy_guard_renew(lcpy_guard *guard)
{
    int status = 0;
    for (Py_ssize_t i = 0; i < guard->slot_count; i++)
        Py_XSETREF(guard->slots[i].expected, Py_XNewRef(*guard->slots[i].at));
    for (Py_ssize_t i = 0; i < guard->dict_count && status == 0; i++)
        status = renew_dict(&guard->dicts[i]);
    for (Py_ssize_t i = 0; i < guard->class_count; i++)
        guard->classes[i].version = version_of(guard->classes[i].type);
    if (status == 0)
        status = lcpy_contents_renew(&guard->contents);
    for (Py_ssize_t i = 0; i < guard->file_count; i++)
        take_state(&guard->files[i]);
    return status;
}
