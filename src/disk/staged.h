/* Folders of results that are being brought in from elsewhere: made out of sight, then given their
 * places. One thread at a time for each. */
#ifndef LC_STAGED_H
#define LC_STAGED_H

#include "disk/switching.h"
#include "disk/temporary.h"
#include "format/version_text.h"

/* .versions/.tmp of a cache directory, with a guard in it that lives as long as who works there. */
typedef struct lc_staging {
    int work;
    lc_temporary guard;
    unsigned count; /* folders begun so far */
} lc_staging;

/* A folder in there. */
typedef struct lc_staged {
    char name[LC_SWITCHING_NAME];
    int dir; /* while it is filled */
} lc_staged;

/* OK; EUNTRUSTED, EIO, EBUSY. lc_staging_end() after OK only; what is still there goes then, or,
 * where the process dies, with the next switch of a version. */
locache_status lc_staging_begin(lc_staging *out, const lc_slot *slot, locache_error *error);
void lc_staging_end(lc_staging *staging);

/* Begin a folder, with its record and its note. OK, EIO, EUNTRUSTED, ELIMIT (too many). */
locache_status lc_staged_begin(lc_staged *out, lc_staging *staging, const lc_version *record,
                               lc_span note, locache_error *error);
/* Write a file of it. OK; EINVAL: there is one of that name already; EIO. */
locache_status lc_staged_write(const lc_staged *staged, const char *name, lc_span content,
                               locache_error *error);
/* It has all its files. */
void lc_staged_close(lc_staged *staged);
/* Remove it, where it is still there. */
void lc_staged_discard(const lc_staged *staged, const lc_staging *staging);

/* Where a folder is to go. */
typedef struct lc_staged_place {
    lc_slot slot;
    locache_id id; /* of the version */
    bool current;  /* it is to have the function's name, where nothing has it */
    bool replace;  /* its files take the places of those that are there */
} lc_staged_place;

/* Give a folder its place, or its files theirs in the folder of that version which is there.
 * *stored: files that have a place now; *kept: that were there already, and stay. OK; EINVAL:
 * something that is not locache's has the place; EUNTRUSTED, EIO, EBUSY. */
locache_status lc_staged_give(uint64_t *stored, uint64_t *kept, const lc_staged *staged,
                              const lc_staging *staging, const lc_staged_place *place,
                              locache_error *error);

#endif
