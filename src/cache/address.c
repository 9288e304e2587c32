/* What is made of a call's key: its hash at once, the file's name when it is needed. */
#include "cache/address.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

void lc_address_init(lc_address *out, const void *key, size_t key_size)
{
    out->key = key;
    out->key_size = key_size;
    out->hash = XXH3_64bits(key, key_size);
    out->named = false;
}

const char *lc_address_name(lc_address *address)
{
    if (!address->named)
        address->named =
            locache_key_filename(address->name, address->key, address->key_size) == LOCACHE_OK;
    return address->named ? address->name : NULL;
}
