/* Room within max_bytes.
 *
 * Who stores holds the lock of the tally from before he makes room until his entry has its name: so
 * what the tally says is there, and nothing comes in between. One that dies there leaves the tally
 * as it was before his entry, and entries that he evicted counted; whoever goes round finds that
 * out.
 *
 * A directory of few entries is looked through whole. In a larger one a hand goes round (round.h):
 * it looks at the next names, and what is worth least of these goes. Somewhat more than needed goes
 * at once, so that most stores look at nothing: where entries are small for the bound, a quarter of
 * those that were looked at. So a store costs the same whatever the number of entries, but one that
 * is as large as thousands of others, or that finds the bound lowered, has as many to evict. */
#include "disk/room.h"
#include "base/alloc.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/evict.h"
#include "disk/ours.h"
#include "disk/round.h"
#include "disk/sealed.h"
#include "disk/stamp.h"
#include "disk/worth.h"
#include "format/entry.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Names that are looked at in one go: each has to be opened, since what it cost stands in its
 * header. That is a quarter of a millisecond. */
#define NAMES 128
/* Part of the bound that may stay free beyond what is needed, and of the names that are looked at
 * that may go for it. */
#define SLACK_PART 16
#define BATCH_PART 4
/* So many goes in a row without anything to evict: all that is left is not ours. */
#define IDLE_MAX 4

#define STATE LC_META "/room"

/* What stands in .locache/room, in the machine's own order of bytes: deleted or damaged, it begins
 * anew. */
typedef struct state {
    char magic[8];
    lc_round round;
    lc_worth_clock clock;
    unsigned char sum[LC_CHECKSUM_SIZE];
} state;

static const char magic[8] = {'l', 'c', 'r', 'o', 'o', 'm', '_', '1'};

typedef struct candidate {
    double worth;
    int64_t size;
    int64_t used;
    size_t name; /* its place in names[] */
} candidate;

/* One look at some names. */
typedef struct sample {
    const lc_room *room;
    int64_t now;
    lc_uses uses;
    state state;
    int64_t looked;
    lc_tally seen; /* that stay */
    size_t count;
    candidate all[NAMES];
    char names[NAMES][LOCACHE_NAME_MAX + 1];
} sample;

/* ----------------------------------------------------------------------------------- the look */

/* What an entry says it cost and when it ends. False: it is not ours. */
static bool read_head(lc_cost *out, int dir, const char *name, const struct stat *found)
{
    unsigned char head[LC_ENTRY_HEADER] = {0};
    lc_entry entry;
    uint64_t key_at;
    *out = (lc_cost){.took = 0};
    int fd = lc_open_unseen(dir, name);
    if (fd < 0)
        return false;
    bool whole = lc_read_full(fd, head, sizeof head) == sizeof head;
    lc_close(fd);
    if (whole &&
        lc_entry_parse_head(&entry, &key_at, head, (uint64_t)found->st_size) == LOCACHE_OK) {
        *out = (lc_cost){entry.compute_time, entry.created, entry.expires};
        return true;
    }
    /* Of another format, or damaged: it cost nothing that anybody knows. */
    return lc_ours_entry(dir, name);
}

static bool find_cost(lc_cost *out, const lc_room *room, const char *name, const struct stat *found)
{
    if (lc_costs_find(out, room->costs, found))
        return true;
    if (!read_head(out, room->at->dir, name, found))
        return false;
    lc_costs_note(room->costs, (uint64_t)found->st_ino, lc_stamp_nanoseconds(&found->st_mtim), out);
    return true;
}

/* Evict what nobody may be given any more. */
static bool evict_over(const sample *in, const char *name, const lc_cost *entry, int64_t used)
{
    const lc_limits *limits = in->room->limits;
    const char *why = NULL;
    if (lc_limits_over(limits, entry->created, entry->expires, in->now))
        why = LC_EVICTED_EXPIRED;
    else if (limits->max_age > 0 && in->now - used > limits->max_age)
        why = LC_EVICTED_OLD;
    if (why != NULL)
        lc_evict_known(in->room->at, name, INT64_MIN, why);
    return why != NULL;
}

static bool weigh_name(void *context, const char *name)
{
    sample *in = context;
    struct stat found;
    lc_cost entry;
    int dir = in->room->at->dir;
    size_t size = strlen(name) + 1;
    if (name[0] == '.')
        return true;
    in->looked++;
    if (size > sizeof in->names[0] || lc_fstatat(dir, name, &found) != 0 ||
        !S_ISREG(found.st_mode) || !find_cost(&entry, in->room, name, &found))
        return in->looked < NAMES;
    int64_t used = lc_uses_last(&in->uses, &found);
    if (used > in->now)
        used = in->now;
    bool newcomer = strcmp(name, in->room->newcomer->name) == 0;
    if (!newcomer && evict_over(in, name, &entry, used))
        return in->looked < NAMES;
    lc_tally_plus(&in->seen, 1, (int64_t)found.st_size);
    if (!newcomer) {
        candidate *one = &in->all[in->count];
        *one = (candidate){.size = (int64_t)found.st_size, .used = used, .name = in->count};
        one->worth = lc_worth_of(&in->state.clock, used, entry.took, one->size);
        memcpy(in->names[in->count++], name, size);
    }
    return in->looked < NAMES;
}

static int by_worth(const void *a, const void *b)
{
    const candidate *left = a;
    const candidate *right = b;
    if (left->worth != right->worth)
        return left->worth < right->worth ? -1 : 1;
    return left->used < right->used ? -1 : left->used > right->used;
}

/* Look at the next names: *tally becomes what is known then, and *whole says whether that was all
 * there is. False: the directory could not be read. */
static bool look_at_some(sample *in, lc_tally *tally, bool *whole)
{
    lc_round *round = &in->state.round;
    bool from_first = round->place == 0 || tally->entries <= NAMES;
    if (from_first)
        *round = (lc_round){.begin = *tally};
    in->count = 0;
    in->looked = 0;
    in->seen = (lc_tally){0, 0};
    if (lc_each_name_from(in->room->at->dir, &round->place, weigh_name, in) != 0)
        return false;
    lc_tally_plus(&round->seen, in->seen.entries, in->seen.bytes);
    *whole = from_first && round->place == 0;
    if (*whole) {
        *tally = in->seen;
        *round = (lc_round){.begin = *tally};
    } else if (round->place == 0) {
        lc_round_end(round, tally);
    }
    qsort(in->all, in->count, sizeof in->all[0], by_worth);
    return true;
}

/* --------------------------------------------------------------------------------- the eviction */

/* Evict of what was looked at, from what is worth least on: what is beyond the room that is needed,
 * and some more. How many. */
static size_t evict_least(sample *in, lc_tally *tally, bool whole)
{
    const lc_room *room = in->room;
    int64_t most = room->limits->max_bytes - room->newcomer->size + room->old_size;
    int64_t slack = room->limits->max_bytes / SLACK_PART;
    size_t batch = in->count / BATCH_PART;
    size_t half = whole ? in->count : (in->count + 1) / 2;
    lc_tally gone = {0, 0};
    size_t done = 0;
    for (; done < half; done++) {
        const candidate *one = &in->all[done];
        int64_t left = most - tally->bytes + gone.bytes; /* free by now; negative: still beyond */
        if (left >= 0 && (done >= batch || left + one->size > slack))
            break;
        lc_evict_known(room->at, in->names[one->name], one->used, LC_EVICTED_WORTH);
        lc_worth_advance(&in->state.clock, in->now, one->worth);
        lc_tally_plus(&gone, 1, one->size);
    }
    lc_round *round = &in->state.round;
    lc_tally_minus(tally, &gone);
    if (whole)
        round->begin = *tally;
    else
        lc_tally_plus(&round->evicted, gone.entries, gone.bytes);
    if (!whole && round->place != 0)
        lc_tally_minus(&round->seen, &gone);
    return done;
}

static bool is_beyond(const lc_room *room, const lc_tally *tally)
{
    return tally->bytes > room->limits->max_bytes - room->newcomer->size + room->old_size;
}

/* False: it is not ours to write to. */
static bool read_state(sample *in, int fd, const lc_tally *tally)
{
    state *all = &in->state;
    if (fd >= 0 && lc_sealed_read(all, sizeof *all, fd) &&
        memcmp(all->magic, magic, sizeof magic) == 0 && lc_worth_is_sound(&all->clock) &&
        all->round.seen.entries >= 0 && all->round.evicted.entries >= 0)
        return true;
    *all = (state){.round.begin = *tally};
    memcpy(all->magic, magic, sizeof magic);
    return fd >= 0 && lc_sealed_may_write(fd, in->room->at, STATE);
}

/* Make room, looking at some names at least. */
static void evict_for_room(sample *in, lc_tally *tally)
{
    const lc_room *room = in->room;
    int fd = lc_sealed_open(room->at, STATE, O_RDWR | O_CREAT);
    bool ours = read_state(in, fd, tally);
    /* With many, this process's uses are few of all. */
    if (tally->entries <= LC_LIMITS_USES)
        lc_uses_ask(&in->uses, room->newcomer->uses, room->newcomer->context);
    int idle = 0;
    do {
        bool whole = false;
        if (!look_at_some(in, tally, &whole))
            break;
        if (!is_beyond(room, tally))
            break;
        idle = evict_least(in, tally, whole) > 0 ? 0 : idle + 1;
    } while (is_beyond(room, tally) && idle < IDLE_MAX);
    lc_uses_free(&in->uses);
    if (ours)
        lc_sealed_write(fd, &in->state, sizeof in->state);
    if (fd >= 0)
        lc_close(fd);
}

void lc_room_enter(lc_room *room)
{
    struct stat found;
    const lc_newcomer *newcomer = room->newcomer;
    room->old_size = 0;
    room->open = lc_tally_begin(&room->in, room->at, true);
    lc_tallying *in = &room->in;
    if (!room->open)
        *in = (lc_tallying){.fd = -1};
    if (!in->known)
        in->known = lc_tally_survey(&in->now, room->at);
    if (!is_beyond(room, &in->now) && newcomer->counted)
        return;
    if (lc_fstatat(room->at->dir, newcomer->name, &found) == 0 && S_ISREG(found.st_mode))
        room->old_size = (int64_t)found.st_size;
    sample *made = lc_alloc(sizeof *made);
    if (made == NULL) /* the next makes room for this one, too */
        return;
    memset(made, 0, sizeof *made);
    made->room = room;
    made->now = lc_now();
    evict_for_room(made, &in->now);
    lc_free(made);
}

void lc_room_leave(lc_room *room, const lc_stored *stored)
{
    if (!room->open)
        return;
    room->in.stored = stored != NULL;
    if (stored != NULL)
        lc_tally_plus(&room->in.now, stored->replaced ? 0 : 1,
                      room->newcomer->size - stored->replaced_size);
    lc_tally_end(&room->in);
}
