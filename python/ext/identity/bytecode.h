/* What a code object does, as bytes. */
#ifndef LCPY_BYTECODE_H
#define LCPY_BYTECODE_H

#include "state.h"

/* Append the instructions with the names and constants that they use. 0, or -1 with an exception. */
int lcpy_bytecode_write(lcpy_state *state, locache_writer *writer, PyCodeObject *code);

#endif
