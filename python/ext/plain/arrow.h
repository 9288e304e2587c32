/* Columns of other libraries by the Arrow C data and stream interfaces, as their objects offer them
 * in capsules (__arrow_c_stream__, __arrow_c_array__): nothing is imported, and no buffer is
 * copied.
 *
 * A column is many chunks, each a part of buffers that may hold more. What it says is taken from
 * them in one form, however it is cut: its values in a row, zeros under nulls. */
#ifndef LCPY_ARROW_H
#define LCPY_ARROW_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

/* The three structures of the interface: their layout is its ABI. */
typedef struct lcpy_arrow_schema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct lcpy_arrow_schema **children;
    struct lcpy_arrow_schema *dictionary;
    void (*release)(struct lcpy_arrow_schema *);
    void *private_data;
} lcpy_arrow_schema;

typedef struct lcpy_arrow_array {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct lcpy_arrow_array **children;
    struct lcpy_arrow_array *dictionary;
    void (*release)(struct lcpy_arrow_array *);
    void *private_data;
} lcpy_arrow_array;

typedef struct lcpy_arrow_stream {
    int (*get_schema)(struct lcpy_arrow_stream *, lcpy_arrow_schema *out);
    int (*get_next)(struct lcpy_arrow_stream *, lcpy_arrow_array *out);
    const char *(*get_last_error)(struct lcpy_arrow_stream *);
    void (*release)(struct lcpy_arrow_stream *);
    void *private_data;
} lcpy_arrow_stream;

#define LCPY_ARROW_ORDERED 1 /* of a schema's flags: the order of a dictionary means something */

/* What an object exports. */
typedef struct lcpy_arrow {
    PyObject *owner; /* the capsules */
    lcpy_arrow_schema schema;
    lcpy_arrow_array *chunks;
    Py_ssize_t count;
    bool borrowed; /* schema and chunks are the capsules' */
} lcpy_arrow;

/* 1: clear it with lcpy_arrow_clear(); 0: the object does not export itself; -1 with an exception
 * that is none of its own (KeyboardInterrupt, no memory). */
int lcpy_arrow_open(lcpy_arrow *out, PyObject *object);
void lcpy_arrow_clear(lcpy_arrow *arrow);
/* The bytes of a schema's metadata. */
size_t lcpy_arrow_metadata_size(const char *metadata);

typedef enum lcpy_layout {
    LCPY_ARROW_UNKNOWN, /* nested, or of a later version of Arrow */
    LCPY_ARROW_NULLS,   /* nothing but nulls */
    LCPY_ARROW_BITS,
    LCPY_ARROW_FIXED,  /* items of `width` bytes */
    LCPY_ARROW_TEXT32, /* texts or byte strings, by offsets of 4 bytes */
    LCPY_ARROW_TEXT64, /* and of 8 */
    LCPY_ARROW_VIEWS   /* and by views: length, buffer and offset of each */
} lcpy_layout;

/* How values of this format lie in buffers; *width is that of fixed items, else 0. */
lcpy_layout lcpy_arrow_layout(size_t *width, const char *format);

#endif
