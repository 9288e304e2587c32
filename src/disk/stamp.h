/* Which file, in which state: what tells that it is still the one that was read.
 *
 * A file is the same as long as its device, number, size, links and both times are. Times move by
 * the grain of the file system's clock: what was sampled within a grain of the last change could
 * look the same after another, and proves nothing, unless its writer made its time of modification
 * one of its own (lc_utime_own), which no later write leaves. Times are compared for equality only:
 * clocks jump. Any thread. */
#ifndef LC_STAMP_H
#define LC_STAMP_H

#include "locache.h"

#include <sys/stat.h>

/* What the words of a locache_stamp are. */
enum {
    LC_STAMP_DEV,
    LC_STAMP_INO,
    LC_STAMP_SIZE,
    LC_STAMP_LINKS,
    LC_STAMP_MTIME,
    LC_STAMP_CTIME,
    LC_STAMP_PROVES, /* 1: any change after this sample shows in the words before */
    LC_STAMP_UNTIL,  /* when a result in memory has to be looked up on disk again; 0: never */
    LC_STAMP_TOOK,   /* nanoseconds that the result took to compute; never negative */
    LC_STAMP_BASE    /* which base the file is in (cache/layers.h); 0: one's own cache */
};
/* The first so many are the file's. */
#define LC_STAMP_IDENTITY LC_STAMP_PROVES

/* The seconds of a file's time, which may be further from 1970 than 64 bits of nanoseconds are:
 * then it counts as the last that is not. */
int64_t lc_stamp_clamp(int64_t seconds);

/* Nanoseconds since 1970-01-01 UTC. */
static inline int64_t lc_stamp_nanoseconds(const struct timespec *time)
{
    int64_t seconds = time->tv_sec;
    /* From 1970 to 2242 there is nothing to clamp, and a hit in memory asks no more. */
    if (__builtin_expect((uint64_t)seconds >> 33 != 0, 0))
        seconds = lc_stamp_clamp(seconds);
    return seconds * INT64_C(1000000000) + time->tv_nsec;
}

/* Sample now. `grain`: nanoseconds of the file system's clock (lc_file_system); negative: it proves
 * nothing ever. `written`: by us just now, with a time of its own. LC_STAMP_UNTIL and what is after
 * it are 0. */
void lc_stamp_take(locache_stamp *out, const struct stat *found, int64_t grain, bool written);
/* Was its last change longer ago than its clock stands still, so that any other shows? */
bool lc_stamp_is_old(const locache_stamp *stamp, int64_t grain);
/* Is that the file, unchanged? Here, since every hit in memory asks it. */
static inline bool lc_stamp_matches(const locache_stamp *stamp, const struct stat *found)
{
    const int64_t *words = stamp->words;
    return words[LC_STAMP_DEV] == (int64_t)found->st_dev &&
           words[LC_STAMP_INO] == (int64_t)found->st_ino &&
           words[LC_STAMP_SIZE] == (int64_t)found->st_size &&
           words[LC_STAMP_LINKS] == (int64_t)found->st_nlink &&
           words[LC_STAMP_MTIME] == lc_stamp_nanoseconds(&found->st_mtim) &&
           words[LC_STAMP_CTIME] == lc_stamp_nanoseconds(&found->st_ctim);
}
/* Is the file of that name it, unchanged? */
bool lc_stamp_is_at(const locache_stamp *stamp, int dir, const char *name);
/* Is that the file, changed or not? As long as somebody has it open: its number goes to another
 * then. */
bool lc_stamp_names(const locache_stamp *stamp, const struct stat *found);

#endif
