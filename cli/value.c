/* CBOR, as keys and results are made of it, as JSON. What JSON has no form for is an object whose
 * "type" says what it is. */
#include "value.h"
#include "print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a byte string that are shown where texts are cut. */
#define BYTES_SHOWN 32

static bool lost(cli_shown *to)
{
    cli_json_null(to->json);
    return false;
}

static void put_type(cli_shown *to, const char *type)
{
    cli_json_open(to->json, '{');
    cli_json_member_text(to->json, "type", type);
}

static void show_text(cli_shown *to, const void *text, size_t size)
{
    if (to->text_max == 0 || size <= to->text_max) {
        cli_json_text(to->json, text, size);
        return;
    }
    /* Not within a character. */
    size_t cut = to->text_max;
    while (cut > 0 && (((const unsigned char *)text)[cut] & 0xC0) == 0x80)
        cut--;
    cli_json_text(to->json, text, cut);
    fprintf(to->json->to != NULL ? to->json->to : stdout, "... (%zu bytes)", size);
}

/* Lines of text, as commands print them: nothing that a terminal would take for an order. */
static bool is_plain_text(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        bool blank = text[at] == '\n' || text[at] == '\t' || text[at] == '\r';
        size_t width = blank ? 1 : cli_printable(text + at, size - at);
        if (width == 0)
            return false;
        at += width;
    }
    return size > 0;
}

/* How many they are, and their hexadecimal digits: all, or on a terminal the first. */
static void put_hex(cli_shown *to, const char *sign, const unsigned char *data, size_t size)
{
    bool cut = to->text_max != 0 && size > BYTES_SHOWN;
    cli_json_member_uint(to->json, "size", size);
    cli_json_name(to->json, cut ? "hex_begin" : "hex");
    cli_json_hex(to->json, sign, data, cut ? BYTES_SHOWN : size);
}

void cli_show_bytes(cli_shown *to, const char *type, const void *data, size_t size)
{
    put_type(to, type);
    put_hex(to, "", data, size);
    if (is_plain_text(data, size)) {
        cli_json_name(to->json, "text");
        show_text(to, data, size);
    }
    cli_json_close(to->json, '}');
}

/* JSON has numbers of any size; readers of it that have not, round them. */
static void show_integer(cli_shown *to, const locache_cbor_item *item)
{
    char text[24];
    if (item->kind == LOCACHE_KIND_UINT) {
        cli_json_uint(to->json, item->number);
    } else if (item->number <= INT64_MAX) {
        cli_json_int(to->json, -1 - (int64_t)item->number);
    } else {
        /* -1 - number, of 65 bits: the digits of number + 1. */
        (void)snprintf(text, sizeof text, "-%s",
                       item->number == UINT64_MAX ? "18446744073709551616" : "");
        if (item->number != UINT64_MAX)
            (void)snprintf(text + 1, sizeof text - 1, "%llu", (unsigned long long)item->number + 1);
        cli_json_raw(to->json, text);
    }
}

static void show_real(cli_shown *to, double real)
{
    if (isfinite(real)) {
        cli_json_real(to->json, real);
        return;
    }
    put_type(to, "float");
    cli_json_member_text(to->json, "value", isnan(real) ? "nan" : real > 0 ? "inf" : "-inf");
    cli_json_close(to->json, '}');
}

/* ----------------------------------------------------------------------------------- containers */

/* Is there room for one item more? Where there is not, say so once. */
static bool has_room(cli_shown *to)
{
    if (to->items_max == 0 || to->items < to->items_max) {
        to->items++;
        return true;
    }
    if (to->items == to->items_max)
        cli_json_raw(to->json, "...");
    to->items = to->items_max + 1;
    return false;
}

static bool show_items(cli_shown *to, locache_cbor_reader *reader, uint64_t count)
{
    bool sound = true;
    cli_json_open(to->json, '[');
    for (uint64_t i = 0; i < count && sound; i++)
        sound = has_room(to) ? cli_show_item(to, reader) : locache_cbor_skip(reader) == LOCACHE_OK;
    cli_json_close(to->json, ']');
    return sound;
}

/* Are all keys of the pairs that follow texts? */
static bool has_text_keys(locache_cbor_reader reader, uint64_t count)
{
    locache_cbor_item key;
    for (uint64_t i = 0; i < count; i++)
        if (locache_cbor_read(&key, &reader) != LOCACHE_OK || key.kind != LOCACHE_KIND_TEXT ||
            locache_cbor_skip(&reader) != LOCACHE_OK)
            return false;
    return true;
}

static bool show_member(cli_shown *to, locache_cbor_reader *reader)
{
    locache_cbor_item key;
    if (locache_cbor_read(&key, reader) != LOCACHE_OK)
        return false;
    cli_json_text(to->json, (const char *)key.data, key.size);
    fputc(':', to->json->to != NULL ? to->json->to : stdout);
    to->json->comma = false;
    return cli_show_item(to, reader);
}

static bool skip_pair(locache_cbor_reader *reader)
{
    if (locache_cbor_skip(reader) != LOCACHE_OK)
        return false;
    return locache_cbor_skip(reader) == LOCACHE_OK;
}

static bool show_map(cli_shown *to, locache_cbor_reader *reader, uint64_t count)
{
    bool sound = true;
    bool as_object = has_text_keys(*reader, count);
    if (as_object) {
        cli_json_open(to->json, '{');
    } else {
        put_type(to, "dict");
        cli_json_name(to->json, "items");
        cli_json_open(to->json, '[');
    }
    for (uint64_t i = 0; i < count && sound; i++) {
        if (!has_room(to)) {
            sound = skip_pair(reader);
        } else if (as_object) {
            sound = show_member(to, reader);
        } else {
            cli_json_open(to->json, '[');
            sound = cli_show_item(to, reader);
            if (sound)
                sound = cli_show_item(to, reader);
            cli_json_close(to->json, ']');
        }
    }
    if (!as_object)
        cli_json_close(to->json, ']');
    cli_json_close(to->json, '}');
    return sound;
}

/* ----------------------------------------------------------------------------------------- tags */

/* Bytes of an integer that is a number of JSON: 4,299 digits, since Python's json refuses to read
 * more than 4,300. On a terminal it is a line or two. */
#define NUMBER_MAX 1785
#define NUMBER_MAX_SHOWN 128
/* Nine digits at a time: what is left of a division and a byte more fit into 64 bits. */
#define NINE_DIGITS 1000000000U

/* Of at most NUMBER_MAX bytes, which are divided until nothing is left. */
static void put_decimal(cli_json *json, const char *sign, unsigned char *magnitude, size_t size)
{
    char text[3 * NUMBER_MAX]; /* a byte is 2.4 digits */
    size_t at = sizeof text - 1;
    size_t first = 0;
    text[at] = '\0';
    while (first < size) {
        uint64_t rest = 0;
        for (size_t i = first; i < size; i++) {
            rest = rest << 8 | magnitude[i];
            magnitude[i] = (unsigned char)(rest / NINE_DIGITS);
            rest %= NINE_DIGITS;
        }
        for (int n = 0; n < 9; n++, rest /= 10)
            text[--at] = (char)('0' + rest % 10);
        while (first < size && magnitude[first] == 0)
            first++;
    }
    while (text[at] == '0')
        at++;
    if (text[at] == '\0')
        text[--at] = '0';
    if (sign[0] != '\0')
        text[--at] = sign[0];
    cli_json_raw(json, text + at);
}

/* Negative ones stand for -1 - n: one is added. */
static bool show_bignum(cli_shown *to, bool negative, const unsigned char *data, size_t size)
{
    const char *sign = negative ? "-" : "";
    size_t first = 0;
    unsigned char *magnitude = malloc(size + 1);
    if (magnitude == NULL)
        return false;
    magnitude[0] = 0;
    memcpy(magnitude + 1, data, size);
    size_t carry = negative ? size + 1 : 0;
    while (carry-- > 0 && ++magnitude[carry] == 0)
        ;
    while (first < size && magnitude[first] == 0)
        first++;
    size = size + 1 - first;
    if (size <= (to->text_max != 0 ? NUMBER_MAX_SHOWN : NUMBER_MAX)) {
        put_decimal(to->json, sign, magnitude + first, size);
    } else {
        put_type(to, "int");
        put_hex(to, sign, magnitude + first, size);
        cli_json_close(to->json, '}');
    }
    free(magnitude);
    return true;
}

/* A buffer of the value, by the number that comes. */
static const void *read_buffer(size_t *size, const cli_shown *to, locache_cbor_reader *reader)
{
    locache_cbor_item n;
    if (to->value == NULL || locache_cbor_read(&n, reader) != LOCACHE_OK ||
        n.kind != LOCACHE_KIND_UINT || n.number >= locache_value_buffer_count(to->value))
        return NULL;
    return locache_value_buffer(size, to->value, (size_t)n.number);
}

/* A byte string, which lies in a buffer where it is long. NULL: it is none. */
static const void *read_bytes(size_t *size, const cli_shown *to, locache_cbor_reader *reader)
{
    locache_cbor_item item;
    if (locache_cbor_read(&item, reader) != LOCACHE_OK)
        return NULL;
    if (item.kind == LOCACHE_KIND_TAG && item.number == LOCACHE_TAG_BUFFER)
        return read_buffer(size, to, reader);
    *size = item.size;
    return item.kind == LOCACHE_KIND_BYTES ? item.data : NULL;
}

static bool show_buffer(cli_shown *to, uint64_t tag, locache_cbor_reader *reader)
{
    size_t size = 0;
    const void *data = read_buffer(&size, to, reader);
    if (data == NULL)
        return false;
    if (tag == LOCACHE_TAG_TEXT_BUFFER)
        show_text(to, data, size);
    else
        cli_show_bytes(to, "bytes", data, size);
    return true;
}

/* A tag of which no more is known than what is in it. */
static bool show_tagged(cli_shown *to, uint64_t tag, locache_cbor_reader *reader)
{
    static const struct {
        uint64_t tag;
        const char *type;
    } names[] = {{LOCACHE_TAG_DECIMAL, "decimal"},     {LOCACHE_TAG_RATIONAL, "fraction"},
                 {LOCACHE_TAG_COMPLEX, "complex"},     {LOCACHE_TAG_DURATION, "duration"},
                 {LOCACHE_TAG_REFERENCE, "reference"}, {LOCACHE_TAG_DIGEST, "digest of bytes"},
                 {LOCACHE_TAG_SCALAR, "scalar"},       {LOCACHE_TAG_PYARRAY, "array"},
                 {LOCACHE_TAG_OBJECT, "object"},       {LOCACHE_TAG_GLOBAL, "global"},
                 {LOCACHE_TAG_FUNCTION, "function"},   {LOCACHE_TAG_CUSTOM, "object"},
                 {LOCACHE_TAG_DEFAULT, "default"},     {LOCACHE_TAG_PATH, "path"},
                 {LOCACHE_TAG_VIEW, "view"},           {LOCACHE_TAG_TEXT_DIGEST, "digest of text"},
                 {LOCACHE_TAG_PART, "digest of part"}, {LOCACHE_TAG_CYCLE, "cycle"},
                 {LOCACHE_TAG_MEMBER, "cycle"},        {LOCACHE_TAG_ANCESTOR, "ancestor"},
                 {LOCACHE_TAG_CLASS, "class"}};
    const char *type = "tag";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].tag == tag)
            type = names[i].type;
    put_type(to, type);
    if (strcmp(type, "tag") == 0)
        cli_json_member_uint(to->json, "tag", tag);
    cli_json_name(to->json, "value");
    bool sound = cli_show_item(to, reader);
    cli_json_close(to->json, '}');
    return sound;
}

static bool show_integer_tag(cli_shown *to, bool negative, locache_cbor_reader *reader)
{
    size_t size = 0;
    const void *data = read_bytes(&size, to, reader);
    return data != NULL && show_bignum(to, negative, data, size);
}

static bool show_bytes_tag(cli_shown *to, const char *type, locache_cbor_reader *reader)
{
    size_t size = 0;
    const void *data = read_bytes(&size, to, reader);
    if (data != NULL)
        cli_show_bytes(to, type, data, size);
    return data != NULL;
}

static bool show_tag(cli_shown *to, uint64_t tag, locache_cbor_reader *reader)
{
    switch (tag) {
    case LOCACHE_TAG_BUFFER:
    case LOCACHE_TAG_TEXT_BUFFER:
        return show_buffer(to, tag, reader) || lost(to);
    case LOCACHE_TAG_NDARRAY:
    case LOCACHE_TAG_NDARRAY_F:
    case LOCACHE_TAG_ARRAY:
        return cli_show_array(to, tag, reader) || lost(to);
    /* Of these the content says all that JSON can. */
    case LOCACHE_TAG_DATETIME:
    case LOCACHE_TAG_DATE:
    case LOCACHE_TAG_LOCALTIME:
    case LOCACHE_TAG_TIME:
    case LOCACHE_TAG_DECIMAL_TEXT:
    case LOCACHE_TAG_SHARED:
    case LOCACHE_TAG_SET:
    case LOCACHE_TAG_TUPLE:
    case LOCACHE_TAG_FROZENSET:
    case LOCACHE_TAG_READONLY:
        return cli_show_item(to, reader);
    case LOCACHE_TAG_BIGNUM:
    case LOCACHE_TAG_BIGNUM_NEG:
        return show_integer_tag(to, tag == LOCACHE_TAG_BIGNUM_NEG, reader) || lost(to);
    case LOCACHE_TAG_BYTEARRAY:
        return show_bytes_tag(to, "bytearray", reader) || lost(to);
    case LOCACHE_TAG_UUID:
        return show_bytes_tag(to, "uuid", reader) || lost(to);
    default:
        return show_tagged(to, tag, reader);
    }
}

/* --------------------------------------------------------------------------------------- values */

static bool show_read(cli_shown *to, const locache_cbor_item *item, locache_cbor_reader *reader)
{
    switch (item->kind) {
    case LOCACHE_KIND_UINT:
    case LOCACHE_KIND_NEGATIVE:
        show_integer(to, item);
        return true;
    case LOCACHE_KIND_BYTES:
        cli_show_bytes(to, "bytes", item->data, item->size);
        return true;
    case LOCACHE_KIND_TEXT:
        show_text(to, item->data, item->size);
        return true;
    case LOCACHE_KIND_ARRAY:
        return show_items(to, reader, item->number);
    case LOCACHE_KIND_MAP:
        return show_map(to, reader, item->number);
    case LOCACHE_KIND_TAG:
        return show_tag(to, item->number, reader);
    case LOCACHE_KIND_FALSE:
    case LOCACHE_KIND_TRUE:
        cli_json_bool(to->json, item->kind == LOCACHE_KIND_TRUE);
        return true;
    case LOCACHE_KIND_REAL:
        show_real(to, item->real);
        return true;
    default:
        cli_json_null(to->json);
        return true;
    }
}

bool cli_show_item(cli_shown *to, locache_cbor_reader *reader)
{
    locache_cbor_item item;
    if (to->depth > LOCACHE_DEPTH_MAX || locache_cbor_read(&item, reader) != LOCACHE_OK)
        return lost(to);
    to->depth++;
    bool sound = show_read(to, &item, reader);
    to->depth--;
    return sound;
}

void cli_show_opaque(cli_shown *to, const locache_value *value)
{
    size_t size;
    const void *body = locache_value_body(&size, value);
    if (locache_value_codec(value) != LOCACHE_CODEC_PICKLE) {
        cli_show_bytes(to, "raw", body, size);
        return;
    }
    uint64_t whole = size;
    for (size_t n = 0; n < locache_value_buffer_count(value); n++) {
        size_t more;
        (void)locache_value_buffer(&more, value, n);
        whole += more;
    }
    put_type(to, "pickle");
    cli_json_member_uint(to->json, "size", whole);
    cli_json_close(to->json, '}');
}
