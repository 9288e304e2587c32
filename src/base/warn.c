/* The one channel for what the user of a program is told.
 *
 * By default that is standard error. But a daemon closes descriptor 2, and the next file that it
 * opens may get that number: a line of ours would go into its data. So the descriptor is looked at
 * when the library is loaded and before each line. What it was then may be written to, also a
 * terminal or a pipe that it is now, and a file that is opened for appending, as logs are. */
#include "base/warn.h"
#include "base/deep.h"
#include "base/os.h"
#include "base/receiver.h"
#include "base/say.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef void (*warn_fn)(void *context, const char *message);

static lc_receiver receiver;
static struct stat first;
static bool was_open;

#if defined(__GNUC__)
__attribute__((constructor))
#endif
static void
look_at_standard_error(void)
{
    was_open = fstat(STDERR_FILENO, &first) == 0;
}

static bool is_for_reading(void)
{
    struct stat now;
    /* What has the number of a stream that was closed is the program's, but for a terminal. */
    if (!was_open)
        return isatty(STDERR_FILENO);
    if (fstat(STDERR_FILENO, &now) != 0)
        return false;
    if (now.st_dev == first.st_dev && now.st_ino == first.st_ino)
        return true;
    if (S_ISREG(now.st_mode))
        return (fcntl(STDERR_FILENO, F_GETFL) & O_APPEND) != 0;
    return S_ISCHR(now.st_mode) || S_ISFIFO(now.st_mode);
}

void locache_set_warn(warn_fn fn, void *context)
{
    lc_receiver_set(&receiver, (lc_any_function)fn, context);
}

static void say_line(void *context)
{
    lc_say("locache: %s\n", (const char *)context);
}

/* The line is put together on the stack once more. */
void lc_warn_print(const char *line)
{
    if (is_for_reading())
        (void)lc_deep_run(say_line, (void *)(uintptr_t)line);
}

void lc_warn(const char *format, ...)
{
    char line[LC_WARN_MAX];
    va_list arguments;
    lc_any_function fn;
    void *context;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (lc_receiver_get(&fn, &context, &receiver))
        ((warn_fn)fn)(context, line);
    else
        lc_warn_print(line);
}
