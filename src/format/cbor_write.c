/* Writing CBOR: deterministic encoding (RFC 8949, 4.2.1) onto a growing buffer.
 *
 * One value has one encoding, since keys are compared as bytes: every head is as short as can be,
 * every length is said beforehand, reals are narrowed where no bit is lost, and members whose order
 * means nothing are sorted. A failure stays in the writer (ENOMEM, EINVAL), and all later writes do
 * nothing: so callers write on and ask once, at the end. */
#include "base/alloc.h"
#include "base/text.h"
#include "format/cbor.h"

#include <string.h>

/* The first heap buffer: a key or a small result fits, and doubling from here is quick. */
#define CAPACITY_FIRST 256

/* RFC 8949, 3.1: the three high bits of an item's first byte. */
enum {
    MAJOR_UINT = 0,
    MAJOR_NEGATIVE = 1,
    MAJOR_BYTES = 2,
    MAJOR_TEXT = 3,
    MAJOR_ARRAY = 4,
    MAJOR_MAP = 5,
    MAJOR_TAG = 6,
    MAJOR_OTHER = 7
};

/* --------------------------------------------------------------------------------------- buffer */

void locache_cbor_writer_init(locache_cbor_writer *writer, void *room, size_t room_size)
{
    *writer = (locache_cbor_writer){.data = room, .capacity = room ? room_size : 0};
}

void locache_cbor_writer_clear(locache_cbor_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->owned)
        lc_free(writer->data);
    *writer = (locache_cbor_writer){0};
}

void locache_cbor_writer_reset(locache_cbor_writer *writer)
{
    writer->length = 0;
    writer->status = LOCACHE_OK;
}

locache_status locache_cbor_writer_status(const locache_cbor_writer *writer)
{
    return writer->status;
}

/* The first failure is what is told: later ones may only follow from it. */
static void fail(locache_cbor_writer *writer, locache_status status)
{
    if (writer->status == LOCACHE_OK)
        writer->status = status;
}

/* Out of line, as write_long_head(): what a short write does then needs no register saved. */
static __attribute__((noinline)) bool grow(locache_cbor_writer *writer, size_t size)
{
    size_t capacity = writer->capacity < CAPACITY_FIRST ? CAPACITY_FIRST : writer->capacity;
    if (writer->status != LOCACHE_OK)
        return false;
    /* Half of the address space is more than can be had, and keeps the doubling from
     * overflowing. */
    if (size > SIZE_MAX / 4 - writer->length) {
        fail(writer, LOCACHE_ENOMEM);
        return false;
    }
    while (capacity - writer->length < size)
        capacity *= 2;
    /* The caller's own room, on its stack mostly, is left for memory of the heap, and stays his. */
    unsigned char *data = writer->owned ? lc_realloc(writer->data, capacity) : lc_alloc(capacity);
    if (data == NULL) {
        fail(writer, LOCACHE_ENOMEM);
        return false;
    }
    if (!writer->owned && writer->length > 0)
        memcpy(data, writer->data, writer->length);
    writer->data = data;
    writer->capacity = capacity;
    writer->owned = true;
    return true;
}

/* Where the next `size` bytes go, which count as written; NULL: they cannot be. */
static inline unsigned char *append(locache_cbor_writer *writer, size_t size)
{
    bool fits = writer->capacity - writer->length >= size && writer->status == LOCACHE_OK;
    if (__builtin_expect(!fits, 0) && !grow(writer, size))
        return NULL;
    unsigned char *at = writer->data + writer->length;
    writer->length += size;
    return at;
}

/* size: 1, 2, 4 or 8. Each is one instruction or two once the compiler knows which. */
static inline void store_big_endian(unsigned char *at, uint64_t value, unsigned size)
{
    switch (size) {
    case 8:
        for (unsigned i = 0; i < 8; i++)
            at[i] = (unsigned char)(value >> (56 - 8 * i));
        break;
    case 4:
        for (unsigned i = 0; i < 4; i++)
            at[i] = (unsigned char)(value >> (24 - 8 * i));
        break;
    case 2:
        at[0] = (unsigned char)(value >> 8);
        at[1] = (unsigned char)value;
        break;
    default:
        at[0] = (unsigned char)value;
    }
}

/* ---------------------------------------------------------------------------------------- heads */

static __attribute__((noinline)) void write_long_head(locache_cbor_writer *writer, unsigned major,
                                                      uint64_t value)
{
    unsigned exponent = value <= UINT8_MAX    ? 0
                        : value <= UINT16_MAX ? 1
                        : value <= UINT32_MAX ? 2
                                              : 3;
    unsigned size = 1U << exponent;
    unsigned char *at = append(writer, 1 + size);
    if (at == NULL)
        return;
    at[0] = (unsigned char)(major << 5 | (24 + exponent));
    store_big_endian(at + 1, value, size);
}

static inline void write_byte(locache_cbor_writer *writer, unsigned value)
{
    unsigned char *at = append(writer, 1);
    if (at != NULL)
        *at = (unsigned char)value;
}

static inline void write_head(locache_cbor_writer *writer, unsigned major, uint64_t value)
{
    if (value < 24)
        write_byte(writer, major << 5 | (unsigned)value);
    else
        write_long_head(writer, major, value);
}

void locache_cbor_write_uint(locache_cbor_writer *writer, uint64_t value)
{
    write_head(writer, MAJOR_UINT, value);
}

void locache_cbor_write_int(locache_cbor_writer *writer, int64_t value)
{
    if (value >= 0)
        write_head(writer, MAJOR_UINT, (uint64_t)value);
    else /* -1 - value, by its bits: the lowest has no positive counterpart */
        write_head(writer, MAJOR_NEGATIVE, ~(uint64_t)value);
}

void locache_cbor_write_bool(locache_cbor_writer *writer, bool value)
{
    write_byte(writer, MAJOR_OTHER << 5 | (value ? LOCACHE_KIND_TRUE : LOCACHE_KIND_FALSE));
}

void locache_cbor_write_null(locache_cbor_writer *writer)
{
    write_byte(writer, MAJOR_OTHER << 5 | LOCACHE_KIND_NULL);
}

void locache_cbor_write_array(locache_cbor_writer *writer, uint64_t count)
{
    write_head(writer, MAJOR_ARRAY, count);
}

void locache_cbor_write_map(locache_cbor_writer *writer, uint64_t count)
{
    write_head(writer, MAJOR_MAP, count);
}

void locache_cbor_write_tag(locache_cbor_writer *writer, uint64_t tag)
{
    write_head(writer, MAJOR_TAG, tag);
}

/* -------------------------------------------------------------------------------------- strings */

void locache_cbor_write_raw(locache_cbor_writer *writer, const void *data, size_t size)
{
    if (size == 0) /* data may be NULL then */
        return;
    unsigned char *at = append(writer, size);
    if (at != NULL)
        memcpy(at, data, size);
}

void locache_cbor_write_bytes(locache_cbor_writer *writer, const void *data, size_t size)
{
    write_head(writer, MAJOR_BYTES, size);
    locache_cbor_write_raw(writer, data, size);
}

void locache_cbor_write_text(locache_cbor_writer *writer, const char *text, size_t size)
{
    if (!lc_text_is_utf8((const unsigned char *)text, size)) {
        fail(writer, LOCACHE_EINVAL);
        return;
    }
    write_head(writer, MAJOR_TEXT, size);
    locache_cbor_write_raw(writer, text, size);
}

/* -------------------------------------------------------------------------------------- numbers */

/* magnitude - 1 as a byte string; it has no leading zeros and is more than 2^64. */
static void write_decremented(locache_cbor_writer *writer, const unsigned char *magnitude,
                              size_t size)
{
    /* Down to the last byte that is not 0, which lends one to the zeros after it. */
    size_t last = size - 1;
    while (magnitude[last] == 0)
        last--;
    /* 256^n loses its first byte. */
    size_t cut = last == 0 && magnitude[0] == 1 ? 1 : 0;
    /* Copied, and changed where it then lies: the magnitude is the caller's. */
    locache_cbor_write_bytes(writer, magnitude + cut, size - cut);
    if (writer->status != LOCACHE_OK)
        return;
    unsigned char *end = writer->data + writer->length;
    size_t borrowing = size - 1 - last;
    memset(end - borrowing, 0xFF, borrowing);
    if (cut == 0)
        end[-(ptrdiff_t)borrowing - 1]--;
}

void locache_cbor_write_bigint(locache_cbor_writer *writer, bool negative, const void *magnitude,
                               size_t size)
{
    const unsigned char *bytes = magnitude;
    uint64_t value = 0;
    /* What an integer head can say is no bignum (RFC 8949, 3.4.3); nor has one leading zeros. */
    while (size > 0 && *bytes == 0) {
        bytes++;
        size--;
    }
    for (size_t i = 0; i < size && size <= sizeof value; i++)
        value = value << 8 | bytes[i];
    if (size == 0) {
        write_head(writer, MAJOR_UINT, 0);
    } else if (size <= sizeof value) {
        write_head(writer, negative ? MAJOR_NEGATIVE : MAJOR_UINT, negative ? value - 1 : value);
    } else if (!negative) {
        locache_cbor_write_tag(writer, LOCACHE_TAG_BIGNUM);
        locache_cbor_write_bytes(writer, bytes, size);
    } else if (size == 9 && memcmp(bytes, "\1\0\0\0\0\0\0\0", 9) == 0) {
        /* -2^64: a magnitude of nine bytes, but what stands in the head is one less. */
        write_head(writer, MAJOR_NEGATIVE, UINT64_MAX);
    } else {
        locache_cbor_write_tag(writer, LOCACHE_TAG_BIGNUM_NEG);
        write_decremented(writer, bytes, size);
    }
}

void locache_cbor_write_real(locache_cbor_writer *writer, double value)
{
    uint64_t bits;
    uint64_t encoding;
    _Static_assert(sizeof bits == sizeof value, "doubles are binary64");
    memcpy(&bits, &value, sizeof bits);
    unsigned size = lc_real_shortest(&encoding, bits);
    unsigned char *at = append(writer, 1 + size);
    if (at == NULL)
        return;
    at[0] = (unsigned char)(MAJOR_OTHER << 5 | (size == 2 ? 25 : size == 4 ? 26 : 27));
    store_big_endian(at + 1, encoding, size);
}

/* -------------------------------------------------------------------------------------- sorting
 *
 * Members of sets and pairs of maps are written in whatever order they come, and brought into order
 * where they lie, by the bytes of their first item: the order of a set depends on the hash seed, a
 * key must not. The bytes were written by us, but through a public API: they are read like any
 * others, and what is no sequence of whole groups, or has one twice, is EINVAL.
 *
 * The cost must not depend on who chooses the arguments: groups are found in one pass each time,
 * and sorted in O(n log n) at worst. */

/* Items that stay together: a set's member is one, a map's pair two. */
typedef struct group {
    const unsigned char *data;
    size_t first_size; /* of its first item, by which groups are compared */
    size_t size;
} group;

/* Encodings are prefix-free: the shorter of two is never the beginning of the other, unless they
 * are equal. So the bytes that both have decide, and 0 says that they are one and the same. */
static int compare(const group *a, const group *b)
{
    return memcmp(a->data, b->data, a->first_size < b->first_size ? a->first_size : b->first_size);
}

/* The next group of items. OK, END, EINVAL, ELIMIT. */
static locache_status next_group(group *out, locache_cbor_reader *reader, unsigned per_group)
{
    group found = {.data = reader->at};
    for (unsigned i = 0; i < per_group; i++) {
        locache_status status = locache_cbor_skip(reader);
        if (status == LOCACHE_END && i == 0)
            return LOCACHE_END;
        if (status != LOCACHE_OK)
            return status == LOCACHE_ELIMIT ? LOCACHE_ELIMIT : LOCACHE_EINVAL;
        if (i == 0)
            found.first_size = (size_t)(reader->at - found.data);
    }
    found.size = (size_t)(reader->at - found.data);
    *out = found;
    return LOCACHE_OK;
}

/* Count the groups, and see whether they are in order already: members of small sets and sorted
 * input often are. */
static locache_status survey(size_t *count, bool *in_order, const unsigned char *data, size_t size,
                             unsigned per_group)
{
    locache_cbor_reader reader;
    locache_status status;
    group previous = {0};
    group current;
    *count = 0;
    *in_order = true;
    locache_cbor_reader_init(&reader, data, size);
    while ((status = next_group(&current, &reader, per_group)) == LOCACHE_OK) {
        if (*count > 0 && compare(&previous, &current) >= 0)
            *in_order = false;
        previous = current;
        ++*count;
    }
    return status == LOCACHE_END ? LOCACHE_OK : status;
}

/* Merge sort, bottom up: its worst case is O(n log n), which qsort() does not promise, and it needs
 * no stack. Sorts count groups at `groups`, using as much room at `spare`; returns which of the two
 * holds the result. */
static group *sort(group *groups, group *spare, size_t count)
{
    /* Before each turn, runs of `width` groups are in order; the last one may be shorter. */
    for (size_t width = 1; width < count; width *= 2) {
        size_t done = 0;
        while (done < count) {
            /* Two runs become one. Sums are taken from what is left: they cannot overflow. */
            size_t left = done;
            size_t middle = count - done < width ? count : done + width;
            size_t right = middle;
            size_t end = count - middle < width ? count : middle + width;
            while (left < middle || right < end) {
                bool take_left =
                    left < middle && (right == end || compare(&groups[left], &groups[right]) <= 0);
                spare[done++] = take_left ? groups[left++] : groups[right++];
            }
        }
        group *sorted = spare;
        spare = groups;
        groups = sorted;
    }
    return groups;
}

/* data, of `size` bytes and `count` groups, into order. OK, ENOMEM, EINVAL. */
static locache_status reorder(unsigned char *data, size_t size, size_t count, unsigned per_group)
{
    locache_status status = LOCACHE_ENOMEM;
    group *groups = NULL;
    /* Groups have many sizes: they are put in order from a copy, not exchanged in place. */
    unsigned char *copy = lc_alloc(size);
    locache_cbor_reader reader;
    if (copy == NULL || count > SIZE_MAX / 2 / sizeof *groups)
        goto done;
    groups = lc_alloc(2 * count * sizeof *groups);
    if (groups == NULL)
        goto done;
    memcpy(copy, data, size);
    locache_cbor_reader_init(&reader, copy, size);
    for (size_t i = 0; i < count; i++) {
        status = next_group(&groups[i], &reader, per_group);
        if (status != LOCACHE_OK)
            goto done;
    }
    const group *sorted = sort(groups, groups + count, count);
    status = LOCACHE_EINVAL;
    /* Equal ones are neighbours now. A map has no key twice, and which value would come first
     * depends on the order that they came in. */
    for (size_t i = 1; i < count; i++) {
        if (compare(&sorted[i - 1], &sorted[i]) == 0)
            goto done;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(data, sorted[i].data, sorted[i].size);
        data += sorted[i].size;
    }
    status = LOCACHE_OK;
done:
    lc_free(groups);
    lc_free(copy);
    return status;
}

void locache_cbor_write_sorted(locache_cbor_writer *writer, size_t start, unsigned per_group)
{
    size_t count;
    bool in_order;
    if (writer->status != LOCACHE_OK)
        return;
    if (start > writer->length || per_group == 0) {
        fail(writer, LOCACHE_EINVAL);
        return;
    }
    if (start == writer->length)
        return;
    unsigned char *data = writer->data + start;
    size_t size = writer->length - start;
    locache_status status = survey(&count, &in_order, data, size, per_group);
    if (status == LOCACHE_OK && !in_order)
        status = reorder(data, size, count, per_group);
    if (status != LOCACHE_OK)
        fail(writer, status);
}
