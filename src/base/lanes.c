/* BLAKE2b of several messages side by side: how many, and four of them with AVX2. */
#define LC_LANES_WIDTH 4
#include "base/lanes.h"
#include "base/lanes_step.h"
#include "base/sodium.h"

#ifdef LC_LANES_X86

#include <sodium.h>

unsigned lc_lanes_count(void)
{
    /* libsodium has asked the processor. The compiler's own question is asked by every program that
     * has this in it, as it starts, and in virtual machines each takes a microsecond. */
    lc_sodium_start();
    return sodium_runtime_has_avx512f() ? 8 : sodium_runtime_has_avx2() ? 4 : 0;
}

WITH_VECTORS void lc_lanes_digest_four(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                                       const unsigned char *const messages[4], size_t size,
                                       const char *person)
{
    digest(out, messages, size, person);
}

void lc_lanes_digest(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                     const unsigned char *const *messages, size_t size, const char *person)
{
    if (lc_lanes_count() == 8)
        lc_lanes_digest_eight(out, messages, size, person);
    else
        lc_lanes_digest_four(out, messages, size, person);
}

#else

/* Elsewhere libsodium's one message at a time is what there is: the rest is never called. */
unsigned lc_lanes_count(void)
{
    return 0;
}

void lc_lanes_digest(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                     const unsigned char *const *messages, size_t size, const char *person)
{
    (void)out, (void)messages, (void)size, (void)person;
}

#endif
