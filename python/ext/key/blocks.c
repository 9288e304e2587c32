/* The blocks of a pandas frame: for each type of column an array, a row of which is a column.
 *
 * They are no public part of pandas, so that each is only taken for what it is where all of it is
 * as it has been since pandas 1: a tuple of blocks with `values` and `mgr_locs`, by which every
 * column is there once. Where it is not, the caller asks the frame for its columns one by one. */
#include "key/blocks.h"

#include <string.h>

/* Bytes from which on a column is digested by itself: its leaves fill all lanes then (digest.c of
 * the core). */
#define SHORT_BELOW ((size_t)64 << 10)

/* NumPy's array in place of what pandas keeps dates and durations without a zone in. */
static int to_numpy(lcpy_state *state, lcpy_block *block)
{
    PyObject *dtype = PyObject_GetAttrString(block->values, "dtype");
    bool of_numpy = dtype != NULL && lcpy_types_classify(state, Py_TYPE(dtype)) == LCPY_NPDTYPE;

    Py_XDECREF(dtype);
    if (!of_numpy)
        return dtype == NULL ? -1 : 0;
    if (lcpy_types_classify(state, Py_TYPE(block->values)) != LCPY_NDARRAY)
        Py_SETREF(block->values, PyObject_CallMethod(block->values, "to_numpy", NULL));
    return block->values == NULL ? -1 : 1;
}

/* 1 opened, 0 it is none that is known, -1 with an exception. */
static int open_block(lcpy_block *block, lcpy_state *state, PyObject *object)
{
    lcpy_strided unused;

    block->values = PyObject_GetAttrString(object, "values");
    int of_numpy = block->values == NULL ? -1 : to_numpy(state, block);
    PyObject *dimensions = of_numpy < 0 ? NULL : PyObject_GetAttrString(block->values, "ndim");
    long count = dimensions == NULL ? -1 : PyLong_AsLong(dimensions);

    Py_XDECREF(dimensions);
    if (count < 0)
        return -1;
    block->rows = count == 2;
    if (of_numpy == 0)
        return count == 1 || count == 2;
    if (count != 2 || lcpy_types_classify(state, Py_TYPE(block->values)) != LCPY_NDARRAY)
        return 0;
    lcpy_written written = lcpy_array_open_for_key(state, &block->open, &unused, block->values);
    block->plain = written == LCPY_DONE;
    if (block->plain && (block->open.view.ndim != 2 || block->open.view.strides == NULL)) {
        lcpy_array_close(&block->open);
        block->plain = false;
    }
    return written == LCPY_ERROR ? -1 : 1;
}

/* 1, 0 where a column is nowhere or twice, -1 with an exception. */
static int place_columns(lcpy_blocks *blocks, const lcpy_block *block, PyObject *object)
{
    PyObject *locations = PyObject_GetAttrString(object, "mgr_locs");
    PyObject *list = locations == NULL ? NULL : PySequence_List(locations);
    Py_ssize_t count = list == NULL ? 0 : PyList_GET_SIZE(list);
    int result = list == NULL ? -1 : block->rows || count == 1;

    for (Py_ssize_t row = 0; result > 0 && row < count; row++) {
        Py_ssize_t at = PyLong_AsSsize_t(PyList_GET_ITEM(list, row));

        result = at >= 0 && at < blocks->columns_count && blocks->columns[at].block == NULL;
        if (result > 0)
            blocks->columns[at] = (lcpy_block_place){block, row};
    }
    if (result > 0 && block->plain)
        result = block->open.view.shape[0] == count;
    Py_XDECREF(list);
    Py_XDECREF(locations);
    return result;
}

static int open_all(lcpy_blocks *out, lcpy_state *state, PyObject *tuple)
{
    int result = 1;

    for (Py_ssize_t i = 0; result > 0 && i < PyTuple_GET_SIZE(tuple); i++) {
        out->count = i + 1;
        result = open_block(&out->all[i], state, PyTuple_GET_ITEM(tuple, i));
        if (result > 0)
            result = place_columns(out, &out->all[i], PyTuple_GET_ITEM(tuple, i));
    }
    for (Py_ssize_t i = 0; result > 0 && i < out->columns_count; i++)
        result = out->columns[i].block != NULL;
    return result;
}

static int make_room(lcpy_blocks *out, PyObject *frame, Py_ssize_t count)
{
    PyObject *labels = PyObject_GetAttrString(frame, "columns");

    out->columns_count = labels == NULL ? -1 : PyObject_Size(labels);
    Py_XDECREF(labels);
    if (out->columns_count < 0)
        return -1;
    out->all = PyMem_Calloc((size_t)count + 1, sizeof *out->all);
    out->columns = PyMem_Calloc((size_t)out->columns_count + 1, sizeof *out->columns);
    if (out->all != NULL && out->columns != NULL)
        return 1;
    PyErr_NoMemory();
    return -1;
}

/* Something is not there, as in another version of pandas: no error, but for that of memory. */
static int pardon(int result)
{
    if (result >= 0)
        return result;
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
        return -1;
    PyErr_Clear();
    return 0;
}

int lcpy_blocks_open(lcpy_blocks *out, lcpy_state *state, PyObject *frame)
{
    PyObject *manager = PyObject_GetAttrString(frame, "_mgr");
    PyObject *tuple = manager == NULL ? NULL : PyObject_GetAttrString(manager, "blocks");
    int result = tuple == NULL ? -1 : PyTuple_CheckExact(tuple);

    memset(out, 0, sizeof *out);
    if (result > 0)
        result = make_room(out, frame, PyTuple_GET_SIZE(tuple));
    if (result > 0)
        result = open_all(out, state, tuple);
    result = pardon(result);
    Py_XDECREF(tuple);
    Py_XDECREF(manager);
    if (result <= 0)
        lcpy_blocks_close(out);
    return result;
}

void lcpy_blocks_close(lcpy_blocks *blocks)
{
    for (Py_ssize_t i = 0; i < blocks->count; i++) {
        if (blocks->all[i].plain)
            lcpy_array_close(&blocks->all[i].open);
        Py_XDECREF(blocks->all[i].values);
    }
    PyMem_Free(blocks->all);
    PyMem_Free(blocks->columns);
    *blocks = (lcpy_blocks){0};
}

/* ----------------------------------------------------------------------------------------- runs */

static size_t column_size(const lcpy_block *block)
{
    return (size_t)(block->open.view.shape[1] * block->open.view.itemsize);
}

bool lcpy_blocks_is_short(const lcpy_block_place *column)
{
    return column->block->plain && column_size(column->block) < SHORT_BELOW;
}

Py_ssize_t lcpy_blocks_run(const lcpy_blocks *blocks, Py_ssize_t first)
{
    const lcpy_block *block = blocks->columns[first].block;
    Py_ssize_t end = first + 1;

    if (!lcpy_blocks_is_short(&blocks->columns[first]))
        return 1;
    for (; end < blocks->columns_count; end++) {
        const lcpy_block *next = blocks->columns[end].block;
        /* Columns of one frame are of one length. */
        if (next != block && (!next->plain || strcmp(next->open.type, block->open.type) != 0))
            break;
    }
    return end - first;
}

/* For locache_digest_parts(): without the GIL, and by several threads at once. */
static void copy_run(void *context, void *out, size_t offset, size_t size)
{
    const lcpy_block_place *columns = context;
    size_t each = column_size(columns->block);
    lcpy_strided bytes;
    lcpy_array row;

    for (size_t part; size > 0; size -= part, offset += part) {
        const lcpy_block_place *column = &columns[offset / each];
        size_t from = offset % each;

        part = each - from < size ? each - from : size;
        lcpy_array_row_for_key(&row, &bytes, &column->block->open, column->row);
        lcpy_strided_copy(&bytes, out, from, part);
        out = (char *)out + part;
    }
}

int lcpy_blocks_write_run(lcpy_walk *walk, const lcpy_blocks *blocks, Py_ssize_t first,
                          Py_ssize_t count)
{
    lcpy_block_place *columns = &blocks->columns[first];
    lcpy_array whole = {.tag = columns->block->open.tag, .order = 'C', .dimensions = 2};

    memcpy(whole.type, columns->block->open.type, sizeof whole.type);
    whole.extents[0] = count;
    whole.extents[1] = columns->block->open.view.shape[1];
    lcpy_array_write_head(walk->writer, &whole);
    return lcpy_walk_parts(walk, (size_t)count * column_size(columns->block), copy_run, columns);
}

PyObject *lcpy_blocks_array(const lcpy_block_place *column)
{
    PyObject *values = column->block->values;

    return column->block->rows ? PySequence_GetItem(values, column->row) : Py_NewRef(values);
}
