/* How far something has come that takes longer than a second: on stderr, where that is a
 * terminal. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "places.h"

typedef struct cli_progress {
    const char *what; /* is done: "verified" */
    uint64_t total;   /* 0: not known */
    uint64_t done;
    double part; /* of all, where the total is not known: 0 to 1 */
    int64_t began;
    int64_t first; /* when the first was done, before which names were listed */
    int64_t said;  /* when last, nanoseconds; 0: never */
    bool quiet;    /* nothing is to be said */
} cli_progress;

/* `places`: whose files are counted, where progress will be seen at all. */
void cli_progress_begin(cli_progress *progress, const char *what, const cli_places *places);
/* The same again, with another word. */
void cli_progress_again(cli_progress *progress, const char *what);
/* One more is done. */
void cli_progress_step(cli_progress *progress);
/* Take the line away, before anything else is said, and at the end. */
void cli_progress_clear(cli_progress *progress);

#endif
