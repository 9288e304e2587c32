/* What a call made of its arguments: its key, compared with one that is made again afterwards. */
#ifndef LCPY_CHANGED_H
#define LCPY_CHANGED_H

#include "call/captures.h"

typedef enum lcpy_change {
    LCPY_CHANGE_ERROR = -1, /* with an exception */
    LCPY_CHANGE_NONE = 0,
    LCPY_CHANGE_FILLED = 1, /* only what was absent or None is there now */
    LCPY_CHANGE_OTHER = 2   /* something has another value */
} lcpy_change;

typedef struct lcpy_changed_key {
    const locache_cbor_writer *key;
    const locache_cbor_writer *parts; /* lcpy_key_note_parts() */
} lcpy_changed_key;

/* Compare two keys of one call, without what is captured. *where is a new reference to a str that
 * says where they differ first, as "self.calls"; NULL where they do not. */
lcpy_change lcpy_changed_find(PyObject **where, const lcpy_captures *captures,
                              const lcpy_changed_key *before, const lcpy_changed_key *after);

#endif
