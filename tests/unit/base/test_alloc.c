/* locache_set_allocator(): a program of its own, since an allocator is set before anything else.
 * The tests follow one another. */
#include "base/alloc.h"
#include "scratch.h"

#define PLACE 64 /* before each block: its size; no alignment asked for is larger */

static struct {
    size_t live;
    size_t calls;
} seen;

static void *allocate(void *context, size_t alignment, size_t size)
{
    unsigned char *block;
    assert_ptr_equal(context, &seen);
    assert_true(alignment >= sizeof(void *) && alignment <= PLACE &&
                (alignment & (alignment - 1)) == 0);
    if (posix_memalign((void **)&block, PLACE, PLACE + size) != 0)
        return NULL;
    memcpy(block, &size, sizeof size);
    seen.live++;
    seen.calls++;
    return block + PLACE;
}

static void release(void *context, void *memory)
{
    assert_ptr_equal(context, &seen);
    if (memory == NULL)
        return;
    seen.live--;
    free((unsigned char *)memory - PLACE);
}

static void *resize(void *context, void *old, size_t size)
{
    size_t before = 0;
    void *moved = allocate(context, sizeof(max_align_t), size);
    if (moved == NULL || old == NULL)
        return moved;
    memcpy(&before, (unsigned char *)old - PLACE, sizeof before);
    memcpy(moved, old, before < size ? before : size);
    release(context, old);
    return moved;
}

static const locache_allocator own = {.size = sizeof own,
                                      .allocate = allocate,
                                      .resize = resize,
                                      .release = release,
                                      .context = &seen};

static void test_alloc__incomplete_ones_are_refused(void **unused)
{
    (void)unused;
    assert_int_equal(locache_set_allocator(NULL, &error), LOCACHE_EINVAL);
    assert_int_equal(error.status, LOCACHE_EINVAL);
    locache_allocator wrong = own;
    wrong.size = 8;
    assert_int_equal(locache_set_allocator(&wrong, NULL), LOCACHE_EINVAL);
    wrong = own;
    wrong.allocate = NULL;
    assert_int_equal(locache_set_allocator(&wrong, &error), LOCACHE_EINVAL);
    wrong = own;
    wrong.resize = NULL;
    assert_int_equal(locache_set_allocator(&wrong, &error), LOCACHE_EINVAL);
    wrong = own;
    wrong.release = NULL;
    assert_int_equal(locache_set_allocator(&wrong, &error), LOCACHE_EINVAL);
}

static void too_late(void *unused)
{
    (void)unused;
    lc_free(lc_alloc(1));
    child_require(locache_set_allocator(&own, &error) == LOCACHE_EINVAL);
    child_require(strstr(error.message, "before") != NULL);
}

static void test_alloc__refused_once_memory_was_taken(void **unused)
{
    (void)unused;
    wait_for(in_child(too_late, NULL));
}

static void test_alloc__all_memory_comes_from_it_and_goes_back(void **unused)
{
    (void)unused;
    assert_int_equal(locache_set_allocator(&own, &error), LOCACHE_OK);
    assert_int_equal(locache_set_allocator(&own, &error), LOCACHE_EINVAL);
    locache_options options = options_for("my_func");
    options.max_entries = 10;
    locache *cache = open_with(&options);
    for (int i = 0; i < 20; i++)
        must_put(cache, i, "r");
    assert_hit(cache, 19, "r");
    key k = key_of(99);
    locache_value *value;
    locache_flight *flight;
    assert_int_equal(locache_begin(&value, &flight, cache, k.bytes, k.size, &error), LOCACHE_MISS);
    locache_abandon(flight);
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, NULL, 0);
    for (int i = 0; i < 1000; i++)
        locache_cbor_write_int(&writer, 1000 - i);
    locache_cbor_write_sorted(&writer, 0, 1);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    assert_true(seen.live >= 2);
    locache_cbor_writer_clear(&writer);
    locache_close(cache);
    assert_true(seen.calls > 40);
    assert_int_equal(seen.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_alloc__incomplete_ones_are_refused),
        scratch_test(test_alloc__refused_once_memory_was_taken),
        scratch_test(test_alloc__all_memory_comes_from_it_and_goes_back),
    };
    return cmocka_run_group_tests_name("allocator", tests, NULL, NULL);
}
