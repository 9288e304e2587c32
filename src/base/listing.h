/* The names in a directory. Any thread. */
#ifndef LC_LISTING_H
#define LC_LISTING_H

#include <stdbool.h>
#include <stdint.h>

/* Each of them, "." and ".." left out. Stops early when fn returns false. The descriptor is not
 * consumed. 0, or -1 and errno; on Linux not for want of memory. */
int lc_each_name(int dir, bool (*fn)(void *context, const char *name), void *context);
/* The same for who wants some of them, from a place on, 0 or where an earlier call of any process
 * stopped, which becomes the place where this one does; 0: it came to the end. What the directory's
 * names were at that time does not matter, but that a place is of this directory. */
int lc_each_name_from(int dir, int64_t *place, bool (*fn)(void *context, const char *name),
                      void *context);

#endif
