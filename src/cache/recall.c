/* Results in memory: looked up in the table, and validated by a look at their files.
 *
 * What a hit costs: the table's look-up (table.c), and one fstat() where the file is pinned by a
 * descriptor, which is three quarters of it (363 of 470 ns, docs/speed.md). Where it is not, one
 * fstatat() and the file's name besides. With `recheck`, a look at a coarse clock instead. Nothing
 * is allocated, and no lock is held while the file is asked.
 *
 * The rule is that nothing is given whose file is not the one that it was read from or written to,
 * at some moment within the call. Every change of a file moves one of the words of its stamp; where
 * the file system cannot promise that, nothing is kept (lc_stamp_take()). So the order is: the
 * stamp is taken before the content is read, the content is kept under that stamp, and the file is
 * asked again at every hit. */
#include "cache/recall.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/os.h"
#include "base/system.h"
#include "cache/counting.h"
#include "cache/dirhold.h"
#include "cache/layers.h"

#include <fcntl.h>
#include <string.h>

/* The core's own values beyond this size are read each time: the copy that a put makes for them
 * would cost what it saves. */
#define KEPT_MAX ((size_t)64 << 10)
/* A file that others delete takes its space on disk as long as it is held: of all that a process
 * holds, 47 MiB at most. */
#define HELD_FILE_MAX (INT64_C(64) << 10)

/* Written and read without a lock: one that is torn says a wrong time of a file, which may be
 * evicted too soon or too late. */
struct lc_recall_use {
    _Atomic ino_t inode;
    _Atomic int64_t when; /* 0: none */
};

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
    bool by_use = options->max_entries > 0 || options->max_bytes > 0;
    if (by_use) {
        recall->uses = lc_alloc(LC_LIMITS_READ * sizeof *recall->uses);
        if (recall->uses == NULL)
            return LOCACHE_ENOMEM;
        memset(recall->uses, 0, LC_LIMITS_READ * sizeof *recall->uses);
    }
    if (options->memory_entries < 0 || options->memory_bytes < 0)
        return LOCACHE_OK;
    int64_t entries =
        options->memory_entries > 0 ? options->memory_entries : LOCACHE_MEMORY_ENTRIES;
    /* More could not be there; some more, so that of what is there little is dropped, and when it
     * was used with it. */
    if (options->max_entries > 0 && options->max_entries < entries - LC_LIMITS_MORE)
        entries = options->max_entries + LC_LIMITS_MORE;
    const lc_table_options table = {
        .entries = (uint64_t)entries,
        .bytes = options->memory_bytes > 0 ? (uint64_t)options->memory_bytes : UINT64_MAX,
        .retain = recall->values ? retain_value : options->retain,
        .release = recall->values ? release_value : options->release,
        .group = recall->values ? NULL : options->group,
        .notes = by_use,
    };
    recall->table = lc_table_new(&table);
    if (recall->table != NULL)
        return LOCACHE_OK;
    lc_free(recall->uses);
    return LOCACHE_ENOMEM;
}

void lc_recall_close(locache *cache)
{
    lc_table_free(cache->recall.table);
    cache->recall.table = NULL;
}

/* Called before the new descriptor is adopted: what is pinned through it follows its file
 * system. */
void lc_recall_found_directory(locache *cache, lc_file_system system, bool another)
{
    if (another && cache->recall.table != NULL)
        lc_table_unpin(cache->recall.table);
    atomic_store(&cache->recall.grain, system.grain);
    atomic_store(&cache->recall.holds, system.holds);
}

/* --------------------------------------------------------------------------------------- recall */

/* A young file could be moved away within the tick of its last change: its name shows that, the
 * file itself does not. And a large one may not be held (HELD_FILE_MAX). */
static bool may_pin(const lc_recall *recall, const locache_stamp *stamp)
{
    return atomic_load(&recall->holds) && stamp->words[LC_STAMP_SIZE] <= HELD_FILE_MAX &&
           lc_stamp_is_old(stamp, atomic_load(&recall->grain));
}

/* Pin the file of an entry that is used much, so that asking it costs less from now on. O_PATH: a
 * descriptor that shows nothing of the content, and for which no permission is needed. The name was
 * found to have the stamp, but may be another file's by now: the descriptor is asked before it is
 * given to the table. */
static void pin(locache *cache, const lc_table_hit *hit, const lc_address *address)
{
#ifdef O_PATH
    struct stat found;
    int fd = lc_openat(atomic_load(&cache->funcdir), address->name, O_PATH, 0);
    if (fd < 0)
        return;
    if (fd < lc_hold_below() && lc_fstat(fd, &found) == 0 && lc_stamp_matches(&hit->stamp, &found))
        lc_table_pin(cache->recall.table, address, hit->serial, fd);
    else
        lc_close(fd);
#else
    (void)cache, (void)hit, (void)address;
#endif
}

/* Only as long as the directory is held, and with it the lock that keeps others from clearing it by
 * a rename, which the file would not show (disk/cleared.h).
 *
 * The number was read under the table's lock, and is used without it: another thread may evict and
 * close it meanwhile, and a third open another file under it. That file has another stamp; and
 * where it is this one after all, the answer is true. */
static inline bool is_valid_by_descriptor(locache *cache, const lc_table_hit *hit)
{
    struct stat found;
    if (hit->descriptor < 0 || !atomic_load_explicit(&cache->dir_held, memory_order_acquire) ||
        lc_fstat(hit->descriptor, &found) != 0 || !lc_stamp_matches(&hit->stamp, &found))
        return false;
    /* So that it stays held, though nobody borrows it. */
    if (!atomic_load_explicit(&cache->dir_used, memory_order_relaxed))
        atomic_store_explicit(&cache->dir_used, true, memory_order_relaxed);
    return true;
}

/* Does the file of the address have that stamp? Then its descriptor is pinned, if the hit wants it
 * (NULL: there is none). Not inlined: a hit whose file is pinned does without. */
static __attribute__((noinline)) bool is_named(locache *cache, const locache_stamp *stamp,
                                               lc_address *address, const lc_table_hit *hit)
{
    const char *name = lc_address_name(address);
    if (name == NULL)
        return false;
    if (stamp->words[LC_STAMP_BASE] != 0)
        return lc_layers_validate(cache, stamp, address);
    int funcdir = lc_dirhold_borrow(cache);
    bool named = funcdir >= 0 && lc_stamp_is_at(stamp, funcdir, name);
    if (named && hit != NULL && hit->pin && atomic_load(&cache->dir_held) &&
        may_pin(&cache->recall, stamp))
        pin(cache, hit, address);
    lc_dirhold_return(cache);
    return named;
}

/* Validate a hit: is the file that it stands for still there, and the same? From what costs nothing
 * to what costs most. */
static inline bool is_valid(locache *cache, const lc_table_hit *hit, lc_address *address)
{
    const lc_recall *recall = &cache->recall;
    const int64_t *words = hit->stamp.words;
    if (words[LC_STAMP_UNTIL] != 0 && words[LC_STAMP_UNTIL] <= lc_now())
        return false;
    if (recall->recheck > 0 && hit->validated != LC_TABLE_NEVER &&
        lc_ticks() - hit->validated < recall->recheck)
        return true;
    /* Kept only for the time of `recheck`, which is over: asking the file would prove nothing. */
    if (!words[LC_STAMP_PROVES])
        return false;
    /* A descriptor may be closed by now, or another file's: where it says no, the name decides. */
    if (!is_valid_by_descriptor(cache, hit) && !is_named(cache, &hit->stamp, address, hit))
        return false;
    if (recall->recheck > 0)
        lc_table_validated(recall->table, address, hit->serial);
    return true;
}

/* To who listens: the table has counted the hit already, without an atomic addition. For nobody,
 * the name is not made. */
static void log_hit(const locache *cache, lc_address *address)
{
    const char *name = lc_log_wanted() ? lc_address_name(address) : NULL;
    if (name != NULL)
        lc_handle_log(cache, LOCACHE_EVENT_HIT, name, "");
}

size_t lc_recall_uses(lc_use *out, void *context)
{
    const locache *cache = context;
    lc_table *table = cache->recall.table;
    size_t count = 0;
    for (size_t i = 0; i < LC_LIMITS_READ; i++) {
        const struct lc_recall_use *use = &cache->recall.uses[i];
        if (atomic_load_explicit(&use->when, memory_order_relaxed) != 0)
            out[count++] = (lc_use){atomic_load_explicit(&use->inode, memory_order_relaxed),
                                    atomic_load_explicit(&use->when, memory_order_relaxed)};
    }
    return table == NULL ? count
                         : count + lc_table_uses(out + count, LC_LIMITS_USES - count, table);
}

void lc_recall_note_use(const locache *cache, ino_t inode)
{
    struct lc_recall_use *use = &cache->recall.uses[inode % LC_LIMITS_READ];
    atomic_store_explicit(&use->inode, inode, memory_order_relaxed);
    atomic_store_explicit(&use->when, lc_now(), memory_order_relaxed);
}

/* Take back what the table counted, and drop what is not valid by its serial: another thread may
 * have put a newer result there since it was found, and that one stays. Not inlined: a hit does
 * without. */
static __attribute__((noinline)) void drop_stale(lc_recall *recall, const lc_table_hit *hit,
                                                 const lc_address *address)
{
    atomic_fetch_add_explicit(&recall->stale, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&recall->stale_time, (uint64_t)hit->stamp.words[LC_STAMP_TOOK],
                              memory_order_relaxed);
    lc_table_drop(recall->table, address, hit->serial);
    lc_table_release(recall->table, hit->object);
}

static inline locache_status find_valid(void **object, locache *cache, lc_address *address)
{
    lc_recall *recall = &cache->recall;
    lc_table_hit hit;
    if (recall->table == NULL || !lc_table_find(&hit, recall->table, address))
        return LOCACHE_MISS;
    if (!is_valid(cache, &hit, address)) {
        drop_stale(recall, &hit, address);
        return LOCACHE_MISS;
    }
    log_hit(cache, address);
    if (__builtin_expect(hit.due, 0))
        lc_counting_note(cache);
    *object = hit.object;
    return LOCACHE_OK;
}

inline locache_status locache_recall(void **object, locache *cache, const void *key,
                                     size_t key_size)
{
    lc_address address;
    if (cache->recall.values)
        return LOCACHE_MISS;
    lc_handle_address(&address, cache, key, key_size);
    return find_valid(object, cache, &address);
}

/* ----------------------------------------------------------------------------------------- keep */

/* With `recheck`, no hit asks for the file for so long. But whoever changed the file after its
 * stamp was taken, and dropped what was in memory, did not find this entry yet. So the file is
 * asked once, after the entry is in the table: a change before that shows now, and one after it
 * drops the entry. */
static void validate_kept(locache *cache, lc_address *address, const locache_stamp *stamp,
                          uint64_t serial)
{
    if (is_named(cache, stamp, address, NULL))
        lc_table_validated(cache->recall.table, address, serial);
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
    /* What could not be validated at the next call need not be there. With `recheck` it is given
     * without, but it must have a file (size 0: there is no stamp), which validate_kept() asks. */
    if (stamp->words[LC_STAMP_PROVES] || (recall->recheck > 0 && stamp->words[LC_STAMP_SIZE] > 0))
        serial = lc_table_put(recall->table, address, stamp, object, object_size);
    else
        lc_table_drop(recall->table, address, 0);
    if (serial != 0 && recall->recheck > 0)
        validate_kept(cache, address, stamp, serial);
}

/* Public names say "remember" and "forget"; here it is keeping and dropping. */
void locache_remember(locache *cache, const void *key, size_t key_size, const locache_stamp *stamp,
                      void *object, size_t object_size)
{
    lc_address address;
    if (cache->recall.values)
        return;
    lc_handle_address(&address, cache, key, key_size);
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

/* One with buffers is the caller's to write to, so that it could not be given twice. */
void lc_recall_keep(locache *cache, lc_address *address, locache_value *value)
{
    if (cache->recall.values && value->entry.buffer_count == 0 && value->size <= KEPT_MAX)
        keep(cache, address, &value->stamp, value, sizeof *value + value->size);
}

/* The value is made of the same bytes that were written, and parsed as a reader would parse them.
 * Only where all of them are one span, which is where there are no buffers. What was kept before is
 * dropped in any case: the file is another now. */
void lc_recall_keep_written(locache *cache, lc_address *address, const locache_stamp *stamp,
                            const lc_image *image)
{
    size_t size = (size_t)stamp->words[LC_STAMP_SIZE];
    if (!cache->recall.values || cache->recall.table == NULL)
        return;
    bool fits = image->count == 1 && !image->packed && size > 0 && size <= KEPT_MAX &&
                image->spans[0].size == size;
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
