/* Has anything changed of what was looked at? The comparisons, and what they compare with. */
#include "reach/guard.h"

#include <string.h>

#include "plain/compat.h"

/* Items of all containers together that are compared at each call: a microsecond or two. */
#define ITEMS_MAX 1000
/* Bytes of a buffer that are compared at each call: a quarter of a microsecond. */
#define BUFFER_MAX (16 * 1024)
/* Containers within each other. */
#define NESTED_MAX 20

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
    for (Py_ssize_t i = 0; i < old.content_count; i++)
        Py_XDECREF(old.contents[i].items);
    PyMem_Free(old.slots);
    PyMem_Free(old.dicts);
    PyMem_Free(old.classes);
    PyMem_Free(old.contents);
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
    for (Py_ssize_t i = 0; i < guard->content_count; i++)
        Py_VISIT(guard->contents[i].items);
    return 0;
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
    *found = (lcpy_guard_dict){.dict = dict};
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

int lcpy_guard_add_entry(lcpy_guard *guard, PyObject *dict, PyObject *name, PyObject *value)
{
    if (lcpy_guard_add_name(guard, dict, name, value) < 0)
        return -1;
    find_dict(guard, dict)->always = true;
    return 0;
}

int lcpy_guard_add_class(lcpy_guard *guard, PyTypeObject *type)
{
    lcpy_guard_class *classes = grow(guard->classes, guard->class_count, sizeof *classes);
    if (classes == NULL)
        return -1;
    guard->classes = classes;
    classes[guard->class_count++] = (lcpy_guard_class){type, lcpy_compat_class_version(type)};
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

/* ------------------------------------------------------------------------------------- contents */

/* The instance's own dict, where it has one: new reference, or NULL. */
static PyObject *instance_dict(PyObject *object)
{
    PyObject *dict = Py_TYPE(object)->tp_dictoffset != 0 || lcpy_compat_has_dict(object)
                         ? PyObject_GenericGetDict(object, NULL)
                         : NULL;
    PyErr_Clear();
    if (dict != NULL && !PyDict_Check(dict))
        Py_CLEAR(dict);
    return dict;
}

static PyObject *items_of_dict(PyObject *dict)
{
    PyObject *items = PyTuple_New(2 * PyDict_GET_SIZE(dict));
    PyObject *key;
    PyObject *value;
    Py_ssize_t at = 0;
    Py_ssize_t n = 0;
    while (items != NULL && n + 1 < PyTuple_GET_SIZE(items) &&
           PyDict_Next(dict, &at, &key, &value)) {
        PyTuple_SET_ITEM(items, n++, Py_NewRef(key));
        PyTuple_SET_ITEM(items, n++, Py_NewRef(value));
    }
    return items;
}

static PyObject *bytes_of_buffer(PyObject *object)
{
    Py_buffer view;
    PyObject *bytes = NULL;
    if (PyObject_GetBuffer(object, &view, PyBUF_ANY_CONTIGUOUS) < 0) {
        PyErr_Clear();
        return NULL;
    }
    if (view.len <= BUFFER_MAX)
        bytes = PyBytes_FromStringAndSize(view.buf, view.len);
    PyBuffer_Release(&view);
    return bytes;
}

/* What an object holds now: a tuple, or bytes; NULL where that cannot be seen, perhaps with an
 * exception. */
static PyObject *take_items(PyObject *object)
{
    if (PyDict_Check(object))
        return items_of_dict(object);
    if (PyList_CheckExact(object))
        return PyList_AsTuple(object);
    if (PyAnySet_Check(object))
        return PySequence_Tuple(object);
    if (PyObject_CheckBuffer(object))
        return bytes_of_buffer(object);
    PyObject *dict = instance_dict(object);
    PyObject *items = dict != NULL ? items_of_dict(dict) : NULL;
    Py_XDECREF(dict);
    return items;
}

static bool same_items(PyObject *items, PyObject *const *now, Py_ssize_t count)
{
    return PyTuple_GET_SIZE(items) == count &&
           (count == 0 ||
            memcmp(&PyTuple_GET_ITEM(items, 0), now, (size_t)count * sizeof *now) == 0);
}

static bool same_dict(PyObject *items, PyObject *dict)
{
    PyObject *key;
    PyObject *value;
    Py_ssize_t at = 0;
    Py_ssize_t n = 0;
    if (2 * PyDict_GET_SIZE(dict) != PyTuple_GET_SIZE(items))
        return false;
    while (PyDict_Next(dict, &at, &key, &value)) {
        if (PyTuple_GET_ITEM(items, n) != key || PyTuple_GET_ITEM(items, n + 1) != value)
            return false;
        n += 2;
    }
    return true;
}

static bool same_buffer(PyObject *bytes, PyObject *object)
{
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_ANY_CONTIGUOUS) < 0) {
        PyErr_Clear();
        return false;
    }
    bool same = view.len == PyBytes_GET_SIZE(bytes) &&
                memcmp(view.buf, PyBytes_AS_STRING(bytes), (size_t)view.len) == 0;
    PyBuffer_Release(&view);
    return same;
}

static bool same_content(const lcpy_guard_content *content)
{
    PyObject *object = content->object;
    if (PyDict_Check(object))
        return same_dict(content->items, object);
    if (PyList_CheckExact(object))
        return same_items(content->items, ((PyListObject *)object)->ob_item,
                          PyList_GET_SIZE(object));
    if (PyBytes_Check(content->items))
        return same_buffer(content->items, object);
    PyObject *now = take_items(object);
    bool same = now != NULL && PyTuple_Check(now) &&
                same_items(content->items, &PyTuple_GET_ITEM(now, 0), PyTuple_GET_SIZE(now));
    PyErr_Clear();
    Py_XDECREF(now);
    return same;
}

static void set_content(lcpy_guard_content *content, PyObject *items)
{
    Py_XSETREF(content->items, Py_NewRef(items));
    content->versioned = PyDict_CheckExact(content->object) &&
                         lcpy_compat_dict_version(&content->version, content->object);
}

static bool is_immutable(PyObject *value)
{
    return value == Py_None || PyUnicode_CheckExact(value) || PyBytes_CheckExact(value) ||
           PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyBool_Check(value) ||
           PyComplex_CheckExact(value) || PyFunction_Check(value) || PyType_Check(value) ||
           PyModule_Check(value) || PyCFunction_Check(value);
}

static int add_nested(lcpy_guard *guard, PyObject *value, int depth);

static int add_items(lcpy_guard *guard, PyObject *tuple, int depth)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (add_nested(guard, PyTuple_GET_ITEM(tuple, i), depth + 1) < 0)
            return -1;
    return 0;
}

static bool is_known_content(const lcpy_guard *guard, PyObject *value)
{
    for (Py_ssize_t i = 0; i < guard->content_count; i++)
        if (guard->contents[i].object == value)
            return true;
    return false;
}

static int add_nested(lcpy_guard *guard, PyObject *value, int depth)
{
    if (is_immutable(value) || guard->items >= ITEMS_MAX || depth > NESTED_MAX)
        return 0;
    if (PyTuple_CheckExact(value))
        return add_items(guard, value, depth);
    if (is_known_content(guard, value))
        return 0;
    /* More than are compared are not copied either. */
    Py_ssize_t size = PyDict_Check(value)        ? PyDict_GET_SIZE(value)
                      : PyList_CheckExact(value) ? PyList_GET_SIZE(value)
                      : PyAnySet_Check(value)    ? PySet_GET_SIZE(value)
                                                 : 0;
    if (guard->items + size > ITEMS_MAX)
        return 0;
    PyObject *items = take_items(value);
    if (items == NULL)
        return PyErr_Occurred() != NULL ? -1 : 0;
    lcpy_guard_content *contents = grow(guard->contents, guard->content_count, sizeof *contents);
    int status = -1;
    if (contents != NULL) {
        guard->contents = contents;
        contents[guard->content_count] = (lcpy_guard_content){.object = value};
        guard->items += 1 + size;
        set_content(&contents[guard->content_count++], items);
        status = 0;
    }
    if (status == 0)
        status = hold(guard, value);
    if (status == 0 && PyTuple_Check(items))
        status = add_items(guard, items, depth);
    Py_DECREF(items);
    return status;
}

int lcpy_guard_add_content(lcpy_guard *guard, PyObject *value)
{
    return add_nested(guard, value, 0);
}

/* ------------------------------------------------------------------------------------ at a call */

/* The dict has changed: has what was looked for in it? */
static bool names_hold(lcpy_guard_dict *in)
{
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

static bool contents_hold(lcpy_guard *guard)
{
    uint64_t now;
    for (Py_ssize_t i = 0; i < guard->content_count; i++) {
        lcpy_guard_content *content = &guard->contents[i];
        if (content->versioned && lcpy_compat_dict_version(&now, content->object) &&
            now == content->version)
            continue;
        if (!same_content(content))
            return false;
        if (content->versioned)
            (void)lcpy_compat_dict_version(&content->version, content->object);
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
    return (guard->content_count == 0 || contents_hold(guard)) &&
           (guard->file_count == 0 || files_hold(guard));
}

static int renew_dict(lcpy_guard_dict *in)
{
    for (Py_ssize_t n = 0; n < in->count; n++) {
        PyObject *value = PyDict_GetItemWithError(in->dict, in->names[n].name);
        if (value == NULL && PyErr_Occurred() != NULL)
            return -1;
        Py_XSETREF(in->names[n].expected, Py_XNewRef(value));
    }
    (void)lcpy_compat_dict_version(&in->version, in->dict);
    return 0;
}

static int renew_content(lcpy_guard_content *content)
{
    PyObject *items = take_items(content->object);
    if (items == NULL)
        return PyErr_Occurred() != NULL ? -1 : 0;
    set_content(content, items);
    Py_DECREF(items);
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
        guard->classes[i].version = lcpy_compat_class_version(guard->classes[i].type);
    for (Py_ssize_t i = 0; i < guard->content_count && status == 0; i++)
        status = renew_content(&guard->contents[i]);
    for (Py_ssize_t i = 0; i < guard->file_count; i++)
        take_state(&guard->files[i]);
    return status;
}
