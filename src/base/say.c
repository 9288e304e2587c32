/* Lines for a person, on the standard error output.
 *
 * That may be a file which has reached the limit of file sizes, or a pipe that nobody reads: a
 * write is answered by a signal then that ends the process, SIGXFSZ or SIGPIPE. Where a program
 * wrote nothing of its own, our line must not be what ends it. So both are blocked in this thread
 * while it writes, and taken off where the write caused them. */
#include "base/say.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In as few calls as can be, so that lines of several threads do not mix. */
static int write_line(const char *line, size_t size)
{
    while (size > 0) {
        ssize_t put = write(STDERR_FILENO, line, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : EIO;
        line += put;
        size -= (size_t)put;
    }
    return 0;
}

static void write_without_signals(const char *line, size_t size)
{
    sigset_t both;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&both);
    sigaddset(&both, SIGXFSZ);
    sigaddset(&both, SIGPIPE);
    if (pthread_sigmask(SIG_BLOCK, &both, &before) != 0)
        return;
    /* One that waits already is the program's own. */
    sigpending(&pending);
    int code = write_line(line, size);
    int caused = code == EFBIG ? SIGXFSZ : code == EPIPE ? SIGPIPE : 0;
    if (caused != 0 && !sigismember(&pending, caused)) {
        int taken;
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, caused);
        /* Pending, unless the program ignores it: then there is nothing to wait for. */
        sigpending(&pending);
        if (sigismember(&pending, caused))
            sigwait(&one, &taken);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void lc_say(const char *format, ...)
{
    char line[LOCACHE_PATH_MAX + LOCACHE_MESSAGE_MAX];
    int code = errno;
    va_list values;
    va_start(values, format);
    int size = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (size >= (int)sizeof line) {
        size = (int)sizeof line - 1;
        memcpy(line + size - 4, "...\n", 4);
    }
    if (size > 0)
        write_without_signals(line, (size_t)size);
    errno = code;
}
