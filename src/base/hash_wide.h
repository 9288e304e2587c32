/* XXH3 by registers that not every processor has. Any thread, one at a time for each state. */
#ifndef LC_HASH_WIDE_H
#define LC_HASH_WIDE_H

#include <stdbool.h>
#include <stddef.h>

/* XXH3_128bits_update() of an XXH3_state_t, by AVX2. False: there is none in this processor, and
 * the state is as it was. */
bool lc_hash_wide(void *state, const void *data, size_t size);

#endif
