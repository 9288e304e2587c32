/* Lines for a person, on the standard error output. Any thread. */
#ifndef LC_SAY_H
#define LC_SAY_H

#include "base/error.h"

/* Formatted as printf() does, and cut where it is longer than a path and a message together.
 * Whatever becomes of it, no signal is sent to the program for it. errno stays. */
void lc_say(const char *format, ...) LC_PRINTF(1, 2);

#endif
