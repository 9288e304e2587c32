/* Where the caches of sources were found lately. Any thread. */
#ifndef LC_LOCATED_H
#define LC_LOCATED_H

#include "base/hash.h"

/* A question of locache_locate(), by all that decides its answer but the disk. */
typedef struct lc_located {
    unsigned char key[LC_CHECKSUM_SIZE];
    int64_t asked; /* lc_ticks(); 0: it is not to be kept */
} lc_located;

/* Was the same asked within LC_LATELY? Then out is what was found. `override`: LOCACHE_DIR; it and
 * stem may be NULL. What is asked is for lc_located_note(). */
bool lc_located_find(char out[LOCACHE_PATH_MAX], lc_located *asked, const char *source,
                     const char *stem, unsigned flags, const char *override);
void lc_located_note(const lc_located *asked, const char *path);

#endif
