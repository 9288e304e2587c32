/* The registry of a user's caches: what gets into it and out of it, whoever else writes there, dies
 * there, or must not be written to. */
#include "base/os.h"
#include "disk/registry.h"
#include "fault.h"
#include "killed.h"
#include "scratch.h"

#include <limits.h>
#include <time.h>

enum { MOST = 600 };

/* What locache_each_cache() told. */
typedef struct told {
    int count;
    int stop_at; /* 0: never */
    char paths[MOST][128];
    int64_t first; /* when the first was registered */
} told;

static bool take(void *context, const locache_cache_info *cache)
{
    told *in = context;
    assert_int_equal(cache->size, sizeof *cache);
    assert_true(in->count < MOST);
    if (in->count == 0)
        in->first = cache->registered;
    (void)snprintf(in->paths[in->count++], sizeof in->paths[0], "%s", cache->path);
    return in->count != in->stop_at;
}

static const told *list(void)
{
    static told in;
    in = (told){.count = 0};
    assert_int_equal(locache_each_cache(take, &in, &error), LOCACHE_OK);
    return &in;
}

static const char *links(void)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/locache/caches", state);
    return path;
}

/* Links there are; not the note of where the hand is. */
static int link_count(void)
{
    return names_in(links(), "") - names_in(links(), ".");
}

/* A path in the scratch directory; at most four live at a time. */
static const char *in_scratch(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

/* An empty cache, as one that locache made and marked. */
static const char *make_cache(const char *name)
{
    char tag[600];
    const char *path = in_scratch(name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(tag, sizeof tag, "%s/my_func", path);
    assert_int_equal(mkdir(tag, 0700), 0);
    snprintf(tag, sizeof tag, "%s/my_func/.locache", path);
    assert_int_equal(mkdir(tag, 0700), 0);
    return path;
}

static const char *registered(const char *name)
{
    const char *path = make_cache(name);
    lc_registry_note(path, true);
    return path;
}

/* ------------------------------------------------------------------------- what gets in and out */

static void test_registry__what_is_stored_into(void **unused)
{
    (void)unused;
    assert_int_equal(list()->count, 0);
    assert_false(exists(state));
    locache *cache = open_function("my_func");
    assert_miss(cache, 1);
    assert_int_equal(list()->count, 0);
    int64_t before = (int64_t)(time(NULL) - 1) * 1000000000;
    must_put(cache, 1, "r");
    must_put(cache, 2, "r");
    assert_int_equal(list()->count, 1);
    assert_string_equal(list()->paths[0], foo);
    assert_in_range(list()->first, before, before + INT64_C(120000000000));
    /* Removed, and made anew by the same process. */
    remove_all(foo);
    assert_int_equal(list()->count, 0);
    assert_int_equal(link_count(), 0);
    must_put(cache, 3, "r");
    assert_int_equal(list()->count, 1);
    locache_close(cache);
}

static void test_registry__what_was_moved_registers_again(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "r");
    locache_close(cache);
    const char *moved = in_scratch("moved.cache");
    assert_int_equal(rename(foo, moved), 0);
    locache_options options = options_for("my_func");
    assert_int_equal(locache_open(&cache, moved, &options, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    assert_int_equal(list()->count, 0);
    must_put(cache, 2, "r");
    locache_close(cache);
    assert_int_equal(list()->count, 1);
    assert_string_equal(list()->paths[0], moved);
    assert_int_equal(link_count(), 1);
}

static void test_registry__in_the_order_of_paths_until_it_is_stopped(void **unused)
{
    (void)unused;
    registered("b.cache");
    registered("c.cache");
    registered("a.cache");
    assert_int_equal(list()->count, 3);
    assert_string_equal(list()->paths[0], in_scratch("a.cache"));
    assert_string_equal(list()->paths[2], in_scratch("c.cache"));
    told in = {.stop_at = 2};
    assert_int_equal(locache_each_cache(take, &in, NULL), LOCACHE_OK);
    assert_int_equal(in.count, 2);
}

static void test_registry__names_with_every_byte(void **unused)
{
    char name[2][130];
    (void)unused;
    for (int half = 0; half < 2; half++) {
        int size = 0;
        for (int byte = half * 128; byte < half * 128 + 128; byte++)
            if (byte != 0 && byte != '/')
                name[half][size++] = (char)byte;
        name[half][size] = '\0';
        registered(name[half]);
    }
    assert_int_equal(list()->count, 2);
    /* take() cuts them. */
    assert_memory_equal(list()->paths[0], in_scratch(name[0]), 120);
    assert_memory_equal(list()->paths[1], in_scratch(name[1]), 120);
}

static void test_registry__two_ways_to_one_are_one(void **unused)
{
    (void)unused;
    registered("a.cache");
    assert_int_equal(symlink(scratch, in_scratch("link")), 0);
    lc_registry_note(in_scratch("link/a.cache"), true);
    assert_int_equal(link_count(), 2);
    assert_int_equal(list()->count, 1);
    assert_string_equal(list()->paths[0], in_scratch("a.cache"));
}

static void test_registry__what_is_no_cache_any_more(void **unused)
{
    (void)unused;
    registered("a.cache");
    registered("b.cache");
    registered("c.cache");
    registered("d.cache");
    remove_all(in_scratch("a.cache"));
    write_text(in_scratch("a.cache"), "a file");
    assert_int_equal(rename(in_scratch("b.cache"), in_scratch("there")), 0);
    assert_int_equal(symlink("there", in_scratch("b.cache")), 0);
    remove_all(in_scratch("c.cache/my_func"));
    assert_int_equal(list()->count, 1);
    assert_string_equal(list()->paths[0], in_scratch("d.cache"));
    /* A directory of the user's may become one again, without anybody who registers it. */
    assert_int_equal(link_count(), 2);
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(in_scratch("d.cache"), NOBODY, NOBODY), 0);
    assert_int_equal(list()->count, 0);
    assert_int_equal(link_count(), 1);
}

/* ----------------------------------------------------------------- who else writes, and may not */

/* One of them by the id of its path, as bounds of all of them ask. */
static void test_registry__where_one_is(void **unused)
{
    (void)unused;
    char path[LOCACHE_PATH_MAX] = "";
    char longest[LOCACHE_PATH_MAX + 2];
    locache_id id;
    const char *cache = registered("a.cache");
    locache_id_of(&id, cache, strlen(cache));
    assert_true(lc_registry_path(path, id.bytes));
    assert_string_equal(path, cache);
    memset(longest, 's', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    setenv("XDG_STATE_HOME", longest, 1);
    assert_false(lc_registry_path(path, id.bytes));
    setenv("XDG_STATE_HOME", state, 1);
    remove_all(cache);
    assert_false(lc_registry_path(path, id.bytes));
    assert_int_equal(link_count(), 0);
    assert_false(lc_registry_path(path, id.bytes));
}

static void test_registry__hostile_names(void **unused)
{
    static const char *const names[] = {"0123456789abcdef0123456789abcdef",
                                        "fedcba9876543210fedcba9876543210",
                                        "00000000000000000000000000000000"};
    char path[512];
    (void)unused;
    registered("a.cache");
    make_cache("b.cache");
    snprintf(path, sizeof path, "%s/%s", links(), names[0]);
    assert_int_equal(symlink(in_scratch("b.cache"), path), 0);
    snprintf(path, sizeof path, "%s/%s", links(), names[1]);
    write_text(path, in_scratch("b.cache"));
    snprintf(path, sizeof path, "%s/%s", links(), names[2]);
    assert_int_equal(symlink("b.cache", path), 0);
    snprintf(path, sizeof path, "%s/mine", links());
    assert_int_equal(symlink(in_scratch("b.cache"), path), 0);
    snprintf(path, sizeof path, "%s/.hand", links());
    write_text(path, "\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_int_equal(list()->count, 1);
    registered("c.cache");
    assert_int_equal(list()->count, 2);
    /* What is no link of ours is nobody's; what is no link is somebody's. */
    assert_int_equal(link_count(), 2 + 2);
}

static void test_registry__a_hand_that_is_no_file(void **unused)
{
    char path[512];
    (void)unused;
    registered("a.cache");
    snprintf(path, sizeof path, "%s/.hand", links());
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(in_scratch("target"), path), 0);
    registered("b.cache");
    assert_false(exists(in_scratch("target")));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    registered("c.cache");
    assert_int_equal(list()->count, 3);
}

/* Where it cannot be, or must not be used: a store is the same, and nothing is said. */
static void test_registry__places_that_cannot_be_written(void **unused)
{
    (void)unused;
    for (int way = 0; way < 3; way++) {
        remove_all(state);
        remove_all(foo);
        if (way == 0)
            write_text(state, "a file");
        if (way == 1)
            assert_int_equal(symlink("/nowhere/at/all", state), 0);
        if (way == 2) {
            assert_int_equal(mkdir(state, 0700), 0);
            assert_int_equal(mkdir(in_scratch("state/locache"), 0700), 0);
            write_text(in_scratch("state/locache/caches"), "a file");
        }
        locache *cache = open_function("my_func");
        must_put(cache, 1, "r");
        assert_hit(cache, 1, "r");
        locache_close(cache);
        told in = {.count = 0};
        locache_status status = locache_each_cache(take, &in, &error);
        assert_true(status == LOCACHE_OK || status == LOCACHE_EUNTRUSTED || status == LOCACHE_EIO);
        assert_int_equal(in.count, 0);
    }
}

static void test_registry__one_that_others_may_write_to(void **unused)
{
    (void)unused;
    registered("a.cache");
    assert_int_equal(chmod(links(), 0777), 0);
    told in = {.count = 0};
    assert_int_equal(locache_each_cache(take, &in, &error), LOCACHE_EUNTRUSTED);
    assert_int_equal(in.count, 0);
    assert_non_null(strstr(error.message, links()));
    registered("b.cache");
    assert_int_equal(chmod(links(), 0700), 0);
    assert_in_range(list()->count, 1, 2);
}

/* root, with the environment of the user who became it. */
static void test_registry__of_another_user_is_left_alone(void **unused)
{
    (void)unused;
    skip_unless_root();
    assert_int_equal(mkdir(state, 0700), 0);
    assert_int_equal(mkdir(in_scratch("state/locache"), 0700), 0);
    assert_int_equal(mkdir(in_scratch("state/locache/caches"), 0700), 0);
    assert_int_equal(chown(in_scratch("state/locache/caches"), NOBODY, NOBODY), 0);
    registered("a.cache");
    assert_int_equal(names_in(links(), ""), 0);
    told in = {.count = 0};
    assert_int_equal(locache_each_cache(take, &in, &error), LOCACHE_EUNTRUSTED);
}

/* ---------------------------------------------------------------------------- many, and at once */

static void test_registry__temporary_ones_do_not_add_up(void **unused)
{
    char name[32];
    (void)unused;
    enum { LIVE = 40, GONE = 300 };
    for (int n = 0; n < LIVE; n++) {
        snprintf(name, sizeof name, "live-%d.cache", n);
        registered(name);
    }
    int most = 0;
    for (int n = 0; n < GONE; n++) {
        snprintf(name, sizeof name, "gone-%d.cache", n);
        const char *path = in_scratch(name);
        assert_int_equal(mkdir(path, 0700), 0);
        lc_registry_note(path, true);
        assert_int_equal(rmdir(path), 0);
        int now = link_count();
        most = now > most ? now : most;
    }
    assert_true(most < LIVE + LIVE / 4);
    assert_int_equal(list()->count, LIVE);
    assert_int_equal(link_count(), LIVE);
}

/* What is elsewhere may be on a file server that does not answer: a store leaves it alone. */
static void test_registry__a_store_asks_only_for_those_beside_it(void **unused)
{
    char id[2 * LOCACHE_ID_SIZE + 1];
    char path[512];
    static const char far[] = "/far-away/a.cache";
    locache_id of_far;
    (void)unused;
    registered("a.cache");
    locache_id_of(&of_far, far, strlen(far));
    for (size_t i = 0; i < LOCACHE_ID_SIZE; i++)
        snprintf(id + 2 * i, 3, "%02x", of_far.bytes[i]);
    snprintf(path, sizeof path, "%s/%s", links(), id);
    assert_int_equal(symlink(far, path), 0);
    registered("b.cache");
    registered("c.cache");
    assert_int_equal(link_count(), 4);
    assert_int_equal(list()->count, 3);
    assert_int_equal(link_count(), 3);
}

enum { WORKERS = 4, EACH = 20 };

static void work(void *context)
{
    char path[256];
    int which = *(const int *)context;
    told *in = calloc(1, sizeof *in);
    child_require(in != NULL);
    for (int n = 0; n < EACH; n++) {
        snprintf(path, sizeof path, "%s/w%d-%d.cache", scratch, which, n);
        child_require(mkdir(path, 0700) == 0);
        lc_registry_note(path, true);
        /* The same path by all: made, registered and removed at once, and left there. */
        snprintf(path, sizeof path, "%s/shared.cache", scratch);
        bool made = mkdir(path, 0700) == 0;
        if (made)
            lc_registry_note(path, true);
        if (n % 10 == 9) {
            in->count = 0;
            child_require(locache_each_cache(take, in, &error) == LOCACHE_OK);
        }
        if (made && n + 1 < EACH)
            rmdir(path);
    }
    free(in);
}

static void test_registry__many_processes_at_once(void **unused)
{
    (void)unused;
    pid_t children[WORKERS];
    for (int n = 0; n < WORKERS; n++)
        children[n] = in_child(work, &n);
    for (int n = 0; n < WORKERS; n++)
        wait_for(children[n]);
    int there = WORKERS * EACH + exists(in_scratch("shared.cache"));
    assert_int_equal(link_count(), there);
}

/* --------------------------------------------------------------------------------------- faults */

/* Whatever fails, the store is done; and what is registered later is there. */
static void test_registry__each_call_fails(void **unused)
{
    static const int codes[] = {EACCES, EIO};
    (void)unused;
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            remove_all(state);
            const char *path = registered("old.cache");
            int descriptors = open_descriptors();
            assert_int_equal(rename(path, in_scratch("aside")), 0);
            make_cache("new.cache");
            fault_set(NULL, n, codes[c]);
            lc_registry_note(in_scratch("new.cache"), true);
            told in = {.count = 0};
            locache_status status = locache_each_cache(take, &in, &error);
            failed = fault_clear();
            assert_true(status == LOCACHE_OK || error.message[0] != '\0');
            assert_int_equal(open_descriptors(), descriptors);
            lc_registry_note(in_scratch("new.cache"), true);
            assert_int_equal(list()->count, 1);
            assert_string_equal(list()->paths[0], in_scratch("new.cache"));
            assert_int_equal(link_count(), 1);
            remove_all(in_scratch("new.cache"));
            remove_all(in_scratch("aside"));
        }
    }
}

static void register_and_die(void *context)
{
    told *in = context;
    lc_fault_hook = kill_at_call;
    lc_registry_note(in_scratch("new.cache"), true);
    (void)!locache_each_cache(take, in, &error);
    lc_fault_hook = NULL;
}

/* Killed before each system call: the registry needs no repair. */
static void test_registry__killed_at_each_call(void **unused)
{
    static told in;
    (void)unused;
    bool died = true;
    for (int n = 1; died; n++) {
        int ended;
        remove_all(state);
        assert_int_equal(rename(registered("old.cache"), in_scratch("aside")), 0);
        make_cache("new.cache");
        killed_at = n;
        in.count = 0;
        assert_int_equal(waitpid(in_child(register_and_die, &in), &ended, 0) > 0, true);
        died = was_killed(ended);
        assert_true(died || (WIFEXITED(ended) && WEXITSTATUS(ended) == 0));
        lc_registry_note(in_scratch("new.cache"), true);
        assert_int_equal(list()->count, 1);
        assert_int_equal(link_count(), 1);
        remove_all(in_scratch("new.cache"));
        remove_all(in_scratch("aside"));
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_registry__what_is_stored_into),
        scratch_test(test_registry__what_was_moved_registers_again),
        scratch_test(test_registry__in_the_order_of_paths_until_it_is_stopped),
        scratch_test(test_registry__names_with_every_byte),
        scratch_test(test_registry__two_ways_to_one_are_one),
        scratch_test(test_registry__what_is_no_cache_any_more),
        scratch_test(test_registry__where_one_is),
        scratch_test(test_registry__hostile_names),
        scratch_test(test_registry__a_hand_that_is_no_file),
        scratch_test(test_registry__places_that_cannot_be_written),
        scratch_test(test_registry__one_that_others_may_write_to),
        scratch_test(test_registry__of_another_user_is_left_alone),
        scratch_test(test_registry__temporary_ones_do_not_add_up),
        scratch_test(test_registry__a_store_asks_only_for_those_beside_it),
        scratch_test(test_registry__many_processes_at_once),
        scratch_test(test_registry__each_call_fails),
        scratch_test(test_registry__killed_at_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
