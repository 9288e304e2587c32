/* A bound on the size of files (RLIMIT_FSIZE), which is an error here and no end of the program. */
#ifndef CLI_LIMIT_H
#define CLI_LIMIT_H

/* What would pass it fails with EFBIG from here on. */
void cli_limit_ignore(void);
/* For what is run in a process of its own: as it was given to us. Async-signal-safe. */
void cli_limit_restore(void);

#endif
