/* What a program's ThreadSanitizer is told of this library's own locks. It sees the calls of libc's
 * functions that the library makes, as memcpy() and free(), but in a library that was compiled
 * without it none of the atomic operations that put them into order, and would report each as a
 * race. Nothing happens where there is none. Any thread. */
#ifndef LC_WATCHED_H
#define LC_WATCHED_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) && defined(__ELF__)
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

/* Whoever comes after through that address comes after what was done so far. */
static inline void lc_watched_before(const volatile void *address)
{
    if (__builtin_expect(__tsan_release != NULL, 0))
        __tsan_release((void *)(uintptr_t)address);
}

static inline void lc_watched_after(const volatile void *address)
{
    if (__builtin_expect(__tsan_acquire != NULL, 0))
        __tsan_acquire((void *)(uintptr_t)address);
}
#else
static inline void lc_watched_before(const volatile void *address)
{
    (void)address;
}

static inline void lc_watched_after(const volatile void *address)
{
    (void)address;
}
#endif

#endif
