/* Whether it pays to keep a function's results: said where no later run ever used one. */
#ifndef LCPY_WEIGH_H
#define LCPY_WEIGH_H

#include "call/persisted.h"

/* After this process's first result of the function was stored. 0, or -1 with an exception that is
 * not the cache's to keep back. */
int lcpy_weigh_first(lcpy_persisted *self, const lcpy_key *key);

/* Of the module. */
int lcpy_weigh_exec(PyObject *module);

#endif
