/* Results in memory: found in the table, and validated by a look at their files. */
#include "cache/recall.h"
#include "base/log.h"
#include "base/os.h"
#include "base/system.h"

#include <fcntl.h>
#include <string.h>

/* Values of the core's own: beyond, the copy that a put makes for them would cost what it saves. */
#define KEPT_MAX ((size_t)64 << 10)
/* A file that is held while it is deleted by others: all of a function's, 16 MiB at most. */
#define HELD_FILE_MAX (INT64_C(256) << 10)

static void retain_value(void *object)
{
    locache_value_retain(object);
}

static void release_value(void *object)
{
    locache_value_free(object);
}

locache_status lc_recall_init(locache *cache, const locache_options *options)
{
    lc_recall *recall = &cache->recall;
    recall->recheck = options->recheck > 0 ? options->recheck : 0;
    recall->values = options->retain == NULL;
    atomic_init(&recall->grain, -1);
    atomic_init(&recall->holds, false);
    /* With max_entries every use has to be noted at the file: nothing is gained. */
    if (options->memory_entries < 0 || options->memory_bytes < 0 || options->max_entries > 0)
        return LOCACHE_OK;
    const lc_table_options table = {
        .entries = (uint64_t)(options->memory_entries > 0 ? options->memory_entries
                                                          : LOCACHE_MEMORY_ENTRIES),
        .bytes =
            (uint64_t)(options->memory_bytes > 0 ? options->memory_bytes : LOCACHE_MEMORY_BYTES),
        .retain = recall->values ? retain_value : options->retain,
        .release = recall->values ? release_value : options->release,
    };
    recall->table = lc_table_new(&table);
    return recall->table != NULL ? LOCACHE_OK : LOCACHE_ENOMEM;
}

void lc_recall_close(locache *cache)
{
    lc_table_free(cache->recall.table);
}

void lc_recall_found_directory(locache *cache, int funcdir)
{
    const lc_file_system system = lc_file_system_of(funcdir);
    atomic_store(&cache->recall.grain, system.grain);
    atomic_store(&cache->recall.holds, system.holds);
}

/* --------------------------------------------------------------------------------------- recall */

/* A young file could be moved away within the tick of its last change: its name shows that, the
 * file itself does not. One that is deleted takes its space on disk as long as it is held. */
static bool may_pin(const lc_recall *recall, const locache_stamp *stamp)
{
    return atomic_load(&recall->holds) && stamp->words[LC_STAMP_SIZE] <= HELD_FILE_MAX &&
           lc_stamp_is_old(stamp, atomic_load(&recall->grain));
}

/* Open the file of an entry that is used much, so that asking it costs less from now on. A
 * descriptor that shows nothing of its content, and for which no permission is needed. */
static void pin(locache *cache, const lc_table_hit *hit, const lc_address *address)
{
#ifdef O_PATH
    struct stat found;
    int fd = lc_openat(atomic_load(&cache->funcdir), address->name, O_PATH, 0);
    if (fd < 0)
        return;
    if (lc_fstat(fd, &found) == 0 && lc_stamp_matches(&hit->stamp, &found))
        lc_table_pin(cache->recall.table, address, hit->serial, fd);
    else
        lc_close(fd);
#else
    (void)cache, (void)hit, (void)address;
#endif
}

/* Another thread may close the descriptor meanwhile, and a third open another file under its
 * number. That file has another stamp; and where it is this one after all, the answer is true. */
static bool descriptor_says_so(const lc_table_hit *hit)
{
    struct stat found;
    return hit->descriptor >= 0 && lc_fstat(hit->descriptor, &found) == 0 &&
           lc_stamp_matches(&hit->stamp, &found);
}

/* Does the file of the address have that stamp? */
static bool is_named(const locache *cache, const locache_stamp *stamp, lc_address *address)
{
    int funcdir = atomic_load(&cache->funcdir);
    const char *name = funcdir >= 0 ? lc_address_name(address) : NULL;
    return name != NULL && lc_stamp_is_at(stamp, funcdir, name);
}

static bool name_says_so(locache *cache, const lc_table_hit *hit, lc_address *address)
{
    if (!is_named(cache, &hit->stamp, address))
        return false;
    if (hit->pin && may_pin(&cache->recall, &hit->stamp))
        pin(cache, hit, address);
    return true;
}

/* Is the file that it stands for still there, and the same? */
static bool is_still_so(locache *cache, const lc_table_hit *hit, lc_address *address)
{
    const lc_recall *recall = &cache->recall;
    const int64_t *words = hit->stamp.words;
    if (words[LC_STAMP_UNTIL] != 0 && words[LC_STAMP_UNTIL] <= lc_now())
        return false;
    if (recall->recheck > 0 && hit->asked != LC_TABLE_NEVER &&
        lc_ticks() - hit->asked < recall->recheck)
        return true;
    if (!words[LC_STAMP_PROVES])
        return false;
    if (!descriptor_says_so(hit) && !name_says_so(cache, hit, address))
        return false;
    if (recall->recheck > 0)
        lc_table_note(recall->table, address, hit->serial);
    return true;
}

/* The table has counted it. */
static void tell_hit(const locache *cache, lc_address *address)
{
    const char *name = lc_log_wanted() ? lc_address_name(address) : NULL;
    if (name != NULL)
        lc_handle_tell(cache, LOCACHE_EVENT_HIT, name, "");
}

uint64_t lc_recall_hits(const locache *cache)
{
    const lc_recall *recall = &cache->recall;
    return recall->table == NULL ? 0
                                 : lc_table_found(recall->table) - atomic_load(&recall->refuted);
}

static inline locache_status find_valid(void **object, locache *cache, lc_address *address)
{
    lc_recall *recall = &cache->recall;
    lc_table_hit hit;
    if (recall->table == NULL || !lc_table_find(&hit, recall->table, address))
        return LOCACHE_MISS;
    if (!is_still_so(cache, &hit, address)) {
        atomic_fetch_add_explicit(&recall->refuted, 1, memory_order_relaxed);
        lc_table_drop(recall->table, address, hit.serial);
        lc_table_release(recall->table, hit.object);
        return LOCACHE_MISS;
    }
    tell_hit(cache, address);
    *object = hit.object;
    return LOCACHE_OK;
}

locache_status locache_recall(void **object, locache *cache, const void *key, size_t key_size)
{
    lc_address address;
    if (cache->recall.values)
        return LOCACHE_MISS;
    lc_address_init(&address, key, key_size);
    return find_valid(object, cache, &address);
}

/* --------------------------------------------------------------------------------------- keep */

/* From now on it is not asked for: but whoever changed the file after its stamp was taken, and made
 * what was in memory forgotten, did not find this yet. */
static void ask_once(locache *cache, lc_address *address, const locache_stamp *stamp,
                     uint64_t serial)
{
    if (is_named(cache, stamp, address))
        lc_table_note(cache->recall.table, address, serial);
    else
        lc_table_drop(cache->recall.table, address, serial);
}

static void keep(locache *cache, lc_address *address, const locache_stamp *stamp, void *object,
                 size_t object_size)
{
    const lc_recall *recall = &cache->recall;
    uint64_t serial = 0;
    if (recall->table == NULL)
        return;
    /* What could not be validated at the next call need not be there. */
    if (stamp->words[LC_STAMP_PROVES] || (recall->recheck > 0 && stamp->words[LC_STAMP_SIZE] > 0))
        serial = lc_table_put(recall->table, address, stamp, object, object_size);
    else
        lc_table_drop(recall->table, address, 0);
    if (serial != 0 && recall->recheck > 0)
        ask_once(cache, address, stamp, serial);
}

void locache_remember(locache *cache, const void *key, size_t key_size, const locache_stamp *stamp,
                      void *object, size_t object_size)
{
    lc_address address;
    if (cache->recall.values)
        return;
    lc_address_init(&address, key, key_size);
    keep(cache, &address, stamp, object, object_size);
}

void locache_forget_memory(locache *cache)
{
    if (cache->recall.table != NULL)
        lc_table_clear(cache->recall.table);
}

/* --------------------------------------------------------------------- values of the core's own */

locache_status lc_recall_value(locache_value **out, locache *cache, lc_address *address)
{
    void *object;
    if (!cache->recall.values || find_valid(&object, cache, address) != LOCACHE_OK)
        return LOCACHE_MISS;
    *out = object;
    return LOCACHE_OK;
}

void lc_recall_keep(locache *cache, lc_address *address, locache_value *value)
{
    if (cache->recall.values && value->entry.buffer_count == 0 && value->size <= KEPT_MAX)
        keep(cache, address, &value->stamp, value, sizeof *value + value->size);
}

void lc_recall_keep_written(locache *cache, lc_address *address, const locache_stamp *stamp,
                            const lc_image *image)
{
    size_t size = (size_t)stamp->words[LC_STAMP_SIZE];
    if (!cache->recall.values || cache->recall.table == NULL)
        return;
    bool fits = image->count == 1 && size > 0 && size <= KEPT_MAX && image->spans[0].size == size;
    locache_value *value = fits ? lc_value_new(size) : NULL;
    if (value == NULL) {
        lc_table_drop(cache->recall.table, address, 0);
        return;
    }
    memcpy(value->bytes, image->spans[0].data, size);
    value->stamp = *stamp;
    if (lc_entry_parse(&value->entry, value->bytes, size, NULL) == LOCACHE_OK)
        lc_recall_keep(cache, address, value);
    locache_value_free(value);
}

void lc_recall_forget(locache *cache, const lc_address *address)
{
    if (!cache->recall.values || cache->recall.table == NULL)
        return;
    if (address != NULL)
        lc_table_drop(cache->recall.table, address, 0);
    else
        lc_table_clear(cache->recall.table);
}
