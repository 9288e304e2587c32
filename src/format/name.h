/* Readable names: what name.c, name_text.c and name_hint.c share. No I/O, no allocation. */
#ifndef LC_KEY_H
#define LC_KEY_H

#include "locache.h"

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

/* Append size bytes, each an atom, as they are: they must be of the values' alphabet. */
void lc_name_plain(lc_name *name, const char *text, size_t size);
/* Append size bytes of UTF-8 (broken sequences are no harm), in the values' alphabet, the rest
 * escaped. */
void lc_name_escaped(lc_name *name, const unsigned char *text, size_t size);

/* Append a label: a name, or a position. */
void lc_name_label(lc_name *name, const locache_item *label);

/* The digits of an integer's item, with its sign: how many bytes at out (LC_NUMERAL_MAX). 0: it is
 * none, or one longer than any name. Where item is a bignum's tag, reader is at its bytes and
 * passes them. */
size_t lc_key_integer(char *out, const locache_item *item, locache_reader *reader);

/* Append a value that has a form of its own in names, whose item was just read. False, with nothing
 * appended, where it has none; where it is a bignum, reader may have moved all the same. */
bool lc_name_scalar(lc_name *name, const locache_item *item, locache_reader *reader);

/* Append what a person may want to know of a value that has no form of its own in names: "list.3",
 * "ndarray.3x4", "Point". `value` is at a well-formed item. */
void lc_name_hint(lc_name *name, locache_reader value);

#endif
