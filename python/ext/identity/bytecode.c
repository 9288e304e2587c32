/* A code object's digest. What is digested is the graph of its instructions in an order that follows from control flow
 * alone, since the bytes themselves change with the layout of the source: compilers keep a NOP or leave a jump to a jump for
 * the sake of a line number, fuse two instructions only where they share a line, and widen a jump that a docstring among the
 * constants pushed further. */
#include "identity/bytecode.h"
#include "identity/code.h"
#include "identity/opcodes.h"

#include <opcode.h>

#define NOWHERE UINT32_MAX

/* What stands in the stream where no instruction does; instructions are not negative. */
enum {
    MARK_END = -1,     /* of the graph */
    MARK_AGAIN = -2,   /* the place of the instruction where it was met before */
    MARK_FOREVER = -3, /* a loop that does nothing */
    MARK_EXIT = -4,    /* the few instructions that follow, then out of the function */
    MARK_HANDLER = -5  /* exceptions from here on go to: depth and flag, label (NOWHERE: out of the function) */
};

/* Compilers copy a way out of at most 4 instructions to where it is jumped to from, and count the NOPs that keep its line
 * numbers; their instructions may be two of ours. */
#define EXIT_MAX 8

typedef struct instruction {
    uint32_t arg;
    uint32_t target;  /* index of the instruction that it jumps to, or NOWHERE */
    uint32_t handler; /* index into handlers, or NOWHERE */
    uint32_t label;   /* 1 + its number, once something refers to it */
    uint32_t place;   /* 1 + its place in the stream, once there */
    uint8_t op;
    bool skip; /* does nothing, or says only what is derived from the rest */
    bool jumped_to;
} instruction;

typedef struct handler {
    uint32_t target;
    uint32_t depth; /* of the stack, and whether the instruction's offset is pushed */
} handler;

typedef struct walk {
    lcpy_state *state;
    locache_writer *writer;
    PyObject *names;     /* co_names */
    PyObject *constants; /* co_consts */
    bool optimized;      /* a function's body, not a class's */
    instruction *instructions;
    uint32_t count;
    uint32_t *instruction_at; /* for each unit of the bytecode */
    handler *handlers;
    uint32_t handler_count;
    uint32_t *queue; /* instructions with a label, in the order of labels */
    uint32_t queued;
    uint32_t places;
    uint32_t *name_seen;     /* 1 + order of first use */
    uint32_t *constant_seen; /* the same */
    uint32_t names_seen, constants_seen;
} walk;

/* ---------------------------------------------------------------------------------------------------------- reading */

static void append_one(walk *w, int op, uint32_t arg)
{
    w->instructions[w->count++] = (instruction){
        .arg = arg,
        .target = NOWHERE,
        .handler = NOWHERE,
        .op = (uint8_t)op,
    };
}

static void append(walk *w, int op, uint32_t arg)
{
    int ops[2];
    uint32_t args[2];
    int count = lcpy_unfuse(ops, args, op, arg);
    for (int i = 0; i < count; i++)
        append_one(w, ops[i], args[i]);
}

/* The unit that a jump goes to, `next` being the unit after it and its caches. */
static uint64_t jump_unit(lcpy_jump kind, uint64_t next, uint32_t arg)
{
    switch (kind) {
    case LCPY_AHEAD:
        return next + arg;
    case LCPY_BACK:
        return next >= arg ? next - arg : UINT64_MAX;
    case LCPY_TO:
        return arg;
    case LCPY_NO_JUMP:
        break;
    }
    return UINT64_MAX;
}

/* Bytecode to instructions; targets are units still, since those ahead have no index yet. */
static void read_instructions(walk *w, const unsigned char *bytes, uint32_t units)
{
    uint32_t unit = 0;
    while (unit < units) {
        uint32_t first = unit, arg = 0;
        int op = bytes[2 * unit];
        while (op == EXTENDED_ARG && unit + 1 < units) {
            arg = (arg | bytes[2 * unit + 1]) << 8;
            op = bytes[2 * ++unit];
        }
        arg |= bytes[2 * unit++ + 1];
#ifdef CACHE
        while (unit < units && bytes[2 * unit] == CACHE)
            unit++;
#endif
        for (uint32_t i = first; i < unit; i++)
            w->instruction_at[i] = w->count;
        append(w, op, op >= HAVE_ARGUMENT ? arg : 0);
        instruction *last = &w->instructions[w->count - 1];
        last->skip = lcpy_does_nothing(op);
        lcpy_jump kind = lcpy_jump_of(op);
        uint64_t to = jump_unit(kind, unit, arg);
        if (kind != LCPY_NO_JUMP && to < units)
            last->target = (uint32_t)to;
    }
    for (uint32_t i = 0; i < w->count; i++)
        if (w->instructions[i].target != NOWHERE) {
            w->instructions[i].target = w->instruction_at[w->instructions[i].target];
            w->instructions[w->instructions[i].target].jumped_to = true;
        }
}

#if PY_VERSION_HEX >= 0x030B0000
/* Groups of 6 bits, the highest first; 64 in a byte says that more follow. */
static uint32_t read_varint(const unsigned char **at, const unsigned char *end)
{
    uint32_t value = 0;
    while (*at < end) {
        unsigned char byte = *(*at)++;
        value = value << 6 | (byte & 63u);
        if (!(byte & 64u))
            break;
    }
    return value;
}

static void read_handlers(walk *w, PyObject *table, uint32_t units)
{
    const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(table);
    const unsigned char *end = at + PyBytes_GET_SIZE(table);
    while (at < end) {
        uint32_t start = read_varint(&at, end), length = read_varint(&at, end);
        uint32_t target = read_varint(&at, end), depth = read_varint(&at, end);
        if (start >= units || length > units - start || target >= units)
            continue;
        uint32_t from = w->instruction_at[start];
        uint32_t to = start + length < units ? w->instruction_at[start + length] : w->count;
        for (uint32_t i = from; i < to; i++)
            w->instructions[i].handler = w->handler_count;
        w->handlers[w->handler_count++] = (handler){.target = w->instruction_at[target], .depth = depth};
    }
}
#endif

/* A class body stores what is derived (where it stands, its qualified name, attributes that its methods assign) and its
 * docstring. `value` is NULL where the value is an integer in the instruction itself. */
static bool stores_no_meaning(walk *w, const instruction *store, PyObject *value)
{
    if (store->op != STORE_NAME || store->arg >= (size_t)PyTuple_GET_SIZE(w->names))
        return false;
    PyObject *name = PyTuple_GET_ITEM(w->names, (Py_ssize_t)store->arg);
    if (!value || PyLong_CheckExact(value))
        return PyUnicode_CompareWithASCIIString(name, "__firstlineno__") == 0;
    if (PyUnicode_CheckExact(value))
        return PyUnicode_CompareWithASCIIString(name, "__doc__") == 0 ||
               PyUnicode_CompareWithASCIIString(name, "__qualname__") == 0;
    return PyTuple_CheckExact(value) && PyUnicode_CompareWithASCIIString(name, "__static_attributes__") == 0;
}

static void skip_derived(walk *w)
{
    for (uint32_t i = 0; i + 1 < w->count; i++) {
        instruction *load = &w->instructions[i], *next = load + 1;
#if PY_VERSION_HEX < 0x030B0000
        if (load->op == LOAD_CONST && next->op == MAKE_FUNCTION) /* its qualified name */
            load->skip = true;
#endif
        if (w->optimized)
            continue;
        PyObject *value = NULL;
        if (load->op == LOAD_CONST && load->arg < (size_t)PyTuple_GET_SIZE(w->constants))
            value = PyTuple_GET_ITEM(w->constants, (Py_ssize_t)load->arg);
#ifdef LOAD_SMALL_INT
        else if (load->op != LOAD_SMALL_INT)
            continue;
#else
        else
            continue;
#endif
        if (stores_no_meaning(w, next, value))
            load->skip = next->skip = true;
    }
}

#ifdef SWAP
/* Takes one value off the stack and does nothing else. Where it goes: a local variable's number, -1 nowhere; -2: it is no
 * such instruction. */
static int64_t pops_to(const walk *w, uint32_t i)
{
    const instruction *at = &w->instructions[i];
    if (at->op == STORE_FAST)
        return at->arg;
    return at->op == POP_TOP ? -1 : -2;
}

/* The nth instruction after i that is not skipped, if it and all between only pop, and no jump leads among them; 0 where
 * that is not so. */
static uint32_t nth_pop(const walk *w, uint32_t i, uint32_t n)
{
    for (uint32_t found = 0; ++i < w->count;) {
        if (!w->instructions[i].skip) {
            if (pops_to(w, i) == -2)
                return 0;
            if (++found == n)
                return i;
        }
        if (w->instructions[i].jumped_to)
            return 0;
    }
    return 0;
}

/* SWAP n before n pops does no more than exchanging the first pop with the last; compilers do that where all have one
 * line. Not where a variable would then be assigned in another order. */
static void exchange_pops(walk *w, uint32_t swap)
{
    uint32_t first = nth_pop(w, swap, 1), last = nth_pop(w, swap, w->instructions[swap].arg);
    if (!first || !last)
        return;
    int64_t a = pops_to(w, first), b = pops_to(w, last);
    if (a >= 0 && a == b)
        return;
    for (uint32_t i = first + 1; i < last; i++) {
        int64_t between = w->instructions[i].skip ? -1 : pops_to(w, i);
        if (between >= 0 && (between == a || between == b))
            return;
    }
    instruction moved = w->instructions[first];
    w->instructions[first] = w->instructions[last];
    w->instructions[last] = moved;
    w->instructions[swap].skip = true;
}

static void exchange_all_pops(walk *w)
{
    for (uint32_t i = w->count; i-- > 0;)
        if (w->instructions[i].op == SWAP && !w->instructions[i].skip)
            exchange_pops(w, i);
}

/* A variable that is assigned twice in a row keeps the second value. */
static void drop_overwritten(walk *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        instruction *at = &w->instructions[i];
        uint32_t next = at->op == STORE_FAST && !at->skip ? nth_pop(w, i, 1) : 0;
        if (next && w->instructions[next].op == STORE_FAST && w->instructions[next].arg == at->arg) {
            at->op = POP_TOP;
            at->arg = 0;
        }
    }
}
#endif

/* ---------------------------------------------------------------------------------------------------------- writing */

/* The first instruction from i on that does something. w->count where there is none: a loop of nothing. */
static uint32_t settle(const walk *w, uint32_t i)
{
    for (uint32_t steps = 0; i < w->count && steps <= w->count; steps++) {
        const instruction *at = &w->instructions[i];
        if (at->skip)
            i++;
        else if (lcpy_always_jumps(at->op) && at->target != NOWHERE)
            i = at->target;
        else
            return i;
    }
    return w->count;
}

/* Names and constants are numbered in the order of their first use, and spelled out there. */
static int write_name(walk *w, uint32_t index)
{
    bool first = !w->name_seen[index];
    if (first)
        w->name_seen[index] = ++w->names_seen;
    locache_write_uint(w->writer, w->name_seen[index] - 1);
    return first ? lcpy_text_write(w->writer, PyTuple_GET_ITEM(w->names, (Py_ssize_t)index)) : 0;
}

static int write_constant(walk *w, uint32_t index)
{
    bool first = !w->constant_seen[index];
    if (first)
        w->constant_seen[index] = ++w->constants_seen;
    locache_write_uint(w->writer, w->constant_seen[index] - 1);
    return first ? lcpy_constant_write(w->state, w->writer, PyTuple_GET_ITEM(w->constants, (Py_ssize_t)index)) : 0;
}

/* A reference to instruction i, which is settled. */
static void write_place(walk *w, uint32_t i)
{
    if (!w->instructions[i].label) {
        w->queue[w->queued++] = i;
        w->instructions[i].label = w->queued;
    }
    locache_write_uint(w->writer, w->instructions[i].label - 1);
}

static void write_handler(walk *w, uint32_t index)
{
    locache_write_int(w->writer, MARK_HANDLER);
    if (index == NOWHERE) {
        locache_write_null(w->writer);
        return;
    }
    locache_write_uint(w->writer, w->handlers[index].depth);
    uint32_t i = settle(w, w->handlers[index].target);
    if (i == w->count)
        locache_write_int(w->writer, MARK_FOREVER);
    else
        write_place(w, i);
}

/* From instruction i on, which is settled, there is only a short way out. */
static bool is_exit(const walk *w, uint32_t i)
{
    uint32_t handled = w->instructions[i].handler;
    for (int steps = 0; steps < EXIT_MAX && i < w->count; steps++) {
        const instruction *at = &w->instructions[i];
        if (at->target != NOWHERE || at->handler != handled)
            return false;
        if (lcpy_ends_block(at->op))
            return true;
        i = settle(w, i + 1);
    }
    return false;
}

static int write_instruction(walk *w, const instruction *at);

static int write_exit(walk *w, uint32_t i)
{
    locache_write_int(w->writer, MARK_EXIT);
    if (w->instructions[i].handler != NOWHERE)
        write_handler(w, w->instructions[i].handler);
    for (;; i = settle(w, i + 1)) {
        if (write_instruction(w, &w->instructions[i]) < 0)
            return -1;
        if (lcpy_ends_block(w->instructions[i].op))
            return 0;
    }
}

/* Where control goes: a short way out is spelled out, as if there were as many copies as there are jumps to it. */
static int write_target(walk *w, uint32_t target)
{
    uint32_t i = settle(w, target);
    if (i == w->count)
        locache_write_int(w->writer, MARK_FOREVER);
    else if (is_exit(w, i))
        return write_exit(w, i);
    else
        write_place(w, i);
    return 0;
}

#if PY_VERSION_HEX < 0x030C0000
#if PY_VERSION_HEX < 0x030B0000
enum { POP_JUMP_TRUE = POP_JUMP_IF_TRUE, POP_JUMP_FALSE = POP_JUMP_IF_FALSE };
#else
enum { POP_JUMP_TRUE = POP_JUMP_FORWARD_IF_TRUE, POP_JUMP_FALSE = POP_JUMP_FORWARD_IF_FALSE };
#endif

static bool is_short_circuit(const instruction *at)
{
    return at->target != NOWHERE && (at->op == JUMP_IF_FALSE_OR_POP || at->op == JUMP_IF_TRUE_OR_POP);
}

/* A short circuit whose value is tested again where it ends goes on to where that test will lead; compilers do this
 * themselves where both stand on one line. */
static void thread_short_circuit(const walk *w, instruction *out)
{
    for (uint32_t steps = 0; steps < w->count && is_short_circuit(out); steps++) {
        uint32_t i = settle(w, out->target);
        if (i == w->count)
            return;
        const instruction *test = &w->instructions[i];
        bool truth = out->op == JUMP_IF_TRUE_OR_POP, inverted = test->op == JUMP_IF_FALSE_OR_POP;
        bool pops = test->target != NOWHERE && lcpy_branch_of(test->op, &inverted) == POP_JUMP_TRUE;
        if (!pops && !is_short_circuit(test))
            return;
        out->target = truth != inverted ? test->target : i + 1;
        if (pops || truth == inverted)
            out->op = truth ? POP_JUMP_TRUE : POP_JUMP_FALSE;
    }
}
#endif

static int write_instruction(walk *w, const instruction *at)
{
    int shift = lcpy_name_shift(at->op);
    locache_write_uint(w->writer, at->op);
    if (lcpy_takes_constant(at->op) && at->arg < (size_t)PyTuple_GET_SIZE(w->constants))
        return write_constant(w, at->arg);
    if (shift >= 0 && at->arg >> shift < (size_t)PyTuple_GET_SIZE(w->names)) {
        locache_write_uint(w->writer, at->arg & ((1u << shift) - 1));
        return write_name(w, at->arg >> shift);
    }
    if (at->target != NOWHERE)
        return write_target(w, at->target);
    if (at->op >= HAVE_ARGUMENT)
        locache_write_uint(w->writer, at->arg);
    return 0;
}

/* The instruction at index i, and whether control goes on behind it: 1, 0, or -1 with an exception. */
static int write_step(walk *w, uint32_t i)
{
    instruction at = w->instructions[i];
#if PY_VERSION_HEX < 0x030C0000
    thread_short_circuit(w, &at);
#endif
    bool inverted;
    int branch = at.target == NOWHERE ? -1 : lcpy_branch_of(at.op, &inverted);
    if (branch < 0)
        return write_instruction(w, &at) < 0 ? -1 : !lcpy_ends_block(at.op);
    locache_write_uint(w->writer, (uint64_t)branch);
    if (write_target(w, inverted ? i + 1 : at.target) < 0)
        return -1;
    return write_target(w, inverted ? at.target : i + 1);
}

/* From i on until control leaves, divides, or comes to where it was. */
static int write_block(walk *w, uint32_t i)
{
    uint32_t handled_by = NOWHERE;
    for (int goes_on = 1; goes_on > 0; i++) {
        uint32_t start = i;
        i = settle(w, i);
        const instruction *at = i < w->count ? &w->instructions[i] : NULL;
        if (at && at->place && !is_exit(w, i)) {
            locache_write_int(w->writer, MARK_AGAIN);
            locache_write_uint(w->writer, at->place - 1);
            return 0;
        }
        uint32_t handled = at ? at->handler : start < w->count ? w->instructions[start].handler : NOWHERE;
        if (handled != handled_by)
            write_handler(w, handled);
        handled_by = handled;
        if (!at) {
            locache_write_int(w->writer, MARK_FOREVER);
            return 0;
        }
        w->instructions[i].place = ++w->places;
        goes_on = write_step(w, i);
        if (goes_on < 0)
            return -1;
    }
    return 0;
}

static int write_graph(walk *w)
{
    if (write_block(w, 0) < 0)
        return -1;
    for (uint32_t label = 0; label < w->queued; label++)
        if (write_block(w, w->queue[label]) < 0)
            return -1;
    locache_write_int(w->writer, MARK_END);
    return 0;
}

static int walk_units(walk *w, PyCodeObject *code, const unsigned char *bytes, uint32_t units)
{
    /* A fused instruction is two; an entry of the exception table takes at least 4 bytes. */
    size_t most = 2 * (size_t)units;
    size_t names = (size_t)PyTuple_GET_SIZE(w->names), constants = (size_t)PyTuple_GET_SIZE(w->constants);
    size_t handlers = 0;
#if PY_VERSION_HEX >= 0x030B0000
    handlers = (size_t)PyBytes_GET_SIZE(code->co_exceptiontable) / 4 + 1;
#endif
    size_t numbers = units + most + names + constants;
    size_t size = most * sizeof(instruction) + handlers * sizeof(handler) + numbers * sizeof(uint32_t);
    void *room = PyMem_Malloc(size);
    if (!room) {
        PyErr_NoMemory();
        return -1;
    }
    w->instructions = room;
    w->handlers = (handler *)(w->instructions + most);
    w->queue = (uint32_t *)(w->handlers + handlers);
    w->instruction_at = w->queue + most;
    w->name_seen = w->instruction_at + units;
    w->constant_seen = w->name_seen + names;
    memset(w->name_seen, 0, (names + constants) * sizeof(uint32_t));
    read_instructions(w, bytes, units);
#if PY_VERSION_HEX >= 0x030B0000
    read_handlers(w, code->co_exceptiontable, units);
#else
    (void)code;
#endif
    skip_derived(w);
#ifdef SWAP
    drop_overwritten(w);
    exchange_all_pops(w);
    drop_overwritten(w);
#endif
    int status = write_graph(w);
    PyMem_Free(room);
    return status;
}

int lcpy_bytecode_write(lcpy_state *state, locache_writer *writer, PyCodeObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *bytes = PyCode_GetCode(code); /* as compiled: neither specialised nor instrumented */
#else
    PyObject *bytes = Py_NewRef(code->co_code);
#endif
    if (!bytes)
        return -1;
    walk w = {
        .state = state,
        .writer = writer,
        .names = code->co_names,
        .constants = code->co_consts,
        .optimized = code->co_flags & CO_OPTIMIZED,
    };
    int status = -1;
    Py_ssize_t size = PyBytes_GET_SIZE(bytes);
    if (size > INT32_MAX)
        PyErr_SetString(PyExc_OverflowError, "a code object of more than 2 GiB");
    else
        status = walk_units(&w, code, (const unsigned char *)PyBytes_AS_STRING(bytes), (uint32_t)(size / 2));
    Py_DECREF(bytes);
    return status;
}
