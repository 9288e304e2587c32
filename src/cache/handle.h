/* The handle behind locache.h: what all that serves one function's cache shares. Any thread, but
 * where it says otherwise.
 *
 * No lock is held by anybody here, so that a child of fork() is never left with one: what threads
 * share is atomic. */
#ifndef LC_HANDLE_H
#define LC_HANDLE_H

#include "base/error.h"
#include "cache/table.h"
#include "disk/limits.h"
#include "disk/store.h"
#include "format/version_text.h"

#include <stdatomic.h>

enum { LC_KEY_NONE, LC_KEY_LOADING, LC_KEY_THERE };
enum { LC_EVENT_KINDS = LOCACHE_EVENT_REJECT + 1 };

/* Results in memory (recall.c). */
typedef struct lc_recall {
    lc_table *table;       /* NULL: none are kept */
    bool values;           /* what is kept are locache_values, by the core itself */
    int64_t recheck;       /* nanoseconds */
    _Atomic int64_t grain; /* of the function's directory, once it was found: lc_file_system */
    atomic_bool holds;
    _Atomic uint64_t refuted; /* found in the table, and not so any more */
} lc_recall;

struct locache {
    /* the function's directory; -1: not found yet. Replaced in place, never closed */
    atomic_int funcdir;
    _Atomic dev_t funcdir_device; /* what tells that its descriptor is ours still */
    _Atomic ino_t funcdir_inode;
    /* who we were when it was found ours: to ask again would cost every hit a system call */
    _Atomic uid_t owner;
    /* what entries made here carry. A torn one matches nothing, and harms nothing */
    _Atomic uint64_t version[2];
    atomic_bool swept;
    _Atomic int64_t count; /* entries, as far as known; -1: not counted yet */
    _Atomic uint64_t happened[LC_EVENT_KINDS];
    atomic_int key_state;
    /* written by who moved key_state to LOADING, read from THERE on */
    unsigned char key[LC_MAC_KEY_SIZE];
    locache_id function_id;
    locache_identity identity;
    unsigned flags;
    lc_limits limits;
    lc_recall recall;
    const char *dir;      /* the cache directory */
    const char *function; /* qualified name */
    const char *path;     /* of the function's directory */
    const char *name;     /* of the function's directory in dir: the end of path */
    char tag[LC_TAG_MAX + 1];
    char strings[];
};

/* Tell who listens of an event. */
void lc_handle_tell(const locache *cache, locache_event_kind kind, const char *name,
                    const char *detail);
/* The same, and count it. */
void lc_handle_say(locache *cache, locache_event_kind kind, const char *name, const char *detail);
lc_directory lc_handle_directory(const locache *cache, int funcdir);
locache_id lc_handle_version(const locache *cache);

#endif
