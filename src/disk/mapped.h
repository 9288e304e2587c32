/* Large results, mapped: nothing of them is read but what is before their buffers, once they are
 * known to be sound. */
#ifndef LC_MAPPED_H
#define LC_MAPPED_H

#include "disk/store.h"
#include "disk/temporary.h"

/* Map an open entry that has buffers. `stamp` was sampled before anything was read, `head` is its
 * header, of which lc_entry_peek() said that `front` bytes are before the buffers. Either it was
 * verified before in this state, or it is now. OK: *out is owned, parsed and verified; its stamp is
 * not set. MISS: it has to be read (error untouched). ECORRUPT, EIO. Any thread. */
locache_status lc_mapped_read(locache_value **out, int fd, const locache_stamp *stamp,
                              const unsigned char head[LC_ENTRY_HEADER], size_t front,
                              const lc_store *store, const char *name, locache_error *error);

/* Write an entry that will be mapped into a temporary. Its buffers are the program's, and another
 * thread may change them meanwhile, which no reader would find out any more: so what is written is
 * a copy, piece by piece, that is checked as it is. 0, and whether the checksum in spans[0] is that
 * of what was written; or -1 and errno, and the temporary is gone. */
int lc_mapped_write(bool *sound, lc_temporary *temporary, const lc_span *spans, size_t count);

#endif
