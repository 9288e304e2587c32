/* The records of verified files: when one counts, and that nothing in the table, or where the table
 * should be, does harm. */
#include "base/text.h"
#include "disk/temporary.h"
#include "disk/verified.h"
#include "fault.h"
#include "scratch.h"

#include <sys/resource.h>

#define RECORD 128 /* docs/format.md */
#define WAYS 4
#define TABLE ((size_t)4096 * WAYS * RECORD)
#define MOUNT_AT 24

static int dir;
static const unsigned char checksum[LC_CHECKSUM_SIZE] = {1, 2,  3,  4,  5,  6,  7,  8,
                                                         9, 10, 11, 12, 13, 14, 15, 16};
static const unsigned char key_bytes[LC_MAC_KEY_SIZE] = {7, 7, 7};

static int enter(void **unused)
{
    if (scratch_setup(unused) != 0 || mkdir(foo, 0700) != 0 || mkdir(in_foo(".locache"), 0700) != 0)
        return -1;
    dir = open(foo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0;
}

static int leave(void **unused)
{
    close(dir);
    return scratch_teardown(unused);
}

#define verified_test(f) cmocka_unit_test_setup_teardown(f, enter, leave)

static const char *table_path(void)
{
    return in_foo(".locache/verified");
}

/* A state of the nth file. */
static locache_stamp stamp_of(int64_t n)
{
    return (locache_stamp){.words = {40, n, 300000, 1, 1111111111, 2222222222, 1, 0}};
}

static lc_verified state_of(const locache_stamp *stamp)
{
    lc_verified file;
    lc_verified_init(&file, dir, geteuid(), stamp, checksum);
    return file;
}

static bool is_found(const locache_stamp *stamp)
{
    lc_verified file = state_of(stamp);
    return lc_verified_find(&file);
}

static void note(const locache_stamp *stamp)
{
    lc_verified file = state_of(stamp);
    lc_verified_note(&file);
}

static size_t table_size(void)
{
    struct stat seen;
    return stat(table_path(), &seen) == 0 ? (size_t)seen.st_size : 0;
}

/* The table, up to its end; freed by the caller. */
static unsigned char *table_bytes(void)
{
    unsigned char *table = calloc(1, TABLE);
    FILE *file = fopen(table_path(), "rb");
    assert_non_null(file);
    assert_int_equal(fread(table, 1, TABLE, file), table_size());
    fclose(file);
    return table;
}

/* Where its only record is. */
static size_t record_at(const unsigned char *table)
{
    for (size_t at = 0; at < TABLE; at += RECORD)
        if (memcmp(table + at, "LOCVRFY\1", 8) == 0)
            return at;
    fail();
    return 0;
}

/* Make a record's own checksum right. */
static void restamp_record(unsigned char *record)
{
    lc_checksum(record + 112, &(lc_span){record, 112}, 1);
}

/* ---------------------------------------------------------------------------------------- tests */

/* First: the boot is only read once. */
static void test_verified__without_a_boot_nothing_is_recorded(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    static const char *const calls[] = {"openat", "read"};
    for (size_t i = 0; i < 2; i++) {
        fault_set(calls[i], 1, ENOENT);
        note(&stamp);
        assert_true(fault_clear());
        assert_int_equal(table_size(), 0);
    }
    note(&stamp);
    assert_true(is_found(&stamp));
}

static void test_verified__a_state_is_found_once_noted(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    assert_false(is_found(&stamp));
    assert_false(exists(table_path()));
    note(&stamp);
    assert_true(is_found(&stamp));
    struct stat seen;
    assert_int_equal(stat(table_path(), &seen), 0);
    assert_int_equal(seen.st_mode & 07777, 0600);
    assert_int_equal(seen.st_size % RECORD, 0);
    /* Sparse: a block of the file system for a set that is used. */
    assert_true(seen.st_blocks * 512 <= 65536);
    assert_int_equal(unlink(table_path()), 0);
    assert_false(is_found(&stamp));
}

static void test_verified__no_other_state_is_found(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    note(&stamp);
    for (unsigned word = 0; word < LC_STAMP_IDENTITY; word++) {
        locache_stamp other = stamp;
        other.words[word]++;
        assert_false(is_found(&other));
    }
    for (unsigned at = 0; at < LC_CHECKSUM_SIZE; at++) {
        unsigned char sum[LC_CHECKSUM_SIZE];
        lc_verified file;
        memcpy(sum, checksum, sizeof sum);
        sum[at] ^= 1;
        lc_verified_init(&file, dir, geteuid(), &stamp, sum);
        assert_false(lc_verified_find(&file));
    }
    assert_true(is_found(&stamp));
}

static void test_verified__what_proves_nothing_is_not_noted(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    stamp.words[LC_STAMP_PROVES] = 0;
    note(&stamp);
    assert_false(exists(table_path()));
    /* But what was noted counts whoever asks: its file is in that very state. */
    locache_stamp proving = stamp_of(1);
    note(&proving);
    assert_true(is_found(&stamp));
}

/* The record that docs/format.md says. */
static void test_verified__the_record_is_as_documented(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    unsigned char expected[RECORD] = "LOCVRFY\1";
    char text[37];
    char digits[33] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, 36, file), 36);
    fclose(file);
    for (int i = 0, at = 0; i < 36; i++)
        if (text[i] != '-')
            digits[at++] = text[i];
    assert_true(lc_text_unhex(expected + 8, 16, digits));
    for (unsigned i = 0; i < 48; i++)
        expected[32 + i] = (unsigned char)((uint64_t)stamp.words[i / 8] >> (8 * (i % 8)));
    memcpy(expected + 80, checksum, 16);
    note(&stamp);
    unsigned char *table = table_bytes();
    size_t at = record_at(table);
    memcpy(expected + MOUNT_AT, table + at + MOUNT_AT, 8);
    restamp_record(expected);
    assert_memory_equal(table + at, expected, RECORD);
    unsigned char hash[LC_CHECKSUM_SIZE];
    lc_checksum(hash, &(lc_span){expected + 32, 16}, 1);
    assert_int_equal(at / RECORD / WAYS, (hash[14] * 256 + hash[15]) % 4096);
    free(table);
}

static void test_verified__of_another_boot_or_mount_is_not_found(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    note(&stamp);
    unsigned char *table = table_bytes();
    unsigned char *record = table + record_at(table);
    for (unsigned at = 8; at < 32; at++) {
        record[at] ^= 0x10;
        restamp_record(record);
        write_bytes(table_path(), table, TABLE);
        assert_false(is_found(&stamp));
        record[at] ^= 0x10;
    }
    restamp_record(record);
    write_bytes(table_path(), table, TABLE);
    assert_true(is_found(&stamp));
    free(table);
}

static void test_verified__a_torn_record_is_none(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    note(&stamp);
    unsigned char *table = table_bytes();
    unsigned char *record = table + record_at(table);
    for (unsigned at = 0; at < RECORD; at++) {
        record[at] ^= 0x01;
        write_bytes(table_path(), table, TABLE);
        assert_false(is_found(&stamp));
        record[at] ^= 0x01;
    }
    for (size_t size = (size_t)(record - table); size < (size_t)(record - table) + RECORD; size++) {
        write_bytes(table_path(), table, size);
        assert_false(is_found(&stamp));
    }
    write_bytes(table_path(), table, (size_t)(record - table) + RECORD);
    assert_true(is_found(&stamp));
    free(table);
}

static void test_verified__garbage_is_no_harm(void **unused)
{
    (void)unused;
    unsigned char *table = malloc(TABLE + 1000);
    for (size_t i = 0; i < TABLE + 1000; i++)
        table[i] = (unsigned char)((uint64_t)i * 2654435761U >> 24);
    write_bytes(table_path(), table, TABLE + 1000);
    for (int n = 0; n < 200; n++) {
        locache_stamp stamp = stamp_of(n);
        assert_false(is_found(&stamp));
        note(&stamp);
        assert_true(is_found(&stamp));
    }
    assert_int_equal(table_size(), TABLE + 1000);
    free(table);
}

/* Files that share a set. */
static void find_same_set(locache_stamp *out, unsigned wanted)
{
    unsigned char hash[LC_CHECKSUM_SIZE];
    int64_t first = -1;
    unsigned count = 0;
    for (int64_t n = 0; count < wanted; n++) {
        locache_stamp stamp = stamp_of(n);
        lc_verified file = state_of(&stamp);
        lc_checksum(hash, &(lc_span){file.record + 32, 16}, 1);
        int64_t set = (hash[14] * 256 + hash[15]) % 4096;
        if (first < 0)
            first = set;
        if (set == first)
            out[count++] = stamp;
    }
}

/* Newer states of a file take the place of older ones; files share a set, until there are too
 * many. */
static void test_verified__a_set_holds_its_files(void **unused)
{
    (void)unused;
    locache_stamp same[WAYS + 1];
    find_same_set(same, WAYS + 1);
    for (unsigned i = 0; i < WAYS; i++) {
        note(&same[i]);
        for (int again = 0; again < 10; again++) {
            same[i].words[LC_STAMP_CTIME]++;
            note(&same[i]);
        }
    }
    for (unsigned i = 0; i < WAYS; i++)
        assert_true(is_found(&same[i]));
    note(&same[WAYS]);
    assert_true(is_found(&same[WAYS]));
    unsigned left = 0;
    for (unsigned i = 0; i < WAYS; i++)
        left += is_found(&same[i]);
    assert_int_equal(left, WAYS - 1);
}

/* What an earlier boot left makes room. */
static void test_verified__records_of_another_boot_go_first(void **unused)
{
    (void)unused;
    locache_stamp same[2 * WAYS];
    find_same_set(same, 2 * WAYS);
    for (unsigned i = 0; i < WAYS; i++)
        note(&same[i]);
    unsigned char *table = table_bytes();
    size_t first = record_at(table);
    for (size_t at = first; at < first + (size_t)WAYS * RECORD; at += RECORD) {
        table[at + 8] ^= 1;
        restamp_record(table + at);
    }
    write_bytes(table_path(), table, TABLE);
    free(table);
    for (unsigned i = WAYS; i < 2 * WAYS; i++)
        note(&same[i]);
    for (unsigned i = 0; i < 2 * WAYS; i++)
        assert_int_equal(is_found(&same[i]), i >= WAYS);
}

static void test_verified__seals_are_of_one_key_and_one_state(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    unsigned char other[LC_MAC_KEY_SIZE] = {7, 7, 8};
    lc_verified file = state_of(&stamp);
    lc_verified_note(&file);
    assert_true(lc_verified_find(&file));
    assert_false(lc_verified_sealed(&file, key_bytes));
    lc_verified_seal(&file, key_bytes);
    lc_verified_note(&file);
    file = state_of(&stamp);
    assert_true(lc_verified_find(&file));
    assert_true(lc_verified_sealed(&file, key_bytes));
    assert_false(lc_verified_sealed(&file, other));
    /* Moved to the record of another file. */
    locache_stamp second = stamp_of(2);
    lc_verified thief = state_of(&second);
    memcpy(thief.record + 96, file.record + 96, 16);
    lc_verified_note(&thief);
    thief = state_of(&second);
    assert_true(lc_verified_find(&thief));
    assert_false(lc_verified_sealed(&thief, key_bytes));
}

/* -------------------------------------------------------------------------- things in its place */

static void as_link(void)
{
    write_text(in_foo("victim"), "victim");
    assert_int_equal(symlink(in_foo("victim"), table_path()), 0);
}

static void as_hard_link(void)
{
    write_text(in_foo("victim"), "victim");
    assert_int_equal(link(in_foo("victim"), table_path()), 0);
}

static void as_fifo(void)
{
    assert_int_equal(mkfifo(table_path(), 0600), 0);
}

static void as_directory(void)
{
    assert_int_equal(mkdir(table_path(), 0700), 0);
}

static void as_open_file(void)
{
    write_text(table_path(), "");
    assert_int_equal(chmod(table_path(), 0666), 0);
}

static void as_device(void)
{
    if (mknod(table_path(), S_IFCHR | 0600, (1 << 8) | 5) != 0)
        as_fifo();
}

static void as_foreign(void)
{
    write_text(table_path(), "");
    if (chown(table_path(), NOBODY, NOBODY) != 0)
        assert_int_equal(chmod(table_path(), 0666), 0);
}

static void test_verified__a_thing_in_its_place_is_left_alone(void **unused)
{
    (void)unused;
    static void (*const things[])(void) = {as_link,      as_hard_link, as_fifo,   as_directory,
                                           as_open_file, as_device,    as_foreign};
    locache_stamp stamp = stamp_of(1);
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
        remove_all(table_path());
        unlink(in_foo("victim"));
        things[i]();
        assert_false(is_found(&stamp));
        note(&stamp);
        assert_false(is_found(&stamp));
        if (exists(in_foo("victim")))
            assert_int_equal(read_bytes(in_foo("victim")).size, 6);
        assert_int_equal(open_descriptors(), before);
    }
}

static void test_verified__a_link_above_it_is_not_followed(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    note(&stamp);
    assert_int_equal(rename(in_foo(".locache"), in_foo("elsewhere")), 0);
    assert_int_equal(symlink("elsewhere", in_foo(".locache")), 0);
    assert_false(is_found(&stamp));
    locache_stamp second = stamp_of(2);
    unsigned char *before = table_bytes();
    note(&second);
    unsigned char *after = table_bytes();
    assert_memory_equal(before, after, TABLE);
    free(before);
    free(after);
    assert_int_equal(unlink(in_foo(".locache")), 0);
    assert_false(is_found(&stamp));
    note(&stamp);
    assert_false(exists(in_foo(".locache")));
}

/* --------------------------------------------------------------------------------------- faults */

static void test_verified__each_system_call_fails(void **unused)
{
    (void)unused;
    static const int codes[] = {EIO, ENOSPC, EACCES, EMFILE, EROFS, ENOENT};
    locache_stamp stamp = stamp_of(1);
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            unlink(table_path());
            fault_set(NULL, n, codes[i]);
            note(&stamp);
            (void)is_found(&stamp);
            failed = fault_clear();
            note(&stamp);
            assert_true(is_found(&stamp));
            assert_int_equal(open_descriptors(), before);
        }
    }
}

static void note_within_limit(void *context)
{
    struct rlimit limit;
    child_require(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 0;
    child_require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    note(context);
    child_require(!is_found(context));
    limit.rlim_cur = before; /* coverage is written, too */
    child_require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void test_verified__a_limit_of_file_sizes_ends_nobody(void **unused)
{
    (void)unused;
    locache_stamp stamp = stamp_of(1);
    wait_for(in_child(note_within_limit, &stamp));
}

static void note_read_only(void *context)
{
    child_require(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    locache_stamp second = stamp_of(2);
    child_require(is_found(context));
    note(&second);
    child_require(!is_found(&second));
}

static void test_verified__a_directory_that_cannot_be_written_is_read(void **unused)
{
    (void)unused;
    skip_unless_root();
    locache_stamp stamp = stamp_of(1);
    note(&stamp);
    assert_int_equal(chown(table_path(), NOBODY, NOBODY), 0);
    assert_int_equal(chmod(table_path(), 0400), 0);
    assert_int_equal(chown(in_foo(".locache"), NOBODY, NOBODY), 0);
    assert_int_equal(chmod(in_foo(".locache"), 0500), 0);
    assert_int_equal(chmod(foo, 0755), 0);
    assert_int_equal(chmod(scratch, 0755), 0);
    wait_for(in_child(note_read_only, &stamp));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        verified_test(test_verified__without_a_boot_nothing_is_recorded),
        verified_test(test_verified__a_state_is_found_once_noted),
        verified_test(test_verified__no_other_state_is_found),
        verified_test(test_verified__what_proves_nothing_is_not_noted),
        verified_test(test_verified__the_record_is_as_documented),
        verified_test(test_verified__of_another_boot_or_mount_is_not_found),
        verified_test(test_verified__a_torn_record_is_none),
        verified_test(test_verified__garbage_is_no_harm),
        verified_test(test_verified__a_set_holds_its_files),
        verified_test(test_verified__records_of_another_boot_go_first),
        verified_test(test_verified__seals_are_of_one_key_and_one_state),
        verified_test(test_verified__a_thing_in_its_place_is_left_alone),
        verified_test(test_verified__a_link_above_it_is_not_followed),
        verified_test(test_verified__each_system_call_fails),
        verified_test(test_verified__a_limit_of_file_sizes_ends_nobody),
        verified_test(test_verified__a_directory_that_cannot_be_written_is_read),
    };
    return cmocka_run_group_tests_name("verified", tests, NULL, NULL);
}
