/* Entries that are written without a name: from the system call to the store, and what is done
 * where there are no such files. */
#include "base/os.h"
#include "disk/temporary.h"
#include "fault.h"
#include "named.h"
#include "scratch.h"

static const char *in_scratch(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static int open_scratch(void)
{
    int dir = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    return dir;
}

static void test_unnamed__a_file_is_linked_to_a_name_that_is_free(void **unused)
{
    (void)unused;
    struct stat found;
    const int dir = open_scratch();
    write_text(in_scratch("a"), "x");
    int fd = lc_open_unnamed(dir);
    if (fd < 0)
        skip(); /* not offered by this file system */
    assert_int_equal(lc_fstat(fd, &found), 0);
    assert_int_equal(found.st_nlink, 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    assert_int_equal(lc_link_unnamed(fd, dir, "a"), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(lc_mkdirat(dir, "d", 0700), 0);
    int deleted = lc_openat(dir, "d", O_RDONLY | O_DIRECTORY, 0);
    assert_int_equal(lc_unlinkat(dir, "d", AT_REMOVEDIR), 0);
    assert_int_equal(lc_link_unnamed(fd, deleted, "a"), -1);
    assert_int_equal(errno, ENOENT);
    fault_set("link", 1, EDQUOT);
    assert_int_equal(lc_link_unnamed(fd, dir, "b"), -1);
    assert_int_equal(errno, EDQUOT);
    assert_true(fault_clear());
    assert_false(exists(in_scratch("b")));
    assert_int_equal(lc_link_unnamed(fd, dir, "b"), 0);
    assert_true(exists(in_scratch("b")));
    fault_set("unnamed", 1, EDQUOT);
    assert_int_equal(lc_open_unnamed(dir), -1);
    assert_int_equal(errno, EDQUOT);
    assert_true(fault_clear());
    lc_close(deleted);
    lc_close(fd);
    close(dir);
}

static void test_unnamed__a_temporary_takes_its_first_name_when_it_is_whole(void **unused)
{
    (void)unused;
    lc_temporary temporary;
    const int dir = open_scratch();
    const lc_span text = {"text", 4};
    int before = open_descriptors() - 1;
    if (lc_temporary_create_unnamed(&temporary, dir) != 0)
        skip();
    assert_int_equal(lc_temporary_write(&temporary, &text, 1), 0);
    assert_int_equal(names_in(scratch, ""), 0);
    lc_temporary_discard(&temporary);
    assert_int_equal(open_descriptors(), before + 1);
    assert_int_equal(lc_temporary_create_unnamed(&temporary, dir), 0);
    assert_int_equal(lc_temporary_write(&temporary, &text, 1), 0);
    assert_int_equal(lc_temporary_place(&temporary, dir, "new"), 0);
    assert_memory_equal(read_bytes(in_scratch("new")).data, "text", 4);
    assert_int_equal(lc_temporary_close(&temporary), 0);
    /* The next finds the name taken, and gets another to replace it by. */
    assert_int_equal(lc_temporary_create_unnamed(&temporary, dir), 0);
    assert_int_equal(lc_temporary_place(&temporary, dir, "new"), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(mkdirat(dir, LC_META, 0700), 0);
    assert_int_equal(lc_temporary_name_meta(&temporary), 0);
    assert_int_equal(names_in(in_scratch(LC_META), "tmp-"), 1);
    /* Its writer lives. */
    int meta = open(in_scratch(LC_META), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    lc_temporary_sweep(meta);
    assert_int_equal(names_in(in_scratch(LC_META), "tmp-"), 1);
    assert_int_equal(lc_temporary_publish(&temporary, dir, "new"), 0);
    assert_int_equal(read_bytes(in_scratch("new")).size, 0);
    assert_int_equal(names_in(in_scratch(LC_META), "tmp-"), 0);
    close(meta);
    close(dir);
    assert_int_equal(open_descriptors(), before);
}

static void test_unnamed__without_files_that_have_no_name(void **unused)
{
    (void)unused;
    locache *cache = open_named();
    /* It is not asked for again. */
    fault_set("unnamed", 1, EOPNOTSUPP);
    must_put(cache, 1, "one");
    assert_false(fault_clear());
    must_put(cache, 1, "two");
    assert_hit(cache, 1, "two");
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    locache_close(cache);
}

/* As in a sandbox that forbids to link, or where the directory is deleted meanwhile. */
static void test_unnamed__a_file_without_a_name_gets_none(void **unused)
{
    (void)unused;
    static const int codes[] = {EPERM, ENOENT, ENOSPC};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        locache *cache = open_function("my_func");
        int before = open_descriptors();
        fault_set("link", 1, codes[i]);
        must_put(cache, (int)i, "one");
        assert_true(fault_clear());
        assert_hit(cache, (int)i, "one");
        assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
        assert_true(open_descriptors() <= before + 1);
        locache_close(cache);
    }
}

/* What replaces something is given a temporary name first, and may fail there. */
static void test_unnamed__a_file_without_a_name_replaces_another(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    must_put(cache, 1, "two");
    assert_hit(cache, 1, "two");
    /* The first link finds the name taken. */
    fault_set("link", 2, EACCES);
    assert_int_equal(put(cache, 1, "three"), LOCACHE_EIO);
    assert_true(fault_clear());
    assert_hit(cache, 1, "two");
    fault_set("link", 2, EEXIST);
    must_put(cache, 1, "three");
    assert_true(fault_clear());
    assert_hit(cache, 1, "three");
    remove_all(in_foo("my_func/.locache"));
    must_put(cache, 1, "four");
    assert_hit(cache, 1, "four");
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_unnamed__a_file_is_linked_to_a_name_that_is_free),
        scratch_test(test_unnamed__a_temporary_takes_its_first_name_when_it_is_whole),
        scratch_test(test_unnamed__without_files_that_have_no_name),
        scratch_test(test_unnamed__a_file_without_a_name_gets_none),
        scratch_test(test_unnamed__a_file_without_a_name_replaces_another),
    };
    return cmocka_run_group_tests_name("unnamed", tests, NULL, NULL);
}
