/* What goes first of many directories: a sample of their entries is looked at, and of these goes
 * what is worth least (worth.h). Directories are chosen at random by the number of their entries,
 * and in each the next names are looked at, so that each entry comes by as often as any other.
 * Where there are few entries in all, the sample is all of them. */
#include "disk/least.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/evict.h"
#include "disk/front.h"
#include "disk/ours.h"
#include "disk/round.h"
#include "disk/sealed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names that are looked at in one go: a header is read of each, which takes half a millisecond in
 * all; and from how many directories at most, where there are more. */
#define NAMES 256
#define DIRECTORIES 16
/* An eighth of them may go for what is to come: the next stores look at nothing then. Not more than
 * that part of the bound. */
#define BATCH_PART 8
#define SLACK_PART 128
/* So many goes in a row without anything to evict: what is left is not ours. */
#define IDLE_MAX 4
#define ROUND LC_META "/around"

/* Where the look at a directory's names stopped, in the machine's own order of bytes: deleted or
 * damaged, it begins anew. */
typedef struct round_record {
    lc_round round;
    unsigned char sum[LC_CHECKSUM_SIZE];
} round_record;

typedef struct candidate {
    double worth;
    int64_t size;
    int64_t used;
    size_t folder;
    size_t name; /* its place in names[] */
    bool past;   /* seen in a round through its folder that has ended */
} candidate;

typedef struct sample {
    lc_least *in;
    int64_t now;
    lc_directory at; /* of the folder that is looked through */
    size_t folder;
    bool newest; /* the entry that stays is in it */
    size_t looked;
    size_t most;   /* to be looked at in this folder */
    lc_tally seen; /* in this folder, that stay */
    size_t count;
    lc_front front;
    candidate all[NAMES];
    char names[NAMES][LOCACHE_NAME_MAX + 1];
} sample;

static bool is_over(int64_t there, int64_t bound)
{
    return bound > 0 && there > bound;
}

bool lc_least_beyond(const lc_least *in)
{
    return is_over(in->folders->sum.bytes + in->others.bytes, in->bounds->max_bytes) ||
           is_over(in->folders->sum.entries + in->others.entries, in->bounds->max_entries);
}

/* ----------------------------------------------------------------------------------- the look */

static void take_away(lc_folders *folders, size_t n, int64_t bytes)
{
    lc_tally_plus(&folders->items[n].tally, -1, -bytes);
    lc_tally_plus(&folders->sum, -1, -bytes);
}

/* What went, and was seen in the round that goes on, or before. */
static void note_evicted(const lc_directory *at, int64_t bytes, bool past)
{
    round_record record;
    const lc_tally one = {1, bytes};
    int fd = lc_sealed_open(at, ROUND, O_RDWR);
    if (fd < 0)
        return;
    if (lc_sealed_read(&record, sizeof record, fd)) {
        if (record.round.place != 0 && !past)
            lc_tally_minus(&record.round.seen, &one);
        lc_tally_plus(&record.round.evicted, 1, bytes);
        lc_sealed_write(fd, &record, sizeof record);
    }
    lc_close(fd);
}

static void evict_candidate(const sample *of, const lc_directory *at, const char *name, size_t n)
{
    const candidate *one = &of->all[n];
    lc_evict_known(at, name, one->used, of->in->why);
    lc_tally_add(at, (lc_tally){-1, -one->size});
    note_evicted(at, one->size, one->past);
    take_away(of->in->folders, one->folder, one->size);
}

/* What is not to be given any more goes whatever there is. */
static bool evict_ended(sample *of, const char *name)
{
    const lc_front *front = &of->front;
    const lc_settings *bounds = of->in->bounds;
    const char *why = NULL;
    if (front->entry.expires != 0 && front->entry.expires <= of->now)
        why = LC_EVICTED_EXPIRED;
    else if (bounds->max_age > 0 && of->now - front->used > bounds->max_age)
        why = LC_EVICTED_OLD;
    if (why == NULL)
        return false;
    lc_evict_known(&of->at, name, INT64_MIN, why);
    lc_tally_add(&of->at, (lc_tally){-1, -(int64_t)front->size});
    take_away(of->in->folders, of->folder, (int64_t)front->size);
    lc_tally_plus(&of->seen, -1, -(int64_t)front->size);
    return true;
}

static bool look_at_name(void *context, const char *name)
{
    sample *of = context;
    struct stat found;
    size_t size = strlen(name) + 1;
    if (name[0] == '.')
        return true;
    of->looked++;
    bool more = of->looked < of->most;
    if (lc_fstatat(of->at.dir, name, &found) != 0 || !S_ISREG(found.st_mode))
        return more;
    lc_tally_plus(&of->seen, 1, (int64_t)found.st_size);
    if (size > sizeof of->names[0] || of->count == NAMES)
        return more;
    locache_status status = lc_front_examine(&of->front, &of->at, name, NULL);
    bool sound = status == LOCACHE_OK;
    /* What is damaged cost nothing that anybody knows; what is newer, or cannot be read, stays. */
    if (!sound &&
        (status == LOCACHE_EFORMAT || status == LOCACHE_EIO || !lc_ours_entry(of->at.dir, name)))
        return more;
    if ((of->newest && strcmp(name, of->in->keep) == 0) || (sound && evict_ended(of, name)))
        return more;
    candidate *one = &of->all[of->count];
    *one = (candidate){.size = (int64_t)of->front.size,
                       .used = of->front.used < of->now ? of->front.used : of->now,
                       .folder = of->folder,
                       .name = of->count};
    one->worth =
        lc_worth_of(of->in->clock, one->used, sound ? of->front.entry.compute_time : 0, one->size);
    memcpy(of->names[of->count++], name, size);
    return more;
}

/* What a folder's tally was found to be. */
static void correct(sample *of, const lc_tally *now)
{
    lc_tally *said = &of->in->folders->items[of->folder].tally;
    const lc_tally more = {now->entries - said->entries, now->bytes - said->bytes};
    if (more.entries == 0 && more.bytes == 0)
        return;
    *said = *now;
    lc_tally_plus(&of->in->folders->sum, more.entries, more.bytes);
    lc_tally_add(&of->at, more);
}

static void end_round(sample *of, lc_round *round, lc_tally *now)
{
    lc_round_end(round, now);
    for (size_t n = 0; n < of->count; n++)
        of->all[n].past = of->all[n].past || of->all[n].folder == of->folder;
}

/* The next names, or all of them. A tally that a killed process left wrong becomes right by that,
 * at once or when the round ends. */
static void look_through(sample *of, bool whole)
{
    round_record record;
    lc_tally now = of->in->folders->items[of->folder].tally;
    int fd = lc_sealed_open(&of->at, ROUND, O_RDWR | O_CREAT);
    if (whole || fd < 0 || !lc_sealed_read(&record, sizeof record, fd))
        record.round = (lc_round){.begin = now};
    if (lc_each_name_from(of->at.dir, &record.round.place, look_at_name, of) == 0) {
        lc_tally_plus(&record.round.seen, of->seen.entries, of->seen.bytes);
        now = of->in->folders->items[of->folder].tally;
        if (whole && record.round.place == 0)
            now = of->seen;
        else if (record.round.place == 0)
            end_round(of, &record.round, &now);
        correct(of, &now);
    }
    if (fd < 0)
        return;
    lc_sealed_write(fd, &record, sizeof record);
    lc_close(fd);
}

static void look_into_folder(sample *of, size_t folder, bool whole)
{
    char path[LOCACHE_PATH_MAX];
    struct stat found;
    of->folder = folder;
    of->looked = 0;
    of->most = whole ? NAMES : NAMES / DIRECTORIES;
    of->seen = (lc_tally){0, 0};
    if (!lc_folders_open(&of->at, path, &of->in->folders->items[folder]))
        return;
    of->newest = lc_fstat(of->at.dir, &found) == 0 && found.st_dev == of->in->keep_device &&
                 found.st_ino == of->in->keep_inode;
    look_through(of, whole);
    lc_close(of->at.dir);
}

static int64_t entries_of(const lc_folders *folders, size_t n)
{
    int64_t entries = folders->items[n].tally.entries;
    return entries > 0 ? entries : 0;
}

/* One of the folders, by the number of their entries; `total` is that of all. */
static size_t choose_folder(const lc_folders *folders, int64_t total)
{
    uint64_t number;
    lc_random(&number, sizeof number);
    int64_t at = total > 0 ? (int64_t)(number % (uint64_t)total) : 0;
    size_t n = 0;
    while (n + 1 < folders->count && at >= entries_of(folders, n))
        at -= entries_of(folders, n++);
    return n;
}

static int from_least(const void *a, const void *b)
{
    const candidate *left = a;
    const candidate *right = b;
    if (left->worth != right->worth)
        return left->worth < right->worth ? -1 : 1;
    if (left->used != right->used)
        return left->used < right->used ? -1 : 1;
    /* Of one that came by twice, that of the round which goes on is the one that counts. */
    return left->past - right->past;
}

/* True: these are all there are. */
static bool look_around(sample *of)
{
    const lc_folders *folders = of->in->folders;
    int64_t total = 0;
    for (size_t n = 0; n < folders->count; n++)
        total += entries_of(folders, n);
    bool whole = total <= NAMES;
    of->count = 0;
    if (whole) {
        for (size_t n = 0; n < folders->count; n++)
            look_into_folder(of, n, true);
    } else {
        for (int n = 0; n < DIRECTORIES; n++)
            look_into_folder(of, choose_folder(folders, total), false);
    }
    qsort(of->all, of->count, sizeof of->all[0], from_least);
    return whole;
}

/* -------------------------------------------------------------------------------- the eviction */

/* Is there less free than is good to have, after that one went, too? */
static bool has_slack_for(const lc_least *in, const candidate *one)
{
    const lc_settings *bounds = in->bounds;
    int64_t bytes = in->folders->sum.bytes + in->others.bytes - one->size;
    int64_t entries = in->folders->sum.entries + in->others.entries - 1;
    return (bounds->max_bytes <= 0 ||
            bytes >= bounds->max_bytes - bounds->max_bytes / SLACK_PART) &&
           (bounds->max_entries <= 0 ||
            entries >= bounds->max_entries - bounds->max_entries / SLACK_PART);
}

/* One name may have come by twice, in a small folder. */
static bool came_before(const sample *of, size_t n)
{
    for (size_t i = n; i-- > 0 && of->all[i].worth == of->all[n].worth;)
        if (of->all[i].folder == of->all[n].folder &&
            strcmp(of->names[of->all[i].name], of->names[of->all[n].name]) == 0)
            return true;
    return false;
}

/* Of a part, only its lesser half: what is worth more than most is not what is worth least of all.
 * How many went. */
static size_t evict_some(sample *of, bool whole)
{
    char path[LOCACHE_PATH_MAX];
    lc_least *in = of->in;
    size_t most = whole ? of->count : (of->count + 1) / 2;
    size_t gone = 0;
    for (size_t n = 0; n < most; n++) {
        lc_directory at;
        const candidate *one = &of->all[n];
        if (!lc_least_beyond(in) && (gone >= of->count / BATCH_PART || !has_slack_for(in, one)))
            break;
        if (came_before(of, n) || !lc_folders_open(&at, path, &in->folders->items[one->folder]))
            continue;
        evict_candidate(of, &at, of->names[one->name], n);
        lc_worth_advance(in->clock, of->now, one->worth);
        lc_close(at.dir);
        gone++;
    }
    return gone;
}

void lc_least_evict(lc_least *in)
{
    sample *of = lc_alloc(sizeof *of);
    if (of == NULL || in->folders->count == 0) {
        lc_free(of);
        return;
    }
    of->in = in;
    of->now = lc_now();
    bool whole = look_around(of);
    for (int idle = 0; idle < IDLE_MAX && lc_least_beyond(in);) {
        idle = evict_some(of, whole) > 0 ? 0 : idle + 1;
        if (lc_least_beyond(in))
            whole = look_around(of);
    }
    lc_free(of);
}
