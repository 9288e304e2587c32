/* Large results, mapped: nothing of them is read but what is before their buffers, once they are
 * known to be sound. Any thread. */
#ifndef LC_MAPPED_H
#define LC_MAPPED_H

#include "disk/store.h"
#include "disk/temporary.h"

/* An entry's file that is open and partly read. */
typedef struct lc_opened {
    int fd;              /* past the bytes that are done */
    size_t done;         /* bytes of it that are in head: all of that, or 0 */
    size_t front;        /* what is before its buffers, as lc_entry_peek() says; 0: it has none */
    locache_stamp stamp; /* sampled before anything was read */
    unsigned char head[LC_ENTRY_HEADER];
} lc_opened;

/* Map a file that has buffers. Either it was verified before in this state, or it is now. OK: *out
 * is owned, parsed and verified; its stamp is not set. MISS: it has to be read (error untouched).
 * ECORRUPT, EIO. */
locache_status lc_mapped_read(locache_value **out, const lc_opened *file, const lc_directory *at,
                              const char *name, locache_error *error);

/* Read such a file into memory instead, verified in any case. OK: *out is owned, and sound; ENOMEM,
 * ECORRUPT, EIO. */
locache_status lc_mapped_load(locache_value **out, const lc_opened *file, const lc_directory *at,
                              const char *name, locache_error *error);

/* Write an entry that will be mapped into a temporary. Its buffers are the program's, and another
 * thread may change them meanwhile, which no reader would find out any more: so what is written is
 * a copy, piece by piece, that is checked as it is. 0, and whether the checksum in spans[0] is that
 * of what was written; or -1 and errno, and the temporary is gone. */
int lc_mapped_write(bool *sound, lc_temporary *temporary, const lc_image *image);

#endif
