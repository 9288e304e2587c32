/* The bases of a handle: read-only caches that are asked where its own has no result. Any
 * thread. */
#ifndef LC_LAYERS_H
#define LC_LAYERS_H

#include "cache/handle.h"

/* More than anybody puts one under another: a team's, a release's, a machine's. */
#define LC_LAYERS_MAX 8

struct lc_layers {
    size_t count;
    /* a base that was told and is none, which the first miss says: is_wrong until it has */
    locache_error wrong;
    atomic_bool is_wrong;
    /* handles for reading only, which belong to the one that has them; each is `foreign` */
    locache *bases[LC_LAYERS_MAX];
};

/* The next of the bases that `list` names (directories, parted by ':') that has a cache directory
 * for the one at `dir`: its path into out. `list` moves past it. False: there are no more.
 * `exact`: only a directory that can be no other source's. docs/sharing.md says which it is. What
 * is told and is no directory that can be read is passed over: *wrong says the first of those that
 * this process has not said yet, and is left alone where there is none. */
bool lc_layers_next(char out[LOCACHE_PATH_MAX], const char **list, const char *dir, bool exact,
                    locache_error *wrong);

/* When the function was last reset, since which results in bases count: nanoseconds since
 * 1970-01-01 UTC; 0: never. */
int64_t lc_layers_reset_at(const locache *cache);
/* The path of the file whose time says it. False: it is too long. */
bool lc_layers_reset_path(char out[LOCACHE_PATH_MAX], const locache *cache);

/* Set in a stamp which base its file is in, and when the function had been reset by then. */
void lc_layers_mark(locache_stamp *stamp, size_t base, int64_t reset_at);
/* The handle of the base that a stamp's file is in, or the handle itself; NULL: it has no such. */
locache *lc_layers_of(locache *cache, const locache_stamp *stamp);
/* May what was kept with that stamp still be given? Its file must be there and unchanged, nothing
 * in the handle's own cache in its place, and the function not reset since. */
bool lc_layers_validate(locache *cache, const locache_stamp *stamp, const lc_address *address);

/* What happened through the bases of a handle, and the time that they saved: of `happened` and
 * `saved_time`. */
uint64_t lc_layers_happened(const locache *cache, locache_event_kind kind);
uint64_t lc_layers_saved(const locache *cache);

#endif
