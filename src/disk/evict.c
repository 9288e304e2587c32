/* The eviction of an entry: what the least recently used is told by, and the removal. */
#include "disk/evict.h"
#include "base/log.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/ours.h"
#include "disk/stamp.h"

#include <stdio.h>

int64_t lc_evict_last_use(const struct stat *found)
{
    int64_t modified = lc_stamp_nanoseconds(&found->st_mtim);
    int64_t accessed = lc_stamp_nanoseconds(&found->st_atim);
    return modified > accessed ? modified : accessed;
}

/* What was stored or used so lately (nanoseconds) is evicted too soon, where there is much of it. */
#define YOUNG (60 * INT64_C(1000000000))

void lc_evict_known(const lc_directory *at, const char *name, int64_t used, const char *why)
{
    char path[LOCACHE_PATH_MAX];
    if (lc_unlinkat(at->dir, name, 0) != 0)
        return;
    if (at->evictions != NULL) {
        at->evictions->all++;
        at->evictions->young += used != INT64_MIN && lc_now() - used < YOUNG;
    }
    if (!lc_log_wanted())
        return;
    snprintf(path, sizeof path, "%s/%s", at->path, name);
    lc_log(LOCACHE_EVENT_EVICT, at->function, path, why);
}

void lc_evict_entry(const lc_directory *at, const char *name, int64_t used, const char *why)
{
    /* What is not ours stays, and counts as gone: it takes no entry's room. */
    if (lc_ours_entry(at->dir, name))
        lc_evict_known(at, name, used, why);
}
