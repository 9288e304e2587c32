/* The command while it runs: started, its output passed on as it comes and recorded, signals passed
 * on to it, and its time bounded.
 *
 * It stays in our process group, so that a terminal's keys reach it as they would without us. Where
 * its time is bounded it has a group of its own, since what it started must end with it. */
#include "limit.h"
#include "print.h"
#include "run.h"
#include "run_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a pipe holds. */
#define PIPE_MAX ((size_t)64 << 10)
/* Nanoseconds for which output may still come when the command has ended: of what it left running,
 * there may be no end. */
#define GRACE INT64_C(100000000)
/* Seconds between SIGTERM and SIGKILL, for who was told that his time is over. */
#define KILL_AFTER 5

static const int passed[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
                             SIGUSR2, SIGTSTP, SIGCONT, SIGALRM};
#define PASSED (sizeof passed / sizeof *passed)

/* What the handlers know: there is one command. */
static volatile pid_t target; /* negative: a group of its own */
static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t timed_out;

typedef struct watching {
    sigset_t before; /* the mask that the command gets */
    struct sigaction old[PASSED];
    struct sigaction old_child;
    struct sigaction old_pipe;
    pid_t child;
    pid_t feeder; /* of its standard input; or 0 */
    int from[2];  /* its output; -1: closed */
    bool shown[2];
    bool whole;
    bool ended;
    int status;    /* of waitpid() */
    int64_t until; /* monotonic, where it ended */
    cli_recording *recording;
} watching;

int64_t cli_steady_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* -------------------------------------------------------------------------------------- signals */

/* Has a key of the terminal sent it, to all of its group? */
static bool is_from_terminal(const siginfo_t *info)
{
#ifdef SI_KERNEL
    return info->si_code == SI_KERNEL;
#else
    return info->si_pid == 0;
#endif
}

/* Stop as we would without a handler, which is not at all where nobody could continue us, and go on
 * when we are continued. */
static void stop_here(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction own;
    sigset_t stop;
    sigset_t blocked;
    (void)sigemptyset(&usual.sa_mask);
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTSTP);
    (void)sigaction(SIGTSTP, &usual, &own);
    (void)raise(SIGTSTP);
    (void)sigprocmask(SIG_UNBLOCK, &stop, &blocked);
    (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
    (void)sigaction(SIGTSTP, &own, NULL);
}

static void pass_on(int number, siginfo_t *info, void *context)
{
    int error = errno;
    pid_t to = target;
    (void)context;
    if (number == SIGALRM) {
        (void)kill(to, timed_out ? SIGKILL : SIGTERM);
        timed_out = 1;
    } else {
        if (to != 0 && (to < 0 || !is_from_terminal(info)))
            (void)kill(to, number);
        if (number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM)
            interrupted = 1;
        if (number == SIGTSTP)
            stop_here();
    }
    errno = error;
}

static void nothing(int number)
{
    (void)number;
}

/* Signals wait from here on, but for when we wait ourselves. What was ignored stays so. */
static void watch_signals(watching *in, bool timed)
{
    struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO};
    struct sigaction child = {.sa_handler = nothing, .sa_flags = SA_NOCLDSTOP};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t block;
    sigemptyset(&block);
    sigemptyset(&action.sa_mask);
    for (size_t n = 0; n < PASSED; n++)
        (void)sigaddset(&block, passed[n]);
    (void)sigaddset(&block, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &block, &in->before);
    action.sa_mask = block;
    for (size_t n = 0; n < PASSED; n++) {
        (void)sigaction(passed[n], NULL, &in->old[n]);
        /* An alarm is ours where we set one; else it is theirs who started us. */
        bool taken = passed[n] == SIGALRM ? timed : (in->old[n].sa_handler != SIG_IGN);
        if (taken)
            (void)sigaction(passed[n], &action, NULL);
    }
    (void)sigaction(SIGCHLD, &child, &in->old_child);
    /* A reader who went away is to be found out by write(). */
    (void)sigaction(SIGPIPE, &ignore, &in->old_pipe);
}

/* In the command, before it is one. */
static void restore_signals(const void *context)
{
    const watching *in = context;
    for (size_t n = 0; n < PASSED; n++)
        (void)sigaction(passed[n], &in->old[n], NULL);
    (void)sigaction(SIGCHLD, &in->old_child, NULL);
    (void)sigaction(SIGPIPE, &in->old_pipe, NULL);
    cli_limit_restore();
    (void)sigprocmask(SIG_SETMASK, &in->before, NULL);
}

static void set_timer(int64_t nanoseconds)
{
    struct itimerval timer = {.it_interval = {.tv_sec = KILL_AFTER}};
    timer.it_value.tv_sec = (time_t)(nanoseconds / INT64_C(1000000000));
    timer.it_value.tv_usec = (suseconds_t)(nanoseconds % INT64_C(1000000000) / 1000);
    if (timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0)
        timer.it_value.tv_usec = 1;
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---------------------------------------------------------------------------------------- start */

static void become_command(const cli_run *run, const watching *in, int input, const int out[2],
                           int failed)
{
    if (run->timeout > 0)
        (void)setpgid(0, 0);
    if (dup2(input, 0) == 0 && dup2(out[0], 1) == 1 && dup2(out[1], 2) == 2) {
        restore_signals(in);
        (void)execvp(run->command[0], run->command);
    }
    int error = errno;
    ssize_t told = write(failed, &error, sizeof error);
    _exit(told == (ssize_t)sizeof error ? CLI_RUN_FAILED : CLI_RUN_NO_EXEC);
}

/* 0, or the errno of what failed; *exec: it was the command that could not be started. */
static int start_with(cli_run *run, watching *in, int input, const int out[2], bool *exec)
{
    int failed[2];
    int error = 0;
    if (pipe2(failed, O_CLOEXEC) != 0)
        return errno;
    in->child = fork();
    if (in->child == 0)
        become_command(run, in, input, out, failed[1]);
    if (in->child < 0)
        error = errno;
    (void)close(failed[1]);
    if (error == 0) {
        if (run->timeout > 0)
            (void)setpgid(in->child, in->child);
        target = run->timeout > 0 ? -in->child : in->child;
        ssize_t got;
        while ((got = read(failed[0], &error, sizeof error)) < 0 && errno == EINTR)
            continue;
        *exec = got == (ssize_t)sizeof error;
        if (*exec)
            (void)waitpid(in->child, &in->status, 0);
    }
    (void)close(failed[0]);
    return error;
}

static int start(cli_run *run, watching *in, bool *exec)
{
    int out[2][2] = {{-1, -1}, {-1, -1}};
    int input = cli_feed_open(&in->feeder, run, restore_signals, in);
    int error = 0;
    if (input < 0 || pipe2(out[0], O_CLOEXEC) != 0 || pipe2(out[1], O_CLOEXEC) != 0)
        error = errno;
    const int ends[2] = {out[0][1], out[1][1]};
    if (error == 0)
        error = start_with(run, in, input, ends, exec);
    if (input >= 0)
        (void)close(input);
    for (int n = 0; n < 2; n++) {
        if (out[n][1] >= 0)
            (void)close(out[n][1]);
        if (out[n][0] >= 0 && error != 0)
            (void)close(out[n][0]);
        in->from[n] = error == 0 ? out[n][0] : -1;
    }
    return error;
}

/* -------------------------------------------------------------------------------------- pass on */

static void close_stream(watching *in, int n)
{
    (void)close(in->from[n]);
    in->from[n] = -1;
}

/* Signals are let in while we write: who reads may take long. */
static int write_out(const watching *in, int n, const char *data, size_t size)
{
    sigset_t blocked;
    (void)sigprocmask(SIG_SETMASK, &in->before, &blocked);
    int error = cli_write_all(n + 1, data, size);
    (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
    return error;
}

static void take_output(watching *in, int n)
{
    static char some[PIPE_MAX];
    ssize_t got = read(in->from[n], some, sizeof some);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        in->whole = in->whole && got == 0;
        close_stream(in, n);
        return;
    }
    int error = in->shown[n] ? write_out(in, n, some, (size_t)got) : 0;
    if (error == EPIPE) {
        /* The command finds it out as it would without us. */
        in->whole = false;
        close_stream(in, n);
        return;
    }
    if (error != 0) {
        cli_error("run: cannot write the command's output: %s", strerror(error));
        in->shown[n] = false;
    }
    if (in->recording != NULL && in->whole)
        cli_recording_add(in->recording, n, some, (size_t)got);
}

static void wait_for_child(watching *in, int flags)
{
    pid_t found;
    while ((found = waitpid(in->child, &in->status, flags)) < 0 && errno == EINTR)
        continue;
    if (found != in->child)
        return;
    in->ended = true;
    in->until = cli_steady_clock() + GRACE;
}

/* Until both streams are at their end, or the command is, and nothing comes any more. */
static void watch(watching *in, bool forever)
{
    while (in->from[0] >= 0 || in->from[1] >= 0) {
        struct pollfd ready[2] = {{.fd = in->from[0], .events = POLLIN},
                                  {.fd = in->from[1], .events = POLLIN}};
        struct timespec rest = {.tv_sec = 0};
        int64_t left = in->until - cli_steady_clock();
        bool bounded = in->ended && !forever;
        if (bounded && left > 0)
            rest.tv_nsec = (long)left;
        int count = ppoll(ready, 2, bounded ? &rest : NULL, &in->before);
        for (int n = 0; count > 0 && n < 2; n++)
            if (ready[n].revents != 0)
                take_output(in, n);
        if (bounded && count == 0)
            return;
        if (!in->ended)
            wait_for_child(in, WNOHANG);
    }
    while (!in->ended) {
        sigset_t blocked;
        (void)sigprocmask(SIG_SETMASK, &in->before, &blocked);
        wait_for_child(in, 0);
        (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
    }
}

/* What the command left running in the background goes on writing to whom it wrote: a process of
 * ours stays between them, as it would have stayed itself. */
static void leave_behind(watching *in)
{
    in->whole = false;
    if (timed_out || fork() != 0)
        return;
    in->recording = NULL;
    target = 0;
    watch(in, true);
    _exit(0);
}

/* --------------------------------------------------------------------------------------- result */

static void tell_start(cli_ending *out, const cli_run *run, int error, bool exec)
{
    cli_error("run: cannot run '%.999s': %s", run->command[0], strerror(error));
    out->code = !exec ? CLI_RUN_FAILED : error == ENOENT ? CLI_RUN_NOT_FOUND : CLI_RUN_NO_EXEC;
}

void cli_run_command(cli_ending *out, cli_run *run, cli_recording *recording, bool quiet)
{
    watching in = {.shown = {!quiet, !quiet}, .whole = true, .recording = recording};
    bool exec = false;
    *out = (cli_ending){.code = CLI_RUN_FAILED};
    watch_signals(&in, run->timeout > 0);
    int error = start(run, &in, &exec);
    if (error != 0) {
        cli_feed_end(in.feeder);
        tell_start(out, run, error, exec);
        return;
    }
    if (run->timeout > 0)
        set_timer(run->timeout);
    watch(&in, false);
    if (run->timeout > 0)
        (void)setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0}}, NULL);
    target = 0;
    cli_feed_end(in.feeder);
    if (in.from[0] >= 0 || in.from[1] >= 0)
        leave_behind(&in);
    out->signal = WIFSIGNALED(in.status) && !timed_out ? WTERMSIG(in.status) : 0;
    out->code = timed_out ? CLI_RUN_TIMED_OUT : WIFEXITED(in.status) ? WEXITSTATUS(in.status) : 128;
    out->whole = in.whole && !timed_out && !interrupted && out->signal == 0;
    out->unwritten = !quiet && (!in.shown[0] || !in.shown[1]);
}
