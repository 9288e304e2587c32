/* Digests of the definitions in a text, which is read once for all of its functions. */
#ifndef LC_DIGESTS_H
#define LC_DIGESTS_H

#include "base/hash.h"
#include "locache.h"

/* The digest of the definition of that name whose parentheses stand on that line; *found is false
 * where the text has none. OK, ENOMEM. Any thread. */
locache_status lc_digest_definition(bool *found, locache_id *out, lc_span text, const char *name,
                                    int line);
/* Of all tokens of the text. OK, ENOMEM. Any thread. */
locache_status lc_digest_whole(locache_id *out, lc_span text);
/* Forget what is known of every text. No other thread may be in here. */
void lc_digests_clear(void);

#endif
