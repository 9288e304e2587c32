/* Large results: mappings that belong to the caller, verified once. */
#include "base/fault.h"
#include "fault.h"
#include "large.h"

#include <inttypes.h>
#include <sys/mman.h>

/* --------------------------------------------------------------------------------- whose memory */

static void test_mapped__a_value_is_the_callers_to_write_to(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    locache_value *first = must_get(cache, 1, LARGE, 0);
    locache_value *second = must_get(cache, 1, LARGE, 0);
    assert_true(first->mapped && second->mapped);
    memset(buffer_of(first, 0).data, 'x', LARGE);
    memset(buffer_of(first, 1).data, 'y', 100);
    assert_pattern(second, LARGE, 0);
    locache_value *third = must_get(cache, 1, LARGE, 0);
    locache_value_free(second);
    locache_value_free(third);
    for (size_t i = 0; i < LARGE; i++)
        assert_int_equal(((unsigned char *)buffer_of(first, 0).data)[i], 'x');
    locache_value_free(first);
    locache_close(cache);
    cache = open_flags(LOCACHE_OPEN_UNMAPPED);
    assert_false(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

static void test_mapped__a_value_outlives_all_else(void **unused)
{
    (void)unused;
    int before = open_descriptors();
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    locache_value *value = must_get(cache, 1, LARGE, 0);
    locache_value_retain(value);
    locache_value_free(value);
    must_put_buffer(cache, 1, LARGE, 1);
    assert_pattern(value, LARGE, 0);
    locache_close(cache);
    remove_all(foo);
    assert_pattern(value, LARGE, 0);
    assert_int_equal(open_descriptors(), before);
    locache_value_free(value);
}

static void test_mapped__a_copy_is_apart(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    locache_value *value = must_get(cache, 1, LARGE, 0);
    locache_value *copy;
    assert_int_equal(locache_value_copy(&copy, value), LOCACHE_OK);
    memset(buffer_of(value, 0).data, 'x', LARGE);
    assert_pattern(copy, LARGE, 0);
    memset(buffer_of(copy, 0).data, 'y', LARGE);
    assert_int_equal(*(char *)buffer_of(value, 0).data, 'x');
    assert_int_equal(locache_value_size(copy), locache_value_size(value));
    locache_value_free(value);
    locache_value_free(copy);
    fault_set("alloc", 2, ENOMEM);
    value = must_get(cache, 1, LARGE, 0);
    fault_clear();
    fault_set("alloc", 1, ENOMEM);
    assert_int_equal(locache_value_copy(&copy, value), LOCACHE_ENOMEM);
    assert_true(fault_clear());
    locache_value_free(value);
    locache_close(cache);
}

/* A value in a child of fork() is the child's. */
static void write_in_child(void *context)
{
    locache_value *value = context;
    memset(buffer_of(value, 0).data, 'x', LARGE);
    locache_value_free(value);
}

static void test_mapped__a_child_has_its_own(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    locache_value *value = must_get(cache, 1, LARGE, 0);
    wait_for(in_child(write_in_child, value));
    assert_pattern(value, LARGE, 0);
    locache_value_free(value);
    locache_close(cache);
}

/* ------------------------------------------------------------------------------- what is mapped */

static void test_mapped__from_a_size_on(void **unused)
{
    (void)unused;
    /* Header, table, a key of 4 bytes, the body: 168, so that the first buffer begins at 192; the
     * second one has 100 bytes. */
    const size_t around = LOCACHE_MAP_FROM - 192 - 100;
    locache *cache = open_function("my_func");
    bool seen[2] = {false, false};
    for (size_t size = around - 70; size <= around + 70; size++) {
        must_put_buffer(cache, 1, size, 0);
        bool large = (size_t)size_of(in_foo(ENTRY)) >= LOCACHE_MAP_FROM;
        assert_int_equal(get_mapped(cache, 1, size, 0), large);
        seen[large] = true;
    }
    assert_true(seen[0] && seen[1]);
    locache_close(cache);
}

static void test_mapped__what_has_no_buffers_is_read(void **unused)
{
    (void)unused;
    char *body = calloc(1, LARGE + 1);
    memset(body, 'a', LARGE);
    locache *cache = open_function("my_func");
    must_put(cache, 1, body);
    key k = key_of(1);
    locache_value *value;
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_false(value->mapped);
    locache_value_free(value);
    assert_false(exists(in_foo(TABLE)));
    locache_close(cache);
    free(body);
}

static void test_mapped__not_where_it_is_not_wanted(void **unused)
{
    (void)unused;
    locache *cache = open_flags(LOCACHE_OPEN_UNMAPPED);
    must_put_buffer(cache, 1, LARGE, 0);
    assert_false(get_mapped(cache, 1, LARGE, 0));
    count_hit(cache, 1);
    assert_int_equal(counted.maps, 0);
    locache_close(cache);
    cache = open_function("my_func");
    assert_true(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

static void test_mapped__not_where_a_change_would_not_show(void **unused)
{
    (void)unused;
    fault_set("statfs", 1, EIO);
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    assert_true(fault_clear());
    assert_false(get_mapped(cache, 1, LARGE, 0));
    age();
    assert_false(get_mapped(cache, 1, LARGE, 0));
    assert_false(exists(in_foo(TABLE)));
    locache_close(cache);
}

/* Another's work of this very moment: no later change could be told from it. */
static void test_mapped__not_while_it_is_young(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    bool young = false;
    for (int attempt = 0; attempt < 100 && !young; attempt++) {
        unlink(in_foo(TABLE));
        overwrite(in_foo(ENTRY), 0, "\x89", 1);
        young = !get_mapped(cache, 1, LARGE, 0);
    }
    assert_true(young);
    assert_false(exists(in_foo(TABLE)));
    age();
    assert_true(get_mapped(cache, 1, LARGE, 0));
    assert_true(exists(in_foo(TABLE)));
    locache_close(cache);
}

static void test_mapped__read_where_nothing_can_be_mapped(void **unused)
{
    (void)unused;
    static const int codes[] = {ENOMEM, ENODEV, EAGAIN};
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fault_set("map", 1, codes[i]);
        assert_false(get_mapped(cache, 1, LARGE, 0));
        assert_true(fault_clear());
    }
    locache_close(cache);
}

/* -------------------------------------------------------------------------------- what it costs */

static void test_mapped__its_writer_has_verified_it(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    count_hit(cache, 1);
    assert_int_equal(counted.maps, 1);
    assert_false(was_read_through());
    locache_close(cache);
}

static void test_mapped__it_is_verified_once_by_whoever_reads_it(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    unlink(in_foo(TABLE));
    age();
    count_hit(cache, 1);
    assert_true(was_read_through());
    count_hit(cache, 1);
    assert_false(was_read_through());
    locache_close(cache);
    cache = open_function("my_func");
    count_hit(cache, 1);
    assert_false(was_read_through());
    locache_close(cache);
}

static void test_mapped__a_hit_costs_the_same_whatever_the_size(void **unused)
{
    (void)unused;
    int calls[3];
    for (int i = 0; i < 3; i++) {
        locache *cache = open_function("my_func");
        size_t size = LARGE << (3 * i);
        must_put_buffer(cache, i, size, 0);
        count_hit(cache, i);
        count_hit(cache, i);
        calls[i] = counted.calls;
        locache_close(cache);
    }
    assert_int_equal(calls[0], calls[1]);
    assert_int_equal(calls[0], calls[2]);
    /* open, fstat, header, front; .locache, mount, the table's open, fstat, record and close; map;
     * close. */
    assert_in_range(calls[0], 1, 12);
}

/* Its use is noted at the file, and yet it needs not be verified again. */
static void test_mapped__with_max_entries_it_stays_verified(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.max_entries = 2;
    locache *cache = open_with(&options);
    must_put_buffer(cache, 1, LARGE, 0);
    must_put_buffer(cache, 2, LARGE, 0);
    for (int i = 0; i < 5; i++) {
        count_hit(cache, 1);
        assert_int_equal(counted.maps, 1);
        /* And the record, to replace it. */
        assert_in_range(counted.reads, 2, 3);
        if (i == 2)
            age();
    }
    must_put_buffer(cache, 3, LARGE, 0);
    assert_true(exists(in_foo("my_func/x=1")));
    assert_false(exists(in_foo("my_func/x=2")));
    overwrite(in_foo(ENTRY), 5000, "flip", 4);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    locache_close(cache);
}

/* Somebody writes to the file in the moment between its being read and its use being noted. */
static int calls_before_write;

static int write_at_nth(const char *call)
{
    if (strcmp(call, "alloc") == 0 || --calls_before_write != 0)
        return 0;
    lc_fault_hook = NULL;
    overwrite(in_foo(ENTRY), 5000, "flip", 4);
    lc_fault_hook = write_at_nth;
    return 0;
}

static void test_mapped__what_is_written_to_meanwhile_is_not_recorded(void **unused)
{
    (void)unused;
    for (int limited = 0; limited < 2; limited++) {
        for (int n = 1; n < 40; n++) {
            locache_options options = options_for("my_func");
            options.max_entries = limited ? 10 : 0;
            locache *cache = open_with(&options);
            must_put_buffer(cache, 1, LARGE, 0);
            key k = key_of(1);
            locache_value *value = NULL;
            calls_before_write = n;
            lc_fault_hook = write_at_nth;
            locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
            lc_fault_hook = NULL;
            if (status == LOCACHE_OK)
                locache_value_free(value);
            if (calls_before_write <= 0)
                assert_rejected(cache, 1, LOCACHE_ECORRUPT);
            locache_close(cache);
        }
    }
}

/* -------------------------------------------------------------------------------------- writing */

static unsigned char *changing;

static int change_at_write(const char *call)
{
    if (strcmp(call, "write") == 0)
        changing[LARGE - 1]++;
    return 0;
}

/* Its checksum would tell; but once it is recorded, nobody looks at that. */
static void test_mapped__a_buffer_that_changes_while_it_is_written(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache *cache = open_function("my_func");
    must_put(cache, 1, "before");
    changing = pattern(LARGE, 0);
    const outlying buffer = {changing, LARGE};
    locache_record record = {.size = sizeof record, .codec = LOCACHE_CODEC_RAW};
    set_buffers(&record, &buffer, 1);
    lc_fault_hook = change_at_write;
    locache_status status = locache_put(cache, k.bytes, k.size, &record, &error);
    lc_fault_hook = NULL;
    assert_int_equal(status, LOCACHE_EINVAL);
    assert_non_null(strstr(error.message, "changed"));
    assert_hit(cache, 1, "before");
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    free(changing);
    locache_close(cache);
}

static int writes;

static int count_writes(const char *call)
{
    writes += strcmp(call, "write") == 0;
    return 0;
}

/* One for the front, and one for each huge page of the file: the page cache may hold it in such. */
static void test_mapped__is_written_in_large_pieces(void **unused)
{
    (void)unused;
    const size_t huge = (size_t)2 << 20;
    locache *cache = open_function("my_func");
    /* .locache/ and the record of what was verified are there from here on. */
    must_put_buffer(cache, 1, LARGE, 0);
    writes = 0;
    lc_fault_hook = count_writes;
    must_put_buffer(cache, 2, 4 * huge, 0);
    lc_fault_hook = NULL;
    assert_int_equal(writes, 1 + 5);
    locache_value *value = must_get(cache, 2, 4 * huge, 0);
    assert_true(value->mapped);
    locache_value_free(value);
    locache_close(cache);
}

/* Does the mapping of the process that has this address ask for huge pages? */
static bool asks_for_huge_pages(const void *address)
{
    char line[512];
    bool within = false;
    bool asks = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t start;
        uintptr_t end;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2)
            within = (uintptr_t)address >= start && (uintptr_t)address < end;
        else if (within && strncmp(line, "VmFlags:", 8) == 0)
            asks = strstr(line, " hg") != NULL;
    }
    fclose(maps);
    return asks;
}

/* Bytes of a mapping that are in this process's memory. */
static long resident(const void *mapping)
{
    char line[512];
    long kilobytes = -1;
    bool here = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    while (maps != NULL && kilobytes < 0 && fgets(line, sizeof line, maps) != NULL) {
        unsigned long begin;
        if (sscanf(line, "%lx-%*x", &begin) == 1)
            here = begin == (unsigned long)(uintptr_t)mapping;
        if (here)
            (void)sscanf(line, "Rss: %ld", &kilobytes);
    }
    if (maps != NULL)
        fclose(maps);
    return kilobytes * 1024;
}

static void *map_pattern(size_t size, unsigned seed)
{
    unsigned char *data = pattern(size, seed);
    int fd = open("passing", O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_int_equal(unlink("passing"), 0);
    assert_int_equal(write(fd, data, size), size);
    void *mapping = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(mapping, MAP_FAILED);
    close(fd);
    free(data);
    return mapping;
}

static void test_mapped__a_buffer_that_passes_leaves_memory(void **unused)
{
    (void)unused;
    const size_t sizes[] = {((size_t)5 << 20) + 3, 0, 100};
    const void *buffers[] = {NULL, NULL, NULL};
    key k = key_of(1);
    locache *cache = open_function("my_func");
    for (int i = 0; i < 3; i += 2)
        buffers[i] = map_pattern(sizes[i], (unsigned)i);
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .buffers = buffers,
                             .buffer_sizes = sizes,
                             .buffer_count = 3,
                             .flags = LOCACHE_RECORD_PASSING};
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    long left = resident(buffers[0]);
    if (left >= 0) /* there is such a file on Linux alone */
        assert_in_range(left, 0, 1 << 16);
    locache_value *value = NULL;
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    for (int i = 0; i < 3; i++) {
        outlying got = buffer_of(value, (size_t)i);
        assert_int_equal(got.size, sizes[i]);
        if (sizes[i] > 0) {
            assert_memory_equal(got.data, buffers[i], sizes[i]);
            munmap((void *)(uintptr_t)buffers[i], sizes[i]);
        }
    }
    locache_value_free(value);
    locache_close(cache);
}

static void test_mapped__what_is_read_takes_huge_pages(void **unused)
{
    (void)unused;
    if (access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0)
        skip();
    const size_t large = (size_t)8 << 20;
    locache *cache = open_flags(LOCACHE_OPEN_UNMAPPED);
    must_put_buffer(cache, 1, large, 0);
    must_put_buffer(cache, 2, LARGE, 0);
    locache_value *value = must_get(cache, 1, large, 0);
    assert_true(asks_for_huge_pages(buffer_of(value, 0).data));
    locache_value_free(value);
    value = must_get(cache, 2, LARGE, 0);
    assert_false(asks_for_huge_pages(buffer_of(value, 0).data));
    locache_value_free(value);
    locache_close(cache);
}

static void test_mapped__many_buffers(void **unused)
{
    (void)unused;
    enum { COUNT = 3000 };
    static outlying buffers[COUNT];
    key k = key_of(1);
    unsigned char *data = pattern(COUNT * 2, 0);
    for (size_t i = 0; i < COUNT; i++)
        buffers[i] = (outlying){data + i, i % 700};
    locache_record record = {.size = sizeof record, .codec = LOCACHE_CODEC_RAW};
    set_buffers(&record, buffers, COUNT);
    locache *cache = open_function("my_func");
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    for (int again = 0; again < 2; again++) {
        locache_value *value;
        assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
        assert_true(value->mapped);
        for (size_t i = 0; i < COUNT; i++) {
            outlying buffer = buffer_of(value, i);
            assert_int_equal(buffer.size, i % 700);
            assert_memory_equal(buffer.data, data + i, buffer.size);
        }
        locache_value_free(value);
        unlink(in_foo(TABLE));
        age();
    }
    locache_close(cache);
    free(data);
}

/* What a process may have mapped is bounded, and its own allocations come out of the same. */
static void test_mapped__a_quarter_of_what_the_process_may_have(void **unused)
{
    (void)unused;
    enum { BEYOND = 20 };
    long most = 0;
    FILE *limit = fopen("/proc/sys/vm/max_map_count", "r");
    if (limit == NULL || fscanf(limit, "%ld", &most) != 1 || most > 300000)
        skip();
    fclose(limit);
    size_t quarter = (size_t)most / 4;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    age();
    key k = key_of(1);
    locache_value **values = calloc(quarter + BEYOND, sizeof *values);
    for (size_t i = 0; i < quarter + BEYOND; i++) {
        assert_int_equal(locache_get(&values[i], cache, k.bytes, k.size, &error), LOCACHE_OK);
        assert_int_equal(locache_value_mapped(values[i]), i < quarter);
    }
    assert_pattern(values[quarter], LARGE, 0);
    locache_value_free(values[0]);
    assert_int_equal(locache_get(&values[0], cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_true(locache_value_mapped(values[0]));
    for (size_t i = 0; i < quarter + BEYOND; i++)
        locache_value_free(values[i]);
    free(values);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_mapped__a_value_is_the_callers_to_write_to),
        scratch_test(test_mapped__a_value_outlives_all_else),
        scratch_test(test_mapped__a_copy_is_apart),
        scratch_test(test_mapped__a_child_has_its_own),
        scratch_test(test_mapped__from_a_size_on),
        scratch_test(test_mapped__what_has_no_buffers_is_read),
        scratch_test(test_mapped__not_where_it_is_not_wanted),
        scratch_test(test_mapped__not_where_a_change_would_not_show),
        scratch_test(test_mapped__not_while_it_is_young),
        scratch_test(test_mapped__read_where_nothing_can_be_mapped),
        scratch_test(test_mapped__its_writer_has_verified_it),
        scratch_test(test_mapped__it_is_verified_once_by_whoever_reads_it),
        scratch_test(test_mapped__a_hit_costs_the_same_whatever_the_size),
        scratch_test(test_mapped__with_max_entries_it_stays_verified),
        scratch_test(test_mapped__what_is_written_to_meanwhile_is_not_recorded),
        scratch_test(test_mapped__a_buffer_that_changes_while_it_is_written),
        scratch_test(test_mapped__is_written_in_large_pieces),
        scratch_test(test_mapped__a_buffer_that_passes_leaves_memory),
        scratch_test(test_mapped__what_is_read_takes_huge_pages),
        scratch_test(test_mapped__many_buffers),
        scratch_test(test_mapped__a_quarter_of_what_the_process_may_have),
    };
    return cmocka_run_group_tests_name("mapped", tests, NULL, NULL);
}
