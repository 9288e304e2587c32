/* What a name shows of a value that has no form of its own in it: a word for what it is, then how
 * much of it there is or what it begins with. Only people read this: the hash beside it tells calls
 * apart. So content that is not what its tag asks for is no error, there is only less to show. */
#include "format/decimal.h"
#include "format/name.h"

#include <string.h>

enum { WHOLE = 0, NOWHERE = 1000 };

typedef struct hint {
    unsigned tag;
    unsigned at; /* which item of the content is shown, counted from 1; or one of the above */
    const char *between; /* what stands between its items; NULL: they are counted instead */
    const char *word;    /* NULL: the name of the class or function that the content begins with */
} hint;

static const hint hints[] = {
    {LOCACHE_TAG_DATETIME, WHOLE, NULL, "datetime"},
    {LOCACHE_TAG_BIGNUM, WHOLE, NULL, "bigint"},
    {LOCACHE_TAG_BIGNUM_NEG, WHOLE, NULL, "bigint"},
    {LOCACHE_TAG_DECIMAL, WHOLE, ",", "decimal"},
    {LOCACHE_TAG_RATIONAL, WHOLE, ",", "fraction"},
    {LOCACHE_TAG_UUID, NOWHERE, NULL, "uuid"},
    {LOCACHE_TAG_NDARRAY, 1, "x", "ndarray"},
    {LOCACHE_TAG_SET, WHOLE, NULL, "set"},
    {LOCACHE_TAG_DATE, WHOLE, NULL, "date"},
    {LOCACHE_TAG_NDARRAY_F, 1, "x", "ndarray"},
    {LOCACHE_TAG_COMPLEX, WHOLE, ",", "complex"},
    {LOCACHE_TAG_TUPLE, WHOLE, NULL, "tuple"},
    {LOCACHE_TAG_FROZENSET, WHOLE, NULL, "frozenset"},
    {LOCACHE_TAG_BYTEARRAY, WHOLE, NULL, "bytearray"},
    {LOCACHE_TAG_SURROGATES, WHOLE, NULL, "text"},
    {LOCACHE_TAG_LOCALTIME, WHOLE, NULL, "datetime"},
    {LOCACHE_TAG_TIME, WHOLE, NULL, "time"},
    {LOCACHE_TAG_DURATION, WHOLE, ",", "duration"},
    {LOCACHE_TAG_DECIMAL_TEXT, WHOLE, NULL, "decimal"},
    {LOCACHE_TAG_DIGEST, 1, NULL, "bytes"},
    {LOCACHE_TAG_ARRAY, 2, "x", "ndarray"},
    {LOCACHE_TAG_SCALAR, 1, NULL, "scalar"},
    {LOCACHE_TAG_PYARRAY, 2, NULL, "array"},
    {LOCACHE_TAG_OBJECT, 2, ",", NULL},
    {LOCACHE_TAG_GLOBAL, NOWHERE, NULL, NULL},
    {LOCACHE_TAG_FUNCTION, NOWHERE, NULL, NULL},
    {LOCACHE_TAG_CUSTOM, 2, ",", NULL},
    {LOCACHE_TAG_DEFAULT, 1, NULL, "default"},
    {LOCACHE_TAG_PATH, 2, NULL, "path"},
    {LOCACHE_TAG_VIEW, 3, "x", NULL},
    {LOCACHE_TAG_TEXT_DIGEST, 1, NULL, "text"},
    {LOCACHE_TAG_PART, 1, NULL, "part"},
    {LOCACHE_TAG_CYCLE, WHOLE, NULL, "cycle"},
    {LOCACHE_TAG_MEMBER, 1, NULL, "cycle"},
    {LOCACHE_TAG_CLASS, NOWHERE, NULL, NULL},
};

static bool next(locache_cbor_item *out, locache_cbor_reader *reader)
{
    return locache_cbor_read(out, reader) == LOCACHE_OK;
}

static void put_word(lc_name *name, const char *word)
{
    lc_name_plain(name, word, strlen(word));
}

static void put_number(lc_name *name, uint64_t number)
{
    char digits[LC_DECIMAL_MAX];
    put_word(name, ".");
    lc_name_plain(name, digits, lc_decimal_uint(digits, number));
}

/* To the item of an array that is counted so from 1. */
static bool go_to(locache_cbor_reader *reader, unsigned at)
{
    locache_cbor_item head;
    if (at == WHOLE)
        return true;
    if (!next(&head, reader) || head.kind != LOCACHE_KIND_ARRAY || head.number < at)
        return false;
    while (--at > 0) {
        if (locache_cbor_skip(reader) != LOCACHE_OK)
            return false;
    }
    return true;
}

/* The last part of the "module:qualified.name" that an object begins with. A class made within a
 * function is an object itself, made by [metaclass, [name, ...]]. */
static void put_class(lc_name *name, locache_cbor_reader reader)
{
    locache_cbor_item item;
    do {
        if (!next(&item, &reader))
            return;
        if (item.kind == LOCACHE_KIND_TAG && item.number == LOCACHE_TAG_OBJECT &&
            !go_to(&reader, 2))
            return;
    } while (item.kind == LOCACHE_KIND_TAG || (item.kind == LOCACHE_KIND_ARRAY && item.number > 0));
    size_t start = item.kind == LOCACHE_KIND_TEXT ? item.size : 0;
    size_t end = start;
    while (start > 0 && item.data[start - 1] != '.' && item.data[start - 1] != ':')
        start--;
    lc_name_escaped(name, item.data + start, end - start);
}

/* Append the next item after a separator, where it has a form of its own; else it is only read. */
static bool put_scalar(lc_name *name, const char *separator, locache_cbor_item *item,
                       locache_cbor_reader *reader)
{
    lc_name before = *name;
    put_word(name, separator);
    if (next(item, reader) && lc_name_scalar(name, item, reader))
        return true;
    *name = before;
    return false;
}

static void put_content(lc_name *name, locache_cbor_reader *reader, const char *between)
{
    enum { SHOWN_MAX = 8 }; /* more would take the room of the arguments that follow */
    locache_cbor_item item = {.kind = LOCACHE_KIND_NULL};
    if (put_scalar(name, ".", &item, reader))
        return;
    if (item.kind == LOCACHE_KIND_TAG && item.number == LOCACHE_TAG_DIGEST) {
        if (go_to(reader, 1))
            put_scalar(name, ".", &item, reader);
        return;
    }
    if (item.kind == LOCACHE_KIND_TAG && item.number == LOCACHE_TAG_TUPLE && !next(&item, reader))
        return;
    if (item.kind == LOCACHE_KIND_BYTES) {
        put_number(name, item.size);
    } else if (item.kind == LOCACHE_KIND_MAP ||
               (item.kind == LOCACHE_KIND_ARRAY && between == NULL)) {
        put_number(name, item.number);
    } else if (item.kind == LOCACHE_KIND_ARRAY) {
        uint64_t shown = item.number < SHOWN_MAX ? item.number : SHOWN_MAX;
        for (uint64_t i = 0; i < shown; i++) {
            if (!put_scalar(name, i == 0 ? "." : between, &item, reader))
                return;
        }
    }
}

static void put_tagged(lc_name *name, uint64_t tag, locache_cbor_reader *content)
{
    size_t row = 0;
    while (row < sizeof hints / sizeof *hints && hints[row].tag != tag)
        row++;
    if (row == sizeof hints / sizeof *hints) {
        put_word(name, "tag");
        put_number(name, tag);
        return;
    }
    size_t before = name->length;
    if (hints[row].word == NULL)
        put_class(name, *content);
    if (name->length == before)
        put_word(name, hints[row].word == NULL ? "object" : hints[row].word);
    if (go_to(content, hints[row].at))
        put_content(name, content, hints[row].between);
}

void lc_name_hint(lc_name *name, locache_cbor_reader value)
{
    locache_cbor_item item;
    locache_cbor_reader content = value;
    if (!next(&item, &content))
        return;
    if (item.kind == LOCACHE_KIND_TAG) {
        put_tagged(name, item.number, &content);
        return;
    }
    /* a real that is no scalar is a NaN with a sign or a payload */
    put_word(name, item.kind == LOCACHE_KIND_BYTES   ? "bytes"
                   : item.kind == LOCACHE_KIND_ARRAY ? "list"
                   : item.kind == LOCACHE_KIND_MAP   ? "dict"
                                                     : "nan");
    put_content(name, &value, NULL);
}
