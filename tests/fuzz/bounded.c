/* What a fuzz target's input may cost: every run of it is measured, by libFuzzer's and by the plain
 * tests' (replay.c). To read a hostile input takes at most 4 times its size and 1 MiB, all that is
 * held at once, and everything goes back. What the core asks for counts. */
#include "disk/value.h"
#include "require.h"

#include <malloc.h>
#include <stdatomic.h>

#define ANYHOW ((size_t)1 << 20)
#define TIMES 4

/* Deep values are worked on by other threads. */
static atomic_size_t held, most;
static size_t times, given;

static void took(void *memory)
{
    size_t size = malloc_usable_size(memory);
    size_t now = atomic_fetch_add(&held, size) + size;
    size_t before = atomic_load(&most);
    while (now > before && !atomic_compare_exchange_weak(&most, &before, now)) {
    }
}

static void *allocate_counted(void *unused, size_t alignment, size_t size)
{
    void *memory = NULL;
    (void)unused;
    if (posix_memalign(&memory, alignment, size) != 0)
        return NULL;
    took(memory);
    return memory;
}

static void *resize_counted(void *unused, void *old, size_t size)
{
    (void)unused;
    size_t before = malloc_usable_size(old);
    void *memory = realloc(old, size);
    if (memory == NULL)
        return NULL;
    /* Both are there while one is copied to the other. */
    took(memory);
    atomic_fetch_sub(&held, before);
    return memory;
}

static void release_counted(void *unused, void *memory)
{
    (void)unused;
    atomic_fetch_sub(&held, malloc_usable_size(memory));
    free(memory);
}

static void require_bounded(void)
{
    if (atomic_load(&most) > times * given + ANYHOW)
        fprintf(stderr, "%zu bytes were held for %zu\n", atomic_load(&most), given);
    REQUIRE(atomic_load(&most) <= times * given + ANYHOW);
}

void fuzz_allow(size_t times_from_here)
{
    require_bounded();
    times = times_from_here;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const locache_allocator counting = {.size = sizeof counting,
                                               .allocate = allocate_counted,
                                               .resize = resize_counted,
                                               .release = release_counted};
    static bool counts;
    locache_error error;
    if (!counts)
        counts = locache_set_allocator(&counting, &error) == LOCACHE_OK;
    REQUIRE(counts);
    REQUIRE(atomic_load(&held) == 0);
    times = TIMES;
    given = size;
    atomic_store(&most, 0);
    int result = fuzz_input(data, size);
    require_bounded();
    lc_value_clear(); /* it keeps the last one's memory for the next */
    REQUIRE(atomic_load(&held) == 0);
    return result;
}
