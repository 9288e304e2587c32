/* A line on the standard error output ends no program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char written[20000];

/* What a child writes that says a line: its standard error output is a file, which must not grow
 * beyond `limit`. How the child ended is in *status. */
static void say_into_file(int *status, rlim_t limit, const char *text)
{
    char path[] = "/tmp/locache-say-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit most = {limit, limit};
        dup2(fd, STDERR_FILENO);
        setrlimit(RLIMIT_FSIZE, &most);
        errno = 77;
        lc_say("locache: %s\n", text);
        _exit(errno == 77 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, status, 0), child);
    memset(written, 0, sizeof written);
    assert_true(pread(fd, written, sizeof written - 1, 0) >= 0);
    close(fd);
    unlink(path);
}

static void test_say__a_line(void **unused)
{
    (void)unused;
    int status;
    say_into_file(&status, RLIM_INFINITY, "text");
    assert_int_equal(status, 0);
    assert_string_equal(written, "locache: text\n");
}

static void test_say__beyond_the_limit_of_file_sizes(void **unused)
{
    (void)unused;
    for (rlim_t limit = 0; limit < 16; limit++) {
        int status;
        say_into_file(&status, limit, "text");
        assert_int_equal(status, 0);
        assert_int_equal(strlen(written), limit < 14 ? limit : 14);
    }
}

static void test_say__a_long_line_is_cut(void **unused)
{
    (void)unused;
    static char text[10000];
    int status;
    memset(text, 'x', sizeof text - 1);
    say_into_file(&status, RLIM_INFINITY, text);
    assert_int_equal(status, 0);
    assert_int_equal(strlen(written), LOCACHE_PATH_MAX + LOCACHE_MESSAGE_MAX - 1);
    assert_string_equal(written + strlen(written) - 5, "x...\n");
}

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
    caught = number;
}

/* Nobody reads, and the program's own handler is not called. */
static void test_say__into_a_pipe_that_nobody_reads(void **unused)
{
    (void)unused;
    int status;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int round = 0; round < 3; round++) {
        pid_t child = fork();
        if (child == 0) {
            signal(SIGPIPE, round == 0 ? SIG_DFL : round == 1 ? SIG_IGN : note_signal);
            close(ends[0]);
            dup2(ends[1], STDERR_FILENO);
            lc_say("locache: %s\n", "text");
            sigset_t pending;
            sigpending(&pending);
            _exit(caught == 0 && !sigismember(&pending, SIGPIPE) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    close(ends[0]);
    close(ends[1]);
}

/* A signal that waited before is the program's own, and stays. */
static void test_say__a_signal_that_waits_already(void **unused)
{
    (void)unused;
    int status;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, SIGPIPE);
        sigprocmask(SIG_BLOCK, &one, NULL);
        raise(SIGPIPE);
        close(ends[0]);
        dup2(ends[1], STDERR_FILENO);
        lc_say("locache: %s\n", "text");
        sigpending(&one);
        _exit(sigismember(&one, SIGPIPE) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_say__a_line),
        cmocka_unit_test(test_say__beyond_the_limit_of_file_sizes),
        cmocka_unit_test(test_say__a_long_line_is_cut),
        cmocka_unit_test(test_say__into_a_pipe_that_nobody_reads),
        cmocka_unit_test(test_say__a_signal_that_waits_already),
    };
    return cmocka_run_group_tests_name("say", tests, NULL, NULL);
}
