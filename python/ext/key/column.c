/* A column of values in Arrow's buffers as one row of values. What chunks there are, where each
 * begins in its buffers and what lies under nulls shows in none of it.
 *
 * A row is looked for in its chunk by bisection, a byte of all texts in its row. The copying
 * functions make any part of the whole, as locache_digest_parts() asks for it, from several threads
 * at once: they read the column and change nothing. Offsets, lengths and buffers are trusted, as
 * they come from a library in this process and not from a file. */
#include "key/column.h"

#include <string.h>

int lcpy_column_open(lcpy_column *out, const lcpy_arrow *arrow, int64_t child)
{
    size_t count = (size_t)arrow->count;

    *out = (lcpy_column){.schema = child < 0 ? &arrow->schema : arrow->schema.children[child]};
    out->layout = lcpy_arrow_layout(&out->width, out->schema->format);
    out->chunks = PyMem_Malloc((count > 0 ? count : 1) * sizeof *out->chunks);
    if (out->chunks == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const lcpy_arrow_array *whole = &arrow->chunks[i];
        const lcpy_arrow_array *array = child < 0 ? whole : whole->children[child];
        /* No bits where there are no nulls, or where all are (the layout says so). */
        bool has_bits =
            array->n_buffers > 0 && array->null_count != 0 && out->layout != LCPY_ARROW_NULLS;

        /* Chunks without rows may lack their buffers. */
        if (whole->length == 0)
            continue;
        /* Rows of a table begin where the table's own offset says, in each of its columns. */
        out->chunks[out->count++] = (lcpy_chunk){
            .array = array,
            .validity = has_bits ? array->buffers[0] : NULL,
            .offset = (size_t)(array->offset + (child < 0 ? 0 : whole->offset)),
            .rows = (size_t)whole->length,
            .before = out->rows,
        };
        out->rows += (size_t)whole->length;
    }
    return 0;
}

/* Nothing of the lcpy_arrow, which outlives it. */
void lcpy_column_clear(lcpy_column *column)
{
    PyMem_Free(column->chunks);
    PyMem_RawFree(column->ends);
    *column = (lcpy_column){0};
}

static int32_t int32_at(const char *at)
{
    int32_t value;

    memcpy(&value, at, sizeof value); /* views need not be aligned */
    return value;
}

/* The first row is the lowest bit of the first byte. */
static bool bit_at(const unsigned char *bits, size_t at)
{
    return bits[at / 8] >> at % 8 & 1;
}

bool lcpy_column_is_null(const lcpy_chunk *chunk, size_t row)
{
    return chunk->validity != NULL && !bit_at(chunk->validity, chunk->offset + row);
}

/* Looks at the bits, a byte at a time: a null_count may be unknown (-1), or of more than these
 * rows. */
bool lcpy_column_has_nulls(const lcpy_column *column)
{
    for (size_t i = 0; i < column->count; i++) {
        const lcpy_chunk *chunk = &column->chunks[i];
        size_t at = chunk->offset;
        size_t end = chunk->offset + chunk->rows;

        while (chunk->validity != NULL && at < end) {
            /* A byte at a time where one lies within the rows. */
            bool whole = at % 8 == 0 && end - at >= 8;

            if (whole ? chunk->validity[at / 8] != 0xff : !bit_at(chunk->validity, at))
                return true;
            at += whole ? 8 : 1;
        }
    }
    return false;
}

/* A view is 16 bytes: its length, then up to 12 bytes of text, or its first 4, the number of a
 * buffer (behind validity and views), and the offset in it. */
static const char *view_value(size_t *size, const lcpy_arrow_array *array, size_t at)
{
    const char *view = (const char *)array->buffers[1] + 16 * at;

    *size = (size_t)int32_at(view);
    return *size <= 12 ? view + 4
                       : (const char *)array->buffers[2 + int32_at(view + 8)] + int32_at(view + 12);
}

/* Where text `at` begins in the buffer of texts. */
static size_t text_start(const lcpy_column *column, const lcpy_arrow_array *array, size_t at)
{
    /* Offsets are where texts end and the next begin: one more than rows. */
    if (column->layout == LCPY_ARROW_TEXT32)
        return (size_t)((const int32_t *)array->buffers[1])[at];
    return (size_t)((const int64_t *)array->buffers[1])[at];
}

const char *lcpy_column_value(size_t *size, const lcpy_column *column, const lcpy_chunk *chunk,
                              size_t row)
{
    const lcpy_arrow_array *array = chunk->array;
    size_t at = chunk->offset + row;

    if (column->layout == LCPY_ARROW_FIXED) {
        *size = column->width;
        return (const char *)array->buffers[1] + at * column->width;
    }
    if (column->layout == LCPY_ARROW_VIEWS)
        return view_value(size, array, at);
    size_t start = text_start(column, array, at);
    *size = text_start(column, array, at + 1) - start;
    return (const char *)array->buffers[2] + start;
}

/* Raw memory, since it is called without the GIL. */
bool lcpy_column_measure(lcpy_column *column)
{
    uint64_t total = 0;
    uint64_t *end = PyMem_RawMalloc((column->rows > 0 ? column->rows : 1) * sizeof *end);

    column->ends = end;
    for (size_t i = 0; end != NULL && i < column->count; i++) {
        for (size_t row = 0; row < column->chunks[i].rows; row++) {
            size_t size = 0;

            if (!lcpy_column_is_null(&column->chunks[i], row))
                lcpy_column_value(&size, column, &column->chunks[i], row);
            total += size;
            *end++ = total;
        }
    }
    return column->ends != NULL;
}

/* The end of the last row. */
size_t lcpy_column_text_size(const lcpy_column *column)
{
    return column->rows == 0 ? 0 : (size_t)column->ends[column->rows - 1];
}

/* Values under nulls have to become zeros, and views lie anywhere: then it is not in place. */
const char *lcpy_column_in_place(const lcpy_column *column, bool nulls)
{
    size_t size;

    if (column->count != 1 || nulls || column->layout == LCPY_ARROW_VIEWS)
        return NULL;
    return lcpy_column_value(&size, column, &column->chunks[0], 0);
}

/* -------------------------------------------------------------------------------------- copying */

/* The chunk that a row of the column is in: the last that begins at or before it. */
static const lcpy_chunk *chunk_of(const lcpy_column *column, size_t row)
{
    size_t low = 0;
    size_t high = column->count - 1;

    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;

        if (column->chunks[middle].before <= row)
            low = middle;
        else
            high = middle - 1;
    }
    return &column->chunks[low];
}

/* Zeros where `size` bytes from `offset` on in the chunk's items belong to nulls. */
static void clear_nulls(char *out, const lcpy_chunk *chunk, size_t offset, size_t size,
                        size_t width)
{
    for (size_t row = offset / width; row * width < offset + size; row++) {
        size_t first = row * width < offset ? offset : row * width;
        size_t last = (row + 1) * width < offset + size ? (row + 1) * width : offset + size;

        if (lcpy_column_is_null(chunk, row))
            memset(out + (first - offset), 0, last - first);
    }
}

/* From chunk to chunk: a part may begin and end within an item. */
void lcpy_column_copy_fixed(void *context, void *out, size_t offset, size_t size)
{
    const lcpy_column *column = context;
    char *to = out;

    while (size > 0) {
        const lcpy_chunk *chunk = chunk_of(column, offset / column->width);
        size_t within = offset - chunk->before * column->width;
        size_t rest = chunk->rows * column->width - within;
        size_t part = size < rest ? size : rest;

        memcpy(to, (const char *)chunk->array->buffers[1] + chunk->offset * column->width + within,
               part);
        if (chunk->validity != NULL)
            clear_nulls(to, chunk, within, part, column->width);
        to += part;
        offset += part;
        size -= part;
    }
}

/* Up to eight bits from bit `at` on; what is behind them is not touched. */
static unsigned take_bits(const unsigned char *bits, size_t at, size_t count)
{
    unsigned shift = (unsigned)(at % 8);
    unsigned value = (unsigned)bits[at / 8] >> shift;

    /* Only then is the next byte one of the buffer. */
    if (shift + count > 8)
        value |= (unsigned)bits[at / 8 + 1] << (8 - shift);
    return value & ((1U << count) - 1);
}

/* Bits of rows, of one buffer of each chunk, those of nulls 0. Buffer 0 is validity itself, which a
 * chunk may lack: all ones then. Up to a byte of the output at a time, whatever the offsets. */
static void copy_bits(const lcpy_column *column, size_t buffer, unsigned char *out, size_t offset,
                      size_t size)
{
    size_t row = 8 * offset;
    size_t end = column->rows < 8 * (offset + size) ? column->rows : 8 * (offset + size);

    memset(out, 0, size);
    while (row < end) {
        const lcpy_chunk *chunk = chunk_of(column, row);
        size_t chunk_end = chunk->before + chunk->rows < end ? chunk->before + chunk->rows : end;
        const unsigned char *bits = chunk->array->buffers[buffer];

        while (row < chunk_end) {
            size_t count = 8 - row % 8 < chunk_end - row ? 8 - row % 8 : chunk_end - row;
            size_t at = chunk->offset + row - chunk->before;
            unsigned value = buffer == 0 ? (1U << count) - 1 : take_bits(bits, at, count);

            if (chunk->validity != NULL)
                value &= take_bits(chunk->validity, at, count);
            out[row / 8 - offset] |= (unsigned char)(value << row % 8);
            row += count;
        }
    }
}

void lcpy_column_copy_bits(void *context, void *out, size_t offset, size_t size)
{
    copy_bits(context, 1, out, offset, size);
}

void lcpy_column_copy_validity(void *context, void *out, size_t offset, size_t size)
{
    copy_bits(context, 0, out, offset, size);
}

/* The row that byte `offset` of all texts is in: the first that ends behind it. */
static size_t row_of(const lcpy_column *column, size_t offset)
{
    size_t low = 0;
    size_t high = column->rows - 1;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (column->ends[middle] > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* How far the texts of a chunk lie together from this row on, as rows: to its end where there are
 * no nulls between. */
static size_t rows_together(const lcpy_column *column, const lcpy_chunk *chunk, size_t row)
{
    return column->layout == LCPY_ARROW_VIEWS || chunk->validity != NULL ? 1 : chunk->rows - row;
}

/* Where texts lie together, many rows are one copy. */
void lcpy_column_copy_texts(void *context, void *out, size_t offset, size_t size)
{
    const lcpy_column *column = context;
    size_t row = size == 0 ? 0 : row_of(column, offset);
    char *to = out;

    while (size > 0) {
        const lcpy_chunk *chunk = chunk_of(column, row);
        size_t local = row - chunk->before;
        size_t rows = rows_together(column, chunk, local);
        size_t end = (size_t)column->ends[row + rows - 1];

        if (end > offset) { /* else empty, or null */
            size_t start = row == 0 ? 0 : (size_t)column->ends[row - 1];
            size_t part = size < end - offset ? size : end - offset;
            size_t whole;

            memcpy(to, lcpy_column_value(&whole, column, chunk, local) + (offset - start), part);
            to += part;
            offset += part;
            size -= part;
        }
        row += rows;
    }
}
