/* Keys as bytes: one array in which labels (names or positions) and values alternate; or a long
 * one's digest. docs/format.md, "Keys", is normative. */
#include "format/key.h"

void locache_key_begin(locache_cbor_writer *key, uint64_t count)
{
    /* A label and a value each: twice as many must be a number, too. */
    if (count > UINT64_MAX / 2) {
        if (key->status == LOCACHE_OK)
            key->status = LOCACHE_EINVAL;
        return;
    }
    locache_cbor_write_array(key, 2 * count);
}

void locache_key_name(locache_cbor_writer *key, const char *name, size_t size)
{
    locache_cbor_write_text(key, name, size);
}

void locache_key_index(locache_cbor_writer *key, uint64_t position)
{
    locache_cbor_write_uint(key, position);
}

/* As a long byte string stands in a key: by tag 49609. */
lc_span lc_key_stored(unsigned char room[LC_KEY_DIGEST_MAX], const void *key, size_t size)
{
    if (size < LOCACHE_KEY_LONG)
        return (lc_span){key, size};
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, room, LC_KEY_DIGEST_MAX);
    locache_key_bytes(&writer, key, size);
    return (lc_span){room, writer.length};
}
