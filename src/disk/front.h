/* What is at the front of an entry's file: its header and its key, for listings. Any thread. */
#ifndef LC_FRONT_H
#define LC_FRONT_H

#include "disk/directory.h"
#include "format/entry.h"

typedef struct lc_front {
    lc_entry entry;   /* its key is in `room`; its body has no data */
    uint64_t size;    /* bytes of the file */
    int64_t modified; /* nanoseconds since 1970-01-01 UTC */
    unsigned char room[LC_ENTRY_HEADER + LOCACHE_KEY_LONG];
} lc_front;

/* Read it. False: there is no entry of that name that could be ours: no file, a link, another
 * user's, cut off, of another format, or one whose key has another name. Its body is not looked at,
 * so that what is damaged there is not seen. */
bool lc_front_read(lc_front *out, const lc_directory *at, const char *name);

#endif
