/* Digests: XXH3-128 (fast, finds damage) and BLAKE2b (RFC 7693, by libsodium; finds forgery).
 * Any thread. */
#ifndef LC_HASH_H
#define LC_HASH_H

#include "locache.h"

#define LC_CHECKSUM_SIZE 16
#define LC_MAC_SIZE 32
#define LC_MAC_KEY_SIZE 32
#define LC_PERSON_SIZE 16 /* of BLAKE2b's personalisation */

typedef struct lc_span {
    const void *data;
    size_t size;
} lc_span;

/* XXH3-128 (seed 0) of the spans one after the other, in canonical (big-endian) byte order. */
void lc_checksum(unsigned char out[LC_CHECKSUM_SIZE], const lc_span *spans, size_t count);

/* The same of what next() gives, span by span, until it gives an empty one. False: next() did, and
 * out is untouched. */
bool lc_checksum_pulled(unsigned char out[LC_CHECKSUM_SIZE],
                        bool (*next)(void *context, lc_span *span), void *context);

/* BLAKE2b-256, keyed, of the spans one after the other. `person` is LC_PERSON_SIZE bytes: what is
 * signed for one use is never taken for what was signed for another. */
void lc_mac(unsigned char out[LC_MAC_SIZE], const unsigned char key[LC_MAC_KEY_SIZE],
            const char *person, const lc_span *spans, size_t count);
/* In constant time: how long a refusal takes does not tell how much of a MAC was right. */
bool lc_mac_equal(const unsigned char a[LC_MAC_SIZE], const unsigned char b[LC_MAC_SIZE]);

/* BLAKE2b of out_size (16 to 64) bytes over the spans. */
void lc_blake2b(unsigned char *out, size_t out_size, const lc_span *spans, size_t count);

/* locache_digest() of the spans (one at least) one after the other, with threads where they are as
 * large as it says. Never fails. */
void lc_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const lc_span *spans, size_t count);

/* Bytes nobody can guess. */
void lc_random(void *out, size_t size);

#endif
