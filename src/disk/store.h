/* The files of one function's directory, by its descriptor: read, write, remove, list. An entry
 * goes in and comes out as the bytes that it is on disk; to validate them is the caller's part, so
 * that bytes from elsewhere, a memory or a server, can be validated in the same way. Any thread. */
#ifndef LC_STORE_H
#define LC_STORE_H

#include "base/error.h"
#include "disk/directory.h"
#include "disk/value.h"

/* OK: *out is owned, free it with locache_value_free(). MISS: error->status is OK where there is no
 * such file, else why it was not read. ENOMEM. */
locache_status lc_store_read(locache_value **out, const lc_directory *at, const char *name,
                             locache_error *error);

/* What a write did. */
typedef struct lc_stored {
    bool replaced;         /* there was a file of that name before, */
    int64_t replaced_size; /* of so many bytes */
    locache_stamp stamp;
} lc_stored;

/* Who lets an entry in: asked when it is written and has no name yet, and told when it has. */
typedef struct lc_gate {
    void (*enter)(void *context);
    void (*leave)(void *context, const lc_stored *stored); /* NULL: it has none after all */
    void *context;
} lc_gate;

/* An entry as it is to be written. */
typedef struct lc_image {
    lc_span *spans; /* the first is the entry's front */
    size_t count;
    bool durable;        /* on the disk for good before the write returns */
    bool packed;         /* compressed: never mapped, and in memory that nobody else writes to */
    bool passing;        /* buffers leave memory as they are read, by lc_map_leave() */
    bool tallied;        /* .locache/ is used for it by others: the directory's meta_known */
    const lc_gate *gate; /* NULL: whoever comes */
} lc_image;

/* Write a file that nobody sees, and publish it under its name. OK: *out is set; MISS: the
 * directory or the temporary has gone meanwhile, or the file could not be named, try again;
 * EFORMAT: an entry of a newer format is there; EINVAL: a large buffer changed meanwhile;
 * EUNTRUSTED, EIO, ENOMEM. */
locache_status lc_store_write(lc_stored *out, const lc_directory *at, const char *name,
                              const lc_image *image, locache_error *error);

/* OK or MISS; EIO. */
locache_status lc_store_remove(const lc_directory *at, const char *name, locache_error *error);
/* Remove every entry. */
locache_status lc_store_clear(const lc_directory *at, locache_error *error);
/* Call fn with each entry's name until it returns false. */
locache_status lc_store_each(const lc_directory *at, bool (*fn)(void *context, const char *name),
                             void *context, locache_error *error);

/* Remove the temporaries that dead writers left. */
void lc_store_sweep(const lc_directory *at);

#endif
