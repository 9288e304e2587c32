/* The limits of a directory: when its entries were last used, and which are evicted.
 *
 * The files themselves say when they were used, in their times, so that all processes see one order
 * and no index can go wrong. With max_age it is the time of modification, which mounts without
 * access times keep, too; with max_entries the time of access, which moves nothing that a stamp has
 * but the time of change. Two processes that evict at once may evict a few entries more than either
 * would: that costs a computation, never a wrong result. How many entries there are, and
 * how many bytes, they count together (tally.h). */
#include "disk/limits.h"
#include "base/alloc.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/evict.h"
#include "disk/hand.h"
#include "disk/stamp.h"
#include "disk/store.h"
#include "disk/tally.h"
#include "disk/verified.h"

#include <stdlib.h>
#include <string.h>

/* Eviction makes room for a part of the limit at a time, 1/64, so that the directory is not listed
 * for every new entry. Below 64 entries it is, and the list is short. */
#define TRIM_PART 64

void lc_limits_touch(const lc_directory *at, const char *name)
{
    lc_utime_now(at->dir, name);
}

void lc_limits_note_use(const lc_directory *at, const char *name, locache_value *value)
{
    locache_stamp now;
    locache_stamp after = value->stamp;
    struct stat found;
    if (lc_utime_access(at->dir, name) != 0 || lc_fstatat(at->dir, name, &found) != 0)
        return;
    /* Its time of change moved, and the record of what was verified with it: else each use of a
     * large result would have it verified anew, and that of a small one read. Anybody who wrote to
     * it meanwhile would have moved that of modification, too. */
    lc_stamp_take(&now, &found, at->grain, true);
    after.words[LC_STAMP_CTIME] = now.words[LC_STAMP_CTIME];
    if (!lc_stamp_matches(&after, &found))
        return;
    value->stamp = after;
    if (value->mapped)
        lc_verified_note_sound(at, &now, value->room);
}

int64_t lc_limits_age(int64_t used)
{
    int64_t now = lc_now();
    return used < now ? now - used : 0;
}

int64_t lc_limits_end(const lc_limits *limits, int64_t created, int64_t expires)
{
    int64_t end = expires;
    if (limits->ttl > 0) {
        int64_t own = created < INT64_MAX - limits->ttl ? created + limits->ttl : INT64_MAX;
        end = expires != 0 && expires < own ? expires : own;
    }
    return end;
}

bool lc_limits_over(const lc_limits *limits, int64_t created, int64_t expires, int64_t now)
{
    int64_t end = lc_limits_end(limits, created, expires);
    /* Made in what the clock calls the future, by more than it may last: when, nobody knows. */
    bool future = limits->ttl > 0 && created > now && created - now > limits->ttl;
    return future || (end != 0 && end <= now - limits->stale);
}

/* An entry that may be evicted. */
typedef struct used {
    int64_t when;
    int64_t size; /* of the file */
    size_t name;  /* offset into the survey's names: they move as they grow */
} used;

/* What is in a directory, to choose from. */
typedef struct survey {
    const lc_directory *at;
    const lc_limits *limits;
    const char *keep;
    lc_uses uses; /* of results in memory */
    used *entries;
    size_t count;
    size_t room;
    char *names;
    size_t names_size;
    size_t names_room;
    int64_t kept;  /* entries that are not to be chosen */
    int64_t bytes; /* of all */
    bool failed;
} survey;

/* The array with room for `needed` items, or NULL: it stays as it was. */
static void *grown(void *array, size_t *room, size_t needed, size_t item)
{
    if (needed <= *room)
        return array;
    size_t larger = needed + needed / 2 + 64;
    void *moved = lc_realloc(array, larger * item);
    if (moved != NULL)
        *room = larger;
    return moved;
}

static bool survey_entry(void *context, const char *name)
{
    survey *in = context;
    struct stat found;
    if (lc_fstatat(in->at->dir, name, &found) != 0 || S_ISDIR(found.st_mode))
        return true;
    /* The entry that was just stored, whatever the clock says. */
    if (strcmp(name, in->keep) == 0) {
        in->kept++;
        in->bytes += (int64_t)found.st_size;
        return true;
    }
    if (in->limits->max_age > 0 &&
        lc_limits_age(lc_stamp_nanoseconds(&found.st_mtim)) > in->limits->max_age) {
        lc_evict_entry(in->at, name, INT64_MIN, LC_EVICTED_OLD);
        return true;
    }
    size_t size = strlen(name) + 1;
    used *entries = grown(in->entries, &in->room, in->count + 1, sizeof *entries);
    if (entries != NULL)
        in->entries = entries;
    char *names = grown(in->names, &in->names_room, in->names_size + size, 1);
    if (names != NULL)
        in->names = names;
    in->failed = entries == NULL || names == NULL;
    if (in->failed)
        return false;
    in->entries[in->count++] = (used){.when = lc_uses_last(&in->uses, &found),
                                      .size = (int64_t)found.st_size,
                                      .name = in->names_size};
    in->bytes += (int64_t)found.st_size;
    memcpy(in->names + in->names_size, name, size);
    in->names_size += size;
    return true;
}

static int by_time(const void *a, const void *b)
{
    int64_t left = ((const used *)a)->when;
    int64_t right = ((const used *)b)->when;
    return left < right ? -1 : left > right; /* a difference may overflow */
}

/* Remove what is too old, and the least recently used of what is too many, but for the newcomer.
 * *stay: what stays; false: that is not known. */
static bool trim(lc_tally *stay, const lc_directory *at, const lc_limits *limits,
                 const lc_newcomer *newcomer)
{
    survey in = {.at = at, .limits = limits, .keep = newcomer->name};
    bool known = false;
    if (limits->max_entries > 0)
        lc_uses_ask(&in.uses, newcomer->uses, newcomer->context);
    if (lc_store_each(at, survey_entry, &in, NULL) != LOCACHE_OK || in.failed)
        goto done;
    int64_t total = (int64_t)in.count + in.kept;
    size_t surplus = 0;
    if (limits->max_entries > 0 && total > limits->max_entries)
        surplus = (size_t)(total - (limits->max_entries - limits->max_entries / TRIM_PART));
    if (surplus > in.count)
        surplus = in.count;
    if (surplus > 0)
        qsort(in.entries, in.count, sizeof in.entries[0], by_time);
    for (size_t i = 0; i < surplus; i++) {
        lc_evict_entry(at, in.names + in.entries[i].name, in.entries[i].when, LC_EVICTED_MANY);
        in.bytes -= in.entries[i].size;
    }
    *stay = (lc_tally){total - (int64_t)surplus, in.bytes};
    known = true;
done:
    lc_uses_free(&in.uses);
    lc_free(in.entries);
    lc_free(in.names);
    return known;
}

/* ----------------------------------------------------------------------------------- the tally */

/* Whatever is in the directory is asked for its time where that takes no longer than a store, and
 * where there is no other way: nobody has counted yet, or the limit was lowered. Else the hand goes
 * on where entries are to be evicted, and once for each handle, so that a count that is wrong
 * becomes right. False: it stays as it was counted. */
static bool see_to(lc_tallying *in, const lc_directory *at, const lc_limits *limits,
                   const lc_newcomer *newcomer)
{
    bool few = limits->max_entries <= LC_LIMITS_FEW;
    bool ask = !newcomer->counted && (few || limits->max_age > 0);
    int64_t surplus = in->now.entries - limits->max_entries;
    if (!in->known || ask || surplus > (few ? 0 : LC_HAND_EVICTS))
        return trim(&in->now, at, limits, newcomer);
    return (surplus > 0 || !newcomer->counted) &&
           lc_hand_move(&in->now, at, limits, newcomer->name);
}

void lc_limits_keep(const lc_directory *at, const lc_limits *limits, const lc_newcomer *newcomer)
{
    lc_tallying in;
    lc_tally unheard;
    if (limits->max_entries <= 0) {
        if (!newcomer->counted)
            (void)trim(&unheard, at, limits, newcomer);
        return;
    }
    if (!lc_tally_begin(&in, at, true)) {
        (void)trim(&unheard, at, limits, newcomer);
        return;
    }
    if (!newcomer->roomed)
        lc_tally_plus(&in.now, newcomer->replaced ? 0 : 1,
                      newcomer->size - newcomer->replaced_size);
    in.known = see_to(&in, at, limits, newcomer) || in.known;
    lc_tally_end(&in);
}
