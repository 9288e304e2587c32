/* Memory of results as read, lent to the arrays that lie in it. Needs the GIL, which also guards
 * the count of who holds it. */
#ifndef LCPY_BUFFER_H
#define LCPY_BUFFER_H

#include <stdbool.h>

#include "state.h"

/* Bytes within a value. */
typedef struct lcpy_memory {
    void *data;
    size_t size;
} lcpy_memory;

/* The nth out-of-line buffer. */
static inline lcpy_memory lcpy_buffer_of(const locache_value *value, size_t n)
{
    lcpy_memory memory;
    memory.data = locache_value_buffer(&memory.size, value, n);
    return memory;
}

/* One result's memory, freed when the last who holds it lets go. */
typedef struct lcpy_owner {
    Py_ssize_t holders;
    locache_value *value;
} lcpy_owner;

/* Takes ownership of value in every case; held once, by the caller. NULL with MemoryError. */
lcpy_owner *lcpy_buffer_owner_new(locache_value *value);
void lcpy_buffer_owner_release(lcpy_owner *owner);

/* An object that exports `size` writable bytes at `data`, within owner's value, and holds owner.
 * New reference, or NULL with an exception. */
PyObject *lcpy_buffer_new(lcpy_state *state, lcpy_owner *owner, void *data, size_t size);
/* The nth out-of-line buffer of owner's value, in the same way. */
PyObject *lcpy_buffer_nth(lcpy_state *state, lcpy_owner *owner, size_t n);

/* The same of memory that another object has, and keeps in its place: that is held. */
PyObject *lcpy_buffer_over(lcpy_state *state, PyObject *keeper, void *data, size_t size);
/* The value that such an object lies in, borrowed, and where; NULL, without an exception, where it
 * lies elsewhere. */
locache_value *lcpy_buffer_value(lcpy_memory *out, const lcpy_state *state, PyObject *object);

/* A value whose body is being decoded, and which of its out-of-line buffers that has used. Clear it
 * in every case. */
typedef struct lcpy_buffer_source {
    lcpy_state *state;
    locache_value *value; /* owned here while owner is NULL */
    lcpy_owner *owner;    /* made for the first buffer that an array keeps */
    size_t used;          /* each is used once, in order, so that a body's memory stays bounded */
} lcpy_buffer_source;

#define LCPY_BUFFER_INLINE ((size_t)-1) /* in place of a buffer's number: within the body */

/* After the head of a TAG_BUFFER: which buffer it stands for. False where that is not the next. */
bool lcpy_buffer_take(size_t *n, lcpy_buffer_source *from, locache_cbor_reader *reader);
/* A byte string, or the buffer that a TAG_BUFFER stands for, borrowed. *n is its number, or
 * LCPY_BUFFER_INLINE. False, without exception, where neither is next. */
bool lcpy_buffer_read(lcpy_memory *out, size_t *n, lcpy_buffer_source *from,
                      locache_cbor_reader *reader);
/* Buffer n as an object that an array may keep. New reference, or NULL with an exception. */
PyObject *lcpy_buffer_lend(lcpy_buffer_source *from, size_t n);
void lcpy_buffer_source_clear(lcpy_buffer_source *from);

#endif
