/* Compressed entries: made before they are laid out, expanded after they were read. Any thread. */
#ifndef LC_PACKED_H
#define LC_PACKED_H

#include "base/error.h"
#include "disk/value.h"

/* Of a value that is compressed, and that was verified: what an entry that was never compressed
 * would be in memory takes its place in *value, and it is freed. OK; ECORRUPT: the frames are not
 * what they say; ELIMIT: they say more than there is memory for; ENOMEM. Then *value stays. */
locache_status lc_packed_expand(locache_value **value, locache_error *error);

/* A result's parts, as they are stored. */
typedef struct lc_parts {
    lc_span body;
    const void *const *buffers;
    const size_t *sizes;
    size_t count;
} lc_parts;

/* The same, compressed: as long as `memory` is there. */
typedef struct lc_packed {
    lc_parts parts;
    void *memory; /* lc_free() */
} lc_packed;

/* Compress a result, at a level of zstd's or as LOCACHE_COMPRESS_AUTO says it. `maps`: what is
 * large is mapped when it is read, which automatic compression leaves alone. False: it is to be
 * stored as it is, since it would not get smaller by enough, or memory is short. */
bool lc_packed_make(lc_packed *out, const lc_parts *parts, int level, bool maps);

#endif
