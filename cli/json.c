/* A writer of JSON (RFC 8259) that keeps nothing: listings may have a million rows. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *out_of(const cli_json *json)
{
    return json->to != NULL ? json->to : stdout;
}

static void put(const cli_json *json, int c)
{
    fputc(c, out_of(json));
}

static void separate(cli_json *json)
{
    if (json->comma)
        put(json, ',');
    json->comma = true;
}

void cli_json_open(cli_json *json, char bracket)
{
    separate(json);
    put(json, bracket);
    json->comma = false;
}

void cli_json_close(cli_json *json, char bracket)
{
    put(json, bracket);
    json->comma = true;
}

void cli_json_name(cli_json *json, const char *name)
{
    separate(json);
    fprintf(out_of(json), "\"%s\":", name);
    json->comma = false;
}

/* How many bytes at text are one character of UTF-8 (RFC 3629); 0: none. */
static size_t character(const unsigned char *text, size_t size)
{
    unsigned char lead = text[0];
    unsigned char least = 0x80;
    unsigned char most = 0xBF;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t width = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    /* No longer form than needed, no surrogate, nothing past U+10FFFF. */
    if (lead == 0xE0 || lead == 0xF0)
        least = lead == 0xE0 ? 0xA0 : 0x90;
    if (lead == 0xED || lead == 0xF4)
        most = lead == 0xED ? 0x9F : 0x8F;
    if (width > size || text[1] < least || text[1] > most)
        return 0;
    for (size_t i = 2; i < width; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return width;
}

static unsigned point_of(const unsigned char *text, size_t width)
{
    return width == 2 ? (text[0] & 31U) << 6 | (text[1] & 63U)
                      : (text[0] & 15U) << 12 | (text[1] & 63U) << 6 | (text[2] & 63U);
}

/* Valid, but what a terminal takes for a command, or what makes a text look like another: controls
 * from U+0080 on, and those that turn the direction of writing. */
static bool is_harmful(const unsigned char *text, size_t width)
{
    unsigned point = width == 2 || width == 3 ? point_of(text, width) : 0;
    return (point >= 0x80 && point < 0xA0) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

static void put_character(const cli_json *json, const char *text, size_t width)
{
    if (width == 0)
        fprintf(out_of(json), "\\udc%02x", (unsigned char)*text);
    else if (*text == '"' || *text == '\\')
        fprintf(out_of(json), "\\%c", *text);
    else if ((unsigned char)*text < 0x20 || *text == 0x7F)
        fprintf(out_of(json), "\\u%04x", (unsigned char)*text);
    else if (is_harmful((const unsigned char *)text, width))
        fprintf(out_of(json), "\\u%04x", point_of((const unsigned char *)text, width));
    else
        fwrite(text, 1, width, out_of(json));
}

void cli_json_text(cli_json *json, const char *text, size_t size)
{
    separate(json);
    put(json, '"');
    while (size > 0) {
        size_t width = character((const unsigned char *)text, size);
        put_character(json, text, width);
        text += width > 0 ? width : 1;
        size -= width > 0 ? width : 1;
    }
    put(json, '"');
}

void cli_json_hex(cli_json *json, const char *sign, const unsigned char *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    separate(json);
    put(json, '"');
    fputs(sign, out_of(json));
    for (size_t n = 0; n < size; n++) {
        put(json, digits[data[n] >> 4]);
        put(json, digits[data[n] & 15]);
    }
    put(json, '"');
}

void cli_json_int(cli_json *json, int64_t number)
{
    separate(json);
    fprintf(out_of(json), "%" PRId64, number);
}

void cli_json_uint(cli_json *json, uint64_t number)
{
    separate(json);
    fprintf(out_of(json), "%" PRIu64, number);
}

void cli_json_real(cli_json *json, double number)
{
    char text[32]; /* 17 digits, a sign, a point, an exponent */
    if (!isfinite(number)) {
        cli_json_null(json);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    separate(json);
    /* A real stays one to whoever reads it. */
    fprintf(out_of(json), "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

void cli_json_bool(cli_json *json, bool value)
{
    cli_json_raw(json, value ? "true" : "false");
}

void cli_json_null(cli_json *json)
{
    cli_json_raw(json, "null");
}

void cli_json_raw(cli_json *json, const char *text)
{
    separate(json);
    fputs(text, out_of(json));
}

void cli_json_member_text(cli_json *json, const char *name, const char *text)
{
    cli_json_name(json, name);
    if (text != NULL)
        cli_json_text(json, text, strlen(text));
    else
        cli_json_null(json);
}

void cli_json_member_uint(cli_json *json, const char *name, uint64_t number)
{
    cli_json_name(json, name);
    cli_json_uint(json, number);
}

void cli_json_member_bool(cli_json *json, const char *name, bool value)
{
    cli_json_name(json, name);
    cli_json_bool(json, value);
}

void cli_json_member_time(cli_json *json, const char *name, int64_t nanoseconds)
{
    if (nanoseconds == 0) {
        cli_json_name(json, name);
        cli_json_null(json);
    } else {
        cli_json_member_span(json, name, nanoseconds);
    }
}

void cli_json_member_span(cli_json *json, const char *name, int64_t nanoseconds)
{
    char text[40];
    int64_t whole = nanoseconds / 1000000000;
    int64_t part = nanoseconds % 1000000000;
    cli_json_name(json, name);
    (void)snprintf(text, sizeof text, "%s%" PRId64 ".%09" PRId64, whole == 0 && part < 0 ? "-" : "",
                   whole, part < 0 ? -part : part);
    cli_json_raw(json, text);
}
