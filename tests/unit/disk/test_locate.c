/* Where a source file's results are kept. */
#include "base/fault.h"
#include "scratch.h"

static char found[LOCACHE_PATH_MAX];

static const char *locate(const char *source, const char *stem, unsigned flags)
{
    locache_status status = locache_locate(found, source, stem, flags, &error);
    if (status != LOCACHE_OK)
        fail_msg("%s: %s", locache_status_name(status), error.message);
    return found;
}

/* A path in the scratch directory; at most four live at a time. */
static const char *at(const char *rest)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, rest);
    return path;
}

static void test_locate__beside_the_source(void **unused)
{
    (void)unused;
    write_text(at("bar.py"), "");
    assert_string_equal(locate(at("bar.py"), NULL, 0), at("bar.cache"));
    assert_string_equal(locate(at("bar.py"), "notebook", 0), at("notebook.cache"));
    assert_string_equal(locate(at("bar.py"), "with.dot", 0), at("with.dot.cache"));
    assert_string_equal(locate(at("a.b.c"), NULL, 0), at("a.b.cache"));
    assert_string_equal(locate(at("plain"), NULL, 0), at("plain.cache"));
    assert_string_equal(locate(at(".hidden"), NULL, 0), at(".hidden.cache"));
    assert_string_equal(locate(at("gr\xC3\xB6\xC3\x9F"
                                  "e \n.py"),
                               NULL, 0),
                        at("gr\xC3\xB6\xC3\x9F"
                           "e \n.cache"));
    assert_false(exists(at("bar.cache")));
}

static void test_locate__a_source_that_is_not_there(void **unused)
{
    (void)unused;
    assert_string_equal(locate(at("new.py"), NULL, 0), at("new.cache"));
    assert_string_equal(locate(at("./new.py"), NULL, 0), at("new.cache"));
    /* Up from where, nobody knows. */
    assert_int_equal(locache_locate(found, at("missing/../new.py"), NULL, 0, &error),
                     LOCACHE_EINVAL);
}

static void test_locate__through_links(void **unused)
{
    (void)unused;
    assert_int_equal(mkdir(at("real"), 0700), 0);
    write_text(at("real/bar.py"), "");
    assert_int_equal(symlink("real", at("dir")), 0);
    assert_int_equal(symlink("real/bar.py", at("link.py")), 0);
    assert_string_equal(locate(at("dir/bar.py"), NULL, 0), at("real/bar.cache"));
    assert_string_equal(locate(at("link.py"), NULL, 0), at("real/bar.cache"));
    assert_string_equal(locate(at("dir/new.py"), NULL, 0), at("real/new.cache"));
    assert_string_equal(locate(at("dir/../dir/./bar.py"), NULL, 0), at("real/bar.cache"));
}

/* Modules in an archive: there is no directory to put anything in. */
static void test_locate__in_an_archive(void **unused)
{
    (void)unused;
    char expected[LOCACHE_PATH_MAX];
    write_text(at("lib.zip"), "");
    snprintf(expected, sizeof expected, "%s/.cache/locache%s/lib.zip/pkg/mod.cache", scratch,
             scratch);
    assert_string_equal(locate(at("lib.zip/pkg/mod.py"), NULL, 0), expected);
    assert_string_equal(locate(at("lib.zip//pkg/./mod.py"), NULL, 0), expected);
    assert_int_equal(locache_locate(found, at("lib.zip/../../mod.py"), NULL, 0, &error),
                     LOCACHE_EINVAL);
}

static void test_locate__away(void **unused)
{
    (void)unused;
    char expected[LOCACHE_PATH_MAX];
    snprintf(expected, sizeof expected, "%s/.cache/locache%s/bar.cache", scratch, scratch);
    assert_string_equal(locate(at("bar.py"), NULL, LOCACHE_LOCATE_AWAY), expected);
    setenv("XDG_CACHE_HOME", at("xdg"), 1);
    snprintf(expected, sizeof expected, "%s/xdg/locache%s/name.cache", scratch, scratch);
    assert_string_equal(locate(at("bar.py"), "name", LOCACHE_LOCATE_AWAY), expected);
    setenv("XDG_CACHE_HOME", "relative", 1);
    snprintf(expected, sizeof expected, "%s/.cache/locache%s/bar.cache", scratch, scratch);
    assert_string_equal(locate(at("bar.py"), NULL, LOCACHE_LOCATE_AWAY), expected);
}

static void test_locate__override(void **unused)
{
    (void)unused;
    char expected[LOCACHE_PATH_MAX];
    char here[LOCACHE_PATH_MAX];
    snprintf(expected, sizeof expected, "%s/all%s/bar.cache", scratch, scratch);
    setenv("LOCACHE_DIR", at("all"), 1);
    assert_string_equal(locate(at("bar.py"), NULL, 0), expected);
    assert_string_equal(locate(at("bar.py"), NULL, LOCACHE_LOCATE_AWAY), expected);
    setenv("LOCACHE_DIR", at("all//"), 1);
    assert_string_equal(locate(at("bar.py"), NULL, 0), expected);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(scratch), 0);
    setenv("LOCACHE_DIR", "all", 1);
    assert_string_equal(locate(at("bar.py"), NULL, 0), expected);
    assert_int_equal(chdir(here), 0);
    setenv("LOCACHE_DIR", "", 1);
    assert_string_equal(locate(at("bar.py"), NULL, 0), at("bar.cache"));
    setenv("LOCACHE_DIR", "/", 1);
    assert_string_equal(locate(at("bar.py"), NULL, 0), at("bar.cache"));
}

static void test_locate__override_at_home(void **unused)
{
    (void)unused;
    char expected[LOCACHE_PATH_MAX];
    snprintf(expected, sizeof expected, "%s/all%s/bar.cache", scratch, scratch);
    setenv("LOCACHE_DIR", "~/all/", 1);
    assert_string_equal(locate(at("bar.py"), NULL, 0), expected);
    snprintf(expected, sizeof expected, "%s%s/bar.cache", scratch, scratch);
    setenv("LOCACHE_DIR", "~", 1);
    assert_string_equal(locate(at("bar.py"), NULL, 0), expected);
    setenv("LOCACHE_DIR", "~nobody/all", 1);
    assert_int_equal(locache_locate(found, at("bar.py"), NULL, 0, &error), LOCACHE_EINVAL);
    assert_non_null(strstr(error.message, "~nobody/all"));
}

/* What root makes there, its owner could neither use nor delete. */
static void test_locate__root_beside_anothers_source(void **unused)
{
    (void)unused;
    skip_unless_root();
    char away[LOCACHE_PATH_MAX];
    snprintf(away, sizeof away, "%s/.cache/locache%s/theirs/bar.cache", scratch, scratch);
    assert_int_equal(mkdir(at("theirs"), 0755), 0);
    assert_string_equal(locate(at("theirs/bar.py"), NULL, 0), at("theirs/bar.cache"));
    assert_int_equal(chown(at("theirs"), NOBODY, NOBODY), 0);
    wait_lately();
    assert_string_equal(locate(at("theirs/bar.py"), NULL, 0), away);
    assert_int_equal(mkdir(at("theirs/bar.cache"), 0700), 0);
    assert_string_equal(locate(at("theirs/bar.py"), NULL, 0), at("theirs/bar.cache"));
}

static int calls;

static int count_calls(const char *call)
{
    (void)call;
    calls++;
    return 0;
}

static int calls_of(const char *source, const char *stem)
{
    calls = 0;
    lc_fault_hook = count_calls;
    (void)locate(source, stem, 0);
    lc_fault_hook = NULL;
    return calls;
}

/* Where a link on the way leads is looked at again in a while. */
static void test_locate__what_was_found_lately(void **unused)
{
    (void)unused;
    assert_int_equal(mkdir(at("one"), 0700), 0);
    assert_int_equal(mkdir(at("two"), 0700), 0);
    assert_int_equal(symlink("one", at("dir")), 0);
    (void)calls_of(at("dir/bar.py"), NULL); /* a process's first is not kept */
    (void)calls_of(at("dir/bar.py"), NULL);
    assert_int_equal(calls_of(at("dir/bar.py"), NULL), 0);
    assert_string_equal(found, at("one/bar.cache"));
    /* Another question is another answer. */
    assert_int_not_equal(calls_of(at("dir/bar.py"), "stem"), 0);
    assert_string_equal(found, at("one/stem.cache"));
    assert_int_not_equal(calls_of(at("dir/bar.pys"), NULL), 0);
    assert_int_equal(unlink(at("dir")), 0);
    assert_int_equal(symlink("two", at("dir")), 0);
    wait_lately();
    assert_int_not_equal(calls_of(at("dir/bar.py"), NULL), 0);
    assert_string_equal(found, at("two/bar.cache"));
}

static void locate_as_nobody(void *context)
{
    const char *const *paths = context;
    child_require(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    child_require(locache_locate(found, paths[0], NULL, 0, &error) == LOCACHE_OK);
    child_require(strcmp(found, paths[1]) == 0);
}

static void test_locate__where_nothing_can_be_made(void **unused)
{
    (void)unused;
    skip_unless_root();
    char away[LOCACHE_PATH_MAX];
    assert_int_equal(chmod(scratch, 0755), 0);
    snprintf(away, sizeof away, "%s/.cache/locache%s/bar.cache", scratch, scratch);
    const char *paths[] = {at("bar.py"), away};
    wait_for(in_child(locate_as_nobody, paths));
    /* Somebody else's cache is no reason to want it. */
    assert_int_equal(mkdir(at("bar.cache"), 0755), 0);
    wait_for(in_child(locate_as_nobody, paths));
    /* One's own is, though nothing more can be made there. */
    assert_int_equal(chown(at("bar.cache"), NOBODY, NOBODY), 0);
    paths[1] = at("bar.cache");
    wait_for(in_child(locate_as_nobody, paths));
}

static void test_locate__bad_arguments(void **unused)
{
    (void)unused;
    char longest[LOCACHE_PATH_MAX + 1];
    assert_int_equal(locache_locate(found, "bar.py", NULL, 0, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_locate(found, "", NULL, 0, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_locate(found, NULL, NULL, 0, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_locate(found, "/", NULL, 0, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_locate(found, at("bar.py"), "a/b", 0, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_locate(found, at("bar.py"), "..", 0, NULL), LOCACHE_OK);
    assert_int_equal(locache_locate(found, at("bar.py"), "", 0, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_locate(found, at("bar.py"), NULL, 64, &error), LOCACHE_EINVAL);
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[LOCACHE_PATH_MAX] = '\0';
    assert_int_equal(locache_locate(found, longest, NULL, 0, &error), LOCACHE_ELIMIT);
    longest[300] = '\0';
    assert_int_equal(locache_locate(found, at("bar.py"), longest + 1, 0, &error), LOCACHE_ELIMIT);
}

/* size bytes: a slash and up to `part` bytes, again and again. */
static char *long_path(char out[LOCACHE_PATH_MAX + 64], size_t size, size_t part)
{
    for (size_t i = 0; i < size; i++)
        out[i] = i % (part + 1) == 0 ? '/' : 'x';
    out[size] = '\0';
    return out;
}

static void test_locate__paths_too_long(void **unused)
{
    (void)unused;
    char room[LOCACHE_PATH_MAX + 64];
    char source[LOCACHE_PATH_MAX + 64];
    assert_int_equal(locache_locate(found, long_path(room, 1000, 300), NULL, 0, &error),
                     LOCACHE_ELIMIT);
    /* Longer where its links lead. */
    char name[201];
    memset(name, 'x', 200);
    name[200] = '\0';
    assert_int_equal(mkdir(at(name), 0700), 0);
    assert_int_equal(symlink(name, at("link")), 0);
    int size = snprintf(source, sizeof source, "%s%s", at("link"),
                        long_path(room, LOCACHE_PATH_MAX - 128, 100));
    assert_in_range(size, 1, LOCACHE_PATH_MAX - 1);
    assert_int_equal(locache_locate(found, source, NULL, 0, &error), LOCACHE_ELIMIT);
    /* Each fits, and both together do not. */
    setenv("LOCACHE_DIR", long_path(room, 2500, 100), 1);
    assert_int_equal(locache_locate(found, long_path(source, 2500, 100), NULL, 0, &error),
                     LOCACHE_ELIMIT);
    setenv("LOCACHE_DIR", long_path(room, LOCACHE_PATH_MAX + 1, 100), 1);
    assert_int_equal(locache_locate(found, at("bar.py"), NULL, 0, &error), LOCACHE_ELIMIT);
    unsetenv("LOCACHE_DIR");
    setenv("XDG_CACHE_HOME", room, 1);
    assert_int_equal(locache_locate(found, at("bar.py"), NULL, LOCACHE_LOCATE_AWAY, &error),
                     LOCACHE_ELIMIT);
    assert_non_null(strstr(error.message, "XDG_CACHE_HOME"));
}

static void test_locate__no_working_directory(void **unused)
{
    (void)unused;
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdir(at("gone"), 0700), 0);
    assert_int_equal(chdir(at("gone")), 0);
    assert_int_equal(rmdir(at("gone")), 0);
    setenv("LOCACHE_DIR", "relative", 1);
    locache_status status = locache_locate(found, at("bar.py"), NULL, 0, &error);
    assert_int_equal(fchdir(here), 0);
    close(here);
    assert_int_equal(status, LOCACHE_EIO);
    assert_int_equal(error.os_error, ENOENT);
}

static void test_locate__no_home(void **unused)
{
    (void)unused;
    unsetenv("HOME");
    /* The password file's. */
    assert_int_equal(locache_locate(found, at("bar.py"), NULL, LOCACHE_LOCATE_AWAY, &error),
                     LOCACHE_OK);
    assert_non_null(strstr(found, "/.cache/locache/"));
}

/* A program with root's rights whose environment another user made: a copy of this one. */
static void run_copy(void *copy)
{
    child_require(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    execl(copy, copy, "locate", (char *)NULL);
    child_require(false); /* it did not run */
}

/* As run_copy() runs it; a status says where results would be. */
static int locate_as_copy(void)
{
    unsetenv("LD_PRELOAD");
    if (locache_locate(found, "/nowhere/bar.py", NULL, LOCACHE_LOCATE_AWAY, &error) != LOCACHE_OK)
        return 1;
    return strstr(found, "/hostile") == NULL && strstr(found, "/.cache/locache/") != NULL ? 0 : 2;
}

static void test_locate__a_set_user_id_program_does_not_follow_its_environment(void **unused)
{
    (void)unused;
    char command[600];
    const char *loaded = getenv("LD_PRELOAD");
    skip_unless_root();
    if (loaded != NULL && strstr(loaded, "vgpreload") != NULL)
        skip(); /* this program's file is valgrind's then */
    assert_int_equal(chmod(scratch, 0755), 0);
    snprintf(command, sizeof command, "cp /proc/%d/exe %s/copy", (int)getpid(), scratch);
    assert_int_equal(system(command), 0);
    const char *variables[] = {"LOCACHE_DIR", "XDG_CACHE_HOME", "HOME"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        unsetenv("LOCACHE_DIR");
        unsetenv("XDG_CACHE_HOME");
        setenv(variables[i], at("hostile"), 1);
        assert_string_equal(
            locache_locate(found, at("bar.py"), NULL, LOCACHE_LOCATE_AWAY, &error) == LOCACHE_OK
                ? ""
                : error.message,
            "");
        assert_non_null(strstr(found, "/hostile"));
        assert_int_equal(chmod(at("copy"), 04755), 0);
        wait_for(in_child(run_copy, (void *)(uintptr_t)at("copy")));
    }
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "locate") == 0)
        return locate_as_copy();
    const struct CMUnitTest tests[] = {
        scratch_test(test_locate__beside_the_source),
        scratch_test(test_locate__a_source_that_is_not_there),
        scratch_test(test_locate__through_links),
        scratch_test(test_locate__in_an_archive),
        scratch_test(test_locate__away),
        scratch_test(test_locate__override),
        scratch_test(test_locate__override_at_home),
        scratch_test(test_locate__what_was_found_lately),
        scratch_test(test_locate__root_beside_anothers_source),
        scratch_test(test_locate__where_nothing_can_be_made),
        scratch_test(test_locate__bad_arguments),
        scratch_test(test_locate__paths_too_long),
        scratch_test(test_locate__no_working_directory),
        scratch_test(test_locate__no_home),
        scratch_test(test_locate__a_set_user_id_program_does_not_follow_its_environment),
    };
    return cmocka_run_group_tests_name("locate", tests, NULL, NULL);
}
