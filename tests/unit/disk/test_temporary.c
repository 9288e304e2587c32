/* Temporaries, paths to make, trees to remove. */
#include "base/fault.h"
#include "disk/temporary.h"
#include "disk/tree.h"
#include "fault.h"
#include "scratch.h"

static int dir = -1;

static int setup(void **state_)
{
    if (scratch_setup(state_) != 0)
        return -1;
    dir = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir >= 0 ? 0 : -1;
}

static int teardown(void **state_)
{
    close(dir);
    return scratch_teardown(state_);
}

static const char *at(const char *rest)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", scratch, rest);
    return path;
}

static void test_temporary__a_temporary_takes_a_name_that_is_free(void **unused)
{
    (void)unused;
    lc_temporary temporary;
    const lc_span text = {"text", 4};
    assert_int_equal(mkdirat(dir, LC_META, 0700), 0);
    assert_int_equal(lc_temporary_create_meta(&temporary, dir), 0);
    assert_int_equal(names_in(at(LC_META), "tmp-"), 1);
    assert_int_equal(lc_temporary_write(&temporary, &text, 1), 0);
    if (lc_temporary_place(&temporary, dir, "new") != 0) {
        /* Not offered by this file system. */
        lc_temporary_discard(&temporary);
        skip();
    }
    assert_int_equal(lc_temporary_close(&temporary), 0);
    assert_int_equal(names_in(at(LC_META), "tmp-"), 0);
    assert_memory_equal(read_bytes(at("new")).data, "text", 4);
}

static void test_temporary__a_name_that_is_taken_stays_with_the_other(void **unused)
{
    (void)unused;
    lc_temporary temporary;
    write_text(at("old"), "old");
    assert_int_equal(lc_temporary_create(&temporary, dir), 0);
    assert_int_equal(lc_temporary_place(&temporary, dir, "old"), -1);
    assert_int_equal(names_in(scratch, "tmp-"), 1);
    assert_memory_equal(read_bytes(at("old")).data, "old", 3);
    assert_int_equal(lc_temporary_publish(&temporary, dir, "old"), 0);
    assert_int_equal(read_bytes(at("old")).size, 0);
    assert_int_equal(names_in(scratch, "tmp-"), 0);
}

static void test_temporary__a_temporary_needs_its_directory(void **unused)
{
    (void)unused;
    lc_temporary temporary;
    assert_int_equal(lc_temporary_create_meta(&temporary, dir), -1);
    assert_int_equal(errno, ENOENT);
    int before = open_descriptors();
    /* A name that exists is another writer's; all sixteen in a row are a fault. */
    fault_set("openat", 1, EEXIST);
    assert_int_equal(lc_temporary_create(&temporary, dir), 0);
    assert_true(fault_clear());
    lc_temporary_discard(&temporary);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(names_in(scratch, "tmp-"), 0);
}

static int no_lock(const char *call)
{
    return strcmp(call, "lock") == 0 ? EAGAIN : 0;
}

static void test_temporary__a_sweeper_that_is_always_faster(void **unused)
{
    (void)unused;
    lc_temporary temporary;
    int before = open_descriptors();
    lc_fault_hook = no_lock;
    int result = lc_temporary_create(&temporary, dir);
    int code = errno;
    lc_fault_hook = NULL;
    assert_int_equal(result, -1);
    assert_int_equal(code, EAGAIN);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(names_in(scratch, "tmp-"), 0);
}

static void test_temporary__make_path(void **unused)
{
    (void)unused;
    assert_int_equal(lc_tree_make(at("a//b/c/")), 0);
    assert_true(exists(at("a/b/c")));
    assert_int_equal(lc_tree_make(at("a/b/c")), 0);
    assert_int_equal(lc_tree_make(""), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(lc_tree_make("/proc/self/nothing/here"), -1);
    fault_set("alloc", 1, ENOMEM);
    assert_int_equal(lc_tree_make(at("d/e")), -1);
    assert_int_equal(errno, ENOMEM);
    assert_true(fault_clear());
    assert_false(exists(at("d")));
}

static void test_temporary__remove_tree(void **unused)
{
    (void)unused;
    assert_int_equal(lc_tree_make(at("kept")), 0);
    write_text(at("kept/file"), "");
    assert_int_equal(lc_tree_make(at("tree/a/b")), 0);
    write_text(at("tree/a/file"), "");
    assert_int_equal(symlinkat("../kept", dir, "tree/link"), 0);
    assert_int_equal(lc_tree_remove(dir, "tree"), 0);
    assert_false(exists(at("tree")));
    assert_true(exists(at("kept/file")));
    assert_int_equal(lc_tree_remove(dir, "tree"), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_temporary__a_tree_deeper_than_ours_stays(void **unused)
{
    (void)unused;
    char path[64] = "d";
    for (int depth = 0; depth < 20; depth++)
        memcpy(path + strlen(path), "/d", 3);
    assert_int_equal(lc_tree_make(at(path)), 0);
    assert_int_equal(lc_tree_remove(dir, "d"), -1);
    assert_true(exists(at(path)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define files_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        files_test(test_temporary__a_temporary_takes_a_name_that_is_free),
        files_test(test_temporary__a_name_that_is_taken_stays_with_the_other),
        files_test(test_temporary__a_temporary_needs_its_directory),
        files_test(test_temporary__a_sweeper_that_is_always_faster),
        files_test(test_temporary__make_path),
        files_test(test_temporary__remove_tree),
        files_test(test_temporary__a_tree_deeper_than_ours_stays),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
