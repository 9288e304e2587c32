/* Versions of a function's directory: which source its results belong to, and the switch when the
 * source changes. docs/format.md, "Versions", is normative for what is on disk. Any thread;
 * processes exclude each other. */
#ifndef LC_VERSION_H
#define LC_VERSION_H

#include "base/error.h"

#define LC_VERSIONS ".versions"
/* earlier versions that stay; functions of one name, as lambdas, share them */
#define LC_VERSIONS_MAX 64

/* What is asked of a directory. */
typedef struct lc_wanted {
    const locache_identity *identity;
    bool keep; /* whichever directory is there is the right one (LOCACHE_KEEP) */
    bool make; /* make what is not there */
} lc_wanted;

/* What a switch did, for the events that the caller sends when no lock is held. */
typedef struct lc_version_news {
    bool moved;       /* another version's directory went to .versions/ */
    bool restored;    /* this version's directory came back from there */
    unsigned evicted; /* earlier versions removed by the limit */
} lc_version_news;

/* Does the open function directory `dir` (whose path is `path`) hold results of this identity? OK:
 * yes, and *id is what its entries carry. MISS: another's. NEED_SOURCE. EUNTRUSTED: its .locache or
 * version file is a link, or not ours. EIO, ENOMEM. Where the version file was lost or does not
 * know this identity's tag yet, it is mended if that can be. */
locache_status lc_version_check(locache_id *id, int dir, const char *path, const lc_wanted *wanted,
                                locache_error *error);

/* Bring the wanted identity's directory to its place, `name` in the cache directory `root` (whose
 * path is `root_path`): it may be there, in .versions/, or nowhere yet. OK: *out is open and the
 * caller's, *id as above, *news is set. MISS: nowhere, and not to be made. NEED_SOURCE, EUNTRUSTED,
 * EIO, ENOMEM, EBUSY. */
locache_status lc_version_settle(int *out, locache_id *id, lc_version_news *news, int root,
                                 const char *root_path, const char *name, const lc_wanted *wanted,
                                 locache_error *error);

/* Remove the earlier versions of `name`. OK also where there are none. EUNTRUSTED, EIO, EBUSY. */
locache_status lc_version_forget(int root, const char *root_path, const char *name,
                                 locache_error *error);

#endif
