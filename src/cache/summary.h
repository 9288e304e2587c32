/* What the process did, in a line for people. */
#ifndef LC_SUMMARY_H
#define LC_SUMMARY_H

#include <stdbool.h>

/* Say it on stderr when the process ends, and not in its children; or do not. Any thread. */
void lc_summary_at_exit(bool on);

#endif
