/* Deep work, on a stack that is deep enough.
 *
 * To open a cache takes some 60 KiB, for paths and records that are put together on the stack. A
 * thread may have 16 KiB in all (PTHREAD_STACK_MIN), and the stacks of fibers and of coroutines are
 * anybody's. So how much is left is looked up where the work begins; that is seldom, once for each
 * function, and asking costs a microsecond at most where files are opened besides.
 *
 * A thread, and not makecontext(): sanitizers, debuggers and shadow stacks know what it is. What is
 * the caller's by being a thread's, a sanitizer's records or a lock that knows its owner, nothing
 * below asks for. */
#include "base/deep.h"
#include "base/system.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/auxv.h>
#include <sys/syscall.h>
#endif

/* Bytes that there must be, above what was measured for the deepest way (lc_funcdir_attach()). */
#define NEEDED ((uintptr_t)128 << 10)
/* Bytes of the stack that is made, of which only what is touched is memory. Sanitizers' frames are
 * several times as large. */
#define MADE ((size_t)1 << 20)
/* Bytes of the main thread's stack where no limit is set on it. */
#define UNLIMITED ((uintptr_t)8 << 20)

#ifdef __linux__
/* How large the stack of the process's first thread may become; 0: who can tell? A program may
 * change that at any time: it is asked for again after a while. Of the first thread alone, so that
 * no other needs what is kept. */
static uintptr_t size_of_first(void)
{
    static uintptr_t size;
    static int64_t asked;
    struct rlimit limit;
    int64_t now = lc_ticks();
    if (size == 0 || now - asked >= LC_LATELY) {
        asked = now;
        size = getrlimit(RLIMIT_STACK, &limit) != 0 ? 0
               : limit.rlim_cur < UNLIMITED         ? (uintptr_t)limit.rlim_cur
                                                    : UNLIMITED;
    }
    return size;
}

/* The lowest byte of that stack, which grows on demand. Its highest are what the kernel puts there:
 * the program's name above its environment and arguments, which may be megabytes. 0: who can
 * tell? */
static uintptr_t lowest_of_first(uintptr_t here)
{
    uintptr_t size = size_of_first();
    uintptr_t top = (uintptr_t)getauxval(AT_EXECFN);
    return size > 0 && here < top && top > size && here > top - size ? top - size : 0;
}

static uintptr_t lowest_of_thread(uintptr_t here)
{
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    uintptr_t found = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return 0;
    if (pthread_attr_getstack(&attributes, &lowest, &size) == 0 && here > (uintptr_t)lowest &&
        here - (uintptr_t)lowest < size)
        found = (uintptr_t)lowest;
    pthread_attr_destroy(&attributes);
    return found;
}

/* Is this the process's first thread? Asked once: what a thread's stack is, it stays, also where it
 * becomes the first of a child of fork(). */
static bool is_first(void)
{
    static _Thread_local enum { UNKNOWN, FIRST, FURTHER } thread;
    if (thread == UNKNOWN)
        thread = syscall(SYS_gettid) == getpid() ? FIRST : FURTHER;
    return thread == FIRST;
}

/* Is there room below this frame? A stack that is not the thread's own is taken for a small one. */
static bool is_deep_enough(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t lowest = is_first() ? lowest_of_first(here) : lowest_of_thread(here);
    return lowest != 0 && here - lowest >= NEEDED;
}
#else
/* Threads have half a megabyte where nothing else was asked for. */
static bool is_deep_enough(void)
{
    return true;
}
#endif

typedef struct work {
    void (*run)(void *context);
    void *context;
    int code;
} work;

static void *work_on(void *context)
{
    work *this = context;
    errno = this->code;
    this->run(this->context);
    this->code = errno;
    return NULL;
}

bool lc_deep_run(void (*run)(void *context), void *context)
{
    work this = {run, context, errno};
    pthread_t thread;
    bool room = is_deep_enough();
    errno = this.code;
    if (room) {
        run(context);
        return true;
    }
    if (lc_thread_start(&thread, MADE, work_on, &this) != 0)
        return false;
    lc_thread_end(thread);
    errno = this.code;
    return true;
}
