/* Eviction from a directory that is too large to be listed for a store.
 *
 * The hand stops where the directory's own order has brought it, and looks at the next names. What
 * it evicts are those of them that were used least recently, and not since a time that the last
 * round tells: of all the time that its entries' uses were spread over, the oldest sixteenth.
 * Directories are in the order of a hash, mostly, so that what is next is a sample of the whole;
 * where they are in the order of creation, that time keeps the hand from evicting what is new.
 *
 * At the end of a round the count is set right: there are as many entries as were seen, and as many
 * more at most as were stored meanwhile. So one that nobody disturbs stays exact, and one that is
 * wrong becomes right but for a part of these. */
#include "disk/hand.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/evict.h"
#include "disk/round.h"
#include "disk/sealed.h"

#include <fcntl.h>
#include <string.h>

/* Names that are looked at for a store, and how many at most where too few of them are old: as many
 * looks take a quarter of a millisecond. */
#define NAMES 128
#define NAMES_MAX 512
/* The part of all uses that counts as old. */
#define OLD_PART 16

#define HAND LC_META "/hand"

/* .locache/hand, in the machine's own order of bytes: no other reads it, and damaged it begins
 * anew. */
typedef struct round {
    char magic[8];
    lc_round names; /* those that it comes by */
    int64_t oldest; /* use that was seen in this round */
    int64_t before; /* that of the round before; 0: there was none */
    unsigned char sum[LC_CHECKSUM_SIZE];
} round;

static const char magic[8] = {'l', 'c', 'h', 'a', 'n', 'd', '_', '1'};

typedef struct candidate {
    int64_t when;
    int64_t size;
    char name[LOCACHE_NAME_MAX + 1];
} candidate;

/* What the hand comes by in one store. */
typedef struct way {
    const lc_directory *at;
    const lc_limits *limits;
    const char *keep;
    round round;
    int64_t now;
    int64_t names;                    /* that were looked at */
    int64_t wanted;                   /* so many are to go */
    lc_tally expired;                 /* and evicted for that */
    int64_t count;                    /* of the candidates */
    candidate oldest[LC_HAND_EVICTS]; /* in order, the oldest first */
} way;

static void consider(way *on, const char *name, int64_t when, int64_t bytes)
{
    int64_t place = on->count;
    size_t size = strlen(name) + 1;
    while (place > 0 && on->oldest[place - 1].when > when)
        place--;
    /* In a small directory the hand comes by twice. */
    for (int64_t i = place; i > 0 && on->oldest[i - 1].when == when; i--)
        if (strcmp(on->oldest[i - 1].name, name) == 0)
            return;
    if (place == LC_HAND_EVICTS || size > sizeof on->oldest->name)
        return;
    if (on->count < LC_HAND_EVICTS)
        on->count++;
    memmove(on->oldest + place + 1, on->oldest + place,
            (size_t)(on->count - place - 1) * sizeof *on->oldest);
    on->oldest[place].when = when;
    on->oldest[place].size = bytes;
    memcpy(on->oldest[place].name, name, size);
}

/* What was used before that is old. In the first round nothing is known to be. */
static int64_t old_before(const round *in, int64_t now)
{
    return in->before > 0 ? in->before + (now - in->before) / OLD_PART : INT64_MIN;
}

static int64_t old_of(const way *on)
{
    int64_t old = 0;
    while (old < on->count && on->oldest[old].when < old_before(&on->round, on->now))
        old++;
    return old;
}

static bool goes_on(const way *on)
{
    return on->names < NAMES || (on->names < NAMES_MAX && old_of(on) < on->wanted);
}

static bool come_by(void *context, const char *name)
{
    way *on = context;
    struct stat found;
    on->names++;
    if (name[0] == '.' || lc_fstatat(on->at->dir, name, &found) != 0 || S_ISDIR(found.st_mode))
        return goes_on(on);
    int64_t when = lc_evict_last_use(&found);
    if (when > on->now)
        when = on->now;
    bool newest = strcmp(name, on->keep) == 0;
    if (!newest && on->limits->max_age > 0 && on->now - when > on->limits->max_age) {
        lc_evict_entry(on->at, name, INT64_MIN, LC_EVICTED_OLD);
        lc_tally_plus(&on->expired, 1, (int64_t)found.st_size);
        return goes_on(on);
    }
    lc_tally_plus(&on->round.names.seen, 1, (int64_t)found.st_size);
    if (when < on->round.oldest)
        on->round.oldest = when;
    if (!newest)
        consider(on, name, when, (int64_t)found.st_size);
    return goes_on(on);
}

/* The end of a round: *tally becomes what is known now. */
static void go_round(round *in, lc_tally *tally, int64_t now)
{
    lc_round_end(&in->names, tally);
    in->before = in->oldest < now ? in->oldest : now;
    in->oldest = now;
}

/* False: the file is not ours to write to. */
static bool read_hand(way *on, int fd, const lc_tally *tally)
{
    round *all = &on->round;
    if (fd >= 0 && lc_sealed_read(all, sizeof *all, fd) &&
        memcmp(all->magic, magic, sizeof magic) == 0 && all->names.seen.entries >= 0 &&
        all->names.evicted.entries >= 0)
        return true;
    *all = (round){.names.begin = *tally, .oldest = on->now};
    memcpy(all->magic, magic, sizeof magic);
    return fd >= 0 && lc_sealed_may_write(fd, on->at, HAND);
}

/* Evict those that are beyond the limit, or all that are old. In the first round that is all of the
 * oldest, since nobody knows better. */
static lc_tally evict(const way *on)
{
    lc_tally evicted = {0, 0};
    int64_t old = on->round.before > 0 ? old_of(on) : on->count;
    int64_t most = old > on->wanted ? old : on->wanted;
    int64_t count = on->wanted == 0 ? 0 : most < on->count ? most : on->count;
    for (int64_t i = 0; i < count; i++) {
        lc_evict_entry(on->at, on->oldest[i].name, on->oldest[i].when, LC_EVICTED_MANY);
        lc_tally_plus(&evicted, 1, on->oldest[i].size);
    }
    return evicted;
}

static int64_t surplus(const lc_limits *limits, int64_t count)
{
    return count > limits->max_entries ? count - limits->max_entries : 0;
}

/* False: the directory could not be read. */
static bool move(way *on, lc_tally *tally)
{
    bool ended = false;
    /* Once more where the end came first; not again, since that was all of it. */
    for (int go = 0; go < 2 && goes_on(on); go++) {
        on->wanted = surplus(on->limits, tally->entries);
        if (lc_each_name_from(on->at->dir, &on->round.names.place, come_by, on) != 0)
            return false;
        lc_tally_minus(tally, &on->expired);
        lc_tally_plus(&on->round.names.evicted, on->expired.entries, on->expired.bytes);
        on->expired = (lc_tally){0, 0};
        if (on->round.names.place == 0) {
            go_round(&on->round, tally, on->now);
            ended = true;
        }
    }
    on->wanted = surplus(on->limits, tally->entries);
    const lc_tally evicted = evict(on);
    /* Those of the round before are in its sum, which is too much then and evicts too much. */
    if (!ended)
        lc_tally_minus(&on->round.names.seen, &evicted);
    lc_tally_plus(&on->round.names.evicted, evicted.entries, evicted.bytes);
    lc_tally_minus(tally, &evicted);
    return true;
}

bool lc_hand_move(lc_tally *tally, const lc_directory *at, const lc_limits *limits,
                  const char *keep)
{
    way on = {.at = at, .limits = limits, .keep = keep, .now = lc_now()};
    int fd = lc_sealed_open(at, HAND, O_RDWR | O_CREAT);
    bool ours = read_hand(&on, fd, tally);
    bool moved = move(&on, tally);
    if (moved && ours)
        lc_sealed_write(fd, &on.round, sizeof on.round);
    if (fd >= 0)
        lc_close(fd);
    return moved;
}
