/* A result encoded: its body and what keeps its buffers in place. Pickle and the encoder both fill
 * one; the store writes it to the file from where its parts lie. */
#include "result/result.h"

/* Room for one more: the arrays have a power of two of places. */
static int grow_buffers(lcpy_encoded *out)
{
    size_t count = out->buffer_count;
    /* Full only when the count is a power of two. */
    if ((count & (count - 1)) != 0)
        return 0;
    size_t room = count == 0 ? 1 : count * 2;
    const void **buffers = PyMem_Realloc(out->buffers, room * sizeof *buffers);
    if (buffers == NULL)
        return -1;
    out->buffers = buffers;
    size_t *sizes = PyMem_Realloc(out->buffer_sizes, room * sizeof *sizes);
    if (sizes == NULL)
        return -1;
    out->buffer_sizes = sizes;
    Py_buffer *views = PyMem_Realloc(out->views, room * sizeof *views);
    if (views == NULL)
        return -1;
    out->views = views;
    return 0;
}

/* Buffers are numbered in the order in which they are added. */
int lcpy_encoded_add(lcpy_encoded *out, Py_buffer *view)
{
    if (grow_buffers(out) < 0) {
        PyBuffer_Release(view);
        PyErr_NoMemory();
        return -1;
    }
    out->buffers[out->buffer_count] = view->buf;
    out->buffer_sizes[out->buffer_count] = (size_t)view->len;
    out->views[out->buffer_count++] = *view;
    /* PyBuffer_Release() of the caller's does nothing then. */
    view->obj = NULL;
    return 0;
}

lcpy_written lcpy_encoded_write_buffer(lcpy_encoded *out, Py_buffer *view, uint64_t tag)
{
    locache_cbor_write_tag(&out->body, tag);
    locache_cbor_write_uint(&out->body, out->buffer_count);
    return lcpy_encoded_add(out, view) < 0 ? LCPY_ERROR : LCPY_DONE;
}

/* Views hold the objects whose memory they are; pickled holds the body's, for codec PICKLE. */
void lcpy_encoded_clear(lcpy_encoded *encoded)
{
    locache_cbor_writer_clear(&encoded->body);
    for (size_t i = 0; i < encoded->buffer_count; i++)
        PyBuffer_Release(&encoded->views[i]);
    PyMem_Free(encoded->buffers);
    PyMem_Free(encoded->buffer_sizes);
    PyMem_Free(encoded->views);
    Py_XDECREF(encoded->pickled);
    *encoded = (lcpy_encoded){0};
}
