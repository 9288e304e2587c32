/* Structs as results: the id of their layout, which tells one struct from another. */
#include "scratch.h"

#include "fault.h"
#include "persist/convert.h"

/* So many members that their text is longer than the room that it has on the stack. */
enum { MEMBERS = 64 };

static locache_member members[MEMBERS];
static const locache_layout layout = {.size = sizeof layout,
                                      .name = "large",
                                      .type_size = MEMBERS * sizeof(int),
                                      .count = MEMBERS,
                                      .members = members};

static void fill_members(void)
{
    for (size_t i = 0; i < MEMBERS; i++)
        members[i] = (locache_member){.size = sizeof members[i],
                                      .name = "a_member",
                                      .kind = LOCACHE_CTYPE_INT,
                                      .offset = i * sizeof(int),
                                      .element_size = sizeof(int)};
}

/* The id of the part of a layout that memory sufficed for would be another struct's, too. */
static void test_convert__without_memory_no_struct_is_written(void **unused)
{
    (void)unused;
    int value[MEMBERS] = {1};
    unsigned char room[1024];
    locache_cbor_writer body;
    fill_members();
    bool failed = true;
    int failures = -1;
    for (int n = 1; failed; n++, failures++) {
        locache_cbor_writer_init(&body, room, sizeof room);
        fault_set("alloc", n, ENOMEM);
        locache_codec codec =
            lc_convert_write(&body, LOCACHE_CTYPE_NONE, value, sizeof value, &layout);
        failed = fault_clear();
        assert_int_equal(codec, LOCACHE_CODEC_RAW);
        assert_int_equal(locache_cbor_writer_status(&body), failed ? LOCACHE_ENOMEM : LOCACHE_OK);
        assert_int_equal(body.length, failed ? 0 : sizeof value + LOCACHE_ID_SIZE);
        locache_cbor_writer_clear(&body);
    }
    assert_true(failures > 0);
}

/* Of a program that was compiled with a later header. */
static void test_convert__longer_members_are_the_same_members(void **unused)
{
    (void)unused;
    static struct later_member {
        locache_member known;
        const char *more;
    } longer[3];
    fill_members();
    for (size_t i = 0; i < 3; i++) {
        longer[i].known = members[i];
        longer[i].known.size = sizeof longer[i];
    }
    const locache_layout short_one = {
        .size = sizeof short_one, .type_size = 12, .count = 3, .members = members};
    locache_layout long_one = short_one;
    long_one.members = &longer[0].known;
    locache_cbor_writer one, other;
    locache_cbor_writer_init(&one, NULL, 0);
    locache_cbor_writer_init(&other, NULL, 0);
    int values[3] = {1, 2, 3};
    lc_convert_layout(&one, &short_one);
    lc_convert_layout(&other, &long_one);
    lc_convert_key(&one, LOCACHE_CTYPE_NONE, values, sizeof values, &short_one);
    lc_convert_key(&other, LOCACHE_CTYPE_NONE, values, sizeof values, &long_one);
    assert_int_equal(one.length, other.length);
    assert_memory_equal(one.data, other.data, one.length);
    locache_cbor_writer_clear(&one);
    locache_cbor_writer_clear(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_convert__without_memory_no_struct_is_written),
        scratch_test(test_convert__longer_members_are_the_same_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
