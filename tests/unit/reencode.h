/* Write again what was read. Strict reading makes this the identity on the bytes: that is what the
 * tests are after. */
#ifndef TEST_REENCODE_H
#define TEST_REENCODE_H

#include "locache.h"

#include <stdlib.h>
#include <string.h>

/* One item's head, and all of it where it is a string. */
static inline void reencode_item(locache_cbor_writer *writer, const locache_cbor_item *item)
{
    switch (item->kind) {
    case LOCACHE_KIND_UINT:
        locache_cbor_write_uint(writer, item->number);
        break;
    case LOCACHE_KIND_NEGATIVE:
        if (item->number <= INT64_MAX) {
            locache_cbor_write_int(writer, -1 - (int64_t)item->number);
        } else { /* the magnitude is number + 1, of 9 bytes where that overflows */
            unsigned char magnitude[9] = {item->number == UINT64_MAX};
            for (unsigned i = 0; i < 8; i++)
                magnitude[1 + i] = (unsigned char)((item->number + 1) >> (56 - 8 * i));
            locache_cbor_write_bigint(writer, true, magnitude, sizeof magnitude);
        }
        break;
    case LOCACHE_KIND_BYTES:
        locache_cbor_write_bytes(writer, item->data, item->size);
        break;
    case LOCACHE_KIND_TEXT:
        locache_cbor_write_text(writer, (const char *)item->data, item->size);
        break;
    case LOCACHE_KIND_ARRAY:
        locache_cbor_write_array(writer, item->number);
        break;
    case LOCACHE_KIND_MAP:
        locache_cbor_write_map(writer, item->number);
        break;
    case LOCACHE_KIND_TAG:
        locache_cbor_write_tag(writer, item->number);
        break;
    case LOCACHE_KIND_FALSE:
    case LOCACHE_KIND_TRUE:
        locache_cbor_write_bool(writer, item->kind == LOCACHE_KIND_TRUE);
        break;
    case LOCACHE_KIND_NULL:
        locache_cbor_write_null(writer);
        break;
    case LOCACHE_KIND_REAL:
        locache_cbor_write_real(writer, item->real);
        break;
    }
}

/* A bignum's tag and content, by way of the integer that they stand for. */
static inline void reencode_bignum(locache_cbor_writer *writer, uint64_t tag,
                                   const locache_cbor_item *content)
{
    unsigned char *magnitude = malloc(content->size + 1);
    if (magnitude == NULL)
        abort();
    magnitude[0] = 0;
    memcpy(magnitude + 1, content->data, content->size);
    if (tag == LOCACHE_TAG_BIGNUM_NEG) {
        size_t at = content->size;
        while (++magnitude[at] == 0)
            at--;
    }
    locache_cbor_write_bigint(writer, tag == LOCACHE_TAG_BIGNUM_NEG, magnitude, content->size + 1);
    free(magnitude);
}

/* Item after item, up to the first that cannot be read; the reader is left before it. END, or why
 * it could not. */
static inline locache_status reencode(locache_cbor_writer *writer, locache_cbor_reader *reader)
{
    locache_cbor_item item;
    locache_status status;
    while ((status = locache_cbor_read(&item, reader)) == LOCACHE_OK) {
        if (item.kind == LOCACHE_KIND_TAG &&
            (item.number == LOCACHE_TAG_BIGNUM || item.number == LOCACHE_TAG_BIGNUM_NEG)) {
            locache_cbor_item content;
            locache_cbor_reader before = *reader;
            if (locache_cbor_read(&content, reader) == LOCACHE_OK) {
                reencode_bignum(writer, item.number, &content);
                continue;
            }
            *reader = before;
        }
        reencode_item(writer, &item);
    }
    return status;
}

#endif
