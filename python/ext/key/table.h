/* Columns and tables that export themselves as Arrow, as parts of a key. */
#ifndef LCPY_TABLE_H
#define LCPY_TABLE_H

#include "key/walk.h"

/* What is pyarrow's: a table (or record batch), else an array. 0, or -1 with an exception. */
int lcpy_table_write(lcpy_walk *walk, PyObject *value, bool table);
/* The values of a polars series by its buffers; its type is the caller's to write. 1: written; 0:
 * it is nested or does not export itself as Arrow, and nothing was written; -1 with an
 * exception. */
int lcpy_table_write_series(lcpy_walk *walk, PyObject *series);

#endif
