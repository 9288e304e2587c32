/* Work that needs more stack than a thread may have: paths and records lie on it. Any thread. */
#ifndef LC_DEEP_H
#define LC_DEEP_H

#include <stdbool.h>

/* Call run(context), on this stack where it has the room, else on one of its own: that of a thread
 * which lives for this call, takes no signals and is waited for without being cancelled. errno is
 * as run() left it. False: it was not run, as there is no such thread to be had. */
bool lc_deep_run(void (*run)(void *context), void *context);

#endif
