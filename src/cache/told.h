/* What a handle was told of its version beside the identity: alternatives to it, a note, who says
 * that it means the same as the one before. Copied, and the same for as long as the handle lives.
 * Any thread. */
#ifndef LC_TOLD_H
#define LC_TOLD_H

#include "base/error.h"
#include "base/hash.h"

typedef struct lc_told {
    lc_span note;
    const char *kept_by; /* or NULL */
    size_t count;
    locache_alternative others[]; /* what they point to lies behind them */
} lc_told;

/* Is it well-formed? OK or EINVAL. */
locache_status lc_told_check(const locache_options *options, locache_error *error);
/* *out: the caller's, for lc_free(); NULL where nothing was told. OK or ENOMEM. */
locache_status lc_told_new(lc_told **out, const locache_options *options);

#endif
