/* Bases: read-only caches that are asked where a handle's own has no result. */
#include "cache/layers.h"

#include "scratch.h"

#include "fault.h"

/* Microseconds after which what is read of a file is kept in memory: its clock has moved on. */
#define OLD 50000

static char base[160]; /* scratch/base, whose foo.cache stands for this one */

static locache *open_above(const char *told)
{
    locache_options options = options_for("my_func");
    options.base = told;
    return open_with(&options);
}

/* In a cache directory at `dir`: x=1 returned `result`. */
static void store_at(const char *dir, const locache_options *options, int64_t x, const char *result)
{
    locache *cache = NULL;
    char own[sizeof foo];
    memcpy(own, foo, sizeof foo);
    memmove(foo, dir, strlen(dir) + 1);
    cache = open_with(options);
    must_put(cache, x, result);
    locache_close(cache);
    memcpy(foo, own, sizeof foo);
}

static const char *in_base(const char *rest)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", base, rest);
    return path;
}

static void make_base(int64_t x, const char *result)
{
    locache_options options = options_for("my_func");
    snprintf(base, sizeof base, "%s/base", scratch);
    (void)!mkdir(base, 0755);
    options.base = "";
    store_at(in_base("foo.cache"), &options, x, result);
}

static locache_statistics statistics_of(const locache *cache)
{
    locache_statistics out = {.size = sizeof out};
    assert_int_equal(locache_info(&out, cache), LOCACHE_OK);
    return out;
}

/* ---------------------------------------------------------------------------------------- hits */

static void test_layers__a_base_is_asked_where_the_own_has_none(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    usleep(OLD);
    locache *cache = open_above(base);
    assert_hit(cache, 1, "theirs");
    assert_hit(cache, 1, "theirs");
    assert_miss(cache, 2);
    /* nothing is copied, and nothing made */
    assert_false(exists(foo));
    must_put(cache, 2, "own");
    must_put(cache, 1, "own");
    assert_hit(cache, 1, "own");
    const locache_statistics counted = statistics_of(cache);
    assert_int_equal(counted.hits, 3);
    assert_int_equal(counted.base_hits, 1);
    assert_int_equal(counted.misses, 1);
    assert_int_equal(counted.rejects, 0);
    assert_int_equal(counted.saved_time, 3 * RESULT_TOOK);
    assert_false(exists(in_base("foo.cache/my_func/x=2")));
    locache_close(cache);
}

static void test_layers__the_environment_names_bases(void **unused)
{
    (void)unused;
    char list[512];
    make_base(1, "theirs");
    snprintf(list, sizeof list, "%s/missing::%s", scratch, base);
    setenv("LOCACHE_BASE", list, 1);
    locache *cache = open_function("my_func");
    assert_hit(cache, 1, "theirs");
    locache_close(cache);
    cache = open_above("");
    assert_miss(cache, 1);
    locache_close(cache);
    unsetenv("LOCACHE_BASE");
}

/* A miss that says why the base is none. */
static void assert_said(locache *cache, int64_t x)
{
    assert_rejected(cache, x, LOCACHE_EIO);
    assert_non_null(strstr(error.message, "cannot read the base "));
}

static void test_layers__bases_from_here_and_from_home(void **unused)
{
    (void)unused;
    static const char *const told[] = {"base", "~/base", "./base/../base", "~/none:base"};
    make_base(1, "theirs");
    assert_int_equal(chdir(scratch), 0);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        locache *cache = open_above(told[i]);
        assert_hit(cache, 1, "theirs");
        locache_close(cache);
    }
    /* Where nobody can say from where. */
    char gone[128];
    snprintf(gone, sizeof gone, "%s/gone", scratch);
    assert_true(mkdir(gone, 0700) == 0 && chdir(gone) == 0 && rmdir(gone) == 0);
    locache *lost = open_above("base");
    assert_said(lost, 1);
    locache_close(lost);
    assert_int_equal(chdir("/"), 0);
    char longest[2 * LOCACHE_PATH_MAX];
    memset(longest, 'b', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    locache *cache = open_above(longest);
    assert_said(cache, 1);
    locache_close(cache);
    longest[0] = '/';
    setenv("HOME", longest, 1);
    cache = open_above("~/base");
    assert_said(cache, 1);
    locache_close(cache);
    setenv("HOME", scratch, 1);
}

static void test_layers__more_bases_than_there_is_room_for(void **unused)
{
    (void)unused;
    char list[2048] = "";
    char dir[256];
    locache_options options = options_for("my_func");
    for (int i = 0; i < LC_LAYERS_MAX + 2; i++) {
        snprintf(dir, sizeof dir, "%s/%d", scratch, i);
        assert_int_equal(mkdir(dir, 0755), 0);
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s:", dir);
        snprintf(dir, sizeof dir, "%s/%d/foo.cache", scratch, i);
        store_at(dir, &options, i, "theirs");
    }
    locache *cache = open_above(list);
    for (int i = 0; i < LC_LAYERS_MAX; i++)
        assert_hit(cache, i, "theirs");
    assert_miss(cache, LC_LAYERS_MAX);
    locache_close(cache);
}

static void test_layers__a_value_says_where_it_is_from(void **unused)
{
    (void)unused;
    char path[LOCACHE_PATH_MAX];
    make_base(1, "theirs");
    locache *cache = open_above(base);
    must_put(cache, 2, "own");
    for (int x = 1; x <= 2; x++) {
        key k = key_of(x);
        locache_value *value;
        assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
        assert_int_equal(locache_value_from_base(value), x == 1);
        assert_int_equal(locache_value_path(path, value, cache, k.bytes, k.size, &error),
                         LOCACHE_OK);
        assert_string_equal(path,
                            x == 1 ? in_base("foo.cache/my_func/x=1") : in_foo("my_func/x=2"));
        locache *other = open_above("");
        assert_int_equal(locache_value_path(path, value, other, k.bytes, k.size, &error),
                         x == 1 ? LOCACHE_EINVAL : LOCACHE_OK);
        locache_close(other);
        locache_value_free(value);
    }
    locache_close(cache);
}

static void test_layers__the_first_base_that_has_it(void **unused)
{
    (void)unused;
    char list[512];
    char other[256];
    locache_options options = options_for("my_func");
    make_base(1, "first");
    snprintf(other, sizeof other, "%s/other.cache", scratch);
    snprintf(list, sizeof list, "%s:%s/2", base, scratch);
    snprintf(other, sizeof other, "%s/2", scratch);
    assert_int_equal(mkdir(other, 0755), 0);
    snprintf(other, sizeof other, "%s/2/foo.cache", scratch);
    store_at(other, &options, 1, "second");
    store_at(other, &options, 2, "second");
    locache *cache = open_above(list);
    assert_hit(cache, 1, "first");
    assert_hit(cache, 2, "second");
    assert_hit(cache, 2, "second");
    locache_close(cache);
}

static void test_layers__a_result_from_memory_is_that_of_the_file_in_the_base(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    locache *cache = open_above(base);
    assert_hit(cache, 1, "theirs");
    make_base(1, "newer");
    assert_hit(cache, 1, "newer");
    assert_int_equal(unlink(in_base("foo.cache/my_func/x=1")), 0);
    assert_miss(cache, 1);
    make_base(1, "again");
    assert_hit(cache, 1, "again");
    /* another process's, which goes first */
    locache *other = open_above(base);
    must_put(other, 1, "own");
    locache_close(other);
    assert_hit(cache, 1, "own");
    locache_close(cache);
}

static void test_layers__versions_are_compared(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    locache_options options = options_for("my_func");
    options.base = base;
    options.identity = identity_at("t-1", 2);
    locache *cache = open_with(&options);
    assert_miss(cache, 1);
    locache_close(cache);
    /* The base goes on to that version, and the first is among its earlier ones. */
    options.base = NULL;
    store_at(in_base("foo.cache"), &options, 1, "second");
    options.base = base;
    cache = open_with(&options);
    assert_hit(cache, 1, "second");
    locache_close(cache);
    cache = open_above(base);
    assert_hit(cache, 1, "theirs");
    locache_close(cache);
    assert_int_equal(names_in(in_base("foo.cache/.versions/my_func"), ""), 1);
}

/* What lies in .versions/ beside versions, or is damaged, is none. */
static void test_layers__among_versions_what_is_none(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    locache_options second = options_for("my_func");
    second.identity = identity_at("t-1", 2);
    store_at(in_base("foo.cache"), &second, 1, "second");
    write_text(in_base("foo.cache/.versions/my_func/notes.txt"), "mine");
    assert_int_equal(
        mkdir(in_base("foo.cache/.versions/my_func/00112233445566778899aabbccddeeff"), 0700), 0);
    locache_options third = options_for("my_func");
    third.identity = identity_at("t-1", 3);
    third.base = base;
    locache *cache = open_with(&third);
    assert_miss(cache, 1);
    locache_close(cache);
    cache = open_above(base);
    assert_hit(cache, 1, "theirs");
    locache_close(cache);
    remove_all(in_base("foo.cache/.versions/my_func"));
    cache = open_above(base);
    assert_miss(cache, 1);
    locache_close(cache);
    remove_all(in_base("foo.cache/.versions"));
    cache = open_above(base);
    assert_miss(cache, 1);
    locache_close(cache);
}

/* One whose name leaves no room for the ending of the other one has that name alone. */
static void test_layers__a_function_with_the_longest_name(void **unused)
{
    (void)unused;
    char name[LOCACHE_NAME_MAX + 1];
    memset(name, 'f', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    make_base(1, "theirs");
    locache_options options = options_for(name);
    options.base = base;
    locache *cache = open_with(&options);
    assert_miss(cache, 1);
    locache_close(cache);
    options.base = NULL;
    store_at(in_base("foo.cache"), &options, 1, "long");
    options.base = base;
    cache = open_with(&options);
    assert_hit(cache, 1, "long");
    locache_close(cache);
}

/* A directory of the function's name that holds somebody's work is none of ours, there either. */
static void test_layers__a_directory_in_a_base_that_is_no_functions(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    remove_all(in_base("foo.cache/my_func/.locache"));
    write_text(in_base("foo.cache/my_func/work"), "mine");
    locache *cache = open_above(base);
    assert_miss(cache, 1);
    locache_close(cache);
}

/* Results that somebody said to be those of the next version, too, are so for whoever reads it. */
static void test_layers__results_that_were_kept_in_the_base(void **unused)
{
    (void)unused;
    char own[sizeof foo];
    make_base(1, "kept");
    memcpy(own, foo, sizeof foo);
    snprintf(foo, sizeof foo, "%s", in_base("foo.cache"));
    locache *cache = open_source("t-1", 2);
    must_put(cache, 2, "new");
    assert_int_equal(locache_keep_results(cache, "nn", &error), LOCACHE_OK);
    assert_hit(cache, 1, "kept");
    assert_hit(cache, 2, "new");
    locache_close(cache);
    memcpy(foo, own, sizeof foo);
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", 2);
    options.base = base;
    cache = open_with(&options);
    assert_hit(cache, 1, "kept");
    assert_hit(cache, 2, "new");
    locache_close(cache);
}

/* Another process makes the function's directory while this one has a result from the base in
 * memory. */
static void test_layers__an_own_directory_that_comes(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    usleep(OLD);
    locache *cache = open_above(base);
    for (int i = 0; i < 3; i++)
        assert_hit(cache, 1, "theirs");
    locache *other = open_above("");
    must_put(other, 2, "own");
    locache_close(other);
    assert_hit(cache, 1, "theirs");
    assert_hit(cache, 2, "own");
    other = open_above("");
    must_put(other, 1, "own");
    locache_close(other);
    assert_hit(cache, 1, "own");
    locache_close(cache);
}

static void test_layers__the_source_is_asked_for_where_only_it_tells(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    locache_options options = options_for("my_func");
    locache_identity identity = identity_of("t-2", 1);
    options.base = base;
    options.identity = &identity;
    identity.has_source = false;
    locache *cache;
    /* The own one asks for it as well, unless it is there. */
    identity.has_source = true;
    store_at(foo, &options, 9, "own");
    identity.has_source = false;
    assert_int_equal(locache_open(&cache, foo, &options, &error), LOCACHE_NEED_SOURCE);
    identity.has_source = true;
    cache = open_with(&options);
    assert_hit(cache, 1, "theirs");
    locache_close(cache);
}

/* --------------------------------------------------------------------------------- which one */

static void test_layers__which_directory_of_a_base(void **unused)
{
    (void)unused;
    static const struct {
        const char *made;  /* below scratch, empty */
        const char *told;  /* the base, below scratch */
        const char *dir;   /* the own cache */
        const char *found; /* below scratch; NULL: none */
        bool exact;
    } all[] = {
        {"b/foo.cache", "b", "/p/q/foo.cache", "b/foo.cache", false},
        {"b/q/foo.cache", "b", "/p/q/foo.cache", "b/q/foo.cache", false},
        {"b/p/q/foo.cache", "b", "/p/q/foo.cache", "b/p/q/foo.cache", false},
        {"b/r/foo.cache", "b", "/p/q/foo.cache", NULL, false},
        {"b/bar.cache", "b", "/p/q/foo.cache", NULL, false},
        {"foo.cache", "foo.cache", "/p/q/foo.cache", "foo.cache", false},
        {"foo.cache", "foo.cache/", "/p/q/foo.cache", "foo.cache", false},
        {"bar.cache", "bar.cache", "/p/q/foo.cache", NULL, false},
        /* dir=: a directory of functions of any module */
        {"bar.cache", "bar.cache", "/p/q/results", "bar.cache", false},
        {"b/results", "b", "/p/q/results", "b/results", false},
        /* what could be another source's */
        {"b/p/q/foo.cache", "b", "/p/q/foo.cache", "b/p/q/foo.cache", true},
        {"b/q/foo.cache", "b", "/p/q/foo.cache", NULL, true},
        {"foo.cache", "foo.cache", "/p/q/foo.cache", NULL, true},
        {"b", "none", "/p/q/foo.cache", NULL, false},
        {"b", "", "/p/q/foo.cache", NULL, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char path[512];
        char command[600];
        char out[LOCACHE_PATH_MAX];
        char real[LOCACHE_PATH_MAX];
        snprintf(command, sizeof command, "mkdir -p '%s/%s'", scratch, all[i].made);
        assert_int_equal(system(command), 0);
        snprintf(path, sizeof path, "%s%s%s", all[i].told[0] ? scratch : "",
                 all[i].told[0] ? "/" : "", all[i].told);
        const char *list = path;
        locache_error wrong = {.status = LOCACHE_OK};
        bool found = lc_layers_next(out, &list, all[i].dir, all[i].exact, &wrong);
        assert_int_equal(wrong.status != LOCACHE_OK, strcmp(all[i].told, "none") == 0);
        if (found != (all[i].found != NULL))
            fail_msg("row %zu", i);
        if (found) {
            snprintf(path, sizeof path, "%s/%s", scratch, all[i].found);
            assert_non_null(realpath(path, real));
            assert_string_equal(out, real);
        }
        snprintf(command, sizeof command, "rm -r '%s'/*", scratch);
        assert_int_equal(system(command), 0);
    }
}

static void test_layers__a_version_by_hand_is_not_taken_by_a_name_alone(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    make_base(9, "");
    options.identity = explicit_at("1");
    store_at(in_base("foo.cache"), &options, 1, "of another foo.c");
    setenv("LOCACHE_BASE", base, 1);
    locache *cache = open_with(&options);
    assert_miss(cache, 1);
    locache_close(cache);
    unsetenv("LOCACHE_BASE");
    /* said of this function */
    options.base = base;
    cache = open_with(&options);
    assert_hit(cache, 1, "of another foo.c");
    locache_close(cache);
}

static void test_layers__one_is_not_its_own_base(void **unused)
{
    (void)unused;
    locache *cache = open_above(foo);
    must_put(cache, 1, "own");
    locache_close(cache);
    cache = open_above(foo);
    assert_hit(cache, 1, "own");
    assert_int_equal(statistics_of(cache).base_hits, 0);
    locache_close(cache);
}

/* --------------------------------------------------------------------------------------- reset */

static void test_layers__a_reset_hides_what_is_in_the_base(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    locache *cache = open_above(base);
    locache *other = open_above(base);
    assert_hit(cache, 1, "theirs");
    assert_hit(other, 1, "theirs");
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_miss(cache, 1);
    assert_miss(other, 1); /* in its memory */
    locache_close(other);
    other = open_above(base);
    assert_miss(other, 1);
    locache_close(other);
    /* another version of the function, which was reset with it */
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", 2);
    options.base = base;
    other = open_with(&options);
    assert_miss(other, 1);
    locache_close(other);
    make_base(1, "since");
    cache = (locache_close(cache), open_above(base));
    assert_hit(cache, 1, "since");
    locache_close(cache);
}

/* A reset that cannot be noted is no reset. */
static void test_layers__a_reset_that_fails_is_said(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    bool failed = true;
    for (int n = 1; failed && n < 500; n++) {
        locache *cache = open_above(base);
        fault_set(NULL, n, EIO);
        locache_status status = locache_reset(cache, &error);
        failed = fault_clear();
        if (status == LOCACHE_OK)
            assert_miss(cache, 1);
        locache_close(cache);
        remove_all(foo);
    }
    assert_false(failed);
}

/* --------------------------------------------------------------------------------------- trust */

static locache_status get_pickle(locache *cache)
{
    key k = key_of(1);
    locache_value *value;
    locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
    if (status == LOCACHE_OK)
        locache_value_free(value);
    return status;
}

static void test_layers__a_pickle_needs_a_key_that_verifies(void **unused)
{
    (void)unused;
    char key_path[256];
    make_base(9, "");
    locache_options options = options_for("my_func");
    char own[sizeof foo];
    memcpy(own, foo, sizeof foo);
    snprintf(foo, sizeof foo, "%s", in_base("foo.cache"));
    locache *theirs = open_with(&options);
    assert_int_equal(put_as(theirs, 1, "pickle", LOCACHE_CODEC_PICKLE), LOCACHE_OK);
    memcpy(foo, own, sizeof foo);
    /* one's own base */
    locache *cache = open_above(base);
    assert_int_equal(get_pickle(cache), LOCACHE_OK);
    locache_close(cache);
    /* another's */
    snprintf(key_path, sizeof key_path, "%s/locache/key", state);
    bytes there = read_bytes(key_path);
    char kept[300];
    snprintf(kept, sizeof kept, "%s/group.key", scratch);
    write_bytes(kept, there.data, there.size);
    assert_int_equal(unlink(key_path), 0);
    cache = open_above(base);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, "LOCACHE_GROUP_KEY"));
    locache_close(cache);
    assert_false(exists(key_path)); /* none is made to verify with */
    /* signed with a key that was named */
    assert_int_equal(chmod(kept, 0640), 0);
    setenv("LOCACHE_GROUP_KEY", kept, 1);
    cache = open_above(base);
    assert_int_equal(get_pickle(cache), LOCACHE_OK);
    locache_close(cache);
    assert_int_equal(chmod(kept, 0644), 0);
    cache = open_above(base);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    locache_close(cache);
    unsetenv("LOCACHE_GROUP_KEY");
    locache_close(theirs);
}

static void give_away(const char *path, mode_t mode)
{
    assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_layers__a_base_may_be_anothers_but_not_everyones(void **unused)
{
    (void)unused;
    static const char *const parts[] = {"foo.cache", "foo.cache/my_func", "foo.cache/my_func/x=1"};
    skip_unless_root();
    make_base(1, "theirs");
    give_away(in_base("foo.cache/my_func/.locache/version"), 0644);
    give_away(in_base("foo.cache/my_func/.locache"), 0755);
    for (int i = 0; i < 3; i++)
        give_away(in_base(parts[i]), i < 2 ? 0775 : 0664);
    locache *cache = open_above(base);
    assert_hit(cache, 1, "theirs");
    locache_close(cache);
    for (int i = 0; i < 3; i++) {
        give_away(in_base(parts[i]), i < 2 ? 01777 : 0666);
        cache = open_above(base);
        assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
        assert_non_null(strstr(error.message, "every user"));
        locache_close(cache);
        give_away(in_base(parts[i]), i < 2 ? 0775 : 0664);
    }
}

/* -------------------------------------------------------------------------------------- faults */

static void test_layers__a_base_that_vanishes_and_comes_back(void **unused)
{
    (void)unused;
    char away[300];
    make_base(1, "theirs");
    locache *cache = open_above(base);
    assert_hit(cache, 1, "theirs");
    remove_all(in_base("foo.cache"));
    assert_miss(cache, 1);
    make_base(1, "back");
    assert_hit(cache, 1, "back");
    /* moved away under a process: what it has open goes on */
    snprintf(away, sizeof away, "%s/away", scratch);
    assert_int_equal(rename(base, away), 0);
    assert_miss(cache, 2);
    locache_close(cache);
    cache = open_above(base);
    assert_said(cache, 1);
    assert_miss(cache, 1); /* once */
    locache_close(cache);
}

static void test_layers__what_is_damaged_in_a_base_is_a_miss(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    bytes entry = read_bytes(in_base("foo.cache/my_func/x=1"));
    entry.data[entry.size - 1] ^= 1;
    write_bytes(in_base("foo.cache/my_func/x=1"), entry.data, entry.size);
    locache *cache = open_above(base);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    must_put(cache, 1, "own");
    assert_hit(cache, 1, "own");
    bytes after = read_bytes(in_base("foo.cache/my_func/x=1"));
    assert_memory_equal(after.data, entry.data, entry.size);
    locache_close(cache);
    /* a link out of it, a directory in the place of an entry, a pipe */
    unlink(in_base("foo.cache/my_func/x=1"));
    assert_int_equal(symlink(in_foo("my_func/x=1"), in_base("foo.cache/my_func/x=1")), 0);
    assert_int_equal(mkfifo(in_base("foo.cache/my_func/x=2"), 0600), 0);
    assert_int_equal(mkdir(in_base("foo.cache/my_func/x=3"), 0700), 0);
    unlink(in_foo("my_func/x=1"));
    cache = open_above(base);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    assert_rejected(cache, 2, LOCACHE_EUNTRUSTED);
    assert_rejected(cache, 3, LOCACHE_EUNTRUSTED);
    locache_close(cache);
}

/* Whatever fails on the way is a miss or a failure that is said, never another result. */
static void test_layers__every_call_may_fail(void **unused)
{
    (void)unused;
    make_base(1, "theirs");
    bool failed = true;
    for (int n = 1; failed && n < 500; n++) {
        locache_options options = options_for("my_func");
        locache *cache = NULL;
        options.base = base;
        fault_set(NULL, n, EIO);
        locache_status status = locache_open(&cache, foo, &options, &error);
        if (status == LOCACHE_OK)
            status = get(cache, 1, "theirs");
        failed = fault_clear();
        locache_close(cache);
        if (!failed)
            assert_int_equal(status, LOCACHE_OK);
    }
    assert_false(failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_layers__a_base_is_asked_where_the_own_has_none),
        scratch_test(test_layers__the_environment_names_bases),
        scratch_test(test_layers__bases_from_here_and_from_home),
        scratch_test(test_layers__more_bases_than_there_is_room_for),
        scratch_test(test_layers__a_value_says_where_it_is_from),
        scratch_test(test_layers__the_first_base_that_has_it),
        scratch_test(test_layers__a_result_from_memory_is_that_of_the_file_in_the_base),
        scratch_test(test_layers__versions_are_compared),
        scratch_test(test_layers__among_versions_what_is_none),
        scratch_test(test_layers__a_function_with_the_longest_name),
        scratch_test(test_layers__a_directory_in_a_base_that_is_no_functions),
        scratch_test(test_layers__results_that_were_kept_in_the_base),
        scratch_test(test_layers__an_own_directory_that_comes),
        scratch_test(test_layers__the_source_is_asked_for_where_only_it_tells),
        scratch_test(test_layers__which_directory_of_a_base),
        scratch_test(test_layers__a_version_by_hand_is_not_taken_by_a_name_alone),
        scratch_test(test_layers__one_is_not_its_own_base),
        scratch_test(test_layers__a_reset_hides_what_is_in_the_base),
        scratch_test(test_layers__a_reset_that_fails_is_said),
        scratch_test(test_layers__a_pickle_needs_a_key_that_verifies),
        scratch_test(test_layers__a_base_may_be_anothers_but_not_everyones),
        scratch_test(test_layers__a_base_that_vanishes_and_comes_back),
        scratch_test(test_layers__what_is_damaged_in_a_base_is_a_miss),
        scratch_test(test_layers__every_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
