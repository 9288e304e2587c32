/* UTF-8 and hexadecimal digits. No I/O, no allocation. Any thread. */
#ifndef LC_TEXT_H
#define LC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Without overlong forms, surrogates and what lies beyond U+10FFFF. */
bool lc_text_is_utf8(const unsigned char *text, size_t size);

/* 2 * size lower-case hexadecimal digits and a NUL. */
void lc_text_hex(char *out, const unsigned char *bytes, size_t size);
/* The way back: false where text is not exactly 2 * size lower-case hexadecimal digits. */
bool lc_text_unhex(unsigned char *out, size_t size, const char *text);

#endif
