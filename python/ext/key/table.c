/* Columns that export themselves as Arrow: their values in one form (column.h), whatever their
 * chunks, offsets, unused bytes and dictionaries.
 *
 *     nothing but nulls      [rows]
 *     bits; items            [rows, values, validity]
 *     texts, byte strings    [rows, ends, bytes of all, validity]
 *     from a dictionary      [rows, number of each row's value, values]
 *
 * Bits are packed, the first lowest; validity is null where there are no nulls, and values are
 * zeros where there are; ends are 8 bytes each; numbers are 4 bytes each, 0 for null, then by the
 * first row that has the value. */
#include "key/table.h"

#include "key/column.h"
#include "key/object.h"

#include <string.h>

#define UNSEEN UINT32_MAX /* of an entry of a dictionary that no row has referred to so far */

/* --------------------------------------------------------------------------------- dictionaries */

/* The numbers of the values that rows refer to. */
typedef struct numbering {
    PyObject *values;  /* list of bytes: number n is at n - 1 */
    PyObject *known;   /* dict: bytes to number */
    uint32_t *numbers; /* of each row */
} numbering;

/* The entry of the dictionary that a row refers to. Signed or not is the same: none is negative. */
static size_t index_at(const lcpy_column *column, const lcpy_chunk *chunk, size_t row)
{
    const void *indices = chunk->array->buffers[1];
    size_t at = chunk->offset + row;

    switch (column->width) {
    case 1:
        return ((const uint8_t *)indices)[at];
    case 2:
        return ((const uint16_t *)indices)[at];
    case 4:
        return ((const uint32_t *)indices)[at];
    default:
        return (size_t)((const uint64_t *)indices)[at];
    }
}

/* The number of a value; 0 with an exception where there is no memory. */
static uint32_t number_of(numbering *all, const char *data, size_t size)
{
    PyObject *bytes = PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
    /* Numbers begin with 1: 0 is null. */
    PyObject *next = bytes == NULL ? NULL : PyLong_FromSsize_t(PyList_GET_SIZE(all->values) + 1);
    PyObject *number = next == NULL ? NULL : PyDict_SetDefault(all->known, bytes, next);
    uint32_t result = number == NULL ? 0 : (uint32_t)PyLong_AsUnsignedLong(number);

    if (number != NULL && number == next && PyList_Append(all->values, bytes) < 0)
        result = 0;
    Py_XDECREF(next);
    Py_XDECREF(bytes);
    return result;
}

/* The number of an entry of a chunk's dictionary. -1 with an exception. */
static int number_entry(uint32_t *out, numbering *all, const lcpy_column *entries, size_t entry)
{
    const lcpy_chunk *chunk = &entries->chunks[0];
    const char *data;
    size_t size;

    *out = 0;
    /* A dictionary may have a null as an entry: rows that refer to it are null. */
    if (lcpy_column_is_null(chunk, entry))
        return 0;
    data = lcpy_column_value(&size, entries, chunk, entry);
    *out = number_of(all, data, size);
    return *out == 0 ? -1 : 0;
}

/* Each entry of the chunk's dictionary is looked up once, however many rows refer to it. */
static int number_rows(numbering *all, const lcpy_column *column, const lcpy_chunk *chunk,
                       const lcpy_column *entries)
{
    size_t count = entries->rows;
    uint32_t *seen = PyMem_Malloc((count > 0 ? count : 1) * sizeof *seen);
    int result = 0;

    if (seen == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(seen, 0xff, count * sizeof *seen); /* UNSEEN */
    for (size_t row = 0; result == 0 && row < chunk->rows; row++) {
        uint32_t *number = &all->numbers[chunk->before + row];
        size_t entry = lcpy_column_is_null(chunk, row) ? count : index_at(column, chunk, row);

        *number = 0;
        if (entry < count) {
            if (seen[entry] == UNSEEN)
                result = number_entry(&seen[entry], all, entries, entry);
            *number = seen[entry];
        }
    }
    PyMem_Free(seen);
    return result;
}

/* A dictionary is an array like any other, of one chunk. */
static int number_chunk(numbering *all, const lcpy_column *column, const lcpy_chunk *chunk)
{
    lcpy_arrow dictionary = {
        .schema = *column->schema->dictionary, .chunks = chunk->array->dictionary, .count = 1};
    lcpy_column entries;
    int result;

    if (lcpy_column_open(&entries, &dictionary, -1) < 0)
        return -1;
    result = number_rows(all, column, chunk, &entries);
    lcpy_column_clear(&entries);
    return result;
}

/* [rows, numbers, [values]]: the values as byte strings, whatever their type, which others say. */
static int write_numbered(lcpy_walk *walk, const numbering *all, size_t rows)
{
    Py_ssize_t count = PyList_GET_SIZE(all->values);

    locache_cbor_write_array(walk->writer, 3);
    locache_cbor_write_uint(walk->writer, rows);
    lcpy_walk_data(walk, all->numbers, rows * sizeof *all->numbers);
    locache_cbor_write_array(walk->writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++)
        if (lcpy_walk_value(walk, PyList_GET_ITEM(all->values, i)) < 0)
            return -1;
    return 0;
}

/* Chunks may have dictionaries of their own, with entries that no row has and entries twice: what
 * is written are the values that rows have, in the order of the first row of each. */
static int write_dictionary(lcpy_walk *walk, const lcpy_column *column)
{
    numbering all = {.values = PyList_New(0), .known = PyDict_New()};
    int result = 0;

    all.numbers = PyMem_Malloc((column->rows > 0 ? column->rows : 1) * sizeof *all.numbers);
    if (all.numbers == NULL)
        PyErr_NoMemory();
    if (all.values == NULL || all.known == NULL || all.numbers == NULL)
        result = -1;
    for (size_t i = 0; result == 0 && i < column->count; i++)
        result = number_chunk(&all, column, &column->chunks[i]);
    if (result == 0)
        result = write_numbered(walk, &all, column->rows);
    PyMem_Free(all.numbers);
    Py_XDECREF(all.known);
    Py_XDECREF(all.values);
    return result;
}

/* -------------------------------------------------------------------------------------- columns */

/* A bit per row, one where there is a value. */
static int write_validity(lcpy_walk *walk, lcpy_column *column, bool nulls)
{
    if (!nulls) {
        locache_cbor_write_null(walk->writer);
        return 0;
    }
    return lcpy_walk_parts(walk, column->rows / 8 + (column->rows % 8 != 0),
                           lcpy_column_copy_validity, column);
}

static int write_fixed(lcpy_walk *walk, lcpy_column *column, bool nulls)
{
    const char *data = lcpy_column_in_place(column, nulls);
    size_t size = column->rows * column->width;

    return data != NULL ? lcpy_walk_data(walk, data, size)
                        : lcpy_walk_parts(walk, size, lcpy_column_copy_fixed, column);
}

/* Ends, not sizes: what the digest needs to find the row of any byte is what is written. */
static int write_texts(lcpy_walk *walk, lcpy_column *column, bool nulls)
{
    bool measured;

    /* It reads all offsets or views of the column. */
    Py_BEGIN_ALLOW_THREADS measured = lcpy_column_measure(column);
    Py_END_ALLOW_THREADS if (!measured)
    {
        PyErr_NoMemory();
        return -1;
    }
    const char *data = lcpy_column_in_place(column, nulls);
    size_t size = lcpy_column_text_size(column);

    lcpy_walk_data(walk, column->ends, column->rows * sizeof *column->ends);
    return data != NULL && size > 0 ? lcpy_walk_data(walk, data, size)
                                    : lcpy_walk_parts(walk, size, lcpy_column_copy_texts, column);
}

/* The form is told by the number of parts; the type of the values is written around it. */
static int write_column(lcpy_walk *walk, lcpy_column *column)
{
    bool texts = column->layout != LCPY_ARROW_FIXED && column->layout != LCPY_ARROW_BITS;
    bool nulls = lcpy_column_has_nulls(column);
    int result;

    if (column->schema->dictionary != NULL)
        return write_dictionary(walk, column);
    if (column->layout == LCPY_ARROW_NULLS) {
        locache_cbor_write_array(walk->writer, 1);
        locache_cbor_write_uint(walk->writer, column->rows);
        return 0;
    }
    locache_cbor_write_array(walk->writer, texts ? 4 : 3);
    locache_cbor_write_uint(walk->writer, column->rows);
    if (texts) {
        result = write_texts(walk, column, nulls);
    } else if (column->layout == LCPY_ARROW_BITS) {
        result = lcpy_walk_parts(walk, column->rows / 8 + (column->rows % 8 != 0),
                                 lcpy_column_copy_bits, column);
    } else {
        result = write_fixed(walk, column, nulls);
    }
    return result < 0 ? -1 : write_validity(walk, column, nulls);
}

/* Is there a form for all of it? pyarrow shows dictionaries, and equals() compares them; in polars
 * they are how values are held, and numbers by first row say it. */
static bool is_known(const lcpy_arrow_schema *schema, bool by_values)
{
    size_t width;
    lcpy_layout layout = lcpy_arrow_layout(&width, schema->format);

    /* keys are the same everywhere: little-endian */
    if (PY_BIG_ENDIAN || layout == LCPY_ARROW_UNKNOWN)
        return false;
    if (schema->dictionary == NULL)
        return true;
    if (schema->dictionary->dictionary != NULL || !by_values)
        return false;
    layout = lcpy_arrow_layout(&width, schema->dictionary->format);
    return layout >= LCPY_ARROW_FIXED;
}

static int write_child(lcpy_walk *walk, const lcpy_arrow *arrow, int64_t child)
{
    lcpy_column column;
    int result = lcpy_column_open(&column, arrow, child);

    if (result == 0) {
        result = write_column(walk, &column);
        lcpy_column_clear(&column);
    }
    return result;
}

int lcpy_table_write_series(lcpy_walk *walk, PyObject *series)
{
    lcpy_arrow arrow;
    int result = lcpy_arrow_open(&arrow, series);

    if (result <= 0)
        return result;
    result = 0;
    if (is_known(&arrow.schema, true)) /* the order of an Enum is in its type */
        result = write_child(walk, &arrow, -1) < 0 ? -1 : 1;
    lcpy_arrow_clear(&arrow);
    return result;
}

/* -------------------------------------------------------------------------------------- pyarrow */

static void write_metadata(lcpy_walk *walk, const char *metadata)
{
    if (metadata == NULL)
        locache_cbor_write_null(walk->writer);
    else
        lcpy_walk_data(walk, metadata, lcpy_arrow_metadata_size(metadata));
}

/* As byte strings: nobody promises that a name is UTF-8. */
static void write_byte_name(lcpy_walk *walk, const char *name)
{
    lcpy_walk_data(walk, name == NULL ? "" : name, name == NULL ? 0 : strlen(name));
}

/* [name, format, flags, metadata, the dictionary's format, data] */
static int write_field(lcpy_walk *walk, const lcpy_arrow *arrow, int64_t child)
{
    const lcpy_arrow_schema *schema = child < 0 ? &arrow->schema : arrow->schema.children[child];

    locache_cbor_write_array(walk->writer, 6);
    write_byte_name(walk, schema->name);
    write_byte_name(walk, schema->format);
    locache_cbor_write_uint(walk->writer, (uint64_t)schema->flags);
    write_metadata(walk, schema->metadata);
    if (schema->dictionary == NULL)
        locache_cbor_write_null(walk->writer);
    else
        write_byte_name(walk, schema->dictionary->format);
    return write_child(walk, arrow, child);
}

/* rows, metadata, [fields] */
static int write_fields_of_table(lcpy_walk *walk, const lcpy_arrow *arrow)
{
    uint64_t rows = 0;

    for (Py_ssize_t i = 0; i < arrow->count; i++)
        rows += (uint64_t)arrow->chunks[i].length;
    locache_cbor_write_uint(walk->writer, rows);
    write_metadata(walk, arrow->schema.metadata);
    locache_cbor_write_array(walk->writer, (uint64_t)arrow->schema.n_children);
    for (int64_t i = 0; i < arrow->schema.n_children; i++)
        if (write_field(walk, arrow, i) < 0)
            return -1;
    return 0;
}

/* A struct of columns, "+s", all of which are known. */
static bool is_known_table(const lcpy_arrow_schema *schema)
{
    bool known = strcmp(schema->format, "+s") == 0;

    for (int64_t i = 0; known && i < schema->n_children; i++)
        known = is_known(schema->children[i], false);
    return known;
}

static int write_exported_arrow(lcpy_walk *walk, PyObject *value, const lcpy_arrow *arrow,
                                bool table)
{
    char name[64]; /* the classes of pyarrow.lib have short names */

    snprintf(name, sizeof name, "pyarrow:%s", Py_TYPE(value)->tp_name + strlen("pyarrow.lib."));
    lcpy_walk_begin_object(walk, name, table ? 3 : 1);
    return table ? write_fields_of_table(walk, arrow) : write_field(walk, arrow, -1);
}

/* What is not known is written as any object is, by its reduction. */
static int write_anyhow(lcpy_walk *walk, PyObject *value, bool table)
{
    lcpy_arrow arrow;
    bool known;
    int result = lcpy_arrow_open(&arrow, value);

    if (result < 0)
        return -1;
    known = result > 0 && (table ? is_known_table(&arrow.schema) : is_known(&arrow.schema, false));
    if (known)
        result = write_exported_arrow(walk, value, &arrow, table);
    lcpy_arrow_clear(&arrow);
    return known ? result : lcpy_object_write_here(walk, value);
}

static int write_table(lcpy_walk *walk, PyObject *value)
{
    return write_anyhow(walk, value, true);
}

static int write_array(lcpy_walk *walk, PyObject *value)
{
    return write_anyhow(walk, value, false);
}

int lcpy_table_write(lcpy_walk *walk, PyObject *value, bool table)
{
    return lcpy_walk_nested(walk, value, table ? write_table : write_array);
}
