/* A process that is killed in the middle of what it does, and leaves a child that goes on:
 *
 *     int child = orphan_of("rename", store, true);
 *     ...
 *     close(child);
 */
#ifndef TEST_ORPHAN_H
#define TEST_ORPHAN_H

#include "base/fault.h"
#include "killed.h"
#include "scratch.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct {
    const char *call;
    int until;   /* the child goes on for as long as its other end is open */
    bool within; /* it is forked at that call, as by another thread, or was before */
} orphan;

/* It is there, and has done what a child does at first, when this returns. */
static void orphan_make(void)
{
    int began[2];
    char byte = 0;
    child_require(pipe(began) == 0);
    pid_t child = fork();
    child_require(child >= 0);
    if (child == 0) {
        child_require(write(began[1], &byte, 1) == 1);
        _exit(read(orphan.until, &byte, 1) != 0);
    }
    child_require(read(began[0], &byte, 1) == 1);
}

static int orphan_hook(const char *call)
{
    if (strcmp(call, orphan.call) != 0)
        return 0;
    if (orphan.within)
        orphan_make();
    (void)raise(SIGKILL);
    return 0;
}

/* What the child goes on for, until it is closed. */
static inline int orphan_of(const char *call, void (*work)(void), bool within)
{
    int ends[2];
    int status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[1]);
        orphan.call = call;
        orphan.until = ends[0];
        orphan.within = within;
        work();
        _exit(1); /* it was not killed */
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(was_killed(status));
    return ends[1];
}

/* Said by work(), when it has prepared: from now on that call ends it. */
static inline void orphan_from_now(void)
{
    if (!orphan.within)
        orphan_make();
    lc_fault_hook = orphan_hook;
}

#endif
