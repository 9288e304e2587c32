/* The table of results in memory: S3-FIFO, under one lock.
 *
 * What it costs: lc_table_find() takes the lock (one atomic exchange, and a store to give it up),
 * walks one chain, and copies a stamp out. It allocates nothing and makes no system call, nor does
 * anything else that runs under the lock, but for the growing of the table. What was dropped waits
 * in a list until the lock is given up, since release() may run anything.
 *
 * Invariants under the lock: an entry is in one bucket and in one queue; both queues together hold
 * no more than the options say; an entry has a descriptor just when the set of held ones has it. */
#include "cache/table.h"
#include "base/alloc.h"
#include "base/latch.h"
#include "base/os.h"
#include "base/system.h"
#include "cache/budget.h"
#include "disk/stamp.h"

#include <stdatomic.h>
#include <string.h>

/* What S3-FIFO's authors found best over their traces: the small queue's part of the whole, the
 * uses that count, and the uses that it takes to leave the small queue for the main one. */
#define SMALL_PART 10
#define USES_MAX 3
#define USES_TO_STAY 2
/* A few kilobytes of stack. */
#define UNPINNED_AT_ONCE 32

/* A function with few results has no more than this: 768 bytes with its ghosts. */
#define BUCKETS_MIN 64
/* No single result takes more than this part of the memory: it would evict all others for
 * itself. */
#define LARGE_PART 8

typedef struct node node;
struct node {
    node *next;  /* in its bucket; or of those to be freed */
    node *newer; /* in its queue */
    node *older;
    uint64_t hash;
    uint64_t serial;
    int64_t validated;
    int64_t used; /* lc_now(), where that is noted; or 0 */
    void *object;
    uint64_t cost;      /* bytes, of what is kept and of this */
    lc_holder file;     /* its stamp, and the descriptor that pins it */
    unsigned char uses; /* since it came into its queue, to USES_MAX */
    bool in_main;       /* or in the small queue */
    size_t key_size;
    unsigned char key[];
};

/* First in, first out: what is evicted is the oldest. */
typedef struct queue {
    node *newest;
    node *oldest;
    uint64_t count;
    uint64_t bytes;
} queue;

struct lc_table {
    lc_budget_member member; /* first, so that its address is the table's */
    uint64_t found_before;   /* when it was asked to evict for others; budget.c's lock holds */
    lc_latch lock;
    lc_table_options options;
    node **buckets; /* a power of two of them; NULL: empty so far */
    /* One for each bucket: of a key that was evicted from the small queue not long ago, its hash's
     * upper half. A new ghost replaces the bucket's old one: the table has as many as entries, as
     * the paper's queue of ghosts has, in four bytes each. */
    uint32_t *ghosts;
    size_t bucket_count;
    queue small;
    queue main;
    uint64_t serial;
    lc_held held;
    _Atomic uint64_t found; /* written under the lock, read without; like the next */
    _Atomic uint64_t saved; /* sum of LC_STAMP_TOOK of what was found */
    node *dead;             /* to be freed once the lock is not held */
};

/* ----------------------------------------------------------------------------------------- lock */

/* All that was kept is given up: another thread was changing it when the process was copied, so
 * that any pointer in it may lead anywhere. It is leaked, not freed. The ghosts go with the
 * buckets, whose count theirs is. */
static void begin_anew(lc_table *table)
{
    lc_budget_give((int64_t)(table->small.bytes + table->main.bytes));
    table->buckets = NULL;
    table->ghosts = NULL;
    table->bucket_count = 0;
    table->small = table->main = (queue){.newest = NULL};
    lc_held_forget(&table->held);
    table->dead = NULL;
}

static inline bool lock(lc_table *table)
{
    lc_latch_state state = lc_latch_try(&table->lock);
    if (__builtin_expect(state == LC_LATCH_TAKEN_OVER, 0))
        begin_anew(table);
    return state != LC_LATCH_BUSY;
}

/* For what must be done. */
static void lock_in_any_case(lc_table *table)
{
    if (lc_latch_have(&table->lock) == LC_LATCH_TAKEN_OVER)
        begin_anew(table);
}

static __attribute__((noinline)) void free_dead(void *list, void (*release)(void *object))
{
    for (node *dead = list, *next; dead != NULL; dead = next) {
        next = dead->next;
        lc_held_close(&dead->file);
        release(dead->object);
        lc_free(dead);
    }
}

/* Give the lock up, and then free what was dropped under it: the list is this thread's alone once
 * it is taken off, and release() may run the binding's code, which may come back to this table. */
static inline void unlock(lc_table *table)
{
    node *dead = table->dead;
    table->dead = NULL;
    lc_latch_release(&table->lock);
    /* Out of the way of a hit, which drops nothing. */
    if (__builtin_expect(dead != NULL, 0))
        free_dead(dead, table->options.release);
}

/* --------------------------------------------------------------------------------------- queues */

/* As the newest. */
static void enqueue(queue *to, node *entry)
{
    entry->newer = NULL;
    entry->older = to->newest;
    if (to->newest != NULL)
        to->newest->newer = entry;
    else
        to->oldest = entry;
    to->newest = entry;
    to->count++;
    to->bytes += entry->cost;
}

static void unqueue(queue *from, node *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &from->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &from->oldest) = entry->newer;
    from->count--;
    from->bytes -= entry->cost;
}

/* -------------------------------------------------------------------------------------- entries */

static node **bucket_of(lc_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

/* The key's entry; or NULL. Where in its chain it is, is not said: most of those that are found
 * stay there. */
static node *find_lock_held(lc_table *table, const lc_address *address)
{
    if (table->bucket_count == 0)
        return NULL;
    node *entry = *bucket_of(table, address->hash);
    while (entry != NULL && (entry->hash != address->hash || entry->key_size != address->key_size ||
                             memcmp(entry->key, address->key, address->key_size) != 0))
        entry = entry->next;
    return entry;
}

/* Take it out of its bucket, its queue and the held ones: nobody finds it from now on. It is freed
 * by unlock(). */
static void drop_lock_held(lc_table *table, node *entry)
{
    node **at = bucket_of(table, entry->hash);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    unqueue(entry->in_main ? &table->main : &table->small, entry);
    lc_budget_give((int64_t)entry->cost);
    if (entry->file.descriptor >= 0)
        lc_held_release(&table->held, &entry->file);
    entry->next = table->dead;
    table->dead = entry;
}

static uint32_t *ghost_of(lc_table *table, uint64_t hash)
{
    return &table->ghosts[hash & (table->bucket_count - 1)];
}

/* Never 0, which says that there is none. */
static uint32_t ghost_mark(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

/* The oldest of the small queue had its turn: used enough, it moves to the main queue; else it is
 * evicted, and leaves a ghost, by which it comes back into the main one. */
static void evict_small_lock_held(lc_table *table)
{
    node *entry = table->small.oldest;
    if (entry->uses >= USES_TO_STAY) {
        unqueue(&table->small, entry);
        entry->uses = 0;
        entry->in_main = true;
        enqueue(&table->main, entry);
        return;
    }
    *ghost_of(table, entry->hash) = ghost_mark(entry->hash);
    drop_lock_held(table, entry);
}

/* The oldest of the main queue: one that was used goes round once more, for one use less. So after
 * at most USES_MAX rounds one is evicted. */
static void evict_main_lock_held(lc_table *table)
{
    node *entry = table->main.oldest;
    if (entry->uses == 0) {
        drop_lock_held(table, entry);
        return;
    }
    entry->uses--;
    unqueue(&table->main, entry);
    enqueue(&table->main, entry);
}

/* Its own bound, within that of all. */
static uint64_t bytes_max(const lc_table *table)
{
    uint64_t all = (uint64_t)lc_budget_limit();
    return table->options.bytes < all ? table->options.bytes : all;
}

static bool is_empty_lock_held(const lc_table *table)
{
    return table->small.count + table->main.count == 0;
}

/* One step towards room, where there is an entry: it evicts one, moves it out of the small queue or
 * takes a use away. */
static void step_lock_held(lc_table *table)
{
    bool small_is_full = table->small.count * SMALL_PART > table->options.entries ||
                         table->small.bytes > bytes_max(table) / SMALL_PART;
    if (table->small.count > 0 && (small_is_full || table->main.count == 0))
        evict_small_lock_held(table);
    else
        evict_main_lock_held(table);
}

/* Make room for one more entry. It ends with an empty table at the latest. */
static void evict_lock_held(lc_table *table, uint64_t cost)
{
    uint64_t bytes = bytes_max(table);
    while (!is_empty_lock_held(table) &&
           (table->small.count + table->main.count + 1 > table->options.entries ||
            table->small.bytes + table->main.bytes + cost > bytes))
        step_lock_held(table);
}

/* For the process: what is dropped is the caller's to free. */
static void *evict_for_all(lc_budget_member *member, int64_t bytes, bool used_too)
{
    lc_table *table = (lc_table *)(void *)member;
    uint64_t found = atomic_load_explicit(&table->found, memory_order_relaxed);
    bool used = found != table->found_before;
    table->found_before = found;
    if ((used && !used_too) || !lock(table))
        return NULL;
    uint64_t before = table->small.bytes + table->main.bytes;
    while (!is_empty_lock_held(table) &&
           before - (table->small.bytes + table->main.bytes) < (uint64_t)bytes)
        step_lock_held(table);
    node *dead = table->dead;
    table->dead = NULL;
    unlock(table);
    return dead;
}

/* Twice the buckets, when there are as many entries. Without memory for that the chains get longer,
 * and the table goes on; false only where it has no bucket at all. Ghosts are lost, which costs a
 * few keys a second way through the small queue. */
static bool grow_lock_held(lc_table *table)
{
    if (table->small.count + table->main.count < table->bucket_count)
        return true;
    size_t count = table->bucket_count == 0 ? BUCKETS_MIN : 2 * table->bucket_count;
    node **buckets = lc_alloc(count * sizeof *buckets);
    uint32_t *ghosts = lc_alloc(count * sizeof *ghosts);
    if (buckets == NULL || ghosts == NULL) {
        lc_free(buckets);
        lc_free(ghosts);
        return table->bucket_count > 0;
    }
    memset(buckets, 0, count * sizeof *buckets);
    memset(ghosts, 0, count * sizeof *ghosts);
    node **old = table->buckets;
    size_t old_count = table->bucket_count;
    lc_free(table->ghosts);
    table->buckets = buckets;
    table->ghosts = ghosts;
    table->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (node *entry = old[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            node **bucket = bucket_of(table, entry->hash);
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    lc_free(old);
    return true;
}

static void insert_lock_held(lc_table *table, node *entry)
{
    evict_lock_held(table, entry->cost);
    uint32_t *ghost = ghost_of(table, entry->hash);
    entry->in_main = *ghost == ghost_mark(entry->hash);
    if (entry->in_main)
        *ghost = 0;
    /* Never 0, which says "none" to callers; 64 bits do not come round. */
    entry->serial = ++table->serial;
    node **bucket = bucket_of(table, entry->hash);
    entry->next = *bucket;
    *bucket = entry;
    enqueue(entry->in_main ? &table->main : &table->small, entry);
}

/* ------------------------------------------------------------------------------------ the table */

lc_table *lc_table_new(const lc_table_options *options)
{
    lc_table *table = lc_alloc(sizeof *table);
    if (table == NULL)
        return NULL;
    memset(table, 0, sizeof *table);
    table->options = *options;
    table->member = (lc_budget_member){.evict = evict_for_all,
                                       .dispose = free_dead,
                                       .release = options->release,
                                       .group = options->group};
    lc_budget_join(&table->member);
    return table;
}

void lc_table_free(lc_table *table)
{
    if (table == NULL)
        return;
    /* In this order: a child of fork() that has the table between the two has nothing to give back
     * for it. */
    lc_table_clear(table);
    lc_budget_leave(&table->member);
    lc_free(table->buckets);
    lc_free(table->ghosts);
    lc_free(table);
}

inline bool lc_table_find(lc_table_hit *out, lc_table *table, const lc_address *address)
{
    if (!lock(table))
        return false;
    node *entry = find_lock_held(table, address);
    if (entry != NULL) {
        if (entry->uses < USES_MAX)
            entry->uses++;
        entry->file.used = true;
        out->object = entry->object;
        out->serial = entry->serial;
        out->stamp = entry->file.stamp;
        out->validated = entry->validated;
        out->descriptor = entry->file.descriptor;
        out->pin = entry->file.descriptor < 0 && entry->uses >= USES_TO_STAY &&
                   lc_held_offer(&table->held);
        /* The only writer is who holds the lock: a load and a store do. An atomic addition would
         * cost the hit a tenth. */
        uint64_t found = atomic_load_explicit(&table->found, memory_order_relaxed);
        atomic_store_explicit(&table->found, found + 1, memory_order_relaxed);
        out->due = found % LC_TABLE_DUE == 0;
        uint64_t saved = atomic_load_explicit(&table->saved, memory_order_relaxed);
        atomic_store_explicit(&table->saved, saved + (uint64_t)out->stamp.words[LC_STAMP_TOOK],
                              memory_order_relaxed);
        if (__builtin_expect(table->options.notes, 0))
            entry->used = lc_now();
        table->options.retain(entry->object);
    }
    unlock(table);
    return entry != NULL;
}

size_t lc_table_uses(lc_use *out, size_t room, lc_table *table)
{
    const queue *const queues[] = {&table->small, &table->main};
    size_t count = 0;
    if (!lock(table))
        return 0;
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
        for (const node *entry = queues[i]->oldest; entry != NULL && count < room;
             entry = entry->newer)
            if (entry->used != 0)
                out[count++] = (lc_use){(ino_t)entry->file.stamp.words[LC_STAMP_INO], entry->used};
    unlock(table);
    return count;
}

uint64_t lc_table_found(const lc_table *table)
{
    return atomic_load_explicit(&table->found, memory_order_relaxed);
}

uint64_t lc_table_saved(const lc_table *table)
{
    return atomic_load_explicit(&table->saved, memory_order_relaxed);
}

void lc_table_release(const lc_table *table, void *object)
{
    table->options.release(object);
}

/* An entry that is in no table yet; NULL: no memory, or more than its share of it. */
static node *new_node(const lc_table *table, const lc_address *address, void *object,
                      size_t object_size)
{
    size_t key_size = address->key_size;
    uint64_t most = bytes_max(table) / LARGE_PART;
    if (table->options.entries == 0 || most < sizeof(node) || key_size > most - sizeof(node) ||
        object_size > most - sizeof(node) - key_size)
        return NULL;
    node *entry = lc_alloc(sizeof *entry + key_size);
    if (entry == NULL)
        return NULL;
    memset(entry, 0, sizeof *entry);
    entry->hash = address->hash;
    entry->object = object;
    entry->cost = sizeof *entry + key_size + object_size;
    entry->file.descriptor = -1;
    entry->key_size = key_size;
    memcpy(entry->key, address->key, key_size);
    return entry;
}

uint64_t lc_table_put(lc_table *table, const lc_address *address, const locache_stamp *stamp,
                      void *object, size_t object_size)
{
    uint64_t serial = 0;
    /* Allocated before the lock: malloc() may take long. */
    node *entry = new_node(table, address, object, object_size);
    if (entry != NULL && !lc_budget_take(&table->member, (int64_t)entry->cost)) {
        lc_free(entry);
        entry = NULL;
    }
    if (entry == NULL) {
        /* What is there for the key is older than what could not be kept. */
        lc_table_drop(table, address, 0);
        return 0;
    }
    entry->file.stamp = *stamp;
    entry->validated = LC_TABLE_NEVER;
    entry->used = table->options.notes ? lc_now() : 0;
    lock_in_any_case(table);
    node *old = find_lock_held(table, address);
    if (old != NULL) {
        /* A result that is stored anew is the same call's: it stays as much in use. */
        entry->uses = old->uses;
        drop_lock_held(table, old);
    }
    if (grow_lock_held(table)) {
        table->options.retain(object);
        insert_lock_held(table, entry);
        serial = entry->serial;
        entry = NULL;
    }
    unlock(table);
    if (entry != NULL)
        lc_budget_give((int64_t)entry->cost);
    lc_free(entry);
    return serial;
}

/* Which file was opened, the serial says: an entry that replaced it meanwhile may be of another
 * file. One that another thread has pinned already keeps that descriptor. Both closes are system
 * calls, and come after the lock. */
void lc_table_pin(lc_table *table, const lc_address *address, uint64_t serial, int descriptor)
{
    lc_holder evicted = {.descriptor = -1};
    bool taken = false;
    if (lock(table)) {
        node *entry = find_lock_held(table, address);
        if (entry != NULL && entry->serial == serial && entry->file.descriptor < 0)
            taken = lc_held_pin(&table->held, &entry->file, descriptor, &evicted);
        unlock(table);
    }
    if (!taken)
        lc_close(descriptor);
    lc_held_close(&evicted);
}

/* Up to `room` of them, taken off. */
static size_t unpin_lock_held(lc_holder *out, size_t room, lc_table *table)
{
    size_t count = 0;
    for (size_t i = 0; i < table->bucket_count && count < room; i++)
        for (node *entry = table->buckets[i]; entry != NULL && count < room; entry = entry->next)
            if (entry->file.descriptor >= 0) {
                out[count++] = entry->file;
                lc_held_release(&table->held, &entry->file);
                entry->file.descriptor = -1;
            }
    return count;
}

void lc_table_unpin(lc_table *table)
{
    lc_holder some[UNPINNED_AT_ONCE];
    size_t count;
    do {
        lock_in_any_case(table);
        count = table->held.hand != NULL ? unpin_lock_held(some, UNPINNED_AT_ONCE, table) : 0;
        unlock(table);
        for (size_t i = 0; i < count; i++)
            lc_held_close(&some[i]);
    } while (count == UNPINNED_AT_ONCE);
}

void lc_table_validated(lc_table *table, const lc_address *address, uint64_t serial)
{
    /* Without the lock, nothing: the file is asked once more. */
    int64_t now = lc_ticks();
    if (!lock(table))
        return;
    node *entry = find_lock_held(table, address);
    if (entry != NULL && entry->serial == serial)
        entry->validated = now;
    unlock(table);
}

/* It waits for the lock: a result that was replaced or removed must not be given once more. */
void lc_table_drop(lc_table *table, const lc_address *address, uint64_t serial)
{
    lock_in_any_case(table);
    node *entry = find_lock_held(table, address);
    if (entry != NULL && (serial == 0 || entry->serial == serial))
        drop_lock_held(table, entry);
    unlock(table);
}

void lc_table_clear(lc_table *table)
{
    lock_in_any_case(table);
    for (size_t i = 0; i < table->bucket_count; i++)
        while (table->buckets[i] != NULL)
            drop_lock_held(table, table->buckets[i]);
    unlock(table);
}
