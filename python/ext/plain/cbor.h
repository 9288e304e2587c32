/* What writing plain values as CBOR and reading them back have in common. Needs the GIL. */
#ifndef LCPY_CBOR_H
#define LCPY_CBOR_H

#include <stdbool.h>

#include "state.h"

typedef enum lcpy_written {
    LCPY_ERROR = -1, /* with an exception set */
    LCPY_DONE = 0,
    LCPY_NOT_EXACT = 1 /* nothing was written: this type or value has no plain form */
} lcpy_written;

/* Text that ends with a NUL, UTF-8. */
void lcpy_cbor_write_text(locache_cbor_writer *writer, const char *text);

/* The next item, where it is of this kind; an array of so many items; an integer of 64 bits. False
 * where something else comes: the reader may have moved then, so that the whole content is to be
 * refused. Sets no exception. */
bool lcpy_cbor_take(locache_cbor_item *out, locache_cbor_reader *reader, locache_cbor_kind kind);
bool lcpy_cbor_take_array(locache_cbor_reader *reader, uint64_t count);
bool lcpy_cbor_take_int64(int64_t *out, locache_cbor_reader *reader);

/* Always NULL, with ValueError "no `what` as locache writes it" in place of whatever exception came
 * of the content. KeyboardInterrupt, MemoryError and ImportError stay: they say nothing of it. */
PyObject *lcpy_cbor_refuse(const char *what);
/* module.name(*arguments) where content is read that may be bad: lcpy_cbor_refuse(name) then.
 * Steals arguments, which may be NULL with an exception. New reference. */
PyObject *lcpy_cbor_construct(const char *module, const char *name, PyObject *arguments);

#endif
