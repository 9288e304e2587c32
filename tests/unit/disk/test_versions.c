/* Which source a directory belongs to, the switch when it changes, and the way back. */
#include "scratch.h"

#include "base/fault.h"
#include "disk/versions.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>

static void put_source(int source, int x, const char *result)
{
    locache *cache = open_source("t-1", source);
    must_put(cache, x, result);
    locache_close(cache);
}

/* Opens as locache_open() does, with the status. */
static locache_status open_status(const locache_identity *identity)
{
    locache_options options = options_for("my_func");
    locache *cache = NULL;
    options.identity = identity;
    locache_status status = locache_open(&cache, foo, &options, &error);
    locache_close(cache);
    return status;
}

/* Is there a result for x, as this identity sees it? */
static bool has(const locache_identity *identity, unsigned flags, int x, const char *result)
{
    locache_options options = options_for("my_func");
    options.identity = identity;
    options.flags = flags;
    locache *cache = open_with(&options);
    locache_status status = get(cache, x, result);
    locache_close(cache);
    return status == LOCACHE_OK;
}

/* ----------------------------------------------------------------------------------- the switch */

static void test_versions__a_changed_source_starts_afresh_and_an_undo_brings_back(void **unused)
{
    (void)unused;
    put_source(1, 1, "old");
    events_listen();
    locache *cache = open_source("t-1", 2);
    assert_int_equal(events.counts[LOCACHE_EVENT_INVALIDATE], 1);
    assert_string_equal(events.path, in_foo("my_func"));
    assert_miss(cache, 1);
    must_put(cache, 1, "new");
    locache_close(cache);
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 1);

    cache = open_source("t-1", 1);
    assert_int_equal(events.counts[LOCACHE_EVENT_RESTORE], 1);
    assert_int_equal(events.counts[LOCACHE_EVENT_INVALIDATE], 1);
    assert_hit(cache, 1, "old");
    locache_close(cache);
    cache = open_source("t-1", 2);
    assert_hit(cache, 1, "new");
    locache_close(cache);
    locache_set_log(NULL, NULL);
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 1);
    assert_int_equal(names_in(in_foo(".versions/.tmp"), ""), 0);
}

static void test_versions__a_handle_goes_on_with_its_own(void **unused)
{
    (void)unused;
    locache *first = open_source("t-1", 1);
    must_put(first, 1, "first");
    locache *second = open_source("t-1", 2);
    must_put(second, 1, "second");
    for (int x = 2; x < 10; x++) {
        must_put(first, x, "first");
        must_put(second, x, "second");
        assert_hit(first, x, "first");
        assert_hit(second, x, "second");
    }
    assert_hit(first, 1, "first");
    assert_int_equal(count_of(first), 9);
    locache_close(first);
    locache_close(second);
    first = open_source("t-1", 1);
    assert_hit(first, 9, "first");
    locache_close(first);
}

/* Handles of two sources, neither of which finds a directory when it is opened. */
static void test_versions__two_sources_from_nothing(void **unused)
{
    (void)unused;
    locache *first = open_source("t-1", 1);
    locache *second = open_source("t-1", 2);
    must_put(second, 1, "second");
    assert_miss(first, 1);
    assert_hit(second, 1, "second");
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 0);
    must_put(first, 1, "first");
    assert_hit(first, 1, "first");
    assert_hit(second, 1, "second");
    locache_close(first);
    locache_close(second);
}

static void test_versions__a_directory_made_by_another_is_found(void **unused)
{
    (void)unused;
    locache *early = open_source("t-1", 1);
    assert_miss(early, 1);
    put_source(1, 1, "other");
    assert_hit(early, 1, "other");
    locache_close(early);
}

static void test_versions__so_many_earlier_ones_stay(void **unused)
{
    (void)unused;
    events_listen();
    for (int source = 0; source < LC_VERSIONS_MAX + 4; source++)
        put_source(source, 1, "r");
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), LC_VERSIONS_MAX);
    assert_int_equal(events.counts[LOCACHE_EVENT_EVICT], 3);
    locache_set_log(NULL, NULL);
    for (int source = 0; source < 3; source++) {
        locache_identity identity = identity_of("t-1", source);
        assert_false(has(&identity, 0, 1, "r"));
    }
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), LC_VERSIONS_MAX);
    assert_int_equal(names_in(in_foo(".versions/.tmp"), ""), 0);
    locache_identity identity = identity_of("t-1", LC_VERSIONS_MAX + 2);
    assert_true(has(&identity, 0, 1, "r"));
}

static void make_old(const char *path, int days)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - days * 86400}, {0}};
    times[1] = times[0];
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static bool age_version(void *context, const locache_version_info *version)
{
    if (!version->current)
        make_old(version->path, *(const int *)context);
    return true;
}

static void test_versions__what_nobody_uses_for_a_year_goes(void **unused)
{
    (void)unused;
    int days = 360;
    for (int source = 0; source < 4; source++)
        put_source(source, 1, "r");
    assert_int_equal(locache_each_version(foo, "my_func", age_version, &days, &error), LOCACHE_OK);
    put_source(4, 1, "r");
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 4);
    days = 370;
    assert_int_equal(locache_each_version(foo, "my_func", age_version, &days, &error), LOCACHE_OK);
    events_listen();
    locache *cache = open_source("t-1", 5);
    locache_set_log(NULL, NULL);
    assert_int_equal(events.counts[LOCACHE_EVENT_EVICT], 4);
    assert_non_null(strstr(events.path, "/.versions/my_func/"));
    assert_string_equal(events.detail, "an earlier version that was not used for a year");
    locache_close(cache);
    /* The one that was in place until now. */
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 1);
    locache_identity identity = identity_of("t-1", 4);
    assert_true(has(&identity, 0, 1, "r"));
}

/* The one that was used last stays, not the one that was made last. */
static void test_versions__the_least_recently_used_goes(void **unused)
{
    (void)unused;
    for (int source = 0; source < LC_VERSIONS_MAX + 1; source++)
        put_source(source, 1, "r");
    locache_identity first = identity_of("t-1", 0);
    locache_identity second = identity_of("t-1", 1);
    assert_true(has(&first, 0, 1, "r"));
    put_source(LC_VERSIONS_MAX + 1, 1, "r");
    put_source(LC_VERSIONS_MAX + 2, 1, "r");
    assert_true(has(&first, 0, 1, "r"));
    assert_false(has(&second, 0, 1, "r"));
}

static void test_versions__an_evicted_one_starts_again_under_its_handle(void **unused)
{
    (void)unused;
    locache *cache = open_source("t-1", 100);
    must_put(cache, 1, "r");
    for (int source = 0; source < LC_VERSIONS_MAX + 2; source++)
        put_source(source, 1, "r");
    assert_miss(cache, 1);
    must_put(cache, 1, "again");
    assert_hit(cache, 1, "again");
    locache_close(cache);
}

static void test_versions__reset_removes_all(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    locache *renamed = open_source("t-1", 2);
    must_put(renamed, 1, "r");
    locache *cache = open_source("t-1", 3);
    must_put(cache, 1, "r");
    events_listen();
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_int_equal(events.counts[LOCACHE_EVENT_RESET], 1);
    locache_set_log(NULL, NULL);
    assert_miss(cache, 1);
    assert_miss(renamed, 1);
    assert_false(exists(in_foo(".versions/my_func")));
    assert_int_equal(names_in(in_foo(".versions/.tmp"), ""), 0);
    assert_int_equal(count_of(cache), 0);
    for (int source = 1; source < 4; source++) {
        locache_identity identity = identity_of("t-1", source);
        assert_false(has(&identity, 0, 1, "r"));
    }
    must_put(renamed, 1, "again");
    assert_hit(renamed, 1, "again");
    locache_close(cache);
    locache_close(renamed);
}

static void test_versions__reset_of_nothing(void **unused)
{
    (void)unused;
    locache *cache = open_source("t-1", 1);
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_false(exists(foo));
    locache_close(cache);
}

/* A handle whose version is in .versions/ forgets the one in place as well. */
static void test_versions__reset_by_a_renamed_handle(void **unused)
{
    (void)unused;
    locache *renamed = open_source("t-1", 1);
    must_put(renamed, 1, "r");
    put_source(2, 1, "r");
    assert_int_equal(locache_reset(renamed, &error), LOCACHE_OK);
    locache_identity identity = identity_of("t-1", 2);
    assert_false(has(&identity, 0, 1, "r"));
    locache_close(renamed);
}

/* ----------------------------------------------------------------------------------- identities */

static void test_versions__another_interpreter_is_told_by_the_source(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    locache_identity other = identity_of("t-2", 1);
    other.has_source = false;
    assert_int_equal(open_status(&other), LOCACHE_NEED_SOURCE);
    other = identity_of("t-2", 1);
    assert_true(has(&other, 0, 1, "r"));
    other.has_source = false;
    assert_true(has(&other, 0, 1, "r"));
    other = identity_of("t-2", 2);
    assert_false(has(&other, 0, 1, "r"));
}

static void test_versions__the_same_interpreter_is_told_by_the_code(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    locache_identity same = identity_of("t-1", 1);
    same.source.bytes[0] ^= 1;
    assert_true(has(&same, 0, 1, "r"));
    same.has_source = false;
    assert_true(has(&same, 0, 1, "r"));
}

/* Identity of the source `source`, compiled to the code `code`. */
static locache_identity compiled_to(const char *tag, unsigned char source, unsigned char code)
{
    locache_identity identity = identity_of(tag, source);
    identity.code = identity_of(tag, code).code;
    return identity;
}

/* Is this code known, so that nobody has to look at the source? */
static bool is_known(locache_identity identity)
{
    identity.has_source = false;
    return open_status(&identity) == LOCACHE_OK;
}

/* Other code of the same source is another layout or docstring: the same results. That was another
 * version once, when the digest of the code left layout out. */
static void test_versions__same_source_but_other_code(void **unused)
{
    (void)unused;
    locache_identity first = identity_of("t-1", 1);
    locache_identity second = compiled_to("t-1", 1, 2);
    put_source(1, 1, "r");
    assert_false(is_known(second));
    assert_true(has(&second, 0, 1, "r"));
    assert_true(is_known(second));
    assert_true(is_known(first));
    assert_false(exists(in_foo(".versions/my_func")));
}

/* Two working copies on one cache: each is asked for its source once. */
static void test_versions__layouts_take_turns(void **unused)
{
    (void)unused;
    locache_identity layouts[] = {compiled_to("t-1", 1, 1), compiled_to("t-1", 1, 2),
                                  compiled_to("t-1", 1, 3)};
    put_source(1, 1, "r");
    for (int i = 0; i < 3; i++)
        assert_true(has(&layouts[i], 0, 1, "r"));
    for (int i = 0; i < 9; i++)
        assert_true(is_known(layouts[i % 3]));
}

static void test_versions__the_code_learned_first_goes(void **unused)
{
    (void)unused;
    locache_identity other = identity_of("t-2", 1);
    put_source(1, 1, "r");
    assert_true(has(&other, 0, 1, "r"));
    for (unsigned char code = 2; code <= 5; code++) {
        locache_identity layout = compiled_to("t-1", 1, code);
        assert_true(has(&layout, 0, 1, "r"));
    }
    assert_false(is_known(compiled_to("t-1", 1, 1)));
    for (unsigned char code = 2; code <= 5; code++)
        assert_true(is_known(compiled_to("t-1", 1, code)));
    /* Many of one interpreter do not push out another's. */
    assert_true(is_known(other));
}

static void test_versions__the_source_is_asked_for_before_a_first_directory(void **unused)
{
    (void)unused;
    locache_identity identity = identity_of("t-1", 1);
    identity.has_source = false;
    assert_int_equal(open_status(&identity), LOCACHE_NEED_SOURCE);
    identity.no_source = true;
    assert_int_equal(open_status(&identity), LOCACHE_OK);
    assert_false(exists(foo));
}

static void test_versions__without_a_source_other_interpreters_start_afresh(void **unused)
{
    (void)unused;
    locache_identity identity = identity_of("t-1", 1);
    identity.has_source = false;
    identity.no_source = true;
    locache_options options = options_for("my_func");
    options.identity = &identity;
    locache *cache = open_with(&options);
    must_put(cache, 1, "r");
    locache_close(cache);
    assert_true(has(&identity, 0, 1, "r"));
    locache_identity other = identity_of("t-2", 1);
    assert_false(has(&other, 0, 1, "r"));
    assert_true(has(&identity, 0, 1, "r"));
}

static void test_versions__no_identity_takes_what_is_there(void **unused)
{
    (void)unused;
    locache_identity none = {.size = sizeof none};
    put_source(1, 1, "r");
    assert_true(has(&none, 0, 1, "r"));
    remove_all(foo);
    locache_options options = options_for("my_func");
    options.identity = &none;
    locache *cache = open_with(&options);
    must_put(cache, 1, "r");
    locache_close(cache);
    assert_true(has(&none, 0, 1, "r"));
    locache_identity some = identity_of("t-1", 1);
    assert_false(has(&some, 0, 1, "r"));
}

static void test_versions__many_interpreters(void **unused)
{
    (void)unused;
    char tag[32];
    put_source(1, 1, "r");
    for (int i = 0; i < 70; i++) {
        snprintf(tag, sizeof tag, "many-%d", i);
        locache_identity identity = identity_of(tag, 1);
        assert_true(has(&identity, 0, 1, "r"));
    }
    locache_identity last = identity_of("many-69", 1);
    last.has_source = false;
    assert_true(has(&last, 0, 1, "r"));
    assert_true(read_bytes(in_foo("my_func/.locache/version")).size < 4096);
}

static void test_versions__keep_uses_what_is_there(void **unused)
{
    (void)unused;
    locache_identity first = identity_of("t-1", 1);
    locache_identity second = identity_of("t-1", 2);
    put_source(1, 1, "old");
    assert_true(has(&second, LOCACHE_OPEN_KEEP, 1, "old"));
    locache_options options = options_for("my_func");
    options.identity = &second;
    options.flags = LOCACHE_OPEN_KEEP;
    locache *cache = open_with(&options);
    must_put(cache, 2, "new");
    assert_hit(cache, 2, "new");
    locache_close(cache);
    assert_true(has(&second, LOCACHE_OPEN_KEEP, 2, "new"));
    assert_false(exists(in_foo(".versions/my_func")));
    /* Who does not keep never gets what another source computed. */
    assert_true(has(&first, 0, 1, "old"));
    assert_false(has(&first, 0, 2, "new"));
    assert_false(has(&second, 0, 1, "old"));
    assert_false(has(&second, 0, 2, "new"));
}

/* ----------------------------------------------------------------------------- the version file */

static void lose_and_check(const char *content)
{
    locache_identity identity = identity_of("t-1", 1);
    put_source(1, 1, "r");
    if (content == NULL)
        unlink(in_foo("my_func/.locache/version"));
    else
        write_text(in_foo("my_func/.locache/version"), content);
    identity.has_source = false;
    assert_int_equal(open_status(&identity), LOCACHE_NEED_SOURCE);
    identity.has_source = true;
    assert_true(has(&identity, 0, 1, "r"));
    identity.has_source = false;
    assert_true(has(&identity, 0, 1, "r"));
    assert_false(exists(in_foo(".versions/my_func")));
}

static void test_versions__a_lost_file_is_written_again(void **unused)
{
    (void)unused;
    lose_and_check(NULL);
    lose_and_check("");
    lose_and_check("locache");
    lose_and_check("locache 1\n");
    lose_and_check("locache 1\nid 0123\n");
    lose_and_check("locache x\n");
    lose_and_check("locache 1\nid 00000000000000000000000000000000\nwhat is this\n");
    lose_and_check("locache 1\nid 00000000000000000000000000000000\ncode t-1 0\n");
    lose_and_check("locache 1\nid 00000000000000000000000000000000\nsource 0\n");
    lose_and_check("locache 1\nid ../../../../../../../../../../../..\n");
}

static void test_versions__a_lost_file_never_gives_another_sources_results(void **unused)
{
    (void)unused;
    locache_identity other = identity_of("t-1", 2);
    put_source(1, 1, "r");
    unlink(in_foo("my_func/.locache/version"));
    assert_false(has(&other, 0, 1, "r"));
    locache_identity none = other;
    none.has_source = false;
    none.no_source = true;
    put_source(1, 1, "r");
    unlink(in_foo("my_func/.locache/version"));
    assert_false(has(&none, 0, 1, "r"));
}

static void test_versions__a_huge_file_is_a_lost_one(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    assert_int_equal(truncate(in_foo("my_func/.locache/version"), (off_t)1 << 40), 0);
    locache_identity identity = identity_of("t-1", 1);
    assert_true(has(&identity, 0, 1, "r"));
}

static void test_versions__a_newer_file_is_left_alone(void **unused)
{
    (void)unused;
    locache_identity identity = identity_of("t-1", 1);
    locache_identity other = identity_of("t-1", 2);
    put_source(1, 1, "r");
    write_text(in_foo("my_func/.locache/version"), "locache 2\nsomething else\n");
    assert_true(has(&identity, 0, 1, "r"));
    assert_false(has(&other, 0, 1, "r"));
    assert_memory_equal(read_bytes(in_foo("my_func/.locache/version")).data,
                        "locache 2\nsomething else\n", 25);
}

static void test_versions__an_earlier_one_without_its_file_comes_back(void **unused)
{
    (void)unused;
    locache_identity identity = identity_of("t-1", 1);
    put_source(1, 1, "r");
    put_source(2, 1, "s");
    DIR *stream = opendir(in_foo(".versions/my_func"));
    char path[300];
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, ".versions/my_func/%s/.locache", entry->d_name);
            remove_all(in_foo(path));
        }
    closedir(stream);
    assert_true(has(&identity, 0, 1, "r"));
}

/* -------------------------------------------------------------------------------- interruptions */

/* Killed between the two renames of a switch: nothing is in place. */
static void test_versions__a_switch_cut_off_is_finished_by_the_next(void **unused)
{
    (void)unused;
    locache_identity first = identity_of("t-1", 1);
    put_source(1, 1, "r");
    put_source(2, 1, "s");
    assert_true(has(&first, 0, 1, "r"));
    DIR *stream = opendir(in_foo(".versions/my_func"));
    closedir(stream);
    assert_int_equal(
        rename(in_foo("my_func"), in_foo(".versions/my_func/00000000000000000000000000000000")), 0);
    assert_int_equal(mkdir(in_foo(".versions/.tmp/new-0123"), 0700), 0);
    assert_int_equal(mkdir(in_foo(".versions/.tmp/new-0123/.locache"), 0700), 0);
    write_text(in_foo(".versions/.tmp/new-0123/.locache/version"), "");
    assert_true(has(&first, 0, 1, "r"));
    assert_int_equal(names_in(in_foo(".versions/.tmp"), ""), 0);
}

static void test_versions__trash_left_behind_is_removed(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    assert_int_equal(mkdir(in_foo(".versions/.tmp/trash-0123"), 0700), 0);
    assert_int_equal(mkdir(in_foo(".versions/.tmp/trash-0123/.locache"), 0700), 0);
    write_text(in_foo(".versions/.tmp/trash-0123/.locache/version"), "");
    write_text(in_foo(".versions/.tmp/trash-0123/x=1"), "");
    put_source(2, 1, "r");
    assert_int_equal(names_in(in_foo(".versions/.tmp"), ""), 0);
}

static void test_versions__versions_can_be_deleted(void **unused)
{
    (void)unused;
    locache *renamed = open_source("t-1", 1);
    must_put(renamed, 1, "r");
    put_source(2, 1, "s");
    remove_all(in_foo(".versions"));
    assert_miss(renamed, 1);
    must_put(renamed, 1, "r");
    assert_hit(renamed, 1, "r");
    locache_close(renamed);
    locache_identity second = identity_of("t-1", 2);
    assert_true(has(&second, 0, 1, "s"));
}

static void test_versions__a_held_lock_is_waited_for_and_given_up(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    int lock = open(in_foo(".versions/.lock"), O_RDWR);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_int_equal(fcntl(lock, F_OFD_SETLK, &whole), 0);
    locache_identity identity = identity_of("t-1", 2);
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(open_status(&identity), LOCACHE_EBUSY);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_in_range(after.tv_sec - before.tv_sec, 1, 5);
    /* Nobody waits in vain a second time; and once it is free, it is had. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(open_status(&identity), LOCACHE_EBUSY);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_in_range(before.tv_sec - after.tv_sec, 0, 1);
    identity = identity_of("t-1", 1);
    assert_true(has(&identity, 0, 1, "r"));
    close(lock);
    identity = identity_of("t-1", 2);
    assert_int_equal(open_status(&identity), LOCACHE_OK);
}

static void test_versions__a_lock_file_removed_is_made_again(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    unlink(in_foo(".versions/.lock"));
    put_source(2, 1, "r");
    assert_true(exists(in_foo(".versions/.lock")));
}

static pid_t lingering;

/* As another thread might: fork in the midst of a switch, and let the child live on. */
static int fork_at_rename(const char *call)
{
    if (strcmp(call, "rename") != 0 || lingering != 0)
        return 0;
    lingering = fork();
    while (lingering == 0)
        pause();
    return 0;
}

static void test_versions__a_child_of_fork_does_not_keep_the_lock(void **unused)
{
    (void)unused;
    put_source(1, 1, "r");
    lingering = 0;
    lc_fault_hook = fork_at_rename;
    locache *cache = open_source("t-1", 2);
    lc_fault_hook = NULL;
    assert_true(lingering > 0);
    locache_close(cache);
    locache_identity third = identity_of("t-1", 3);
    locache_status status = open_status(&third);
    kill(lingering, SIGKILL);
    waitpid(lingering, NULL, 0);
    assert_int_equal(status, LOCACHE_OK);
}

/* ---------------------------------------------------------------------------------- concurrency */

/* Switches back and forth; what is found must always be this source's own. */
static void switch_often(void *context)
{
    int source = *(int *)context;
    char result[16];
    snprintf(result, sizeof result, "of %d", source);
    for (int round = 0; round < 60; round++) {
        locache_options options = options_for("my_func");
        options.identity = identity_at("t-1", source);
        locache *cache = NULL;
        locache_status status = locache_open(&cache, foo, &options, &error);
        child_require(status == LOCACHE_OK);
        key k = key_of(round % 5);
        locache_value *value;
        status = locache_get(&value, cache, k.bytes, k.size, &error);
        child_require(status == LOCACHE_OK ||
                      (status == LOCACHE_MISS && error.status == LOCACHE_OK));
        if (status == LOCACHE_OK) {
            size_t size;
            child_require(strncmp(locache_value_body(&size, value), result, strlen(result)) == 0);
            locache_value_free(value);
        }
        child_require(put(cache, round % 5, result) == LOCACHE_OK);
        locache_close(cache);
    }
}

static void test_versions__processes_switch_at_once(void **unused)
{
    (void)unused;
    pid_t children[4];
    int sources[4] = {1, 2, 3, 1};
    for (int i = 0; i < 4; i++)
        children[i] = in_child(switch_often, &sources[i]);
    for (int i = 0; i < 4; i++)
        wait_for(children[i]);
    for (int source = 1; source < 4; source++) {
        char result[16];
        snprintf(result, sizeof result, "of %d", source);
        locache_identity identity = identity_of("t-1", source);
        for (int x = 0; x < 5; x++)
            assert_true(has(&identity, 0, x, result));
    }
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 2);
    assert_int_equal(names_in(in_foo(".versions/.tmp"), ""), 0);
}

static void make_first(void *context)
{
    locache_options options = options_for("my_func");
    locache *cache = NULL;
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    child_require(put(cache, *(int *)context, "r") == LOCACHE_OK);
    locache_close(cache);
}

static void test_versions__processes_make_the_first_directory_at_once(void **unused)
{
    (void)unused;
    for (int round = 0; round < 10; round++) {
        pid_t children[8];
        int x[8];
        for (int i = 0; i < 8; i++) {
            x[i] = i;
            children[i] = in_child(make_first, &x[i]);
        }
        for (int i = 0; i < 8; i++)
            wait_for(children[i]);
        locache *cache = open_source("t-1", 1);
        assert_int_equal(count_of(cache), 8);
        for (int i = 0; i < 8; i++)
            assert_hit(cache, i, "r");
        locache_close(cache);
        assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 0);
        remove_all(foo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test_long(test_versions__a_changed_source_starts_afresh_and_an_undo_brings_back),
        scratch_test_long(test_versions__a_handle_goes_on_with_its_own),
        scratch_test_long(test_versions__two_sources_from_nothing),
        scratch_test_long(test_versions__a_directory_made_by_another_is_found),
        scratch_test_long(test_versions__so_many_earlier_ones_stay),
        scratch_test_long(test_versions__what_nobody_uses_for_a_year_goes),
        scratch_test_long(test_versions__the_least_recently_used_goes),
        scratch_test_long(test_versions__an_evicted_one_starts_again_under_its_handle),
        scratch_test_long(test_versions__reset_removes_all),
        scratch_test_long(test_versions__reset_of_nothing),
        scratch_test_long(test_versions__reset_by_a_renamed_handle),
        scratch_test_long(test_versions__another_interpreter_is_told_by_the_source),
        scratch_test_long(test_versions__the_same_interpreter_is_told_by_the_code),
        scratch_test_long(test_versions__same_source_but_other_code),
        scratch_test_long(test_versions__layouts_take_turns),
        scratch_test_long(test_versions__the_code_learned_first_goes),
        scratch_test_long(test_versions__the_source_is_asked_for_before_a_first_directory),
        scratch_test_long(test_versions__without_a_source_other_interpreters_start_afresh),
        scratch_test_long(test_versions__no_identity_takes_what_is_there),
        scratch_test_long(test_versions__many_interpreters),
        scratch_test_long(test_versions__keep_uses_what_is_there),
        scratch_test_long(test_versions__a_lost_file_is_written_again),
        scratch_test_long(test_versions__a_lost_file_never_gives_another_sources_results),
        scratch_test_long(test_versions__a_huge_file_is_a_lost_one),
        scratch_test_long(test_versions__a_newer_file_is_left_alone),
        scratch_test_long(test_versions__an_earlier_one_without_its_file_comes_back),
        scratch_test_long(test_versions__a_switch_cut_off_is_finished_by_the_next),
        scratch_test_long(test_versions__trash_left_behind_is_removed),
        scratch_test_long(test_versions__versions_can_be_deleted),
        scratch_test_long(test_versions__a_held_lock_is_waited_for_and_given_up),
        scratch_test_long(test_versions__a_lock_file_removed_is_made_again),
        scratch_test_long(test_versions__a_child_of_fork_does_not_keep_the_lock),
        scratch_test_long(test_versions__processes_switch_at_once),
        scratch_test_long(test_versions__processes_make_the_first_directory_at_once),
    };
    return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
