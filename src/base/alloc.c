/* Where memory comes from: malloc(), or what the caller gave before anything was taken. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/sized.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A cache line, and the widest vector load. */
#define ALIGNMENT 64

/* Where memory comes from is settled by the first who takes some. */
enum { UNSETTLED, FROM_MALLOC, FROM_CALLER };

static atomic_int memory_source;
static locache_allocator given; /* where it is FROM_CALLER */

/* The caller's allocator, or NULL for malloc(). */
static inline const locache_allocator *allocator(void)
{
    int source = atomic_load_explicit(&memory_source, memory_order_relaxed);
    if (__builtin_expect(source == FROM_MALLOC, 1))
        return NULL;
    if (source == FROM_CALLER)
        return &given;
    atomic_store_explicit(&memory_source, FROM_MALLOC, memory_order_relaxed);
    return NULL;
}

locache_status locache_set_allocator(const locache_allocator *wanted, locache_error *error)
{
    locache_allocator known;
    lc_error_clear(error);
    if (wanted == NULL ||
        !lc_sized_take(&known, sizeof known, LC_SIZED_UP_TO(locache_allocator, release), wanted) ||
        known.allocate == NULL || known.resize == NULL || known.release == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "an allocator must have a size and three functions");
    if (atomic_load(&memory_source) != UNSETTLED)
        return lc_fail(error, LOCACHE_EINVAL,
                       "memory was taken already; set the allocator before anything else");
    given = known;
    atomic_store(&memory_source, FROM_CALLER);
    return LOCACHE_OK;
}

void *lc_alloc(size_t size)
{
    const locache_allocator *from = allocator();
    if (lc_fault("alloc"))
        return NULL;
    return from ? from->allocate(from->context, alignof(max_align_t), size ? size : 1)
                : malloc(size ? size : 1);
}

void *lc_realloc(void *old, size_t size)
{
    const locache_allocator *from = allocator();
    if (lc_fault("alloc"))
        return NULL;
    return from ? from->resize(from->context, old, size ? size : 1) : realloc(old, size ? size : 1);
}

void *lc_alloc_aligned(size_t size)
{
    const locache_allocator *from = allocator();
    void *memory;
    if (lc_fault("alloc"))
        return NULL;
    if (from != NULL)
        return from->allocate(from->context, ALIGNMENT, size ? size : 1);
    int code = posix_memalign(&memory, ALIGNMENT, size ? size : 1);
    if (code != 0) {
        errno = code;
        return NULL;
    }
    return memory;
}

void lc_free(void *memory)
{
    const locache_allocator *from = allocator();
    if (from != NULL)
        from->release(from->context, memory);
    else
        free(memory);
}
