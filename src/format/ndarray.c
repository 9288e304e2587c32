/* Arrays of numbers as RFC 8746 has them: their head read, all of them written, and within keys.
 *
 * An array is a tag for the order of its elements, its extents, and a typed byte string, whose tag
 * says type and byte order. Elements are written as they lie in memory and swapped by who reads
 * them, so that an array goes from one process to another of the same machine without a look at
 * it. */
#include "format/ndarray.h"
#include "base/sized.h"
#include "base/text.h"

#include <string.h>

/* Bits of an RFC 8746 tag: 010 f s e ll. Without e, they are a locache_element. */
enum { TYPED_FLOAT = 16, TYPED_SIGNED = 8, TYPED_LITTLE = 4, TYPED_SIZE = 3 };

static bool little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

size_t locache_element_size(locache_element type)
{
    switch (type) {
    case LOCACHE_ELEMENT_UINT8:
    case LOCACHE_ELEMENT_INT8:
        return 1;
    case LOCACHE_ELEMENT_UINT16:
    case LOCACHE_ELEMENT_INT16:
    case LOCACHE_ELEMENT_FLOAT16:
        return 2;
    case LOCACHE_ELEMENT_UINT32:
    case LOCACHE_ELEMENT_INT32:
    case LOCACHE_ELEMENT_FLOAT32:
        return 4;
    case LOCACHE_ELEMENT_UINT64:
    case LOCACHE_ELEMENT_INT64:
    case LOCACHE_ELEMENT_FLOAT64:
        return 8;
    }
    return 0;
}

void locache_ndarray_copy(void *out, const locache_ndarray *array)
{
    size_t step = locache_element_size(array->type);
    /* Then both may be NULL, which memcpy() must not be given. */
    if (array->data_size == 0)
        return;
    if (!array->swapped || step < 2) {
        memcpy(out, array->data, array->data_size);
        return;
    }
    unsigned char *to = out;
    const unsigned char *from = array->data;
    for (size_t at = 0; at < array->data_size; at += step)
        for (size_t i = 0; i < step; i++)
            to[at + i] = from[at + step - 1 - i];
}

/* The bytes that type and extents ask for; false where there are no such arrays. */
static bool full_size(size_t *out, const locache_ndarray *array)
{
    size_t size = locache_element_size(array->type);
    bool empty = false;
    if (size == 0 || array->dimensions > LOCACHE_DIMENSIONS_MAX)
        return false;
    /* One extent of 0 makes an array empty, whatever the others are: their product may overflow. */
    for (unsigned i = 0; i < array->dimensions; i++)
        empty = empty || array->extents[i] == 0;
    for (unsigned i = 0; i < array->dimensions && !empty; i++) {
        if (array->extents[i] > SIZE_MAX / size)
            return false;
        size *= (size_t)array->extents[i];
    }
    *out = empty ? 0 : size;
    return true;
}

/* -------------------------------------------------------------------------------------- reading */

/* The type and byte order that a tag stands for. */
static bool element_of(locache_ndarray *out, uint64_t tag)
{
    if (tag < LOCACHE_TAG_TYPED_FIRST || tag > LOCACHE_TAG_TYPED_LAST)
        return false;
    /* Of single bytes there is no order: with TYPED_LITTLE RFC 8746 means something else (clamped
     * arithmetic), or nothing. */
    bool single = (tag & (TYPED_FLOAT | TYPED_SIZE)) == 0;
    bool little = (tag & TYPED_LITTLE) != 0;
    out->type = (uint32_t)(tag & ~(uint64_t)TYPED_LITTLE);
    out->swapped = !single && little != little_endian();
    return locache_element_size(out->type) != 0 && !(single && little);
}

locache_status lc_ndarray_read_head(locache_ndarray *out, locache_cbor_reader *reader,
                                    bool column_major)
{
    locache_cbor_item item;
    *out = (locache_ndarray){.size = sizeof *out, .column_major = column_major};
    if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_ARRAY ||
        item.number != 2 || locache_cbor_read(&item, reader) != LOCACHE_OK ||
        item.kind != LOCACHE_KIND_ARRAY || item.number > LOCACHE_DIMENSIONS_MAX)
        return LOCACHE_ECORRUPT;
    out->dimensions = (unsigned)item.number;
    for (unsigned i = 0; i < out->dimensions; i++) {
        if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_UINT)
            return LOCACHE_ECORRUPT;
        out->extents[i] = item.number;
    }
    if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_TAG)
        return LOCACHE_ECORRUPT;
    if (!element_of(out, item.number))
        return LOCACHE_ETYPE;
    return full_size(&out->data_size, out) ? LOCACHE_OK : LOCACHE_ECORRUPT;
}

/* -------------------------------------------------------------------------------------- writing */

/* All but the elements; false where the array cannot be. That its size is right is checked before
 * anything is written: a reader would refuse what says another. */
static bool write_extents(locache_cbor_writer *writer, const locache_ndarray *array)
{
    size_t size;
    if (!lc_sized_fits(sizeof *array, LC_SIZED_UP_TO(locache_ndarray, extents), array) ||
        !full_size(&size, array) || size != array->data_size) {
        if (writer->status == LOCACHE_OK)
            writer->status = LOCACHE_EINVAL;
        return false;
    }
    locache_cbor_write_tag(writer,
                           array->column_major ? LOCACHE_TAG_NDARRAY_F : LOCACHE_TAG_NDARRAY);
    locache_cbor_write_array(writer, 2);
    locache_cbor_write_array(writer, array->dimensions);
    for (unsigned i = 0; i < array->dimensions; i++)
        locache_cbor_write_uint(writer, array->extents[i]);
    bool little = locache_element_size(array->type) > 1 && little_endian() != array->swapped;
    locache_cbor_write_tag(writer, (uint64_t)array->type | (little ? TYPED_LITTLE : 0));
    return true;
}

void locache_cbor_write_ndarray(locache_cbor_writer *writer, const locache_ndarray *array)
{
    if (write_extents(writer, array))
        locache_cbor_write_bytes(writer, array->data, array->data_size);
}

void locache_cbor_write_ndarray_apart(locache_cbor_writer *writer, const locache_ndarray *array,
                                      uint64_t n)
{
    if (!write_extents(writer, array))
        return;
    locache_cbor_write_tag(writer, LOCACHE_TAG_BUFFER);
    locache_cbor_write_uint(writer, n);
}

/* ---------------------------------------------------------------------------------- within keys */

/* What is long stands in a key as its digest: the key is compared whole on every read, and kept in
 * the entry and in memory. The size goes with it, for a person who looks at a key. */
static void write_digest(locache_cbor_writer *key, uint64_t tag, const void *data, size_t size)
{
    unsigned char digest[LOCACHE_DIGEST_SIZE];
    locache_digest(digest, data, size);
    locache_cbor_write_tag(key, tag);
    locache_cbor_write_array(key, 2);
    locache_cbor_write_uint(key, size);
    locache_cbor_write_bytes(key, digest, sizeof digest);
}

void locache_key_bytes(locache_cbor_writer *key, const void *data, size_t size)
{
    if (size < LOCACHE_KEY_LONG)
        locache_cbor_write_bytes(key, data, size);
    else
        write_digest(key, LOCACHE_TAG_DIGEST, data, size);
}

void locache_key_text(locache_cbor_writer *key, const char *text, size_t size)
{
    if (size < LOCACHE_KEY_LONG)
        locache_cbor_write_text(key, text, size);
    else if (lc_text_is_utf8((const unsigned char *)text, size))
        /* A tag of its own: a text and the bytes of its UTF-8 are two arguments. */
        write_digest(key, LOCACHE_TAG_TEXT_DIGEST, text, size);
    else if (key->status == LOCACHE_OK)
        key->status = LOCACHE_EINVAL;
}

void locache_key_ndarray(locache_cbor_writer *key, const locache_ndarray *array)
{
    /* Keys have one order of elements, the row-major one, which callers bring them into. */
    if (array->column_major && key->status == LOCACHE_OK)
        key->status = LOCACHE_EINVAL;
    else if (write_extents(key, array))
        locache_key_bytes(key, array->data, array->data_size);
}
