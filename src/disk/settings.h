/* What a cache directory as a whole may hold, and all caches of a user together, as somebody has
 * set it. Any thread. */
#ifndef LC_SETTINGS_H
#define LC_SETTINGS_H

#include "base/error.h"

/* 0: no bound. */
typedef struct lc_settings {
    int64_t max_bytes;
    int64_t max_entries;
    int64_t max_age; /* nanoseconds since the last use */
} lc_settings;

/* Those of a cache directory, which is open as `root` and has the path `dir`; root < 0: of all of
 * this user's caches. What the environment says goes before what the file does. OK, also where
 * nothing is set; EINVAL: a line or a variable says what cannot be, or others may write to the
 * file; EIO, ELIMIT. *out has what could be read in every case. */
locache_status lc_settings_read(lc_settings *out, int root, const char *dir, locache_error *error);
/* Does each variable say what it may? EINVAL: which does not. */
locache_status lc_settings_check_environment(locache_error *error);
/* A number that is another once this process has set bounds, or asked for them. */
unsigned lc_settings_generation(void);
bool lc_settings_any(const lc_settings *settings);

#endif
