/* How much of the C stack is left to the thread that runs.
 *
 * Python's own limit counts calls, and knows neither how much C stack each of them takes nor how
 * much there is: threads often have 1 MiB or less, and the limit may be raised. So the bounds of
 * the thread's stack are asked once for each thread, and compared with where the stack is now. */
#include "plain/stack.h"

#include <pthread.h>
#include <stdint.h>

#ifdef __linux__
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* What has to be left: the way of a miss takes as much, for values that are nested as deep as
 * entries hold, and the function itself has its own needs. */
#define RESERVE ((uintptr_t)256 << 10)

/* Most threads never come near the end of theirs, and to ask where it is takes time: so it is asked
 * only where the stack has moved so far since it was first looked at. */
#define MOVED ((uintptr_t)16 << 10)

/* A thread's stack, from its lowest address on. Calls are refused from `limit` down. */
typedef struct bounds {
    uintptr_t first; /* where it was looked at first; 0: not yet */
    bool asked;
    uintptr_t low;
    uintptr_t limit; /* = low where nothing is known */
} bounds;

static _Thread_local bounds stack;

#ifdef __linux__
/* The kernel keeps at least twice as much below a process's first stack free of mappings. */
#define GROWS_FREELY ((rlim_t)64 << 20)

/* Of the process's first thread, whose stack grows on demand down to its limit, and whose highest
 * bytes are the program's name. The C library reads a list of all mappings for it, a millisecond
 * where many libraries are loaded. */
static bool find_first(uintptr_t *low, uintptr_t *high)
{
    struct rlimit limit;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t top = (uintptr_t)getauxval(AT_EXECFN);
    if (syscall(SYS_gettid) != getpid() || getrlimit(RLIMIT_STACK, &limit) != 0 ||
        limit.rlim_cur > GROWS_FREELY || top <= limit.rlim_cur)
        return false;
    *low = top - (uintptr_t)limit.rlim_cur;
    *high = top;
    return *low < here && here < top;
}
#endif

/* The bounds of the stack, lowest address first. False where they cannot be told. */
static bool find_bounds(uintptr_t *low, uintptr_t *high)
{
#ifdef __APPLE__
    *high = (uintptr_t)pthread_get_stackaddr_np(pthread_self());
    *low = *high - pthread_get_stacksize_np(pthread_self());
    return true;
#elif defined(__linux__)
    pthread_attr_t attributes;
    void *address = NULL;
    size_t size = 0;
    if (find_first(low, high))
        return true;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return false;
    bool found = pthread_attr_getstack(&attributes, &address, &size) == 0;
    pthread_attr_destroy(&attributes);
    *low = (uintptr_t)address;
    *high = *low + size;
    return found;
#else
    (void)low;
    (void)high;
    return false;
#endif
}

static __attribute__((noinline)) void ask_bounds(void)
{
    uintptr_t low = 0;
    uintptr_t high = 0;
    stack.asked = true;
    if (!find_bounds(&low, &high) || low >= high)
        return;
    /* A small stack keeps a quarter of it. */
    uintptr_t quarter = (high - low) / 4;
    stack.low = low;
    stack.limit = low + (quarter < RESERVE ? quarter : RESERVE);
}

bool lcpy_stack_has(size_t size)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (stack.first == 0)
        stack.first = here;
    if (!stack.asked) {
        uintptr_t moved = here < stack.first ? stack.first - here : here - stack.first;
        if (size == 0 && moved < MOVED)
            return true;
        ask_bounds();
    }
    /* Outside it, the stack is one that somebody made (a fiber's), of which nothing is known. */
    return here < stack.low || here - stack.low > size + (stack.limit - stack.low);
}

int lcpy_stack_check(void)
{
    if (lcpy_stack_has(0))
        return 0;
    PyErr_SetString(PyExc_RecursionError,
                    "maximum recursion depth exceeded: the thread's C stack ends");
    return -1;
}
