/* What a name shows of values that have no form of their own in it. Nothing depends on these words
 * but people: the hash beside them tells the values apart. Content that is not what its tag asks
 * for only shortens them. */
#include "format/decimal.h"
#include "format/name.h"

#include <string.h>

static bool next(locache_item *out, locache_reader *reader, locache_kind kind)
{
    return locache_read(out, reader) == LOCACHE_OK && out->kind == kind;
}

static void put_word(lc_name *name, const char *word)
{
    lc_name_plain(name, word, strlen(word));
}

static void put_number(lc_name *name, uint64_t number)
{
    char numeral[LC_DECIMAL_MAX];
    lc_name_plain(name, numeral, lc_decimal_uint(numeral, number));
}

static void put_counted(lc_name *name, const char *word, uint64_t count)
{
    put_word(name, word);
    lc_name_plain(name, ".", 1);
    put_number(name, count);
}

static bool is_digest(uint64_t tag)
{
    return tag == LOCACHE_TAG_DIGEST || tag == LOCACHE_TAG_TEXT_DIGEST;
}

/* The size of a byte string, or of the one that its digest stands for; 0 where neither is there. */
static uint64_t string_size(locache_reader *reader)
{
    locache_item item;
    if (locache_read(&item, reader) != LOCACHE_OK)
        return 0;
    if (item.kind == LOCACHE_BYTES || item.kind == LOCACHE_TEXT)
        return item.size;
    if (item.kind != LOCACHE_TAG || !is_digest(item.number) || !next(&item, reader, LOCACHE_ARRAY))
        return 0;
    return next(&item, reader, LOCACHE_UINT) ? item.number : 0;
}

/* -------------------------------------------------------------------------------------- numbers */

/* The next item as an integer or a real; 0 where it is none, or too long to show. */
static size_t read_number(char *out, locache_reader *reader)
{
    locache_item item;
    if (locache_read(&item, reader) != LOCACHE_OK)
        return 0;
    return item.kind == LOCACHE_REAL ? lc_decimal_real(out, item.real)
                                     : lc_name_integer(out, &item, reader);
}

/* An integer too long for any name. */
static void put_bignum(lc_name *name, locache_reader *reader)
{
    locache_item magnitude;
    if (next(&magnitude, reader, LOCACHE_BYTES)) {
        put_counted(name, "int", 8 * (uint64_t)magnitude.size);
        put_word(name, "bit");
    }
}

/* [exponent, mantissa]: "1.50" where the point falls within or just before the digits, else
 * "15e-30". */
static void put_decimal(lc_name *name, locache_reader *reader)
{
    /* from there on, zeros are harder to count than an exponent is to read */
    enum { POINT_MAX = 20 };
    char exponent[LC_DECIMAL_MAX];
    char mantissa[LC_DECIMAL_MAX];
    locache_item head;
    locache_reader start;
    if (!next(&head, reader, LOCACHE_ARRAY))
        return;
    start = *reader;
    size_t exponent_size = read_number(exponent, reader);
    size_t size = read_number(mantissa, reader);
    if (exponent_size == 0 || size == 0 || locache_read(&head, &start) != LOCACHE_OK) {
        put_word(name, "decimal");
        return;
    }
    size_t sign = mantissa[0] == '-';
    if (head.kind != LOCACHE_NEGATIVE || head.number >= POINT_MAX) {
        lc_name_plain(name, mantissa, size);
        if (head.kind == LOCACHE_UINT && head.number == 0)
            return;
        put_word(name, "e");
        lc_name_plain(name, exponent, exponent_size);
        return;
    }
    size_t places = (size_t)head.number + 1;
    lc_name_plain(name, mantissa, sign);
    if (size - sign <= places) {
        put_word(name, "0.");
        for (size_t zeros = places - (size - sign); zeros > 0; zeros--)
            put_word(name, "0");
        lc_name_plain(name, mantissa + sign, size - sign);
        return;
    }
    lc_name_plain(name, mantissa + sign, size - sign - places);
    put_word(name, ".");
    lc_name_plain(name, mantissa + size - places, places);
}

/* An array of numbers, each followed by a word of its own. */
static void put_numbers(lc_name *name, locache_reader *reader, const char *word,
                        const char *const units[], size_t count)
{
    char numeral[LC_DECIMAL_MAX];
    locache_item head;
    if (!next(&head, reader, LOCACHE_ARRAY) || head.number != count) {
        put_word(name, word);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = read_number(numeral, reader);
        /* A second part without a sign of its own, as in 1.0+2.0j. */
        if (units[i][0] == 'j' && size > 0 && numeral[0] != '-')
            put_word(name, "+");
        lc_name_plain(name, numeral, size);
        lc_name_escaped(name, (const unsigned char *)units[i], strlen(units[i]));
    }
}

static void put_uuid(lc_name *name, locache_reader *reader)
{
    locache_item item;
    if (!next(&item, reader, LOCACHE_BYTES) || item.size != 16) {
        put_word(name, "uuid");
        return;
    }
    for (size_t i = 0; i < item.size; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            put_word(name, "-");
        lc_name_plain(name, &"0123456789abcdef"[item.data[i] >> 4], 1);
        lc_name_plain(name, &"0123456789abcdef"[item.data[i] & 15], 1);
    }
}

/* --------------------------------------------------------------------------------------- arrays */

static void put_extents(lc_name *name, locache_reader *reader)
{
    locache_item item;
    if (!next(&item, reader, LOCACHE_ARRAY))
        return;
    for (uint64_t i = 0, count = item.number;
         i < count && !name->full && next(&item, reader, LOCACHE_UINT); i++) {
        put_word(name, i == 0 ? "." : "x");
        put_number(name, item.number);
    }
}

/* ".f8" of the RFC 8746 tags: bits 0 to 1 are the size, 3 to 4 say unsigned, signed or real; the
 * byte order is left out. */
static void put_typed(lc_name *name, uint64_t tag)
{
    unsigned kind = (unsigned)(tag >> 3 & 3);
    put_word(name, kind == 0 ? ".u" : kind == 1 ? ".i" : ".f");
    put_number(name, (uint64_t)(kind < 2 ? 1 : 2) << (tag & 3));
}

static bool is_typed(const locache_item *item)
{
    return item->kind == LOCACHE_TAG && item->number >= LOCACHE_TAG_TYPED_FIRST &&
           item->number <= LOCACHE_TAG_TYPED_LAST;
}

/* A NumPy type string without its byte order. */
static void put_type(lc_name *name, const locache_item *type)
{
    size_t order = type->size > 0 && memchr("<>|=", type->data[0], 4) != NULL;
    lc_name_escaped(name, type->data + order, type->size - order);
}

/* [extents, typed array]. */
static void put_ndarray(lc_name *name, locache_reader *reader)
{
    locache_item item;
    put_word(name, "ndarray");
    if (!next(&item, reader, LOCACHE_ARRAY))
        return;
    put_extents(name, reader);
    if (locache_read(&item, reader) == LOCACHE_OK && is_typed(&item))
        put_typed(name, item.number);
}

/* [type string, extents, order, bytes]. */
static void put_other_array(lc_name *name, locache_reader *reader)
{
    locache_item item;
    locache_item type;
    put_word(name, "ndarray");
    if (!next(&item, reader, LOCACHE_ARRAY) || !next(&type, reader, LOCACHE_TEXT))
        return;
    put_extents(name, reader);
    put_word(name, ".");
    put_type(name, &type);
}

/* The value of a NumPy number by its type string: kind, size, and bytes in the order it names. */
static size_t scalar_numeral(char *out, const locache_item *type, const locache_item *bytes)
{
    uint64_t bits = 0;
    if (type->size != 3 || bytes->size == 0 || bytes->size > sizeof bits ||
        type->data[2] != '0' + bytes->size)
        return 0;
    for (size_t i = 0; i < bytes->size; i++)
        bits |= (uint64_t)bytes->data[type->data[0] == '>' ? bytes->size - 1 - i : i] << (8 * i);
    uint64_t sign = UINT64_C(1) << (8 * bytes->size - 1);
    if (type->data[1] == 'u' || type->data[1] == 'b' || (type->data[1] == 'i' && bits < sign))
        return lc_decimal_uint(out, bits);
    if (type->data[1] == 'i')
        return lc_decimal_negative(out, ~bits & (sign - 1));
    if (type->data[1] == 'f' && bytes->size == sizeof(double)) {
        double real;
        memcpy(&real, &bits, sizeof real);
        return lc_decimal_real(out, real);
    }
    if (type->data[1] == 'f' && bytes->size == sizeof(float)) {
        uint32_t half = (uint32_t)bits;
        float real;
        memcpy(&real, &half, sizeof real);
        return lc_decimal_real(out, (double)real);
    }
    return 0;
}

/* [type string, bytes]: "f8.0.5". */
static void put_npscalar(lc_name *name, locache_reader *reader)
{
    char numeral[LC_DECIMAL_MAX];
    locache_item head;
    locache_item type;
    locache_item bytes;
    if (!next(&head, reader, LOCACHE_ARRAY) || !next(&type, reader, LOCACHE_TEXT)) {
        put_word(name, "scalar");
        return;
    }
    put_type(name, &type);
    size_t size = next(&bytes, reader, LOCACHE_BYTES) ? scalar_numeral(numeral, &type, &bytes) : 0;
    if (size > 0)
        put_word(name, ".");
    lc_name_plain(name, numeral, size);
}

/* [type code, bytes]: "array.d.80". */
static void put_pyarray(lc_name *name, locache_reader *reader)
{
    locache_item item;
    put_word(name, "array");
    if (!next(&item, reader, LOCACHE_ARRAY) || !next(&item, reader, LOCACHE_TEXT))
        return;
    put_word(name, ".");
    lc_name_escaped(name, item.data, item.size);
    put_word(name, ".");
    put_number(name, string_size(reader));
}

/* -------------------------------------------------------------------------------------- objects */

/* Find the "module:qualified.name" of what stands for a class or function: text, tagged or not; or
 * an object of its own, made by [metaclass, [name, ...]], as a class within a function is. */
static bool find_global(locache_item *out, locache_reader *reader)
{
    while (locache_read(out, reader) == LOCACHE_OK) {
        if (out->kind == LOCACHE_TEXT)
            return out->size > 0;
        if (out->kind != LOCACHE_TAG)
            return false;
        if (out->number == LOCACHE_TAG_OBJECT &&
            (!next(out, reader, LOCACHE_ARRAY) || locache_skip(reader) != LOCACHE_OK ||
             !next(out, reader, LOCACHE_ARRAY)))
            return false;
    }
    return false;
}

/* The last part of that name. */
static void put_global(lc_name *name, locache_reader *reader, const char *otherwise)
{
    locache_item item;
    if (!find_global(&item, reader)) {
        put_word(name, otherwise);
        return;
    }
    size_t start = item.size;
    while (start > 0 && item.data[start - 1] != '.' && item.data[start - 1] != ':')
        start--;
    lc_name_escaped(name, item.data + start, item.size - start);
}

/* The first arguments that an object is made with, as long as they have a form of their own:
 * "range.0,10,1". */
static void put_arguments(lc_name *name, locache_reader *reader)
{
    enum { SHOWN_MAX = 4 };
    locache_item item;
    if (locache_read(&item, reader) != LOCACHE_OK)
        return;
    if (item.kind == LOCACHE_TAG && item.number == LOCACHE_TAG_TUPLE &&
        locache_read(&item, reader) != LOCACHE_OK)
        return;
    uint64_t count = item.kind == LOCACHE_ARRAY ? item.number : 0;
    for (uint64_t i = 0; i < count && i < SHOWN_MAX && locache_read(&item, reader) == LOCACHE_OK;
         i++) {
        lc_name before = *name;
        put_word(name, i == 0 ? "." : ",");
        if (!lc_name_scalar(name, &item, reader)) {
            *name = before;
            return;
        }
    }
}

/* [class or function, [argument, ...], ...]. */
static void put_object(lc_name *name, locache_reader *reader, bool with_arguments)
{
    locache_item head;
    locache_reader inner;
    if (!next(&head, reader, LOCACHE_ARRAY) || head.number == 0) {
        put_word(name, "object");
        return;
    }
    inner = *reader;
    put_global(name, &inner, "object");
    if (with_arguments && head.number > 1 && locache_skip(reader) == LOCACHE_OK)
        put_arguments(name, reader);
}

/* [class, format, extents, bytes]. */
static void put_view(lc_name *name, locache_reader *reader)
{
    locache_item head;
    locache_reader inner = *reader;
    put_object(name, reader, false);
    if (next(&head, &inner, LOCACHE_ARRAY) && locache_skip(&inner) == LOCACHE_OK &&
        locache_skip(&inner) == LOCACHE_OK)
        put_extents(name, &inner);
}

/* [class, text]. */
static void put_path(lc_name *name, locache_reader *reader)
{
    locache_item item;
    if (next(&item, reader, LOCACHE_ARRAY) && locache_skip(reader) == LOCACHE_OK &&
        next(&item, reader, LOCACHE_TEXT))
        lc_name_escaped(name, item.data, item.size);
    else
        put_word(name, "path");
}

/* Text, or bytes that stand for it. */
static void put_string(lc_name *name, locache_reader *reader, const char *otherwise)
{
    locache_item item;
    if (locache_read(&item, reader) == LOCACHE_OK &&
        (item.kind == LOCACHE_TEXT || item.kind == LOCACHE_BYTES))
        lc_name_escaped(name, item.data, item.size);
    else
        put_word(name, otherwise);
}

static void put_collection(lc_name *name, locache_reader *reader, const char *word)
{
    locache_item head;
    if (next(&head, reader, LOCACHE_ARRAY))
        put_counted(name, word, head.number);
    else
        put_word(name, word);
}

/* NOLINTNEXTLINE(readability-function-size): a flat switch */
static void put_tagged(lc_name *name, uint64_t tag, locache_reader *reader)
{
    static const char *const duration[] = {"d", "s", "us"};
    static const char *const complex[] = {"", "j"};
    static const char *const rational[] = {"/", ""};
    switch (tag) {
    case LOCACHE_TAG_DATETIME:
    case LOCACHE_TAG_LOCALTIME:
    case LOCACHE_TAG_DATE:
    case LOCACHE_TAG_TIME:
        put_string(name, reader, "date");
        return;
    case LOCACHE_TAG_DECIMAL_TEXT:
        put_string(name, reader, "decimal");
        return;
    case LOCACHE_TAG_SURROGATES:
        put_string(name, reader, "text");
        return;
    case LOCACHE_TAG_BIGNUM:
    case LOCACHE_TAG_BIGNUM_NEG:
        put_bignum(name, reader);
        return;
    case LOCACHE_TAG_DECIMAL:
        put_decimal(name, reader);
        return;
    case LOCACHE_TAG_RATIONAL:
        put_numbers(name, reader, "fraction", rational, 2);
        return;
    case LOCACHE_TAG_COMPLEX:
        put_numbers(name, reader, "complex", complex, 2);
        return;
    case LOCACHE_TAG_DURATION:
        put_numbers(name, reader, "duration", duration, 3);
        return;
    case LOCACHE_TAG_UUID:
        put_uuid(name, reader);
        return;
    case LOCACHE_TAG_SET:
        put_collection(name, reader, "set");
        return;
    case LOCACHE_TAG_FROZENSET:
        put_collection(name, reader, "frozenset");
        return;
    case LOCACHE_TAG_TUPLE:
        put_collection(name, reader, "tuple");
        return;
    case LOCACHE_TAG_BYTEARRAY:
        put_counted(name, "bytearray", string_size(reader));
        return;
    case LOCACHE_TAG_NDARRAY:
    case LOCACHE_TAG_NDARRAY_F:
        put_ndarray(name, reader);
        return;
    case LOCACHE_TAG_ARRAY:
        put_other_array(name, reader);
        return;
    case LOCACHE_TAG_SCALAR:
        put_npscalar(name, reader);
        return;
    case LOCACHE_TAG_PYARRAY:
        put_pyarray(name, reader);
        return;
    case LOCACHE_TAG_VIEW:
        put_view(name, reader);
        return;
    case LOCACHE_TAG_OBJECT:
        put_object(name, reader, true);
        return;
    case LOCACHE_TAG_CUSTOM:
    case LOCACHE_TAG_FUNCTION:
        put_object(name, reader, false);
        return;
    case LOCACHE_TAG_GLOBAL:
        put_global(name, reader, "global");
        return;
    case LOCACHE_TAG_PATH:
        put_path(name, reader);
        return;
    case LOCACHE_TAG_DEFAULT:
        put_word(name, "default");
        return;
    default:
        put_counted(name, "tag", tag);
    }
}

void lc_name_hint(lc_name *name, locache_reader value)
{
    locache_item item;
    locache_reader start = value;
    if (locache_read(&item, &value) != LOCACHE_OK)
        return;
    switch (item.kind) {
    case LOCACHE_BYTES:
        put_counted(name, "bytes", item.size);
        return;
    case LOCACHE_ARRAY:
        put_counted(name, "list", item.number);
        return;
    case LOCACHE_MAP:
        put_counted(name, "dict", item.number);
        return;
    case LOCACHE_REAL:
        put_word(name, "nan");
        return;
    case LOCACHE_TAG:
        if (is_digest(item.number))
            put_counted(name, item.number == LOCACHE_TAG_DIGEST ? "bytes" : "text",
                        string_size(&start));
        else
            put_tagged(name, item.number, &value);
        return;
    default:
        return; /* scalars have a form of their own */
    }
}
