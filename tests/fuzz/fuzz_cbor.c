/* Any bytes as CBOR: what is read is written again to the same bytes, and the ways of walking
 * agree. */
#include "../unit/reencode.h"
#include "base/text.h"
#include "format/cbor.h"
#include "memory.h"

/* What locache_cbor_skip() is to do, written the plain way. */
static locache_status walk(locache_cbor_reader *reader, unsigned depth)
{
    locache_cbor_item item;
    locache_status status = locache_cbor_read(&item, reader);
    if (status != LOCACHE_OK)
        return status == LOCACHE_END && depth > 0 ? LOCACHE_ECORRUPT : status;
    uint64_t left = (uint64_t)(reader->end - reader->at);
    uint64_t count = 0;
    if (item.kind == LOCACHE_KIND_ARRAY || item.kind == LOCACHE_KIND_MAP) {
        REQUIRE(item.number <= left);
        count = item.kind == LOCACHE_KIND_MAP ? 2 * item.number : item.number;
    } else if (item.kind == LOCACHE_KIND_TAG) {
        count = 1;
    } else if (item.kind == LOCACHE_KIND_BYTES || item.kind == LOCACHE_KIND_TEXT) {
        REQUIRE(item.data + item.size == reader->at);
    }
    if (count > 0 && depth == LOCACHE_DEPTH_MAX)
        return LOCACHE_ELIMIT;
    for (uint64_t i = 0; i < count; i++) {
        status = walk(reader, depth + 1);
        if (status != LOCACHE_OK)
            return status;
    }
    return LOCACHE_OK;
}

static void walks_agree(const uint8_t *data, size_t size)
{
    locache_cbor_reader skipping;
    locache_status first = LOCACHE_END;
    bool whole = false;
    locache_cbor_reader_init(&skipping, data, size);
    for (bool beginning = true;; beginning = false) {
        locache_cbor_reader walking = skipping;
        const unsigned char *before = skipping.at;
        locache_status expected = walk(&walking, 0);
        locache_status status = locache_cbor_skip(&skipping);
        REQUIRE(status == expected);
        REQUIRE(skipping.at == (status == LOCACHE_OK ? walking.at : before));
        if (beginning) {
            first = status;
            whole = status == LOCACHE_OK && locache_cbor_reader_end(&skipping) == LOCACHE_OK;
        }
        if (status != LOCACHE_OK)
            break;
    }
    locache_status check = lc_cbor_check(data, size);
    if (first == LOCACHE_ELIMIT)
        REQUIRE(check == LOCACHE_ELIMIT);
    else
        REQUIRE(check == (whole ? LOCACHE_OK : LOCACHE_ECORRUPT));
}

static void reencodes_to_itself(const uint8_t *data, size_t size)
{
    unsigned char room[64];
    locache_cbor_reader reader;
    locache_cbor_writer writer;
    locache_cbor_reader_init(&reader, data, size);
    locache_cbor_writer_init(&writer, room, sizeof room);
    locache_status end = reencode(&writer, &reader);
    REQUIRE(end == LOCACHE_END || end == LOCACHE_ECORRUPT);
    REQUIRE(locache_cbor_writer_status(&writer) == LOCACHE_OK);
    REQUIRE(writer.length == size - (size_t)(reader.end - reader.at));
    REQUIRE(writer.length == 0 || memcmp(writer.data, data, writer.length) == 0);
    locache_cbor_writer_clear(&writer);
}

/* Sorting keeps the bytes but for their order, and has nothing to do the second time. */
static void sorts(const uint8_t *data, size_t size, unsigned per_group)
{
    size_t counts[2][256] = {{0}};
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, NULL, 0);
    locache_cbor_write_raw(&writer, data, size);
    locache_cbor_write_sorted(&writer, 0, per_group);
    locache_status status = locache_cbor_writer_status(&writer);
    REQUIRE(writer.length == size);
    for (size_t i = 0; i < size; i++) {
        counts[0][data[i]]++;
        counts[1][writer.data[i]]++;
    }
    REQUIRE(memcmp(counts[0], counts[1], sizeof counts[0]) == 0);
    if (status == LOCACHE_OK && size > 0) {
        locache_cbor_writer again;
        locache_cbor_writer_init(&again, NULL, 0);
        locache_cbor_write_raw(&again, writer.data, writer.length);
        locache_cbor_write_sorted(&again, 0, per_group);
        REQUIRE(locache_cbor_writer_status(&again) == LOCACHE_OK);
        REQUIRE(memcmp(again.data, writer.data, writer.length) == 0);
        locache_cbor_writer_clear(&again);
    } else {
        REQUIRE(size == 0 || status == LOCACHE_EINVAL || status == LOCACHE_ELIMIT);
    }
    locache_cbor_writer_clear(&writer);
}

/* The input as the content of every kind of string and number: what is written is strict. */
static void writes_what_it_reads(const uint8_t *data, size_t size)
{
    locache_cbor_writer writer;
    double real = 0;
    locache_cbor_writer_init(&writer, NULL, 0);
    locache_cbor_write_array(&writer, 5);
    locache_cbor_write_bytes(&writer, data, size);
    locache_cbor_write_bigint(&writer, false, data, size);
    locache_cbor_write_bigint(&writer, true, data, size);
    memcpy(&real, data, size < sizeof real ? size : sizeof real);
    locache_cbor_write_real(&writer, real);
    if (lc_text_is_utf8(data, size))
        locache_cbor_write_text(&writer, (const char *)data, size);
    else
        locache_cbor_write_null(&writer);
    REQUIRE(locache_cbor_writer_status(&writer) == LOCACHE_OK);
    REQUIRE(lc_cbor_check(writer.data, writer.length) == LOCACHE_OK);
    reencodes_to_itself(writer.data, writer.length);
    locache_cbor_writer_clear(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[1];
    if (size == 0)
        data = nothing;
    size_t began = memory_begin();
    walks_agree(data, size);
    memory_within(began, size);
    reencodes_to_itself(data, size);
    sorts(data, size, 1);
    sorts(data, size, 2);
    writes_what_it_reads(data, size);
    return 0;
}
