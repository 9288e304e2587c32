/* What is known of a function's versions, and what is said of them by hand. */
#include "scratch.h"

static void put_source(int source, int x, const char *result)
{
    locache *cache = open_source("t-1", source);
    must_put(cache, x, result);
    locache_close(cache);
}

/* ------------------------------------------------------------------------------ which there are */

static struct {
    int count;
    int current;
    locache_version_info last;
    char path[LOCACHE_PATH_MAX];
    char state[1024];
    char kept[256];
} told;

static bool note_version(void *context, const locache_version_info *version)
{
    (void)context;
    told.count++;
    told.current += version->current;
    told.last = *version;
    snprintf(told.path, sizeof told.path, "%s", version->path);
    snprintf(told.state, sizeof told.state, "%s", version->state);
    snprintf(told.kept, sizeof told.kept, "%s", version->kept);
    return true;
}

static void look(void)
{
    memset(&told, 0, sizeof told);
    assert_int_equal(locache_each_version(foo, "my_func", note_version, NULL, &error), LOCACHE_OK);
}

static void test_history__each_version_is_told_of(void **unused)
{
    (void)unused;
    look();
    assert_int_equal(told.count, 0);
    put_source(1, 1, "r");
    look();
    assert_int_equal(told.count, 1);
    assert_int_equal(told.current, 1);
    assert_false(told.last.has_before);
    locache_id first = told.last.id;
    assert_string_equal(told.path, in_foo("my_func"));
    put_source(2, 1, "r");
    put_source(3, 1, "r");
    look();
    assert_int_equal(told.count, 3);
    assert_int_equal(told.current, 1);
    put_source(1, 2, "r");
    look();
    /* The second was made in the place of the first. */
    assert_int_equal(told.count, 3);
    assert_true(told.last.used > 0);
    assert_memory_not_equal(&told.last.id, &first, sizeof first);
}

static void test_history__what_has_no_record_is_passed_over(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    put_source(2, 1, "r");
    remove_all(in_foo("my_func/.locache"));
    look();
    assert_int_equal(told.count, 1);
    assert_int_equal(told.current, 0);
}

/* ---------------------------------------------------------------------------------------- notes */

static const char *note_at(const char *path)
{
    static char text[LOCACHE_NOTE_MAX + 1];
    size_t size;
    locache_status status = locache_version_note(text, &size, path, &error);
    if (status != LOCACHE_OK)
        return locache_status_name(status);
    text[size] = '\0';
    return text;
}

static locache *open_noted(int source, const char *note)
{
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", source);
    options.note = note;
    options.note_size = strlen(note);
    return open_with(&options);
}

static void test_history__a_note_stays_with_its_version(void **unused)
{
    (void)unused;
    locache *cache = open_noted(1, "first");
    must_put(cache, 1, "r");
    locache_close(cache);
    assert_string_equal(note_at(in_foo("my_func")), "first");
    /* Made when the version is switched to, before anything is put. */
    locache_close(open_noted(2, "second"));
    assert_string_equal(note_at(in_foo("my_func")), "second");
    look();
    assert_string_equal(note_at(told.path), "first");
    /* What is there stays; what is not is made up for. */
    locache_close(open_noted(2, "another"));
    assert_string_equal(note_at(in_foo("my_func")), "second");
    unlink(in_foo("my_func/.locache/parts"));
    assert_string_equal(note_at(in_foo("my_func")), "LOCACHE_MISS");
    locache_close(open_noted(2, "another"));
    assert_string_equal(note_at(in_foo("my_func")), "another");
}

static void test_history__a_note_that_is_a_link_is_not_followed(void **unused)
{
    (void)unused;
    locache *cache = open_noted(1, "first");
    must_put(cache, 1, "r");
    locache_close(cache);
    unlink(in_foo("my_func/.locache/parts"));
    assert_int_equal(symlink("/etc/passwd", in_foo("my_func/.locache/parts")), 0);
    assert_string_equal(note_at(in_foo("my_func")), "LOCACHE_EUNTRUSTED");
}

static void test_history__too_long_a_note_is_left_out(void **unused)
{
    (void)unused;
    char *text = malloc(LOCACHE_NOTE_MAX + 2);
    memset(text, 'n', LOCACHE_NOTE_MAX + 1);
    text[LOCACHE_NOTE_MAX + 1] = '\0';
    locache *cache = open_noted(1, text);
    must_put(cache, 1, "r");
    locache_close(cache);
    assert_string_equal(note_at(in_foo("my_func")), "LOCACHE_MISS");
    free(text);
}

/* ---------------------------------------------------------------------------------------- state */

static void test_history__an_alternative_finds_what_was_amended(void **unused)
{
    (void)unused;
    /* Source 1 has the state in it; 2 is what is left of it. Another process has 3 and 2. */
    const locache_alternative without = {
        .size = sizeof without, .state = "main:RNG", .identity = identity_at("t-1", 2)};
    locache *cache = open_noted(1, "with");
    must_put(cache, 1, "r");
    assert_int_equal(locache_amend(cache, &without, "without", 7, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    locache_close(cache);
    look();
    assert_string_equal(told.state, "main:RNG");
    assert_string_equal(note_at(in_foo("my_func")), "without");

    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", 3);
    const locache_alternative *given = &without;
    options.alternatives = &given;
    options.alternative_count = 1;
    cache = open_with(&options);
    assert_hit(cache, 1, "r");
    locache_close(cache);
    /* By the source alone: another interpreter. */
    locache_alternative elsewhere = {
        .size = sizeof elsewhere, .state = "main:RNG", .identity = identity_at("t-2", 2)};
    options.identity = identity_at("t-2", 3);
    given = &elsewhere;
    cache = open_with(&options);
    assert_hit(cache, 1, "r");
    locache_close(cache);
    /* What leaves out something else is another version. */
    elsewhere.state = "main:OTHER";
    options.identity = identity_at("t-2", 4);
    cache = open_with(&options);
    assert_miss(cache, 1);
    locache_close(cache);
}

static void test_history__without_alternatives_a_source_with_state_is_another(void **unused)
{
    (void)unused;
    const locache_alternative without = {
        .size = sizeof without, .state = "main:RNG", .identity = identity_at("t-1", 2)};
    locache *cache = open_source("t-1", 1);
    must_put(cache, 1, "r");
    assert_int_equal(locache_amend(cache, &without, NULL, 0, &error), LOCACHE_OK);
    locache_close(cache);
    cache = open_source("t-2", 1);
    assert_miss(cache, 1);
    locache_close(cache);
}

static void test_history__what_cannot_be_a_line_is_no_state(void **unused)
{
    (void)unused;
    char longer[1100];
    const char *const states[] = {"", " a", "a ", "a\nid", "caf\xc3\xa9", longer};
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    locache *cache = open_source("t-1", 1);
    must_put(cache, 1, "r");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        const locache_alternative without = {
            .size = sizeof without, .state = states[i], .identity = identity_at("t-1", 2)};
        assert_int_equal(locache_amend(cache, &without, NULL, 0, &error), LOCACHE_EINVAL);
    }
    locache_close(cache);
}

/* ------------------------------------------------------------------------- said to be the same */

static void test_history__a_version_that_is_kept_has_the_results_of_both(void **unused)
{
    (void)unused;
    put_source(1, 1, "old");
    put_source(1, 2, "old");
    locache *cache = open_source("t-1", 2);
    must_put(cache, 2, "new");
    must_put(cache, 3, "new");
    events_listen();
    assert_int_equal(locache_keep_results(cache, "nn@host", &error), LOCACHE_OK);
    assert_int_equal(events.counts[LOCACHE_EVENT_KEEP], 1);
    locache_set_log(NULL, NULL);
    for (int round = 0; round < 2; round++) {
        assert_hit(cache, 1, "old");
        assert_hit(cache, 2, "old");
        assert_hit(cache, 3, "new");
        locache_close(cache);
        cache = open_source("t-1", 2);
    }
    locache_close(cache);
    cache = open_source("t-1", 1);
    assert_hit(cache, 1, "old");
    assert_hit(cache, 3, "new");
    locache_close(cache);
    look();
    assert_int_equal(told.count, 1);
    assert_non_null(strstr(told.kept, "Z nn@host"));
    assert_int_equal(told.last.kept_count, 1);
    /* Another interpreter knows it by the source. */
    cache = open_source("t-2", 2);
    assert_hit(cache, 1, "old");
    locache_close(cache);
}

static void test_history__it_is_said_once(void **unused)
{
    (void)unused;
    put_source(1, 1, "a");
    put_source(2, 2, "b");
    put_source(3, 3, "c");
    locache *cache = open_source("t-1", 3);
    assert_int_equal(locache_keep_results(cache, "nn", &error), LOCACHE_OK);
    /* The second time it is no present edit: what was before the second source is another's. */
    locache_close(cache);
    cache = open_source("t-1", 3);
    assert_hit(cache, 2, "b");
    assert_hit(cache, 3, "c");
    assert_miss(cache, 1);
    assert_int_equal(locache_keep_results(cache, "nn", &error), LOCACHE_MISS);
    assert_miss(cache, 1);
    locache_close(cache);
}

static void test_history__where_nothing_was_before_nothing_is_kept(void **unused)
{
    (void)unused;
    locache *cache = open_source("t-1", 1);
    assert_int_equal(locache_keep_results(cache, "nn", &error), LOCACHE_MISS);
    must_put(cache, 1, "r");
    assert_int_equal(locache_keep_results(cache, "nn", &error), LOCACHE_MISS);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_history__a_new_source_may_be_kept_as_it_is_opened(void **unused)
{
    (void)unused;
    put_source(1, 1, "old");
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", 2);
    options.kept_by = "nn\x01 caf\xc3\xa9 ";
    locache *cache = open_with(&options);
    assert_hit(cache, 1, "old");
    must_put(cache, 2, "new");
    locache_close(cache);
    assert_false(exists(in_foo(".versions/my_func")));
    look();
    assert_non_null(strstr(told.kept, "Z nn? caf??"));
    /* What came back is no edit. */
    put_source(3, 1, "third");
    options.identity = identity_at("t-1", 2);
    cache = open_with(&options);
    assert_hit(cache, 1, "old");
    assert_hit(cache, 2, "new");
    locache_close(cache);
    look();
    assert_int_equal(told.count, 2);
}

static void test_history__a_later_edit_is_an_edit(void **unused)
{
    (void)unused;
    put_source(1, 1, "old");
    locache *cache = open_source("t-1", 2);
    assert_int_equal(locache_keep_results(cache, "nn", &error), LOCACHE_OK);
    locache_close(cache);
    cache = open_source("t-1", 3);
    assert_miss(cache, 1);
    locache_close(cache);
    cache = open_source("t-1", 2);
    assert_hit(cache, 1, "old");
    locache_close(cache);
}

static void test_history__other_handles_go_on(void **unused)
{
    (void)unused;
    locache *first = open_source("t-1", 1);
    must_put(first, 1, "old");
    locache *second = open_source("t-1", 2);
    must_put(second, 2, "new");
    locache *third = open_source("t-1", 2);
    assert_hit(third, 2, "new");
    assert_int_equal(locache_keep_results(second, "nn", &error), LOCACHE_OK);
    assert_hit(first, 1, "old");
    assert_hit(first, 2, "new");
    assert_hit(third, 1, "old");
    must_put(third, 3, "new");
    assert_hit(first, 3, "new");
    locache_close(first);
    locache_close(second);
    locache_close(third);
}

static void test_history__a_users_own_files_are_left_where_they_are(void **unused)
{
    (void)unused;
    put_source(1, 1, "old");
    locache *cache = open_source("t-1", 2);
    must_put(cache, 2, "new");
    write_text(in_foo("my_func/thesis.tex"), "years");
    assert_int_equal(locache_keep_results(cache, "nn", &error), LOCACHE_EUNTRUSTED);
    assert_true(exists(in_foo("my_func/thesis.tex")));
    assert_hit(cache, 2, "new");
    locache_close(cache);
}

static void test_history__nothing_is_kept_for_who_only_reads(void **unused)
{
    (void)unused;
    put_source(1, 1, "old");
    put_source(2, 1, "new");
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", 2);
    options.flags = LOCACHE_OPEN_READ_ONLY;
    locache *cache = open_with(&options);
    assert_int_equal(locache_keep_results(cache, "nn", &error), LOCACHE_EINVAL);
    assert_hit(cache, 1, "new");
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_history__each_version_is_told_of),
        scratch_test(test_history__what_has_no_record_is_passed_over),
        scratch_test(test_history__a_note_stays_with_its_version),
        scratch_test(test_history__a_note_that_is_a_link_is_not_followed),
        scratch_test(test_history__too_long_a_note_is_left_out),
        scratch_test(test_history__an_alternative_finds_what_was_amended),
        scratch_test(test_history__without_alternatives_a_source_with_state_is_another),
        scratch_test(test_history__what_cannot_be_a_line_is_no_state),
        scratch_test(test_history__a_version_that_is_kept_has_the_results_of_both),
        scratch_test(test_history__it_is_said_once),
        scratch_test(test_history__where_nothing_was_before_nothing_is_kept),
        scratch_test(test_history__a_new_source_may_be_kept_as_it_is_opened),
        scratch_test(test_history__a_later_edit_is_an_edit),
        scratch_test(test_history__other_handles_go_on),
        scratch_test(test_history__a_users_own_files_are_left_where_they_are),
        scratch_test(test_history__nothing_is_kept_for_who_only_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
