"""What the library does within a process: a program goes on as it would without it, whatever its
stacks, limits and plugins are, and nothing is left of the library when it is gone.

    test_process.py LIBRARY INCLUDE [COMPILER...]

The arguments are those of programs.py.
"""

# Plain unittest, so that a build needs nothing more.
# ruff: noqa: PT009

import shutil
import sys
import unittest

from programs import INCLUDE, LIBRARY, InScratch, run

SHARED = LIBRARY.parent

HEADERS = """
#define _GNU_SOURCE
#include <locache.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <ucontext.h>
LOCACHE_PERSIST(int, square, (int, x)) { return x * x; }
LOCACHE_PERSIST(char *, repeat, (const char *, s), (size_t, n))
{
    char *text = calloc(n + 1, 1);
    return text ? memset(text, s[0], n) : NULL;
}
"""


class InProcess(InScratch):
    def program(self, text, *flags, name="p"):
        self.write(f"{name}.c", HEADERS + text)
        self.build("-O1", "-g", *flags, f"{name}.c", "-ldl", "-o", name)
        return f"./{name}"

    def shared(self, text, name, *flags):
        """A shared object, or a program, that is linked with the shared library."""
        self.write(f"{name}.c", HEADERS + text)
        command = ["cc", "-O1", "-g", *flags, f"{name}.c", f"-I{INCLUDE}", f"-L{SHARED}"]
        run([*command, f"-Wl,-rpath,{SHARED}", "-llocache", "-o", name], self.scratch)


class Stacks(InProcess):
    # Both are called on a stack that the library's own paths would not fit into.
    CALLS = """
    static int calls(void)
    {
        char *text = repeat("a", 10);
        int length = text ? (int)strlen(text) : 0;
        free(text);
        return square(12) + length;
    }
    """

    def test_smallest_thread(self):
        program = self.program(
            self.CALLS
            + """
            static void *work(void *result)
            {
                *(int *)result = calls();
                if (LOCACHE_RESET(square) != LOCACHE_OK)
                    *(int *)result = 1;
                return NULL;
            }
            int main(int count, char **arguments)
            {
                pthread_attr_t small;
                pthread_t thread;
                int result = 0;
                pthread_attr_init(&small);
                locache_verbose(count > 1 && strcmp(arguments[1], "verbose") == 0);
                if (count > 1 && strcmp(arguments[1], "nowhere") == 0 &&
                    locache_set_dir("/proc/none", NULL) != LOCACHE_OK)
                    return 2;
                if (pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN) != 0 ||
                    pthread_create(&thread, &small, work, &result) != 0)
                    return 3;
                pthread_join(thread, NULL);
                printf("%d\\n", result);
                return 0;
            }
            """
        )
        for how in ("plain", "again", "verbose"):
            self.assertEqual(run([program, how], self.scratch).stdout, "154\n", how)
        done = run([program, "nowhere"], self.scratch)
        self.assertEqual(done.stdout, "154\n")
        self.assertEqual(done.stderr.count("\n"), 2)

    def test_fiber(self):
        """A stack that is no thread's, of which nobody knows how much is left."""
        program = self.program(
            self.CALLS
            + """
            static ucontext_t back, fiber;
            static int result;
            static void work(void) { result = calls(); }
            int main(void)
            {
                static char stack[24 << 10];
                getcontext(&fiber);
                fiber.uc_stack.ss_sp = stack;
                fiber.uc_stack.ss_size = sizeof stack;
                fiber.uc_link = &back;
                makecontext(&fiber, work, 0);
                swapcontext(&back, &fiber);
                printf("%d\\n", result);
                return 0;
            }
            """
        )
        for _ in range(2):
            self.assertEqual(run([program], self.scratch).stdout, "154\n")

    def test_signals_and_thread_locals_are_the_programs(self):
        """Handlers run in the program's threads, with what is theirs."""
        program = self.program(
            """
            static _Thread_local int mine;
            static volatile int handled, elsewhere;
            static void handler(int number) { (void)number; handled++; elsewhere += mine != 7; }
            static sigset_t alarms;
            static void *work(void *none)
            {
                mine = 7;
                pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
                for (int i = 0; i < 200; i++)
                    if (square(i) != i * i)
                        return &mine;
                return none;
            }
            int main(void)
            {
                pthread_attr_t small;
                pthread_t thread;
                void *failed = NULL;
                struct itimerval often = {{0, 500}, {0, 500}};
                mine = 7;
                struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
                sigaction(SIGALRM, &action, NULL);
                setitimer(ITIMER_REAL, &often, NULL);
                sigemptyset(&alarms);
                sigaddset(&alarms, SIGALRM);
                pthread_sigmask(SIG_BLOCK, &alarms, NULL);
                pthread_attr_init(&small);
                pthread_attr_setstacksize(&small, 32768);
                if (pthread_create(&thread, &small, work, NULL) != 0)
                    return 2;
                pthread_join(thread, &failed);
                printf("%d %d %d\\n", elsewhere, failed != NULL, handled > 0);
                return 0;
            }
            """.replace("static _Thread", "#include <sys/time.h>\n            static _Thread")
        )
        self.assertEqual(run([program], self.scratch).stdout, "0 0 1\n")


class Limits(InProcess):
    def test_size_of_files(self):
        """Whatever part of the library's files the limit cuts, the program lives, also where it has
        a handler of its own for the signal.
        """
        program = self.program(
            """
            static volatile int caught;
            static void handler(int number) { (void)number; caught++; }
            int main(int count, char **arguments)
            {
                struct rlimit limit = {(rlim_t)atol(arguments[1]), RLIM_INFINITY};
                signal(SIGXFSZ, count > 2 ? handler : SIG_DFL);
                setrlimit(RLIMIT_FSIZE, &limit);
                char *text = repeat("a", 100000);
                printf("%d %d %d\\n", text ? (int)strlen(text) : -1, square(3), caught);
                free(text);
                return 0;
            }
            """
        )
        for limit in (0, 1, 100, 4096, 20000, 99999, 200000):
            for handler in ([], ["handler"]):
                shutil.rmtree(self.scratch / "p.cache", ignore_errors=True)
                for _ in range(2):
                    done = run([program, str(limit), *handler], self.scratch)
                    self.assertEqual(done.stdout, "100000 9 0\n", (limit, handler))

    def test_cache_that_cannot_be_made_costs_nearly_nothing(self):
        """And is used once it can be."""
        program = self.program(
            """
            #include <time.h>
            static double seconds(void)
            {
                struct timespec now;
                clock_gettime(CLOCK_MONOTONIC, &now);
                return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
            }
            static double of_calls(void)
            {
                double best = 1;
                for (int turn = 0; turn < 20; turn++) {
                    double began = seconds();
                    for (int i = 0; i < 100; i++)
                        square(i);
                    double took = (seconds() - began) / 100;
                    best = took < best ? took : best;
                }
                return best;
            }
            int main(int count, char **arguments)
            {
                struct timespec pause = {1, 100000000};
                (void)count;
                if (locache_set_dir("file/x", NULL) != LOCACHE_OK)
                    return 2;
                square(1);
                printf("%d", of_calls() < 2e-6);
                if (unlink(arguments[1]) != 0)
                    return 3;
                nanosleep(&pause, NULL);
                square(1);
                printf(" %d\\n", access("file/x/square/x=1", F_OK) == 0);
                return 0;
            }
            """.replace("#include <time.h>", "#include <time.h>\n            #include <unistd.h>")
        )
        self.write("file", "")
        done = run([program, "file"], self.scratch)
        self.assertEqual(done.stdout, "1 1\n")
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_descriptors_of_many_functions(self):
        functions = "".join(
            f"LOCACHE_PERSIST(int, f{i}, (int, x)) {{ return x + {i}; }}\n" for i in range(150)
        )
        calls = "".join(f"sum += f{i}(1);\n" for i in range(150))
        program = self.program(
            functions
            + """
            int main(void)
            {
                int sum = 0, open_now = 0;
                for (int twice = 0; twice < 2; twice++) {
            """
            + calls
            + """
                }
                for (int fd = 3; fd < 1024; fd++)
                    open_now += fcntl(fd, F_GETFD) >= 0;
                printf("%d %d\\n", sum, open_now < 100);
                return 0;
            }
            """
        )
        expected = 2 * (150 + sum(range(150)))
        self.assertEqual(run([program], self.scratch).stdout, f"{expected} 1\n")


class Ending(InProcess):
    HOST = """
    int main(int count, char **arguments)
    {
        int open_now = 0;
        struct rlimit few = {64, 64};
        setrlimit(RLIMIT_NOFILE, &few);
        (void)count;
        for (int i = 0; i < atoi(arguments[1]); i++) {
            void *plugin = dlopen("./plugin.so", RTLD_NOW | RTLD_LOCAL);
            int (*call)(int) = plugin ? (int (*)(int))dlsym(plugin, "call") : NULL;
            if (call == NULL || call(21) != 441 || call(21) != 441)
                return 2;
            dlclose(plugin);
        }
        for (int fd = 3; fd < 64; fd++)
            open_now += fcntl(fd, F_GETFD) >= 0;
        printf("%d\\n", open_now);
        return 0;
    }
    """

    def plugin(self):
        self.shared(
            "int call(int x);\nint call(int x) { return square(x); }\n",
            "plugin.so",
            "-shared",
            "-fPIC",
            "-x",
            "c",
        )
        self.write(
            "host.c",
            HEADERS.split("LOCACHE_PERSIST")[0].replace("#include <locache.h>", "") + self.HOST,
        )
        run(["cc", "-g", "host.c", "-ldl", "-o", "host"], self.scratch)

    def test_plugin_gives_everything_back(self):
        self.plugin()
        self.assertLess(int(run(["./host", "200"], self.scratch).stdout), 3)

    @unittest.skipUnless(shutil.which("valgrind"), "no valgrind")
    def test_nothing_is_reachable_still(self):
        self.plugin()
        program = self.program("int main(void) { return square(3) + square(4) - 25; }\n")
        for command in ([program], [program], ["./host", "3"]):
            done = run(
                [
                    "valgrind",
                    "-q",
                    "--leak-check=full",
                    "--show-leak-kinds=all",
                    "--errors-for-leak-kinds=all",
                    "--error-exitcode=9",
                    *command,
                ],
                self.scratch,
                check=False,
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_shutdown_and_on(self):
        program = self.program(
            """
            int main(void)
            {
                int before = square(5);
                locache_shutdown();
                locache_shutdown();
                printf("%d %d\\n", before, square(5) + square(6));
                return 0;
            }
            """
        )
        self.assertEqual(run([program], self.scratch).stdout, "25 61\n")


class Watched(InProcess):
    def test_threads_under_a_sanitizer_that_does_not_see_the_library(self):
        """A program's own sanitizer: the library is what was installed."""
        program = self.program(
            """
            static void *work(void *none)
            {
                for (int i = 0; i < 100; i++) {
                    char *text = repeat("b", (size_t)i);
                    if (square(i) != i * i || text == NULL)
                        return &work;
                    free(text);
                }
                return none;
            }
            int main(void)
            {
                pthread_t threads[4];
                for (int i = 0; i < 4; i++)
                    if (pthread_create(&threads[i], NULL, work, NULL) != 0)
                        return 2;
                for (int i = 0; i < 4; i++)
                    pthread_join(threads[i], NULL);
                return 0;
            }
            """.replace("return &work", "abort()"),
            "-fsanitize=thread",
        )
        for _ in range(2):
            self.assertEqual(run([program], self.scratch).stderr, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
