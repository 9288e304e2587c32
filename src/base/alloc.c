/* Where memory comes from: malloc(), or what the caller gave before anything was taken.
 *
 * Memory must go back to where it came from, so the choice is made once and never changes: the
 * first allocation, or the first locache_set_allocator(), settles it. Every allocation asks which
 * it is, and a hit makes a few, so that asking is one relaxed load. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/sized.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

/* A cache line, and the widest vector load. */
#define ALIGNMENT 64
/* A huge page of most processors. What holds two of them whole is made of such, as NumPy does it:
 * to fill it takes a fault for each page. */
#define HUGE_PAGE ((size_t)2 << 20)

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
    /* A plain store: threads that come here at once store the same. A locache_set_allocator() that
     * runs meanwhile breaks its own contract, which is to come before everything else. */
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
    /* After the struct is whole: whoever sees FROM_CALLER uses it. */
    atomic_store(&memory_source, FROM_CALLER);
    return LOCACHE_OK;
}

void *lc_alloc(size_t size)
{
    const locache_allocator *from = allocator();
    if (lc_fault("alloc"))
        return NULL;
    /* Of nothing, malloc() may return NULL, which callers would take for a lack of memory. */
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
    bool huge = size >= 2 * HUGE_PAGE;
    if (lc_fault("alloc"))
        return NULL;
    if (from != NULL)
        return from->allocate(from->context, ALIGNMENT, size ? size : 1);
    /* Not aligned_alloc(): C11 asks of it that the size be a multiple of the alignment. */
    int code = posix_memalign(&memory, huge ? HUGE_PAGE : ALIGNMENT, size ? size : 1);
    if (code != 0) {
        errno = code;
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    /* A hint: where it is not taken, the pages are small ones. */
    if (huge)
        (void)madvise(memory, size, MADV_HUGEPAGE);
#endif
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
