/* The key of a simple call, at once: no reference taken, nothing allocated, no Python code run.
 * What it writes is what the general way (bind.h) writes, in the same places or with the same
 * functions. */
#ifndef LCPY_SIMPLE_H
#define LCPY_SIMPLE_H

#include "call/bind.h"

/* Can this plan's calls be simple? 1: it is ready for lcpy_simple_key(); 0: no; -1 with an
 * exception. */
int lcpy_simple_prepare(lcpy_plan *plan);
/* Write the key of a call, where the arguments fit, and each is a scalar, a short string or a small
 * tuple of such. False: the call is for the general way; part of a key may have been written.
 * Leaves no exception. */
bool lcpy_simple_key(locache_cbor_writer *key, const lcpy_plan *plan, const lcpy_call *call);

#endif
