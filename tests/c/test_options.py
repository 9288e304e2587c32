"""LOCACHE_PERSIST_WITH, and what is asked about one call.

    test_options.py LIBRARY INCLUDE [COMPILER...]

The arguments are those of programs.py.
"""

# Plain unittest, so that a build needs nothing more.
# ruff: noqa: PT009

import sys
import time
import unittest

from programs import COMPILERS, STRICT, InScratch, run

PROGRAM = """
#include <locache.h>
#include <stdio.h>
#include <string.h>
LOCACHE_PERSIST_WITH((OPTIONS), double, part, (int, n), (bool, loud))
{
    puts(loud ? "RUNS" : "runs");
    return n / 2.0;
}
static LOCACHE_PERSIST(int, none)
{
    puts("none runs");
    return 7;
}
"""


class WithOptions(InScratch):
    def program(self, main, options="", compiler=None, flags=()):
        self.write("o.c", PROGRAM.replace("OPTIONS", options) + main)
        self.build(*flags, "o.c", "-o", "o", compiler=compiler)
        return run(["./o"], self.scratch)


class Options(WithOptions):
    CALLS = "int main(void) { for (int i = 0; i < 3; i++) part(i, i == 0); return 0; }\n"

    def test_limits_hold_and_are_no_part_of_the_version(self):
        self.assertEqual(self.program(self.CALLS).stdout, "RUNS\nruns\nruns\n")
        directory = self.scratch / "o.cache" / "part"
        # Moved into the macro's other form once; then whatever the options say.
        self.program(self.CALLS, ".recheck = 1")
        self.assertEqual(self.program(self.CALLS, ".recheck = 2, .max_age = 0").stdout, "")
        self.program("int main(void) { part(8, true); return 0; }\n", ".max_entries = 2")
        self.assertLessEqual(sum(1 for path in directory.iterdir() if path.is_file()), 3)

    def test_bounds(self):
        bounded = '.max_bytes = 1000, .dir = "bytes"'
        calls = "int main(void) { for (int i = 0; i < 90; i++) part(i, false); return 0; }\n"
        said = self.program(calls, bounded)
        kept = [path for path in (self.scratch / "bytes" / "part").iterdir() if path.is_file()]
        self.assertLessEqual(sum(path.stat().st_size for path in kept), 1000)
        self.assertIn("raise max_bytes or max_entries", said.stderr)
        self.assertEqual(said.stderr.count("\n"), 1)
        self.program("int main(void) { part(1, false); return 0; }\n", '.max_bytes = 9, .dir = "n"')
        self.assertFalse(list((self.scratch / "n" / "part").glob("n=*")))

    def test_ttl_and_stale(self):
        slow = (
            "#include <unistd.h>\n"
            "int main(void) { part(1, true); part(1, true); usleep(60000); part(1, true);"
            " return 0; }\n"
        )
        brief = ".ttl = 50000000"
        self.assertEqual(self.program(slow, brief).stdout, "RUNS\nRUNS\n")
        time.sleep(0.06)  # a compiler that remembers is as quick as that
        # Who finds it stale computes it anew, in C.
        self.assertEqual(self.program(slow, f"{brief}, .stale = 900000000000").stdout, "RUNS\n" * 2)

    def test_directory(self):
        self.program(self.CALLS, '.dir = "here"')
        self.assertTrue((self.scratch / "here" / "part" / "n=1_loud=False").is_file())

    def test_compressed(self):
        text = """
            LOCACHE_PERSIST_WITH((.compress = LEVEL), char *, letters, (int, n))
            {
                puts("computed");
                char *text = malloc((size_t)n + 1);
                memset(text, 'a', (size_t)n);
                text[n] = 0;
                return text;
            }
            int main(void) { printf("%zu\\n", strlen(letters(9000))); return 0; }
        """
        for level, flags in (("LOCACHE_COMPRESS_AUTO", 2), ("3", 2), ("LOCACHE_COMPRESS_NEVER", 0)):
            self.program("#include <stdlib.h>\n" + text.replace("LEVEL", level))
            entry = self.scratch / "o.cache" / "letters" / "n=9000"
            self.assertEqual(entry.read_bytes()[11], flags)
            self.assertEqual(run(["./o"], self.scratch).stdout, "9000\n")
            entry.unlink()

    def test_ignored_parameters(self):
        said = self.program(
            "int main(void) { part(1, true); part(1, false); part(2, true); return 0; }\n",
            '.ignore = "loud"',
        )
        self.assertEqual(said.stdout, "RUNS\nRUNS\n")
        self.assertTrue((self.scratch / "o.cache" / "part" / "n=1").is_file())
        said = self.program("int main(void) { part(1, true); return 0; }\n", '.ignore = "n, lout"')
        self.assertEqual(said.stdout, "RUNS\n")
        self.assertIn('the option ignore names what is no parameter of it: "n, lout"', said.stderr)

    def test_numbers_that_are_failures(self):
        main = """
        #define WITH(option, f, type) \\
            LOCACHE_PERSIST_WITH((.discard = LOCACHE_DISCARD_##option), type, f, (int, x)) \\
            { printf(#f " "); return (type)x; }
        #define SIGNED(f, type) WITH(NEGATIVE, f, type)
        SIGNED(i, int) SIGNED(c, signed char) SIGNED(d, double) SIGNED(e, float)
        SIGNED(l, long double) SIGNED(u, unsigned)
        WITH(ZERO, b, bool)
        int main(void)
        {
            for (int x = -1; x < 2; x++) {
                i(x); c(x); d(x); e(x); l(x); u(x); b(x);
            }
            puts("");
            return 0;
        }
        """
        self.assertEqual(self.program(main).stdout.split(), list("icdelub" * 3))
        self.assertEqual(run(["./o"], self.scratch).stdout.split(), list("icdelb"))
        said = self.program(
            'LOCACHE_PERSIST_WITH((.discard = 1), char *, s, (int, x)) { return "a" + x; }\n'
            "int main(void) { return s(0)[0] != 'a'; }\n".replace("char *", "const char *")
        )
        self.assertIn("the option discard is for functions that return an integer", said.stderr)

    def test_reading_only(self):
        said = self.program(self.CALLS, ".flags = LOCACHE_OPEN_READ_ONLY")
        self.assertEqual((said.stdout, said.stderr), ("RUNS\nruns\nruns\n", ""))
        self.assertFalse((self.scratch / "o.cache").exists())


class OfTheProcess(WithOptions):
    """locache_configure(), and one bound of memory for all functions."""

    SAY = """
    int main(void)
    {{
        locache_persist_options all = {{.size = sizeof all, {0}}};
        locache_error error;
        if (locache_configure(&all, &error) != LOCACHE_OK)
            puts(error.message);
        for (int i = 0; i < 3; i++)
            part(i, i == 0);
        return 0;
    }}
    """

    def said(self, everything, own=""):
        return self.program(self.SAY.format(everything), own)

    def entries(self, directory):
        found = (self.scratch / directory / "part").iterdir()
        return sum(1 for path in found if path.is_file())

    def test_defaults_hold_where_a_function_says_nothing(self):
        self.said('.dir = "all", .max_entries = 1')
        self.assertEqual(self.entries("all"), 1)
        # A limit of its own, and none.
        self.said('.dir = "two", .max_entries = 1', ".max_entries = 2")
        self.assertEqual(self.entries("two"), 2)
        self.said('.dir = "three", .max_entries = 1', ".max_entries = -1")
        self.assertEqual(self.entries("three"), 3)
        self.said('.dir = "none"', '.dir = "own"')
        self.assertFalse((self.scratch / "none").exists())

    def test_a_base_is_read_and_others_may_read(self):
        self.said('.dir = "ci/results", .mode = 0755')
        for made in ("ci/results", "ci/results/part"):
            self.assertEqual((self.scratch / made).stat().st_mode & 0o7777, 0o755)
        self.assertEqual(self.said('.dir = "mine", .base = "ci/results"').stdout, "")
        self.assertFalse((self.scratch / "mine").exists())
        self.assertNotEqual(
            self.said('.dir = "mine", .base = "ci/results"', '.base = ""').stdout, ""
        )

    def test_flags_are_joined(self):
        self.said(".flags = LOCACHE_OPEN_READ_ONLY", ".flags = LOCACHE_OPEN_DURABLE")
        self.assertFalse((self.scratch / "o.cache").exists())

    def test_what_is_refused(self):
        for said, why in (
            ('.ignore = "n"', "about one function"),
            ('.dir = ""', "must not be empty"),
            (".size = 0", "size is not set"),
        ):
            self.assertRegex(self.said(said).stdout, why)

    def test_the_last_takes_the_place_of_all(self):
        text = self.SAY.format('.dir = "all", .max_entries = 1')
        self.program(text.replace("for (int", "(void)locache_configure(NULL, &error);for (int"))
        self.assertFalse((self.scratch / "all").exists())
        self.assertEqual(self.entries("o.cache"), 3)

    MEMORY = """
    #define MANY(f) LOCACHE_PERSIST(big, f, (int, n)) { (void)n; return (big){{1}}; }
    typedef struct big { char bytes[32768]; } big;
    LOCACHE_STRUCT(big, (char, bytes))
    MANY(f0) MANY(f1) MANY(f2) MANY(f3) MANY(f4) MANY(f5) MANY(f6) MANY(f7)
    static atomic_long held, most;
    static void *resize(void *none, void *old, size_t size)
    {
        (void)none;
        held -= old ? (long)malloc_usable_size(old) : 0;
        void *memory = realloc(old, size);
        held += memory ? (long)malloc_usable_size(memory) : 0;
        most = held > most ? held : most;
        return memory;
    }
    static void *allocate(void *none, size_t alignment, size_t size)
    {
        void *memory = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
        (void)none;
        held += memory ? (long)malloc_usable_size(memory) : 0;
        most = held > most ? held : most;
        return memory;
    }
    static void release(void *none, void *memory)
    {
        (void)none;
        held -= memory ? (long)malloc_usable_size(memory) : 0;
        free(memory);
    }
    int main(void)
    {
        locache_allocator counting = {sizeof counting, allocate, resize, release, NULL};
        big (*all[])(int) = {f0, f1, f2, f3, f4, f5, f6, f7};
        locache_error error;
        if (locache_set_allocator(&counting, &error) != LOCACHE_OK)
            puts(error.message);
        locache_set_memory(1 << 20, NULL);
        for (int i = 0; i < 8 * 40; i++)
            if (all[i % 8](i / 8).bytes[0] != 1)
                return 1;
        printf("%d\\n", (int)(most >> 10));
        return 0;
    }
    """

    def test_one_bound_of_memory_for_all_functions(self):
        """Eight functions have 10 MiB of results between them, and may keep one."""
        headers = "#define _GNU_SOURCE\n" + "".join(
            f"#include <{name}.h>\n" for name in ("malloc", "stdatomic", "stdlib", "stdio")
        )
        self.write("m.c", headers + "#include <locache.h>\n" + self.MEMORY)
        self.build("-O1", "m.c", "-o", "m")
        kept = int(run(["./m"], self.scratch).stdout)
        # The tables and handles of the eight take what is beyond.
        self.assertGreater(kept, 512)
        self.assertLess(kept, 2048)


class OneCall(WithOptions):
    MAIN = """
    int main(void)
    {
        char path[LOCACHE_PATH_MAX];
        printf("%d", LOCACHE_CONTAINS(part, (1, true)));
        part(1, true);
        printf("%d", LOCACHE_CONTAINS(part, (1, true)));
        printf("%d\\n", LOCACHE_CONTAINS(part, (1, false)));
        if (LOCACHE_PATH(path, part, (1, true)) != LOCACHE_OK)
            return 1;
        puts(strrchr(path, '/'));
        if (LOCACHE_REFRESH(part, (1, true)) < 0.4 || part(1, true) < 0.4)
            return 2;
        printf("%s", locache_status_name(LOCACHE_FORGET(part, (1, true))));
        printf(" %s", locache_status_name(LOCACHE_FORGET(part, (1, true))));
        printf(" %d\\n", LOCACHE_CONTAINS(part, (1, true)));
        none();
        printf("%d", LOCACHE_CONTAINS(none, ()));
        if (LOCACHE_FORGET(none, ()) != LOCACHE_OK)
            return 3;
        printf("%d\\n", LOCACHE_CONTAINS(none, ()));
        return LOCACHE_REFRESH(none, ()) - 7;
    }
    """

    def test_asked_about(self):
        for compiler, flags in self.each("-O0", "-O2 -std=c11"):
            said = self.program(self.MAIN, compiler=compiler, flags=[*flags, *STRICT[:-2]])
            self.assertEqual(
                said.stdout,
                "0RUNS\n10\n/n=1_loud=True\nRUNS\nLOCACHE_OK LOCACHE_MISS 0\nnone runs\n10\n"
                "none runs\n",
            )
            self.assertEqual(said.stderr, "")

    def test_without_a_cache(self):
        said = self.program(
            "int main(void) { char path[LOCACHE_PATH_MAX]; "
            "return LOCACHE_CONTAINS(part, (1, true)) || LOCACHE_FORGET(part, (1, true)) >= 0 || "
            "LOCACHE_PATH(path, part, (1, true)) >= 0; }\n",
            '.dir = ""',
        )
        self.assertEqual(said.stderr.count("\n"), 1)


if __name__ == "__main__":
    assert COMPILERS
    unittest.main(argv=sys.argv[:1], verbosity=1)
