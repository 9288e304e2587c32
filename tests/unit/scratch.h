/* What the tests of files share: a directory of their own, which is $HOME too, handles,
 * keys, results, files as bytes. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/system.h"
#include "locache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define HEADER 144 /* docs/format.md */

static char scratch[64];    /* gone after the test */
static char foo[160];       /* scratch/foo.cache, not made */
static char state[128];     /* XDG_STATE_HOME */
static locache_error error; /* what the last call said */

static int scratch_remove(const char *path, const struct stat *seen, int flag, struct FTW *walk)
{
    (void)seen;
    (void)flag;
    (void)walk;
    return remove(path);
}

static inline void remove_all(const char *path)
{
    nftw(path, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int scratch_setup_in(const char *directory, unsigned seconds)
{
    snprintf(scratch, sizeof scratch, "%s/locache-test-XXXXXX", directory);
    if (mkdtemp(scratch) == NULL)
        return -1;
    snprintf(foo, sizeof foo, "%s/foo.cache", scratch);
    snprintf(state, sizeof state, "%s/state", scratch);
    setenv("HOME", scratch, 1);
    setenv("XDG_STATE_HOME", state, 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("LOCACHE_DIR");
    unsetenv("LOCACHE_BASE");
    unsetenv("LOCACHE_MODE");
    unsetenv("LOCACHE_GROUP_KEY");
    umask(022);
    alarm(seconds);
    return 0;
}

/* Nothing may block: what takes so long is ended. */
static inline int scratch_setup(void **unused)
{
    (void)unused;
    return scratch_setup_in("/tmp", 120);
}

/* For thousands of rounds: on a disk in memory where there is one, and with time for a slow
 * machine. */
static inline int scratch_setup_long(void **unused)
{
    (void)unused;
    return access("/dev/shm", W_OK) == 0 ? scratch_setup_in("/dev/shm", 600)
                                         : scratch_setup_in("/tmp", 600);
}

static inline int scratch_teardown(void **unused)
{
    (void)unused;
    alarm(0);
    remove_all(scratch);
    return 0;
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
#define scratch_test_long(f)                                                                       \
    cmocka_unit_test_setup_teardown(f, scratch_setup_long, scratch_teardown)

/* A path below foo.cache; at most four live at a time. */
static inline const char *in_foo(const char *rest)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", foo, rest);
    return path;
}

/* -------------------------------------------------------------------------------------- handles */

/* The nth source of a function, as interpreter `tag` sees it: its code and its text. */
static inline locache_identity identity_of(const char *tag, int source)
{
    locache_identity identity = {.size = sizeof identity, .code_tag = tag, .has_source = true};
    char text[64];
    snprintf(text, sizeof text, "code of %s %d", tag, source);
    locache_id_of(&identity.code, text, strlen(text));
    snprintf(text, sizeof text, "source %d", source);
    locache_id_of(&identity.source, text, strlen(text));
    return identity;
}

/* The same where it stays for a while: for seven more calls of the thread. */
static inline const locache_identity *identity_at(const char *tag, int source)
{
    static _Thread_local locache_identity identities[8];
    static _Thread_local unsigned next;
    locache_identity *identity = &identities[next++ % 8];
    *identity = identity_of(tag, source);
    return identity;
}

/* The same of a version that is said by hand. */
static inline const locache_identity *explicit_at(const char *text)
{
    static _Thread_local locache_identity identity;
    identity = (locache_identity){.size = sizeof identity};
    locache_identity_explicit(&identity, text);
    return &identity;
}

static inline locache_options options_for(const char *function)
{
    return (locache_options){
        .size = sizeof(locache_options), .function = function, .identity = identity_at("t-1", 1)};
}

static inline locache *open_with(const locache_options *options)
{
    locache *cache = NULL;
    locache_status status = locache_open(&cache, foo, options, &error);
    if (status != LOCACHE_OK)
        fail_msg("locache_open: %s: %s", locache_status_name(status), error.message);
    return cache;
}

static inline locache *open_function(const char *function)
{
    locache_options options = options_for(function);
    return open_with(&options);
}

/* The name of the nth of many functions, until the thread asks for another. */
static inline const char *function_name(int n)
{
    static _Thread_local char name[32];
    snprintf(name, sizeof name, "function%d", n);
    return name;
}

/* "my_func" as its nth source. */
static inline locache *open_source(const char *tag, int source)
{
    locache_options options = options_for("my_func");
    options.identity = identity_at(tag, source);
    return open_with(&options);
}

/* ----------------------------------------------------------------------------- keys and results */

typedef struct key {
    unsigned char bytes[64];
    size_t size;
} key;

/* The call x=<x>. */
static inline key key_of(int64_t x)
{
    key out;
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, out.bytes, sizeof out.bytes);
    locache_key_begin(&writer, 1);
    locache_key_name(&writer, "x", 1);
    locache_cbor_write_int(&writer, x);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    out.size = writer.length;
    locache_cbor_writer_clear(&writer);
    return out;
}

/* A buffer of a result, out of line. */
typedef struct outlying {
    void *data;
    size_t size;
} outlying;

/* For one record of a thread at a time. */
static inline void set_buffers(locache_record *record, const outlying *buffers, size_t count)
{
    enum { MOST = 3000 };
    static _Thread_local const void *data[MOST];
    static _Thread_local size_t sizes[MOST];
    assert_in_range(count, 0, MOST);
    for (size_t i = 0; i < count; i++) {
        data[i] = buffers[i].data;
        sizes[i] = buffers[i].size;
    }
    record->buffers = data;
    record->buffer_sizes = sizes;
    record->buffer_count = count;
}

static inline outlying buffer_of(const locache_value *value, size_t n)
{
    outlying out;
    out.data = locache_value_buffer(&out.size, value, n);
    return out;
}

#define RESULT_TOOK 7 /* nanoseconds */

static inline locache_status put_as(locache *cache, int64_t x, const char *result,
                                    locache_codec codec)
{
    key k = key_of(x);
    locache_record record = {.size = sizeof record,
                             .codec = codec,
                             .body = result,
                             .body_size = strlen(result),
                             .compute_time = RESULT_TOOK};
    return locache_put(cache, k.bytes, k.size, &record, &error);
}

static inline locache_status put(locache *cache, int64_t x, const char *result)
{
    return put_as(cache, x, result, LOCACHE_CODEC_RAW);
}

static inline void must_put(locache *cache, int64_t x, const char *result)
{
    locache_status status = put(cache, x, result);
    if (status != LOCACHE_OK)
        fail_msg("locache_put: %s: %s", locache_status_name(status), error.message);
}

/* The status of looking x up; where it is OK, the result must be the one given. */
static inline locache_status get(locache *cache, int64_t x, const char *result)
{
    key k = key_of(x);
    locache_value *value;
    locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
    if (status == LOCACHE_OK) {
        size_t size;
        const void *body = locache_value_body(&size, value);
        assert_int_equal(size, strlen(result));
        assert_memory_equal(body, result, size);
        locache_value_free(value);
    }
    return status;
}

#define assert_hit(cache, x, result) assert_int_equal(get(cache, x, result), LOCACHE_OK)
/* Nothing there. */
#define assert_miss(cache, x)                                                                      \
    do {                                                                                           \
        assert_int_equal(get(cache, x, ""), LOCACHE_MISS);                                         \
        assert_string_equal(locache_status_name(error.status), "LOCACHE_OK");                      \
    } while (0)
/* Something there, but not valid, for this reason. */
#define assert_rejected(cache, x, why)                                                             \
    do {                                                                                           \
        assert_int_equal(get(cache, x, ""), LOCACHE_MISS);                                         \
        assert_string_equal(locache_status_name(error.status), #why);                              \
    } while (0)

static inline uint64_t count_of(locache *cache)
{
    uint64_t count = UINT64_MAX;
    assert_int_equal(locache_count(&count, cache, &error), LOCACHE_OK);
    return count;
}

/* ---------------------------------------------------------------------------------------- files */

typedef struct bytes {
    unsigned char data[4096];
    size_t size;
} bytes;

static inline bytes read_bytes(const char *path)
{
    bytes out;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    out.size = fread(out.data, 1, sizeof out.data, file);
    assert_true(out.size < sizeof out.data);
    fclose(file);
    return out;
}

static inline void write_bytes(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static inline void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* Make an entry's checksum right again. */
static inline void restamp(bytes *entry)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    memset(entry->data + HEADER - LC_CHECKSUM_SIZE, 0, LC_CHECKSUM_SIZE);
    lc_checksum(sum, &(lc_span){entry->data, entry->size}, 1);
    memcpy(entry->data + HEADER - LC_CHECKSUM_SIZE, sum, LC_CHECKSUM_SIZE);
}

/* Until what was looked up before does not hold any more without another look. */
static inline void wait_lately(void)
{
    usleep((useconds_t)(LC_LATELY / 1000 + 20000)); /* a coarse clock's ticks are up to 10 ms */
}

static inline bool exists(const char *path)
{
    struct stat seen;
    return lstat(path, &seen) == 0;
}

/* Names in a directory that begin with prefix; 0 where there is no directory. */
static inline int names_in(const char *path, const char *prefix)
{
    int count = 0;
    DIR *stream = opendir(path);
    if (stream == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(stream);
    return count;
}

static inline int open_descriptors(void)
{
    return names_in("/proc/self/fd", "");
}

/* ------------------------------------------------------------------------------ other processes */

/* What a child runs counts for tools/coverage.sh, though it does not end as programs do. */
#ifdef TEST_COVERED
void __gcov_dump(void);
#define child_counts() __gcov_dump()
#else
#define child_counts() ((void)0)
#endif

/* Run fn in a child, which must return from it. */
static inline pid_t in_child(void (*fn)(void *context), void *context)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        fn(context);
        child_counts();
        _exit(0);
    }
    return child;
}

static inline void wait_for(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* In a child, where cmocka's asserts would go on with the parent's tests. */
#define child_require(condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: in a child: %s (%s)\n", __FILE__, __LINE__, #condition,        \
                    error.message);                                                                \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static inline void skip_unless_root(void)
{
    if (geteuid() != 0)
        skip();
}

/* --------------------------------------------------------------------------------------- events */

static struct {
    int counts[16];
    locache_event_kind last;
    char path[LOCACHE_PATH_MAX];
    char detail[LOCACHE_MESSAGE_MAX];
} events;

static void events_note(void *context, const locache_event *event)
{
    (void)context;
    events.counts[event->kind]++;
    events.last = event->kind;
    snprintf(events.path, sizeof events.path, "%s", event->path);
    snprintf(events.detail, sizeof events.detail, "%s", event->detail);
}

static inline void events_listen(void)
{
    memset(&events, 0, sizeof events);
    locache_set_log(events_note, NULL);
}

#endif
