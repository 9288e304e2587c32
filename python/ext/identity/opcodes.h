/* What the digest of a code object has to know of opcodes: how each uses its argument, and which of them compilers exchange
 * for one another without a change of meaning. */
#ifndef LCPY_OPCODES_H
#define LCPY_OPCODES_H

#include "state.h"

typedef enum lcpy_jump {
    LCPY_NO_JUMP,
    LCPY_AHEAD, /* the argument counts units from the next instruction on */
    LCPY_BACK,  /* back from there */
    LCPY_TO     /* from the beginning of the code */
} lcpy_jump;

lcpy_jump lcpy_jump_of(int op);
bool lcpy_always_jumps(int op);
/* Returns or raises: control does not go on behind it. */
bool lcpy_ends_block(int op);
/* NOP and its like. */
bool lcpy_does_nothing(int op);
/* The argument is the index of a constant. */
bool lcpy_takes_constant(int op);
/* How many low bits of the argument are flags beside the index of a name; -1 where it is no name's. */
int lcpy_name_shift(int op);
/* Two opcodes may test the same and jump on opposite outcomes: the one that stands for both, and whether op is the other.
 * -1 where op is none such. */
int lcpy_branch_of(int op, bool *inverted);
/* Instructions that one stands for: 1 or 2. Two may be fused only where they share a line; a check whether a variable is
 * bound is there only where it may not be. */
int lcpy_unfuse(int ops[2], uint32_t args[2], int op, uint32_t arg);

#endif
