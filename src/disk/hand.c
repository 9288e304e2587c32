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
#include "base/os.h"
#include "base/system.h"
#include "disk/evict.h"
#include "disk/meta.h"

#include <string.h>

/* Names that are looked at for a store, and how many at most where too few of them are old: as many
 * looks take a quarter of a millisecond. */
#define NAMES 128
#define NAMES_MAX 512
/* The part of all uses that counts as old. */
#define OLD_PART 16

/* .locache/hand, in the machine's own order of bytes: no other reads it, and what another wrote is
 * no worse than any place to begin. */
typedef struct round {
    int64_t place;   /* of the next name, as the file system says it; 0: the first */
    int64_t seen;    /* entries in this round, that stay */
    int64_t begin;   /* how many there were said to be when it began */
    int64_t evicted; /* in this round */
    int64_t oldest;  /* use that was seen in this round */
    int64_t before;  /* that of the round before; 0: there was none */
} round;

typedef struct candidate {
    int64_t when;
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
    int64_t expired;                  /* and evicted for that */
    int64_t count;                    /* of the candidates */
    candidate oldest[LC_HAND_EVICTS]; /* in order, the oldest first */
} way;

static void consider(way *on, const char *name, int64_t when)
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
        lc_evict_entry(on->at, name, LC_EVICTED_OLD);
        on->expired++;
        return goes_on(on);
    }
    on->round.seen++;
    if (when < on->round.oldest)
        on->round.oldest = when;
    if (!newest)
        consider(on, name, when);
    return goes_on(on);
}

/* The end of a round. The count as it is known now: of what was stored in the round, some came
 * where the hand had been already, half by and large. */
static int64_t go_round(round *in, int64_t count, int64_t now)
{
    int64_t stored = count > in->begin - in->evicted ? count - in->begin + in->evicted : 0;
    int64_t least = in->seen + stored / 2;
    int64_t most = in->seen + stored;
    if (in->seen > 0)
        count = count < least ? least : count > most ? most : count;
    in->before = in->oldest < now ? in->oldest : now;
    in->seen = in->evicted = 0;
    in->begin = count;
    in->oldest = now;
    return count;
}

static void read_hand(way *on, const lc_meta *file, int64_t count)
{
    size_t size = 0;
    if (lc_meta_read(&size, &on->round, sizeof on->round, file, NULL) == LOCACHE_OK &&
        size == sizeof on->round && on->round.seen >= 0 && on->round.evicted >= 0)
        return;
    on->round = (round){.begin = count, .oldest = on->now};
}

/* Evict those that are beyond the limit, or all that are old: how many. In the first round that is
 * all of the oldest, since nobody knows better. */
static int64_t evict(const way *on)
{
    int64_t old = on->round.before > 0 ? old_of(on) : on->count;
    int64_t most = old > on->wanted ? old : on->wanted;
    int64_t count = on->wanted == 0 ? 0 : most < on->count ? most : on->count;
    for (int64_t i = 0; i < count; i++)
        lc_evict_entry(on->at, on->oldest[i].name, LC_EVICTED_MANY);
    return count;
}

static int64_t surplus(const lc_limits *limits, int64_t count)
{
    return count > limits->max_entries ? count - limits->max_entries : 0;
}

int64_t lc_hand_move(const lc_directory *at, const lc_limits *limits, const char *keep,
                     int64_t count)
{
    way on = {.at = at, .limits = limits, .keep = keep, .now = lc_now()};
    const lc_meta file = {.dir = at->dir, .path = at->path, .name = "hand"};
    read_hand(&on, &file, count);
    bool ended = false;
    /* Once more where the end came first; not again, since that was all of it. */
    for (int go = 0; go < 2 && goes_on(&on); go++) {
        on.wanted = surplus(limits, count);
        if (lc_each_name_from(at->dir, &on.round.place, come_by, &on) != 0)
            return -1;
        if (on.round.place == 0) {
            count = go_round(&on.round, count, on.now);
            ended = true;
        }
    }
    on.wanted = surplus(limits, count);
    int64_t evicted = evict(&on);
    /* Those of the round before are in its sum, which is too much then and evicts too much. */
    if (!ended)
        on.round.seen -= on.round.seen > evicted ? evicted : on.round.seen;
    evicted += on.expired;
    on.round.evicted += evicted;
    (void)!lc_meta_write(&file, (lc_span){&on.round, sizeof on.round}, NULL);
    return count > evicted ? count - evicted : 0;
}
