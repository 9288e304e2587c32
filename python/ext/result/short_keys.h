/* The short dict keys of a result that is being decoded. They repeat from row to row of a table: a
 * str that was just made is given again, which saves time and memory. */
#ifndef LCPY_SHORT_KEYS_H
#define LCPY_SHORT_KEYS_H

#include "state.h"

/* So many are kept, each by its hash: more than tables have columns, and 1 KiB of C stack. */
#define LCPY_SHORT_KEYS 128
/* Bytes of UTF-8 that a key may have to be kept; longer ones are mostly data. */
#define LCPY_SHORT_KEY_MAX 32

typedef struct lcpy_short_keys {
    /* Most results have few keys or none: only what is marked is there, so that no more than this
     * need be zeroed before, or looked at after. */
    uint64_t marks[LCPY_SHORT_KEYS / 64];
    PyObject *known[LCPY_SHORT_KEYS];
} lcpy_short_keys;

void lcpy_short_keys_init(lcpy_short_keys *keys);
/* The str of a text of at most LCPY_SHORT_KEY_MAX bytes. New reference, or NULL with an
 * exception. */
PyObject *lcpy_short_keys_get(lcpy_short_keys *keys, const unsigned char *text, size_t size);
void lcpy_short_keys_clear(lcpy_short_keys *keys);

#endif
