/* verbose(): the core's events as lines of the standard logger "locache". */
#ifndef LCPY_PYLOG_H
#define LCPY_PYLOG_H

#include "state.h"

/* 0, or -1 with an exception. `logging` is imported by the first lcpy_log_start(). */
int lcpy_log_start(lcpy_state *state);
int lcpy_log_stop(lcpy_state *state);

#endif
