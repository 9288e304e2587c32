/* A bounded table from keys to objects that are remembered, with the stamp of the file that each
 * stands for. It asks no file: who recalls does (recall.c).
 *
 * Eviction is S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak: "FIFO queues are all you need for cache
 * eviction", SOSP 2023). What is new waits in a small queue, a tenth of the whole, and moves to the
 * main one only if it was used twice before its turn comes; a scan over many keys thus passes
 * through the small queue and leaves the main one alone. A hit moves nothing, and writes two bits.
 *
 * The lock is tried for microseconds and then done without: whoever does not get it finds nothing.
 * Only who drops or replaces something waits: that must not be found any more. In a child of
 * fork(), a table whose lock another thread of the parent held begins anew, empty; what was in it
 * is never freed. retain() is called under the lock, release() after it. Any thread, but where it
 * says otherwise. */
#ifndef LC_TABLE_H
#define LC_TABLE_H

#include "cache/address.h"
#include "cache/held.h"

typedef struct lc_table lc_table;

typedef struct lc_table_options {
    uint64_t entries; /* at most */
    uint64_t bytes;   /* at most, of objects, keys and what each entry takes besides */
    void (*retain)(void *object);
    void (*release)(void *object);
} lc_table_options;

/* NULL: no memory. */
lc_table *lc_table_new(const lc_table_options *options);
/* Everything is released. NULL is allowed. One thread, when no other uses it any more. */
void lc_table_free(lc_table *table);

#define LC_TABLE_NEVER INT64_C(-1)

typedef struct lc_table_hit {
    void *object;    /* retained */
    uint64_t serial; /* of the entry: another in its place has another */
    locache_stamp stamp;
    int64_t asked;  /* lc_ticks() when its file was last asked, or LC_TABLE_NEVER */
    int descriptor; /* of its file, held while it is one of the most used; or -1 */
    bool pin;       /* it should have one: lc_table_pin() */
} lc_table_hit;

/* False: there is none. An object that was found is released with lc_table_release(), or the
 * caller's to release. */
bool lc_table_find(lc_table_hit *out, lc_table *table, const lc_address *address);
void lc_table_release(const lc_table *table, void *object);
/* How often lc_table_find() found something. */
uint64_t lc_table_found(const lc_table *table);
/* Replaces what is there. Its file was never asked. The entry's serial, or 0: it was not taken, nor
 * the object retained. */
uint64_t lc_table_put(lc_table *table, const lc_address *address, const locache_stamp *stamp,
                      void *object, size_t object_size);
/* Its file was asked now, and is the same. */
void lc_table_note(lc_table *table, const lc_address *address, uint64_t serial);
/* Keep a descriptor with an entry, in the place of another's that is used less; it is taken, or
 * closed. */
void lc_table_pin(lc_table *table, const lc_address *address, uint64_t serial, int descriptor);
/* serial 0: whichever is there. */
void lc_table_drop(lc_table *table, const lc_address *address, uint64_t serial);
void lc_table_clear(lc_table *table);

#endif
