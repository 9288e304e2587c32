"""LOCACHE_PERSIST_WITH, and what is asked about one call.

    test_options.py LIBRARY INCLUDE [COMPILER...]

The arguments are those of programs.py.
"""

# Plain unittest, so that a build needs nothing more.
# ruff: noqa: PT009

import sys
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

    def test_directory(self):
        self.program(self.CALLS, '.dir = "here"')
        self.assertTrue((self.scratch / "here" / "part" / "n=1_loud=False").is_file())

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

    def test_reading_only(self):
        said = self.program(self.CALLS, ".flags = LOCACHE_OPEN_READ_ONLY")
        self.assertEqual((said.stdout, said.stderr), ("RUNS\nruns\nruns\n", ""))
        self.assertFalse((self.scratch / "o.cache").exists())


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
