/* Where the look at some names of a directory stopped, for whoever looks at the next ones. Any
 * thread. */
#ifndef LC_PLACE_H
#define LC_PLACE_H

#include <stdbool.h>

/* Call fn with names of the open directory `dir` until it returns false, or all were seen, from
 * where the last one stopped who named the same file in it (deleted, or anything else: from the
 * first). False: it could not be listed, or the file not be written. */
bool lc_place_look(int dir, const char *file, bool (*fn)(void *context, const char *name),
                   void *context);

#endif
