/* Digests of spans: XXH3-128 as a checksum, BLAKE2b as an id and as a MAC.
 *
 * A checksum finds what disks, crashes and programs do by accident. It is no defence: who can write
 * to a file can make its checksum right. Where somebody may mean harm, BLAKE2b says what a thing is
 * (nobody finds a second content with the same id), and keyed, who wrote it. */
#include "base/hash.h"
#include "base/blake.h"
#include "base/hash_wide.h"
#include "base/sodium.h"

#include <sodium.h>
#include <string.h>
#include <sys/random.h> /* getentropy(), on macOS */
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(LC_MAC_KEY_SIZE <= crypto_generichash_blake2b_KEYBYTES_MAX,
               "BLAKE2b takes the key as it is");
_Static_assert(LC_PERSON_SIZE == crypto_generichash_blake2b_PERSONALBYTES, "and the use");

/* Entries this small (most of them) are gathered and hashed in one call: XXH3's streaming state,
 * 576 bytes to set up and a buffer to pass through, costs more than the copy. */
#define GATHER_MAX 1024

/* From so many bytes on in a piece it is asked what the processor has, which starts libsodium. */
#define WIDE_FROM ((size_t)256 << 10)

/* As many as getentropy() gives at a time. */
#define ENTROPY_MAX 256

/* Up to so many bytes are digested without libsodium as long as nothing else has started it: its
 * start takes as long as to digest twice as many here. */
#define BLAKE_MAX 4096

/* Few bytes, and libsodium is not started? */
static bool is_short(const lc_span *spans, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count && total <= BLAKE_MAX; i++)
        total = spans[i].size <= BLAKE_MAX ? total + spans[i].size : SIZE_MAX;
    return total <= BLAKE_MAX && !lc_sodium_is_ready();
}

/* ------------------------------------------------------------------------------------ checksums */

static XXH128_hash_t checksum_gathered(const lc_span *spans, size_t count)
{
    unsigned char room[GATHER_MAX];
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        /* An empty span may be at NULL, which memcpy() must not be given. */
        if (spans[i].size == 0)
            continue;
        memcpy(room + length, spans[i].data, spans[i].size);
        length += spans[i].size;
    }
    return XXH3_128bits(room, length);
}

static void add_to_checksum(XXH3_state_t *state, lc_span span)
{
    if (span.size > 0 && (span.size < WIDE_FROM || !lc_hash_wide(state, span.data, span.size)))
        XXH3_128bits_update(state, span.data, span.size);
}

static XXH128_hash_t checksum_streamed(const lc_span *spans, size_t count)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < count; i++)
        add_to_checksum(&state, spans[i]);
    return XXH3_128bits_digest(&state);
}

/* xxHash's own order for files: the same bytes on every machine. */
static void canonical(unsigned char out[LC_CHECKSUM_SIZE], XXH128_hash_t hash)
{
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, hash);
    memcpy(out, bytes.digest, LC_CHECKSUM_SIZE);
}

bool lc_checksum_pulled(unsigned char out[LC_CHECKSUM_SIZE],
                        bool (*next)(void *context, lc_span *span), void *context)
{
    XXH3_state_t state;
    lc_span span;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    do {
        if (!next(context, &span))
            return false;
        add_to_checksum(&state, span);
    } while (span.size > 0);
    canonical(out, XXH3_128bits_digest(&state));
    return true;
}

void lc_checksum(unsigned char out[LC_CHECKSUM_SIZE], const lc_span *spans, size_t count)
{
    XXH128_hash_t hash;
    bool small = true;
    size_t total = 0;
    for (size_t i = 0; i < count && small; i++) {
        small = spans[i].size <= GATHER_MAX - total;
        total += small ? spans[i].size : 0;
    }
    /* Three ways, one result: XXH3 does not depend on how its input is cut up. */
    if (count == 1 && spans[0].size < WIDE_FROM)
        hash = XXH3_128bits(spans[0].data, spans[0].size);
    else if (small)
        hash = checksum_gathered(spans, count);
    else
        hash = checksum_streamed(spans, count);
    canonical(out, hash);
}

/* -------------------------------------------------------------------------------------- BLAKE2b */

void lc_blake2b(unsigned char *out, size_t out_size, const lc_span *spans, size_t count)
{
    if (is_short(spans, count)) {
        lc_blake_digest(out, out_size, spans, count);
        return;
    }
    lc_sodium_start();
    if (count == 1) {
        crypto_generichash_blake2b(out, out_size, spans[0].data, spans[0].size, NULL, 0);
        return;
    }
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, NULL, 0, out_size);
    for (size_t i = 0; i < count; i++)
        crypto_generichash_blake2b_update(&state, spans[i].data, spans[i].size);
    crypto_generichash_blake2b_final(&state, out, out_size);
}

void lc_mac(unsigned char out[LC_MAC_SIZE], const unsigned char key[LC_MAC_KEY_SIZE],
            const char *person, const lc_span *spans, size_t count)
{
    crypto_generichash_blake2b_state state;
    lc_sodium_start();
    crypto_generichash_blake2b_init_salt_personal(&state, key, LC_MAC_KEY_SIZE, LC_MAC_SIZE, NULL,
                                                  (const unsigned char *)person);
    for (size_t i = 0; i < count; i++)
        crypto_generichash_blake2b_update(&state, spans[i].data, spans[i].size);
    crypto_generichash_blake2b_final(&state, out, LC_MAC_SIZE);
}

bool lc_mac_equal(const unsigned char a[LC_MAC_SIZE], const unsigned char b[LC_MAC_SIZE])
{
    return sodium_memcmp(a, b, LC_MAC_SIZE) == 0;
}

void locache_id_of(locache_id *out, const void *data, size_t size)
{
    lc_blake2b(out->bytes, sizeof out->bytes, &(lc_span){data, size}, 1);
}

void lc_random(void *out, size_t size)
{
    /* The kernel's own, as libsodium's are: but that would have to be started. */
    if (size <= ENTROPY_MAX && getentropy(out, size) == 0)
        return;
    lc_sodium_start();
    randombytes_buf(out, size);
}
