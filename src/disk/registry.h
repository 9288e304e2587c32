/* The registry of a user's caches: where each one is that this user's processes stored into. Any
 * thread, any number of processes; nobody waits for another. */
#ifndef LC_REGISTRY_H
#define LC_REGISTRY_H

#include "locache.h"

#include <stdbool.h>

/* A result was stored in the cache directory `dir` (an absolute path): register it. `made`: the
 * directory was made just now; else a process does so once for each. Where the registry cannot be
 * written, nothing happens. */
void lc_registry_note(const char *dir, bool made);

/* The path that is registered by that id, into LOCACHE_PATH_MAX bytes. False: there is none, or it
 * is gone. */
bool lc_registry_path(char *out, const unsigned char id[LOCACHE_ID_SIZE]);
/* Call fn with the id of each that is registered, whatever became of it, until it returns false. */
void lc_registry_each_id(bool (*fn)(void *context, const unsigned char id[LOCACHE_ID_SIZE]),
                         void *context);
/* Open for reading and writing, and make where it is missing, a file beside the registry that is
 * ours alone. -1: it cannot be had. */
int lc_registry_open_file(const char *name);

#endif
