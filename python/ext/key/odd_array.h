/* Arrays and dtypes as parts of a key. All: 0, or -1 with an exception. */
#ifndef LCPY_ODD_ARRAY_H
#define LCPY_ODD_ARRAY_H

#include "key/walk.h"
#include "plain/array.h"

/* A numpy.ndarray or array.array (exact types): plain data in one piece with its digest, what is no
 * plain data by its fields or elements. */
int lcpy_odd_array_write(lcpy_walk *walk, PyObject *array);
/* Rows of an array of two dimensions and plain data, which is open (lcpy_array_row_for_key()), in
 * place: one after the other what would be written of each as an array, digested side by side. At
 * most LCPY_ROWS_MOST. `array` is whose they are. */
#define LCPY_ROWS_MOST 8
int lcpy_odd_array_write_rows(lcpy_walk *walk, const lcpy_array *of, const Py_ssize_t *rows,
                              int count, PyObject *array);
int lcpy_odd_array_write_dtype(lcpy_walk *walk, PyObject *dtype);

#endif
