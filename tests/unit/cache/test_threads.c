/* Threads that use one handle, or one cache, at once. */
#include "scratch.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct shared {
    locache *cache;
    atomic_int wrong;
    atomic_bool stop;
} shared;

static void *use_in_thread(void *context)
{
    shared *in = context;
    char result[16];
    for (int round = 0; round < 400; round++) {
        int x = round % 7;
        key k = key_of(x);
        locache_value *value;
        locache_error own;
        locache_record record = {.size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = result};
        snprintf(result, sizeof result, "of %d", x);
        record.body_size = strlen(result);
        locache_status status = locache_get(&value, in->cache, k.bytes, k.size, &own);
        if (status == LOCACHE_OK) {
            size_t size;
            const void *body = locache_value_body(&size, value);
            if (size != strlen(result) || memcmp(body, result, size) != 0)
                in->wrong++;
            locache_value_free(value);
        } else if (status != LOCACHE_MISS) {
            in->wrong++;
        }
        status = locache_put(in->cache, k.bytes, k.size, &record, &own);
        /* Whoever deletes in a loop may win three times in a row, as may another version's
         * switch. */
        if (status != LOCACHE_OK && status != LOCACHE_EIO && status != LOCACHE_EBUSY)
            in->wrong++;
    }
    return NULL;
}

static void *delete_in_thread(void *context)
{
    shared *in = context;
    while (!atomic_load(&in->stop)) {
        remove_all(foo);
        usleep(500);
    }
    return NULL;
}

static void run_threads(bool deleting)
{
    pthread_t users[4];
    pthread_t deleter;
    shared all = {.cache = open_function("my_func")};
    if (deleting)
        assert_int_equal(pthread_create(&deleter, NULL, delete_in_thread, &all), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&users[i], NULL, use_in_thread, &all), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(users[i], NULL);
    atomic_store(&all.stop, true);
    if (deleting)
        pthread_join(deleter, NULL);
    assert_int_equal(all.wrong, 0);
    must_put(all.cache, 1, "of 1");
    assert_hit(all.cache, 1, "of 1");
    locache_close(all.cache);
}

static void test_threads__share_a_handle(void **unused)
{
    (void)unused;
    run_threads(false);
}

static void test_threads__share_a_handle_while_all_is_deleted(void **unused)
{
    (void)unused;
    run_threads(true);
}

/* What a process knows of caches and of their places is all threads'. */
static void *open_in_thread(void *context)
{
    shared *in = context;
    char found[LOCACHE_PATH_MAX];
    char source[192];
    snprintf(source, sizeof source, "%s/foo.py", scratch);
    for (int round = 0; round < 300; round++) {
        locache_error own;
        locache *cache = NULL;
        locache_options options = options_for(function_name(round % 5));
        if (locache_locate(found, source, NULL, 0, &own) != LOCACHE_OK || strcmp(found, foo) != 0 ||
            locache_open(&cache, found, &options, &own) != LOCACHE_OK)
            in->wrong++;
        locache_close(cache);
        /* Also where the last look is too long ago. */
        if (round % 100 == 99)
            wait_lately();
    }
    return NULL;
}

static void test_threads__open_functions_of_one_cache(void **unused)
{
    (void)unused;
    pthread_t users[4];
    shared all = {.cache = NULL};
    for (int i = 0; i < 5; i++) {
        locache *cache = open_function(function_name(i));
        must_put(cache, 1, "one");
        locache_close(cache);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&users[i], NULL, open_in_thread, &all), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(users[i], NULL);
    assert_int_equal(all.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test_long(test_threads__share_a_handle),
        scratch_test_long(test_threads__share_a_handle_while_all_is_deleted),
        scratch_test_long(test_threads__open_functions_of_one_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
