/* Keys as bytes: one array in which labels (names or positions) and values alternate.
 * docs/format.md, "Keys", is normative. */
#include "locache.h"

void locache_key_begin(locache_writer *key, uint64_t count)
{
    /* A label and a value each: twice as many must be a number, too. */
    if (count > UINT64_MAX / 2) {
        if (key->status == LOCACHE_OK)
            key->status = LOCACHE_EINVAL;
        return;
    }
    locache_write_array(key, 2 * count);
}

void locache_key_name(locache_writer *key, const char *name, size_t size)
{
    locache_write_text(key, name, size);
}

void locache_key_index(locache_writer *key, uint64_t position)
{
    locache_write_uint(key, position);
}
