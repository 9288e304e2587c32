/* Bounds of a cache as a whole, and of all of a user's caches together.
 *
 * How much there is is the sum of what functions' directories say of themselves (tally.h). Not
 * every store sums up: one does so by chance, the more probably the larger its entry is for the
 * bound, so that on average a 1024th of the bound is stored between two of them, by however many
 * processes and however short they live. Nobody has to keep another number for that, and nobody
 * waits: where another process is at it, a store goes on.
 *
 * The sum of all of a user's caches is that of what each was found to hold when somebody last
 * stored into it (sums.h): to sum up looks into none but this one, and to evict into a few that are
 * chosen by how much is in them, whose sums become right by that. */
#include "disk/overall.h"
#include "base/alloc.h"
#include "base/deep.h"
#include "base/hash.h"
#include "base/latch.h"
#include "base/os.h"
#include "disk/least.h"
#include "disk/owner.h"
#include "disk/registry.h"
#include "disk/sealed.h"
#include "disk/share.h"
#include "disk/sums.h"
#include "disk/switching.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define SUMMED_PART 1024
/* For what is bounded by age alone, and for small entries: one in so many stores at least. */
#define SUMMED_EVERY 64
/* Nanoseconds for which it is remembered what is set: to ask costs a third of a store. */
#define REMEMBERED (10 * INT64_C(1000000000))
/* Caches that are looked into for one store: to evict, and to count what nobody counted yet. */
#define CACHES 4
#define UNCOUNTED 8

#define WHY_CACHE "worth least of more than the whole cache may hold"
#define WHY_USER "worth least of more than all caches may hold together"

/* ------------------------------------------------------------------------------- what is set */

typedef struct set_bounds {
    lc_settings cache;
    lc_settings user;
} set_bounds;

/* What was found of a few cache directories. */
typedef struct remembered {
    unsigned char path[LC_CHECKSUM_SIZE];
    int64_t until; /* ticks; 0: nothing */
    unsigned generation;
    set_bounds set;
} remembered;

#define RECORDS 16
static lc_latch memory_lock;
static remembered memory[RECORDS];

static bool take_memory_lock(void)
{
    lc_latch_state state = lc_latch_try(&memory_lock);
    if (state == LC_LATCH_TAKEN_OVER)
        memset(memory, 0, sizeof memory);
    return state != LC_LATCH_BUSY;
}

/* Of the path in out->path. */
static bool recall_set(remembered *out)
{
    const remembered *at = &memory[out->path[0] % RECORDS];
    if (!take_memory_lock())
        return false;
    bool known = at->until > lc_ticks() && at->generation == lc_settings_generation() &&
                 memcmp(at->path, out->path, LC_CHECKSUM_SIZE) == 0;
    if (known)
        *out = *at;
    lc_latch_release(&memory_lock);
    return known;
}

/* Who asks, and of what. */
typedef struct asking {
    set_bounds *out;
    const char *dir;
} asking;

static void read_bounds_set(void *context)
{
    const asking *this = context;
    int root;
    /* What a variable says was looked at when the cache was opened; what is wrong in a file is said
     * by `locache gc`: a store is no place for it. */
    (void)!lc_settings_read(&this->out->user, -1, NULL, NULL);
    if (lc_owner_open_dir(&root, AT_FDCWD, this->dir, "", NULL) != LOCACHE_OK)
        return;
    (void)!lc_settings_read(&this->out->cache, root, this->dir, NULL);
    lc_close(root);
}

/* The generation is that from before: what this process sets meanwhile is asked for again. */
static void find_set(remembered *out, const char *dir)
{
    lc_checksum(out->path, &(lc_span){dir, strlen(dir)}, 1);
    if (recall_set(out))
        return;
    out->generation = lc_settings_generation();
    out->set = (set_bounds){.cache.max_bytes = 0};
    (void)!lc_deep_run(read_bounds_set, &(asking){&out->set, dir});
    out->until = lc_ticks() + REMEMBERED;
    if (!take_memory_lock())
        return;
    memory[out->path[0] % RECORDS] = *out;
    lc_latch_release(&memory_lock);
}

/* The time last, and released after the generation that it goes with. Of two threads' it may be one
 * of each: an earlier generation counts as nothing, and a later one was found to bound nothing. */
static void note_unbounded(lc_unbounded *out, const remembered *found)
{
    atomic_store_explicit(&out->generation, found->generation, memory_order_relaxed);
    atomic_store_explicit(&out->until, found->until, memory_order_release);
}

/* ------------------------------------------------------------------------------------ by chance */

/* A number that is another each time, also in each process and after fork(): splitmix64. */
static uint64_t draw(void)
{
    static _Atomic uint64_t count;
    uint64_t number = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    if (number == 0) {
        lc_random(&number, sizeof number);
        atomic_store_explicit(&count, number, memory_order_relaxed);
    }
    number = (number ^ (uint64_t)lc_process() << 32) * UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

/* Is this the store that sums up? */
static bool is_drawn(const lc_settings *bounds, int64_t size)
{
    double chance = 1.0 / SUMMED_EVERY;
    double by_bytes =
        bounds->max_bytes > 0 ? (double)size * SUMMED_PART / (double)bounds->max_bytes : 0;
    double by_entries = bounds->max_entries > 0 ? SUMMED_PART / (double)bounds->max_entries : 0;
    chance = by_bytes > chance ? by_bytes : chance;
    chance = by_entries > chance ? by_entries : chance;
    return chance >= 1 || (double)(draw() >> 11) < chance * 0x1p53;
}

/* The function's own tally, which is made where there is none. */
static void tally_entry(const lc_overall_store *of)
{
    lc_tallying in;
    if (of->tallied || !lc_tally_begin(&in, of->at, true))
        return;
    if (in.known)
        lc_tally_plus(&in.now, of->replaced ? 0 : 1, of->change);
    else
        in.known = lc_tally_survey(&in.now, of->at);
    lc_tally_end(&in);
}

/* -------------------------------------------------------------------------------------- a cache */

/* What one cache's eviction goes by, in .versions/.clock. */
typedef struct clock_record {
    char magic[8];
    lc_worth_clock clock;
    unsigned char sum[LC_CHECKSUM_SIZE];
} clock_record;

#define CLOCK LC_VERSIONS "/.clock"
static const char clock_magic[8] = {'l', 'c', 'c', 'l', 'o', 'c', 'k', '1'};

static void set_kept(lc_least *out, const lc_overall_store *of)
{
    struct stat found;
    out->keep = of->name;
    if (lc_fstat(of->at->dir, &found) != 0)
        return;
    out->keep_device = found.st_dev;
    out->keep_inode = found.st_ino;
}

/* Within its own bounds. *folders: what there is then. */
static void keep_cache(lc_folders *folders, const lc_overall_store *of, int root,
                       const lc_settings *bounds)
{
    clock_record record;
    lc_least in = {.folders = folders, .bounds = bounds, .clock = &record.clock, .why = WHY_CACHE};
    int fd = lc_openat(root, CLOCK, O_RDWR | O_CREAT, 0600);
    if (fd >= 0)
        (void)!lc_share_file(fd, of->at->mode); /* another member's has its rights already */
    struct stat found;
    if (fd < 0)
        return;
    if (lc_fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_nlink != 1 ||
        lc_lock_within(fd, 0, NULL, NULL) != 0) {
        lc_close(fd);
        return;
    }
    if (!lc_sealed_read(&record, sizeof record, fd) ||
        memcmp(record.magic, clock_magic, sizeof clock_magic) != 0 ||
        !lc_worth_is_sound(&record.clock))
        memset(&record, 0, sizeof record);
    memcpy(record.magic, clock_magic, sizeof clock_magic);
    set_kept(&in, of);
    lc_folders_add(folders, root, of->dir);
    lc_least_evict(&in);
    lc_sealed_write(fd, &record, sizeof record);
    lc_unlock(fd);
    lc_close(fd);
}

/* ----------------------------------------------------------------------- all of a user's caches */

/* One more cache whose folders are listed. */
typedef struct opened_cache {
    int root;
    size_t first; /* of its folders */
    size_t end;
    unsigned char id[LOCACHE_ID_SIZE];
    char path[LOCACHE_PATH_MAX];
} opened_cache;

typedef struct together {
    lc_sums sums;
    lc_folders folders;
    opened_cache *opened;
    size_t count;
    size_t room;
    int uncounted; /* caches that were counted for the first time */
} together;

static bool is_opened(const together *in, const unsigned char id[LOCACHE_ID_SIZE])
{
    for (size_t i = 0; i < in->count; i++)
        if (memcmp(in->opened[i].id, id, LOCACHE_ID_SIZE) == 0)
            return true;
    return false;
}

/* List the folders of a cache, and set its sum right. Its path is in `next`. */
static void list_opened(together *in, opened_cache *next)
{
    const lc_tally before = in->folders.sum;
    next->first = in->folders.count;
    if (lc_owner_open_dir(&next->root, AT_FDCWD, next->path, "", NULL) != LOCACHE_OK) {
        lc_sum *gone = lc_sums_by_id(&in->sums, next->id, false);
        if (gone != NULL)
            lc_sums_remove(&in->sums, gone);
        return;
    }
    lc_folders_add(&in->folders, next->root, next->path);
    next->end = in->folders.count;
    in->count++;
    lc_sum *sum = lc_sums_by_id(&in->sums, next->id, true);
    if (sum != NULL)
        sum->tally = (lc_tally){in->folders.sum.entries - before.entries,
                                in->folders.sum.bytes - before.bytes};
}

/* The same of one that is known by its id. */
static void list_registered(together *in, const unsigned char id[LOCACHE_ID_SIZE])
{
    if (in->count == in->room || is_opened(in, id))
        return;
    opened_cache *next = &in->opened[in->count];
    memcpy(next->id, id, LOCACHE_ID_SIZE);
    if (lc_registry_path(next->path, id)) {
        list_opened(in, next);
        return;
    }
    lc_sum *gone = lc_sums_by_id(&in->sums, id, false);
    if (gone != NULL)
        lc_sums_remove(&in->sums, gone);
}

/* What was registered before there was a bound has no sum yet. */
static bool count_registered(void *context, const unsigned char id[LOCACHE_ID_SIZE])
{
    together *in = context;
    if (lc_sums_by_id(&in->sums, id, false) == NULL) {
        list_registered(in, id);
        in->uncounted++;
    }
    return in->uncounted < UNCOUNTED;
}

/* Some caches by how many entries they have. */
static void choose_caches(together *in)
{
    lc_tally total = lc_sums_total(&in->sums);
    for (int n = 0; n < CACHES && total.entries > 0; n++) {
        int64_t at = (int64_t)(draw() % (uint64_t)total.entries);
        size_t i = 0;
        while (i + 1 < in->sums.count && at >= in->sums.items[i].tally.entries)
            at -= in->sums.items[i++].tally.entries;
        unsigned char id[LOCACHE_ID_SIZE];
        if (i >= in->sums.count)
            return;
        memcpy(id, in->sums.items[i].id, sizeof id);
        list_registered(in, id);
    }
}

/* What there is beside the caches that are listed. */
static lc_tally beside(const together *in)
{
    lc_tally others = lc_sums_total(&in->sums);
    lc_tally_minus(&others, &in->folders.sum);
    return others;
}

/* After an eviction: each listed cache's sum is what its folders are now. */
static void set_sums(together *in)
{
    for (size_t i = 0; i < in->count; i++) {
        lc_sum *sum = lc_sums_by_id(&in->sums, in->opened[i].id, false);
        if (sum == NULL)
            continue;
        sum->tally = (lc_tally){0, 0};
        for (size_t n = in->opened[i].first; n < in->opened[i].end; n++)
            lc_tally_plus(&sum->tally, in->folders.items[n].tally.entries,
                          in->folders.items[n].tally.bytes);
    }
}

static void evict_together(together *in, const lc_overall_store *of, const lc_settings *bounds)
{
    lc_least least = {.folders = &in->folders,
                      .others = beside(in),
                      .bounds = bounds,
                      .clock = &in->sums.clock,
                      .why = WHY_USER};
    set_kept(&least, of);
    if (lc_least_beyond(&least)) {
        choose_caches(in);
        least.others = beside(in);
    }
    lc_least_evict(&least);
    set_sums(in);
}

static void keep_together(const lc_overall_store *of, const lc_settings *bounds)
{
    together in = {.room = 1 + CACHES + UNCOUNTED};
    locache_id id;
    if (!lc_sums_begin(&in.sums))
        return;
    in.opened = lc_alloc(in.room * sizeof *in.opened);
    if (in.opened != NULL) {
        locache_id_of(&id, of->dir, strlen(of->dir));
        memcpy(in.opened[0].id, id.bytes, sizeof id.bytes);
        memcpy(in.opened[0].path, of->dir, strlen(of->dir) + 1);
        list_opened(&in, &in.opened[0]);
        lc_registry_each_id(count_registered, &in);
        evict_together(&in, of, bounds);
        for (size_t i = 0; i < in.count; i++)
            lc_close(in.opened[i].root);
    }
    lc_sums_end(&in.sums);
    lc_folders_free(&in.folders);
    lc_free(in.opened);
}

/* ------------------------------------------------------------------------------------- a store */

void lc_overall_keep(const lc_overall_store *of, lc_unbounded *unbounded)
{
    remembered found;
    int root;
    find_set(&found, of->dir);
    const set_bounds *set = &found.set;
    bool cache = lc_settings_any(&set->cache);
    bool user = lc_settings_any(&set->user);
    if (!cache && !user) {
        note_unbounded(unbounded, &found);
        return;
    }
    tally_entry(of);
    if (cache && is_drawn(&set->cache, of->size) &&
        lc_owner_open_dir(&root, AT_FDCWD, of->dir, "", NULL) == LOCACHE_OK) {
        lc_folders folders = {.items = NULL};
        keep_cache(&folders, of, root, &set->cache);
        lc_folders_free(&folders);
        lc_close(root);
    }
    if (user && is_drawn(&set->user, of->size))
        keep_together(of, &set->user);
}
