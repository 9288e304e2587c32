/* The registry of a user's caches: where each one is that this user's processes stored into. Any
 * thread, any number of processes; nobody waits for another. */
#ifndef LC_REGISTRY_H
#define LC_REGISTRY_H

#include <stdbool.h>

/* A result was stored in the cache directory `dir` (an absolute path): register it. `made`: the
 * directory was made just now; else a process does so once for each. Where the registry cannot be
 * written, nothing happens. */
void lc_registry_note(const char *dir, bool made);

#endif
