#include "cache/recall.h"
#include "base/log.h"
#include "base/os.h"

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

locache_status lc_memory_init(locache *cache, const locache_options *options)
{
    lc_memory *memory = &cache->memory;
    memory->recheck = options->recheck > 0 ? options->recheck : 0;
    memory->values = options->retain == NULL;
    atomic_init(&memory->grain, -1);
    atomic_init(&memory->holds, false);
    /* With max_entries every use has to be noted at the file: nothing is gained. */
    if (options->memory_entries < 0 || options->memory_bytes < 0 || options->max_entries > 0)
        return LOCACHE_OK;
    const lc_memo_options table = {
        .entries = (uint64_t)(options->memory_entries > 0 ? options->memory_entries
                                                          : LOCACHE_MEMORY_ENTRIES),
        .bytes =
            (uint64_t)(options->memory_bytes > 0 ? options->memory_bytes : LOCACHE_MEMORY_BYTES),
        .retain = memory->values ? retain_value : options->retain,
        .release = memory->values ? release_value : options->release,
    };
    memory->table = lc_memo_new(&table);
    return memory->table != NULL ? LOCACHE_OK : LOCACHE_ENOMEM;
}

void lc_memory_close(locache *cache)
{
    lc_memo_free(cache->memory.table);
}

void lc_memory_place(locache *cache, int home)
{
    const lc_file_system system = lc_file_system_of(home);
    atomic_store(&cache->memory.grain, system.grain);
    atomic_store(&cache->memory.holds, system.holds);
}

/* --------------------------------------------------------------------------------------- recall */

/* A young file could be moved away within the tick of its last change: its name shows that, the
 * file itself does not. One that is deleted takes its space on disk as long as it is held. */
static bool may_hold(const lc_memory *memory, const locache_stamp *stamp)
{
    return atomic_load(&memory->holds) && stamp->words[LC_STAMP_SIZE] <= HELD_FILE_MAX &&
           lc_stamp_is_old(stamp, atomic_load(&memory->grain));
}

/* Open the file of an entry that is used much, so that asking it costs less from now on. A
 * descriptor that shows nothing of its content, and for which no permission is needed. */
static void hold(locache *cache, const lc_memo_hit *hit, const char *name, const void *key,
                 size_t key_size)
{
#ifdef O_PATH
    struct stat found;
    int fd = lc_openat(atomic_load(&cache->home), name, O_PATH, 0);
    if (fd < 0)
        return;
    if (lc_fstat(fd, &found) == 0 && lc_stamp_matches(&hit->stamp, &found))
        lc_memo_hold(cache->memory.table, key, key_size, hit->serial, fd);
    else
        lc_close(fd);
#else
    (void)cache, (void)hit, (void)name, (void)key, (void)key_size;
#endif
}

/* Another thread may close the descriptor meanwhile, and a third open another file under its
 * number. That file has another stamp; and where it is this one after all, the answer is true. */
static bool descriptor_says_so(const lc_memo_hit *hit)
{
    struct stat found;
    return hit->descriptor >= 0 && lc_fstat(hit->descriptor, &found) == 0 &&
           lc_stamp_matches(&hit->stamp, &found);
}

/* Does the file of that name, which is made of the key, have that stamp? */
static bool is_named(char name[LOCACHE_NAME_MAX + 1], const locache *cache,
                     const locache_stamp *stamp, const void *key, size_t key_size)
{
    int home = atomic_load(&cache->home);
    return home >= 0 && locache_key_filename(name, key, key_size) == LOCACHE_OK &&
           lc_stamp_is_at(stamp, home, name);
}

static bool name_says_so(locache *cache, const lc_memo_hit *hit, const void *key, size_t key_size)
{
    char name[LOCACHE_NAME_MAX + 1];
    if (!is_named(name, cache, &hit->stamp, key, key_size))
        return false;
    if (hit->hold && may_hold(&cache->memory, &hit->stamp))
        hold(cache, hit, name, key, key_size);
    return true;
}

/* Is the file that it stands for still there, and the same? */
static bool is_still_so(locache *cache, const lc_memo_hit *hit, const void *key, size_t key_size)
{
    const lc_memory *memory = &cache->memory;
    const int64_t *words = hit->stamp.words;
    if (words[LC_STAMP_UNTIL] != 0 && words[LC_STAMP_UNTIL] <= lc_now())
        return false;
    if (memory->recheck > 0 && hit->asked != LC_MEMO_NEVER &&
        lc_ticks() - hit->asked < memory->recheck)
        return true;
    if (!words[LC_STAMP_PROVES])
        return false;
    if (!descriptor_says_so(hit) && !name_says_so(cache, hit, key, key_size))
        return false;
    if (memory->recheck > 0)
        lc_memo_note(memory->table, key, key_size, hit->serial);
    return true;
}

/* The table has counted it. */
static void tell_hit(const locache *cache, const void *key, size_t key_size)
{
    char name[LOCACHE_NAME_MAX + 1];
    if (lc_log_wanted() && locache_key_filename(name, key, key_size) == LOCACHE_OK)
        lc_handle_tell(cache, LOCACHE_EVENT_HIT, name, "");
}

uint64_t lc_memory_hits(const locache *cache)
{
    const lc_memory *memory = &cache->memory;
    return memory->table == NULL ? 0 : lc_memo_found(memory->table) - atomic_load(&memory->refuted);
}

static inline locache_status recall(void **object, locache *cache, const void *key, size_t key_size)
{
    lc_memory *memory = &cache->memory;
    lc_memo_hit hit;
    if (memory->table == NULL || !lc_memo_find(&hit, memory->table, key, key_size))
        return LOCACHE_MISS;
    if (!is_still_so(cache, &hit, key, key_size)) {
        atomic_fetch_add_explicit(&memory->refuted, 1, memory_order_relaxed);
        lc_memo_drop(memory->table, key, key_size, hit.serial);
        lc_memo_release(memory->table, hit.object);
        return LOCACHE_MISS;
    }
    tell_hit(cache, key, key_size);
    *object = hit.object;
    return LOCACHE_OK;
}

locache_status locache_recall(void **object, locache *cache, const void *key, size_t key_size)
{
    return cache->memory.values ? LOCACHE_MISS : recall(object, cache, key, key_size);
}

/* ------------------------------------------------------------------------------------- remember */

/* From now on it is not asked for: but whoever changed the file after its stamp was taken, and made
 * what was in memory forgotten, did not find this yet. */
static void ask_once(locache *cache, const void *key, size_t key_size, const locache_stamp *stamp,
                     uint64_t serial)
{
    char name[LOCACHE_NAME_MAX + 1];
    if (is_named(name, cache, stamp, key, key_size))
        lc_memo_note(cache->memory.table, key, key_size, serial);
    else
        lc_memo_drop(cache->memory.table, key, key_size, serial);
}

static void remember(locache *cache, const void *key, size_t key_size, const locache_stamp *stamp,
                     void *object, size_t object_size)
{
    const lc_memory *memory = &cache->memory;
    uint64_t serial = 0;
    if (memory->table == NULL)
        return;
    /* What could not be believed at the next call need not be there. */
    if (stamp->words[LC_STAMP_PROVES] || (memory->recheck > 0 && stamp->words[LC_STAMP_SIZE] > 0))
        serial = lc_memo_put(memory->table, key, key_size, stamp, object, object_size);
    else
        lc_memo_drop(memory->table, key, key_size, 0);
    if (serial != 0 && memory->recheck > 0)
        ask_once(cache, key, key_size, stamp, serial);
}

void locache_remember(locache *cache, const void *key, size_t key_size, const locache_stamp *stamp,
                      void *object, size_t object_size)
{
    if (!cache->memory.values)
        remember(cache, key, key_size, stamp, object, object_size);
}

void locache_forget_memory(locache *cache)
{
    if (cache->memory.table != NULL)
        lc_memo_clear(cache->memory.table);
}

/* --------------------------------------------------------------------- values of the core's own */

locache_status lc_memory_get(locache_value **out, locache *cache, const void *key, size_t key_size)
{
    void *object;
    if (!cache->memory.values || recall(&object, cache, key, key_size) != LOCACHE_OK)
        return LOCACHE_MISS;
    *out = object;
    return LOCACHE_OK;
}

void lc_memory_keep(locache *cache, const void *key, size_t key_size, locache_value *value)
{
    if (cache->memory.values && value->entry.buffer_count == 0 && value->size <= KEPT_MAX)
        remember(cache, key, key_size, &value->stamp, value, sizeof *value + value->size);
}

void lc_memory_keep_written(locache *cache, const void *key, size_t key_size,
                            const locache_stamp *stamp, const lc_span *spans, size_t count)
{
    size_t size = (size_t)stamp->words[LC_STAMP_SIZE];
    if (!cache->memory.values || cache->memory.table == NULL)
        return;
    bool fits = count == 1 && size > 0 && size <= KEPT_MAX && spans[0].size == size;
    locache_value *value = fits ? lc_value_new(size) : NULL;
    if (value == NULL) {
        lc_memo_drop(cache->memory.table, key, key_size, 0);
        return;
    }
    memcpy(value->bytes, spans[0].data, size);
    value->stamp = *stamp;
    if (lc_entry_parse(&value->entry, value->bytes, size, NULL) == LOCACHE_OK)
        lc_memory_keep(cache, key, key_size, value);
    locache_value_free(value);
}

void lc_memory_forget(locache *cache, const void *key, size_t key_size)
{
    if (!cache->memory.values || cache->memory.table == NULL)
        return;
    if (key != NULL)
        lc_memo_drop(cache->memory.table, key, key_size, 0);
    else
        lc_memo_clear(cache->memory.table);
}
