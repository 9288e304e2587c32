/* The columns of a frame in a key, one after the other. */
#ifndef LCPY_COLUMNS_H
#define LCPY_COLUMNS_H

#include "call/parts.h"

typedef struct lcpy_columns {
    uint64_t count;
    uint64_t at;                /* the number of the next */
    bool are_series;            /* polars: each has its name */
    bool are_positions;         /* the labels are 0, 1, 2 ... */
    locache_cbor_reader data;   /* the next one's */
    locache_cbor_reader labels; /* the next one's */
    lcpy_item rows;             /* the index of the rows, or their number */
    locache_cbor_reader rest;   /* attributes and flags */
} lcpy_columns;

/* The class of an object of a key, where it goes by its name: the text, else of another kind. */
locache_cbor_item lcpy_item_class(const lcpy_item *object);
/* What an object is made of, after its class; false where it is none. */
bool lcpy_item_parts(locache_cbor_reader *out, const lcpy_item *object);
/* The columns of a frame of pandas or polars; false where the object is none, or its labels are
 * not simply a list. `of` is the key that it stands in. */
bool lcpy_columns_init(lcpy_columns *out, lcpy_side *of, const lcpy_item *object);
/* The next one. A label that is a position has no bytes, just a head. */
bool lcpy_columns_next(lcpy_columns *columns, lcpy_side *of, lcpy_item *label, lcpy_item *data);

#endif
