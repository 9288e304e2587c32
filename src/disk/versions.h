/* Versions of a function's directory: the switch when the source changes. docs/format.md,
 * "Versions", is normative for what is on disk. Any thread; processes exclude each other. */
#ifndef LC_VERSIONS_H
#define LC_VERSIONS_H

#include "disk/switching.h"
#include "disk/version_file.h"

/* earlier versions that stay; functions of one name, as lambdas, share them */
#define LC_VERSIONS_MAX 64
/* Nanoseconds for which an earlier version stays that nobody uses: a year, after which hardly
 * anybody undoes an edit. Looked at where another one is moved there. */
#define LC_VERSIONS_AGE (INT64_C(365) * 86400 * 1000000000)

/* An earlier version that was removed. */
typedef struct lc_evicted {
    locache_id id;
    bool old; /* by age; else by number */
} lc_evicted;

/* What a switch did, for the events that the caller sends when no lock is held. */
typedef struct lc_versions_news {
    bool moved;       /* another version's directory went to .versions/ */
    bool restored;    /* this version's directory came back from there */
    bool kept;        /* what is there was said to be this version, too */
    unsigned evicted; /* earlier versions removed by the limits, of which these are known: */
    lc_evicted those[8];
} lc_versions_news;

/* A function's directory that stands where it belongs. */
typedef struct lc_settled {
    int dir;       /* open, the caller's */
    locache_id id; /* what its entries carry */
    lc_versions_news news;
    bool there; /* something has the name */
    bool made;  /* by this call, and nobody else has used it yet */
    /* EUNTRUSTED was said since something is in its place that is not ours, or not ours alone */
    bool taken;
} lc_settled;

/* Bring the wanted identity's directory to <root>/<name>: it may be there, in .versions/, or
 * nowhere yet. OK: *out is set. MISS: nowhere, and not to be made. PENDING: others made it
 * meanwhile, to be looked up again. NEED_SOURCE, EUNTRUSTED, EIO, ENOMEM, EBUSY. out->news is set
 * in every case. */
locache_status lc_versions_settle(lc_settled *out, const lc_slot *slot, const lc_wanted *wanted,
                                  locache_error *error);

/* Remove the earlier versions. OK also where there are none. EUNTRUSTED, EIO, EBUSY. */
locache_status lc_versions_forget(const lc_slot *slot, locache_error *error);

/* Does the file system of the open cache directory take capital letters for small ones? It shows by
 * .versions: false as long as that is not there. */
bool lc_versions_fold_case(int root);

#endif
