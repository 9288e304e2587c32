/* The bytes of an array in C order, wherever its items lie, piece by piece. The whole is seen as
 * runs of bytes that lie together, in as few dimensions as there can be: of the first ten columns
 * of a matrix, say, the ten items of a row are a run. */
#include "plain/strided.h"

#include <stdint.h>
#include <string.h>

/* --------------------------------------------------------------------------------------- layout */

/* One more dimension, within those that there are: merged into the last where one goes on where the
 * other ends. */
static void add_dimension(lcpy_strided *to, Py_ssize_t extent, Py_ssize_t step)
{
    int last = to->dimensions - 1;

    if (last >= 0 && to->steps[last] == extent * step) {
        to->extents[last] *= extent;
        to->steps[last] = step;
        return;
    }
    to->extents[to->dimensions] = extent;
    to->steps[to->dimensions] = step;
    to->dimensions++;
}

/* Dimensions of one item are left out: their step means nothing. The innermost, where its items lie
 * side by side, becomes part of the run. */
void lcpy_strided_of(lcpy_strided *out, const Py_buffer *view, lcpy_padding padding)
{
    int last;

    out->start = view->buf;
    out->size = (size_t)view->len;
    out->run = (size_t)view->itemsize;
    out->dimensions = 0;
    out->padding = padding;
    /* Contiguous, or nothing at all: strides of an empty array may be anything. */
    if (view->strides == NULL || view->len == 0) {
        out->run = (size_t)view->len;
        return;
    }
    for (int i = 0; i < view->ndim; i++)
        if (view->shape[i] != 1)
            add_dimension(out, view->shape[i], view->strides[i]);
    last = out->dimensions - 1;
    if (last >= 0 && out->steps[last] == view->itemsize) {
        out->run *= (size_t)out->extents[last];
        out->dimensions = last;
    }
}

bool lcpy_strided_in_place(const lcpy_strided *strided)
{
    return strided->dimensions == 0 && strided->padding.every == 0;
}

/* From the lowest to the highest byte. Where items overlap (broadcasts, windows) it is less than
 * their sizes together. */
size_t lcpy_strided_span(const lcpy_strided *strided)
{
    size_t span = strided->run;

    for (int i = 0; i < strided->dimensions; i++) {
        size_t step = (size_t)(strided->steps[i] < 0 ? -strided->steps[i] : strided->steps[i]);

        span += step * (size_t)(strided->extents[i] - 1);
    }
    return span;
}

/* Does axis a lie further out than axis b? Of two that step alike, the one that comes first. */
static bool is_outer(const Py_ssize_t *strides, int a, int b)
{
    size_t one = (size_t)(strides[a] < 0 ? -strides[a] : strides[a]);
    size_t other = (size_t)(strides[b] < 0 ? -strides[b] : strides[b]);

    return one > other || (one == other && a < b);
}

lcpy_layout_order lcpy_strided_order(signed char *places, int ndim, const Py_ssize_t *shape,
                                     const Py_ssize_t *strides)
{
    bool rows = true;
    bool columns = true;
    int count = 0;

    for (int i = 0; i < ndim; i++) {
        places[i] = (signed char)(shape[i] > 1 && strides[i] != 0);
        count += places[i];
        if (shape[i] == 0) { /* no items, in no order */
            memset(places, 0, (size_t)ndim);
            return LCPY_ROWS;
        }
    }
    int before = 0;
    for (int i = 0; i < ndim; i++) {
        int outer = 0;

        if (places[i] == 0)
            continue;
        for (int k = 0; k < ndim; k++)
            outer += k != i && places[k] != 0 && is_outer(strides, k, i);
        rows = rows && strides[i] > 0 && outer == before;
        columns = columns && strides[i] > 0 && outer == count - 1 - before;
        before++;
        places[i] = (signed char)(strides[i] > 0 ? outer + 1 : -(outer + 1));
    }
    return rows ? LCPY_ROWS : columns ? LCPY_COLUMNS : LCPY_OTHERWISE;
}

/* -------------------------------------------------------------------------------------- copying */

/* Inlined with a constant size: a load and a store, no call. */
static inline __attribute__((always_inline)) void
copy_each(char *out, const char *from, Py_ssize_t step, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(out, from, size);
        out += size;
        from += step;
    }
}

/* Runs are mostly single items (a column, every second row), and items are of these sizes. */
static void copy_runs(char *out, const char *from, Py_ssize_t step, size_t count, size_t size)
{
    switch (size) {
    case 1:
        copy_each(out, from, step, count, 1);
        break;
    case 2:
        copy_each(out, from, step, count, 2);
        break;
    case 4:
        copy_each(out, from, step, count, 4);
        break;
    case 8:
        copy_each(out, from, step, count, 8);
        break;
    case 16:
        copy_each(out, from, step, count, 16);
        break;
    default:
        copy_each(out, from, step, count, size);
        break;
    }
}

/* How far a copy has come in the whole. */
typedef struct cursor {
    const lcpy_strided *in;
    const char *run;                  /* the run that comes next */
    Py_ssize_t index[PyBUF_MAX_NDIM]; /* its own */
} cursor;

/* To run number `run` of the whole: the index is its digits, with the extents as bases. */
static void go_to(cursor *at, const lcpy_strided *in, size_t run)
{
    at->in = in;
    at->run = in->start;
    for (int i = in->dimensions - 1; i >= 0; i--) {
        at->index[i] = (Py_ssize_t)(run % (size_t)in->extents[i]);
        run /= (size_t)in->extents[i];
        at->run += at->index[i] * in->steps[i];
    }
}

/* On by so many runs of the innermost dimension, no further than its end. */
static void advance(cursor *at, size_t runs)
{
    const lcpy_strided *in = at->in;
    int i = in->dimensions - 1;

    if (i < 0)
        return;
    at->index[i] += (Py_ssize_t)runs;
    at->run += (Py_ssize_t)runs * in->steps[i];
    /* Back to the first run of this dimension, and one on in the next outer. */
    for (; i > 0 && at->index[i] == in->extents[i]; i--) {
        at->run += in->steps[i - 1] - at->index[i] * in->steps[i];
        at->index[i] = 0;
        at->index[i - 1]++;
    }
}

/* The whole runs that fit into size bytes; how many bytes they are. */
static size_t copy_whole(char *out, cursor *at, size_t size, size_t run)
{
    const lcpy_strided *in = at->in;
    int inner = in->dimensions - 1;
    size_t done = 0;

    while (size - done >= run) {
        size_t runs = (size - done) / run;
        size_t rest = inner < 0 ? 1 : (size_t)(in->extents[inner] - at->index[inner]);

        runs = runs < rest ? runs : rest;
        copy_runs(out + done, at->run, inner < 0 ? 0 : in->steps[inner], runs, run);
        done += runs * run;
        advance(at, runs);
    }
    return done;
}

/* `offset` is where in the whole these bytes are: pieces may begin within an item. */
static void zero_padding(char *out, const lcpy_padding *padding, size_t offset, size_t size)
{
    size_t at = offset % padding->every;

    for (size_t i = 0; i < size; i++) {
        if (at >= padding->first && at <= padding->last)
            out[i] = 0;
        at = at + 1 == padding->every ? 0 : at + 1;
    }
}

void lcpy_strided_copy(void *context, void *out, size_t offset, size_t size)
{
    const lcpy_strided *strided = context;
    const size_t run = strided->run;
    size_t done = 0;
    char *to = out;
    cursor at;

    if (size == 0 || run == 0)
        return; /* of nothing, also of items that have no bytes */
    size_t within = offset % run;
    go_to(&at, strided, offset / run);
    if (within > 0) {
        /* The rest of a run that the piece before has the beginning of. */
        size_t rest = run - within;

        done = rest < size ? rest : size;
        memcpy(to, at.run + within, done);
        advance(&at, 1);
    }
    /* Then whole runs, and at last the beginning of one that the next piece goes on with. */
    done += copy_whole(to + done, &at, size - done, run);
    if (done < size)
        memcpy(to + done, at.run, size - done);
    if (strided->padding.every > 0)
        zero_padding(to, &strided->padding, offset, size);
}
