/* Uses of results in memory, which are noted at their files once a minute: what a process knows of
 * its own since then, asked where something is evicted. Without memory for them, uses count as they
 * are noted. */
#include "disk/uses.h"
#include "base/alloc.h"
#include "disk/evict.h"

#include <stdlib.h>

static int by_inode(const void *a, const void *b)
{
    ino_t left = ((const lc_use *)a)->inode;
    ino_t right = ((const lc_use *)b)->inode;
    return left < right ? -1 : left > right;
}

/* For each file the last use is left. */
static size_t sort_uses(lc_use *uses, size_t count)
{
    size_t left = 0;
    if (count > 0)
        qsort(uses, count, sizeof *uses, by_inode);
    for (size_t i = 0; i < count; i++) {
        if (left == 0 || uses[left - 1].inode != uses[i].inode)
            uses[left++] = uses[i];
        else if (uses[left - 1].when < uses[i].when)
            uses[left - 1].when = uses[i].when;
    }
    return left;
}

void lc_uses_ask(lc_uses *out, size_t (*fill)(lc_use *out, void *context), void *context)
{
    *out = (lc_uses){.all = NULL};
    if (fill == NULL)
        return;
    out->all = lc_alloc(LC_LIMITS_USES * sizeof *out->all);
    if (out->all != NULL)
        out->count = sort_uses(out->all, fill(out->all, context));
}

void lc_uses_free(lc_uses *uses)
{
    lc_free(uses->all);
}

int64_t lc_uses_last(const lc_uses *uses, const struct stat *found)
{
    int64_t when = lc_evict_last_use(found);
    const lc_use this = {.inode = found->st_ino};
    const lc_use *in_memory =
        uses->count > 0 ? bsearch(&this, uses->all, uses->count, sizeof this, by_inode) : NULL;
    return in_memory != NULL && in_memory->when > when ? in_memory->when : when;
}
