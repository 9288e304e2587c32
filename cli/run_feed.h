/* Standard input for a command that is run where it could not be kept. One thread. */
#ifndef CLI_RUN_FEED_H
#define CLI_RUN_FEED_H

#include "run.h"

#include <sys/types.h>

/* Read standard input, all of it or until it cannot be kept: run->input says so. */
void cli_feed_read(cli_run *run);
/* A descriptor by which the command reads it; -1 and errno. *feeder: a process of ours that writes
 * to it, forked with prepare(context) called in it, which is to be ended with cli_feed_end(); or
 * 0. */
int cli_feed_open(pid_t *feeder, cli_run *run, void (*prepare)(const void *context),
                  const void *context);
void cli_feed_end(pid_t feeder);

#endif
