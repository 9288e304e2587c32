/* What is promised of memory: to decode an input takes at most four times its size, and a MiB.
 * Counted where the core's memory comes from, by an allocator of the target's own. */
#ifndef FUZZ_MEMORY_H
#define FUZZ_MEMORY_H

#include "locache.h"
#include "require.h"

#include <stdatomic.h>
#include <string.h>

#define MEMORY_ROOM ((size_t)1 << 20)
/* Its size stands before each piece of memory: in a cache line, so that what follows is aligned. */
#define MEMORY_HEAD ((size_t)64)

/* The core may digest in several threads. */
static atomic_size_t memory_live, memory_most;

static void *memory_allocate(void *context, size_t alignment, size_t size)
{
    void *head;
    (void)context;
    REQUIRE(alignment <= MEMORY_HEAD);
    if (size > SIZE_MAX - MEMORY_HEAD ||
        posix_memalign(&head, MEMORY_HEAD, MEMORY_HEAD + size) != 0)
        return NULL;
    memcpy(head, &size, sizeof size);
    size_t live = atomic_fetch_add(&memory_live, size) + size;
    size_t most = atomic_load(&memory_most);
    while (live > most && !atomic_compare_exchange_weak(&memory_most, &most, live))
        ;
    return (char *)head + MEMORY_HEAD;
}

static void memory_release(void *context, void *memory)
{
    size_t size;
    (void)context;
    if (memory == NULL)
        return;
    char *head = (char *)memory - MEMORY_HEAD;
    memcpy(&size, head, sizeof size);
    atomic_fetch_sub(&memory_live, size);
    free(head);
}

/* Old and new are there at once, as with a realloc() that has to move. */
static void *memory_resize(void *context, void *old, size_t size)
{
    size_t before = 0;
    void *memory = memory_allocate(context, sizeof(void *), size);
    if (memory == NULL)
        return NULL;
    if (old != NULL)
        memcpy(&before, (char *)old - MEMORY_HEAD, sizeof before);
    memcpy(memory, old != NULL ? old : memory, before < size ? before : size);
    memory_release(context, old);
    return memory;
}

/* From here on counts what is taken. The first call comes before the core takes any. */
static inline size_t memory_begin(void)
{
    static bool counts;
    const locache_allocator allocator = {.size = sizeof allocator,
                                         .allocate = memory_allocate,
                                         .resize = memory_resize,
                                         .release = memory_release};
    if (!counts)
        REQUIRE(locache_set_allocator(&allocator, NULL) == LOCACHE_OK);
    counts = true;
    size_t live = atomic_load(&memory_live);
    atomic_store(&memory_most, live);
    return live;
}

/* Since memory_begin(), which returned `began`, no more was taken than an input of so many bytes
 * may take. */
static inline void memory_within(size_t began, size_t input)
{
    size_t taken = atomic_load(&memory_most) - began;
    if (taken > MEMORY_ROOM && (taken - MEMORY_ROOM) / 4 > input) {
        fprintf(stderr, "%zu bytes of memory for %zu of input\n", taken, input);
        abort();
    }
}

#endif
