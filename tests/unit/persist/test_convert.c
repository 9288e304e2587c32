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

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_convert__without_memory_no_struct_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
