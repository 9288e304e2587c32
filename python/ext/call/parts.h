/* What stands behind the digests in a key: notes of lcpy_key_note_parts(), to be looked up. And
 * which pairs of such parts were compared. */
#ifndef LCPY_PARTS_H
#define LCPY_PARTS_H

#include "key/key.h"

typedef struct lcpy_part {
    const unsigned char *digest; /* in the notes */
    const unsigned char *data;
    size_t size;
} lcpy_part;

typedef struct lcpy_parts {
    lcpy_part *all; /* by digest */
    size_t count;
} lcpy_parts;

/* False: no memory, and there are none. Clear it in both cases; the notes stay the caller's. */
bool lcpy_parts_init(lcpy_parts *out, const locache_cbor_writer *notes);
void lcpy_parts_clear(lcpy_parts *parts);
/* The part of a digest, or NULL. */
const lcpy_part *lcpy_parts_find(const lcpy_parts *parts, const unsigned char *digest);

typedef struct lcpy_pairs {
    const unsigned char *(*slots)[2];
    size_t count;
    size_t room; /* a power of two, or 0 */
} lcpy_pairs;

void lcpy_pairs_clear(lcpy_pairs *pairs);
/* 1: the pair is new, and is there now; 0: it was there; -1: no memory. */
int lcpy_pairs_add(lcpy_pairs *pairs, const unsigned char *a, const unsigned char *b);

/* An item in a key: its bytes, and its head read. */
typedef struct item {
    const unsigned char *start;
    size_t size;
    locache_cbor_reader inside; /* after the head */
    locache_cbor_item head;
} lcpy_item;

/* One of the two keys. */
typedef struct side {
    lcpy_parts parts;
    lcpy_item cycle; /* the members of the one that the search is in; size 0: in none */
    uint64_t work;   /* members that were passed over to find others */
} lcpy_side;

/* The next item. Keys that locache has just written can be read; false all the same where not. */
bool lcpy_item_take(lcpy_item *out, locache_cbor_reader *from);
/* Is it a reference to an object that is elsewhere? */
bool lcpy_item_refers(const lcpy_item *value);
/* From a reference to the object itself, with its cycle in `of`; what is none stays. False: it is
 * not known. */
bool lcpy_item_follow(lcpy_side *of, lcpy_item *value);
/* May the bytes hold this tag? */
bool lcpy_parts_has_tag(const void *data, size_t size, uint64_t tag);

#endif
