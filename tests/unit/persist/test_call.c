/* Calls of functions that LOCACHE_PERSIST defines: faults, directories, entries of other types,
 * arguments without a key. */
#define LOCACHE_NO_SOURCE
#include "scratch.h"

#include "fault.h"

LOCACHE_SHARE("test");

static int runs;

LOCACHE_PERSIST(int, add, (int, x), (int, y))
{
    runs++;
    return x + y;
}

LOCACHE_PERSIST(unsigned char, small, (unsigned char, x))
{
    runs++;
    errno = ERANGE;
    return x;
}

LOCACHE_PERSIST(float, half, (float, x))
{
    runs++;
    return x / 2;
}

LOCACHE_PERSIST(char *, greeting, (const char *, name))
{
    runs++;
    char *text = malloc(64);
    assert_non_null(text);
    snprintf(text, 64, "hello %s", name);
    return text;
}

LOCACHE_PERSIST(size_t, count_of_array, (locache_array(double), v))
{
    runs++;
    return v.count;
}

typedef struct range {
    int32_t from, to;
    bool open;
    bool other[7];
} range;
LOCACHE_STRUCT(range, (int32_t, from), (int32_t, to), (bool, open), (bool, other))

LOCACHE_PERSIST(range, widen, (range, r))
{
    runs++;
    r.to++;
    return r;
}

/* A process each, since a function's handle stays where its first call opened it. What is said
 * there is in `said`. */
static void in_fresh_process(void (*fn)(void *context), char said[1024])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        fn(NULL);
        _exit(0);
    }
    close(ends[1]);
    ssize_t size = 0;
    for (ssize_t got; size < 1023 && (got = read(ends[0], said + size, (size_t)(1023 - size))) > 0;)
        size += got;
    said[size] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with %d: %s", status, said);
}

static void use_foo(void)
{
    child_require(locache_set_dir(foo, &error) == LOCACHE_OK);
}

/* Store `body` as the result of function(x), as another program might. */
static void plant(const char *function, uint64_t x, locache_codec codec, const void *body,
                  size_t size)
{
    locache *cache;
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {.size = sizeof options, .function = function, .identity = &identity};
    locache_identity_explicit(&identity, "test");
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    locache_cbor_writer made;
    locache_cbor_writer_init(&made, NULL, 0);
    locache_key_begin(&made, 1);
    locache_key_name(&made, "x", 1);
    locache_cbor_write_uint(&made, x);
    locache_record record = {
        .size = sizeof record, .codec = codec, .body = body, .body_size = size};
    child_require(locache_put(cache, made.data, made.length, &record, &error) == LOCACHE_OK);
    locache_cbor_writer_clear(&made);
    locache_close(cache);
}

static void plain(void *unused)
{
    (void)unused;
    use_foo();
    child_require(add(1, 2) == 3 && add(1, 2) == 3 && runs == 1);
    child_require(exists(in_foo("add/x=1_y=2")));
    child_require(LOCACHE_RESET(add) == LOCACHE_OK && !exists(in_foo("add/x=1_y=2")));
    child_require(add(1, 2) == 3 && runs == 2);
    errno = EDOM;
    child_require(small(7) == 7 && errno == ERANGE);
    errno = EDOM;
    child_require(small(7) == 7 && errno == EDOM && runs == 3);
}

static void test_call__hit_after_miss_and_errno_is_the_bodys(void **unused)
{
    char said[1024];
    (void)unused;
    in_fresh_process(plain, said);
    assert_string_equal(said, "");
}

static void other_types(void *unused)
{
    static const struct {
        uint64_t x;
        const char *body;
        size_t size;
    } bodies[] = {
        {1, "\x19\x01\x00", 3}, /* 256 */
        {2, "\x61\x32", 2},     /* "2" */
        {3, "\xf9\x42\x00", 3}, /* 3.0 */
        {4, "\x24", 1},         /* -5 */
        {5, "\xf6", 1},         /* null */
    };
    (void)unused;
    use_foo();
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        plant("small", bodies[i].x, LOCACHE_CODEC_CBOR, bodies[i].body, bodies[i].size);
        runs = 0;
        child_require(small((unsigned char)bodies[i].x) == bodies[i].x && runs == 1);
        child_require(small((unsigned char)bodies[i].x) == bodies[i].x && runs == 1);
    }
    plant("small", 6, LOCACHE_CODEC_RAW, "\x06", 1);
    runs = 0;
    child_require(small(6) == 6 && runs == 1);
    plant("small", 9, LOCACHE_CODEC_CBOR, "\x18\x2a", 2);
    child_require(small(9) == 42 && runs == 1);
}

static void test_call__entries_of_other_types_are_computed_again(void **unused)
{
    char said[1024];
    (void)unused;
    in_fresh_process(other_types, said);
    assert_string_equal(said, "");
}

static void strings(void *unused)
{
    (void)unused;
    use_foo();
    for (int i = 0; i < 2; i++) {
        char *text = greeting("you");
        child_require(strcmp(text, "hello you") == 0 && runs == 1);
        free(text);
    }
}

static void no_key(void *unused)
{
    (void)unused;
    use_foo();
    for (int i = 1; i <= 3; i++)
        child_require(count_of_array((locache_array(double)){NULL, 3}) == 3 && runs == i);
}

static void test_call__an_argument_without_a_key_runs_uncached_and_is_said_once(void **unused)
{
    char said[1024];
    (void)unused;
    in_fresh_process(strings, said);
    assert_string_equal(said, "");
    in_fresh_process(no_key, said);
    assert_string_equal(
        said,
        "locache: count_of_array(): runs uncached: an argument has no key (LOCACHE_EINVAL)\n");
}

static void structs(void *unused)
{
    (void)unused;
    range r = {.from = 1, .to = 2, .open = true};
    use_foo();
    for (int i = 0; i < 2; i++) {
        range s = widen(r);
        child_require(s.from == 1 && s.to == 3 && s.open && runs == 1);
    }
    r.other[6] = true;
    child_require(widen(r).other[6] && runs == 2);
    child_require(half(0.1F) == 0.05F && half(0.1F) == 0.05F && runs == 3);
}

static void test_call__structs_have_keys_by_their_members(void **unused)
{
    char said[1024];
    (void)unused;
    in_fresh_process(structs, said);
    assert_string_equal(said, "");
}

/* Whatever fails, the sum is right, and so is the next one. */
static void every_fault(void *unused)
{
    bool failed = true;
    (void)unused;
    use_foo();
    for (int n = 1; failed; n++) {
        char *text;
        fault_set(NULL, n, EIO);
        int sum = add(n, 1) + add(n, 1);
        text = greeting("all");
        failed = fault_clear();
        child_require(sum == 2 * (n + 1) && strcmp(text, "hello all") == 0);
        free(text);
        child_require(add(n, 1) == n + 1);
        child_require(LOCACHE_RESET(add) == LOCACHE_OK && LOCACHE_RESET(greeting) == LOCACHE_OK);
    }
}

static void test_call__every_fault_leaves_the_result(void **unused)
{
    char said[1024];
    (void)unused;
    in_fresh_process(every_fault, said);
    assert_int_equal(strncmp(said, "locache: ", 9), 0);
}

static void test_call__set_dir_refuses_bad_paths_and_reports_no_memory(void **unused)
{
    char longest[LOCACHE_PATH_MAX + 1];
    (void)unused;
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[LOCACHE_PATH_MAX] = '\0';
    assert_int_equal(locache_set_dir("", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_set_dir(longest, &error), LOCACHE_ELIMIT);
    assert_int_equal(locache_set_dir("", NULL), LOCACHE_EINVAL);
    fault_set("alloc", 1, ENOMEM);
    assert_int_equal(locache_set_dir("/tmp", &error), LOCACHE_ENOMEM);
    fault_clear();
    assert_int_equal(locache_set_dir(NULL, &error), LOCACHE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_call__hit_after_miss_and_errno_is_the_bodys),
        scratch_test(test_call__entries_of_other_types_are_computed_again),
        scratch_test(test_call__an_argument_without_a_key_runs_uncached_and_is_said_once),
        scratch_test(test_call__structs_have_keys_by_their_members),
        scratch_test(test_call__every_fault_leaves_the_result),
        scratch_test(test_call__set_dir_refuses_bad_paths_and_reports_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
