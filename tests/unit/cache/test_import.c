/* Results that are brought in from elsewhere: where they go, what is refused, and what is left
 * where something fails. */
#include "fault.h"
#include "scratch.h"

#include "base/hash.h"

/* What a cache holds, as bytes: the record of a version, and one result of it. */
typedef struct taken {
    char record[LOCACHE_VERSION_RECORD_MAX];
    size_t record_size;
    char note[LOCACHE_NOTE_MAX];
    size_t note_size;
    bytes entry;
} taken;

static taken box;
static char there[200]; /* another cache directory */

/* "my_func" as its nth source, with the result of x=1, as `cache` stores it, which is closed. */
static const taken *take_from(locache *cache, const char *result, locache_codec codec)
{
    locache_folder *folder;
    locache_file file = {.size = sizeof file};
    locache_value *value;
    const void *all;
    assert_int_equal(put_as(cache, 1, result, codec), LOCACHE_OK);
    locache_close(cache);
    assert_int_equal(locache_folder_open(&folder, in_foo("my_func"), &error), LOCACHE_OK);
    assert_int_equal(locache_folder_record(box.record, &box.record_size, folder, &error),
                     LOCACHE_OK);
    assert_int_equal(locache_folder_load(&value, &all, &file, folder, "x=1", &error), LOCACHE_OK);
    assert_true(file.file_size < sizeof box.entry.data);
    box.entry.size = (size_t)file.file_size;
    memcpy(box.entry.data, all, box.entry.size);
    locache_value_free(value);
    assert_int_equal(locache_folder_load(&value, &all, &file, folder, "x=2", &error), LOCACHE_MISS);
    locache_folder_close(folder);
    (void)snprintf(there, sizeof there, "%s/there/bar.cache", scratch);
    return &box;
}

static const taken *make_taken(int source, locache_codec codec)
{
    return take_from(open_source("t-1", source), "result", codec);
}

static locache_imported_folder told_of(const taken *from, bool current)
{
    locache_imported_folder told = {.size = sizeof told,
                                    .name = "my_func",
                                    .current = current,
                                    .record = from->record,
                                    .record_size = from->record_size,
                                    .note = "note",
                                    .note_size = 4};
    locache_id_of(&told.function, "my_func", strlen("my_func"));
    return told;
}

/* All of it, in one go. */
static locache_status bring(locache_imported *done, const taken *from, bool current, uint32_t flags)
{
    locache_import *to;
    locache_imported_folder told = told_of(from, current);
    *done = (locache_imported){.size = sizeof *done};
    locache_status status = locache_import_begin(&to, there, flags, &error);
    if (status != LOCACHE_OK)
        return status;
    status = locache_import_folder(to, &told, &error);
    if (status == LOCACHE_OK)
        status = locache_import_entry(to, "x=1", from->entry.data, from->entry.size, &error);
    if (status == LOCACHE_OK)
        status = locache_import_commit(done, to, &error);
    locache_import_end(to);
    return status;
}

static bool in_there(const char *rest)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", there, rest);
    return exists(path);
}

static void assert_found(int source)
{
    locache *cache;
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", source);
    assert_int_equal(locache_open(&cache, there, &options, &error), LOCACHE_OK);
    assert_hit(cache, 1, "result");
    locache_close(cache);
}

/* --------------------------------------------------------------------------------------- places */

static void test_import__into_what_is_not_there_yet(void **unused)
{
    locache_imported done;
    (void)unused;
    assert_int_equal(bring(&done, make_taken(1, LOCACHE_CODEC_RAW), true, 0), LOCACHE_OK);
    assert_true(done.stored == 1 && done.kept == 0 && done.bytes == box.entry.size);
    assert_true(in_there("CACHEDIR.TAG") && in_there("my_func/.locache/parts"));
    assert_found(1);
}

static void test_import__joins_the_same_version(void **unused)
{
    locache_imported done;
    (void)unused;
    const taken *from = make_taken(1, LOCACHE_CODEC_RAW);
    for (uint64_t turn = 0; turn < 3; turn++) {
        assert_int_equal(bring(&done, from, true, turn == 2 ? LOCACHE_IMPORT_REPLACE : 0),
                         LOCACHE_OK);
        assert_true(done.stored == (turn != 1) && done.kept == (turn == 1));
    }
    assert_found(1);
}

static void test_import__another_version_is_an_earlier_one(void **unused)
{
    locache_imported done;
    (void)unused;
    assert_int_equal(bring(&done, make_taken(1, LOCACHE_CODEC_RAW), true, 0), LOCACHE_OK);
    assert_int_equal(bring(&done, make_taken(2, LOCACHE_CODEC_RAW), true, 0), LOCACHE_OK);
    assert_true(done.stored == 1);
    /* Both are found, whichever is in place; and both are joined. */
    assert_found(2);
    assert_found(1);
    assert_int_equal(bring(&done, make_taken(2, LOCACHE_CODEC_RAW), false, 0), LOCACHE_OK);
    assert_true(done.stored == 0 && done.kept == 1);
    assert_found(2);
}

static void test_import__leaves_the_users_own_alone(void **unused)
{
    locache_imported done;
    char path[400];
    (void)unused;
    const taken *from = make_taken(1, LOCACHE_CODEC_RAW);
    (void)snprintf(path, sizeof path, "%s/there", scratch);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mkdir(there, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/my_func", there);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/my_func/work", there);
    write_text(path, "mine");
    assert_int_equal(bring(&done, from, true, 0), LOCACHE_OK);
    assert_true(in_there("my_func/work") && in_there("my_func~locache/x=1"));
    assert_false(in_there("CACHEDIR.TAG") || in_there("my_func/x=1"));
    (void)snprintf(path, sizeof path, "%s/my_func~locache/work", there);
    write_text(path, "mine");
    (void)snprintf(path, sizeof path, "%s/my_func~locache/.locache", there);
    remove_all(path);
    assert_int_equal(bring(&done, from, true, 0), LOCACHE_EINVAL);
}

/* A name that was given where another was taken goes back to its own. */
static void test_import__from_and_into_names_with_an_end(void **unused)
{
    locache_import *to;
    locache_imported done = {.size = sizeof done};
    char path[sizeof there + 2];
    (void)unused;
    const taken *from = make_taken(1, LOCACHE_CODEC_RAW);
    locache_imported_folder told = told_of(from, true);
    told.name = "my_func~locache";
    (void)snprintf(path, sizeof path, "%s//", there);
    assert_int_equal(locache_import_begin(&to, path, 0, &error), LOCACHE_OK);
    assert_int_equal(locache_import_folder(to, &told, &error), LOCACHE_OK);
    assert_int_equal(locache_import_entry(to, "x=1", from->entry.data, from->entry.size, &error),
                     LOCACHE_OK);
    assert_int_equal(locache_import_commit(&done, to, &error), LOCACHE_OK);
    locache_import_end(to);
    assert_true(done.stored == 1 && in_there("my_func/x=1"));
    assert_found(1);
}

/* What it holds is looked at before it is brought in, and stays as it is. */
static void test_import__compressed_results(void **unused)
{
    static char text[8000];
    locache_imported done;
    locache *cache;
    (void)unused;
    memset(text, 'a', sizeof text - 1);
    locache_options options = options_for("my_func");
    options.compress = 3;
    taken *from = &box;
    take_from(open_with(&options), text, LOCACHE_CODEC_RAW);
    assert_true(from->entry.size < 1000);
    assert_int_equal(bring(&done, from, true, 0), LOCACHE_OK);
    assert_true(done.stored == 1 && done.bytes == from->entry.size);
    assert_int_equal(locache_open(&cache, there, &options, &error), LOCACHE_OK);
    assert_hit(cache, 1, text);
    locache_close(cache);
    remove_all(there);
    bool failed = true;
    for (int n = 1; failed; n++) {
        fault_set("alloc", n, ENOMEM);
        locache_status status = bring(&done, from, true, 0);
        failed = fault_clear();
        assert_true(failed || status == LOCACHE_OK);
        remove_all(there);
    }
    /* the last byte of the frame, before the padding of an entry's end */
    size_t last = from->entry.size;
    while (from->entry.data[--last] == 0)
        continue;
    from->entry.data[last] ^= 0x80;
    restamp(&from->entry);
    assert_int_equal(bring(&done, from, true, 0), LOCACHE_ECORRUPT);
    assert_non_null(strstr(error.message, "my_func/x=1"));
    assert_false(exists(there));
}

/* -------------------------------------------------------------------------------------- refused */

static void test_import__pickles_are_the_users_own_or_trusted(void **unused)
{
    locache_imported done;
    char other[200];
    (void)unused;
    const taken *from = make_taken(1, LOCACHE_CODEC_PICKLE);
    assert_int_equal(bring(&done, from, true, 0), LOCACHE_OK);
    assert_true(done.stored == 1 && done.pickles == 0);
    remove_all(there);
    (void)snprintf(other, sizeof other, "%s/other", scratch);
    assert_int_equal(setenv("XDG_STATE_HOME", other, 1), 0);
    assert_int_equal(bring(&done, from, true, 0), LOCACHE_OK);
    assert_true(done.stored == 0 && done.pickles == 1);
    assert_false(in_there("my_func/x=1"));
    assert_int_equal(bring(&done, from, true, LOCACHE_IMPORT_TRUST), LOCACHE_OK);
    assert_true(done.stored == 1 && done.pickles == 0);
    assert_found(1);
}

/* Signing needs a key of the user's own: where there is none to be had, nothing is begun. */
static void test_import__cannot_sign_without_a_key(void **unused)
{
    locache_imported done;
    (void)unused;
    const taken *from = make_taken(1, LOCACHE_CODEC_PICKLE);
    int descriptors = open_descriptors();
    assert_int_equal(setenv("XDG_STATE_HOME", "/dev/null/state", 1), 0);
    assert_int_equal(bring(&done, from, true, LOCACHE_IMPORT_TRUST), LOCACHE_EIO);
    assert_non_null(strstr(error.message, "/dev/null/state"));
    assert_int_equal(open_descriptors(), descriptors);
    assert_int_equal(bring(&done, from, true, 0), LOCACHE_OK);
    assert_true(done.stored == 0 && done.pickles == 1);
}

static void test_import__refuses_what_is_not_whole(void **unused)
{
    locache_import *to;
    locache_imported done = {.size = sizeof done};
    (void)unused;
    const taken *from = make_taken(1, LOCACHE_CODEC_RAW);
    locache_imported_folder told = told_of(from, true);
    const void *entry = from->entry.data;
    assert_int_equal(locache_import_begin(&to, "relative", 0, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_import_begin(&to, there, 4, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_import_begin(&to, there, 0, &error), LOCACHE_OK);
    assert_int_equal(locache_import_entry(to, "x=1", entry, from->entry.size, &error),
                     LOCACHE_EINVAL);
    static const char *const names[] = {"", ".", "..", ".hidden", "a b", "~locache", "a/b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        told.name = names[i];
        assert_int_equal(locache_import_folder(to, &told, &error), LOCACHE_ECORRUPT);
    }
    told = told_of(from, true);
    told.record_size = 3;
    assert_int_equal(locache_import_folder(to, &told, &error), LOCACHE_ECORRUPT);
    told = told_of(from, true);
    told.note_size = LOCACHE_NOTE_MAX + 1;
    assert_int_equal(locache_import_folder(to, &told, &error), LOCACHE_ECORRUPT);
    told.size = 3;
    assert_int_equal(locache_import_folder(to, &told, &error), LOCACHE_EINVAL);
    told = told_of(from, true);
    assert_int_equal(locache_import_folder(to, &told, &error), LOCACHE_OK);
    static const char *const others[] = {"", ".x", "../x=1", "x=2", "x"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(locache_import_entry(to, others[i], entry, from->entry.size, &error),
                         LOCACHE_ECORRUPT);
    for (size_t size = 0; size < from->entry.size; size++)
        assert_int_equal(locache_import_entry(to, "x=1", entry, size, &error), LOCACHE_ECORRUPT);
    assert_int_equal(locache_import_entry(to, "x=1", entry, from->entry.size, &error), LOCACHE_OK);
    assert_int_equal(locache_import_entry(to, "x=1", entry, from->entry.size, &error),
                     LOCACHE_ECORRUPT);
    locache_import_end(to);
    assert_false(exists(there));
    locache_import_end(NULL);
}

/* Its version is not what the record says, its function not the directory's, or its format
 * another's: it is left out, and counted, and a directory without another has no place. */
static void test_import__leaves_out_what_is_a_miss_there(void **unused)
{
    locache_import *to;
    locache_imported done = {.size = sizeof done};
    (void)unused;
    taken first = *make_taken(1, LOCACHE_CODEC_RAW);
    const taken *second = make_taken(2, LOCACHE_CODEC_RAW);
    locache_imported_folder told = told_of(&first, true);
    assert_int_equal(locache_import_begin(&to, there, 0, &error), LOCACHE_OK);
    assert_int_equal(locache_import_folder(to, &told, &error), LOCACHE_OK);
    assert_int_equal(
        locache_import_entry(to, "x=1", second->entry.data, second->entry.size, &error),
        LOCACHE_OK);
    first.entry.data[8] = 3;
    restamp(&first.entry);
    assert_int_equal(locache_import_entry(to, "x=1", first.entry.data, first.entry.size, &error),
                     LOCACHE_OK);
    told.name = "f";
    locache_id_of(&told.function, "f", 1);
    assert_int_equal(locache_import_folder(to, &told, &error), LOCACHE_OK);
    assert_int_equal(
        locache_import_entry(to, "x=1", second->entry.data, second->entry.size, &error),
        LOCACHE_OK);
    assert_int_equal(locache_import_commit(&done, to, &error), LOCACHE_OK);
    assert_true(done.others == 3 && done.stored == 0);
    locache_import_end(to);
    assert_false(exists(there));
}

/* --------------------------------------------------------------------------------------- faults */

/* Whatever fails, nothing is there that is not whole, and the next import needs no repair. */
static void test_import__survives_every_failure(void **unused)
{
    static const struct {
        const char *call;
        int code;
    } rows[] = {{"alloc", ENOMEM}, {NULL, EIO}, {NULL, ENOENT}};
    (void)unused;
    const taken *from = make_taken(1, LOCACHE_CODEC_RAW);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            locache_imported done;
            fault_set(rows[i].call, n, rows[i].code);
            locache_status status = bring(&done, from, true, 0);
            failed = fault_clear();
            assert_true(failed || status == LOCACHE_OK);
            assert_int_equal(bring(&done, from, true, 0), LOCACHE_OK);
            assert_found(1);
            assert_int_equal(names_in(there, "import-"), 0);
            remove_all(there);
        }
    }
}

/* The same where it joins what is there. */
static void test_import__survives_every_failure_to_join(void **unused)
{
    (void)unused;
    bool failed = true;
    locache_imported done;
    const taken *from = make_taken(1, LOCACHE_CODEC_RAW);
    assert_int_equal(bring(&done, from, true, 0), LOCACHE_OK);
    for (int n = 1; failed; n++) {
        fault_set(NULL, n, EIO);
        locache_status status = bring(&done, from, true, LOCACHE_IMPORT_REPLACE);
        failed = fault_clear();
        assert_true(failed || status == LOCACHE_OK);
        assert_found(1);
        assert_int_equal(names_in(there, "import-"), 0);
    }
}

/* What was made for it goes with it, but not what others put there meanwhile. */
static void test_import__leaves_what_came_meanwhile(void **unused)
{
    locache_import *to;
    char path[400];
    (void)unused;
    (void)make_taken(1, LOCACHE_CODEC_RAW);
    assert_int_equal(locache_import_begin(&to, there, 0, &error), LOCACHE_OK);
    (void)snprintf(path, sizeof path, "%s/.versions/.tmp/another", there);
    write_text(path, "somebody's");
    locache_import_end(to);
    assert_true(exists(path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(locache_import_begin(&to, there, 0, &error), LOCACHE_OK);
    locache_import_end(to);
    assert_true(exists(there));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_import__into_what_is_not_there_yet),
        scratch_test(test_import__joins_the_same_version),
        scratch_test(test_import__another_version_is_an_earlier_one),
        scratch_test(test_import__leaves_the_users_own_alone),
        scratch_test(test_import__from_and_into_names_with_an_end),
        scratch_test(test_import__compressed_results),
        scratch_test(test_import__pickles_are_the_users_own_or_trusted),
        scratch_test(test_import__cannot_sign_without_a_key),
        scratch_test(test_import__refuses_what_is_not_whole),
        scratch_test(test_import__leaves_out_what_is_a_miss_there),
        scratch_test(test_import__survives_every_failure),
        scratch_test(test_import__survives_every_failure_to_join),
        scratch_test(test_import__leaves_what_came_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
