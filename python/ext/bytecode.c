/* A code object's digest. What is digested is the graph of its instructions in an order that follows from control flow
 * alone, since the bytes themselves change with the layout of the source: compilers keep a NOP or leave a jump to a jump for
 * the sake of a line number, fuse two instructions only where they share a line, and widen a jump that a docstring among the
 * constants pushed further. */
#include "bytecode.h"
#include "source.h"

#include <opcode.h>

#define NOWHERE UINT32_MAX

/* What stands in the stream where no instruction does; instructions are not negative. */
enum {
    MARK_END = -1,     /* of the graph */
    MARK_AGAIN = -2,   /* the place of the instruction where it was met before */
    MARK_FOREVER = -3, /* a loop that does nothing */
    MARK_HANDLER = -4  /* exceptions from here on go to: depth and flag, label (NOWHERE: out of the function) */
};

/* Flags that change what the code does; the others say where it stands (nested, method), what it imported from
 * __future__, or that it has a docstring. */
#define CODE_FLAGS                                                                                                     \
    (CO_OPTIMIZED | CO_NEWLOCALS | CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE | CO_ITERABLE_COROUTINE | \
     CO_ASYNC_GENERATOR)

typedef struct instruction {
    uint32_t arg;
    uint32_t target;  /* index of the instruction that it jumps to, or NOWHERE */
    uint32_t handler; /* index into handlers, or NOWHERE */
    uint32_t label;   /* 1 + its number, once something refers to it */
    uint32_t place;   /* 1 + its place in the stream, once there */
    uint8_t op;
    bool skip; /* does nothing, or says only what is derived from the rest */
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

/* ------------------------------------------------------------------------------------------------- kinds of opcodes */

typedef enum jump_kind { JUMP_NONE, JUMP_AHEAD, JUMP_BACK, JUMP_TO } jump_kind;

static jump_kind jump_of(int op)
{
    switch (op) {
    case FOR_ITER:
    case JUMP_FORWARD:
#if PY_VERSION_HEX < 0x030B0000
    case SETUP_FINALLY:
    case SETUP_WITH:
    case SETUP_ASYNC_WITH:
        return JUMP_AHEAD;
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
    case JUMP_ABSOLUTE:
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
    case JUMP_IF_NOT_EXC_MATCH:
        return JUMP_TO;
#elif PY_VERSION_HEX < 0x030C0000
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
    case SEND:
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_TRUE:
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
        return JUMP_AHEAD;
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
    case POP_JUMP_BACKWARD_IF_FALSE:
    case POP_JUMP_BACKWARD_IF_TRUE:
    case POP_JUMP_BACKWARD_IF_NONE:
    case POP_JUMP_BACKWARD_IF_NOT_NONE:
        return JUMP_BACK;
#else
    case SEND:
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
        return JUMP_AHEAD;
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
        return JUMP_BACK;
#endif
    default:
        return JUMP_NONE;
    }
}

static bool always_jumps(int op)
{
#if PY_VERSION_HEX < 0x030B0000
    return op == JUMP_FORWARD || op == JUMP_ABSOLUTE;
#else
    return op == JUMP_FORWARD || op == JUMP_BACKWARD || op == JUMP_BACKWARD_NO_INTERRUPT;
#endif
}

static bool ends_block(int op)
{
    return op == RETURN_VALUE || op == RAISE_VARARGS || op == RERAISE;
}

static bool takes_constant(int op)
{
#ifdef KW_NAMES
    if (op == KW_NAMES)
        return true;
#endif
    return op == LOAD_CONST;
}

/* How many low bits of the argument are flags beside the index of a name; -1 where it is no name's. */
static int name_shift(int op)
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

/* ----------------------------------------------------------------------------------------------------------- reading */

static void append(walk *w, int op, uint32_t arg)
{
    w->instructions[w->count++] = (instruction){
        .arg = arg,
        .target = NOWHERE,
        .handler = NOWHERE,
        .op = (uint8_t)op,
    };
}

/* Two instructions in one are taken apart: whether a compiler fuses them depends on their lines. */
static void append_unfused(walk *w, int op, uint32_t arg)
{
    switch (op) {
#ifdef RETURN_CONST
    case RETURN_CONST:
        append(w, LOAD_CONST, arg);
        append(w, RETURN_VALUE, 0);
        break;
#endif
#ifdef LOAD_FAST_LOAD_FAST
    case LOAD_FAST_LOAD_FAST:
        append(w, LOAD_FAST, arg >> 4);
        append(w, LOAD_FAST, arg & 15);
        break;
    case STORE_FAST_LOAD_FAST:
        append(w, STORE_FAST, arg >> 4);
        append(w, LOAD_FAST, arg & 15);
        break;
    case STORE_FAST_STORE_FAST:
        append(w, STORE_FAST, arg >> 4);
        append(w, STORE_FAST, arg & 15);
        break;
#endif
#ifdef LOAD_FAST_BORROW
    case LOAD_FAST_BORROW: /* how the reference is counted */
        append(w, LOAD_FAST, arg);
        break;
    case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
        append(w, LOAD_FAST, arg >> 4);
        append(w, LOAD_FAST, arg & 15);
        break;
#endif
    default:
        append(w, op, arg);
    }
}

static bool does_nothing(int op)
{
#ifdef NOT_TAKEN
    if (op == NOT_TAKEN)
        return true;
#endif
    return op == NOP;
}

/* The unit that a jump goes to, `next` being the unit after it and its caches. */
static uint64_t jump_unit(jump_kind kind, uint64_t next, uint32_t arg)
{
    switch (kind) {
    case JUMP_AHEAD:
        return next + arg;
    case JUMP_BACK:
        return next >= arg ? next - arg : UINT64_MAX;
    case JUMP_TO:
        return arg;
    case JUMP_NONE:
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
        append_unfused(w, op, op >= HAVE_ARGUMENT ? arg : 0);
        instruction *last = &w->instructions[w->count - 1];
        last->skip = does_nothing(op);
        jump_kind kind = jump_of(op);
        uint64_t to = jump_unit(kind, unit, arg);
        if (kind != JUMP_NONE && to < units)
            last->target = (uint32_t)to;
    }
    for (uint32_t i = 0; i < w->count; i++)
        if (w->instructions[i].target != NOWHERE)
            w->instructions[i].target = w->instruction_at[w->instructions[i].target];
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

/* ----------------------------------------------------------------------------------------------------------- writing */

/* The first instruction from i on that does something. w->count where there is none: a loop of nothing. */
static uint32_t settle(const walk *w, uint32_t i)
{
    for (uint32_t steps = 0; i < w->count && steps <= w->count; steps++) {
        const instruction *at = &w->instructions[i];
        if (at->skip)
            i++;
        else if (always_jumps(at->op) && at->target != NOWHERE)
            i = at->target;
        else
            return i;
    }
    return w->count;
}

static void write_label(walk *w, uint32_t target)
{
    uint32_t i = settle(w, target);
    if (i == w->count) {
        locache_write_int(w->writer, MARK_FOREVER);
        return;
    }
    if (!w->instructions[i].label) {
        w->queue[w->queued++] = i;
        w->instructions[i].label = w->queued;
    }
    locache_write_uint(w->writer, w->instructions[i].label - 1);
}

static int write_text(locache_writer *writer, PyObject *text)
{
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (!utf8)
        return -1;
    locache_write_text(writer, utf8, (size_t)size);
    return 0;
}

/* Names and constants are numbered in the order of their first use, and spelled out there. */
static int write_name(walk *w, uint32_t index)
{
    bool first = !w->name_seen[index];
    if (first)
        w->name_seen[index] = ++w->names_seen;
    locache_write_uint(w->writer, w->name_seen[index] - 1);
    return first ? write_text(w->writer, PyTuple_GET_ITEM(w->names, (Py_ssize_t)index)) : 0;
}

static int write_constant(walk *w, uint32_t index)
{
    bool first = !w->constant_seen[index];
    if (first)
        w->constant_seen[index] = ++w->constants_seen;
    locache_write_uint(w->writer, w->constant_seen[index] - 1);
    return first ? lcpy_constant_write(w->state, w->writer, PyTuple_GET_ITEM(w->constants, (Py_ssize_t)index)) : 0;
}

static void write_handler(walk *w, uint32_t index)
{
    locache_write_int(w->writer, MARK_HANDLER);
    if (index == NOWHERE) {
        locache_write_null(w->writer);
        return;
    }
    locache_write_uint(w->writer, w->handlers[index].depth);
    write_label(w, w->handlers[index].target);
}

#if PY_VERSION_HEX < 0x030C0000
/* A short circuit whose value is tested again where it ends goes on to where that test will lead; compilers do this
 * themselves where both stand on one line. */
static void thread_short_circuit(const walk *w, instruction *out)
{
    for (uint32_t steps = 0; steps < w->count; steps++) {
        if (out->op != JUMP_IF_FALSE_OR_POP && out->op != JUMP_IF_TRUE_OR_POP)
            return;
        uint32_t i = settle(w, out->target);
        if (i == w->count)
            return;
        const instruction *test = &w->instructions[i];
        bool truth = out->op == JUMP_IF_TRUE_OR_POP, test_truth, pops = true;
        switch (test->op) {
        case JUMP_IF_FALSE_OR_POP:
        case JUMP_IF_TRUE_OR_POP:
            test_truth = test->op == JUMP_IF_TRUE_OR_POP;
            pops = false;
            break;
#if PY_VERSION_HEX < 0x030B0000
        case POP_JUMP_IF_FALSE:
        case POP_JUMP_IF_TRUE:
            test_truth = test->op == POP_JUMP_IF_TRUE;
            break;
#define POP_JUMP(truth) ((truth) ? POP_JUMP_IF_TRUE : POP_JUMP_IF_FALSE)
#else
        case POP_JUMP_FORWARD_IF_FALSE:
        case POP_JUMP_FORWARD_IF_TRUE:
        case POP_JUMP_BACKWARD_IF_FALSE:
        case POP_JUMP_BACKWARD_IF_TRUE:
            test_truth = test->op == POP_JUMP_FORWARD_IF_TRUE || test->op == POP_JUMP_BACKWARD_IF_TRUE;
            break;
#define POP_JUMP(truth) ((truth) ? POP_JUMP_FORWARD_IF_TRUE : POP_JUMP_FORWARD_IF_FALSE)
#endif
        default:
            return;
        }
        out->target = truth == test_truth ? test->target : i + 1;
        if (truth != test_truth || pops)
            out->op = POP_JUMP(truth);
    }
}
#endif

static int write_instruction(walk *w, instruction at)
{
#if PY_VERSION_HEX < 0x030C0000
    thread_short_circuit(w, &at);
#endif
    locache_write_uint(w->writer, at.op);
    int shift = name_shift(at.op);
    if (takes_constant(at.op) && at.arg < (size_t)PyTuple_GET_SIZE(w->constants))
        return write_constant(w, at.arg);
    if (shift >= 0 && at.arg >> shift < (size_t)PyTuple_GET_SIZE(w->names)) {
        locache_write_uint(w->writer, at.arg & ((1u << shift) - 1));
        return write_name(w, at.arg >> shift);
    }
    if (at.target != NOWHERE)
        write_label(w, at.target);
    else if (at.op >= HAVE_ARGUMENT)
        locache_write_uint(w->writer, at.arg);
    return 0;
}

/* From i on until control leaves, or comes to where it was. */
static int write_block(walk *w, uint32_t i)
{
    uint32_t handled_by = NOWHERE;
    for (;; i++) {
        uint32_t start = i;
        i = settle(w, i);
        instruction *at = i < w->count ? &w->instructions[i] : NULL;
        if (at && at->place) {
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
        at->place = ++w->places;
        if (write_instruction(w, *at) < 0)
            return -1;
        if (ends_block(at->op))
            return 0;
    }
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

/* ------------------------------------------------------------------------------------------------------ code objects */

static int write_texts(locache_writer *writer, PyObject *texts)
{
    if (!texts)
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(texts);
    locache_write_array(writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++)
        if (write_text(writer, PyTuple_GET_ITEM(texts, i)) < 0)
            return -1;
    return 0;
}

/* What calls see, and the variables that instructions name by number. */
static int write_signature(locache_writer *writer, PyCodeObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *names[3] = {PyCode_GetVarnames(code), PyCode_GetCellvars(code), PyCode_GetFreevars(code)};
#else
    PyObject *names[3] = {Py_NewRef(code->co_varnames), Py_NewRef(code->co_cellvars), Py_NewRef(code->co_freevars)};
#endif
    int status = 0;
    locache_write_int(writer, code->co_argcount);
    locache_write_int(writer, code->co_posonlyargcount);
    locache_write_int(writer, code->co_kwonlyargcount);
    locache_write_int(writer, code->co_flags & CODE_FLAGS);
    for (int i = 0; i < 3; i++) {
        if (status == 0)
            status = write_texts(writer, names[i]);
        Py_XDECREF(names[i]);
    }
    return status;
}

static int walk_code(walk *w, PyCodeObject *code, const unsigned char *bytes, uint32_t units)
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
    int status = write_graph(w);
    PyMem_Free(room);
    return status;
}

static int write_code(lcpy_state *state, locache_writer *writer, PyCodeObject *code)
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
    else if (write_signature(writer, code) == 0)
        status = walk_code(&w, code, (const unsigned char *)PyBytes_AS_STRING(bytes), (uint32_t)(size / 2));
    Py_DECREF(bytes);
    return status;
}

/* --------------------------------------------------------------------------------------------------------- constants */

static int write_tuple(lcpy_state *state, locache_writer *writer, PyObject *tuple)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    locache_write_tag(writer, LOCACHE_TAG_TUPLE);
    locache_write_array(writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++)
        if (lcpy_constant_write(state, writer, PyTuple_GET_ITEM(tuple, i)) < 0)
            return -1;
    return 0;
}

static int write_frozenset(lcpy_state *state, locache_writer *writer, PyObject *set)
{
    PyObject *members = PySequence_Tuple(set);
    if (!members)
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(members);
    locache_write_tag(writer, LOCACHE_TAG_FROZENSET);
    locache_write_array(writer, (uint64_t)count);
    size_t start = writer->length;
    int status = 0;
    for (Py_ssize_t i = 0; i < count && status == 0; i++)
        status = lcpy_constant_write(state, writer, PyTuple_GET_ITEM(members, i));
    locache_write_sorted(writer, start, 1);
    Py_DECREF(members);
    return status;
}

static void write_global(locache_writer *writer, const char *name)
{
    locache_write_tag(writer, LOCACHE_TAG_GLOBAL);
    locache_write_text(writer, name, strlen(name));
}

static int write_slice(lcpy_state *state, locache_writer *writer, PySliceObject *slice)
{
    locache_write_tag(writer, LOCACHE_TAG_OBJECT);
    locache_write_array(writer, 4);
    write_global(writer, "builtins:slice");
    if (lcpy_constant_write(state, writer, slice->start) < 0 || lcpy_constant_write(state, writer, slice->stop) < 0)
        return -1;
    return lcpy_constant_write(state, writer, slice->step);
}

/* A nested function's or class's code, with the name that it gives to what is made of it. */
static int write_nested(lcpy_state *state, locache_writer *writer, PyCodeObject *code)
{
    locache_write_tag(writer, LOCACHE_TAG_FUNCTION);
    if (write_text(writer, code->co_name) < 0)
        return -1;
    return write_code(state, writer, code);
}

static int write_any(lcpy_state *state, locache_writer *writer, PyObject *constant)
{
    if (PyBytes_CheckExact(constant)) {
        locache_write_bytes(writer, PyBytes_AS_STRING(constant), (size_t)PyBytes_GET_SIZE(constant));
        return 0;
    }
    if (PyTuple_CheckExact(constant))
        return write_tuple(state, writer, constant);
    if (PyCode_Check(constant))
        return write_nested(state, writer, (PyCodeObject *)constant);
    if (PyFrozenSet_CheckExact(constant))
        return write_frozenset(state, writer, constant);
    if (PySlice_Check(constant))
        return write_slice(state, writer, (PySliceObject *)constant);
    if (constant == Py_Ellipsis) {
        write_global(writer, "builtins:Ellipsis");
        return 0;
    }
    lcpy_written written = lcpy_scalar_write(state, writer, constant, LCPY_OTHER);
    if (written == LCPY_NOT_EXACT)
        PyErr_Format(PyExc_TypeError, "a code object holds a constant of type %.200s", Py_TYPE(constant)->tp_name);
    return written == LCPY_DONE ? 0 : -1;
}

int lcpy_constant_write(lcpy_state *state, locache_writer *writer, PyObject *constant)
{
    if (Py_EnterRecursiveCall(" while reading a function's code"))
        return -1;
    int status = write_any(state, writer, constant);
    Py_LeaveRecursiveCall();
    return status;
}

/* ------------------------------------------------------------------------------------------------------------ the id */

int lcpy_writer_id(locache_id *out, const locache_writer *writer)
{
    switch (locache_writer_status(writer)) {
    case LOCACHE_OK:
        locache_id_of(out, writer->data, writer->length);
        return 0;
    case LOCACHE_ENOMEM:
        PyErr_NoMemory();
        return -1;
    default: /* a frozenset with two NaNs */
        PyErr_SetString(PyExc_ValueError, "the function's constants have no canonical form");
        return -1;
    }
}

int lcpy_code_id(lcpy_state *state, locache_id *out, PyObject *code)
{
    if (!PyCode_Check(code)) {
        PyErr_Format(PyExc_TypeError, "expected a code object, not %.200s", Py_TYPE(code)->tp_name);
        return -1;
    }
    unsigned char room[4096]; /* a function of a hundred lines */
    locache_writer writer;
    locache_writer_init(&writer, room, sizeof room);
    int status = write_code(state, &writer, (PyCodeObject *)code);
    if (status == 0)
        status = lcpy_writer_id(out, &writer);
    locache_writer_clear(&writer);
    return status;
}

static PyObject *cache_tag(void)
{
    PyObject *implementation = PySys_GetObject("implementation"), *tag = NULL;
    if (implementation)
        tag = PyObject_GetAttrString(implementation, "cache_tag");
    if (tag == Py_None) { /* an interpreter that writes no .pyc files */
        Py_DECREF(tag);
        tag = PyObject_GetAttrString(implementation, "name");
    }
    if (!tag && !PyErr_Occurred())
        PyErr_SetString(PyExc_RuntimeError, "sys.implementation is lost");
    return tag;
}

static int optimize_level(void)
{
    PyObject *flags = PySys_GetObject("flags");
    PyObject *optimize = flags ? PyObject_GetAttrString(flags, "optimize") : NULL;
    int level = optimize ? (int)PyLong_AsLong(optimize) : 0;
    Py_XDECREF(optimize);
    return level;
}

int lcpy_code_tag(char out[LCPY_TAG_MAX + 1])
{
    PyObject *tag = cache_tag();
    const char *text = tag ? PyUnicode_AsUTF8(tag) : NULL;
    int level = text ? optimize_level() : 0;
    if (!text || PyErr_Occurred()) {
        Py_XDECREF(tag);
        return -1;
    }
    /* The low half of the magic number counts the bytecode's versions; the high half is always "\r\n". */
    PyOS_snprintf(out, LCPY_TAG_MAX + 1, "%.40s-%ld.O%d", text, PyImport_GetMagicNumber() & 0xFFFF, level);
    for (char *at = out; *at; at++)
        if (!Py_ISALNUM(Py_CHARMASK(*at)) && *at != '.' && *at != '-')
            *at = '_';
    Py_DECREF(tag);
    return 0;
}
