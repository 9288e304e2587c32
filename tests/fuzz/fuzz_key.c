/* Any bytes as a key: its name is a valid file name; without a hash it says the whole key, and with
 * one it has that key's. */
#include "../unit/unname.h"
#include "base/hash.h"
#include "base/text.h"
#include "format/cbor.h"
#include "format/key.h"
#include "require.h"

static void says_its_key(const char *name, const uint8_t *data, size_t size)
{
    locache_cbor_writer key;
    unsigned char room[512];
    locache_cbor_writer_init(&key, room, sizeof room);
    REQUIRE(unname(&key, name));
    REQUIRE(locache_cbor_writer_status(&key) == LOCACHE_OK);
    REQUIRE(key.length == size && memcmp(key.data, data, size) == 0);
    locache_cbor_writer_clear(&key);
}

static void has_its_hash(const char *hash, const uint8_t *data, size_t size)
{
    locache_id id;
    unsigned char said[LOCACHE_ID_SIZE];
    unsigned char room[LC_KEY_DIGEST_MAX];
    const lc_span stored = lc_key_stored(room, data, size); /* what stands for a long one */
    locache_id_of(&id, stored.data, stored.size);
    REQUIRE(lc_text_unhex(said, sizeof said, hash));
    REQUIRE(memcmp(said, id.bytes, sizeof said) == 0);
}

int fuzz_input(const uint8_t *data, size_t size)
{
    char name[LOCACHE_NAME_MAX + 1];
    locache_status status = locache_key_filename(name, data, size);
    if (status != LOCACHE_OK) {
        REQUIRE(status == LOCACHE_ECORRUPT || status == LOCACHE_ELIMIT);
        return 0;
    }
    REQUIRE(memchr(name, '\0', sizeof name) != NULL);
    REQUIRE(unname_complaint(name) == NULL);
    REQUIRE(lc_text_is_utf8((const unsigned char *)name, strlen(name)));
    const char *hash = strchr(name, '~');
    if (hash == NULL)
        says_its_key(name, data, size);
    else
        has_its_hash(hash + 1, data, size);
    return 0;
}
