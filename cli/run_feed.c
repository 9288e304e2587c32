/* What a command reads, for `locache run --stdin`: a file that has all of it; where it could not be
 * kept (no space, a bound on files), what was read of it and then the rest, by a process that
 * copies them into a pipe; and standard input itself where nothing is to be kept. */
#include "run_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not on the stack: most commands are given none. Of what could not be kept the last piece. */
static char piece[16384];
static size_t piece_size;

void cli_feed_read(cli_run *run)
{
    cli_spool_begin(&run->input, NULL);
    if (!run->with_stdin || run->off)
        return;
    while (run->input.error == 0) {
        ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        cli_spool_add(&run->input, piece, (size_t)got);
        piece_size = run->input.error != 0 ? (size_t)got : 0;
    }
}

/* False: nobody reads it any more, or it cannot be read. */
static bool write_kept(const cli_spool *spool, int to)
{
    static char some[16384];
    if (spool->fd < 0)
        return cli_write_all(to, spool->memory, spool->size) == 0;
    for (size_t at = 0; at < spool->size;) {
        size_t rest = spool->size - at;
        ssize_t got = pread(spool->fd, some, rest < sizeof some ? rest : sizeof some, (off_t)at);
        if (got <= 0 || cli_write_all(to, some, (size_t)got) != 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static void feed(const cli_spool *spool, int to)
{
    bool more = write_kept(spool, to) && cli_write_all(to, piece, piece_size) == 0;
    while (more) {
        ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
        more =
            (got < 0 && errno == EINTR) || (got > 0 && cli_write_all(to, piece, (size_t)got) == 0);
    }
}

int cli_feed_open(pid_t *feeder, cli_run *run, void (*prepare)(const void *context),
                  const void *context)
{
    int ends[2];
    *feeder = 0;
    if (!run->with_stdin)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (run->off)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    int kept = cli_spool_open(&run->input);
    if (kept >= 0)
        return kept;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    *feeder = fork();
    if (*feeder == 0) {
        prepare(context);
        (void)close(ends[0]);
        feed(&run->input, ends[1]);
        _exit(0);
    }
    int error = errno;
    (void)close(ends[1]);
    if (*feeder > 0)
        return ends[0];
    (void)close(ends[0]);
    *feeder = 0;
    errno = error;
    return -1;
}

void cli_feed_end(pid_t feeder)
{
    if (feeder <= 0)
        return;
    (void)kill(feeder, SIGKILL);
    while (waitpid(feeder, NULL, 0) < 0 && errno == EINTR)
        continue;
}
