/* Which file, in which state: sampled, and compared with what is there now.
 *
 * Results in memory and the records of verified files rest on this: as long as a file's stamp is
 * the one that was sampled, its bytes are those that were validated. A write moves the time of
 * change, which programs cannot set; a replacement has another number or time; a removal takes a
 * link. What remains is the clock. It stands still for a tick at a time, so that a second write
 * within the tick of the first leaves no trace. A sample that was taken when its file's last change
 * was older than the clock's grain cannot have been followed by such a write; any other is marked
 * as proving nothing, and whoever read the file then reads it again next time.
 *
 * The order is the caller's part: the sample comes first, the bytes are read after it, and where a
 * reading takes long the stamp is compared once more at its end. */
#include "disk/stamp.h"
#include "base/os.h"
#include "base/system.h"

/* Where times have no nanoseconds, a second is what they are counted in, or two (FAT). */
#define SECOND INT64_C(1000000000)
#define GRAIN_OF_SECONDS (2 * SECOND)

/* What is outside counts as one of these: from 1824 to 2262, so that the distance between any time
 * and now fits 64 bits, too. */
#define SECONDS_MAX (INT64_MAX / SECOND - 1)
#define SECONDS_MIN (-SECONDS_MAX / 2)

int64_t lc_stamp_clamp(int64_t seconds)
{
    int64_t most = seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
    return most < SECONDS_MIN ? SECONDS_MIN : most;
}

static void fill_identity(int64_t words[LC_STAMP_IDENTITY], const struct stat *found)
{
    words[LC_STAMP_DEV] = (int64_t)found->st_dev;
    words[LC_STAMP_INO] = (int64_t)found->st_ino;
    words[LC_STAMP_SIZE] = (int64_t)found->st_size;
    words[LC_STAMP_LINKS] = (int64_t)found->st_nlink;
    words[LC_STAMP_MTIME] = lc_stamp_nanoseconds(&found->st_mtim);
    words[LC_STAMP_CTIME] = lc_stamp_nanoseconds(&found->st_ctim);
}

/* Do its times have nanoseconds? A time without any is one of seconds: that a fine one ends in nine
 * zeros happens once in 10^9, and then costs a reading more. */
static bool is_fine(const locache_stamp *stamp)
{
    return stamp->words[LC_STAMP_CTIME] % SECOND != 0 || stamp->words[LC_STAMP_MTIME] % SECOND != 0;
}

bool lc_stamp_is_old(const locache_stamp *stamp, int64_t grain)
{
    /* ext4 with small inodes keeps seconds only, though its kind of file system says otherwise. */
    if (grain >= 0 && grain < GRAIN_OF_SECONDS && !is_fine(stamp))
        grain = GRAIN_OF_SECONDS;
    /* A change in what the clock calls the future leaves an age below zero, which proves nothing
     * either. */
    return grain >= 0 && lc_now() - stamp->words[LC_STAMP_CTIME] > grain;
}

void lc_stamp_take(locache_stamp *out, const struct stat *found, int64_t grain, bool written)
{
    *out = (locache_stamp){{0}};
    fill_identity(out->words, found);
    /* Its own time of modification, to the nanosecond, is one that no tick has: a later write sets
     * another. */
    out->words[LC_STAMP_PROVES] =
        lc_stamp_is_old(out, grain) || (grain >= 0 && written && is_fine(out));
}

bool lc_stamp_names(const locache_stamp *stamp, const struct stat *found)
{
    return stamp->words[LC_STAMP_DEV] == (int64_t)found->st_dev &&
           stamp->words[LC_STAMP_INO] == (int64_t)found->st_ino;
}

bool lc_stamp_is_at(const locache_stamp *stamp, int dir, const char *name)
{
    struct stat found;
    return lc_fstatat(dir, name, &found) == 0 && lc_stamp_matches(stamp, &found);
}
