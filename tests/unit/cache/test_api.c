/* What programs compiled with another version of the header may rely on, and what a handle tells of
 * itself. */
#include "scratch.h"

/* -------------------------------------------------------------------------------- sized structs */

/* Options as a later version of the header has them. */
typedef struct later_options {
    locache_options known;
    int64_t more;
} later_options;

typedef struct later_record {
    locache_record known;
    const char *more;
} later_record;

static locache_status open_sized(const locache_options *options)
{
    locache *cache = NULL;
    locache_status status = locache_open(&cache, foo, options, &error);
    locache_close(cache);
    return status;
}

static void test_api__shorter_options_are_filled_up(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.flags = ~0U; /* not looked at: beyond the size */
    options.max_entries = 1;
    options.size = offsetof(locache_options, identity) + sizeof options.identity;
    locache *cache = open_with(&options);
    must_put(cache, 1, "r");
    must_put(cache, 2, "r");
    assert_int_equal(count_of(cache), 2);
    locache_close(cache);
    options.size--;
    assert_int_equal(open_sized(&options), LOCACHE_EINVAL);
    options.size = 0;
    assert_int_equal(open_sized(&options), LOCACHE_EINVAL);
}

static void test_api__longer_options_are_taken_where_they_say_nothing_more(void **unused)
{
    (void)unused;
    later_options options = {.known = options_for("my_func")};
    options.known.size = sizeof options;
    assert_int_equal(open_sized(&options.known), LOCACHE_OK);
    options.more = 1;
    assert_int_equal(open_sized(&options.known), LOCACHE_EINVAL);
    assert_non_null(strstr(error.message, "size"));
}

static void test_api__records_of_other_sizes(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache *cache = open_function("my_func");
    later_record record = {
        .known = {.codec = LOCACHE_CODEC_RAW, .body = "r", .body_size = 1, .buffer_count = 99}};
    record.known.size = offsetof(locache_record, body_size) + sizeof record.known.body_size;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record.known, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    record.known.size--;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record.known, &error), LOCACHE_EINVAL);
    record.known.size = sizeof record;
    record.known.buffer_count = 0;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record.known, &error), LOCACHE_OK);
    record.more = "more";
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record.known, &error), LOCACHE_EINVAL);
    record.more = NULL;
    record.known.flags = LOCACHE_RECORD_PASSING << 1;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record.known, &error), LOCACHE_EINVAL);
    assert_non_null(strstr(error.message, "unknown flags"));
    locache_close(cache);
}

static void test_api__identities_of_other_sizes(void **unused)
{
    (void)unused;
    struct {
        locache_identity known;
        int64_t more;
    } identity = {.known = identity_of("t-1", 1)};
    locache_options options = options_for("my_func");
    options.identity = &identity.known;
    identity.known.size = sizeof identity;
    assert_int_equal(open_sized(&options), LOCACHE_OK);
    identity.more = 1;
    assert_int_equal(open_sized(&options), LOCACHE_EINVAL);
    identity.known.size = offsetof(locache_identity, source);
    assert_int_equal(open_sized(&options), LOCACHE_EINVAL);
    assert_non_null(strstr(error.message, "identity.size"));
    options.identity = NULL;
    assert_int_equal(open_sized(&options), LOCACHE_OK);
}

static void test_api__an_identity_is_filled_as_far_as_it_goes(void **unused)
{
    (void)unused;
    locache_identity identity;
    memset(&identity, 77, sizeof identity);
    identity.size = offsetof(locache_identity, has_source);
    locache_identity_explicit(&identity, "1");
    assert_string_equal(identity.code_tag, "explicit");
    assert_int_equal(identity.size, offsetof(locache_identity, has_source));
    assert_int_equal(((unsigned char *)&identity)[offsetof(locache_identity, has_source)], 77);
}

static void test_api__alternatives_of_other_sizes(void **unused)
{
    (void)unused;
    locache_alternative one = {.size = sizeof one, .state = "a:b", .identity = identity_at("t", 1)};
    const locache_alternative *all[] = {&one};
    locache_options options = options_for("my_func");
    options.alternatives = all;
    options.alternative_count = 1;
    assert_int_equal(open_sized(&options), LOCACHE_OK);
    one.size--;
    assert_int_equal(open_sized(&options), LOCACHE_EINVAL);
    one.size++;
    one.identity = NULL;
    assert_int_equal(open_sized(&options), LOCACHE_EINVAL);
    all[0] = NULL;
    assert_int_equal(open_sized(&options), LOCACHE_EINVAL);
}

static void test_api__requests_of_other_sizes(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache *cache = open_function("my_func");
    struct {
        locache_request known;
        int64_t more;
    } request = {.known = {.size = sizeof request, .key = k.bytes, .key_size = k.size}};
    locache_value *value;
    locache_flight *flight = NULL;
    assert_int_equal(locache_ask(&value, &flight, cache, &request.known, &error), LOCACHE_MISS);
    locache_abandon(flight);
    request.more = 1;
    assert_int_equal(locache_ask(&value, &flight, cache, &request.known, &error), LOCACHE_EINVAL);
    /* What the first header had is the least; an earlier one's is served. */
    request.more = 0;
    request.known.size = offsetof(locache_request, newer_than);
    assert_int_equal(locache_ask(&value, &flight, cache, &request.known, &error), LOCACHE_MISS);
    locache_abandon(flight);
    request.known.size--;
    assert_int_equal(locache_ask(&value, &flight, cache, &request.known, &error), LOCACHE_EINVAL);
    locache_close(cache);
}

/* What may be NULL everywhere (locache.h, "NULL"). */
static void test_api__what_is_ended_may_be_null(void **unused)
{
    (void)unused;
    locache_close(NULL);
    locache_value_free(NULL);
    locache_abandon(NULL);
    locache_give_up(NULL);
    locache_cbor_writer_clear(NULL);
    locache_set_log(NULL, NULL);
    locache_set_warn(NULL, NULL);
    locache_options wrong = {.size = 0};
    locache *cache = NULL;
    assert_int_equal(locache_open(&cache, foo, &wrong, NULL), LOCACHE_EINVAL);
}

static void test_api__data_of_no_bytes_may_be_null(void **unused)
{
    (void)unused;
    locache_cbor_writer writer;
    locache_id id, same;
    unsigned char digest[LOCACHE_DIGEST_SIZE], alike[LOCACHE_DIGEST_SIZE];
    locache_cbor_writer_init(&writer, NULL, 0);
    locache_cbor_write_bytes(&writer, NULL, 0);
    locache_cbor_write_text(&writer, NULL, 0);
    locache_cbor_write_raw(&writer, NULL, 0);
    locache_cbor_write_bigint(&writer, false, NULL, 0);
    locache_key_bytes(&writer, NULL, 0);
    locache_key_text(&writer, NULL, 0);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    assert_memory_equal(writer.data, "\x40\x60\x00\x40\x60", 5);
    locache_cbor_writer_clear(&writer);
    locache_id_of(&id, NULL, 0);
    locache_id_of(&same, "", 0);
    assert_memory_equal(&id, &same, sizeof id);
    locache_digest(digest, NULL, 0);
    locache_digest(alike, "", 0);
    assert_memory_equal(digest, alike, sizeof digest);
}

/* ----------------------------------------------------------------------------------- identities */

static void test_api__a_version_said_by_hand(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"1", "2", "", "2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        locache_options options = options_for("my_func");
        options.identity = explicit_at(texts[i]);
        assert_string_equal(options.identity->code_tag, "explicit");
        locache *cache = open_with(&options);
        if (i < 3)
            assert_miss(cache, 1);
        else
            assert_hit(cache, 1, "2"); /* it came back */
        must_put(cache, 1, texts[i]);
        assert_hit(cache, 1, texts[i]);
        locache_close(cache);
    }
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 2);
}

static void test_api__a_version_said_by_hand_is_not_that_of_a_source(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "by source");
    locache_close(cache);
    locache_options options = options_for("my_func");
    options.identity = explicit_at("1");
    cache = open_with(&options);
    assert_miss(cache, 1);
    locache_close(cache);
    cache = open_function("my_func");
    assert_hit(cache, 1, "by source");
    locache_close(cache);
}

/* ----------------------------------------------------------------------------------- statistics */

static locache_statistics info_of(const locache *cache)
{
    locache_statistics out = {.size = sizeof out};
    assert_int_equal(locache_info(&out, cache), LOCACHE_OK);
    assert_int_equal(out.size, sizeof out);
    return out;
}

static void test_api__info_counts_what_happened(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache *cache = open_function("my_func");
    locache_statistics got = info_of(cache);
    assert_true(got.hits + got.misses + got.rejects + got.stores + got.removals + got.resets == 0);
    assert_miss(cache, 1);
    must_put(cache, 1, "r");
    assert_hit(cache, 1, "r");
    assert_hit(cache, 1, "r");
    must_put(cache, 2, "r");
    write_text(in_foo("my_func/x=2"), "damaged");
    assert_rejected(cache, 2, LOCACHE_ECORRUPT);
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_MISS);
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    got = info_of(cache);
    assert_int_equal(got.hits, 2);
    assert_int_equal(got.misses, 1);
    assert_int_equal(got.rejects, 1);
    assert_int_equal(got.stores, 2);
    assert_int_equal(got.removals, 1);
    assert_int_equal(got.resets, 1);
    assert_int_equal(got.compute_time, 2 * RESULT_TOOK);
    assert_int_equal(got.saved_time, 2 * RESULT_TOOK);
    locache_close(cache);
    cache = open_function("my_func");
    assert_int_equal(info_of(cache).stores, 0);
    locache_close(cache);
}

static locache_status put_that_took(locache *cache, int64_t x, int64_t took)
{
    key k = key_of(x);
    const locache_record record = {.size = sizeof record,
                                   .codec = LOCACHE_CODEC_RAW,
                                   .body = "r",
                                   .body_size = 1,
                                   .compute_time = took};
    return locache_put(cache, k.bytes, k.size, &record, &error);
}

/* From the file, from memory, and where memory had what is no more. */
static void test_api__time_is_saved_by_what_is_given(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache *other = open_function("my_func");
    assert_int_equal(put_that_took(cache, 1, 1000), LOCACHE_OK);
    assert_int_equal(put_that_took(cache, 2, -1), LOCACHE_OK);
    assert_int_equal(info_of(cache).compute_time, 1000);
    for (int i = 1; i < 4; i++) {
        assert_hit(cache, 1, "r");
        assert_hit(cache, 2, "r");
        assert_hit(other, 1, "r");
        assert_int_equal(info_of(cache).saved_time, i * 1000);
        assert_int_equal(info_of(other).saved_time, i * 1000);
    }
    assert_int_equal(unlink(in_foo("my_func/x=1")), 0);
    assert_miss(cache, 1);
    assert_int_equal(put_that_took(other, 1, 5), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    assert_int_equal(info_of(cache).saved_time, 3 * 1000 + 5);
    assert_int_equal(info_of(other).compute_time, 5);
    locache_close(other);
    locache_close(cache);
}

static void test_api__info_of_other_sizes(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_statistics out = {
        .size = offsetof(locache_statistics, misses), .hits = 77, .misses = 77};
    assert_miss(cache, 1);
    assert_int_equal(locache_info(&out, cache), LOCACHE_OK);
    assert_int_equal(out.hits, 0);
    assert_int_equal(out.misses, 77);
    out.size--;
    assert_int_equal(locache_info(&out, cache), LOCACHE_EINVAL);
    struct {
        locache_statistics known;
        uint64_t more;
    } later = {.known = {.size = sizeof later}, .more = 77};
    assert_int_equal(locache_info(&later.known, cache), LOCACHE_OK);
    assert_int_equal(later.known.misses, 1);
    assert_int_equal(later.more, 77);
    assert_int_equal(later.known.size, sizeof later);
    locache_close(cache);
}

static void test_api__a_handle_says_whose_it_is(void **unused)
{
    (void)unused;
    locache *cache = open_function("a/b");
    assert_string_equal(locache_function(cache), "a/b");
    assert_string_equal(locache_directory(cache), in_foo("a%2Fb"));
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_api__shorter_options_are_filled_up),
        scratch_test(test_api__longer_options_are_taken_where_they_say_nothing_more),
        scratch_test(test_api__records_of_other_sizes),
        scratch_test(test_api__identities_of_other_sizes),
        scratch_test(test_api__an_identity_is_filled_as_far_as_it_goes),
        scratch_test(test_api__alternatives_of_other_sizes),
        scratch_test(test_api__requests_of_other_sizes),
        scratch_test(test_api__what_is_ended_may_be_null),
        scratch_test(test_api__data_of_no_bytes_may_be_null),
        scratch_test(test_api__a_version_said_by_hand),
        scratch_test(test_api__a_version_said_by_hand_is_not_that_of_a_source),
        scratch_test(test_api__info_counts_what_happened),
        scratch_test(test_api__time_is_saved_by_what_is_given),
        scratch_test(test_api__info_of_other_sizes),
        scratch_test(test_api__a_handle_says_whose_it_is),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
