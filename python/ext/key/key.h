/* Arguments as key bytes: typed, canonical, the same in every process (docs/format.md, "Keys"). */
#ifndef LCPY_KEY_H
#define LCPY_KEY_H

#include "state.h"

/* Above, a part is written as its digest: a digest takes some 40 bytes, and three of its blocks
 * cost a fraction of a microsecond. It bounds nesting, too: no part is nested deeper than it is
 * long. */
#define LCPY_PART_MAX 256

/* Bytes from which a string or buffer goes into a key as its digest: a page. */
#define LCPY_DIGEST_FROM 4096

/* Who takes the functions and classes of a value out of it, to write them elsewhere. */
typedef struct lcpy_collector lcpy_collector;
struct lcpy_collector {
    /* The number that stands for a function or class of Python; LCPY_COLLECT_BY_NAME: its name
     * does; -1 with an exception. */
    int (*meet)(lcpy_collector *collector, PyObject *object);
};
#define LCPY_COLLECT_BY_NAME (-2)

/* Append one value. 0, or -1 with TypeError that names the type that cannot be keyed and the remedy
 * (a __locache_key__ method, ignore=), or whatever a user's __locache_key__ or __reduce_ex__
 * raised; the
 * writer is of no use then. Runs users' code (those methods), and may give up the GIL. */
int lcpy_key_write(lcpy_state *state, locache_cbor_writer *writer, PyObject *value);
/* The same with the functions and classes within it taken out. */
int lcpy_key_collect(lcpy_state *state, locache_cbor_writer *writer, PyObject *value,
                     lcpy_collector *collector);

/* From now on in this thread, refuse what is not written by then: monotonic nanoseconds, 0: however
 * long it takes. Looked at between objects and before very large buffers. Returns what it was. */
int64_t lcpy_key_set_deadline(int64_t deadline);

/* Bytes of notes on parts after which no more are made: they are in memory while the function
 * runs. */
#define LCPY_NOTED_MAX ((size_t)16 << 20)

/* From now on in this thread, note what stands behind the digest of each part: appended to `parts`,
 * the digest with its tag, then the part. NULL: note nothing. Returns what it was. */
locache_cbor_writer *lcpy_key_note_parts(locache_cbor_writer *parts);

#endif
