"""How programs with memoized functions may be written: the parameters that C has, prototypes, unity
builds, and C++ that calls and resets what a C file memoizes. Without a warning.

    test_written.py LIBRARY INCLUDE [COMPILER...]

The arguments are those of programs.py.
"""

# Plain unittest, so that a build needs nothing more.
# ruff: noqa: PT009

import sys
import unittest

from programs import COMPILERS, INCLUDE, STRICT, InScratch, run

MORE = "-Wredundant-decls -Wdouble-promotion".split()

PARAMETERS = """
#include <locache.h>
#include <stdio.h>
#include <string.h>
typedef struct point { double x, y; } point;
LOCACHE_STRUCT(point, (double, x), (double, y))

/* As a header would have them. */
double area(float r);
char *keep(const char *restrict text, char *restrict other);
point mirror(const point p);

LOCACHE_PERSIST(double, area, (float, r)) { puts("area"); return 3.0 * (double)r; }
LOCACHE_PERSIST(int, sum, (int, n_max)) { puts("sum"); return n_max; }
LOCACHE_PERSIST(int, sum_n, (int, max)) { puts("sum_n"); return max; }
static LOCACHE_PERSIST(int, still, (volatile int, x), (const long, y), (volatile double, z))
{
    puts("still");
    return x + (int)y + (int)z;
}
LOCACHE_PERSIST(char *, keep, (const char *restrict, text), (char *restrict, other))
{
    puts("keep");
    return strcmp(text, other) ? NULL : strcpy(other, "");
}
LOCACHE_PERSIST(point, mirror, (const point, p)) { puts("mirror"); return (point){p.y, p.x}; }
LOCACHE_PERSIST(float, length, (volatile point, p)) { puts("length"); return (float)p.x; }
LOCACHE_PERSIST(size_t, count, (const locache_array(int), v)) { puts("count"); return v.count; }

int main(void)
{
    char other[] = "b";
    int values[] = {1, 2};
    point p = {1, 2};
    return area(2) != 6 || sum(1) != 1 || sum_n(2) != 2 || still(1, 2, 3) != 6 ||
           keep("a", other) != NULL || mirror(p).x < 2 || length(p) < 1 ||
           count((locache_array(int)){values, 2}) != 2;
}
"""

LIBRARY = """
#include <locache.h>
#include <stdio.h>
#include "numbers.h"
LOCACHE_PERSIST(double, mean, (locache_array(double), v))
{
    puts("mean");
    return (v.data[0] + v.data[v.count - 1]) / 2;
}
LOCACHE_PERSIST(locache_array(int), upto, (int, n))
{
    puts("upto");
    int *data = calloc((size_t)n + 1, sizeof *data);
    return (locache_array(int)){data, (size_t)n};
}
static LOCACHE_PERSIST(int, within, (int, x)) { return x; }
int plain(void) { return within(0); }
"""

NUMBERS = """
#include <locache.h>
#include <stdlib.h>
#ifdef __cplusplus
extern "C" {
#endif
double mean(locache_array(double) v);
locache_array(int) upto(int n);
int plain(void);
#ifdef __cplusplus
}
#endif
"""

CALLER = """
#include "numbers.h"
#include <cstdio>
int main()
{
    const double values[] = {1, 2, 6};
    for (int turn = 0; turn < 2; turn++) {
        if (mean({values, 3}) > 3.5 || mean({values, 2}) > 1.5)
            return 1;
        locache_array(int) some = upto(4);
        if (some.count != 4 || some.data[3] != 0)
            return 2;
        locache_free(some.data);
    }
    if (LOCACHE_RESET(mean) != LOCACHE_OK)
        return 3;
    std::puts("reset");
    mean({values, 3});
    return LOCACHE_RESET(plain) != LOCACHE_EINVAL;
}
"""


class Written(InScratch):
    def test_parameters_and_prototypes(self):
        names = "area sum sum_n still keep mirror length count".split()
        for compiler, flags in self.each("-std=c11 -O2", "-std=c2x -O0", "-O2 -flto"):
            self.write("p.c", PARAMETERS)
            self.build(*flags, *STRICT, *MORE, "p.c", "-o", "p", compiler=compiler)
            self.assertEqual(run(["./p"], self.scratch).stdout.split(), names)
            # A NULL is no result.
            self.assertEqual(run(["./p"], self.scratch).stdout.split(), ["keep"])

    def test_cplusplus(self):
        strict = [*STRICT[:-2], "-Werror", *MORE, "-Wold-style-cast", "-Wcast-function-type"]
        for compiler, _ in self.each():
            self.write("numbers.h", NUMBERS)
            self.write("lib.c", LIBRARY)
            self.write("main.cc", CALLER)
            self.build(*STRICT, *MORE, "-c", "lib.c", "-o", "lib.o", compiler=compiler)
            for standard in "c++11", "c++14", "c++17", "c++20":
                self.build(f"-std={standard}", *strict, "-c", "main.cc", compiler=compiler)
            self.build("main.o", "lib.o", "-lstdc++", "-o", "p", compiler=compiler)
            done = run(["./p"], self.scratch)
            self.assertEqual(done.stdout.split(), "mean mean upto reset mean".split())
            self.assertIn("LOCACHE_RESET is said of a function that is not memoized", done.stderr)
            # Of what was reset, one call was made again.
            self.assertEqual(run(["./p"], self.scratch).stdout.split(), ["mean", "reset", "mean"])

    def test_reset_across_a_shared_library(self):
        """The function is another object's, and was not called yet."""
        self.write("numbers.h", NUMBERS)
        self.write("lib.c", LIBRARY)
        self.write(
            "main.cc",
            '#include "numbers.h"\nint main() { return LOCACHE_RESET(mean) != LOCACHE_OK; }\n',
        )
        self.build("-shared", "-fPIC", "lib.c", "-o", "libn.so")
        command = [COMPILERS[0], "main.cc", f"-I{INCLUDE}", "-L.", "-ln", "-Wl,-rpath,."]
        for kind in ([], ["-no-pie", "-fno-pie"]):
            run([*command, *kind, "-o", "p"], self.scratch)
            self.assertEqual(run(["./p"], self.scratch).stderr, "")

    def test_unity_build_with_two_versions(self):
        part = (
            "#include <locache.h>\n#include <stdio.h>\n"
            'LOCACHE_FUNCTION_VERSION("{1}");\n'
            'static LOCACHE_PERSIST(int, {0}, (int, x)) {{ printf("{0}"); return x; }}\n'
        )
        for compiler, flags in self.each(""):
            self.write(
                "all.c",
                '#include "a.c"\n#include "b.c"\n'
                'int main(void) { printf(" %d\\n", a(1) + b(2)); return 0; }\n',
            )
            said = []
            for a, b in ((1, 1), (1, 2), (1, 1), (2, 1)):
                self.write("a.c", part.format("a", a))
                self.write("b.c", part.format("b", b))
                self.build(*flags, *STRICT, *MORE, "all.c", "-o", "p", compiler=compiler)
                said.append(run(["./p"], self.scratch).stdout)
            self.assertEqual(said, ["ab 3\n", "b 3\n", " 3\n", "a 3\n"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
