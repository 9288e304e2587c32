/* A function's directory in a base: a cache of somebody else's, or of one's own, that is read and
 * never written to.
 *
 * It may be anyone's, on a disk that is read only, and may be exchanged or vanish at any moment. So
 * nothing in it is locked, mended or moved: an earlier version is read where it lies, and what
 * cannot be read is not there. Who may write to it can make results up; what is believed of it is
 * said in docs/format.md, "Trust". */
#include "cache/base.h"
#include "base/listing.h"
#include "base/text.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/temporary.h"

#include <fcntl.h>

#define RECORD_NAME "version" /* in .locache/ */

void lc_base_record(lc_version *out, int dir)
{
    char text[LC_VERSION_TEXT_MAX + 1]; /* one more, so that a longer file shows */
    int meta;
    struct stat found;
    *out = (lc_version){.lost = true};
    if (lc_owner_open_anyones(&meta, dir, LC_META, "", NULL) != LOCACHE_OK)
        return;
    int fd = lc_openat(meta, RECORD_NAME, O_RDONLY, 0);
    lc_close(meta);
    if (fd < 0)
        return;
    bool sound =
        lc_fstat(fd, &found) == 0 && lc_owner_file(fd, &found, &(lc_owner_in){dir, LC_OWNER_ANYONE},
                                                   "", RECORD_NAME, NULL) == LOCACHE_OK;
    ssize_t size = sound ? lc_read_full(fd, text, sizeof text) : -1;
    lc_close(fd);
    if (size >= 0)
        (void)lc_version_parse(out, text, (size_t)size);
}

/* Is the open directory of the wanted version? It is closed but on OK. */
static locache_status check(lc_settled *out, int dir, const char *path, const lc_wanted *wanted)
{
    lc_version record;
    lc_base_record(&record, dir);
    locache_status status = lc_version_file_compare(&record, dir, path, wanted);
    if (status == LOCACHE_OK) {
        out->dir = dir;
        out->id = record.id;
    } else {
        lc_close(dir);
    }
    return status;
}

/* A look through .versions/<name>/. */
typedef struct search {
    lc_settled *out;
    int family;
    const lc_wanted *wanted;
    locache_status status; /* MISS so far, NEED_SOURCE, or OK: found */
} search;

static bool match_version(void *context, const char *name)
{
    search *query = context;
    locache_id id;
    lc_version record;
    int dir;
    if (!lc_text_unhex(id.bytes, LOCACHE_ID_SIZE, name) ||
        lc_owner_open_anyones(&dir, query->family, name, "", NULL) != LOCACHE_OK)
        return true;
    lc_base_record(&record, dir);
    locache_status status = record.lost || record.newer
                                ? LOCACHE_MISS
                                : lc_version_compare(NULL, &record, &query->wanted->asked);
    if (status == LOCACHE_OK) {
        query->out->dir = dir;
        query->out->id = record.id;
    } else {
        lc_close(dir);
    }
    if (status != LOCACHE_MISS)
        query->status = status;
    return status != LOCACHE_OK;
}

static locache_status find_among_versions(lc_settled *out, int root, const char *name,
                                          const lc_wanted *wanted)
{
    search query = {.out = out, .wanted = wanted, .status = LOCACHE_MISS};
    int versions;
    if (lc_owner_open_anyones(&versions, root, LC_VERSIONS, "", NULL) != LOCACHE_OK)
        return LOCACHE_MISS;
    if (lc_owner_open_anyones(&query.family, versions, name, "", NULL) == LOCACHE_OK) {
        (void)lc_each_name(query.family, match_version, &query);
        lc_close(query.family);
    }
    lc_close(versions);
    return query.status;
}

static locache_status find_named(lc_settled *out, locache *cache, int root, int which,
                                 const lc_wanted *wanted, locache_error *error)
{
    const char *name = cache->names[which];
    int dir;
    if (name == NULL)
        return LOCACHE_MISS;
    locache_status status = lc_owner_open_anyones(&dir, root, name, cache->dir, error);
    if (status == LOCACHE_OK && !lc_ours_funcdir(dir)) {
        lc_close(dir);
        return LOCACHE_MISS;
    }
    if (status == LOCACHE_OK)
        status = check(out, dir, cache->paths[which], wanted);
    /* What needs the source here may be found there without. */
    if (status == LOCACHE_MISS || status == LOCACHE_NEED_SOURCE) {
        locache_status earlier = find_among_versions(out, root, name, wanted);
        if (earlier != LOCACHE_MISS)
            status = earlier;
    }
    if (status == LOCACHE_OK)
        atomic_store(&cache->chosen, which);
    return status;
}

locache_status lc_base_find(lc_settled *out, locache *cache, const lc_wanted *wanted,
                            locache_error *error)
{
    int root;
    out->news = (lc_versions_news){.evicted = 0};
    locache_status status = lc_owner_open_anyones(&root, AT_FDCWD, cache->dir, "", error);
    if (status != LOCACHE_OK)
        return status;
    bool folds = lc_versions_fold_case(root);
    int first = folds ? LC_FOLDED_NAMES : 0;
    atomic_store(&cache->folds, folds);
    status = find_named(out, cache, root, first + LC_OWN_NAME, wanted, error);
    if (status == LOCACHE_MISS)
        status = find_named(out, cache, root, first + LC_OTHER_NAME, wanted, error);
    lc_close(root);
    return status;
}
