/* Another program changes a file at every moment of a call: before each of the system calls that it
 * makes, in turn. Whatever the call itself gave, what is given after it is what the file
 * says. */
#include "base/fault.h"
#include "injected.h"
#include "scratch.h"

enum {
    MOMENTS = 64, /* more than any of these calls makes system calls */
    LARGE = 300000,
    NOTHING = -1
};

/* -------------------------------------------------------------------------------------- results */

static bool large; /* are results those that are mapped? */

/* Results are one byte many times. */
static void store(locache *cache, int64_t x, int result)
{
    static unsigned char bytes_of_it[LARGE];
    key k = key_of(x);
    memset(bytes_of_it, result, sizeof bytes_of_it);
    const outlying whole = {bytes_of_it, sizeof bytes_of_it};
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = bytes_of_it, .body_size = 8};
    if (large)
        set_buffers(&record, &whole, 1);
    /* What gets into its way may make it fail. */
    locache_status status = locache_put(cache, k.bytes, k.size, &record, &error);
    assert_true(status == LOCACHE_OK || status == LOCACHE_EIO || status == LOCACHE_EUNTRUSTED);
}

/* The result for x, NOTHING where there is none. */
static int look(locache *cache, int64_t x)
{
    key k = key_of(x);
    locache_value *value;
    if (locache_get(&value, cache, k.bytes, k.size, &error) != LOCACHE_OK)
        return NOTHING;
    size_t size;
    const unsigned char *body = locache_value_body(&size, value);
    int result = body[0];
    for (size_t i = 0; i < size; i++)
        assert_int_equal(body[i], result);
    outlying buffer = buffer_of(value, 0);
    for (size_t i = 0; i < buffer.size; i++)
        if (((unsigned char *)buffer.data)[i] != result)
            result = 1000; /* torn, or damaged */
    locache_value_free(value);
    return result;
}

static locache *open_without_table(void)
{
    locache_options options = options_for("my_func");
    options.memory_entries = -1;
    options.flags = LOCACHE_OPEN_UNMAPPED;
    return open_with(&options);
}

/* What the file says, to one who knows nothing of it. */
static int truth(int64_t x)
{
    unlink(in_foo("my_func/.locache/verified"));
    locache *cache = open_without_table();
    int result = look(cache, x);
    locache_close(cache);
    return result;
}

/* -------------------------------------------------------------------------------- interferences */

typedef struct image {
    unsigned char *data;
    size_t size;
    char path[256];
    char side[256];
} image;

static image other; /* what the interference leaves: the entry with another result */

static void write_image(const char *path, int flags)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    if (fd < 0)
        return; /* not there at this moment */
    assert_int_equal(pwrite(fd, other.data, other.size, 0), other.size);
    close(fd);
}

static void write_in_place(void)
{
    write_image(other.path, 0);
}

static void cut_and_write(void)
{
    write_image(other.path, O_TRUNC);
}

static void flip_a_byte(void)
{
    int fd = open(other.path, O_RDWR | O_CLOEXEC);
    unsigned char byte;
    off_t at = (off_t)other.size - 1;
    if (fd < 0)
        return;
    if (pread(fd, &byte, 1, at) == 1) {
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
}

static void rename_over(void)
{
    write_image(other.side, O_CREAT | O_TRUNC);
    assert_int_equal(rename(other.side, other.path), 0);
}

static void rename_away(void)
{
    rename(other.path, other.side);
}

static void cut(void)
{
    struct stat seen;
    if (stat(other.path, &seen) == 0)
        truncate(other.path, seen.st_size / 2);
}

static void delete (void)
{
    unlink(other.path);
}

static void empty_directory(void)
{
    remove_all(in_foo("my_func"));
}

static void delete_what_was_verified(void)
{
    unlink(in_foo("my_func/.locache/verified"));
}

static void (*const interferences[])(void) = {
    write_in_place,  cut_and_write,           flip_a_byte, rename_over, rename_away, cut, delete,
    empty_directory, delete_what_was_verified};

static struct {
    int remaining;
    void (*act)(void);
    bool acted;
} moment;

static int moment_hook(const char *call)
{
    if (strcmp(call, "alloc") != 0 && --moment.remaining == 0) {
        moment.acted = true;
        count_injections(1);
        moment.act();
    }
    return 0;
}

/* ---------------------------------------------------------------------------------------- calls */

enum { FIRST = 1, SECOND, OTHERS }; /* results */

/* The entry x with the interference's result, and its bytes. */
static void learn(locache *cache, int64_t x)
{
    char name[64];
    snprintf(name, sizeof name, "my_func/x=%d", (int)x);
    snprintf(other.path, sizeof other.path, "%s", in_foo(name));
    snprintf(other.side, sizeof other.side, "%s/side", scratch);
    store(cache, x, OTHERS);
    FILE *file = fopen(other.path, "rb");
    assert_non_null(file);
    other.size = fread(other.data, 1, 2 * LARGE, file);
    fclose(file);
}

typedef struct call {
    bool there; /* is a result stored before? */
    bool warm;  /* and kept in memory? */
    bool puts;  /* a second one, or does it get? */
} call;

/* The call with the interference at its nth system call; false: it makes fewer. */
static bool interfere(const call *c, void (*act)(void), int n)
{
    locache *cache = open_function("my_func");
    learn(cache, n);
    if (c->there)
        store(cache, n, FIRST);
    else
        unlink(other.path);
    if (!c->warm) { /* as a new process would be */
        locache_close(cache);
        cache = open_function("my_func");
        look(cache, 1000); /* open, with nothing kept */
    } else {
        usleep(large ? 0 : 21000); /* until it is held by a descriptor */
        for (int i = 0; i < 4; i++)
            look(cache, n);
    }
    moment.act = act;
    moment.remaining = n;
    moment.acted = false;
    lc_fault_hook = moment_hook;
    if (c->puts)
        store(cache, n, SECOND);
    else {
        key k = key_of(n);
        locache_value *value;
        if (locache_get(&value, cache, k.bytes, k.size, &error) == LOCACHE_OK)
            locache_value_free(value);
    }
    lc_fault_hook = NULL;
    locache *next = open_function("my_func");
    int seen[3] = {look(cache, n), look(cache, n), look(next, n)};
    int there = truth(n);
    for (int i = 0; i < 3; i++)
        if (seen[i] != there)
            fail_msg("moment %d: look %d gives %d where %d is", n, i, seen[i], there);
    locache_close(cache);
    locache_close(next);
    return moment.acted;
}

static void at_every_moment(bool with_large, call c)
{
    large = with_large;
    other.data = malloc(2 * (size_t)LARGE);
    assert_non_null(other.data);
    for (size_t i = 0; i < sizeof interferences / sizeof interferences[0]; i++) {
        int n = 1;
        while (n < MOMENTS && interfere(&c, interferences[i], n))
            n++;
        assert_in_range(n, 2, MOMENTS - 1);
    }
    free(other.data);
}

static void test_moments__first_put(void **unused)
{
    (void)unused;
    at_every_moment(false, (call){.puts = true});
}

static void test_moments__put_over_another(void **unused)
{
    (void)unused;
    at_every_moment(false, (call){.there = true, .puts = true});
    at_every_moment(false, (call){.there = true, .warm = true, .puts = true});
}

static void test_moments__get_of_a_file(void **unused)
{
    (void)unused;
    at_every_moment(false, (call){.there = true});
}

static void test_moments__get_of_what_is_kept(void **unused)
{
    (void)unused;
    at_every_moment(false, (call){.there = true, .warm = true});
}

static void test_moments__large_put(void **unused)
{
    (void)unused;
    at_every_moment(true, (call){.puts = true});
    at_every_moment(true, (call){.there = true, .puts = true});
}

static void test_moments__large_get(void **unused)
{
    (void)unused;
    at_every_moment(true, (call){.there = true});
}

/* On a clock that stands still, a file that is moved away right after it was stored looks the same
 * through a descriptor. Several tries: a machine that sleeps for long makes the file old. */
static void test_moments__a_young_file_is_validated_by_its_name(void **unused)
{
    (void)unused;
    large = false;
    bool by_name = false;
    for (int turn = 0; turn < 100 && !by_name; turn++) {
        locache *cache = open_function("my_func");
        store(cache, turn, FIRST);
        int before = open_descriptors();
        for (int i = 0; i < 8; i++)
            assert_int_equal(look(cache, turn), FIRST);
        by_name = open_descriptors() == before;
        locache_close(cache);
    }
    assert_true(by_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test_long(test_moments__first_put),
        scratch_test_long(test_moments__put_over_another),
        scratch_test_long(test_moments__get_of_a_file),
        scratch_test_long(test_moments__get_of_what_is_kept),
        scratch_test_long(test_moments__large_put),
        scratch_test_long(test_moments__large_get),
        scratch_test(test_moments__a_young_file_is_validated_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
