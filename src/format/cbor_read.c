/* Reading CBOR: strictly what the writer writes.
 *
 * What is read may have been made up. Every head is held to what is left of the input before anyone
 * allocates by it, so that five bytes cannot announce a list of four billion items; nothing here
 * allocates or recurses, and depth is bounded. Strictly: a head or a real that could be shorter, an
 * indefinite length and an unknown simple value are refused, so that two byte strings that differ
 * are never one value. */
#include "base/text.h"
#include "format/cbor.h"

#include <string.h>

/* ---------------------------------------------------------------------------------------- reals */

/* Narrow a binary64 to a format of so many exponent and fraction bits; false where that would
 * change a bit of it. Integer arithmetic throughout: passing a signalling NaN through a conversion
 * would make it quiet. */
static inline bool narrow(uint64_t *out, uint64_t bits, unsigned exponent_bits,
                          unsigned fraction_bits)
{
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const uint64_t exponent_mask = ((uint64_t)1 << exponent_bits) - 1;
    uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    uint64_t exponent_field = bits >> 52 & 0x7FF;
    uint64_t sign = bits >> 63 << (exponent_bits + fraction_bits);
    int exponent = (int)exponent_field - 1023;
    unsigned shift = 52 - fraction_bits;
    uint64_t field;
    if (exponent_field == 0x7FF) { /* infinity, NaN */
        field = exponent_mask;
    } else if (exponent_field == 0 && fraction == 0) {
        field = 0;
    } else if (exponent > bias || exponent < 1 - bias - (int)fraction_bits) {
        return false;
    } else if (exponent < 1 - bias) { /* subnormal there: the leading one becomes explicit */
        fraction |= (uint64_t)1 << 52;
        shift += (unsigned)(1 - bias - exponent);
        field = 0;
    } else {
        field = (uint64_t)(exponent + bias);
    }
    if ((fraction & (((uint64_t)1 << shift) - 1)) != 0)
        return false;
    *out = sign | field << fraction_bits | fraction >> shift;
    return true;
}

unsigned lc_real_shortest(uint64_t *out, uint64_t bits)
{
    /* binary32 has all that binary16 has: where the first fails, so does the second. */
    if (!narrow(out, bits, 8, 23)) {
        *out = bits;
        return 8;
    }
    return narrow(out, bits, 5, 10) ? 2 : 4;
}

/* ---------------------------------------------------------------------------------------- heads */

/* size: 1, 2, 4 or 8. Each is one instruction or two once the compiler knows which. */
static inline uint64_t load_big_endian(const unsigned char *at, unsigned size)
{
    uint64_t value = 0;
    switch (size) {
    case 8:
        for (unsigned i = 0; i < 8; i++)
            value |= (uint64_t)at[i] << (56 - 8 * i);
        return value;
    case 4:
        return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    case 2:
        return (uint32_t)at[0] << 8 | at[1];
    default:
        return at[0];
    }
}

/* The argument of the head at `at` (RFC 8949, 3), which moves past it; false where it is cut off or
 * reserved. `size` is how many bytes it took after the first. */
static inline bool read_argument(uint64_t *out, unsigned *size, const unsigned char **at,
                                 const unsigned char *end)
{
    unsigned low = **at & 31;
    unsigned char const *next = *at + 1;
    *size = 0;
    *out = low;
    if (low >= 24) {
        if (low > 27) /* reserved, or an indefinite length */
            return false;
        *size = 1U << (low - 24);
        if ((size_t)(end - next) < *size)
            return false;
        *out = load_big_endian(next, *size);
    }
    *at = next + *size;
    return true;
}

/* Would a shorter head have done? */
static inline bool overlong(uint64_t argument, unsigned size)
{
    static const uint64_t least[] = {
        [1] = 24, [2] = UINT64_C(1) << 8, [4] = UINT64_C(1) << 16, [8] = UINT64_C(1) << 32};
    return size > 0 && argument < least[size];
}

/* Widen an encoding of so many exponent and fraction bits to the bits of a binary64, NaN payloads
 * kept. */
static uint64_t widen(uint64_t encoding, unsigned exponent_bits, unsigned fraction_bits)
{
    const uint64_t exponent_mask = ((uint64_t)1 << exponent_bits) - 1;
    const uint64_t implicit = (uint64_t)1 << fraction_bits;
    uint64_t sign = encoding >> (exponent_bits + fraction_bits) << 63;
    uint64_t exponent = encoding >> fraction_bits & exponent_mask;
    uint64_t fraction = encoding & (implicit - 1);
    uint64_t rebias = 1023 - (exponent_mask >> 1);
    if (exponent == exponent_mask) {
        exponent = 0x7FF;
    } else if (exponent != 0) {
        exponent += rebias;
    } else if (fraction != 0) { /* subnormal there, normal here */
        exponent = rebias + 1;
        while ((fraction & implicit) == 0) {
            fraction <<= 1;
            exponent--;
        }
        fraction &= implicit - 1;
    }
    return sign | exponent << 52 | fraction << (52 - fraction_bits);
}

uint64_t lc_real_widen(uint32_t bits)
{
    return widen(bits, 8, 23);
}

bool lc_real_narrow(uint32_t *out, uint64_t bits)
{
    uint64_t encoding;
    if (!narrow(&encoding, bits, 8, 23))
        return false;
    *out = (uint32_t)encoding;
    return true;
}

/* Major type 7. */
static locache_status read_other(locache_cbor_item *out, uint64_t argument, unsigned size)
{
    uint64_t bits = argument;
    uint64_t shortest;
    if (size < 2) {
        /* Of the simple values only these are used; with a byte of their own none is. */
        if (size > 0 || argument < LOCACHE_KIND_FALSE || argument > LOCACHE_KIND_NULL)
            return LOCACHE_ECORRUPT;
        *out = (locache_cbor_item){.kind = (locache_cbor_kind)argument};
        return LOCACHE_OK;
    }
    if (size < 8)
        bits = size == 2 ? widen(argument, 5, 10) : widen(argument, 8, 23);
    if (lc_real_shortest(&shortest, bits) != size)
        return LOCACHE_ECORRUPT;
    *out = (locache_cbor_item){.kind = LOCACHE_KIND_REAL};
    memcpy(&out->real, &bits, sizeof bits);
    return LOCACHE_OK;
}

/* -------------------------------------------------------------------------------------- reading */

void locache_cbor_reader_init(locache_cbor_reader *reader, const void *data, size_t size)
{
    /* Arithmetic on a null pointer is undefined, even by nothing. */
    static const unsigned char nothing[1];
    reader->at = size > 0 ? data : nothing;
    reader->end = reader->at + size;
}

/* Does a bignum follow that an integer could not hold and that has no leading zeros? */
static bool is_bignum(const unsigned char *at, const unsigned char *end)
{
    uint64_t length;
    unsigned size;
    if (at == end || *at >> 5 != LOCACHE_KIND_BYTES || !read_argument(&length, &size, &at, end))
        return false;
    return length > sizeof(uint64_t) && length <= (size_t)(end - at) && *at != 0;
}

/* Can what the head announces be there? */
static bool content_possible(locache_cbor_kind kind, uint64_t argument, const unsigned char *at,
                             const unsigned char *end)
{
    size_t left = (size_t)(end - at);
    switch (kind) {
    case LOCACHE_KIND_BYTES:
        return argument <= left;
    case LOCACHE_KIND_TEXT:
        return argument <= left && lc_text_is_utf8(at, (size_t)argument);
    case LOCACHE_KIND_ARRAY:
        return argument <= left; /* every item is a byte at least */
    case LOCACHE_KIND_MAP:
        return argument <= left / 2;
    case LOCACHE_KIND_TAG:
        if (argument == LOCACHE_TAG_BIGNUM || argument == LOCACHE_TAG_BIGNUM_NEG)
            return is_bignum(at, end);
        return left > 0;
    default:
        return true;
    }
}

locache_status locache_cbor_read(locache_cbor_item *out, locache_cbor_reader *reader)
{
    const unsigned char *at = reader->at;
    uint64_t argument;
    unsigned size;
    if (at == reader->end)
        return LOCACHE_END;
    unsigned major = *at >> 5;
    if (!read_argument(&argument, &size, &at, reader->end))
        return LOCACHE_ECORRUPT;
    if (major == 7) {
        locache_status status = read_other(out, argument, size);
        if (status == LOCACHE_OK)
            reader->at = at;
        return status;
    }
    locache_cbor_kind kind = (locache_cbor_kind)major;
    if (overlong(argument, size) || !content_possible(kind, argument, at, reader->end))
        return LOCACHE_ECORRUPT;
    if (kind == LOCACHE_KIND_BYTES || kind == LOCACHE_KIND_TEXT) {
        *out = (locache_cbor_item){.kind = kind, .data = at, .size = (size_t)argument};
        at += argument;
    } else {
        *out = (locache_cbor_item){.kind = kind, .number = argument};
    }
    reader->at = at;
    return LOCACHE_OK;
}

/* How many items lie directly within one. */
static uint64_t children(const locache_cbor_item *item)
{
    switch (item->kind) {
    case LOCACHE_KIND_ARRAY:
        return item->number;
    case LOCACHE_KIND_MAP:
        return item->number * 2;
    case LOCACHE_KIND_TAG:
        return 1;
    default:
        return 0;
    }
}

locache_status locache_cbor_skip(locache_cbor_reader *reader)
{
    /* Items still to come, of every array, map and tag that is open. Not by recursion: input must
     * not decide how much stack is used. */
    uint64_t pending[LOCACHE_DEPTH_MAX];
    size_t depth = 0;
    locache_cbor_reader inner = *reader;
    locache_cbor_item item;
    do {
        locache_status status = locache_cbor_read(&item, &inner);
        if (status != LOCACHE_OK)
            return status == LOCACHE_END && depth > 0 ? LOCACHE_ECORRUPT : status;
        /* Twice a map's pairs is no overflow: locache_cbor_read() held them to the bytes left. */
        uint64_t count = children(&item);
        if (count > 0) {
            if (depth == LOCACHE_DEPTH_MAX)
                return LOCACHE_ELIMIT;
            pending[depth++] = count;
            continue;
        }
        while (depth > 0 && --pending[depth - 1] == 0)
            depth--;
    } while (depth > 0);
    reader->at = inner.at;
    return LOCACHE_OK;
}

locache_status locache_cbor_reader_end(const locache_cbor_reader *reader)
{
    return reader->at == reader->end ? LOCACHE_OK : LOCACHE_ECORRUPT;
}

locache_status lc_cbor_check(const void *data, size_t size)
{
    locache_cbor_reader reader;
    locache_cbor_reader_init(&reader, data, size);
    locache_status status = locache_cbor_skip(&reader);
    if (status != LOCACHE_OK)
        return status == LOCACHE_END ? LOCACHE_ECORRUPT : status;
    return locache_cbor_reader_end(&reader);
}
