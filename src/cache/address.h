/* The address of a call's result: its key, and what is made of it. Any thread, one at a time for
 * each address. */
#ifndef LC_ADDRESS_H
#define LC_ADDRESS_H

#include "format/key.h"

/* Made once for each call, and handed down the whole way. Borrowed: the key outlives it. */
typedef struct lc_address {
    const void *key;
    size_t key_size;
    uint64_t hash; /* of the key: its bucket in the table of results in memory */
    /* Of a long key, its digest as it stands in an entry; 0 bytes until somebody asks. */
    unsigned char digest[LC_KEY_DIGEST_MAX];
    unsigned char digest_size;
    /* The file's name, once lc_address_name() has made it. */
    bool named;
    /* The file system folds case: a name with a capital letter has the key's hash then. */
    bool folds;
    char name[LOCACHE_NAME_MAX + 1];
} lc_address;

/* An address of any bytes: whether they are a key, lc_address_name() finds out. */
void lc_address_init(lc_address *out, const void *key, size_t key_size);
/* Of a long key, what stands in an entry in its place, which is made once. */
lc_span lc_address_digest(lc_address *address);
/* The key as it stands in an entry: itself, or a long one's digest. Valid as long as the address
 * and the key. */
static inline lc_span lc_address_stored(lc_address *address)
{
    return address->key_size < LOCACHE_KEY_LONG ? (lc_span){address->key, address->key_size}
                                                : lc_address_digest(address);
}
/* On a file system that folds case, or not: the name is made anew where that is another. */
void lc_address_set_folds(lc_address *address, bool folds);
/* The name of the result's file, valid as long as the address; NULL: the bytes are not a key. */
const char *lc_address_name(lc_address *address);

#endif
