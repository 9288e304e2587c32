/* The files of one function's directory, by its descriptor: read, write, remove, list, limit. An
 * entry goes in and comes out as the bytes that it is on disk; whether to believe them is the
 * caller's to say (cache.c), so that bytes from elsewhere, a memory or a server, can be looked at
 * in the same way. Any thread. */
#ifndef LC_STORE_H
#define LC_STORE_H

#include "base/error.h"
#include "disk/value.h"

#include <sys/types.h>

/* Borrowed, made for one call. */
typedef struct lc_store {
    int dir;
    uid_t owner;          /* of dir and of what may be believed in it */
    const char *function; /* for events */
    const char *path;     /* of dir, for messages */
    int64_t grain;        /* of the file system's clock: lc_stamp_take() */
    bool map;             /* large results are mapped */
    /* the user's, that entries written here are signed with, where it is known; else NULL */
    const unsigned char *key;
} lc_store;

/* OK: *out is owned, free it with locache_value_free(). MISS: error->status is OK where there is no
 * such file, else why it was not read. ENOMEM. */
locache_status lc_store_read(locache_value **out, const lc_store *store, const char *name,
                             locache_error *error);

/* Write a file under a temporary name and give it its own. *replaced: there was one before. OK;
 * MISS: the directory or the temporary has gone meanwhile, try again; EFORMAT: an entry of a newer
 * format is there; EINVAL: a large buffer changed meanwhile; EUNTRUSTED, EIO, ENOMEM. *stamp is the
 * file's, set on OK. */
locache_status lc_store_write(bool *replaced, locache_stamp *stamp, const lc_store *store,
                              const char *name, const lc_span *spans, size_t count, bool durable,
                              locache_error *error);

/* OK or MISS; EIO. */
locache_status lc_store_remove(const lc_store *store, const char *name, locache_error *error);
/* Remove every entry. */
locache_status lc_store_clear(const lc_store *store, locache_error *error);
/* Call fn with each entry's name until it returns false. */
locache_status lc_store_each(const lc_store *store, bool (*fn)(void *context, const char *name),
                             void *context, locache_error *error);

/* Remove the temporaries that dead writers left. */
void lc_store_sweep(const lc_store *store);

/* What a directory may hold; 0: no limit. */
typedef struct lc_limits {
    int64_t max_entries;
    int64_t max_age; /* nanoseconds since last use */
} lc_limits;

/* Note that an entry is used now: what max_age goes by, its time of modification. What is large has
 * to be verified again. */
void lc_store_touch(const lc_store *store, const char *name);
/* The same of a value that was read and believed, for max_entries only: its time of access. It
 * stays verified. */
void lc_store_note_use(const lc_store *store, const char *name, const locache_value *value);
/* Nanoseconds since an entry that was last used then; what lies in the future counts as now. */
int64_t lc_store_age(int64_t used);
/* Remove what is too old, and the least recently used of what is too many, but for `keep`, sending
 * EVICT events. The number of entries that stay, or -1 where that is not known. */
int64_t lc_store_trim(const lc_store *store, const lc_limits *limits, const char *keep);

#endif
