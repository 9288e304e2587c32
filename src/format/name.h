/* Readable names: what name.c, name_text.c and name_hint.c share. No I/O, no allocation. */
#ifndef LC_NAME_H
#define LC_NAME_H

#include "locache.h"

#include <string.h>

#define LC_NAME_HASH 33 /* "~" and 32 hexadecimal digits */
#define LC_NAME_PREFIX (LOCACHE_NAME_MAX - LC_NAME_HASH)

/* A name as it grows, by atoms: parts that are never cut (a byte, an escaped character). */
typedef struct lc_name {
    char *out; /* LOCACHE_NAME_MAX + 1 bytes */
    size_t length;
    size_t prefix; /* how much of it, in whole atoms, leaves room for a hash */
    bool full;     /* an atom did not fit: it and all later ones are dropped */
    bool hashed;   /* the name says less than the key: it needs a hash */
} lc_name;

/* Append an atom, whole or not at all. Here, with the next, since every put and every first hit
 * makes a name, and most of a name is appended by the byte. */
static inline void lc_name_atom(lc_name *name, const char *atom, size_t size)
{
    if (name->full || size > LOCACHE_NAME_MAX - name->length) {
        name->full = true;
        return;
    }
    memcpy(name->out + name->length, atom, size);
    name->length += size;
    if (name->length <= LC_NAME_PREFIX)
        name->prefix = name->length;
}

/* Append size bytes, each an atom, as they are: they must be of the values' alphabet. */
static inline void lc_name_plain(lc_name *name, const char *text, size_t size)
{
    for (size_t i = 0; i < size && !name->full; i++)
        lc_name_atom(name, text + i, 1);
}

/* Append size bytes of UTF-8 (broken sequences are no harm), in the values' alphabet, the rest
 * escaped. */
void lc_name_escaped(lc_name *name, const unsigned char *text, size_t size);

/* Append a label: a name, or a position. */
void lc_name_label(lc_name *name, const locache_cbor_item *label);

/* The digits of an integer's item, with its sign: how many bytes at out (LC_DECIMAL_MAX). 0: it is
 * none, or one longer than any name. Where item is a bignum's tag, reader is at its bytes and
 * passes them. */
size_t lc_name_integer(char *out, const locache_cbor_item *item, locache_cbor_reader *reader);

/* Append a value that has a form of its own in names, whose item was just read. False, with nothing
 * appended, where it has none; where it is a bignum, reader may have moved all the same. */
bool lc_name_scalar(lc_name *name, const locache_cbor_item *item, locache_cbor_reader *reader);

/* Append what a person may want to know of a value that has no form of its own in names: "list.3",
 * "ndarray.3x4", "Point". `value` is at a well-formed item. */
void lc_name_hint(lc_name *name, locache_cbor_reader value);

#endif
