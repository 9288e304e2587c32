/* BLAKE2b of eight messages side by side, with AVX-512. */
#define LC_LANES_WIDTH 8
#include "base/lanes_step.h"

#ifdef LC_LANES_X86

WITH_VECTORS void lc_lanes_digest_eight(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                                        const unsigned char *const messages[8], size_t size,
                                        const char *person)
{
    digest(out, messages, size, person);
}

#endif
