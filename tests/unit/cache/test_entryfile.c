/* Entries' files, looked at from outside: listed, read whole, removed. */
#include "fault.h"
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

static locache_folder *folder;

/* A function with x=1 (raw), x=2 (a pickle) and x=3 (raw), and its folder open. */
static void prepare(void)
{
    locache *cache = open_function("one");
    must_put(cache, 1, "r");
    assert_int_equal(put_as(cache, 2, "p", LOCACHE_CODEC_PICKLE), LOCACHE_OK);
    must_put(cache, 3, "r");
    locache_close(cache);
    assert_int_equal(locache_folder_open(&folder, in_foo("one"), &error), LOCACHE_OK);
}

typedef struct told {
    int count;
    int sound;
    int ours;
    int stop_at;
    bool removes;
    locache_file last; /* its texts are gone */
    char message[LOCACHE_MESSAGE_MAX];
} told;

static bool tell(void *context, const locache_file *file)
{
    told *in = context;
    in->count++;
    in->sound += file->status == LOCACHE_OK;
    in->ours += file->ours;
    in->last = *file;
    (void)snprintf(in->message, sizeof in->message, "%s", file->message);
    if (in->removes)
        assert_int_equal(locache_folder_remove(folder, file->name, &error), LOCACHE_OK);
    return in->count != in->stop_at;
}

static told find(const char *name)
{
    told in = {.count = 0};
    assert_int_equal(locache_folder_find(folder, name, tell, &in, &error), LOCACHE_OK);
    assert_int_equal(in.count, 1);
    return in;
}

static void test_folder_list__each_file(void **unused)
{
    (void)unused;
    told in = {.count = 0};
    prepare();
    assert_int_equal(locache_folder_list(folder, tell, &in, &error), LOCACHE_OK);
    assert_int_equal(in.count, 3);
    assert_int_equal(in.sound, 3);
    in = (told){.stop_at = 2};
    assert_int_equal(locache_folder_list(folder, tell, &in, &error), LOCACHE_OK);
    assert_int_equal(in.count, 2);
    in = (told){.removes = true};
    assert_int_equal(locache_folder_list(folder, tell, &in, &error), LOCACHE_OK);
    assert_int_equal(in.count, 3);
    in = (told){.count = 0};
    assert_int_equal(locache_folder_list(folder, tell, &in, &error), LOCACHE_OK);
    assert_int_equal(in.count, 0);
    locache_folder_close(folder);
}

static void test_folder_find__what_its_header_says(void **unused)
{
    (void)unused;
    locache_id id;
    key k = key_of(1);
    prepare();
    told in = find("x=1");
    assert_int_equal(in.last.codec, LOCACHE_CODEC_RAW);
    assert_int_equal(in.last.signature, LOCACHE_SIGNATURE_NONE);
    assert_int_equal(in.last.compute_time, RESULT_TOOK);
    assert_int_equal(in.last.body_size, 1);
    assert_int_equal(in.last.key_size, k.size);
    assert_int_equal(in.last.file_size, 144 + k.size + 1);
    locache_id_of(&id, "one", 3);
    assert_memory_equal(in.last.function.bytes, id.bytes, LOCACHE_ID_SIZE);
    assert_int_equal(find("x=2").last.signature, LOCACHE_SIGNATURE_UNKNOWN);
    assert_int_equal(locache_folder_find(folder, "x=9", tell, &in, &error), LOCACHE_MISS);
    assert_int_equal(locache_folder_find(folder, ".locache", tell, &in, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_folder_find(folder, "../one/x=1", tell, &in, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_folder_find(folder, "", tell, &in, &error), LOCACHE_EINVAL);
    locache_folder_close(folder);
}

static void flip(const char *path, size_t at)
{
    bytes entry = read_bytes(path);
    ((unsigned char *)entry.data)[at] ^= 1;
    write_bytes(path, entry.data, entry.size);
}

/* What is wrong with a file, by its header alone and when it is read, and whose it is. */
static void assert_wrong(const char *name, int by_header, int by_reading, bool ours)
{
    locache_file file = {.size = sizeof file};
    locache_value *value = NULL;
    told in = find(name);
    assert_int_equal(in.last.status, by_header);
    assert_int_equal(in.last.ours, ours);
    assert_true((by_header == LOCACHE_OK) == (in.message[0] == '\0'));
    assert_int_equal(locache_folder_read(&value, &file, folder, name, &error), by_reading);
    assert_null(value);
    assert_true(error.message[0] != '\0');
    assert_int_equal(locache_folder_remove(folder, name, NULL),
                     ours ? LOCACHE_OK : LOCACHE_EUNTRUSTED);
    assert_int_equal(exists(in_foo("one/x=1")), !ours);
    if (!ours)
        remove_all(in_foo("one/x=1"));
}

static void test_folder_read__refuses_what_is_not_sound(void **unused)
{
    (void)unused;
    prepare();
    bytes sound = read_bytes(in_foo("one/x=1"));
    const char *path = in_foo("one/x=1");
    flip(path, sound.size - 1);
    assert_wrong("x=1", LOCACHE_OK, LOCACHE_ECORRUPT, true);
    write_bytes(in_foo("one/x=1"), sound.data, sound.size - 1);
    assert_wrong("x=1", LOCACHE_ECORRUPT, LOCACHE_ECORRUPT, true);
    write_bytes(in_foo("one/x=1"), sound.data, 100);
    assert_wrong("x=1", LOCACHE_ECORRUPT, LOCACHE_ECORRUPT, true);
    write_bytes(in_foo("one/x=1"), "", 0);
    assert_wrong("x=1", LOCACHE_ECORRUPT, LOCACHE_ECORRUPT, true);
    bytes other = read_bytes(in_foo("one/x=3"));
    write_bytes(in_foo("one/x=1"), other.data, other.size);
    assert_wrong("x=1", LOCACHE_ECORRUPT, LOCACHE_ECORRUPT, true);
    write_text(in_foo("one/x=1"), "mine, and longer than a header would be: some words of notes, "
                                  "and some more, and some more, and some more, and some more.");
    assert_wrong("x=1", LOCACHE_ECORRUPT, LOCACHE_ECORRUPT, false);
    assert_int_equal(symlink("x=3", in_foo("one/x=1")), 0);
    assert_wrong("x=1", LOCACHE_EUNTRUSTED, LOCACHE_EUNTRUSTED, false);
    assert_int_equal(mkfifo(in_foo("one/x=1"), 0600), 0);
    assert_wrong("x=1", LOCACHE_EUNTRUSTED, LOCACHE_EUNTRUSTED, false);
    write_bytes(in_foo("one/x=1"), sound.data, sound.size);
    assert_int_equal(chmod(in_foo("one/x=1"), 0666), 0);
    assert_wrong("x=1", LOCACHE_EUNTRUSTED, LOCACHE_EUNTRUSTED, true);
    locache_folder_close(folder);
}

static void test_folder_read__whose_signature_it_is(void **unused)
{
    (void)unused;
    locache_file file = {.size = sizeof file};
    locache_value *value;
    prepare();
    assert_int_equal(locache_folder_read(&value, &file, folder, "x=1", &error), LOCACHE_OK);
    assert_int_equal(file.signature, LOCACHE_SIGNATURE_NONE);
    locache_value_free(value);
    assert_int_equal(locache_folder_read(&value, &file, folder, "x=2", &error), LOCACHE_OK);
    assert_int_equal(file.signature, LOCACHE_SIGNATURE_OURS);
    assert_int_equal(locache_value_codec(value), LOCACHE_CODEC_PICKLE);
    locache_value_free(value);
    locache_folder_close(folder);
    remove_all(state);
    assert_int_equal(locache_folder_open(&folder, in_foo("one"), &error), LOCACHE_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(locache_folder_read(&value, &file, folder, "x=2", NULL), LOCACHE_OK);
        assert_int_equal(file.signature, LOCACHE_SIGNATURE_FOREIGN);
        locache_value_free(value);
    }
    assert_int_equal(locache_folder_read(&value, &file, folder, "x=9", &error), LOCACHE_MISS);
    assert_int_equal(locache_folder_read(&value, &file, folder, ".x", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_folder_remove(folder, "../one/x=2", &error), LOCACHE_EINVAL);
    locache_folder_close(folder);
}

/* An earlier release's struct is filled as far as it goes. */
/* Given as they were stored; damaged frames say whose they are. */
static void test_folder_read__compressed_results(void **unused)
{
    (void)unused;
    static char text[8000];
    locache_value *value;
    locache_file file = {.size = sizeof file};
    size_t size;
    memset(text, 'a', sizeof text - 1);
    prepare();
    locache_options options = options_for("one");
    options.compress = 3;
    locache *cache = open_with(&options);
    must_put(cache, 4, text);
    locache_close(cache);
    assert_int_equal(locache_folder_read(&value, &file, folder, "x=4", &error), LOCACHE_OK);
    const void *body = locache_value_body(&size, value);
    assert_int_equal(size, sizeof text - 1);
    assert_memory_equal(body, text, size);
    assert_true(file.file_size < 1000);
    locache_value_free(value);
    bytes entry = read_bytes(in_foo("one/x=4"));
    size_t last = entry.size;
    while (entry.data[--last] == 0)
        continue;
    entry.data[last] ^= 0x80;
    restamp(&entry);
    write_bytes(in_foo("one/x=4"), entry.data, entry.size);
    assert_int_equal(locache_folder_read(&value, &file, folder, "x=4", &error), LOCACHE_ECORRUPT);
    assert_non_null(strstr(error.message, "one/x=4"));
    locache_folder_close(folder);
}

static void test_folder_read__a_shorter_struct(void **unused)
{
    (void)unused;
    locache_file file = {.size = offsetof(locache_file, codec), .codec = 77};
    locache_value *value;
    prepare();
    assert_int_equal(locache_folder_read(&value, &file, folder, "x=1", &error), LOCACHE_OK);
    assert_int_equal(file.compute_time, RESULT_TOOK);
    assert_int_equal(file.codec, 77);
    locache_value_free(value);
    locache_folder_close(folder);
}

/* To look is no use: the time of access stays, where it would move at the first read. */
static void test_folder__looking_is_no_use(void **unused)
{
    (void)unused;
    locache_file file = {.size = sizeof file};
    locache_value *value;
    struct stat before;
    struct stat after;
    const struct timespec old[2] = {{1000000, 0}, {2000000, 0}};
    prepare();
    assert_int_equal(utimensat(AT_FDCWD, in_foo("one/x=1"), old, 0), 0);
    assert_int_equal(stat(in_foo("one/x=1"), &before), 0);
    told in = find("x=1");
    assert_int_equal(in.last.used, INT64_C(2000000) * 1000000000);
    assert_int_equal(locache_folder_read(&value, &file, folder, "x=1", &error), LOCACHE_OK);
    locache_value_free(value);
    assert_int_equal(stat(in_foo("one/x=1"), &after), 0);
    assert_int_equal(after.st_atim.tv_sec, before.st_atim.tv_sec);
    /* Of another's file that may not be asked for: it is read all the same. */
    fault_set("openat", 1, EPERM);
    in = find("x=1");
    assert_true(fault_clear());
    assert_int_equal(in.sound, 1);
    locache_folder_close(folder);
}

static void test_folder_sweep__what_the_dead_left(void **unused)
{
    (void)unused;
    prepare();
    write_text(in_foo("one/.locache/tmp-0123456789abcdef"), "half");
    locache_folder_sweep(folder);
    assert_false(exists(in_foo("one/.locache/tmp-0123456789abcdef")));
    assert_true(exists(in_foo("one/x=1")));
    locache_folder_close(folder);
}

static void test_entryfile__any_call_fails(void **unused)
{
    (void)unused;
    bool failed = true;
    prepare();
    for (int n = 1; failed; n++) {
        told in = {.count = 0};
        locache_file file = {.size = sizeof file};
        locache_value *value = NULL;
        fault_set(NULL, n, n % 2 == 0 ? EIO : ENOMEM);
        locache_status listed = locache_folder_list(folder, tell, &in, &error);
        locache_status read = locache_folder_read(&value, &file, folder, "x=2", &error);
        failed = fault_clear();
        assert_true((read == LOCACHE_OK) == (value != NULL));
        assert_true(failed || (listed == LOCACHE_OK && in.sound == 3 && read == LOCACHE_OK));
        locache_value_free(value);
    }
    failed = true;
    for (int n = 1; failed; n++) {
        fault_set(NULL, n, EIO);
        locache_status status = locache_folder_remove(folder, "x=1", &error);
        failed = fault_clear();
        assert_true(exists(in_foo("one/x=1")) == (status != LOCACHE_OK));
        if (status == LOCACHE_OK)
            break;
    }
    locache_folder_close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_folder_list__each_file),
        scratch_test(test_folder_find__what_its_header_says),
        scratch_test(test_folder_read__refuses_what_is_not_sound),
        scratch_test(test_folder_read__whose_signature_it_is),
        scratch_test(test_folder_read__compressed_results),
        scratch_test(test_folder_read__a_shorter_struct),
        scratch_test(test_folder__looking_is_no_use),
        scratch_test(test_folder_sweep__what_the_dead_left),
        scratch_test(test_entryfile__any_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
