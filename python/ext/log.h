/* The core's events as lines for locache._log, which verbose() starts. */
#ifndef LCPY_LOG_H
#define LCPY_LOG_H

#include "state.h"

/* Call `write` with each line, a str; None: no longer. */
void lcpy_log_set(lcpy_state *state, PyObject *write);
/* The interpreter ends: it wants no more lines. */
void lcpy_log_end(lcpy_state *state);

#endif
