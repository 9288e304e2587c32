/* The columns of a pandas frame, taken from the blocks that pandas keeps them in: a Series made of
 * each would take longer than all else that is done with it. */
#ifndef LCPY_BLOCKS_H
#define LCPY_BLOCKS_H

#include "key/walk.h"
#include "plain/array.h"

/* Columns of one type. */
typedef struct lcpy_block {
    PyObject *values; /* an array of NumPy or of pandas, owned */
    bool rows;        /* of two dimensions: each column is a row of it */
    bool plain;       /* `open` is it, of plain data */
    lcpy_array open;
} lcpy_block;

/* Where a column is. */
typedef struct lcpy_block_place {
    const lcpy_block *block; /* NULL while it is not known */
    Py_ssize_t row;
} lcpy_block_place;

typedef struct lcpy_blocks {
    lcpy_block *all;
    Py_ssize_t count;
    lcpy_block_place *columns; /* from left to right */
    Py_ssize_t columns_count;
} lcpy_blocks;

/* 1: close it with lcpy_blocks_close(); 0: pandas keeps them in another way than is known here; -1
 * with an exception. */
int lcpy_blocks_open(lcpy_blocks *out, lcpy_state *state, PyObject *frame);
void lcpy_blocks_close(lcpy_blocks *blocks);
/* The array of a column, new reference; NULL with an exception. */
PyObject *lcpy_blocks_array(const lcpy_block_place *column);

#endif
