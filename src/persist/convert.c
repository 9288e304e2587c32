/* C values as CBOR and back, by the kinds that LOCACHE_PERSIST tells of arguments and results.
 *
 * Python has to make the same key of the same call, and has to read the result: so an int of any
 * size is an integer, a float is a double, and a struct is a dict in keys. A value is moved by
 * memcpy() alone, since a pointer to it came as void *; a size says which C type it is. Reading
 * gives a value only where it is exactly the type's: what was stored for an int and does not fit a
 * char is no result, and the call computes again. */
#include "persist/convert.h"
#include "base/hash.h"
#include "base/text.h"
#include "persist/lent.h"
#include "persist/vector.h"

#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a long double that hold its value. x87's has 64 bits of mantissa in 10 bytes; the others
 * are padding, and hold anything. */
#if LDBL_MANT_DIG == 64
#define LONG_REAL_SIZE 10
#else
#define LONG_REAL_SIZE sizeof(long double)
#endif
/* The byte order, as NumPy's type strings begin: ">f16" is read as numpy.longdouble in Python. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ORDER ">"
#else
#define ORDER "<"
#endif

/* -------------------------------------------------------------------------------------- numbers */

/* By size alone: integers of one size look the same, whatever their names. */
static uint64_t load_uint(const void *value, size_t size)
{
    unsigned char c;
    unsigned short s;
    unsigned i;
    uint64_t l;
    switch (size) {
    case sizeof c:
        memcpy(&c, value, sizeof c);
        return c;
    case sizeof s:
        memcpy(&s, value, sizeof s);
        return s;
    case sizeof i:
        memcpy(&i, value, sizeof i);
        return i;
    default:
        memcpy(&l, value, sizeof l);
        return l;
    }
}

/* Sign-extended without a signed shift, which is the compiler's to define. */
static int64_t load_int(const void *value, size_t size)
{
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    uint64_t extended = (load_uint(value, size) ^ sign) - sign;
    int64_t result;
    memcpy(&result, &extended, sizeof result);
    return result;
}

/* Exact: every float is a double. */
static double load_real(const void *value, size_t size)
{
    float narrow;
    double wide;
    if (size == sizeof narrow) {
        memcpy(&narrow, value, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&wide, value, sizeof wide);
    return wide;
}

/* As doubles where they are such, so that it is the same call as with those; else bit for bit,
 * padding zero. A NaN is not equal to itself, and goes bit for bit. */
static bool are_doubles(double *out, const void *value, size_t parts)
{
    for (size_t i = 0; i < parts; i++) {
        long double x;
        memcpy(&x, (const char *)value + i * sizeof x, sizeof x);
        out[i] = (double)x;
        if ((long double)out[i] != x)
            return false;
    }
    return true;
}

/* "<f16", and "<c32" of two parts. */
static size_t long_type(char out[16], size_t parts)
{
    return (size_t)snprintf(out, 16, ORDER "%c%zu", parts == 1 ? 'f' : 'c',
                            parts * sizeof(long double));
}

static void write_complex(locache_cbor_writer *out, double real, double imaginary)
{
    locache_cbor_write_tag(out, LOCACHE_TAG_COMPLEX);
    locache_cbor_write_array(out, 2);
    locache_cbor_write_real(out, real);
    locache_cbor_write_real(out, imaginary);
}

/* A long double, or the two of a complex number. */
static void write_long(locache_cbor_writer *out, const void *value, size_t parts)
{
    double doubles[2];
    char type[16];
    const size_t size = sizeof(long double);
    unsigned char bytes[2 * sizeof(long double)] = {0};
    if (are_doubles(doubles, value, parts)) {
        if (parts == 1)
            locache_cbor_write_real(out, doubles[0]);
        else
            write_complex(out, doubles[0], doubles[1]);
        return;
    }
    for (size_t i = 0; i < parts; i++)
        memcpy(bytes + i * size, (const char *)value + i * size, LONG_REAL_SIZE);
    size_t length = long_type(type, parts);
    locache_cbor_write_tag(out, LOCACHE_TAG_SCALAR);
    locache_cbor_write_array(out, 2);
    locache_cbor_write_text(out, type, length);
    locache_cbor_write_bytes(out, bytes, parts * size);
}

static void write_number(locache_cbor_writer *out, unsigned kind, const void *value, size_t size)
{
    bool truth;
    switch (kind) {
    case LOCACHE_CTYPE_BOOL:
        memcpy(&truth, value, sizeof truth);
        locache_cbor_write_bool(out, truth);
        break;
    case LOCACHE_CTYPE_INT:
        locache_cbor_write_int(out, load_int(value, size));
        break;
    case LOCACHE_CTYPE_UINT:
        locache_cbor_write_uint(out, load_uint(value, size));
        break;
    case LOCACHE_CTYPE_COMPLEX:
        write_complex(out, load_real(value, size / 2),
                      load_real((const char *)value + size / 2, size / 2));
        break;
    case LOCACHE_CTYPE_LONG_REAL:
        write_long(out, value, 1);
        break;
    case LOCACHE_CTYPE_LONG_COMPLEX:
        write_long(out, value, 2);
        break;
    default:
        locache_cbor_write_real(out, load_real(value, size));
        break;
    }
}

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
        write_number(key, member->kind, at, member->element_size);
    } else if (characters) {
        locache_key_bytes(key, at, member->count);
    } else {
        locache_cbor_write_array(key, member->count);
        for (size_t i = 0; i < member->count; i++)
            write_number(key, member->kind, at + i * member->element_size, member->element_size);
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
        write_number(key, kind, value, size);
}

/* -------------------------------------------------------------------------------------- results */

void lc_convert_layout(locache_cbor_writer *out, const locache_layout *layout)
{
    locache_cbor_write_text(out, ORDER, 1);
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
            write_number(body, kind, value, size);
        return LOCACHE_CODEC_CBOR;
    }
}

/* The lowest `size` bytes' worth of a number, as an integer of that size has them. */
static void store_bits(void *out, uint64_t bits, size_t size)
{
    unsigned char c = (unsigned char)bits;
    unsigned short s = (unsigned short)bits;
    unsigned i = (unsigned)bits;
    memcpy(out,
           size == sizeof c   ? (void *)&c
           : size == sizeof s ? (void *)&s
           : size == sizeof i ? (void *)&i
                              : (void *)&bits,
           size);
}

/* The number comes back the same from where it was stored: then it fitted. */
static bool read_int(void *out, const locache_value *value, size_t size)
{
    int64_t x;
    if (locache_value_int(&x, value) != LOCACHE_OK)
        return false;
    store_bits(out, (uint64_t)x, size);
    return load_int(out, size) == x;
}

static bool read_uint(void *out, const locache_value *value, size_t size)
{
    uint64_t x;
    if (locache_value_uint(&x, value) != LOCACHE_OK)
        return false;
    store_bits(out, x, size);
    return load_uint(out, size) == x;
}

/* A float only where it is one: rounding would make another result of it. Beyond FLT_MAX the
 * conversion is undefined but for infinities, so that is asked first; a NaN passes all comparisons,
 * and is one. */
static bool store_real(void *out, double x, size_t size)
{
    if (size == sizeof x) {
        memcpy(out, &x, sizeof x);
        return true;
    }
    if (x >= -(double)FLT_MAX && x <= (double)FLT_MAX && (double)(float)x != x)
        return false;
    if ((x > (double)FLT_MAX && x <= DBL_MAX) || (x < -(double)FLT_MAX && x >= -DBL_MAX))
        return false;
    float narrow = (float)x;
    memcpy(out, &narrow, sizeof narrow);
    return true;
}

static bool read_real(void *out, const locache_value *value, size_t size)
{
    double x;
    return locache_value_real(&x, value) == LOCACHE_OK && store_real(out, x, size);
}

static bool next_is(locache_cbor_item *out, locache_cbor_reader *reader, locache_cbor_kind kind)
{
    return locache_cbor_read(out, reader) == LOCACHE_OK && out->kind == kind;
}

/* The head of what write_complex() and write_long() write: a tag, and an array of two. */
static bool begins_with(locache_cbor_reader *reader, const locache_value *value, uint64_t tag)
{
    locache_cbor_item item;
    return locache_value_reader(reader, value) == LOCACHE_OK &&
           next_is(&item, reader, LOCACHE_KIND_TAG) && item.number == tag &&
           next_is(&item, reader, LOCACHE_KIND_ARRAY) && item.number == 2;
}

static bool two_reals(double out[2], const locache_value *value)
{
    locache_cbor_reader reader;
    locache_cbor_item real, imaginary;
    if (!begins_with(&reader, value, LOCACHE_TAG_COMPLEX) ||
        !next_is(&real, &reader, LOCACHE_KIND_REAL) ||
        !next_is(&imaginary, &reader, LOCACHE_KIND_REAL) ||
        locache_cbor_reader_end(&reader) != LOCACHE_OK)
        return false;
    out[0] = real.real;
    out[1] = imaginary.real;
    return true;
}

static bool read_complex(void *out, const locache_value *value, size_t size)
{
    double parts[2];
    return two_reals(parts, value) && store_real(out, parts[0], size / 2) &&
           store_real((char *)out + size / 2, parts[1], size / 2);
}

/* As write_long() writes it: doubles, or the tag, [type, bytes]. Another machine's long double has
 * another type, and is no result here. */
static bool read_long(void *out, const locache_value *value, size_t parts)
{
    double doubles[2];
    locache_cbor_reader reader;
    locache_cbor_item item;
    if (parts == 1 ? locache_value_real(doubles, value) == LOCACHE_OK : two_reals(doubles, value)) {
        for (size_t i = 0; i < parts; i++) {
            long double x = (long double)doubles[i];
            memcpy((char *)out + i * sizeof x, &x, sizeof x);
        }
        return true;
    }
    char type[16];
    size_t length = long_type(type, parts);
    if (!begins_with(&reader, value, LOCACHE_TAG_SCALAR) ||
        !next_is(&item, &reader, LOCACHE_KIND_TEXT) || item.size != length ||
        memcmp(item.data, type, length) != 0 || !next_is(&item, &reader, LOCACHE_KIND_BYTES) ||
        item.size != parts * sizeof(long double))
        return false;
    memcpy(out, item.data, item.size);
    return locache_cbor_reader_end(&reader) == LOCACHE_OK;
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
    bool truth;
    switch (kind) {
    case LOCACHE_CTYPE_NONE:
        return read_struct(out, value, size, layout);
    case LOCACHE_CTYPE_BOOL:
        if (locache_value_bool(&truth, value) != LOCACHE_OK)
            return false;
        memcpy(out, &truth, sizeof truth);
        return true;
    case LOCACHE_CTYPE_INT:
        return read_int(out, value, size);
    case LOCACHE_CTYPE_UINT:
        return read_uint(out, value, size);
    case LOCACHE_CTYPE_REAL:
        return read_real(out, value, size);
    case LOCACHE_CTYPE_LONG_REAL:
        return read_long(out, value, 1);
    case LOCACHE_CTYPE_COMPLEX:
        return read_complex(out, value, size);
    case LOCACHE_CTYPE_LONG_COMPLEX:
        return read_long(out, value, 2);
    case LOCACHE_CTYPE_TEXT:
    case LOCACHE_CTYPE_CONST_TEXT:
        return read_string(out, value, kind == LOCACHE_CTYPE_CONST_TEXT);
    default:
        return lc_vector_read(out, value, kind);
    }
}
