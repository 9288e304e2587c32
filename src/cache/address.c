/* What is made of a call's key: its hash at once, the name of its file when that is needed.
 *
 * The order is what a hit in memory costs: a hash of some tens of bytes is a few nanoseconds, while
 * a name takes a parse of the whole key (src/format/name.c). A hit whose file is pinned by a
 * descriptor asks that, and never needs the name. */
#include "cache/address.h"

/* All of xxHash that is used, compiled in: there is no library to link, and no symbol of its. */
#define XXH_INLINE_ALL
#include <xxhash.h>

inline void lc_address_init(lc_address *out, const void *key, size_t key_size)
{
    out->key = key;
    out->key_size = key_size;
    /* Without a secret: keys that were chosen to collide make a bucket of the table long, which
     * costs their own process time. They give no wrong result, since the table compares keys. */
    out->hash = XXH3_64bits(key, key_size);
    out->digest_size = 0;
    out->named = false;
    out->folds = false;
}

void lc_address_set_folds(lc_address *address, bool folds)
{
    address->named = address->named && address->folds == folds;
    address->folds = folds;
}

lc_span lc_address_digest(lc_address *address)
{
    if (address->digest_size == 0) {
        lc_span stored = lc_key_stored(address->digest, address->key, address->key_size);
        address->digest_size = (unsigned char)stored.size;
    }
    return (lc_span){address->digest, address->digest_size};
}

const char *lc_address_name(lc_address *address)
{
    /* A failure is not kept: it ends the call. */
    if (!address->named)
        address->named = lc_key_filename(address->name, address->key, address->key_size,
                                         lc_address_stored(address), address->folds) == LOCACHE_OK;
    return address->named ? address->name : NULL;
}
