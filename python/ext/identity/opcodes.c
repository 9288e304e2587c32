/* The opcodes of CPython 3.10 to 3.14, as far as it matters. Numbers are those of the headers: an extension is built for one
 * minor version, within which they do not change. */
#include "identity/opcodes.h"

#include <opcode.h>

lcpy_jump lcpy_jump_of(int op)
{
    switch (op) {
    case FOR_ITER:
    case JUMP_FORWARD:
#if PY_VERSION_HEX < 0x030B0000
    case SETUP_FINALLY:
    case SETUP_WITH:
    case SETUP_ASYNC_WITH:
        return LCPY_AHEAD;
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
    case JUMP_ABSOLUTE:
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
    case JUMP_IF_NOT_EXC_MATCH:
        return LCPY_TO;
#elif PY_VERSION_HEX < 0x030C0000
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
    case SEND:
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_TRUE:
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
        return LCPY_AHEAD;
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
    case POP_JUMP_BACKWARD_IF_FALSE:
    case POP_JUMP_BACKWARD_IF_TRUE:
    case POP_JUMP_BACKWARD_IF_NONE:
    case POP_JUMP_BACKWARD_IF_NOT_NONE:
        return LCPY_BACK;
#else
    case SEND:
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
        return LCPY_AHEAD;
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
#if PY_VERSION_HEX >= 0x030E0000
    case END_ASYNC_FOR:
#endif
        return LCPY_BACK;
#endif
    default:
        return LCPY_NO_JUMP;
    }
}

bool lcpy_always_jumps(int op)
{
#if PY_VERSION_HEX < 0x030B0000
    return op == JUMP_FORWARD || op == JUMP_ABSOLUTE;
#else
    return op == JUMP_FORWARD || op == JUMP_BACKWARD || op == JUMP_BACKWARD_NO_INTERRUPT;
#endif
}

int lcpy_branch_of(int op, bool *inverted)
{
    switch (op) {
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
    case POP_JUMP_FORWARD_IF_TRUE:
    case POP_JUMP_BACKWARD_IF_TRUE:
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_BACKWARD_IF_FALSE:
        *inverted = op == POP_JUMP_FORWARD_IF_FALSE || op == POP_JUMP_BACKWARD_IF_FALSE;
        return POP_JUMP_FORWARD_IF_TRUE;
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_BACKWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
    case POP_JUMP_BACKWARD_IF_NOT_NONE:
        *inverted = op == POP_JUMP_FORWARD_IF_NOT_NONE || op == POP_JUMP_BACKWARD_IF_NOT_NONE;
        return POP_JUMP_FORWARD_IF_NONE;
#else
    case POP_JUMP_IF_TRUE:
    case POP_JUMP_IF_FALSE:
        *inverted = op == POP_JUMP_IF_FALSE;
        return POP_JUMP_IF_TRUE;
#endif
#if PY_VERSION_HEX >= 0x030C0000
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
        *inverted = op == POP_JUMP_IF_NOT_NONE;
        return POP_JUMP_IF_NONE;
#endif
    default:
        return -1;
    }
}

bool lcpy_ends_block(int op)
{
    return op == RETURN_VALUE || op == RAISE_VARARGS || op == RERAISE;
}

bool lcpy_takes_constant(int op)
{
#ifdef KW_NAMES
    if (op == KW_NAMES)
        return true;
#endif
    return op == LOAD_CONST;
}

int lcpy_name_shift(int op)
{
    switch (op) {
    case STORE_NAME:
    case DELETE_NAME:
    case STORE_ATTR:
    case DELETE_ATTR:
    case STORE_GLOBAL:
    case DELETE_GLOBAL:
    case LOAD_NAME:
    case IMPORT_NAME:
    case IMPORT_FROM:
#if PY_VERSION_HEX >= 0x030C0000
    case LOAD_FROM_DICT_OR_GLOBALS:
        return 0;
    case LOAD_ATTR:
    case LOAD_GLOBAL:
        return 1;
    case LOAD_SUPER_ATTR:
        return 2;
#else
    case LOAD_ATTR:
    case LOAD_METHOD:
        return 0;
    case LOAD_GLOBAL:
        return PY_VERSION_HEX >= 0x030B0000;
#endif
    default:
        return -1;
    }
}

bool lcpy_does_nothing(int op)
{
#ifdef NOT_TAKEN
    if (op == NOT_TAKEN)
        return true;
#endif
    return op == NOP;
}

#if PY_VERSION_HEX >= 0x030D0000
static int two(int ops[2], uint32_t args[2], int first, int second, uint32_t arg)
{
    ops[0] = first;
    ops[1] = second;
    args[0] = arg >> 4;
    args[1] = arg & 15;
    return 2;
}
#endif

int lcpy_unfuse(int ops[2], uint32_t args[2], int op, uint32_t arg)
{
    ops[0] = op;
    args[0] = arg;
    switch (op) {
#ifdef RETURN_CONST
    case RETURN_CONST:
        ops[0] = LOAD_CONST;
        ops[1] = RETURN_VALUE;
        args[1] = 0;
        return 2;
#endif
#if PY_VERSION_HEX >= 0x030D0000
    case LOAD_FAST_LOAD_FAST:
        return two(ops, args, LOAD_FAST, LOAD_FAST, arg);
    case STORE_FAST_LOAD_FAST:
        return two(ops, args, STORE_FAST, LOAD_FAST, arg);
    case STORE_FAST_STORE_FAST:
        return two(ops, args, STORE_FAST, STORE_FAST, arg);
#endif
#if PY_VERSION_HEX >= 0x030E0000
    case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
        return two(ops, args, LOAD_FAST, LOAD_FAST, arg);
    case LOAD_FAST_BORROW:
#endif
#if PY_VERSION_HEX >= 0x030C0000
    case LOAD_FAST_CHECK:
        ops[0] = LOAD_FAST;
        return 1;
#endif
    default:
        return 1;
    }
}
