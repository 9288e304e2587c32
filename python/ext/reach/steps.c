/* Bytecode, instruction by instruction, on the stack of scan.c. */
#include "reach/scan.h"

#include <opcode.h>

#include "plain/compat.h"

/* ------------------------------------------------------------------------------------- branches */

/* A branch that is taken later finds the stack as it is now. */
static void note_branch(lcpy_scan *s, Py_ssize_t target)
{
    if (s->branch_count < LCPY_SCAN_BRANCHES) {
        s->branches[s->branch_count].target = target;
        s->branches[s->branch_count++].depth = s->depth;
    }
}

/* After an instruction that goes elsewhere, to `target` or nobody knows where (-1): the depth that
 * whoever jumps to `at` left. One more is the value of a conditional expression. */
static int take_branch(lcpy_scan *s, Py_ssize_t at, Py_ssize_t target)
{
    int depth = 0;
    for (int i = 0; i < s->branch_count; i++)
        if (s->branches[i].target == at)
            depth = s->branches[i].depth;
    return target > at && s->depth == depth + 1 ? lcpy_scan_leave_for(s, target)
                                                : lcpy_scan_pop_to(s, depth);
}

/* --------------------------------------------------------------------------------- instructions */

/* A name of co_names, or the empty one, which nothing has. */
static PyObject *name_at(const lcpy_scan *s, unsigned index)
{
    PyObject *name = lcpy_scan_at(s->names, index);
    return name != NULL ? name : ((PyCodeObject *)s->code)->co_name;
}

static int copy_slot(lcpy_scan *s, int n)
{
    return lcpy_scan_push(s, Py_XNewRef(lcpy_scan_peek(s, n)));
}

#ifdef SWAP
static int swap_slots(lcpy_scan *s, int n)
{
    if (n < 1 || s->depth <= n)
        return 0;
    lcpy_slot *top = &s->stack[s->depth - 1];
    lcpy_slot *other = &s->stack[s->depth - 1 - n];
    lcpy_slot held = *top;
    *top = *other;
    *other = held;
    return 0;
}
#endif

#ifdef ROT_THREE
static int rotate_slots(lcpy_scan *s, int count)
{
    if (s->depth < count)
        return 0;
    lcpy_slot *top = &s->stack[s->depth - 1];
    lcpy_slot held = *top;
    for (int i = 0; i < count - 1; i++)
        top[-i] = top[-i - 1];
    top[1 - count] = held;
    return 0;
}
#endif

static int push_constant(lcpy_scan *s, PyObject *constant)
{
    if (lcpy_scan_push(s, NULL) < 0)
        return -1;
    s->stack[s->depth - 1].constant = constant;
    return 0;
}

static int load_constant(lcpy_scan *s, unsigned index)
{
    return push_constant(s, lcpy_scan_at(s->code->co_consts, index));
}

#ifdef LOAD_SMALL_INT
/* The interpreter has these for good. */
static int load_small_int(lcpy_scan *s, unsigned value)
{
    PyObject *constant = PyLong_FromLong((long)value);
    Py_XDECREF(constant);
    return constant != NULL ? push_constant(s, constant) : -1;
}
#endif

/* What is a cell is read by LOAD_DEREF: here it is the cell itself, for a function within. */
static int load_fast(lcpy_scan *s, unsigned number)
{
    PyObject *name = lcpy_scan_at(s->locals, number);
    return name == NULL || (s->flags[number] & LCPY_LOCAL_CELL) != 0
               ? lcpy_scan_push(s, NULL)
               : lcpy_scan_load_local(s, name, (int)number);
}

static int store_fast(lcpy_scan *s, unsigned number)
{
    PyObject *name = lcpy_scan_at(s->locals, number);
    return name != NULL ? lcpy_scan_store_local(s, name, (int)number) : lcpy_scan_pop(s);
}

static int load_deref(lcpy_scan *s, unsigned argument)
{
    PyObject *name = lcpy_compat_deref_name(s->code, argument);
    int status = name != NULL ? lcpy_scan_load_local(s, name, -1) : -1;
    Py_XDECREF(name);
    return status;
}

static int store_deref(lcpy_scan *s, unsigned argument)
{
    PyObject *name = lcpy_compat_deref_name(s->code, argument);
    int status = name != NULL ? lcpy_lazy_set_add(&s->out->rebound, name) : -1;
    if (status == 0)
        status = lcpy_scan_store_local(s, name, -1);
    Py_XDECREF(name);
    return status;
}

/* Instructions on variables. *done: it is one. */
static int step_variable(lcpy_scan *s, int opcode, unsigned argument, bool *done)
{
    *done = true;
    switch (opcode) {
    case LOAD_CONST:
        return load_constant(s, argument);
#ifdef LOAD_SMALL_INT
    case LOAD_SMALL_INT:
        return load_small_int(s, argument);
#endif
    case LOAD_GLOBAL:
        if (lcpy_compat_pushes_null(argument) && lcpy_scan_push(s, NULL) < 0)
            return -1;
        return lcpy_scan_global(s, name_at(s, lcpy_compat_global_index(argument)));
    case LOAD_NAME:
        return lcpy_scan_global(s, name_at(s, argument));
#ifdef LOAD_FROM_DICT_OR_GLOBALS
    case LOAD_FROM_DICT_OR_GLOBALS:
        return lcpy_scan_pop(s) < 0 ? -1 : lcpy_scan_global(s, name_at(s, argument));
#endif
    case STORE_GLOBAL:
    case DELETE_GLOBAL:
        return lcpy_scan_store_global(s, name_at(s, argument), opcode == DELETE_GLOBAL);
    case STORE_NAME:
        return lcpy_scan_pop(s);
    case LOAD_FAST:
        return load_fast(s, argument);
    case STORE_FAST:
        return store_fast(s, argument);
    case LOAD_DEREF:
#ifdef LOAD_CLASSDEREF
    case LOAD_CLASSDEREF:
#endif
        return load_deref(s, argument);
#ifdef LOAD_FROM_DICT_OR_DEREF
    case LOAD_FROM_DICT_OR_DEREF:
        return lcpy_scan_pop(s) < 0 ? -1 : load_deref(s, argument);
#endif
    case STORE_DEREF:
        return store_deref(s, argument);
    case IMPORT_NAME:
        return lcpy_scan_import(s, name_at(s, argument));
    case IMPORT_FROM:
        return lcpy_scan_import_from(s, name_at(s, argument));
    default:
        *done = false;
        return 0;
    }
}

#ifdef LOAD_FAST_LOAD_FAST
/* Two instructions on local variables in one, whose numbers are four bits each. */
static int step_two(lcpy_scan *s, int first, int second, unsigned argument)
{
    bool done;
    return step_variable(s, first, argument >> 4, &done) < 0
               ? -1
               : step_variable(s, second, argument & 15, &done);
}
#endif

/* Instructions of newer Pythons that are two in one, or of older ones that are none any more. */
static int step_fused(lcpy_scan *s, int opcode, unsigned argument, bool *done)
{
    *done = true;
    (void)argument; /* those of Python 3.10 have none */
    switch (opcode) {
#ifdef LOAD_FAST_CHECK
    case LOAD_FAST_CHECK:
        return step_variable(s, LOAD_FAST, argument, done);
#endif
#ifdef LOAD_FAST_BORROW
    case LOAD_FAST_BORROW:
        return step_variable(s, LOAD_FAST, argument, done);
    case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
        return step_two(s, LOAD_FAST, LOAD_FAST, argument);
#endif
#ifdef LOAD_FAST_LOAD_FAST
    case LOAD_FAST_LOAD_FAST:
        return step_two(s, LOAD_FAST, LOAD_FAST, argument);
    case STORE_FAST_LOAD_FAST:
        return step_two(s, STORE_FAST, LOAD_FAST, argument);
    case STORE_FAST_STORE_FAST:
        return step_two(s, STORE_FAST, STORE_FAST, argument);
#endif
#ifdef COPY
    case COPY:
        return copy_slot(s, (int)argument - 1);
    case SWAP:
        return swap_slots(s, (int)argument - 1);
#endif
#ifdef DUP_TOP
    case DUP_TOP:
        return copy_slot(s, 0);
    case DUP_TOP_TWO:
        return copy_slot(s, 1) < 0 ? -1 : copy_slot(s, 1);
    case ROT_TWO:
        return rotate_slots(s, 2);
    case ROT_THREE:
        return rotate_slots(s, 3);
    case ROT_FOUR:
        return rotate_slots(s, 4);
#endif
    default:
        *done = false;
        return 0;
    }
}

/* Instructions on attributes and items. */
static int step_object(lcpy_scan *s, int opcode, unsigned argument, bool *done)
{
    *done = true;
    switch (opcode) {
    case LOAD_ATTR:
        return lcpy_scan_attribute(s, name_at(s, lcpy_compat_attribute_index(argument)),
                                   lcpy_compat_loads_method(argument));
#ifdef LOAD_METHOD
    case LOAD_METHOD:
        return lcpy_scan_attribute(s, name_at(s, argument), true);
#endif
    case STORE_ATTR:
        return lcpy_scan_store_attribute(s, name_at(s, argument), 1);
    case DELETE_ATTR:
        return lcpy_scan_store_attribute(s, name_at(s, argument), 0);
#ifdef BINARY_SUBSCR
    case BINARY_SUBSCR:
        return lcpy_scan_item(s, 1);
#endif
#ifdef BINARY_SLICE
    case BINARY_SLICE:
        return lcpy_scan_item(s, 2);
    case STORE_SLICE:
        return lcpy_scan_store_item(s, 2, 4);
#endif
#ifdef NB_SUBSCR
    case BINARY_OP:
        if (argument != NB_SUBSCR) {
            *done = false;
            return 0;
        }
        return lcpy_scan_item(s, 1);
#endif
    case STORE_SUBSCR:
        return lcpy_scan_store_item(s, 1, 3);
    case DELETE_SUBSCR:
        return lcpy_scan_store_item(s, 1, 2);
    case POP_TOP:
        return lcpy_scan_pop(s);
    default:
        *done = false;
        return 0;
    }
}

static int call_with_mapping(lcpy_scan *s, int opcode, int argument)
{
    int taken = 1 - PyCompile_OpcodeStackEffect(opcode, argument);
    return lcpy_scan_call(s, taken, taken - LCPY_COMPAT_CALLABLE_SLOTS);
}

/* Calls, and what stands before them. */
static int step_call(lcpy_scan *s, int opcode, unsigned argument, bool *done)
{
    int n = (int)argument;
    *done = true;
    switch (opcode) {
#ifdef CALL
    case CALL:
        return lcpy_scan_call(s, n + 2, n);
#endif
#ifdef CALL_KW
    case CALL_KW:
        return lcpy_scan_call(s, n + 3, n + 1);
#endif
#ifdef CALL_FUNCTION
    case CALL_FUNCTION:
        return lcpy_scan_call(s, n + 1, n);
    case CALL_FUNCTION_KW:
        return lcpy_scan_call(s, n + 2, n + 1);
    case CALL_METHOD:
        return lcpy_scan_call(s, n + 2, n);
#endif
    case CALL_FUNCTION_EX:
        return call_with_mapping(s, opcode, n);
#ifdef LOAD_SUPER_ATTR
    case LOAD_SUPER_ATTR:
        return lcpy_scan_super(s, name_at(s, argument >> 2), (argument & 1) != 0,
                               (argument & 2) != 0);
#endif
    default:
        *done = false;
        return 0;
    }
}

/* What takes nothing of the stack: `*done`, and a slot more where it leaves something. */
static int step_beside(lcpy_scan *s, int opcode, bool *done)
{
    *done = true;
    switch (opcode) {
    case NOP:
    case DELETE_FAST:
    case JUMP_FORWARD:
#ifdef RESUME
    case RESUME:
#endif
#ifdef KW_NAMES
    case KW_NAMES:
#endif
#ifdef PRECALL
    case PRECALL:
#endif
#ifdef MAKE_CELL
    case MAKE_CELL:
    case COPY_FREE_VARS:
#endif
#ifdef NOT_TAKEN
    case NOT_TAKEN:
#endif
        return 0;
    case LOAD_BUILD_CLASS:
#ifdef LOAD_ASSERTION_ERROR
    case LOAD_ASSERTION_ERROR:
#endif
#ifdef LOAD_CLOSURE
    case LOAD_CLOSURE:
#endif
#ifdef PUSH_NULL
    case PUSH_NULL:
#endif
#ifdef LOAD_FAST_AND_CLEAR
    case LOAD_FAST_AND_CLEAR:
#endif
#ifdef LOAD_COMMON_CONSTANT
    case LOAD_COMMON_CONSTANT:
#endif
        return lcpy_scan_push(s, NULL);
    default:
        *done = false;
        return 0;
    }
}

static bool goes_on(int opcode)
{
    switch (opcode) {
    case RETURN_VALUE:
    case RAISE_VARARGS:
    case RERAISE:
    case JUMP_FORWARD:
#ifdef JUMP_ABSOLUTE
    case JUMP_ABSOLUTE:
#endif
#ifdef JUMP_BACKWARD
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
#endif
        return false;
    default:
        return true;
    }
}

/* Jumps that may be taken, forward: where to, or -1. `next` is after the instruction. */
static Py_ssize_t target_of(int opcode, unsigned argument, Py_ssize_t next)
{
    (void)next;
    switch (opcode) {
#ifdef POP_JUMP_FORWARD_IF_FALSE
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_TRUE:
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
        return next + 2 * (Py_ssize_t)argument;
#elif defined(JUMP_ABSOLUTE)
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
        return 2 * (Py_ssize_t)argument;
#else
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
        return next + 2 * (Py_ssize_t)argument;
#endif
    default:
        return -1;
    }
}

static int step_any(lcpy_scan *s, int opcode, unsigned argument)
{
    bool done;
    int status = step_variable(s, opcode, argument, &done);
    if (!done)
        status = step_object(s, opcode, argument, &done);
    if (!done)
        status = step_call(s, opcode, argument, &done);
    if (!done)
        status = step_fused(s, opcode, argument, &done);
    if (!done)
        status = step_beside(s, opcode, &done);
    return done ? status : lcpy_scan_effect(s, opcode, (int)argument);
}

/* Where the branches of a conditional expression meet: an attribute is read of each of them. */
static int step_meeting(lcpy_scan *s, const lcpy_instructions *in)
{
    PyObject *name = NULL;
    if (in->opcode == LOAD_ATTR)
        name = name_at(s, lcpy_compat_attribute_index(in->argument));
#ifdef LOAD_METHOD
    if (in->opcode == LOAD_METHOD)
        name = name_at(s, in->argument);
#endif
    return lcpy_scan_meet(s, in->at, name);
}

bool lcpy_instructions_next(lcpy_instructions *in)
{
    unsigned extended = 0;
    in->at = in->next;
    for (Py_ssize_t i = in->next; i + 1 < in->size;) {
        in->opcode = in->code[i];
        in->argument = extended << 8 | in->code[i + 1];
        i += 2;
        while (lcpy_compat_is_cache(in->code, i, in->size))
            i += 2;
        in->next = i;
        if (in->opcode != EXTENDED_ARG)
            return true;
        extended = in->argument;
    }
    return false;
}

int lcpy_scan_run(lcpy_scan *s, PyObject *bytes)
{
    lcpy_instructions in = lcpy_instructions_of(bytes);
    bool went_on = true;
    Py_ssize_t gone_to = -1;
    int status = 0;
    while (status == 0 && lcpy_instructions_next(&in)) {
        if (!went_on)
            status = take_branch(s, in.at, gone_to);
        if (status == 0 && s->meeting_count > 0)
            status = step_meeting(s, &in);
        if (status == 0)
            status = step_any(s, in.opcode, in.argument);
        Py_ssize_t target = target_of(in.opcode, in.argument, in.next);
        if (target >= 0)
            note_branch(s, target);
        went_on = goes_on(in.opcode);
        gone_to = in.opcode == JUMP_FORWARD ? in.next + 2 * (Py_ssize_t)in.argument : -1;
    }
    for (int i = 0; i < s->meeting_count; i++) { /* none but where bytecode is odd, or it failed */
        if (status == 0)
            status = lcpy_scan_read(s, s->meetings[i].path);
        Py_DECREF(s->meetings[i].path);
    }
    s->meeting_count = 0;
    return status == 0 ? lcpy_scan_pop_to(s, 0) : -1;
}
