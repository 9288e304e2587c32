/* What is at the front of an entry's file: its header and its key, for listings. Any thread. */
#ifndef LC_FRONT_H
#define LC_FRONT_H

#include "disk/directory.h"
#include "format/entry.h"

typedef struct lc_front {
    lc_entry entry;   /* its key is in `room`; its body has no data */
    uint64_t size;    /* bytes of the file, */
    uint64_t blocks;  /* and of the blocks that it takes */
    int64_t modified; /* nanoseconds since 1970-01-01 UTC */
    int64_t accessed;
    unsigned char room[LC_ENTRY_HEADER + LOCACHE_KEY_LONG];
} lc_front;

/* Read it. The body is not looked at, so that what is damaged there is not seen. OK. Else there is
 * no entry of that name that could be ours: MISS: no file, or one of an earlier format; EUNTRUSTED:
 * a link, no regular file, another user's; ECORRUPT: cut off, damaged, or a key that has another
 * name; EFORMAT; EIO. Sizes and times are set wherever there is a file, else 0. */
locache_status lc_front_examine(lc_front *out, const lc_directory *at, const char *name,
                                locache_error *error);
/* The same where it does not matter why. */
bool lc_front_read(lc_front *out, const lc_directory *at, const char *name);

#endif
