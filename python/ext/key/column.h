/* A column of values in Arrow's buffers, however it is cut into chunks: its values in a row, zeros
 * under nulls. Borrows from the lcpy_arrow that it was opened of, whose chunks must have the
 * buffers that their format asks for, as the interface promises. Needs no GIL after it was
 * opened. */
#ifndef LCPY_COLUMN_H
#define LCPY_COLUMN_H

#include "plain/arrow.h"

typedef struct lcpy_chunk {
    const lcpy_arrow_array *array;
    const unsigned char *validity; /* bits, or NULL: no nulls */
    size_t offset;                 /* of the first row in the buffers, in rows */
    size_t rows;
    size_t before; /* rows of the chunks before it */
} lcpy_chunk;

typedef struct lcpy_column {
    lcpy_layout layout;
    size_t width;
    const lcpy_arrow_schema *schema;
    lcpy_chunk *chunks;
    size_t count;
    size_t rows;
    /* of texts: where each row ends in all texts one after the other; with lcpy_column_measure() */
    uint64_t *ends;
} lcpy_column;

/* Column `child` of a table, or the array itself (child < 0). 0, then clear it; or -1 with
 * MemoryError. Both need the GIL. */
int lcpy_column_open(lcpy_column *out, const lcpy_arrow *arrow, int64_t child);
void lcpy_column_clear(lcpy_column *column);

bool lcpy_column_has_nulls(const lcpy_column *column);
bool lcpy_column_is_null(const lcpy_chunk *chunk, size_t row);
/* Row `row` of a chunk, which is no null: its bytes. Not of bits and nulls. */
const char *lcpy_column_value(size_t *size, const lcpy_column *column, const lcpy_chunk *chunk,
                              size_t row);
/* Bytes of all texts; sets ends. False where there is no memory. */
bool lcpy_column_measure(lcpy_column *column);
size_t lcpy_column_text_size(const lcpy_column *column);
/* The values where they lie in one piece as they should be, or NULL. Of fixed items, and of texts
 * that were measured. */
const char *lcpy_column_in_place(const lcpy_column *column, bool nulls);

/* For locache_digest_parts(), a lcpy_column as context. Bits are packed, the first row lowest,
 * zeros after the last. */
void lcpy_column_copy_fixed(void *context, void *out, size_t offset, size_t size);
void lcpy_column_copy_bits(void *context, void *out, size_t offset, size_t size);
void lcpy_column_copy_validity(void *context, void *out, size_t offset, size_t size);
void lcpy_column_copy_texts(void *context, void *out, size_t offset, size_t size);

#endif
