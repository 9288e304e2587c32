/* What a handle was told of its version beside the identity: alternatives to it, a note, who says
 * that it means the same as the one before. Copied, and the same for as long as the handle lives.
 * Any thread. */
#ifndef LC_TOLD_H
#define LC_TOLD_H

#include "base/error.h"
#include "base/hash.h"
#include "format/version_text.h"

typedef struct lc_told {
    lc_span note;
    const char *kept_by; /* or NULL */
    size_t count;
    lc_alternative others[]; /* what they point to lies behind them */
} lc_told;

/* What a program says of a function's identity, with zeros for what it does not; NULL says nothing.
 * False: its size is none. */
bool lc_told_identity(locache_identity *out, const locache_identity *given);
/* One of its alternatives, of a binding that may be older. False: its size is none, or it has no
 * identity or no state. */
bool lc_told_alternative(lc_alternative *out, const locache_alternative *given);
/* Is it well-formed? OK or EINVAL. */
locache_status lc_told_check(const locache_options *options, locache_error *error);
/* *out: the caller's, for lc_free(); NULL where nothing was told. OK or ENOMEM. */
locache_status lc_told_new(lc_told **out, const locache_options *options);

#endif
