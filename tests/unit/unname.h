/* The way back from a readable name to its key, written from docs/format.md alone: an oracle for
 * names without a hash. Each such name says its whole key, so that no two keys share one. */
#ifndef LOCACHE_UNNAME_H
#define LOCACHE_UNNAME_H

#include "locache.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNNAME_MAX 160 /* bytes: more than a name or a part of one has */
#define UNNAME_BYTES 59

static inline bool unname_digits(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return size > 0;
}

/* Percent-decode size bytes of text; false where an escape is broken or not upper-case. */
static inline bool unname_unescape(char *out, size_t *out_size, const char *text, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    *out_size = 0;
    for (size_t i = 0; i < size; i++) {
        char byte = text[i];
        if (byte == '%') {
            if (size - i < 3 || text[i + 1] == '\0' || text[i + 2] == '\0')
                return false;
            const char *high = strchr(hex, text[i + 1]);
            const char *low = strchr(hex, text[i + 2]);
            if (high == NULL || low == NULL)
                return false;
            byte = (char)((high - hex) * 16 + (low - hex));
            i += 2;
        }
        out[(*out_size)++] = byte;
    }
    return true;
}

/* At most 140 decimal digits as big-endian bytes: 10^140 < 256^UNNAME_BYTES. */
static inline void unname_magnitude(unsigned char out[UNNAME_BYTES], const char *text, size_t size)
{
    memset(out, 0, UNNAME_BYTES);
    for (size_t i = 0; i < size; i++) {
        unsigned carry = (unsigned)(text[i] - '0');
        for (size_t at = UNNAME_BYTES; at-- > 0;) {
            carry += 10U * out[at];
            out[at] = (unsigned char)carry;
            carry >>= 8;
        }
    }
}

/* A value without escapes that is a number, None, True or False; false: it is text. */
static inline bool unname_literal(locache_cbor_writer *key, const char *text, size_t size)
{
    char copy[UNNAME_MAX + 1];
    char *end;
    memcpy(copy, text, size);
    copy[size] = '\0';
    bool negative = copy[0] == '-';
    if (strcmp(copy, "None") == 0) {
        locache_cbor_write_null(key);
    } else if (strcmp(copy, "True") == 0 || strcmp(copy, "False") == 0) {
        locache_cbor_write_bool(key, copy[0] == 'T');
    } else if (unname_digits(copy + negative, size - negative)) {
        unsigned char magnitude[UNNAME_BYTES];
        unname_magnitude(magnitude, copy + negative, size - negative);
        locache_cbor_write_bigint(key, negative, magnitude, sizeof magnitude);
    } else if (strcmp(copy, "nan") == 0) {
        locache_cbor_write_real(key, (double)NAN);
    } else if (strcmp(copy, "inf") == 0 || strcmp(copy, "-inf") == 0) {
        locache_cbor_write_real(key, negative ? -HUGE_VAL : HUGE_VAL);
    } else if (size > 0 && strspn(copy, "0123456789+-.e") == size &&
               unname_digits(copy + negative, 1)) {
        double value = strtod(copy, &end);
        if (*end != '\0')
            return false;
        locache_cbor_write_real(key, value);
    } else {
        return false;
    }
    return true;
}

static inline bool unname_value(locache_cbor_writer *key, const char *text, size_t size)
{
    char plain[UNNAME_MAX];
    size_t plain_size;
    if (memchr(text, '%', size) == NULL && unname_literal(key, text, size))
        return true;
    if (!unname_unescape(plain, &plain_size, text, size))
        return false;
    locache_cbor_write_text(key, plain, plain_size);
    return true;
}

static inline bool unname_label(locache_cbor_writer *key, const char *text, size_t size)
{
    char plain[UNNAME_MAX];
    size_t plain_size;
    if (unname_digits(text, size)) {
        unsigned char magnitude[UNNAME_BYTES];
        unname_magnitude(magnitude, text, size);
        locache_cbor_write_bigint(key, false, magnitude, sizeof magnitude);
        return true;
    }
    if (!unname_unescape(plain, &plain_size, text, size))
        return false;
    locache_cbor_write_text(key, plain, plain_size);
    return true;
}

/* Append the key that a name without '~' stands for; false where it is no such name. */
static inline bool unname(locache_cbor_writer *key, const char *name)
{
    uint64_t count = 0;
    for (const char *at = name; *at != '\0'; at++)
        count += *at == '=';
    locache_key_begin(key, count);
    if (count == 0)
        return strcmp(name, "_") == 0;
    for (uint64_t i = 0; i < count; i++) {
        const char *equals = strchr(name, '=');
        size_t size = strcspn(equals + 1, "_");
        if (!unname_label(key, name, (size_t)(equals - name)) ||
            !unname_value(key, equals + 1, size))
            return false;
        name = equals + 1 + size;
        if (*name != (i + 1 < count ? '_' : '\0'))
            return false;
        name++;
    }
    return true;
}

/* What every name must be, hashed or not: of few bytes, in its alphabet, UTF-8, with whole escapes,
 * and no trouble to a shell or a file system. NULL, or what is wrong. */
static inline const char *unname_complaint(const char *name)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,+@-_=%~";
    size_t size = strlen(name);
    if (size == 0 || size > LOCACHE_NAME_MAX)
        return "length";
    if (name[0] == '.' || name[0] == '-' || name[0] == '~')
        return "first byte";
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)name[i] < 0x80 && strchr(alphabet, name[i]) == NULL)
            return "alphabet";
        if (name[i] == '%' && strspn(name + i + 1, "0123456789ABCDEF") < 2)
            return "escape";
        if (name[i] == '~' && (size - i != 33 || strspn(name + i + 1, "0123456789abcdef") != 32))
            return "hash";
    }
    return NULL;
}

#endif
