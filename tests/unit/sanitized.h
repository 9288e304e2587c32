/* SANITIZED: whether a sanitizer watches this build, 1 or 0. It makes everything several times as
 * slow, and what it looks for shows in the first rounds of a loop or in none: such a build makes
 * fewer of them, the plain one all. Valgrind watches the plain build: watched(). */
#ifndef TEST_SANITIZED_H
#define TEST_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#include <stdbool.h>
#include <stdlib.h>

/* Whether a sanitizer or valgrind watches. Of valgrind tools/test.sh says so. */
static inline bool watched(void)
{
    return SANITIZED || getenv("LOCACHE_TEST_VALGRIND") != NULL;
}

#endif
