/* The table of results in memory: a bounded table from keys to objects, each with the stamp of the
 * file that it stands for. It asks no file: who recalls validates (recall.c).
 *
 * Eviction is S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak: "FIFO queues are all you need for cache
 * eviction", SOSP 2023). What is new waits in a small queue, a tenth of the whole, and moves to the
 * main one only if it was used twice before its turn comes; a scan over many keys thus passes
 * through the small queue and leaves the main one alone. A hit moves nothing, and writes two bits.
 *
 * The lock is tried for microseconds and then done without: whoever does not get it finds nothing,
 * and reads the file. Only who drops or replaces something waits: that must not be found any more.
 * In a child of fork(), a table whose lock another thread of the parent held begins anew, empty;
 * what was in it is never freed. retain() is called under the lock, release() after it. Any thread,
 * but where it says otherwise. */
#ifndef LC_TABLE_H
#define LC_TABLE_H

#include "cache/address.h"
#include "cache/held.h"
#include "disk/limits.h"

typedef struct lc_table lc_table;

typedef struct lc_table_options {
    uint64_t entries; /* at most */
    /* at most, of objects, keys and what each entry takes besides; what all tables of the process
     * may have bounds each of them, too */
    uint64_t bytes;
    void (*retain)(void *object);
    void (*release)(void *object);
    const void *group; /* of tables that may release each other's objects (budget.h) */
    bool notes;        /* when each was used, for lc_table_uses() */
} lc_table_options;

/* NULL: no memory. */
lc_table *lc_table_new(const lc_table_options *options);
/* Everything is released. NULL is allowed. One thread, when no other uses it any more. */
void lc_table_free(lc_table *table);

#define LC_TABLE_NEVER INT64_C(-1) /* no lc_ticks() is negative */

/* Of so many that are found, one is told: what is done now and then costs a hit a part of a look at
 * the clock. Few enough that a program with ten hits a second is seen; a power of two. */
#define LC_TABLE_DUE 32

typedef struct lc_table_hit {
    void *object;    /* retained */
    uint64_t serial; /* of the entry: one that replaces it has another */
    locache_stamp stamp;
    int64_t validated; /* lc_ticks() when its file was last asked, or LC_TABLE_NEVER */
    int descriptor;    /* of its file, held while it is one of the most used; or -1 */
    bool pin;          /* it should have one: lc_table_pin() */
    bool due;          /* one of LC_TABLE_DUE: time to see what else is to be done */
} lc_table_hit;

/* Look a key up. False: there is none, or the lock was not to be had. An object that was found is
 * the caller's, to release with lc_table_release(). */
bool lc_table_find(lc_table_hit *out, lc_table *table, const lc_address *address);
void lc_table_release(const lc_table *table, void *object);
/* How often lc_table_find() found something, and what that had taken to compute (LC_STAMP_TOOK). */
uint64_t lc_table_found(const lc_table *table);
uint64_t lc_table_saved(const lc_table *table);
/* The files of at most `room` entries that were found, and when last. How many, in no order. */
size_t lc_table_uses(lc_use *out, size_t room, lc_table *table);
/* Put an object, retained, in the place of the key's; its file was never validated. The entry's
 * serial, or 0: it was not taken, nor the object retained, and the key has no entry any more. */
uint64_t lc_table_put(lc_table *table, const lc_address *address, const locache_stamp *stamp,
                      void *object, size_t object_size);
/* Its file was asked now, and is the same. Nothing where the key has no entry of that serial. */
void lc_table_validated(lc_table *table, const lc_address *address, uint64_t serial);
/* Pin an entry's file by a descriptor, which may evict that of an entry that is used less. The
 * descriptor is taken, or closed. */
void lc_table_pin(lc_table *table, const lc_address *address, uint64_t serial, int descriptor);
/* Give up all descriptors that are held: they are closed. */
void lc_table_unpin(lc_table *table);
/* Drop a key's entry, if it has that serial; serial 0: whichever is there. When it returns, nobody
 * finds it any more. */
void lc_table_drop(lc_table *table, const lc_address *address, uint64_t serial);
/* Drop all. */
void lc_table_clear(lc_table *table);

#endif
