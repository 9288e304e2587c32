/* Compressed results: what they give back, what automatic compression leaves alone, and frames that
 * promise more than there is. */
#include "base/system.h"
#include "disk/packed.h"
#include "fault.h"
#include "format/frame.h"
#include "large.h"

/* ------------------------------------------------------------------------------------- contents */

/* Lines, or what no compressor makes smaller. */
static unsigned char *content(size_t size, bool compressible)
{
    unsigned char *data = malloc(size + 1);
    uint64_t random = 1;
    assert_non_null(data);
    for (size_t i = 0; i < size; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        data[i] = compressible ? (unsigned char)"a line of text\n"[i % 15]
                               : (unsigned char)(random >> 56);
    }
    return data;
}

static locache *open_compressing(int64_t compress, unsigned flags)
{
    locache_options options = options_for("my_func");
    options.compress = compress;
    options.flags = flags;
    options.memory_entries = -1;
    return open_with(&options);
}

/* Store x with a body and a buffer; what it takes on disk. */
static off_t store(locache *cache, int64_t x, outlying body, outlying buffer, uint64_t flags)
{
    char name[64];
    key k = key_of(x);
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = body.data,
                             .body_size = body.size,
                             .flags = flags};
    set_buffers(&record, &buffer, buffer.data != NULL ? 1 : 0);
    locache_status status = locache_put(cache, k.bytes, k.size, &record, &error);
    if (status != LOCACHE_OK)
        fail_msg("locache_put: %s", error.message);
    (void)snprintf(name, sizeof name, "my_func/x=%d", (int)x);
    return size_of(in_foo(name));
}

/* It is given back, in memory of its own, aligned, whoever asks. */
static void assert_back(locache *cache, int64_t x, outlying body, outlying buffer)
{
    key k = key_of(x);
    locache_value *value;
    size_t size;
    locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
    if (status != LOCACHE_OK)
        fail_msg("locache_get: %s", error.message);
    const void *found = locache_value_body(&size, value);
    assert_int_equal(size, body.size);
    assert_memory_equal(found, body.data, size);
    assert_int_equal(locache_value_buffer_count(value), buffer.data != NULL ? 1 : 0);
    if (buffer.data != NULL) {
        outlying kept = buffer_of(value, 0);
        assert_int_equal(kept.size, buffer.size);
        assert_int_equal((uintptr_t)kept.data % 64, 0);
        assert_memory_equal(kept.data, buffer.data, kept.size);
        memset(kept.data, 'x', kept.size);
    }
    locache_value_free(value);
}

static void test_packed__gives_back_what_was_stored(void **unused)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 131072, 131073, 3000000};
    (void)unused;
    locache *cache = open_compressing(1, 0);
    locache *other = open_compressing(0, 0);
    for (size_t b = 0; b < sizeof sizes / sizeof *sizes; b++)
        for (int compressible = 0; compressible < 2; compressible++) {
            outlying body = {content(100 + sizes[b] / 100, true), 100 + sizes[b] / 100};
            outlying buffer = {content(sizes[b], compressible), sizes[b]};
            off_t size = store(cache, (int64_t)b, body, buffer, 0);
            if (compressible && sizes[b] >= 4096)
                assert_true((size_t)size < sizes[b] / 2);
            assert_back(cache, (int64_t)b, body, buffer);
            assert_back(other, (int64_t)b, body, buffer);
            free(body.data);
            free(buffer.data);
        }
    locache_close(cache);
    locache_close(other);
}

/* What does not get smaller is what it would be without. */
static void test_packed__leaves_alone_what_it_does_not_pay_for(void **unused)
{
    static const struct {
        int64_t compress;
        unsigned flags;
        uint64_t record;
        size_t body, buffer;
        bool compressible, packed;
    } rows[] = {
        {LOCACHE_COMPRESS_NONE, 0, 0, 10000, 0, true, false},
        {LOCACHE_COMPRESS_NEVER, 0, 0, 10000, 0, true, false},
        {3, 0, 0, 10000, 0, true, true},
        {3, 0, 0, 50, 0, true, false},
        {22, 0, 0, 10000, 0, false, false},
        {LOCACHE_COMPRESS_AUTO, 0, 0, 10000, 0, true, true},
        {LOCACHE_COMPRESS_AUTO, 0, 0, 10000, 0, false, false},
        {LOCACHE_COMPRESS_AUTO, 0, 0, 4000, 0, true, false},
        {LOCACHE_COMPRESS_AUTO, 0, 0, 10, 100000, true, true},
        {LOCACHE_COMPRESS_AUTO, 0, 0, 10, LARGE, true, false},
        {LOCACHE_COMPRESS_AUTO, LOCACHE_OPEN_UNMAPPED, 0, 10, LARGE, true, true},
        {LOCACHE_COMPRESS_AUTO, 0, LOCACHE_RECORD_COPIED, 10, LARGE, true, true},
        {LOCACHE_COMPRESS_AUTO, 0, LOCACHE_RECORD_COPIED, 10, LARGE, false, false},
        {1, 0, 0, 10, LARGE, true, true},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locache *cache = open_compressing(rows[i].compress, rows[i].flags);
        outlying body = {content(rows[i].body, rows[i].compressible), rows[i].body};
        outlying buffer = {NULL, rows[i].buffer};
        if (rows[i].buffer > 0)
            buffer.data = content(rows[i].buffer, rows[i].compressible);
        bool packed =
            (size_t)store(cache, 1, body, buffer, rows[i].record) < rows[i].body + rows[i].buffer;
        if (packed != rows[i].packed)
            fail_msg("row %zu is %s", i, packed ? "compressed" : "not compressed");
        assert_back(cache, 1, body, buffer);
        free(body.data);
        free(buffer.data);
        locache_close(cache);
    }
}

static void test_packed__a_result_in_memory_is_the_one_on_disk(void **unused)
{
    char text[2000];
    (void)unused;
    locache_options options = options_for("my_func");
    options.compress = 3;
    locache *cache = open_with(&options);
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    must_put(cache, 1, text);
    for (int i = 0; i < 3; i++)
        assert_hit(cache, 1, text);
    assert_int_equal(unlink(in_foo("my_func/x=1")), 0);
    assert_miss(cache, 1);
    locache_close(cache);
}

static void test_packed__refuses_levels_that_there_are_not(void **unused)
{
    static const int64_t levels[] = {-3, 23, INT64_MAX, INT64_MIN};
    locache *cache;
    (void)unused;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        locache_options options = options_for("my_func");
        options.compress = levels[i];
        assert_int_equal(locache_open(&cache, foo, &options, &error), LOCACHE_EINVAL);
    }
}

/* ------------------------------------------------------------------------------------ no memory */

static void test_packed__without_memory_it_is_stored_as_it_is(void **unused)
{
    (void)unused;
    bool failed = true;
    outlying body = {content(10000, true), 10000};
    outlying none = {NULL, 0};
    for (int n = 2; failed || n % 2 != 0; n++) {
        locache *cache = open_compressing(n % 2 == 0 ? LOCACHE_COMPRESS_AUTO : 3, 0);
        key k = key_of(1);
        locache_record record = {.size = sizeof record,
                                 .codec = LOCACHE_CODEC_RAW,
                                 .body = body.data,
                                 .body_size = body.size};
        fault_set("alloc", n / 2, ENOMEM);
        locache_status status = locache_put(cache, k.bytes, k.size, &record, &error);
        bool once = fault_clear();
        failed = once || (failed && n % 2 != 0);
        assert_true(status == LOCACHE_OK || (once && status == LOCACHE_ENOMEM));
        if (status == LOCACHE_OK)
            assert_back(cache, 1, body, none);
        locache_close(cache);
    }
    failed = true;
    for (int n = 1; failed; n++) {
        locache *cache = open_compressing(3, 0);
        key k = key_of(1);
        locache_value *value = NULL;
        fault_set("alloc", n, ENOMEM);
        locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
        failed = fault_clear();
        assert_int_equal(status, failed ? LOCACHE_ENOMEM : LOCACHE_OK);
        locache_value_free(value);
        locache_close(cache);
    }
    free(body.data);
}

/* ------------------------------------------------------------------------------------- promises */

/* A frame of blocks of one byte each that stand for 128 KiB: all that it says of its size, or more,
 * where `blocks` are fewer than it takes. */
static lc_span bomb(uint64_t size, size_t blocks)
{
    enum { HEAD = 14 };
    size_t all = HEAD + 4 * blocks;
    unsigned char *frame = calloc(all, 1);
    assert_non_null(frame);
    /* a window of 128 KiB; the size in 8 bytes */
    memcpy(frame, (const unsigned char[]){0x28, 0xB5, 0x2F, 0xFD, 0xC0, 0x38}, 6);
    for (size_t i = 0; i < 8; i++)
        frame[6 + i] = (unsigned char)(size >> 8 * i);
    for (size_t i = 0; i < blocks; i++) {
        unsigned head = (unsigned)(131072U << 3) | 2U | (i + 1 == blocks);
        for (size_t b = 0; b < 3; b++)
            frame[HEAD + 4 * i + b] = (unsigned char)(head >> 8 * b);
    }
    return (lc_span){frame, all};
}

/* An entry with such a body, sound as far as its checksum says. */
static locache_value *bomb_value(lc_span frame)
{
    lc_span span;
    lc_entry entry = {.codec = LOCACHE_CODEC_RAW, .body = frame, .compressed = true};
    size_t size = lc_entry_front_size(&entry);
    locache_value *value = lc_value_new(size);
    assert_non_null(value);
    lc_entry_build(value->bytes, &span, &entry, NULL, NULL, NULL);
    assert_int_equal(lc_entry_parse(&value->entry, value->bytes, size, NULL), LOCACHE_OK);
    return value;
}

static void assert_expands(uint64_t size, size_t blocks, locache_status expected)
{
    lc_span frame = bomb(size, blocks);
    locache_value *value = bomb_value(frame);
    locache_status status = lc_packed_expand(&value, &error);
    if (status != expected)
        fail_msg("%llu in %zu blocks: %s", (unsigned long long)size, blocks,
                 locache_status_name(status));
    if (status == LOCACHE_OK)
        assert_int_equal(value->entry.body.size, size);
    locache_value_free(value);
    free((void *)(uintptr_t)frame.data);
}

static void test_packed__takes_no_memory_for_what_frames_promise(void **unused)
{
    (void)unused;
    assert_expands(131072, 1, LOCACHE_OK);
    assert_expands(5 * 131072, 5, LOCACHE_OK);
    assert_expands(5 * 131072 - 1, 5, LOCACHE_ECORRUPT);
    assert_expands(5 * 131072 + 1, 5, LOCACHE_ECORRUPT);
    assert_expands(UINT64_C(1) << 40, 5, LOCACHE_ECORRUPT);
    assert_expands(INT64_MAX, 5, LOCACHE_ECORRUPT);
    assert_expands(UINT64_MAX, 5, LOCACHE_ECORRUPT);
    /* One that could keep its promise on a larger machine. */
    uint64_t memory = lc_memory_size() / 131072 + 1000;
    assert_expands(memory * 131072, (size_t)memory, LOCACHE_ELIMIT);
}

static void test_frame__what_is_none_has_no_size(void **unused)
{
    static const unsigned char skippable[] = {0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0};
    uint64_t size = 7;
    (void)unused;
    lc_span frame = bomb(131072, 1);
    assert_true(lc_frame_size(&size, frame));
    assert_int_equal(size, 131072);
    for (size_t n = 0; n < frame.size; n++)
        assert_false(lc_frame_size(&size, (lc_span){frame.data, n}));
    assert_false(lc_frame_size(&size, (lc_span){skippable, sizeof skippable}));
    assert_int_equal(size, 131072);
    free((void *)(uintptr_t)frame.data);
}

/* Nothing is written past the room, and what does not fit is no frame. */
static void test_frame__in_less_room_than_it_takes(void **unused)
{
    enum { SIZE = 3000000 };
    (void)unused;
    static const size_t rooms[] = {0, 1, 10, SIZE / 2, SIZE};
    unsigned char *data = content(SIZE, false);
    size_t bound = lc_frame_bound(SIZE);
    unsigned char *out = malloc(bound);
    assert_non_null(out);
    lc_compressor *compressor = lc_compressor_new(1);
    assert_non_null(compressor);
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        memset(out, 'x', bound);
        assert_int_equal(lc_frame_compress(out, rooms[i], (lc_span){data, SIZE}, compressor), 0);
        for (size_t at = rooms[i]; at < bound; at++)
            assert_int_equal(out[at], 'x');
    }
    assert_int_equal(lc_frame_compress(out, 8, (lc_span){data, 100}, compressor), 0);
    assert_true(lc_frame_compress(out, bound, (lc_span){data, SIZE}, compressor) > SIZE);
    lc_compressor_free(compressor);
    free(out);
    free(data);
}

static void test_packed__what_is_refused_is_a_miss_that_says_why(void **unused)
{
    (void)unused;
    locache *cache = open_compressing(3, 0);
    char text[1000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    must_put(cache, 1, text);
    bytes entry = read_bytes(in_foo("my_func/x=1"));
    /* the last byte of the frame */
    entry.data[entry.size - 1] ^= 0x80;
    restamp(&entry);
    write_bytes(in_foo("my_func/x=1"), entry.data, entry.size);
    assert_int_equal(chmod(in_foo("my_func/x=1"), 0600), 0);
    locache_status status = get(cache, 1, text);
    assert_true(status == LOCACHE_MISS);
    assert_int_equal(error.status, LOCACHE_ECORRUPT);
    assert_non_null(strstr(error.message, "my_func/x=1"));
    must_put(cache, 1, text);
    assert_hit(cache, 1, text);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_packed__gives_back_what_was_stored),
        scratch_test(test_packed__leaves_alone_what_it_does_not_pay_for),
        scratch_test(test_packed__a_result_in_memory_is_the_one_on_disk),
        scratch_test(test_packed__refuses_levels_that_there_are_not),
        scratch_test(test_packed__without_memory_it_is_stored_as_it_is),
        scratch_test(test_packed__takes_no_memory_for_what_frames_promise),
        scratch_test(test_frame__what_is_none_has_no_size),
        scratch_test(test_frame__in_less_room_than_it_takes),
        scratch_test(test_packed__what_is_refused_is_a_miss_that_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
