/* A look at some names of a directory, the next ones each time, whichever process looks. What the
 * file system says of the place stands in a file: eight bytes, in the machine's own order. What
 * another machine or anybody else wrote there is no worse than any place to begin, so that nothing
 * of it is checked, and nobody waits for another to write it. */
#include "disk/place.h"
#include "base/listing.h"
#include "base/os.h"

#include <fcntl.h>

bool lc_place_look(int dir, const char *file, bool (*fn)(void *context, const char *name),
                   void *context)
{
    int64_t place = 0;
    int fd = lc_openat(dir, file, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        return false;
    if (lc_pread_full(fd, &place, sizeof place, 0) != (ssize_t)sizeof place)
        place = 0;
    bool listed = lc_each_name_from(dir, &place, fn, context) == 0;
    bool written = lc_pwrite(fd, &place, sizeof place, 0) == 0;
    lc_close(fd);
    return listed && written;
}
