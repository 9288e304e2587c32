/* The walk over an argument that writes its key: what the files pykey*.c share. */
#ifndef LCPY_PYKEY_WALK_H
#define LCPY_PYKEY_WALK_H

#include <stdbool.h>

#include "key/key.h"

/* One object that is being written: lives on the C stack of the function that writes it. */
typedef struct lcpy_frame {
    PyObject *object; /* borrowed: whoever called for it to be written holds it */
    struct lcpy_frame *outer;
    uint64_t index;  /* 0 is the outermost */
    unsigned levels; /* of CBOR nesting that it takes */
} lcpy_frame;

typedef struct lcpy_walk lcpy_walk;
struct lcpy_walk {
    /* append any value: key.c, above all the others */
    int (*value)(lcpy_walk *walk, PyObject *value);
    lcpy_state *state;
    locache_writer *writer;
    lcpy_frame *inner; /* the object being written now */
    unsigned levels;   /* of CBOR nesting so far */
    /* str: why something within cannot be keyed, while that TypeError is on its way out */
    PyObject *refusal;
    PyObject *where; /* str: the way to it, as "['conn'][0]" */
};

/* All of these: 0, or -1 with an exception. */

/* Append any value. The caller holds a reference. */
static inline int lcpy_walk_value(lcpy_walk *walk, PyObject *value)
{
    return walk->value(walk, value);
}
/* The value of an attribute. */
int lcpy_walk_attribute(lcpy_walk *walk, PyObject *object, const char *name);
/* Byte strings of the size given, or what stands for them. Gives the GIL up over long ones. */
int lcpy_walk_data(lcpy_walk *walk, const void *data, size_t size);
/* The digest of a long string, under its tag. */
void lcpy_walk_digest(lcpy_walk *walk, uint64_t tag, const void *data, size_t size);
/* RuntimeError: a container changed while it was walked. Always -1. */
int lcpy_walk_changed(const char *what);
/* The same of bytes that fill() gives, as for locache_digest_parts(). */
int lcpy_walk_parts(lcpy_walk *walk, size_t size,
                    void (*fill)(void *context, void *out, size_t offset, size_t size),
                    void *context);
/* The same of what does not lie together; `object` is whose it is. */
int lcpy_walk_strided(lcpy_walk *walk, lcpy_strided *data, PyObject *object);
/* An exact list, as an array; an exact dict, as a sorted map. `attributes`: of an instance, for
 * messages. */
int lcpy_walk_list(lcpy_walk *walk, PyObject *list);
int lcpy_walk_dict(lcpy_walk *walk, PyObject *dict, bool attributes);
/* Tag 49614, "module:qualified.name": the first from a name, the second an object's own. */
int lcpy_walk_name(lcpy_walk *walk, const char *name);
int lcpy_walk_global(lcpy_walk *walk, PyObject *object);
/* An object that holds others begins and ends. 0: go on, and call leave; 1: it is its own ancestor
 * and a reference was written. */
int lcpy_walk_enter(lcpy_walk *walk, lcpy_frame *frame, PyObject *object, unsigned levels);
void lcpy_walk_leave(lcpy_walk *walk);
/* The groups written since `start` into order. */
int lcpy_walk_sort(lcpy_walk *walk, size_t start, unsigned per_group, PyObject *object);
/* TypeError: object cannot be keyed, because of `why` (may be NULL). Always -1. */
int lcpy_walk_refuse(lcpy_walk *walk, PyObject *object, const char *why);
/* Add a step to the way to what was refused, while its TypeError is set: a printf format for one
 * argument. Always -1. */
int lcpy_walk_step(lcpy_walk *walk, const char *format, ...);

/* Begin an object of tag 49613 by the name of its class; `count` parts follow as its arguments. */
static inline void lcpy_walk_begin(lcpy_walk *walk, const char *name, uint64_t count)
{
    locache_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_write_array(walk->writer, 2);
    lcpy_walk_name(walk, name);
    locache_write_array(walk->writer, count);
}

/* A value that is made for the occasion (stolen; NULL has its exception). */
static inline int lcpy_walk_new(lcpy_walk *walk, PyObject *value)
{
    int result = value == NULL ? -1 : lcpy_walk_value(walk, value);

    Py_XDECREF(value);
    return result;
}

static inline int lcpy_walk_call(lcpy_walk *walk, PyObject *object, const char *method)
{
    return lcpy_walk_new(walk, PyObject_CallMethod(object, method, NULL));
}

/* pykey_class.c: classes; functions of Python; functions of C, by name or with what they are bound
 * to. */
int lcpy_walk_class(lcpy_walk *walk, PyObject *class);
int lcpy_walk_function(lcpy_walk *walk, PyObject *function);
int lcpy_walk_builtin(lcpy_walk *walk, PyObject *function);
/* Is object found in its module under its qualified name? 1, 0, or -1 with an exception. */
int lcpy_walk_is_global(PyObject *object);

/* pykey_object.c: whatever has no form of its own. */
int lcpy_walk_object(lcpy_walk *walk, PyObject *value);
/* Tag 49620: anything with the buffer protocol. */
int lcpy_walk_buffer(lcpy_walk *walk, PyObject *value);

/* pykey_frame.c: arrays of what is no plain data, dtypes, data frames. */
int lcpy_walk_array(lcpy_walk *walk, PyObject *array);
int lcpy_walk_dtype(lcpy_walk *walk, PyObject *dtype);
int lcpy_walk_frame(lcpy_walk *walk, PyObject *value, lcpy_class class_of);

/* pykey_arrow.c: the values of a polars series by its buffers: 1 written; 0 it is nested or does
 * not export itself as Arrow, and nothing was written; its type is the caller's to write. And what
 * is pyarrow's: a table, else an array. */
int lcpy_walk_polars(lcpy_walk *walk, PyObject *series);
int lcpy_walk_arrow(lcpy_walk *walk, PyObject *value, bool table);

#endif
