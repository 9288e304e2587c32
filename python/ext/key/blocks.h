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
/* How many columns from `first` on are written as one: short ones of one plain type. At least 1. */
Py_ssize_t lcpy_blocks_run(const lcpy_blocks *blocks, Py_ssize_t first);
/* So many, if more than one, or one that is short: as an array of plain data, of two dimensions, a
 * column a row. 0, or -1 with an exception. */
int lcpy_blocks_write_run(lcpy_walk *walk, const lcpy_blocks *blocks, Py_ssize_t first,
                          Py_ssize_t count);
/* Is this column a short one of plain data? */
bool lcpy_blocks_is_short(const lcpy_block_place *column);
/* The array of a column, new reference; NULL with an exception. */
PyObject *lcpy_blocks_array(const lcpy_block_place *column);

#endif
