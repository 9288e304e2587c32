/* C values as CBOR and back, by the kinds that LOCACHE_PERSIST tells of arguments and results.
 *
 * Python has to make the same key of the same call, and has to read the result: so an int of any
 * size is an integer, a float is a double, and a struct is a dict in keys. A value is moved by
 * memcpy() alone, since a pointer to it came as void *; a size says which C type it is. */
#include "persist/convert.h"
#include "base/hash.h"
#include "base/text.h"
#include "persist/lent.h"
#include "persist/number.h"
#include "persist/vector.h"

#include <string.h>

/* ----------------------------------------------------------------------------------------- keys */

static bool is_text(const char *text, size_t size)
{
    return lc_text_is_utf8((const unsigned char *)text, size);
}

/* By its text. What is no UTF-8 is bytes, as Python would pass it; NULL is a value of its own. */
static void key_string(locache_cbor_writer *key, const void *value)
{
    const char *text;
    memcpy(&text, value, sizeof text);
    size_t size = text ? strlen(text) : 0;
    if (text == NULL)
        locache_cbor_write_null(key);
    else if (is_text(text, size))
        locache_key_text(key, text, size);
    else
        locache_key_bytes(key, text, size);
}

/* An array of characters is bytes, up to its size and past any NUL: what is behind the NUL counts,
 * since the body can see it. */
static void key_member(locache_cbor_writer *key, const locache_member *member,
                       const unsigned char *at)
{
    bool characters = (member->kind == LOCACHE_CTYPE_INT || member->kind == LOCACHE_CTYPE_UINT) &&
                      member->element_size == 1;
    locache_key_name(key, member->name, strlen(member->name));
    if (member->count == 0) {
        lc_number_write(key, member->kind, at, member->element_size);
    } else if (characters) {
        locache_key_bytes(key, at, member->count);
    } else {
        locache_cbor_write_array(key, member->count);
        for (size_t i = 0; i < member->count; i++)
            lc_number_write(key, member->kind, at + i * member->element_size, member->element_size);
    }
}

/* As a Python dict: by the names of the members, so that another order of them is another call only
 * where values differ. */
static void key_struct(locache_cbor_writer *key, const void *value, const locache_layout *layout)
{
    locache_cbor_write_map(key, layout->count);
    size_t start = key->length;
    const locache_member *member = layout->members;
    for (size_t i = 0; i < layout->count; i++, member = lc_convert_next(member))
        key_member(key, member, (const unsigned char *)value + member->offset);
    locache_cbor_write_sorted(key, start, 2);
}

void lc_convert_key(locache_cbor_writer *key, unsigned kind, const void *value, size_t size,
                    const locache_layout *layout)
{
    if (kind == LOCACHE_CTYPE_NONE)
        key_struct(key, value, layout);
    else if (kind >= LOCACHE_CTYPE_ARRAY)
        lc_vector_key(key, kind, value);
    else if (kind == LOCACHE_CTYPE_TEXT || kind == LOCACHE_CTYPE_CONST_TEXT)
        key_string(key, value);
    else
        lc_number_write(key, kind, value, size);
}

/* -------------------------------------------------------------------------------------- results */

void lc_convert_layout(locache_cbor_writer *out, const locache_layout *layout)
{
    locache_cbor_write_text(out, LC_NUMBER_ORDER, 1);
    const locache_member *member = layout->members;
    for (size_t i = 0; i < layout->count; i++, member = lc_convert_next(member)) {
        locache_key_name(out, member->name, strlen(member->name));
        locache_cbor_write_uint(out, member->kind);
        locache_cbor_write_uint(out, member->offset);
        locache_cbor_write_uint(out, member->element_size);
        locache_cbor_write_uint(out, member->count);
    }
}

/* The id of a layout: bytes mean a struct only under the layout that they were written with, on a
 * machine of the same byte order. False without memory: the id of a part would be that of another
 * struct, too. */
static bool layout_id(locache_id *out, const locache_layout *layout)
{
    unsigned char room[512]; /* on the stack: a member takes some 20 bytes */
    locache_cbor_writer text;
    locache_cbor_writer_init(&text, room, sizeof room);
    lc_convert_layout(&text, layout);
    bool whole = locache_cbor_writer_status(&text) == LOCACHE_OK;
    if (whole)
        locache_id_of(out, text.data, text.length);
    locache_cbor_writer_clear(&text);
    return whole;
}

static void write_string(locache_cbor_writer *body, const void *value)
{
    const char *text;
    memcpy(&text, value, sizeof text);
    size_t size = text ? strlen(text) : 0;
    if (text == NULL)
        locache_cbor_write_null(body);
    else if (is_text(text, size))
        locache_cbor_write_text(body, text, size);
    else
        locache_cbor_write_bytes(body, text, size);
}

locache_codec lc_convert_write(locache_cbor_writer *body, unsigned kind, const void *value,
                               size_t size, const locache_layout *layout)
{
    locache_id id;
    switch (kind) {
    case LOCACHE_CTYPE_NONE:
        if (!layout_id(&id, layout)) {
            body->status = LOCACHE_ENOMEM;
            return LOCACHE_CODEC_RAW;
        }
        locache_cbor_write_raw(body, value, size);
        locache_cbor_write_raw(body, id.bytes, sizeof id.bytes);
        return LOCACHE_CODEC_RAW;
    case LOCACHE_CTYPE_TEXT:
    case LOCACHE_CTYPE_CONST_TEXT:
        write_string(body, value);
        return LOCACHE_CODEC_CBOR;
    default:
        if (kind >= LOCACHE_CTYPE_ARRAY)
            lc_vector_write(body, kind, value);
        else
            lc_number_write(body, kind, value, size);
        return LOCACHE_CODEC_CBOR;
    }
}

/* Of malloc()'s own memory, with a NUL behind it; or, of a const char *, lent by the library. A
 * text with a NUL within, which Python may have stored, is no C string. */
static bool read_string(void *out, const locache_value *value, bool lent)
{
    const char *copy = NULL;
    const void *text;
    size_t size;
    if (locache_value_null(value) != LOCACHE_OK) {
        const char *as_text;
        if (locache_value_text(&as_text, &size, value) == LOCACHE_OK)
            text = as_text;
        else if (locache_value_bytes(&text, &size, value) != LOCACHE_OK)
            return false;
        if (memchr(text, '\0', size) != NULL)
            return false;
        copy = lent ? lc_lent_text(text, size) : lc_vector_copy(text, size);
        if (copy == NULL)
            return false;
    }
    memcpy(out, &copy, sizeof copy);
    return true;
}

/* Bytes of bools are 0 and 1 and nothing else: to read another one is undefined in C. */
static bool bools_sound(const unsigned char *bytes, const locache_layout *layout)
{
    const locache_member *member = layout->members;
    for (size_t i = 0; i < layout->count; i++, member = lc_convert_next(member)) {
        size_t count = member->count ? member->count : 1;
        for (size_t j = 0; member->kind == LOCACHE_CTYPE_BOOL && j < count; j++)
            if (bytes[member->offset + j * member->element_size] > 1)
                return false;
    }
    return true;
}

/* The body is the struct's bytes and the id of its layout behind them. */
static bool read_struct(void *out, const locache_value *value, size_t size,
                        const locache_layout *layout)
{
    locache_id id;
    size_t body_size;
    const unsigned char *body = locache_value_body(&body_size, value);
    if (!layout_id(&id, layout))
        return false;
    if (locache_value_codec(value) != LOCACHE_CODEC_RAW || body_size != size + sizeof id.bytes ||
        memcmp(body + size, id.bytes, sizeof id.bytes) != 0 || !bools_sound(body, layout))
        return false;
    memcpy(out, body, size);
    return true;
}

bool lc_convert_read(void *out, const locache_value *value, unsigned kind, size_t size,
                     const locache_layout *layout)
{
    if (kind == LOCACHE_CTYPE_NONE)
        return read_struct(out, value, size, layout);
    if (kind == LOCACHE_CTYPE_TEXT || kind == LOCACHE_CTYPE_CONST_TEXT)
        return read_string(out, value, kind == LOCACHE_CTYPE_CONST_TEXT);
    if (kind >= LOCACHE_CTYPE_ARRAY)
        return lc_vector_read(out, value, kind);
    return lc_number_read(out, value, kind, size);
}
