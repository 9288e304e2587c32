/* The one channel for what the user of a program is told. */
#ifndef LC_WARN_H
#define LC_WARN_H

#include "base/error.h"

/* Longest line, with a message of an error in it. */
#define LC_WARN_MAX (LOCACHE_MESSAGE_MAX + 512)

/* Hand a line, without a line feed, to locache_set_warn()'s function, else print it. Any thread. */
void lc_warn(const char *format, ...) LC_PRINTF(1, 2);
/* "locache: ", the line and a line feed on stderr, where that is still somebody's to read. */
void lc_warn_print(const char *line);

#endif
