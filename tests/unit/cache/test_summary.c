/* What a process did, as a line for people, and when it is said. */
#include "scratch.h"

#include "cache/summary.h"

/* One miss, and so many hits on a result that took so long to compute. */
static void use(int hits, int64_t took)
{
    locache_options options = options_for("my_func");
    locache *cache = open_with(&options);
    key asked = key_of(1);
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = "r",
                             .body_size = 1,
                             .compute_time = took};
    assert_miss(cache, 1);
    assert_int_equal(locache_put(cache, asked.bytes, asked.size, &record, &error), LOCACHE_OK);
    for (int i = 0; i < hits; i++)
        assert_hit(cache, 1, "r");
    locache_close(cache);
}

/* The line of a child that did that, and nothing before. */
static void summary_of(char out[LOCACHE_SUMMARY_MAX], int hits, int64_t took)
{
    int ends[2];
    int status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char line[LOCACHE_SUMMARY_MAX] = "";
        use(hits, took);
        bool any = locache_summary(line, sizeof line);
        child_counts();
        _exit(any && write(ends[1], line, sizeof line) == sizeof line ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], out, LOCACHE_SUMMARY_MAX), LOCACHE_SUMMARY_MAX);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(locache_clear(foo, &error), LOCACHE_OK);
}

static void test_summary__says_numbers_as_people_do(void **unused)
{
    static const struct {
        int hits;
        int64_t took;
        const char *said;
    } rows[] = {
        {0, 0, "0 hits, 1 miss, 0 ms saved, "},
        {1, 250000000, "1 hit, 1 miss, 250 ms saved, "},
        {2, 1300000000, "2 hits, 1 miss, 2.6 s saved, "},
        {1, INT64_C(42900000000), "1 hit, 1 miss, 42 s saved, "},
        {1, INT64_C(724000000000), "1 hit, 1 miss, 12 min 4 s saved, "},
        {1204, INT64_C(60000000000), "1,204 hits, 1 miss, 20 h 4 min saved, "},
        {1, INT64_C(90061000000000), "1 hit, 1 miss, 1 d 1 h saved, "},
    };
    char line[LOCACHE_SUMMARY_MAX];
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        summary_of(line, rows[i].hits, rows[i].took);
        size_t size = strlen(rows[i].said);
        assert_memory_equal(line, rows[i].said, size);
        assert_string_equal(strchr(line + size, ' '), " bytes stored");
    }
}

/* What a program says on stderr that is verbose and forks, and ends as programs do. */
static void said_at_exit(char *out, size_t room, bool verbose, bool uses)
{
    int ends[2];
    int status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        lc_summary_at_exit(true);
        lc_summary_at_exit(verbose);
        if (uses)
            use(1, 0);
        if (fork() == 0)
            exit(0);
        wait(NULL);
        exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    ssize_t got = read(ends[0], out, room - 1);
    out[got > 0 ? got : 0] = '\0';
    close(ends[0]);
    assert_int_equal(locache_clear(foo, &error), LOCACHE_OK);
}

static void test_summary__is_said_once_by_who_asked_for_it(void **unused)
{
    char text[512];
    (void)unused;
    said_at_exit(text, sizeof text, true, true);
    assert_memory_equal(text, "locache: 1 hit, 1 miss, ", 24);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    said_at_exit(text, sizeof text, true, false);
    assert_string_equal(text, "");
    said_at_exit(text, sizeof text, false, true);
    assert_string_equal(text, "");
}

static void test_summary__is_cut_where_there_is_no_room(void **unused)
{
    char few[6] = "xxxxx";
    (void)unused;
    (void)!locache_summary(few, 5);
    assert_int_equal(strlen(few), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_summary__says_numbers_as_people_do),
        scratch_test(test_summary__is_said_once_by_who_asked_for_it),
        scratch_test(test_summary__is_cut_where_there_is_no_room),
    };
    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
