/* Has anything changed of what was looked at? Asked at each call: a few loads and comparisons.
 *
 * Names in dictionaries are compared only where the dictionary has another version than it had;
 * functions, cells and the like by the pointers that they consist of; classes by their version;
 * containers and objects by the pointers that they hold, arrays by their bytes. All that is
 * compared is held, so that no address stands for another object. Needs the GIL. */
#ifndef LCPY_REACH_GUARD_H
#define LCPY_REACH_GUARD_H

#include "reach/content.h"

#include <sys/stat.h>

typedef struct lcpy_guard_slot {
    PyObject **at;
    PyObject *expected; /* owned, as all that is expected */
} lcpy_guard_slot;

typedef struct lcpy_guard_dict {
    PyObject *dict;
    uint64_t version;
    bool always;     /* its version does not say everything: an object's own */
    Py_ssize_t size; /* of one of which all names count; else -1 */
    Py_ssize_t count;
    struct lcpy_guard_name {
        PyObject *name;
        PyObject *expected; /* NULL: nothing has the name */
    } * names;
} lcpy_guard_dict;

typedef struct lcpy_guard_class {
    PyTypeObject *type;
    unsigned version;
} lcpy_guard_class;

/* A file, by what can be asked of it without reading it. */
typedef struct lcpy_guard_file {
    PyObject *path; /* bytes */
    struct stat state;
    bool there;
} lcpy_guard_file;

typedef struct lcpy_guard {
    lcpy_guard_slot *slots;
    lcpy_guard_dict *dicts;
    lcpy_guard_class *classes;
    lcpy_guard_file *files;
    lcpy_contents contents;
    Py_ssize_t slot_count, dict_count, class_count, file_count;
    PyObject *held; /* list: what all that is in */
} lcpy_guard;

/* Is a dict that did not change known by one comparison in this Python? */
bool lcpy_guard_has_versions(void);

/* All: 0, or -1 with an exception. */
int lcpy_guard_init(lcpy_guard *out);
void lcpy_guard_clear(lcpy_guard *guard);
int lcpy_guard_traverse(lcpy_guard *guard, visitproc visit, void *arg);

/* A pointer in an object, which owns it. */
int lcpy_guard_add_slot(lcpy_guard *guard, PyObject *owner, PyObject **at);
/* What a name is bound to in a dict. `value`: what was found there, or NULL. */
int lcpy_guard_add_name(lcpy_guard *guard, PyObject *dict, PyObject *name, PyObject *value);
/* All names of the dict count: none comes and none goes. */
int lcpy_guard_add_size(lcpy_guard *guard, PyObject *dict);
/* The same as lcpy_guard_add_name() of an object's attribute. */
int lcpy_guard_add_entry(lcpy_guard *guard, PyObject *dict, PyObject *name, PyObject *value);
int lcpy_guard_add_class(lcpy_guard *guard, PyTypeObject *type);
/* A file's state; `path` is bytes. */
int lcpy_guard_add_file(lcpy_guard *guard, PyObject *path);
/* What a value holds that somebody may change in place; lcpy_contents_take() comes after. */
int lcpy_guard_add_content(lcpy_guard *guard, PyObject *value);

/* Is everything as it was? Nothing is raised. */
bool lcpy_guard_holds(lcpy_guard *guard);
/* From now on it is as it is now. */
int lcpy_guard_renew(lcpy_guard *guard);

#endif
