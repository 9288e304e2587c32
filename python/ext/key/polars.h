/* The frames and series of polars as parts of a key. */
#ifndef LCPY_POLARS_H
#define LCPY_POLARS_H

#include "key/walk.h"

/* A polars.DataFrame, or a polars.Series (exact types). 0, or -1 with an exception. */
int lcpy_polars_write(lcpy_walk *walk, PyObject *value, bool is_frame);

#endif
