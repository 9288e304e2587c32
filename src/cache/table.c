#include "cache/table.h"
#include "base/os.h"
#include "disk/stamp.h"

#include <stdatomic.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* What S3-FIFO's authors found best over their traces: the small queue's part of the whole, the
 * uses that count, and the uses that it takes to leave the small queue for the main one. */
#define SMALL_PART 10
#define USES_MAX 3
#define USES_TO_STAY 2

#define BUCKETS_MIN 64
/* No single result takes more than this part of the memory: it would evict all others for
 * itself. */
#define LARGE_PART 8

/* Descriptors that one table holds, and the part of the process's that all of them may. A process
 * often has no more than 1,024, for all that it does. */
#define HELD_MAX 64
#define HELD_PART 4
/* Where all are held, so many hits without one pass before another entry may take one over: opening
 * it costs as much as several of the hits that it makes faster. */
#define HOLD_EVERY 16

/* A lock is held for less than a microsecond: after so many looks its holder sleeps, and is not
 * worth waiting for. */
#define LOOKS 1000

typedef struct node node;
struct node {
    node *next; /* in its bucket; or of those to be freed */
    node *newer;
    node *older;
    uint64_t hash;
    uint64_t serial;
    int64_t asked;
    void *object;
    uint64_t cost;
    int descriptor;
    unsigned char held_at; /* in memo->held, where it has a descriptor */
    unsigned char uses;
    bool used_held; /* since the hand passed it */
    bool in_main;
    locache_stamp stamp;
    size_t key_size;
    unsigned char key[];
};

typedef struct queue {
    node *newest;
    node *oldest;
    uint64_t count;
    uint64_t bytes;
} queue;

struct lc_memo {
    atomic_uint lock; /* 0, or the generation of who holds it */
    lc_memo_options options;
    node **buckets; /* a power of two of them; NULL: empty so far */
    /* one for each bucket: of a key that left the small queue not long ago, its hash's upper
     * half */
    uint32_t *ghosts;
    size_t bucket_count;
    queue small;
    queue main;
    uint64_t serial;
    node *held[HELD_MAX];
    unsigned held_count;
    unsigned hand;
    unsigned hits_without;  /* a descriptor, where all are held */
    _Atomic uint64_t found; /* written under the lock, read without */
    node *dead;             /* to be freed once the lock is not held */
};

/* Descriptors held by all tables of the process. A child of fork() counts on. */
static atomic_int held_in_all;

/* ----------------------------------------------------------------------------------------- lock */

/* All that was known is given up: another thread was changing it when the process was copied. */
static void begin_anew(lc_memo *memo)
{
    memo->buckets = NULL;
    memo->ghosts = NULL;
    memo->bucket_count = 0;
    memo->small = memo->main = (queue){.newest = NULL};
    memo->held_count = memo->hand = 0;
    memo->dead = NULL;
}

static bool lock(lc_memo *memo)
{
    unsigned mine = lc_generation();
    for (int look = 0; look < LOOKS; look++) {
        unsigned holder = 0;
        if (atomic_compare_exchange_weak_explicit(&memo->lock, &holder, mine, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
        if (holder != 0 && holder != mine &&
            atomic_compare_exchange_strong_explicit(&memo->lock, &holder, mine,
                                                    memory_order_acquire, memory_order_relaxed)) {
            begin_anew(memo);
            return true;
        }
    }
    return false;
}

/* For what must be done: whoever holds it is a thread of this process, and runs. */
static void lock_in_any_case(lc_memo *memo)
{
    while (!lock(memo))
        lc_pause();
}

/* A program that becomes a daemon closes every descriptor that it finds, and opens others under
 * their numbers: those are not ours to close. */
static void close_own(int descriptor, const locache_stamp *stamp)
{
    struct stat found;
    if (descriptor >= 0 && lc_fstat(descriptor, &found) == 0 && lc_stamp_names(stamp, &found))
        lc_close(descriptor);
}

static void free_dead(const lc_memo *memo, node *dead)
{
    while (dead != NULL) {
        node *next = dead->next;
        close_own(dead->descriptor, &dead->stamp);
        memo->options.release(dead->object);
        lc_free(dead);
        dead = next;
    }
}

/* Give the lock up, and then what was dropped under it. */
static void unlock(lc_memo *memo)
{
    node *dead = memo->dead;
    memo->dead = NULL;
    atomic_store_explicit(&memo->lock, 0, memory_order_release);
    if (__builtin_expect(dead != NULL, 0))
        free_dead(memo, dead);
}

/* --------------------------------------------------------------------------------------- queues */

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

static uint64_t hash_of(const void *key, size_t key_size)
{
    return XXH3_64bits(key, key_size);
}

static node **bucket_of(lc_memo *memo, uint64_t hash)
{
    return &memo->buckets[hash & (memo->bucket_count - 1)];
}

/* Where in its bucket's chain the key's entry is; or NULL. */
static node **find_lock_held(lc_memo *memo, uint64_t hash, const void *key, size_t key_size)
{
    if (memo->bucket_count == 0)
        return NULL;
    for (node **at = bucket_of(memo, hash); *at != NULL; at = &(*at)->next)
        if ((*at)->hash == hash && (*at)->key_size == key_size &&
            memcmp((*at)->key, key, key_size) == 0)
            return at;
    return NULL;
}

/* The place of a descriptor that is closed becomes the last one's. */
static void let_go_lock_held(lc_memo *memo, const node *entry)
{
    node *last = memo->held[--memo->held_count];
    memo->held[entry->held_at] = last;
    last->held_at = entry->held_at;
    atomic_fetch_sub_explicit(&held_in_all, 1, memory_order_relaxed);
}

static void drop_lock_held(lc_memo *memo, node **at)
{
    node *entry = *at;
    *at = entry->next;
    unqueue(entry->in_main ? &memo->main : &memo->small, entry);
    if (entry->descriptor >= 0)
        let_go_lock_held(memo, entry);
    entry->next = memo->dead;
    memo->dead = entry;
}

static void evict_node_lock_held(lc_memo *memo, node *entry)
{
    node **at = bucket_of(memo, entry->hash);
    while (*at != entry)
        at = &(*at)->next;
    drop_lock_held(memo, at);
}

static uint32_t *ghost_of(lc_memo *memo, uint64_t hash)
{
    return &memo->ghosts[hash & (memo->bucket_count - 1)];
}

/* Never 0, which says that there is none. */
static uint32_t ghost_mark(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static void evict_small_lock_held(lc_memo *memo)
{
    node *entry = memo->small.oldest;
    if (entry->uses >= USES_TO_STAY) {
        unqueue(&memo->small, entry);
        entry->uses = 0;
        entry->in_main = true;
        enqueue(&memo->main, entry);
        return;
    }
    *ghost_of(memo, entry->hash) = ghost_mark(entry->hash);
    evict_node_lock_held(memo, entry);
}

static void evict_main_lock_held(lc_memo *memo)
{
    node *entry = memo->main.oldest;
    if (entry->uses == 0) {
        evict_node_lock_held(memo, entry);
        return;
    }
    entry->uses--;
    unqueue(&memo->main, entry);
    enqueue(&memo->main, entry);
}

/* Make room for one more entry. */
static void evict_lock_held(lc_memo *memo, uint64_t cost)
{
    const lc_memo_options *most = &memo->options;
    while (memo->small.count + memo->main.count + 1 > most->entries ||
           memo->small.bytes + memo->main.bytes + cost > most->bytes) {
        bool small_is_full = memo->small.count * SMALL_PART > most->entries ||
                             memo->small.bytes > most->bytes / SMALL_PART;
        if (memo->small.count > 0 && (small_is_full || memo->main.count == 0))
            evict_small_lock_held(memo);
        else
            evict_main_lock_held(memo);
    }
}

/* Twice the buckets, when there are as many entries. Without memory it stays as it is, if there are
 * any. */
static bool grow_lock_held(lc_memo *memo)
{
    if (memo->small.count + memo->main.count < memo->bucket_count)
        return true;
    size_t count = memo->bucket_count == 0 ? BUCKETS_MIN : 2 * memo->bucket_count;
    node **buckets = lc_alloc(count * sizeof *buckets);
    uint32_t *ghosts = lc_alloc(count * sizeof *ghosts);
    if (buckets == NULL || ghosts == NULL) {
        lc_free(buckets);
        lc_free(ghosts);
        return memo->bucket_count > 0;
    }
    memset(buckets, 0, count * sizeof *buckets);
    memset(ghosts, 0, count * sizeof *ghosts);
    node **old = memo->buckets;
    size_t old_count = memo->bucket_count;
    lc_free(memo->ghosts);
    memo->buckets = buckets;
    memo->ghosts = ghosts;
    memo->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (node *entry = old[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            node **bucket = bucket_of(memo, entry->hash);
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    lc_free(old);
    return true;
}

static void insert_lock_held(lc_memo *memo, node *entry)
{
    evict_lock_held(memo, entry->cost);
    uint32_t *ghost = ghost_of(memo, entry->hash);
    entry->in_main = *ghost == ghost_mark(entry->hash);
    if (entry->in_main)
        *ghost = 0;
    entry->serial = ++memo->serial;
    node **bucket = bucket_of(memo, entry->hash);
    entry->next = *bucket;
    *bucket = entry;
    enqueue(entry->in_main ? &memo->main : &memo->small, entry);
}

/* ---------------------------------------------------------------------------------- descriptors */

static bool room_to_hold(const lc_memo *memo)
{
    static atomic_int most; /* of all tables; 0: not asked yet */
    int limit = atomic_load_explicit(&most, memory_order_relaxed);
    if (limit == 0) {
        limit = lc_descriptors() / HELD_PART + 1;
        atomic_store_explicit(&most, limit, memory_order_relaxed);
    }
    return memo->held_count < HELD_MAX &&
           atomic_load_explicit(&held_in_all, memory_order_relaxed) < limit - 1;
}

/* The hand (CLOCK; Corbato, 1968) stops at one that was not used since it came by. */
static bool hand_stops_lock_held(lc_memo *memo)
{
    if (memo->held_count == 0)
        return false;
    memo->hand = (memo->hand + 1) % memo->held_count;
    node *entry = memo->held[memo->hand];
    bool idle = !entry->used_held;
    entry->used_held = false;
    return idle;
}

/* Is an entry without a descriptor worth one, and is there one to be had? */
static bool should_hold_lock_held(lc_memo *memo, const node *entry)
{
    if (entry->uses < USES_TO_STAY)
        return false;
    if (room_to_hold(memo))
        return true;
    return ++memo->hits_without % HOLD_EVERY == 0 && hand_stops_lock_held(memo);
}

static void take_lock_held(lc_memo *memo, node *entry, int descriptor)
{
    entry->descriptor = descriptor;
    entry->used_held = true;
    entry->held_at = (unsigned char)memo->held_count;
    memo->held[memo->held_count++] = entry;
    atomic_fetch_add_explicit(&held_in_all, 1, memory_order_relaxed);
}

/* The descriptor of the entry at the hand, which is no longer its own, and its stamp; -1: the hand
 * stops at none now. */
static int take_away_lock_held(locache_stamp *stamp, lc_memo *memo)
{
    node *entry = memo->hand < memo->held_count ? memo->held[memo->hand] : NULL;
    if (entry == NULL || entry->used_held)
        return -1;
    int descriptor = entry->descriptor;
    *stamp = entry->stamp;
    let_go_lock_held(memo, entry);
    entry->descriptor = -1;
    return descriptor;
}

void lc_memo_hold(lc_memo *memo, const void *key, size_t key_size, uint64_t serial, int descriptor)
{
    int freed = -1;
    locache_stamp stamp;
    bool taken = false;
    if (lock(memo)) {
        node **at = find_lock_held(memo, hash_of(key, key_size), key, key_size);
        if (at != NULL && (*at)->serial == serial && (*at)->descriptor < 0) {
            bool room = room_to_hold(memo);
            freed = room ? -1 : take_away_lock_held(&stamp, memo);
            taken = room || freed >= 0;
            if (taken)
                take_lock_held(memo, *at, descriptor);
        }
        unlock(memo);
    }
    if (!taken)
        lc_close(descriptor);
    if (freed >= 0)
        close_own(freed, &stamp);
}

/* ------------------------------------------------------------------------------------ the table */

lc_memo *lc_memo_new(const lc_memo_options *options)
{
    lc_memo *memo = lc_alloc(sizeof *memo);
    if (memo == NULL)
        return NULL;
    memset(memo, 0, sizeof *memo);
    memo->options = *options;
    atomic_init(&memo->lock, 0);
    return memo;
}

void lc_memo_free(lc_memo *memo)
{
    if (memo == NULL)
        return;
    lc_memo_clear(memo);
    lc_free(memo->buckets);
    lc_free(memo->ghosts);
    lc_free(memo);
}

bool lc_memo_find(lc_memo_hit *out, lc_memo *memo, const void *key, size_t key_size)
{
    uint64_t hash = hash_of(key, key_size);
    if (!lock(memo))
        return false;
    node **at = find_lock_held(memo, hash, key, key_size);
    if (at != NULL) {
        node *entry = *at;
        if (entry->uses < USES_MAX)
            entry->uses++;
        entry->used_held = true;
        memo->options.retain(entry->object);
        out->object = entry->object;
        out->serial = entry->serial;
        out->stamp = entry->stamp;
        out->asked = entry->asked;
        out->descriptor = entry->descriptor;
        out->hold = entry->descriptor < 0 && should_hold_lock_held(memo, entry);
        /* An atomic addition would cost the hit a tenth. */
        uint64_t found = atomic_load_explicit(&memo->found, memory_order_relaxed);
        atomic_store_explicit(&memo->found, found + 1, memory_order_relaxed);
    }
    unlock(memo);
    return at != NULL;
}

uint64_t lc_memo_found(const lc_memo *memo)
{
    return atomic_load_explicit(&memo->found, memory_order_relaxed);
}

void lc_memo_release(const lc_memo *memo, void *object)
{
    memo->options.release(object);
}

/* An entry that is in no table yet; NULL: no memory, or more than its share of it. */
static node *new_node(const lc_memo *memo, const void *key, size_t key_size, void *object,
                      size_t object_size)
{
    uint64_t most = memo->options.bytes / LARGE_PART;
    if (memo->options.entries == 0 || most < sizeof(node) || key_size > most - sizeof(node) ||
        object_size > most - sizeof(node) - key_size)
        return NULL;
    node *entry = lc_alloc(sizeof *entry + key_size);
    if (entry == NULL)
        return NULL;
    memset(entry, 0, sizeof *entry);
    entry->hash = hash_of(key, key_size);
    entry->object = object;
    entry->cost = sizeof *entry + key_size + object_size;
    entry->descriptor = -1;
    entry->key_size = key_size;
    memcpy(entry->key, key, key_size);
    return entry;
}

uint64_t lc_memo_put(lc_memo *memo, const void *key, size_t key_size, const locache_stamp *stamp,
                     void *object, size_t object_size)
{
    uint64_t serial = 0;
    node *entry = new_node(memo, key, key_size, object, object_size);
    if (entry == NULL) {
        lc_memo_drop(memo, key, key_size, 0);
        return 0;
    }
    entry->stamp = *stamp;
    entry->asked = LC_MEMO_NEVER;
    lock_in_any_case(memo);
    node **old = find_lock_held(memo, entry->hash, key, key_size);
    if (old != NULL) {
        entry->uses = (*old)->uses;
        drop_lock_held(memo, old);
    }
    if (grow_lock_held(memo)) {
        memo->options.retain(object);
        insert_lock_held(memo, entry);
        serial = entry->serial;
        entry = NULL;
    }
    unlock(memo);
    lc_free(entry);
    return serial;
}

void lc_memo_note(lc_memo *memo, const void *key, size_t key_size, uint64_t serial)
{
    uint64_t hash = hash_of(key, key_size);
    int64_t now = lc_ticks();
    if (!lock(memo))
        return;
    node **at = find_lock_held(memo, hash, key, key_size);
    if (at != NULL && (*at)->serial == serial)
        (*at)->asked = now;
    unlock(memo);
}

void lc_memo_drop(lc_memo *memo, const void *key, size_t key_size, uint64_t serial)
{
    uint64_t hash = hash_of(key, key_size);
    lock_in_any_case(memo);
    node **at = find_lock_held(memo, hash, key, key_size);
    if (at != NULL && (serial == 0 || (*at)->serial == serial))
        drop_lock_held(memo, at);
    unlock(memo);
}

void lc_memo_clear(lc_memo *memo)
{
    lock_in_any_case(memo);
    for (size_t i = 0; i < memo->bucket_count; i++)
        while (memo->buckets[i] != NULL)
            drop_lock_held(memo, &memo->buckets[i]);
    unlock(memo);
}
