"""What keeps results apart, names the same, and a program's files and users to themselves.

    test_apart.py LIBRARY INCLUDE [COMPILER...]

The arguments are those of programs.py.
"""

# Plain unittest, so that a build needs nothing more.
# ruff: noqa: PT009

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from programs import COMPILERS, InScratch, run

NOBODY = 65534


class Apart(InScratch):
    """Each is another function, wherever they meet."""

    def twice(self, *command):
        return [run(command or ["./p"], self.scratch).stdout for _ in range(2)]

    def test_static_functions_of_one_name_in_one_directory(self):
        for name, factor in ("a", 2), ("b", 3):
            self.write(
                f"{name}.c",
                "#include <locache.h>\n"
                f"static LOCACHE_PERSIST(int, helper, (int, x)) {{ return {factor} * x; }}\n"
                f"int of_{name}(void);\nint of_{name}(void) {{ return helper(10); }}\n",
            )
        self.write(
            "main.c",
            "#include <locache.h>\n#include <stdio.h>\nint of_a(void), of_b(void);\n"
            'int main(void) { return locache_set_dir("all", NULL) || '
            'printf("%d %d\\n", of_a(), of_b()) < 0; }\n',
        )
        self.build("main.c", "a.c", "b.c", "-o", "p")
        self.assertEqual(self.twice(), ["20 30\n"] * 2)

    def test_a_type_of_one_name_that_changed(self):
        self.write(
            "p.c",
            '#include "real.h"\n#include <locache.h>\n#include <stdio.h>\n'
            "LOCACHE_PERSIST(real, third, (int, x)) { return (real)x / 3; }\n"
            "LOCACHE_PERSIST(int, same, (real, x)) { return x == (real)0.1; }\n"
            'int main(void) { printf("%.9g %d\\n", (double)third(1), same((real)0.1)); }\n',
        )
        for kind, third in ("float", "0.333333343"), ("double", "0.333333333"):
            self.write("real.h", f"typedef {kind} real;\n")
            self.build("p.c", "-o", "p")
            self.assertEqual(self.twice(), [f"{third} 1\n"] * 2)

    def test_programs_of_one_directory_whose_sources_have_one_name(self):
        """The same text, in another file: a macro elsewhere makes it another function."""
        (self.scratch / "bin").mkdir()
        for name, factor in ("a", 2), ("b", 3):
            self.write(
                f"{name}/main.c",
                '#include "k.h"\n#include <locache.h>\n#include <stdio.h>\n'
                "LOCACHE_PERSIST(int, scale, (int, x)) { return x * K; }\n"
                'int main(void) { printf("%d\\n", scale(10)); }\n',
            )
            self.write(f"{name}/k.h", f"#define K {factor}\n")
            self.build("main.c", "-o", f"../bin/{name}", cwd=self.scratch / name)
        for _ in range(2):
            for name, expected in ("a", "20\n"), ("b", "30\n"):
                self.assertEqual(run([f"bin/{name}"], self.scratch).stdout, expected)

    def test_shared_where_that_is_asked_for(self):
        for name in "ab":
            self.write(
                f"{name}.c",
                '#include <locache.h>\n#include <stdio.h>\nLOCACHE_SHARE("s 1");\n'
                'static LOCACHE_PERSIST(int, twice, (int, x)) { puts("runs"); return 2 * x; }\n'
                'int main(void) { return locache_set_dir("all", NULL) || twice(2) != 4; }\n',
            )
            self.build(f"{name}.c", "-o", name)
        self.assertEqual(run(["./a"], self.scratch).stdout, "runs\n")
        self.assertEqual(run(["./b"], self.scratch).stdout, "")

    FLOATS = """
    #include <fenv.h>
    #include <locache.h>
    #include <stdio.h>
    LOCACHE_PERSIST(double, f, (double, x)) { puts("computes"); return x; }
    LOCACHE_PERSIST(long double, g, (long double, x)) { puts("computes"); return x; }
    int main(int count, char **arguments)
    {
        static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
        (void)arguments;
        fesetround(modes[(count - 1) % 4]);
        feclearexcept(FE_ALL_EXCEPT);
        if (TRAPS)
            feenableexcept(FE_INEXACT | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW);
        f(0.1);
        f(5e-324);
        f(123.456);
        f(1e300);
        g(0.1L);
        printf("%d\\n", fetestexcept(FE_ALL_EXCEPT));
        return 0;
    }
    """

    def test_floating_environments_make_no_other_names(self):
        self.write("f.c", "#define _GNU_SOURCE\n" + self.FLOATS)
        for number, flags in enumerate(
            ("-frounding-math -DTRAPS=0", "-ffast-math -O2 -DTRAPS=0", "-frounding-math -DTRAPS=1")
        ):
            self.build(*flags.split(), "f.c", "-lm", "-o", "f")
            for mode in ([], ["1"], ["1"] * 2, ["1"] * 3):
                # A denormal is 0.0 to what -ffast-math sets up.
                said = run(["./f", *mode], self.scratch).stdout.split()
                if number == 0 and not mode:
                    self.assertEqual(said, ["computes"] * 5 + ["0"])
                    names = set(os.listdir(self.scratch / "f.cache" / "f"))
                    self.assertLess({"x=0.1", "x=123.456", "x=5e-324", "x=1e+300"}, names)
                else:
                    self.assertEqual(said, ["0"], (flags, mode))


class Counting(InScratch):
    def test_a_text_is_read_once_for_all_its_functions(self):
        functions = "".join(
            f"LOCACHE_PERSIST(int, f{i}, (int, x)) {{ return x + {i}; }}\n" for i in range(60)
        )
        calls = "".join(f"    sum += f{i}(1);\n" for i in range(60))
        text = (
            "#define _GNU_SOURCE\n#include <locache.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
            + functions
            + """
            static int large;
            static void *allocate(void *none, size_t alignment, size_t size)
            {
                (void)none;
                large += size > LARGE;
                return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
            }
            static void *resize(void *none, void *old, size_t size)
            {
                (void)none;
                large += size > LARGE;
                return realloc(old, size);
            }
            static void release(void *none, void *memory) { (void)none; free(memory); }
            int main(void)
            {
                locache_allocator counting = {sizeof counting, allocate, resize, release, NULL};
                int sum = 0;
                if (locache_set_allocator(&counting, NULL) != LOCACHE_OK)
                    return 1;
            """
            + calls
            + '    printf("%d %d\\n", sum, large);\n}\n'
            + "/* "
            + "filler " * 30000
            + "*/\n"
        )
        self.write("m.c", text.replace("LARGE", "100000"))
        self.build("m.c", "-o", "m")
        total, large = map(int, run(["./m"], self.scratch).stdout.split())
        self.assertEqual(total, 60 + sum(range(60)))
        # The text as tokens, and the file that is compared with it.
        self.assertLess(large, 90)


class Warnings(InScratch):
    PROGRAM = """
    #define _GNU_SOURCE
    #include <fcntl.h>
    #include <locache.h>
    #include <stdio.h>
    #include <string.h>
    #include <unistd.h>
    LOCACHE_PERSIST_WITH((.dir = ""), int, f, (int, x)) { return x; }
    static void receive(void *context, const char *message) { fprintf(context, "%s\\n", message); }
    int main(int count, char **arguments)
    {
        const char *how = count > 1 ? arguments[1] : "";
        if (strcmp(how, "receiver") == 0)
            locache_set_warn(receive, stdout);
        if (strcmp(how, "file") == 0 || strcmp(how, "append") == 0) {
            close(2);
            if (open("data", O_CREAT | O_WRONLY | (how[0] == 'a' ? O_APPEND : 0), 0600) != 2)
                return 2;
        }
        f(1);
        f(2);
        return 0;
    }
    """

    def lines(self, how, **streams):
        self.write("w.c", self.PROGRAM)
        self.build("w.c", "-o", "w")
        done = subprocess.run(
            ["sh", "-c", f"exec ./w {how}"],
            cwd=self.scratch,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        data = self.scratch / "data"
        return done.stdout.count("\n"), done.stderr.count("\n"), data.exists() and data.read_text()

    def test_one_channel(self):
        self.assertEqual(self.lines(""), (0, 1, False))
        self.assertEqual(self.lines("receiver"), (1, 0, False))

    def test_a_descriptor_that_is_a_file_of_the_programs(self):
        self.assertEqual(self.lines("file"), (0, 0, ""))
        # A log, which was opened in the place of standard error.
        self.assertIn("f(): runs uncached", self.lines("append")[2])

    def test_a_program_that_began_without_standard_error(self):
        """What has the number then is the program's, however it was opened."""
        self.assertEqual(self.lines("append 2>&-"), (0, 0, ""))


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "not root, or no setpriv")
class Users(InScratch):
    """Programs with more rights than who starts them, and root beside a user's source."""

    SQUARE = (
        "#include <locache.h>\nLOCACHE_PERSIST(int, square, (int, x)) { return x * x; }\n"
        "int main(void) { return square(2) != 4; }\n"
    )
    AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")

    def setUp(self):
        # Where users that are not root come through.
        self.scratch = Path(tempfile.mkdtemp(prefix="locache-users-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.scratch.chmod(0o755)
        self.write("s.c", self.SQUARE)
        self.build("s.c", "-o", "s")

    def test_a_set_user_id_program_asks_no_environment(self):
        (self.scratch / "s").chmod(0o4755)
        said = {
            name: str(self.scratch / name)
            for name in ("LOCACHE_DIR", "HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
        }
        subprocess.run([*self.AS_NOBODY, "./s"], cwd=self.scratch, env=said, timeout=60, check=True)
        self.assertFalse(set(said) & set(os.listdir(self.scratch)))

    def test_root_leaves_nothing_beside_a_users_source(self):
        for name in ".", "s", "s.c":
            os.chown(self.scratch / name, NOBODY, NOBODY)
        run(["./s"], self.scratch, HOME=str(self.scratch / "root"))
        self.assertFalse((self.scratch / "s.cache").exists())
        user = [*self.AS_NOBODY, "env", f"HOME={self.scratch}", "./s"]
        self.assertEqual(run(user, self.scratch).stderr, "")
        self.assertTrue((self.scratch / "s.cache" / "square" / "x=2").exists())

    def test_whose_a_cache_is(self):
        (self.scratch / "s.cache").mkdir()
        for name in ".", "s", "s.c":
            os.chown(self.scratch / name, NOBODY, NOBODY)
        user = [*self.AS_NOBODY, "env", f"HOME={self.scratch}", "./s"]
        self.assertRegex(run(user, self.scratch).stderr, r"s\.cache.*root")


if __name__ == "__main__":
    assert COMPILERS
    unittest.main(argv=sys.argv[:1], verbosity=1)
