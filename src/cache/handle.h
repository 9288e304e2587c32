/* The handle behind locache.h: what all that serves one function's cache shares. Any thread, but
 * where it says otherwise.
 *
 * The handle has no lock, so that a child of fork() is never left with one that a thread of its
 * parent held: what threads share is atomic. The table of results in memory has a lock of its own,
 * which a child takes over (table.h). */
#ifndef LC_HANDLE_H
#define LC_HANDLE_H

#include "base/error.h"
#include "cache/table.h"
#include "cache/told.h"
#include "disk/costs.h"
#include "disk/counts.h"
#include "disk/limits.h"
#include "disk/overall.h"
#include "disk/store.h"
#include "disk/tally_held.h"
#include "format/version_text.h"

#include <stdatomic.h>

/* The user's key in the handle: it is written once, by who moved this from NONE to LOADING, and
 * read by all from THERE on. */
enum { LC_KEY_NONE, LC_KEY_LOADING, LC_KEY_THERE };
/* Events are numbered from 1: an array by kind has one more. */
enum { LC_EVENT_KINDS = LOCACHE_EVENT_KEEP + 1 };

/* What a function's directory may be called: locache.names. From LC_FOLDED_NAMES on, the same where
 * the file system folds case. */
enum { LC_OWN_NAME, LC_OTHER_NAME, LC_FOLDED_NAMES, LC_NAMES = 2 * LC_FOLDED_NAMES };

/* Results in memory (recall.c). */
typedef struct lc_recall {
    lc_table *table; /* NULL: none are kept */
    /* LC_LIMITS_READ, where there is max_entries or max_bytes: uses of what was read that are not
     * noted at its file, each at a place that its number says; a later one takes the place of an
     * earlier. */
    struct lc_recall_use *uses;
    bool values;     /* what is kept are locache_values, by the core itself */
    int64_t recheck; /* nanoseconds */
    /* lc_file_system of the function's directory; grain -1 until it is found, which keeps
     * nothing */
    _Atomic int64_t grain;
    atomic_bool holds;
    _Atomic uint64_t stale;      /* found in the table, and not valid any more */
    _Atomic uint64_t stale_time; /* what that had taken to compute */
} lc_recall;

/* What of it is on disk (counting.c). */
typedef struct lc_counting {
    _Atomic uint64_t read;             /* bytes of entries that were read and given */
    _Atomic uint64_t stored;           /* and of those that were stored */
    _Atomic uint64_t added[LC_COUNTS]; /* to the function's counts */
    _Atomic int64_t since;             /* lc_now() when that was */
    _Atomic int64_t due;               /* lc_ticks() from which the rest is */
    atomic_bool adding;                /* a thread is at it */
    uint64_t round; /* of lc_counting_exit(), the last that had it; like the next: locked */
    locache *next;  /* of the open handles */
    locache *before;
} lc_counting;

struct locache {
    atomic_uint users; /* who opened it, until it is closed, and flights that are not ended */
    void (*destroy)(locache *cache);
    /* The function's directory; -1: not found yet, or given up. As long as somebody borrows it the
     * number stays: another directory takes its place under it (funcdir.c), so that no thread reads
     * through a closed one. dirhold.c has the rest. */
    atomic_int funcdir;
    atomic_uint dir_users;  /* who borrow it */
    atomic_int dir_retired; /* another number of it, closed when nobody borrows; -1: none */
    atomic_bool dir_giving; /* a thread is giving it up */
    atomic_bool dir_held;   /* between calls */
    atomic_bool dir_used;   /* since the hand passed */
    /* Which directory that is: what tells that the number is ours still, and not of a file that a
     * program opened after it had closed all descriptors. */
    _Atomic dev_t funcdir_device;
    _Atomic ino_t funcdir_inode;
    /* Who we were when it was found ours: to ask again would cost every hit a system call. */
    _Atomic uid_t owner;
    _Atomic uint64_t version[2];   /* what entries made here carry: lc_handle_version() */
    atomic_bool swept;             /* the temporaries of dead writers, once, by the first put */
    atomic_bool named;             /* entries are not written without a name: lc_directory */
    atomic_bool registered;        /* the cache directory, by the first put */
    lc_unbounded unbounded;        /* the cache as a whole: overall.h */
    atomic_bool cleared_waits;     /* what was cleared is to be removed, by who stores */
    _Atomic int64_t cleared_place; /* lc_cleared_remove_some() */
    atomic_bool counted;           /* its entries, by the first put where there are limits */
    _Atomic uint64_t happened[LC_EVENT_KINDS];
    /* nanoseconds: of what was stored, and of what was read and given (not from memory) */
    _Atomic uint64_t compute_time;
    _Atomic uint64_t saved_time;
    _Atomic uint64_t evicted_young; /* by bounds, soon after they were stored or used */
    atomic_bool thrashes;           /* that was as much as there is in all */
    lc_tally_held tally;            /* where it is bounded, as long as its directory is held */
    lc_costs *costs;                /* of its entries, where there is max_bytes; or NULL */
    atomic_int key_state;           /* LC_KEY_NONE, ... */
    unsigned char key[LC_MAC_KEY_SIZE];
    locache_id function_id;
    locache_identity identity;
    lc_told *told; /* what else of the version; or NULL */
    unsigned flags;
    lc_limits limits;
    bool bounded;       /* there is one of them */
    int64_t wait;       /* locache_options.wait */
    int compress;       /* locache_options.compress */
    atomic_uint misses; /* one after the other, of what was asked for on disk: ask.c */
    lc_recall recall;
    const char *dir;      /* the cache directory */
    const char *function; /* qualified name */
    /* Names of the function's directory in dir, and their paths, whose ends they are: its own, and
     * the one that it has where something that is not ours has its own (funcdir.c); NULL: a longer
     * name than can be. */
    const char *names[LC_NAMES];
    const char *paths[LC_NAMES];
    atomic_int chosen; /* of these */
    /* Read-only caches that are asked where this has no result (layers.h); NULL: none. */
    struct lc_layers *layers;
    /* It is such a one: anybody's, never written to, and trusted with data alone. */
    bool foreign;
    mode_t mode;       /* of directories, where others share them (disk/share.h); 0: nobody does */
    atomic_bool folds; /* the file system takes capital letters for small ones */
    lc_counting counting;
    char tag[LC_TAG_MAX + 1];
    char strings[]; /* what those above point to: one allocation, one free */
};

/* One user more, and one less: the last destroys it. */
void lc_handle_retain(locache *cache);
void lc_handle_release(locache *cache);
/* The address of a call's result in this handle's directory. */
static inline void lc_handle_address(lc_address *out, const locache *cache, const void *key,
                                     size_t key_size)
{
    lc_address_init(out, key, key_size);
    out->folds = atomic_load_explicit(&cache->folds, memory_order_relaxed);
}
/* Send an event to who listens. */
void lc_handle_log(const locache *cache, locache_event_kind kind, const char *name,
                   const char *detail);
/* Count an event, and send it. */
void lc_handle_event(locache *cache, locache_event_kind kind, const char *name, const char *detail);
/* The path of the function's directory. Borrowed from the handle. */
const char *lc_handle_path(const locache *cache);
/* That open directory, as the floor below is told of it. Borrowed from the handle. */
lc_directory lc_handle_directory(const locache *cache, int funcdir);
/* The version that entries made now carry, and that those to be given must have. */
locache_id lc_handle_version(const locache *cache);

#endif
