/* Is text well-formed UTF-8, and bytes as hexadecimal digits: what several formats need. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* The length of the well-formed sequence (RFC 3629, section 4) that begins at text, 0 where there
 * is none. */
static size_t sequence(const unsigned char *text, size_t size)
{
    unsigned char first = text[0];
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t length;
    if (first < 0x80)
        return 1;
    /* 80 to BF continue a sequence; C0 and C1 would be overlong, F5 and above beyond U+10FFFF. */
    if (first < 0xC2 || first > 0xF4)
        return 0;
    length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length > size)
        return 0;
    if (first == 0xE0)
        low = 0xA0; /* below: overlong */
    else if (first == 0xED)
        high = 0x9F; /* above: surrogates */
    else if (first == 0xF0)
        low = 0x90; /* below: overlong */
    else if (first == 0xF4)
        high = 0x8F; /* above: beyond U+10FFFF */
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    }
    return length;
}

bool lc_text_is_utf8(const unsigned char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        /* Eight at a time where all are ASCII, as nearly all text is that comes here. */
        if (size - at >= sizeof word) {
            memcpy(&word, text + at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof word;
                continue;
            }
        }
        size_t length = sequence(text + at, size - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

void lc_text_hex(char *out, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

/* Lower case only: what is read back was written by lc_text_hex(), and two spellings of one id
 * would be two names of one directory. */
static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool lc_text_unhex(unsigned char *out, size_t size, const char *text)
{
    for (size_t i = 0; i < size; i++) {
        /* Nothing is looked at past a first digit that is none, which the NUL is. */
        int high = digit_value(text[2 * i]);
        int low = high < 0 ? -1 : digit_value(text[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return text[2 * size] == '\0';
}
