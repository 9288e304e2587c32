/* What a function's directory holds, and the clearing of a whole cache directory: the core's, as
 * objects. */
#include "call/listing.h"

#include <string.h>

#include "call/open.h"
#include "call/warn.h"

const char lcpy_listing_entries_doc[] = "entries($self, /)\n--\n\n"
                                        "What is stored now: a list of named tuples (arguments, "
                                        "size, time, duration, path), the latest\n"
                                        "first.";

/* An entry as it was listed, kept without the GIL. */
typedef struct row {
    uint64_t size;
    int64_t created;
    int64_t compute_time;
    char name[LOCACHE_NAME_MAX + 1];
} row;

/* A writer grows by itself, and may be used without the GIL. */
static bool note_row(void *context, const locache_listed *entry)
{
    locache_cbor_writer *rows = context;
    row one = {entry->file_size, entry->created, entry->compute_time, ""};
    size_t length = strlen(entry->name);
    if (length < sizeof one.name) { /* no entry's is longer */
        memcpy(one.name, entry->name, length);
        locache_cbor_write_raw(rows, &one, sizeof one);
    }
    return rows->status == LOCACHE_OK;
}

static PyObject *row_tuple(const row *one)
{
    return Py_BuildValue("(NKLL)", PyUnicode_DecodeFSDefault(one->name),
                         (unsigned long long)one->size, (long long)one->created,
                         (long long)one->compute_time);
}

static PyObject *row_list(const locache_cbor_writer *rows)
{
    Py_ssize_t count = (Py_ssize_t)(rows->length / sizeof(row));
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        row one;
        memcpy(&one, rows->data + (size_t)i * sizeof one, sizeof one);
        PyObject *tuple = row_tuple(&one);
        if (tuple == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, tuple);
    }
    return list;
}

/* The tuples as locache._entries.Entry. */
static PyObject *made(PyObject *list, const char *directory)
{
    PyObject *module = PyImport_ImportModule("locache._entries");
    PyObject *path = PyUnicode_DecodeFSDefault(directory);
    PyObject *entries = module != NULL && path != NULL
                            ? PyObject_CallMethod(module, "made", "OO", list, path)
                            : NULL;
    Py_XDECREF(path);
    Py_XDECREF(module);
    return entries;
}

PyObject *lcpy_listing_entries(PyObject *object, PyObject *unused)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    locache_error error;
    locache_cbor_writer rows;
    char directory[LOCACHE_PATH_MAX];
    (void)unused;
    locache_status status = lcpy_open(self, &error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_ETYPE ? NULL : PyList_New(0);
    locache_cbor_writer_init(&rows, NULL, 0);
    LCPY_BEGIN_WITHOUT_GIL(self);
    PyOS_snprintf(directory, sizeof directory, "%s", locache_directory(cache));
    status = locache_list(cache, note_row, &rows, &error);
    LCPY_END_WITHOUT_GIL(self);
    if (status == LOCACHE_OK)
        status = locache_cbor_writer_status(&rows);
    PyObject *list = status == LOCACHE_OK ? row_list(&rows) : lcpy_warn_raise(status, &error);
    PyObject *entries = list != NULL ? made(list, directory) : NULL;
    Py_XDECREF(list);
    locache_cbor_writer_clear(&rows);
    return entries;
}

PyObject *lcpy_listing_clear(PyObject *module, PyObject *directory)
{
    PyObject *path;
    locache_error error;
    locache_status status;
    (void)module;
    if (!PyUnicode_FSConverter(directory, &path))
        return NULL;
    LCPY_BEGIN_ALLOW_THREADS;
    status = locache_clear(PyBytes_AS_STRING(path), &error);
    LCPY_END_ALLOW_THREADS;
    Py_DECREF(path);
    return status == LOCACHE_OK ? Py_NewRef(Py_None) : lcpy_warn_raise(status, &error);
}
