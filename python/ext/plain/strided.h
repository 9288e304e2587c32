/* The bytes of an array in C order, wherever its items lie: taken piece by piece, so that no copy
 * of the whole is made. Needs nothing of Python but Py_buffer, and no GIL while the buffer is
 * held. */
#ifndef LCPY_STRIDED_H
#define LCPY_STRIDED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Bytes that stand for nothing: in each `every` bytes of the whole those from `first` to `last`,
 * which are read as zeros. */
typedef struct lcpy_padding {
    unsigned char every; /* 0: there is none */
    unsigned char first;
    unsigned char last;
} lcpy_padding;

typedef struct lcpy_strided {
    const char *start; /* of the first run */
    size_t size;       /* of the whole */
    size_t run;        /* bytes that lie together: an item, or several */
    int dimensions;    /* of runs, the outermost first; 0: the whole is one run */
    lcpy_padding padding;
    Py_ssize_t extents[PyBUF_MAX_NDIM];
    Py_ssize_t steps[PyBUF_MAX_NDIM]; /* in bytes; may be negative, or 0 */
} lcpy_strided;

/* In what order the items of an array lie, and in which direction: axes of one item or none, and
 * those along which it stands still, may be anywhere. */
typedef enum lcpy_layout_order {
    LCPY_ROWS,    /* as C has it, the last axis fastest */
    LCPY_COLUMNS, /* as Fortran has it, the first axis fastest */
    LCPY_OTHERWISE
} lcpy_layout_order;

/* places[i] of each axis: how many axes lie further out, plus 1; negative where it runs backwards;
 * 0 where it does not count. `places` has room for ndim. */
lcpy_layout_order lcpy_strided_order(signed char *places, int ndim, const Py_ssize_t *shape,
                                     const Py_ssize_t *strides);

/* Borrows from the view, which must have no suboffsets. */
void lcpy_strided_of(lcpy_strided *out, const Py_buffer *view, lcpy_padding padding);
/* Do all bytes lie together, as they are? Then they are `size` bytes from `start` on. */
bool lcpy_strided_in_place(const lcpy_strided *strided);
/* How many bytes of memory the items are spread over. */
size_t lcpy_strided_span(const lcpy_strided *strided);
/* Those `size` bytes of the whole that begin at `offset`: for locache_digest_parts(), with the
 * lcpy_strided as context. */
void lcpy_strided_copy(void *context, void *out, size_t offset, size_t size);

#endif
