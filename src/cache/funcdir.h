/* A handle's function directory: found, restored or made. Any thread, which borrows it
 * (dirhold.h). */
#ifndef LC_FUNCDIR_H
#define LC_FUNCDIR_H

#include "cache/handle.h"
#include "disk/version_file.h"

/* How far to go for it. */
typedef enum lc_effort {
    LC_LOOK,   /* take what is there, if it is of this version; changes nothing */
    LC_SETTLE, /* move another version out of the way, or ours back in */
    LC_CREATE  /* make it */
} lc_effort;

/* Find the function's directory and open it. OK: cache->funcdir is open. MISS: it is not there (or
 * another version's is, and the effort does not go so far); error is untouched. NEED_SOURCE,
 * EUNTRUSTED, EIO, ENOMEM, EBUSY. */
locache_status lc_funcdir_attach(locache *cache, lc_effort how, locache_error *error);
/* What the handle asks of a directory. Borrowed from it. */
lc_wanted lc_funcdir_wanted(const locache *cache, lc_effort how);
/* The directory to look into, attached again where it was deleted. As above, by LC_LOOK. */
locache_status lc_funcdir_find(int *funcdir, locache *cache, locache_error *error);
/* Was the directory deleted while we had it open, or its descriptor closed by somebody else? */
bool lc_funcdir_gone(const locache *cache, int funcdir);
/* Which of the handle's names are to be used in the open cache directory: 0 or LC_FOLDED_NAMES,
 * whichever its file system asks for; cache->folds is set. */
int lc_funcdir_names(locache *cache, int root);
/* Open the cache directory that it is in. OK, or MISS: it is not there. */
locache_status lc_funcdir_open_root(int *out, const locache *cache, locache_error *error);
/* Open the cache directory of that path, and where `make` says so make it, and what is above it:
 * then *made is set. It and all above are ours alone. OK, MISS, EUNTRUSTED, EIO, ENOMEM. */
locache_status lc_funcdir_root(int *out, bool *made, const char *dir, mode_t mode, bool make,
                               locache_error *error);

#endif
