/* C's numbers as CBOR and back.
 *
 * A float is a double to Python, and so it is in keys; a long double is one where it can be. All by
 * integer arithmetic: no rounding mode, trap or -ffast-math of the program changes what is written,
 * and no flag of the processor is raised. Doubles are handed on, and not computed with. */
#include "persist/number.h"
#include "format/cbor.h"
#include "persist/long_real.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------- writing */

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

/* The bits of the double that it is. */
static uint64_t load_real(const void *value, size_t size)
{
    uint64_t bits = load_uint(value, size);
    return size == sizeof(float) ? lc_real_widen((uint32_t)bits) : bits;
}

static void write_real(locache_cbor_writer *out, uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    locache_cbor_write_real(out, value);
}

/* A complex number, as Python's. */
static void write_pair(locache_cbor_writer *out, uint64_t real, uint64_t imaginary)
{
    locache_cbor_write_tag(out, LOCACHE_TAG_COMPLEX);
    locache_cbor_write_array(out, 2);
    write_real(out, real);
    write_real(out, imaginary);
}

/* "<f16", and "<c32" of two parts. */
static size_t long_type(char out[16], size_t parts)
{
    return (size_t)snprintf(out, 16, LC_NUMBER_ORDER "%c%zu", parts == 1 ? 'f' : 'c',
                            parts * sizeof(long double));
}

/* A long double, or the two of a complex number: as doubles where they are such, so that it is the
 * same call as with those; else, and NaNs, bit for bit, padding zero. */
static void write_long(locache_cbor_writer *out, const void *value, size_t parts)
{
    const size_t size = sizeof(long double);
    const char *at = value;
    uint64_t bits[2] = {0, 0};
    char type[16];
    unsigned char bytes[2 * sizeof(long double)] = {0};
    if (lc_long_real_narrow(&bits[0], at) &&
        (parts == 1 || lc_long_real_narrow(&bits[1], at + size))) {
        if (parts == 1)
            write_real(out, bits[0]);
        else
            write_pair(out, bits[0], bits[1]);
        return;
    }
    for (size_t i = 0; i < parts; i++)
        memcpy(bytes + i * size, at + i * size, LC_LONG_REAL_SIZE);
    size_t length = long_type(type, parts);
    locache_cbor_write_tag(out, LOCACHE_TAG_SCALAR);
    locache_cbor_write_array(out, 2);
    locache_cbor_write_text(out, type, length);
    locache_cbor_write_bytes(out, bytes, parts * size);
}

void lc_number_write(locache_cbor_writer *out, unsigned kind, const void *value, size_t size)
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
        write_pair(out, load_real(value, size / 2),
                   load_real((const char *)value + size / 2, size / 2));
        break;
    case LOCACHE_CTYPE_LONG_REAL:
        write_long(out, value, 1);
        break;
    case LOCACHE_CTYPE_LONG_COMPLEX:
        write_long(out, value, 2);
        break;
    default:
        write_real(out, load_real(value, size));
        break;
    }
}

/* ------------------------------------------------------------------------------------- reading */

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

/* A float only where it is one: rounding would make another result of it. */
static bool store_real(void *out, uint64_t bits, size_t size)
{
    uint32_t narrow;
    if (size == sizeof bits)
        memcpy(out, &bits, sizeof bits);
    else if (lc_real_narrow(&narrow, bits))
        memcpy(out, &narrow, sizeof narrow);
    else
        return false;
    return true;
}

static bool real_bits(uint64_t *out, const locache_value *value)
{
    double x;
    if (locache_value_real(&x, value) != LOCACHE_OK)
        return false;
    memcpy(out, &x, sizeof x);
    return true;
}

static bool read_real(void *out, const locache_value *value, size_t size)
{
    uint64_t bits;
    return real_bits(&bits, value) && store_real(out, bits, size);
}

static bool next_is(locache_cbor_item *out, locache_cbor_reader *reader, locache_cbor_kind kind)
{
    return locache_cbor_read(out, reader) == LOCACHE_OK && out->kind == kind;
}

/* The head of what write_pair() and write_long() write: a tag, and an array of two. */
static bool begins_with(locache_cbor_reader *reader, const locache_value *value, uint64_t tag)
{
    locache_cbor_item item;
    return locache_value_reader(reader, value) == LOCACHE_OK &&
           next_is(&item, reader, LOCACHE_KIND_TAG) && item.number == tag &&
           next_is(&item, reader, LOCACHE_KIND_ARRAY) && item.number == 2;
}

static bool two_reals(uint64_t out[2], const locache_value *value)
{
    locache_cbor_reader reader;
    locache_cbor_item real, imaginary;
    if (!begins_with(&reader, value, LOCACHE_TAG_COMPLEX) ||
        !next_is(&real, &reader, LOCACHE_KIND_REAL) ||
        !next_is(&imaginary, &reader, LOCACHE_KIND_REAL) ||
        locache_cbor_reader_end(&reader) != LOCACHE_OK)
        return false;
    memcpy(out, &real.real, sizeof real.real);
    memcpy(out + 1, &imaginary.real, sizeof imaginary.real);
    return true;
}

static bool read_complex(void *out, const locache_value *value, size_t size)
{
    uint64_t parts[2];
    return two_reals(parts, value) && store_real(out, parts[0], size / 2) &&
           store_real((char *)out + size / 2, parts[1], size / 2);
}

/* As write_long() writes it: doubles, or the tag, [type, bytes]. Another machine's long double has
 * another type, and is no result here. */
static bool read_long(void *out, const locache_value *value, size_t parts)
{
    uint64_t bits[2];
    locache_cbor_reader reader;
    locache_cbor_item item;
    if (parts == 1 ? real_bits(bits, value) : two_reals(bits, value)) {
        for (size_t i = 0; i < parts; i++)
            lc_long_real_widen((char *)out + i * sizeof(long double), bits[i]);
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

bool lc_number_read(void *out, const locache_value *value, unsigned kind, size_t size)
{
    bool truth;
    switch (kind) {
    case LOCACHE_CTYPE_BOOL:
        if (locache_value_bool(&truth, value) != LOCACHE_OK)
            return false;
        memcpy(out, &truth, sizeof truth);
        return true;
    case LOCACHE_CTYPE_INT:
        return read_int(out, value, size);
    case LOCACHE_CTYPE_UINT:
        return read_uint(out, value, size);
    case LOCACHE_CTYPE_LONG_REAL:
        return read_long(out, value, 1);
    case LOCACHE_CTYPE_COMPLEX:
        return read_complex(out, value, size);
    case LOCACHE_CTYPE_LONG_COMPLEX:
        return read_long(out, value, 2);
    default:
        return read_real(out, value, size);
    }
}

/* ------------------------------------------------------------------------------------ failures */

bool lc_number_discardable(unsigned kind)
{
    return kind == LOCACHE_CTYPE_BOOL || kind == LOCACHE_CTYPE_INT || kind == LOCACHE_CTYPE_UINT ||
           kind == LOCACHE_CTYPE_REAL || kind == LOCACHE_CTYPE_LONG_REAL;
}

bool lc_number_discarded(unsigned kind, const void *value, size_t size, unsigned discard)
{
    bool negative, zero, nan = false;
    if (!lc_number_discardable(kind))
        return false;
    if (kind == LOCACHE_CTYPE_REAL) {
        uint64_t bits = load_real(value, size);
        negative = bits >> 63 != 0;
        zero = bits << 1 == 0;
        nan = bits << 1 > UINT64_C(0x7FF) << 53;
    } else if (kind == LOCACHE_CTYPE_LONG_REAL) {
        long double x;
        memcpy(&x, value, sizeof x);
        negative = signbit(x);
        zero = fpclassify(x) == FP_ZERO;
        nan = isnan(x);
    } else {
        negative = kind == LOCACHE_CTYPE_INT && load_int(value, size) < 0;
        zero = load_uint(value, size) == 0;
    }
    return (zero && (discard & LOCACHE_DISCARD_ZERO)) ||
           (negative && !zero && !nan && (discard & LOCACHE_DISCARD_NEGATIVE));
}
