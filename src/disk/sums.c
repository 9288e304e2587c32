/* The file that says how much there is in each of a user's caches: a record in front, with the
 * clock of what was evicted for all of them, and one for each cache behind it. Each has its
 * checksum, so that what a crash tore, or somebody else wrote, counts as nothing: a cache without a
 * record is counted when its turn comes. */
#include "disk/sums.h"
#include "base/alloc.h"
#include "base/os.h"
#include "disk/sealed.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* More caches than that have no user; and no file is believed that says so. */
#define CACHES_MAX (1 << 20)
/* Read and written so many at a time. */
#define AT_ONCE 64

typedef struct front {
    char magic[8];
    lc_worth_clock clock;
    int64_t count;
    unsigned char sum[LC_CHECKSUM_SIZE];
} front;

/* In the machine's own order of bytes: another begins anew. */
typedef struct sealed_sum {
    lc_sum sum;
    unsigned char checksum[LC_CHECKSUM_SIZE];
} sealed_sum;

static const char magic[8] = {'l', 'c', 's', 'u', 'm', 's', '_', '1'};

static void seal(sealed_sum *out)
{
    lc_checksum(out->checksum, &(lc_span){&out->sum, sizeof out->sum}, 1);
}

static bool is_sealed(const sealed_sum *one)
{
    sealed_sum same = *one;
    seal(&same);
    return memcmp(same.checksum, one->checksum, sizeof same.checksum) == 0 &&
           one->sum.tally.entries >= 0 && one->sum.tally.bytes >= 0;
}

static lc_sum *new_sum(lc_sums *sums)
{
    if (sums->count == sums->room) {
        size_t larger = 2 * sums->room + AT_ONCE;
        lc_sum *moved = lc_realloc(sums->items, larger * sizeof *moved);
        if (moved == NULL)
            return NULL;
        sums->items = moved;
        sums->room = larger;
    }
    return &sums->items[sums->count++];
}

static void read_sums(lc_sums *out)
{
    sealed_sum some[AT_ONCE];
    front first;
    uint64_t at = sizeof first;
    if (!lc_sealed_read(&first, sizeof first, out->fd) ||
        memcmp(first.magic, magic, sizeof magic) != 0 || !lc_worth_is_sound(&first.clock) ||
        first.count < 0 || first.count > CACHES_MAX)
        return;
    out->clock = first.clock;
    for (int64_t left = first.count; left > 0;) {
        size_t wanted = left < AT_ONCE ? (size_t)left : AT_ONCE;
        ssize_t got = lc_pread_full(out->fd, some, wanted * sizeof *some, at);
        if (got < (ssize_t)sizeof *some)
            return;
        for (size_t i = 0; i < (size_t)got / sizeof *some; i++) {
            lc_sum *one = is_sealed(&some[i]) ? new_sum(out) : NULL;
            if (one != NULL)
                *one = some[i].sum;
        }
        at += (uint64_t)got;
        left -= (int64_t)wanted;
    }
}

bool lc_sums_begin(lc_sums *out)
{
    *out = (lc_sums){.fd = lc_registry_open_file("sums")};
    if (out->fd < 0)
        return false;
    if (lc_lock_within(out->fd, 0, NULL, NULL) != 0) {
        lc_close(out->fd);
        return false;
    }
    read_sums(out);
    return true;
}

lc_sum *lc_sums_by_id(lc_sums *sums, const unsigned char id[LOCACHE_ID_SIZE], bool make)
{
    for (size_t i = 0; i < sums->count; i++)
        if (memcmp(sums->items[i].id, id, LOCACHE_ID_SIZE) == 0)
            return &sums->items[i];
    lc_sum *made = make ? new_sum(sums) : NULL;
    if (made != NULL) {
        memcpy(made->id, id, LOCACHE_ID_SIZE);
        made->tally = (lc_tally){0, 0};
    }
    return made;
}

void lc_sums_remove(lc_sums *sums, lc_sum *sum)
{
    *sum = sums->items[--sums->count];
}

lc_tally lc_sums_total(const lc_sums *sums)
{
    lc_tally total = {0, 0};
    for (size_t i = 0; i < sums->count; i++)
        lc_tally_plus(&total, sums->items[i].tally.entries, sums->items[i].tally.bytes);
    return total;
}

void lc_sums_end(lc_sums *sums)
{
    sealed_sum some[AT_ONCE];
    front first = {.clock = sums->clock, .count = (int64_t)sums->count};
    uint64_t at = sizeof first;
    memcpy(first.magic, magic, sizeof magic);
    for (size_t i = 0; i < sums->count; i += AT_ONCE) {
        size_t count = sums->count - i < AT_ONCE ? sums->count - i : AT_ONCE;
        memset(some, 0, count * sizeof *some);
        for (size_t n = 0; n < count; n++) {
            some[n].sum = sums->items[i + n];
            seal(&some[n]);
        }
        (void)!lc_pwrite(sums->fd, some, count * sizeof *some, at);
        at += count * sizeof *some;
    }
    lc_sealed_write(sums->fd, &first, sizeof first);
    (void)!lc_truncate(sums->fd, at);
    lc_unlock(sums->fd);
    lc_close(sums->fd);
    lc_free(sums->items);
}
