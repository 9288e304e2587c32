/* A process that goes on alone: it refreshes a result behind one that was given, or warms one. */
#include "run.h"

#include <fcntl.h>
#include <unistd.h>

/* Descriptors beyond are rare, and asking for each costs. */
#define DESCRIPTORS_MAX 1024

/* Whoever waits for the end of a pipe must not wait for us. What closes itself at exec is our own:
 * the cache. */
static void let_go(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        (void)dup2(null, fd);
    for (int fd = 3; fd < DESCRIPTORS_MAX; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
            (void)close(fd);
    }
    if (null > 2)
        (void)close(null);
}

int cli_run_detach(int *until)
{
    int began[2];
    char nothing;
    if (pipe2(began, O_CLOEXEC) != 0)
        return -1;
    int child = (int)fork();
    if (child == 0) {
        (void)close(began[0]);
        /* A terminal's signals are not for us any more. */
        (void)setsid();
        let_go();
        *until = began[1];
        return 0;
    }
    (void)close(began[1]);
    /* Until it says so, or dies. */
    while (child > 0 && read(began[0], &nothing, 1) > 0)
        continue;
    (void)close(began[0]);
    return child;
}
