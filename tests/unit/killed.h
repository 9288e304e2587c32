/* A child that is killed before one of its system calls, whatever it does then. */
#ifndef TEST_KILLED_H
#define TEST_KILLED_H

#include "base/fault.h"
#include "injected.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

/* Before which call of the process, counted from 1, when kill_at_call() is lc_fault_hook. */
static int killed_at;

static inline int kill_at_call(const char *call)
{
    (void)call;
    if (--killed_at == 0)
        (void)raise(SIGKILL);
    return 0;
}

/* By what waitpid() said: was it, or did it come to its end? */
static inline bool was_killed(int ended)
{
    bool killed = WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL;
    count_injections(killed);
    return killed;
}

#endif
