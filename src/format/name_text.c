/* The letters of a name: atoms, labels, and values that have a form of their own.
 *
 * What keeps names apart is the alphabet: a label has no '=', a value no '_', and neither has a '~'
 * or a '%' that is not an escape's. So where a label, a value, a hash or an escape begins can be
 * told from the name alone. No name has a '/' or a NUL, nor a '.' at its start, which a function
 * directory keeps for what is not an entry. */
#include "format/decimal.h"
#include "format/name.h"

#include <string.h>

static bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_alphanumeric(unsigned char byte)
{
    return is_digit(byte) || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static bool plain_in_value(unsigned char byte)
{
    return is_alphanumeric(byte) || byte == '.' || byte == ',' || byte == '+' || byte == '@' ||
           byte == '-';
}

static bool plain_in_label(unsigned char byte)
{
    return is_alphanumeric(byte) || byte == '_' || byte >= 0x80;
}

/* The bytes of one character: the first, and what continues it. Of broken UTF-8 some byte or other,
 * but never none, nor more than there are. */
static size_t character_size(const unsigned char *text, size_t size)
{
    size_t length = 1;
    while (text[0] >= 0xC0 && length < size && length < 4 && (text[length] & 0xC0) == 0x80)
        length++;
    return length;
}

/* One character (at most 4 bytes), escaped whole: as one atom it is never cut, so that what stands
 * before a hash is a person's characters. */
static void put_escaped(lc_name *name, const unsigned char *text, size_t size)
{
    char atom[12];
    for (size_t i = 0; i < size; i++) {
        atom[3 * i] = '%';
        atom[3 * i + 1] = "0123456789ABCDEF"[text[i] >> 4];
        atom[3 * i + 2] = "0123456789ABCDEF"[text[i] & 15];
    }
    lc_name_atom(name, atom, 3 * size);
}

void lc_name_escaped(lc_name *name, const unsigned char *text, size_t size)
{
    for (size_t at = 0; at < size && !name->full;) {
        size_t length = character_size(text + at, size - at);
        if (plain_in_value(text[at]))
            lc_name_atom(name, &(char){(char)text[at]}, 1);
        else
            put_escaped(name, text + at, length);
        at += length;
    }
}

void lc_name_label(lc_name *name, const locache_cbor_item *label)
{
    if (label->kind == LOCACHE_KIND_UINT) {
        char numeral[LC_DECIMAL_MAX];
        lc_name_plain(name, numeral, lc_decimal_uint(numeral, label->number));
        return;
    }
    for (size_t at = 0; at < label->size && !name->full;) {
        const unsigned char *text = label->data + at;
        size_t length = character_size(text, label->size - at);
        /* A first digit is escaped: it would be a position. */
        if (plain_in_label(text[0]) && !(at == 0 && is_digit(text[0])))
            lc_name_atom(name, (const char *)text, length);
        else
            put_escaped(name, text, length);
        at += length;
    }
}

static size_t count_digits(const unsigned char *text, size_t size)
{
    size_t count = 0;
    while (count < size && is_digit(text[count]))
        count++;
    return count;
}

/* Is the text one of these words? ASCII case aside where any_case, the words being lower-case
 * then. */
static bool is_word(const unsigned char *text, size_t size, const char *const *words, bool any_case)
{
    for (; *words != NULL; words++) {
        if (strlen(*words) != size)
            continue;
        size_t at = 0;
        while (at < size && (any_case ? text[at] | 0x20 : text[at]) == (unsigned char)(*words)[at])
            at++;
        if (at == size)
            return true;
    }
    return false;
}

/* Could the text be taken for a number, None, True or False, by what Python's int() and float()
 * read? Only what stays free of escapes matters: spaces, underscores and digits beyond ASCII are
 * escaped anyway. */
static bool looks_literal(const unsigned char *text, size_t size)
{
    static const char *const constants[] = {"None", "True", "False", NULL};
    static const char *const reals[] = {"inf", "infinity", "nan", NULL};
    if (is_word(text, size, constants, false))
        return true;
    /* [+-] ( words | digits [. digits] [e [+-] digits] ), with a digit before the exponent. */
    const unsigned char *end = text + size;
    if (text < end && (*text == '+' || *text == '-'))
        text++;
    if (is_word(text, (size_t)(end - text), reals, true))
        return true;

    size_t whole = count_digits(text, (size_t)(end - text));
    size_t fraction = 0;
    text += whole;
    if (text < end && *text == '.') {
        text++;
        fraction = count_digits(text, (size_t)(end - text));
        text += fraction;
    }
    if (whole == 0 && fraction == 0)
        return false;
    if (text == end)
        return true;
    if ((*text | 0x20) != 'e')
        return false;
    text++;
    if (text < end && (*text == '+' || *text == '-'))
        text++;
    size_t exponent = count_digits(text, (size_t)(end - text));
    return exponent > 0 && text + exponent == end;
}

/* Bare, but x=1 is the integer: the text "1" has its first byte escaped, x=%31. */
static void put_text(lc_name *name, const unsigned char *text, size_t size)
{
    if (looks_literal(text, size)) {
        put_escaped(name, text, 1);
        lc_name_escaped(name, text + 1, size - 1);
    } else {
        lc_name_escaped(name, text, size);
    }
}

size_t lc_name_integer(char *out, const locache_cbor_item *item, locache_cbor_reader *reader)
{
    if (item->kind == LOCACHE_KIND_UINT)
        return lc_decimal_uint(out, item->number);
    if (item->kind == LOCACHE_KIND_NEGATIVE)
        return lc_decimal_negative(out, item->number);
    if (item->kind != LOCACHE_KIND_TAG ||
        (item->number != LOCACHE_TAG_BIGNUM && item->number != LOCACHE_TAG_BIGNUM_NEG))
        return 0;
    locache_cbor_item magnitude;
    /* Digits that would not fit a name are not worked out: that is quadratic in their number. */
    if (locache_cbor_read(&magnitude, reader) != LOCACHE_OK ||
        magnitude.size > LC_DECIMAL_BYTES_MAX)
        return 0;
    return lc_decimal_bigint(out, item->number == LOCACHE_TAG_BIGNUM_NEG, magnitude.data,
                             magnitude.size);
}

/* A NaN that has no name: all but the one that is "nan" have a sign or a payload, and are other
 * keys. By its bits: a comparison of NaNs may be a trap. */
static bool is_odd_nan(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits << 1 > UINT64_C(0xFFE0000000000000) && bits != UINT64_C(0x7FF8000000000000);
}

bool lc_name_scalar(lc_name *name, const locache_cbor_item *item, locache_cbor_reader *reader)
{
    char numeral[LC_DECIMAL_MAX];
    size_t size = 0;
    switch (item->kind) {
    case LOCACHE_KIND_TEXT:
        put_text(name, item->data, item->size);
        return true;
    case LOCACHE_KIND_NULL:
        lc_name_plain(name, "None", 4);
        return true;
    case LOCACHE_KIND_TRUE:
        lc_name_plain(name, "True", 4);
        return true;
    case LOCACHE_KIND_FALSE:
        lc_name_plain(name, "False", 5);
        return true;
    case LOCACHE_KIND_REAL:
        if (!is_odd_nan(item->real))
            size = lc_decimal_real(numeral, item->real);
        break;
    default:
        size = lc_name_integer(numeral, item, reader);
    }
    /* None: no scalar, a NaN that is not the plain one, or too many digits. */
    lc_name_plain(name, numeral, size);
    return size > 0;
}
