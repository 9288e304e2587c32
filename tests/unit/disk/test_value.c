/* Typed readers of results, and arrays of numbers on their way in and out. */
#include "scratch.h"

#include <math.h>
#include <time.h>

static locache *cache;

static int setup(void **unused)
{
    int failed = scratch_setup(unused);
    cache = open_function("my_func");
    return failed;
}

static int teardown(void **unused)
{
    locache_close(cache);
    return scratch_teardown(unused);
}

#define value_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --------------------------------------------------------------------------------------- bodies */

/* A result with this body, stored and read back. */
static locache_value *stored(const void *body, size_t size, locache_codec codec,
                             const outlying *buffers, size_t count)
{
    key k = key_of(1);
    locache_value *value = NULL;
    locache_record record = {
        .size = sizeof record, .codec = codec, .body = body, .body_size = size};
    set_buffers(&record, buffers, count);
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    return value;
}

static locache_cbor_writer body;

/* Begin another body. */
static locache_cbor_writer *fresh(void)
{
    locache_cbor_writer_clear(&body);
    locache_cbor_writer_init(&body, NULL, 0);
    return &body;
}

/* The value whose body was written since fresh(). */
static locache_value *finish(void)
{
    assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_OK);
    locache_value *value = stored(body.data, body.length, LOCACHE_CODEC_CBOR, NULL, 0);
    locache_cbor_writer_clear(&body);
    return value;
}

static locache_value *value_int(int64_t number)
{
    locache_cbor_write_int(fresh(), number);
    return finish();
}

static locache_value *value_bytes(const char *given, size_t size)
{
    return stored(given, size, LOCACHE_CODEC_CBOR, NULL, 0);
}

/* A scalar of NumPy. */
static locache_value *value_scalar(const char *type, const void *data, size_t size)
{
    locache_cbor_write_tag(fresh(), LOCACHE_TAG_SCALAR);
    locache_cbor_write_array(&body, 2);
    locache_cbor_write_text(&body, type, strlen(type));
    locache_cbor_write_bytes(&body, data, size);
    return finish();
}

/* What each reader says of a value, in this order: int, uint, real, bool, null, text, bytes,
 * ndarray. Frees it; the outs must be untouched where it is refused. */
typedef struct said {
    locache_status status[8];
} said;

static said ask(locache_value *value)
{
    int64_t integer = -77;
    uint64_t natural = 77;
    double real = 7.5;
    bool truth = true;
    const char *text = "text";
    const void *string = "string";
    size_t size = 77;
    locache_ndarray array = {.size = sizeof array, .dimensions = 77};
    said out = {{locache_value_int(&integer, value), locache_value_uint(&natural, value),
                 locache_value_real(&real, value), locache_value_bool(&truth, value),
                 locache_value_null(value), locache_value_text(&text, &size, value),
                 locache_value_bytes(&string, &size, value), locache_value_ndarray(&array, value)}};
    assert_true(out.status[0] == LOCACHE_OK || integer == -77);
    assert_true(out.status[1] == LOCACHE_OK || natural == 77);
    assert_true(out.status[2] == LOCACHE_OK || real == 7.5);
    assert_true(out.status[3] == LOCACHE_OK || truth);
    assert_true(out.status[5] == LOCACHE_OK || strcmp(text, "text") == 0);
    assert_true(out.status[6] == LOCACHE_OK || strcmp(string, "string") == 0);
    assert_true(out.status[5] == LOCACHE_OK || out.status[6] == LOCACHE_OK || size == 77);
    assert_true(out.status[7] == LOCACHE_OK || array.dimensions == 77);
    locache_value_free(value);
    return out;
}

/* Which of the readers, as letters of "iurbntya", takes the value; all others must say
 * `otherwise`. */
static void assert_taken_by(locache_value *value, const char *letters, locache_status otherwise)
{
    said got = ask(value);
    for (size_t i = 0; i < 8; i++) {
        bool takes = strchr(letters, "iurbntya"[i]) != NULL;
        assert_string_equal(locache_status_name(got.status[i]),
                            locache_status_name(takes ? LOCACHE_OK : otherwise));
    }
}

/* ---------------------------------------------------------------------------------------- types */

static void test_value__each_reader_takes_its_own_type_only(void **unused)
{
    (void)unused;
    assert_taken_by(value_int(3), "iu", LOCACHE_ETYPE);
    locache_cbor_write_real(fresh(), 3.0);
    assert_taken_by(finish(), "r", LOCACHE_ETYPE);
    locache_cbor_write_bool(fresh(), false);
    assert_taken_by(finish(), "b", LOCACHE_ETYPE);
    locache_cbor_write_null(fresh());
    assert_taken_by(finish(), "n", LOCACHE_ETYPE);
    locache_cbor_write_text(fresh(), "3", 1);
    assert_taken_by(finish(), "t", LOCACHE_ETYPE);
    locache_cbor_write_bytes(fresh(), "3", 1);
    assert_taken_by(finish(), "y", LOCACHE_ETYPE);
    locache_cbor_write_array(fresh(), 0);
    assert_taken_by(finish(), "", LOCACHE_ETYPE);
    locache_cbor_write_tag(fresh(), LOCACHE_TAG_TUPLE);
    locache_cbor_write_array(&body, 0);
    assert_taken_by(finish(), "", LOCACHE_ETYPE);
}

static void test_value__other_codecs_have_no_type(void **unused)
{
    (void)unused;
    locache_cbor_reader reader = {.at = NULL};
    locache_value *value = stored("\x03", 1, LOCACHE_CODEC_RAW, NULL, 0);
    assert_int_equal(locache_value_codec(value), LOCACHE_CODEC_RAW);
    assert_int_equal(locache_value_reader(&reader, value), LOCACHE_ETYPE);
    assert_null(reader.at);
    assert_taken_by(value, "", LOCACHE_ETYPE);
    assert_taken_by(stored("\x03", 1, LOCACHE_CODEC_PICKLE, NULL, 0), "", LOCACHE_ETYPE);
}

static void test_value__what_is_no_cbor_is_corrupt(void **unused)
{
    (void)unused;
    assert_taken_by(value_bytes("", 0), "", LOCACHE_ECORRUPT);
    assert_taken_by(value_bytes("\xFF", 1), "", LOCACHE_ECORRUPT);
    assert_taken_by(value_bytes("\x18\x03", 2), "", LOCACHE_ECORRUPT); /* 3, longer than needed */
}

static void test_value__more_than_one_item_is_corrupt(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes;
        size_t reader; /* that would take the first item */
    } cases[] = {
        {"\x03\x03", 0}, {"\x03\x03", 1},  {"\xF9\x3C\x00\x03", 2}, {"\xF4\x03", 3},
        {"\xF6\x03", 4}, {"\x61x\x03", 5}, {"\x41x\x03", 6},
    };
    static const size_t sizes[] = {2, 2, 4, 2, 2, 3, 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ask(value_bytes(cases[i].bytes, sizes[i])).status[cases[i].reader],
                         LOCACHE_ECORRUPT);
    /* 2^64, then one more. */
    assert_int_equal(ask(value_bytes("\xC2\x49\x01\0\0\0\0\0\0\0\0\x03", 12)).status[0],
                     LOCACHE_ECORRUPT);
}

static void test_value__says_what_it_is_made_of(void **unused)
{
    (void)unused;
    key k = key_of(1);
    size_t size;
    locache_value *value;
    const outlying buffers[] = {{(void *)(uintptr_t) "ab", 2}, {NULL, 0}};
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = "body",
                             .body_size = 4,
                             .compute_time = 123};
    set_buffers(&record, buffers, 2);
    struct timespec now;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    clock_gettime(CLOCK_REALTIME, &now);
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_int_equal(locache_value_codec(value), LOCACHE_CODEC_RAW);
    assert_memory_equal(locache_value_body(&size, value), "body", 4);
    assert_int_equal(size, 4);
    assert_int_equal(locache_value_buffer_count(value), 2);
    assert_memory_equal(buffer_of(value, 0).data, "ab", 2);
    assert_int_equal(buffer_of(value, 1).size, 0);
    assert_null(buffer_of(value, 2).data);
    assert_int_equal(locache_value_compute_time(value), 123);
    int64_t age = (int64_t)now.tv_sec - locache_value_created(value) / INT64_C(1000000000);
    assert_true(age >= -60 && age <= 60);
    locache_value_free(value);
}

static void test_value__a_reader_gives_the_parts(void **unused)
{
    (void)unused;
    locache_cbor_reader reader;
    locache_cbor_item item;
    locache_cbor_write_array(fresh(), 2);
    locache_cbor_write_int(&body, 1);
    locache_cbor_write_text(&body, "two", 3);
    locache_value *value = finish();
    assert_int_equal(locache_value_reader(&reader, value), LOCACHE_OK);
    assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
    assert_int_equal(item.number, 2);
    assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
    assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
    assert_memory_equal(item.data, "two", 3);
    assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_OK);
    locache_value_free(value);
}

/* -------------------------------------------------------------------------------------- numbers */

static void test_value__integers_of_every_size(void **unused)
{
    (void)unused;
    static const int64_t numbers[] = {0,   1,     23,        24,        -1,       -24,
                                      -25, 65536, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t got = 0;
        uint64_t natural = 0;
        locache_value *value = value_int(numbers[i]);
        assert_int_equal(locache_value_int(&got, value), LOCACHE_OK);
        assert_true(got == numbers[i]);
        assert_int_equal(locache_value_uint(&natural, value),
                         numbers[i] < 0 ? LOCACHE_ELIMIT : LOCACHE_OK);
        assert_true(numbers[i] < 0 || natural == (uint64_t)numbers[i]);
        locache_value_free(value);
    }
}

static void test_value__integers_out_of_range(void **unused)
{
    (void)unused;
    uint64_t natural;
    int64_t integer;
    static const unsigned char two_to_64[] = {1, 0, 0, 0, 0, 0, 0, 0, 0};
    locache_cbor_write_uint(fresh(), UINT64_MAX);
    locache_value *value = finish();
    assert_int_equal(locache_value_uint(&natural, value), LOCACHE_OK);
    assert_true(natural == UINT64_MAX);
    assert_int_equal(locache_value_int(&integer, value), LOCACHE_ELIMIT);
    locache_value_free(value);
    for (int negative = 0; negative < 2; negative++) {
        locache_cbor_write_bigint(fresh(), negative, two_to_64, sizeof two_to_64);
        said got = ask(finish());
        assert_int_equal(got.status[0], LOCACHE_ELIMIT);
        assert_int_equal(got.status[1], LOCACHE_ELIMIT);
        assert_int_equal(got.status[2], LOCACHE_ETYPE);
    }
    /* -2^64 is a CBOR integer and fits neither. */
    said got = ask(value_bytes("\x3B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9));
    assert_int_equal(got.status[0], LOCACHE_ELIMIT);
    assert_int_equal(got.status[1], LOCACHE_ELIMIT);
}

static void test_value__reals_keep_every_bit(void **unused)
{
    (void)unused;
    static const double numbers[] = {0.0, -0.0, 1.0, 0.1, 1e308, 5e-324, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double got;
        locache_cbor_write_real(fresh(), numbers[i]);
        locache_value *value = finish();
        assert_int_equal(locache_value_real(&got, value), LOCACHE_OK);
        assert_memory_equal(&got, &numbers[i], sizeof got);
        locache_value_free(value);
    }
}

static void test_value__bools(void **unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        bool got = !i;
        locache_cbor_write_bool(fresh(), i);
        locache_value *value = finish();
        assert_int_equal(locache_value_bool(&got, value), LOCACHE_OK);
        assert_int_equal(got, i);
        locache_value_free(value);
    }
}

static void test_value__scalars_of_numpy_are_numbers(void **unused)
{
    (void)unused;
    static const struct {
        const char *type;
        const char *data;
        size_t size;
        const char *taken; /* by which readers */
        double number;
    } cases[] = {
        {"<i8", "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, "i", -2},
        {">i8", "\x80\0\0\0\0\0\0\0", 8, "i", -9223372036854775808.0},
        {"<i4", "\x02\0\0\0", 4, "iu", 2},
        {"<i4", "\0\0\0\x80", 4, "i", -2147483648.0},
        {">u2", "\x01\x00", 2, "iu", 256},
        {"|u1", "\xFF", 1, "iu", 255},
        {"|i1", "\xFF", 1, "i", -1},
        {"<f8", "\0\0\0\0\0\0\xF8\x3F", 8, "r", 1.5},
        {">f4", "\x3F\xC0\0\0", 4, "r", 1.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t integer;
        uint64_t natural;
        double real;
        locache_value *value = value_scalar(cases[i].type, cases[i].data, cases[i].size);
        bool is_int = strchr(cases[i].taken, 'i') != NULL;
        assert_int_equal(locache_value_int(&integer, value), is_int ? LOCACHE_OK : LOCACHE_ETYPE);
        assert_true(!is_int || (double)integer == cases[i].number);
        bool is_uint = strchr(cases[i].taken, 'u') != NULL;
        assert_int_equal(locache_value_uint(&natural, value), is_uint  ? LOCACHE_OK
                                                              : is_int ? LOCACHE_ELIMIT
                                                                       : LOCACHE_ETYPE);
        assert_true(!is_uint || (double)natural == cases[i].number);
        bool is_real = strchr(cases[i].taken, 'r') != NULL;
        assert_int_equal(locache_value_real(&real, value), is_real ? LOCACHE_OK : LOCACHE_ETYPE);
        assert_true(!is_real || real == cases[i].number);
        locache_value_free(value);
    }
    said got = ask(value_scalar("<u8", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8));
    assert_int_equal(got.status[0], LOCACHE_ELIMIT);
    assert_int_equal(got.status[1], LOCACHE_OK);
    assert_taken_by(value_scalar("|b1", "\x01", 1), "b", LOCACHE_ETYPE);
    assert_taken_by(value_scalar("|b1", "\x00", 1), "b", LOCACHE_ETYPE);
}

static void test_value__other_scalars_are_of_another_type(void **unused)
{
    (void)unused;
    assert_taken_by(value_scalar("<f2", "\0\0", 2), "", LOCACHE_ETYPE);
    assert_taken_by(value_scalar("<f8", "\0\0", 2), "", LOCACHE_ETYPE);
    assert_taken_by(value_scalar("<c16", "0123456789abcdef", 16), "", LOCACHE_ETYPE);
    assert_taken_by(value_scalar("<b8", "01234567", 8), "", LOCACHE_ETYPE);
    assert_taken_by(value_scalar("", "", 0), "", LOCACHE_ETYPE);
}

static void test_value__broken_scalars_are_corrupt(void **unused)
{
    (void)unused;
    /* Tag 49611 over: an integer; an array of one; of an integer and bytes; of text and text; all
     * with something behind. */
    static const char *const bodies[] = {"\x03", "\x81\x63<i1", "\x82\x03\x41x", "\x82\x63|i1\x61x",
                                         "\x82\x63|i1\x41x\x03"};
    static const size_t readers[] = {0, 1, 2, 3};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (size_t j = 0; j < sizeof readers / sizeof *readers; j++) {
            locache_cbor_write_tag(fresh(), LOCACHE_TAG_SCALAR);
            locache_cbor_write_raw(&body, bodies[i], strlen(bodies[i]));
            assert_int_equal(ask(finish()).status[readers[j]], LOCACHE_ECORRUPT);
        }
    }
}

/* -------------------------------------------------------------------------------------- strings */

static void test_value__text_and_bytes(void **unused)
{
    (void)unused;
    const char *text;
    const void *string;
    size_t size;
    locache_cbor_write_text(fresh(), "gr\xC3\xBC\0n", 6);
    locache_value *value = finish();
    assert_int_equal(locache_value_text(&text, &size, value), LOCACHE_OK);
    assert_int_equal(size, 6);
    assert_memory_equal(text, "gr\xC3\xBC\0n", 6);
    locache_value_free(value);
    locache_cbor_write_bytes(fresh(), "\0\xFF", 2);
    value = finish();
    assert_int_equal(locache_value_bytes(&string, &size, value), LOCACHE_OK);
    assert_int_equal(size, 2);
    assert_memory_equal(string, "\0\xFF", 2);
    locache_value_free(value);
    locache_cbor_write_bytes(fresh(), "", 0);
    value = finish();
    assert_int_equal(locache_value_bytes(&string, &size, value), LOCACHE_OK);
    assert_int_equal(size, 0);
    locache_value_free(value);
}

static void test_value__bytes_in_a_buffer(void **unused)
{
    (void)unused;
    const void *string;
    size_t size;
    char large[5000];
    memset(large, 'x', sizeof large);
    const outlying buffers[] = {{large, 0}, {large, sizeof large}};
    locache_cbor_write_tag(fresh(), LOCACHE_TAG_BUFFER);
    locache_cbor_write_uint(&body, 1);
    locache_value *value = stored(body.data, body.length, LOCACHE_CODEC_CBOR, buffers, 2);
    assert_int_equal(locache_value_bytes(&string, &size, value), LOCACHE_OK);
    assert_int_equal(size, sizeof large);
    assert_memory_equal(string, large, sizeof large);
    assert_int_equal((uintptr_t)string % 64, 0);
    locache_value_free(value);
    /* No such buffer; no number; more than a number. */
    static const char *const wrong[] = {"\x02", "\x61x", "\x1B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                                        "\x01\x01"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        locache_cbor_write_tag(fresh(), LOCACHE_TAG_BUFFER);
        locache_cbor_write_raw(&body, wrong[i], strlen(wrong[i]));
        value = stored(body.data, body.length, LOCACHE_CODEC_CBOR, buffers, 2);
        assert_int_equal(locache_value_bytes(&string, &size, value), LOCACHE_ECORRUPT);
        locache_value_free(value);
    }
    locache_cbor_writer_clear(&body);
}

static void test_value__text_in_a_buffer(void **unused)
{
    (void)unused;
    const char *text = NULL;
    const void *string;
    size_t size = 0;
    char large[5000];
    memset(large, 'x', sizeof large);
    char wrong[sizeof large];
    memcpy(wrong, large, sizeof wrong);
    wrong[sizeof wrong - 1] = '\xC3'; /* the half of a character */
    const outlying buffers[] = {{wrong, sizeof wrong}, {large, sizeof large}};
    locache_cbor_write_tag(fresh(), LOCACHE_TAG_TEXT_BUFFER);
    locache_cbor_write_uint(&body, 1);
    locache_value *value = stored(body.data, body.length, LOCACHE_CODEC_CBOR, buffers, 2);
    assert_int_equal(locache_value_text(&text, &size, value), LOCACHE_OK);
    assert_int_equal(size, sizeof large);
    assert_memory_equal(text, large, sizeof large);
    assert_int_equal(locache_value_bytes(&string, &size, value), LOCACHE_ETYPE);
    locache_value_free(value);
    /* No UTF-8; no such buffer; no number; more than a number. */
    static const char *const content[] = {"\0", "\x02", "\x61x", "\x01\x01"};
    for (size_t i = 0; i < sizeof content / sizeof *content; i++) {
        locache_cbor_write_tag(fresh(), LOCACHE_TAG_TEXT_BUFFER);
        locache_cbor_write_raw(&body, content[i], i == 0 ? 1 : strlen(content[i]));
        value = stored(body.data, body.length, LOCACHE_CODEC_CBOR, buffers, 2);
        assert_int_equal(locache_value_text(&text, &size, value), LOCACHE_ECORRUPT);
        locache_value_free(value);
    }
    /* Bytes are no text. */
    locache_cbor_write_tag(fresh(), LOCACHE_TAG_BUFFER);
    locache_cbor_write_uint(&body, 1);
    value = stored(body.data, body.length, LOCACHE_CODEC_CBOR, buffers, 2);
    assert_int_equal(locache_value_text(&text, &size, value), LOCACHE_ETYPE);
    locache_value_free(value);
    locache_cbor_writer_clear(&body);
}

/* --------------------------------------------------------------------------------------- arrays */

static const locache_element elements[] = {
    LOCACHE_ELEMENT_UINT8,   LOCACHE_ELEMENT_UINT16, LOCACHE_ELEMENT_UINT32,
    LOCACHE_ELEMENT_UINT64,  LOCACHE_ELEMENT_INT8,   LOCACHE_ELEMENT_INT16,
    LOCACHE_ELEMENT_INT32,   LOCACHE_ELEMENT_INT64,  LOCACHE_ELEMENT_FLOAT16,
    LOCACHE_ELEMENT_FLOAT32, LOCACHE_ELEMENT_FLOAT64};

static void assert_same_array(const locache_ndarray *a, const locache_ndarray *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->column_major, b->column_major);
    assert_int_equal(a->dimensions, b->dimensions);
    for (unsigned i = 0; i < a->dimensions; i++)
        assert_int_equal(a->extents[i], b->extents[i]);
    assert_int_equal(a->data_size, b->data_size);
    if (a->data_size > 0)
        assert_memory_equal(a->data, b->data, a->data_size);
}

static void test_value__arrays_come_back(void **unused)
{
    (void)unused;
    unsigned char data[6 * 8];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        for (unsigned variant = 0; variant < 8; variant++) {
            size_t step = locache_element_size(elements[i]);
            locache_ndarray array = {.size = sizeof array,
                                     .type = elements[i],
                                     .swapped = variant & 1,
                                     .column_major = variant & 2,
                                     .dimensions = 2,
                                     .extents = {2, 3},
                                     .data = data,
                                     .data_size = 6 * step};
            const outlying buffer = {data, array.data_size};
            locache_ndarray got = {.size = sizeof got};
            bool apart = variant & 4;
            if (apart)
                locache_cbor_write_ndarray_apart(fresh(), &array, 0);
            else
                locache_cbor_write_ndarray(fresh(), &array);
            assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_OK);
            locache_value *value =
                stored(body.data, body.length, LOCACHE_CODEC_CBOR, apart ? &buffer : NULL, apart);
            assert_int_equal(locache_value_ndarray(&got, value), LOCACHE_OK);
            assert_same_array(&got, &array);
            assert_int_equal(got.swapped, step > 1 && array.swapped);
            assert_taken_by(value, "a", LOCACHE_ETYPE);
        }
    }
    locache_cbor_writer_clear(&body);
}

static void test_value__arrays_of_any_shape(void **unused)
{
    (void)unused;
    static const double data[3] = {1, 2, 3};
    static const struct {
        unsigned dimensions;
        uint64_t extents[3];
        size_t count;
    } shapes[] = {
        {0, {0}, 1}, {1, {0}, 0}, {1, {3}, 3}, {3, {1, 3, 1}, 3}, {2, {UINT64_MAX, 0}, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        locache_ndarray array = {.size = sizeof array,
                                 .type = LOCACHE_ELEMENT_FLOAT64,
                                 .dimensions = shapes[i].dimensions,
                                 .data = data,
                                 .data_size = shapes[i].count * sizeof *data};
        locache_ndarray got = {.size = sizeof got};
        memcpy(array.extents, shapes[i].extents, sizeof shapes[i].extents);
        locache_cbor_write_ndarray(fresh(), &array);
        locache_value *value = finish();
        assert_int_equal(locache_value_ndarray(&got, value), LOCACHE_OK);
        assert_same_array(&got, &array);
        locache_value_free(value);
    }
}

static void test_value__copies_are_in_native_order(void **unused)
{
    (void)unused;
    static const uint32_t numbers[] = {0x01020304, 0xA0B0C0D0};
    unsigned char turned[] = {0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t got[2] = {0, 0};
    for (size_t i = 0; i < sizeof turned; i++)
        turned[i] = ((const unsigned char *)numbers)[i ^ 3];
    locache_ndarray array = {.size = sizeof array,
                             .type = LOCACHE_ELEMENT_UINT32,
                             .dimensions = 1,
                             .extents = {2},
                             .data = numbers,
                             .data_size = 8};
    locache_ndarray_copy(got, &array);
    assert_memory_equal(got, numbers, sizeof got);
    array.data = turned;
    array.swapped = true;
    memset(got, 0, sizeof got);
    locache_ndarray_copy(got, &array);
    assert_memory_equal(got, numbers, sizeof got);
    array.data_size = 0;
    array.data = NULL;
    locache_ndarray_copy(got, &array);
    assert_memory_equal(got, numbers, sizeof got);
}

static void test_value__arrays_that_cannot_be(void **unused)
{
    (void)unused;
    static const double data[3] = {1, 2, 3};
    const locache_ndarray right = {.size = sizeof right,
                                   .type = LOCACHE_ELEMENT_FLOAT64,
                                   .dimensions = 1,
                                   .extents = {3},
                                   .data = data,
                                   .data_size = sizeof data};
    locache_ndarray wrong[7];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        wrong[i] = right;
    wrong[0].data_size = 23;
    wrong[1].extents[0] = 4;
    wrong[2].type = 68;
    wrong[3].dimensions = LOCACHE_DIMENSIONS_MAX + 1;
    wrong[4].extents[0] = UINT64_MAX / 4;
    wrong[5].type = 0;
    wrong[6].size = sizeof right - 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        locache_cbor_write_ndarray(fresh(), &wrong[i]);
        assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_EINVAL);
        assert_int_equal(body.length, 0);
        locache_cbor_write_ndarray_apart(fresh(), &wrong[i], 0);
        assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_EINVAL);
        locache_key_ndarray(fresh(), &wrong[i]);
        assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_EINVAL);
    }
    locache_cbor_writer_clear(&body);
    assert_int_equal(locache_element_size((locache_element)0), 0);
}

static void test_value__broken_arrays(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes; /* after the tag 40 */
        size_t size;
        locache_status status;
    } cases[] = {
        {"\x82\x81\x01\xD8\x40\x41x", 7, LOCACHE_OK},
        {"\x03", 1, LOCACHE_ECORRUPT},
        {"\x81\x81\x01", 3, LOCACHE_ECORRUPT},
        {"\x82\x03\xD8\x40\x41x", 6, LOCACHE_ECORRUPT},
        {"\x82\x81\x20\xD8\x40\x41x", 7, LOCACHE_ECORRUPT},
        {"\x82\x81\x01\x41x", 5, LOCACHE_ECORRUPT},
        {"\x82\x81\x02\xD8\x40\x41x", 7, LOCACHE_ECORRUPT},
        {"\x82\x81\x01\xD8\x40\x61x", 7, LOCACHE_ECORRUPT},
        /* a buffer that is not there */
        {"\x82\x81\x01\xD8\x40\xD9\xC1\xC8\x00", 9, LOCACHE_ECORRUPT},
        {"\x82\x81\x01\xD8\x40\x41x\x00", 8, LOCACHE_ECORRUPT},
        {"\x82\x81\x1B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xD8\x43\x41x", 15, LOCACHE_ECORRUPT},
        {"\x82\x81\x01\xD8\x44\x41x", 7, LOCACHE_ETYPE}, /* clamped bytes */
        {"\x82\x81\x01\xD8\x53\x41x", 7, LOCACHE_ETYPE}, /* binary128 */
        {"\x82\x81\x01\xC1\x41x", 6, LOCACHE_ETYPE},
        {"\x82\x81\x01\xD8\x4C\x41x", 7, LOCACHE_ETYPE}, /* reserved */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        locache_ndarray got = {.size = sizeof got};
        locache_cbor_write_tag(fresh(), LOCACHE_TAG_NDARRAY);
        locache_cbor_write_raw(&body, cases[i].bytes, cases[i].size);
        locache_value *value = finish();
        assert_int_equal(locache_value_ndarray(&got, value), cases[i].status);
        locache_value_free(value);
    }
    locache_ndarray got = {.size = sizeof got};
    locache_cbor_write_tag(fresh(), LOCACHE_TAG_NDARRAY);
    locache_cbor_write_array(&body, 2);
    locache_cbor_write_array(&body, LOCACHE_DIMENSIONS_MAX + 1);
    for (int i = 0; i <= LOCACHE_DIMENSIONS_MAX; i++)
        locache_cbor_write_int(&body, 1);
    locache_value *value = finish();
    assert_int_equal(locache_value_ndarray(&got, value), LOCACHE_ECORRUPT);
    locache_value_free(value);
}

/* ----------------------------------------------------------------------------------------- keys */

static void test_value__long_values_of_keys_are_digests(void **unused)
{
    (void)unused;
    static char data[LOCACHE_KEY_LONG + 1];
    locache_cbor_reader reader;
    locache_cbor_item item;
    unsigned char digest[LOCACHE_DIGEST_SIZE];
    memset(data, 'x', sizeof data);
    for (int text = 0; text < 2; text++) {
        for (size_t size = LOCACHE_KEY_LONG - 1; size <= LOCACHE_KEY_LONG; size++) {
            if (text)
                locache_key_text(fresh(), data, size);
            else
                locache_key_bytes(fresh(), data, size);
            locache_cbor_reader_init(&reader, body.data, body.length);
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            if (size < LOCACHE_KEY_LONG) {
                assert_int_equal(item.kind, text ? LOCACHE_KIND_TEXT : LOCACHE_KIND_BYTES);
                continue;
            }
            assert_int_equal(item.number, text ? LOCACHE_TAG_TEXT_DIGEST : LOCACHE_TAG_DIGEST);
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            assert_int_equal(item.number, size);
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            locache_digest(digest, data, size);
            assert_int_equal(item.size, sizeof digest);
            assert_memory_equal(item.data, digest, sizeof digest);
            assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_OK);
        }
    }
    data[LOCACHE_KEY_LONG] = '\xFF';
    locache_key_text(fresh(), data, sizeof data);
    assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_EINVAL);
    locache_key_text(fresh(), "\xFF", 1);
    assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_EINVAL);
    locache_cbor_writer_clear(&body);
}

static void test_value__arrays_in_keys(void **unused)
{
    (void)unused;
    char name[LOCACHE_NAME_MAX + 1];
    static double data[1000];
    locache_ndarray array = {.size = sizeof array,
                             .type = LOCACHE_ELEMENT_FLOAT64,
                             .dimensions = 2,
                             .extents = {3, 4},
                             .data = data,
                             .data_size = 96};
    locache_key_begin(fresh(), 1);
    locache_key_name(&body, "x", 1);
    locache_key_ndarray(&body, &array);
    assert_int_equal(locache_key_filename(name, body.data, body.length), LOCACHE_OK);
    assert_memory_equal(name, "x=ndarray.3x4~", 14);
    array.extents[0] = 250;
    array.data_size = sizeof data;
    locache_key_ndarray(fresh(), &array);
    assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_OK);
    assert_true(body.length < 100);
    array.column_major = true;
    locache_key_ndarray(fresh(), &array);
    assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_EINVAL);
    locache_cbor_writer_clear(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        value_test(test_value__each_reader_takes_its_own_type_only),
        value_test(test_value__other_codecs_have_no_type),
        value_test(test_value__what_is_no_cbor_is_corrupt),
        value_test(test_value__more_than_one_item_is_corrupt),
        value_test(test_value__says_what_it_is_made_of),
        value_test(test_value__a_reader_gives_the_parts),
        value_test(test_value__integers_of_every_size),
        value_test(test_value__integers_out_of_range),
        value_test(test_value__reals_keep_every_bit),
        value_test(test_value__bools),
        value_test(test_value__scalars_of_numpy_are_numbers),
        value_test(test_value__other_scalars_are_of_another_type),
        value_test(test_value__broken_scalars_are_corrupt),
        value_test(test_value__text_and_bytes),
        value_test(test_value__bytes_in_a_buffer),
        value_test(test_value__text_in_a_buffer),
        value_test(test_value__arrays_come_back),
        value_test(test_value__arrays_of_any_shape),
        value_test(test_value__copies_are_in_native_order),
        value_test(test_value__arrays_that_cannot_be),
        value_test(test_value__broken_arrays),
        value_test(test_value__long_values_of_keys_are_digests),
        value_test(test_value__arrays_in_keys),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
