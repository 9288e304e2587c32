/* A small file in .locache/ of a function's directory, read and written whole. Any thread. */
#ifndef LC_META_H
#define LC_META_H

#include "base/error.h"
#include "base/hash.h"

/* Which file. Borrowed. */
typedef struct lc_meta {
    int dir;          /* the open function directory */
    const char *path; /* its path, for messages */
    const char *name; /* of the file */
} lc_meta;

/* At most `room` bytes of it. OK; MISS: there is none; EUNTRUSTED: it or .locache is a link, no
 * regular file, or not ours; EIO. */
locache_status lc_meta_read(size_t *size, void *out, size_t room, const lc_meta *file,
                            locache_error *error);
/* Whole or not at all: another process may be reading it. OK, EUNTRUSTED, EIO. */
locache_status lc_meta_write(const lc_meta *file, lc_span content, locache_error *error);
/* The first of its name, in a directory with a .locache/ that nobody else knows yet: without a
 * temporary. EIO: there is none. */
locache_status lc_meta_make(const lc_meta *file, lc_span content, locache_error *error);
/* Is there such a file? */
bool lc_meta_is_there(const lc_meta *file);

#endif
