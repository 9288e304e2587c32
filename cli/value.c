/* CBOR, as keys and results are made of it, as JSON. What JSON has no form for is an object whose
 * "type" says what it is. */
#include "value.h"
#include "print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a byte string that are shown, where long texts are cut. */
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

/* Whole, or the first of them; where they are lines of text and whole as these, no more. */
void cli_show_bytes(cli_shown *to, const char *type, const void *data, size_t size)
{
    bool is_text = is_plain_text(data, size);
    bool is_whole = size <= BYTES_SHOWN || (to->text_max == 0 && !is_text);
    put_type(to, type);
    cli_json_member_uint(to->json, "size", size);
    if (is_whole || to->text_max != 0) {
        cli_json_name(to->json, is_whole ? "hex" : "hex_begin");
        cli_json_hex(to->json, data, is_whole ? size : BYTES_SHOWN);
    }
    if (is_text) {
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

/* What is shown of an integer as a number: beyond that its digits take seconds, for a reader who
 * has no use for them. Cut, as long texts are: a few lines. */
#define INTEGER_WHOLE ((size_t)64 << 10)
#define INTEGER_CUT 128
#define LIMB UINT32_C(1000000000)
#define LIMB_DIGITS 9

/* A magnitude in limbs of nine digits, the lowest first: how many, of as many as there is room
 * for. */
static size_t read_limbs(uint32_t *limbs, const unsigned char *data, size_t size, bool add_one)
{
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        uint64_t carry = 0;
        unsigned bits = 0;
        do {
            carry = carry << 8 | data[at++];
            bits += 8;
        } while ((size - at) % sizeof(uint32_t) != 0);
        for (size_t i = 0; i < count || carry > 0; i++) {
            carry += i < count ? (uint64_t)limbs[i] << bits : 0;
            limbs[i] = (uint32_t)(carry % LIMB);
            carry /= LIMB;
            count = i < count ? count : i + 1;
        }
    }
    for (size_t i = 0; add_one; i++) {
        limbs[i] = i < count ? limbs[i] + 1 : 1;
        count = i < count ? count : i + 1;
        add_one = limbs[i] == LIMB;
        if (add_one)
            limbs[i] = 0;
    }
    return count;
}

/* An integer of any size. Tag 3 stands for -1 - n. False: it is too long to be shown as one. */
static bool show_bignum(cli_shown *to, bool negative, const unsigned char *data, size_t size)
{
    if (size == 0 || size > (to->text_max == 0 ? INTEGER_WHOLE : INTEGER_CUT))
        return false;
    /* A byte is 2.41 digits. */
    size_t room = size * 5 / 2 / LIMB_DIGITS + 3;
    uint32_t *limbs = calloc(room, sizeof *limbs);
    char *text = malloc(room * LIMB_DIGITS + 2);
    bool shown = limbs != NULL && text != NULL;
    if (shown) {
        size_t count = read_limbs(limbs, data, size, negative);
        char *at =
            text + sprintf(text, "%s%u", negative ? "-" : "", count > 0 ? limbs[count - 1] : 0);
        while (count-- > 1)
            at += sprintf(at, "%09u", limbs[count - 1]);
        cli_json_raw(to->json, text);
    }
    free(limbs);
    free(text);
    return shown;
}

/* What the bytes of a tag are, where its content is a byte string: its type's name. */
static const char *bytes_type(uint64_t tag)
{
    switch (tag) {
    case LOCACHE_TAG_BIGNUM:
    case LOCACHE_TAG_BIGNUM_NEG:
        return "int";
    case LOCACHE_TAG_BYTEARRAY:
        return "bytearray";
    case LOCACHE_TAG_UUID:
        return "uuid";
    default:
        return NULL;
    }
}

static bool show_buffer(cli_shown *to, uint64_t tag, locache_cbor_reader *reader)
{
    locache_cbor_item n;
    size_t size = 0;
    if (to->value == NULL || locache_cbor_read(&n, reader) != LOCACHE_OK ||
        n.kind != LOCACHE_KIND_UINT || n.number >= locache_value_buffer_count(to->value))
        return false;
    const void *data = locache_value_buffer(&size, to->value, (size_t)n.number);
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

static bool show_bytes_tag(cli_shown *to, uint64_t tag, locache_cbor_reader *reader)
{
    locache_cbor_item item;
    if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_BYTES)
        return false;
    const char *type = bytes_type(tag);
    if (strcmp(type, "int") == 0 &&
        show_bignum(to, tag == LOCACHE_TAG_BIGNUM_NEG, item.data, item.size))
        return true;
    cli_show_bytes(to, type, item.data, item.size);
    return true;
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
    default:
        return bytes_type(tag) != NULL ? show_bytes_tag(to, tag, reader) || lost(to)
                                       : show_tagged(to, tag, reader);
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
