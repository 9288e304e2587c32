/* Validate an entry that was read: is it the result that is asked for, and may it be given?
 *
 * The order is from what says that the file is damaged or foreign, which is an error that the user
 * hears of, to what makes a sound entry no result now, which is a plain miss. First what the entry
 * says of itself, its lengths and checksum; then the function and the whole key, so that a file
 * that was renamed, or a name that two calls share on a file system without case, is found out;
 * then version and age; and last the MAC of a pickle, the one check that needs a secret. Nothing is
 * decoded before all of it held. */
#include "cache/validate.h"
#include "base/system.h"
#include "cache/base.h"
#include "disk/groupkey.h"
#include "disk/userkey.h"
#include "disk/verified.h"
#include "disk/version_file.h"
#include "format/entry.h"

#include <string.h>

/* Who moves the state from NONE to LOADING writes the key, alone; the store of THERE publishes it,
 * and nobody reads cache->key before. Who finds LOADING reads the file for itself and waits for
 * nobody: so does a child of fork() whose parent's other thread was writing, for as long as it
 * lives. */
locache_status lc_validate_key(unsigned char out[LC_MAC_KEY_SIZE], locache *cache, bool make,
                               locache_error *error)
{
    if (atomic_load(&cache->key_state) == LC_KEY_THERE) {
        memcpy(out, cache->key, LC_MAC_KEY_SIZE);
        return LOCACHE_OK;
    }
    locache_status status =
        cache->mode != 0 ? lc_groupkey_read(out, cache->dir, error) : LOCACHE_MISS;
    if (status == LOCACHE_MISS)
        status = lc_userkey_read(out, make, cache->dir, error);
    int none = LC_KEY_NONE;
    if (status == LOCACHE_OK &&
        atomic_compare_exchange_strong(&cache->key_state, &none, LC_KEY_LOADING)) {
        memcpy(cache->key, out, LC_MAC_KEY_SIZE);
        atomic_store(&cache->key_state, LC_KEY_THERE);
    }
    return status;
}

static bool same_id(const locache_id *a, const locache_id *b)
{
    return memcmp(a->bytes, b->bytes, LOCACHE_ID_SIZE) == 0;
}

bool lc_validate_function(const lc_entry *entry, const locache *cache)
{
    return same_id(&entry->function, &cache->function_id);
}

/* Over what was parsed, not over the file: of a mapped value the front is in private memory, where
 * it cannot change after it was checked. */
static bool mac_verifies(const locache_value *value, const unsigned char key[LC_MAC_KEY_SIZE])
{
    if (!value->mapped)
        return lc_entry_authentic((lc_span){value->bytes, value->size}, (lc_span){NULL, 0}, key);
    size_t front = lc_value_front(value);
    return lc_entry_authentic((lc_span){value->room, front},
                              (lc_span){value->bytes + front, value->size - front}, key);
}

/* Is it signed with this key? The MAC of a mapped one reads all of its buffers, which are what
 * mapping saves: so it is verified once for a state of the file, as its checksum is, and noted
 * there under a seal that needs the key. */
static bool is_authentic(const locache_value *value, locache *cache, const char *name,
                         const unsigned char key[LC_MAC_KEY_SIZE])
{
    lc_verified file;
    if (!value->mapped)
        return mac_verifies(value, key);
    lc_directory store = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    lc_verified_init(&file, store.dir, store.owner, &value->stamp, lc_entry_checksum(value->room));
    bool found = lc_verified_find(&file);
    if (found && lc_verified_sealed(&file, key))
        return true;
    if (!mac_verifies(value, key))
        return false;
    /* The MAC was of the mapping just now, the note is of the file in the state of its stamp: only
     * where that is still its state do the two belong together. */
    if (found && lc_stamp_is_at(&value->stamp, store.dir, name)) {
        lc_verified_seal(&file, key);
        lc_verified_note(&file);
    }
    return true;
}

/* What is to be done about a pickle that does not verify. */
static const char *key_remedy(const locache *cache)
{
    if (cache->foreign)
        return ": let the base be made with LOCACHE_MODE and LOCACHE_GROUP_KEY, and name that key "
               "in LOCACHE_GROUP_KEY here";
    return cache->mode != 0 ? ": let all members name one key in LOCACHE_GROUP_KEY" : "";
}

/* In a base, what a group signed is as good as what the user did. OK; MISS: it did not; else what
 * is wrong with the group's key. */
static locache_status check_group(const locache_value *value, const locache *cache,
                                  locache_error *error)
{
    unsigned char key[LC_MAC_KEY_SIZE];
    locache_status status =
        cache->foreign ? lc_groupkey_read(key, cache->dir, error) : LOCACHE_MISS;
    return status == LOCACHE_OK && !mac_verifies(value, key) ? LOCACHE_MISS : status;
}

/* May a pickle be given to somebody who will run it? Only one that this user's key signed, or the
 * one that its group shares. The key is not made here: without one there is nothing that it could
 * have signed. */
static locache_status check_pickle(const locache_value *value, locache *cache, const char *name,
                                   locache_error *error)
{
    unsigned char key[LC_MAC_KEY_SIZE];
    if (!value->entry.has_mac)
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is pickled and not signed",
                       lc_handle_path(cache), name);
    locache_status status = lc_validate_key(key, cache, false, error);
    if (status == LOCACHE_OK && is_authentic(value, cache, name, key))
        return LOCACHE_OK;
    /* A member who has no key at all is told of the group's. */
    bool told = cache->foreign || (cache->mode != 0 && lc_environment("LOCACHE_GROUP_KEY") == NULL);
    if (status != LOCACHE_OK && !told)
        return status;
    status = check_group(value, cache, error);
    if (status == LOCACHE_OK)
        lc_error_clear(error);
    if (status != LOCACHE_MISS)
        return status;
    return lc_fail(error, LOCACHE_EUNTRUSTED,
                   "%s/%s is pickled, and signed with another key than this user's%s",
                   lc_handle_path(cache), name, key_remedy(cache));
}

/* Was the version that an entry is of said to be the same as the handle's? Such entries are few, so
 * that the record is asked for each. */
static bool is_kept(const locache *cache, const locache_id *version)
{
    lc_version record;
    locache_status status = LOCACHE_OK;
    int funcdir = atomic_load(&cache->funcdir);
    if (cache->foreign)
        lc_base_record(&record, funcdir);
    else
        status = lc_version_file_read(&record, funcdir, lc_handle_path(cache), NULL);
    return status == LOCACHE_OK && !record.lost && !record.newer &&
           lc_version_has_id(&record, version);
}

/* With LOCACHE_OPEN_KEEP any version will do. Age counts from the last use, which is the file's
 * time. */
const char *lc_validate_use(const lc_entry *entry, int64_t used, const locache *cache)
{
    locache_id version = lc_handle_version(cache);
    if (!(cache->flags & LOCACHE_OPEN_KEEP) && !same_id(&entry->version, &version) &&
        !is_kept(cache, &entry->version))
        return "of another version of the function";
    bool ends = entry->expires != 0 || cache->limits.ttl > 0;
    if (ends && lc_limits_over(&cache->limits, entry->created, entry->expires, lc_now()))
        return "expired";
    if (cache->limits.max_age > 0 && lc_limits_age(used) > cache->limits.max_age)
        return "expired";
    if (entry->codec == LOCACHE_CODEC_PICKLE && cache->flags & LOCACHE_OPEN_NO_PICKLE)
        return "pickled, which is forbidden here";
    return NULL;
}

locache_status lc_validate(const char **why, locache_value *value, locache *cache,
                           lc_address *address, locache_error *error)
{
    lc_entry *entry = &value->entry;
    /* A large one was parsed and verified as it was read (disk/mapped.c). */
    locache_status status =
        value->sound ? LOCACHE_OK : lc_entry_parse(entry, value->bytes, value->size, error);
    if (status == LOCACHE_MISS) {
        *why = "in an earlier format";
        return LOCACHE_MISS;
    }
    if (status != LOCACHE_OK)
        return lc_fail(error, status, "%s/%s: %s", lc_handle_path(cache), address->name,
                       error->message);
    if (!lc_validate_function(entry, cache))
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s belongs to another function",
                       lc_handle_path(cache), address->name);
    lc_span key = lc_address_stored(address);
    if (entry->key.size != key.size || memcmp(entry->key.data, key.data, key.size) != 0)
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s belongs to another call",
                       lc_handle_path(cache), address->name);
    *why = lc_validate_use(entry, value->stamp.words[LC_STAMP_MTIME], cache);
    if (*why != NULL)
        return LOCACHE_MISS;
    return entry->codec == LOCACHE_CODEC_PICKLE ? check_pickle(value, cache, address->name, error)
                                                : LOCACHE_OK;
}
