/* Any bytes as the body of a result: what a typed reader accepts lies within the value, is one type
 * only, and written again is the same bytes. The first byte says how many buffers there are, the
 * second how long they are. */
#include "disk/value.h"
#include "format/cbor.h"
#include "require.h"

#include <stdlib.h>
#include <string.h>

#define BUFFERS_MAX 3

static const unsigned char filler[256];

static locache_value *make_value(const uint8_t *body, size_t size, uint32_t buffer_count,
                                 size_t buffer_size)
{
    const void *buffers[BUFFERS_MAX];
    size_t sizes[BUFFERS_MAX];
    lc_span spans[1 + 2 * BUFFERS_MAX];
    lc_entry entry = {
        .codec = LOCACHE_CODEC_CBOR, .body = {body, size}, .buffer_count = buffer_count};
    for (uint32_t i = 0; i < buffer_count; i++) {
        buffers[i] = filler;
        sizes[i] = buffer_size;
    }
    unsigned char *front = malloc(lc_entry_front_size(&entry));
    if (front == NULL)
        abort();
    lc_entry_build(front, spans, &entry, buffers, sizes, NULL);
    size_t total = 0;
    for (size_t i = 0; i < lc_entry_span_count(&entry); i++)
        total += spans[i].size;
    locache_value *value = lc_value_new(total);
    if (value == NULL)
        abort();
    value->size = 0;
    for (size_t i = 0; i < lc_entry_span_count(&entry); i++) {
        if (spans[i].size > 0)
            memcpy(value->bytes + value->size, spans[i].data, spans[i].size);
        value->size += spans[i].size;
    }
    free(front);
    REQUIRE(lc_entry_parse(&value->entry, value->bytes, value->size, NULL) == LOCACHE_OK);
    return value;
}

static void within(const locache_value *value, const void *data, size_t size)
{
    const unsigned char *at = data;
    REQUIRE(at >= value->bytes && size <= value->size && at <= value->bytes + value->size - size);
}

static bool holds(const locache_cbor_writer *writer, const unsigned char *bytes, size_t size)
{
    return writer->length == size && memcmp(writer->data, bytes, size) == 0;
}

/* Is the body what the writer holds? Scalars of NumPy are not written so: they are let be. That an
 * array must not be written to says nothing to C, which writes it without. */
static void same_body(const locache_cbor_writer *writer, const locache_value *value)
{
    size_t size;
    const unsigned char *body = locache_value_body(&size, value);
    REQUIRE(locache_cbor_writer_status(writer) == LOCACHE_OK);
    if (body[0] == 0xD9 && body[1] == 0xC1 && body[2] == 0xCB) /* LOCACHE_TAG_SCALAR */
        return;
    /* LOCACHE_TAG_READONLY */
    bool readonly = body[0] == 0xD9 && body[1] == 0xC1 && body[2] == 0xD9;
    REQUIRE(holds(writer, body, size) || (readonly && holds(writer, body + 3, size - 3)));
}

static unsigned as_number(locache_cbor_writer *writer, const locache_value *value)
{
    int64_t integer;
    uint64_t natural;
    double real;
    bool truth;
    unsigned taken = 0;
    bool is_int = locache_value_int(&integer, value) == LOCACHE_OK;
    bool is_uint = locache_value_uint(&natural, value) == LOCACHE_OK;
    if (is_int)
        locache_cbor_write_int(writer, integer);
    else if (is_uint)
        locache_cbor_write_uint(writer, natural);
    REQUIRE(!is_int || !is_uint || (uint64_t)integer == natural);
    taken += is_int || is_uint;
    if (locache_value_real(&real, value) == LOCACHE_OK) {
        locache_cbor_write_real(writer, real);
        taken++;
    }
    if (locache_value_bool(&truth, value) == LOCACHE_OK) {
        locache_cbor_write_bool(writer, truth);
        taken++;
    }
    if (locache_value_null(value) == LOCACHE_OK) {
        locache_cbor_write_null(writer);
        taken++;
    }
    return taken;
}

/* Write again what a string is: itself where it is in the body, else the body, which says in what
 * buffer it is. */
static void write_string(locache_cbor_writer *writer, const locache_value *value,
                         const void *string, size_t size, bool is_text)
{
    size_t body_size;
    const unsigned char *body = locache_value_body(&body_size, value);
    if ((const unsigned char *)string >= body + body_size)
        locache_cbor_write_raw(writer, body, body_size);
    else if (is_text)
        locache_cbor_write_text(writer, string, size);
    else
        locache_cbor_write_bytes(writer, string, size);
}

static unsigned as_string(locache_cbor_writer *writer, const locache_value *value)
{
    const char *text;
    const void *bytes;
    size_t size;
    unsigned taken = 0;
    if (locache_value_text(&text, &size, value) == LOCACHE_OK) {
        within(value, text, size);
        write_string(writer, value, text, size, true);
        taken++;
    }
    if (locache_value_bytes(&bytes, &size, value) == LOCACHE_OK) {
        within(value, bytes, size);
        write_string(writer, value, bytes, size, false);
        taken++;
    }
    return taken;
}

static unsigned as_array(locache_cbor_writer *writer, const locache_value *value)
{
    locache_ndarray array = {.size = sizeof array};
    if (locache_value_ndarray(&array, value) != LOCACHE_OK)
        return 0;
    within(value, array.data, array.data_size);
    unsigned char *copy = malloc(array.data_size > 0 ? array.data_size : 1);
    if (copy == NULL)
        abort();
    locache_ndarray_copy(copy, &array);
    free(copy);
    size_t body_size;
    const unsigned char *body = locache_value_body(&body_size, value);
    if ((const unsigned char *)array.data < body + body_size)
        locache_cbor_write_ndarray(writer, &array);
    else
        locache_cbor_write_raw(writer, body, body_size);
    return 1;
}

int fuzz_input(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    locache_value *value = make_value(data + 2, size - 2, data[0] % (BUFFERS_MAX + 1), data[1]);
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, NULL, 0);
    unsigned taken = as_number(&writer, value);
    taken += as_string(&writer, value);
    taken += as_array(&writer, value);
    REQUIRE(taken <= 1);
    if (taken == 1) {
        REQUIRE(lc_cbor_check(data + 2, size - 2) == LOCACHE_OK);
        same_body(&writer, value);
    }
    locache_cbor_writer_clear(&writer);
    locache_value_free(value);
    return 0;
}
