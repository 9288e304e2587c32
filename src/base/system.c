/* What the machine and the process are asked for beside files: clocks, threads, fork(). Where the
 * system does not know an answer, the one that limits nothing is given. */
#include "base/system.h"
#include "base/fault.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int lc_thread_start(pthread_t *out, size_t stack, void *(*run)(void *context), void *context)
{
    /* Sent to the thread that caused them: blocked, they would end the process without the handler
     * that the program may have for them. */
    static const int own[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
    sigset_t blocked, before;
    pthread_attr_t attributes;
    if (lc_fault("thread"))
        return -1;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(&blocked, own[i]);
    /* A thread begins with its starter's mask: to set it in there would leave a moment. */
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int code = pthread_attr_init(&attributes);
    if (code == 0) {
        if (stack > 0)
            code = pthread_attr_setstacksize(&attributes, stack);
        if (code == 0)
            code = pthread_create(out, &attributes, run, context);
        pthread_attr_destroy(&attributes);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        errno = code;
    return code == 0 ? 0 : -1;
}

void lc_thread_end(pthread_t thread)
{
    int before;
    /* pthread_join() is one: a caller that were cancelled in it would leave a thread that goes on
     * working in the caller's memory. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_join(thread, NULL);
    pthread_setcancelstate(before, &before);
}

unsigned lc_processors(void)
{
#ifdef CPU_COUNT
    /* Not all that the machine has: containers and batch systems give a process some of them. */
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (unsigned)CPU_COUNT(&set);
#endif
    /* As on machines of more processors than a cpu_set_t has bits. */
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}

uint64_t lc_memory_size(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
}

/* As Linux says it: what is free, and what files take up that can be read again. */
static uint64_t memory_unused(void)
{
    char text[1024];
    int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return UINT64_MAX;
    ssize_t got = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[got > 0 ? got : 0] = '\0';
    const char *line = strstr(text, "\nMemAvailable:");
    /* In kilobytes. */
    uint64_t size = line != NULL ? strtoull(line + strlen("\nMemAvailable:"), NULL, 10) : 0;
    return size > 0 && size < UINT64_MAX >> 10 ? size << 10 : UINT64_MAX;
}

uint64_t lc_memory_available(void)
{
    struct rlimit limit;
    uint64_t least = lc_memory_size();
    uint64_t unused = memory_unused();
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < least)
        least = limit.rlim_cur;
    return unused < least ? unused : least;
}

static int64_t clock_read(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t lc_now(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t lc_monotonic(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t lc_ticks(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
    return clock_read(CLOCK_MONOTONIC_COARSE);
#else
    return lc_monotonic();
#endif
}

int lc_sleep(int64_t nanoseconds)
{
    return nanosleep(&(struct timespec){.tv_nsec = (long)nanoseconds}, NULL);
}

/* Counted rather than compared by getpid(), which is a system call at every hit. 0: not started.
 * pthread_atfork() cannot be undone, so that it is not called before somebody asks. */
static atomic_uint generation;
static pthread_once_t generation_once = PTHREAD_ONCE_INIT;

static void note_fork(void)
{
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void start_generation(void)
{
    /* It fails without memory only: then a child takes itself for its parent, as it would without
     * this. */
    int failed = pthread_atfork(NULL, NULL, note_fork);
    (void)failed;
    atomic_store(&generation, 1);
}

unsigned lc_generation(void)
{
    unsigned now = atomic_load_explicit(&generation, memory_order_relaxed);
    if (__builtin_expect(now != 0, 1))
        return now;
    pthread_once(&generation_once, start_generation);
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

uint32_t lc_process(void)
{
    /* The two in one word, so that no thread of a child takes its parent's for its own. */
    static _Atomic uint64_t known;
    unsigned now = lc_generation();
    uint64_t last = atomic_load_explicit(&known, memory_order_relaxed);
    if (last >> 32 != now) {
        last = (uint64_t)now << 32 | (uint32_t)getpid();
        atomic_store_explicit(&known, last, memory_order_relaxed);
    }
    return (uint32_t)last;
}

const char *lc_environment(const char *name)
{
#if defined(__linux__)
    return secure_getenv(name);
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__)
    return issetugid() ? NULL : getenv(name);
#else
    return getuid() == geteuid() && getgid() == getegid() ? getenv(name) : NULL;
#endif
}

/* Of the process's descriptors, those below this part of their number, and below this one. */
#define HOLD_PART 8
#define HOLD_BELOW 1000
/* Questions of which one asks the system: it would be a seventh of a computation's calls. */
#define HOLD_ASK_EVERY 16

int lc_hold_below(void)
{
    static atomic_int below;
    static atomic_uint asked;
    /* The limit may be set at any time, by a child of fork() first of all. */
    static atomic_uint asked_in;
    unsigned now = lc_generation();
    unsigned count = atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed);
    if (count % HOLD_ASK_EVERY == 0 ||
        atomic_load_explicit(&asked_in, memory_order_relaxed) != now) {
        int part = lc_descriptors() / HOLD_PART;
        atomic_store_explicit(&below, part < HOLD_BELOW ? part : HOLD_BELOW, memory_order_relaxed);
        atomic_store_explicit(&asked_in, now, memory_order_relaxed);
    }
    return atomic_load_explicit(&below, memory_order_relaxed);
}

int lc_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0; /* then next to none are kept open */
    return limit.rlim_cur > INT_MAX ? INT_MAX : (int)limit.rlim_cur;
}
