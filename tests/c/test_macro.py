"""LOCACHE_PERSIST: programs are compiled as a user would, run, edited, compiled and run again.

    test_macro.py LIBRARY INCLUDE [COMPILER...]

The arguments are those of programs.py.
"""

# Plain unittest, so that a build needs nothing more.
# ruff: noqa: PT009

import os
import re
import shutil
import sys
import unittest

from programs import COMPILERS, HERE, STRICT, InScratch, run

PROGRAM = """
#include <locache.h>
#include <stdio.h>
{helper}
LOCACHE_PERSIST(int, twice, (int, x))
{{
{body}
}}

int main(void)
{{
    printf(" %d\\n", twice(4));
}}
"""

BUILDS = (
    "-O0",
    "-O2",
    "-O2 -flto",
    "-O2 -g -fPIE -pie",
    "-Os -ffunction-sections -Wl,--gc-sections",
    "-O1 -g -fsanitize=address,undefined",
    "-std=c11",
    "-std=c17",
    "-std=c2x",
)


class Editing(InScratch):
    """The program says `run` where the body runs."""

    def setUp(self):
        super().setUp()
        self.built = {}

    def compile_and_run(self, compiler, flags, body, helper="", definitions=""):
        """A text that was compiled in the same place before makes the same program: it is kept."""
        text = definitions + PROGRAM.format(body=body, helper=helper)
        self.write("p.c", text)
        program = self.scratch / "p"
        if kept := self.built.get((compiler, *flags, text)):
            program.unlink()
            program.write_bytes(kept)
            program.chmod(0o755)
        else:
            self.build(*flags, "p.c", "-o", "p", compiler=compiler)
            self.built[(compiler, *flags, text)] = program.read_bytes()
        return run(["./p"], self.scratch).stdout

    def test_body_changed_comment_changed_changed_back(self):
        first = '    printf("run"); /* it runs */\n    return 2 * x;'
        comment = '    printf("run"); // another comment\n\n  return 2*x ;'
        changed = '    printf("run");\n    return 3 * x;'
        for compiler, flags in self.each(*BUILDS):
            again = [
                self.compile_and_run(compiler, flags, body)
                for body in (first, first, comment, changed, first)
            ]
            self.assertEqual(again, ["run 8\n", " 8\n", " 8\n", "run 12\n", " 8\n"])

    def test_text_in_strings_counts(self):
        for compiler, flags in self.each():
            again = [
                self.compile_and_run(
                    compiler, flags, f'    fputs("{text}", stdout);\n    return x;'
                )
                for text in ("/* a */", "/* b */", "/* a */", "// a", r"\"/* a */")
            ]
            self.assertEqual(
                again, ["/* a */ 4\n", "/* b */ 4\n", " 4\n", "// a 4\n", '"/* a */ 4\n']
            )

    def test_branches_of_conditionals_count(self):
        body = (
            '    printf("run");\n#ifdef UNKNOWN\n    if (x) {{\n#else\n    if (!x) {{\n#endif\n'
            "{}    }}\n    return x + {};"
        )
        for compiler, flags in self.each():
            again = [
                self.compile_and_run(compiler, flags, body.format(a, b))
                for a, b in (("", 1), ("x++;", 1), ("", 2), ("", 1))
            ]
            self.assertEqual(again, ["run 5\n", "run 5\n", "run 6\n", " 5\n"])

    def test_helper_counts_with_whole_file_only(self):
        body = '    printf("run");\n    return helper(x);'
        helpers = [f"static int helper(int x) {{ return x + {n}; }}" for n in (1, 2, 1)]
        for compiler, flags in self.each():
            again = [self.compile_and_run(compiler, flags, body, helper) for helper in helpers]
            self.assertEqual(again, ["run 5\n", " 5\n", " 5\n"])
            whole = "#define LOCACHE_WHOLE_FILE\n"
            again = [
                self.compile_and_run(compiler, flags, body, h + c, whole)
                for h in helpers
                for c in ("", "/* c */\n")
            ]
            self.assertEqual(again, ["run 5\n", " 5\n", "run 6\n", " 6\n", " 5\n", " 5\n"])

    def test_version_by_hand(self):
        body = '    printf("run");\n    return x;'
        for compiler, flags in self.each("", "-DLOCACHE_NO_SOURCE"):
            again = [
                self.compile_and_run(compiler, flags, body, f'LOCACHE_FUNCTION_VERSION("{n}");')
                for n in (1, 2, 1)
            ]
            self.assertEqual(again, ["run 4\n", "run 4\n", " 4\n"])

    def test_without_source_nothing_invalidates_and_it_is_said(self):
        bodies = [
            f'    locache_verbose(true);\n    printf("run");\n    return x + {n};' for n in (0, 1)
        ]
        for compiler, flags in self.each("-DLOCACHE_NO_SOURCE"):
            again = [self.compile_and_run(compiler, flags, body) for body in bodies]
            self.assertEqual(again, ["run 4\n", " 4\n"])
            self.assertNotIn(b"return x + 1", (self.scratch / "p").read_bytes())


class Building(InScratch):
    def test_types(self):
        for compiler, flags in self.each(
            "-std=c11 -O2", "-std=c17", "-std=c2x", "-O1 -g -fsanitize=address,undefined"
        ):
            shutil.copy(HERE / "types.c", self.scratch)
            self.build(*flags, *STRICT, "types.c", "-o", "types", compiler=compiler)
            run(["./types", "cold"], self.scratch)
            run(["./types", "warm"], self.scratch)

    def test_example(self):
        for compiler, flags in self.each("-std=c11"):
            shutil.copy(HERE.parent.parent / "examples" / "foo.c", self.scratch)
            self.build(*flags, *STRICT, "foo.c", "-o", "foo", compiler=compiler)
            self.assertEqual(
                run(["./foo"], self.scratch).stdout, "Hi from foo!\n3\nHi from foo!\n4\n3\n"
            )
            self.assertEqual(run(["./foo"], self.scratch).stdout, "3\n4\n3\n")
            names = [
                name
                for name in os.listdir(self.scratch / "foo.cache" / "my_func")
                if not name.startswith(".")
            ]
            self.assertEqual(sorted(names), ["x=1_num=3", "x=2_num=2"])

    def test_two_units_with_a_static_function_of_one_name(self):
        unit = """
            #include <locache.h>
            #include <stdio.h>
            static LOCACHE_PERSIST(int, inner, (int, x)) {{ printf("{0}"); return x + {1}; }}
            int outer_{0}(int x);
            int outer_{0}(int x) {{ return inner(x); }}
            """
        main = """
            #include <stdio.h>
            int outer_a(int), outer_b(int);
            int main(void) { printf(" %d", outer_a(1)); printf(" %d\\n", outer_b(1)); }
            """
        for compiler, flags in self.each("-O0", "-O2 -flto", "-O2 -flto -flto-partition=one"):
            if "clang" in compiler and "-flto-partition=one" in flags:
                continue
            self.write("a.c", unit.format("a", 1))
            self.write("b.c", unit.format("b", 2))
            self.write("main.c", main)
            self.build(*flags, "a.c", "b.c", "main.c", "-o", "p", compiler=compiler)
            self.assertEqual(run(["./p"], self.scratch).stdout, "a 2b 3\n")
            self.assertEqual(run(["./p"], self.scratch).stdout, " 2 3\n")
            self.write("b.c", unit.format("b", 3))
            self.build(*flags, "a.c", "b.c", "main.c", "-o", "p", compiler=compiler)
            # Link-time optimisation leaves no text: any change of the program counts.
            expected = "a 2b 4\n" if "-flto" in flags else " 2b 4\n"
            self.assertEqual(run(["./p"], self.scratch).stdout, expected)

    def test_shared_library(self):
        for compiler, flags in self.each("-O2"):
            self.write(
                "lib.c",
                PROGRAM.format(helper="", body='puts("run"); return x;').split("int main")[0],
            )
            self.write(
                "main.c", "int twice(int);\nint main(void) { return twice(1) - twice(1); }\n"
            )
            self.build(*flags, "-shared", "-fPIC", "lib.c", "-o", "libl.so", compiler=compiler)
            self.build(
                *flags,
                "main.c",
                "-L.",
                "-ll",
                "-Wl,-rpath," + str(self.scratch),
                "-o",
                "p",
                compiler=compiler,
            )
            self.assertEqual(run(["./p"], self.scratch).stdout, "run\n")
            symbols = run(["nm", "-D", "--defined-only", "libl.so"], self.scratch).stdout
            self.assertNotRegex(symbols, r"locache_(embed|texts|function_of|body)")

    def test_definition_in_a_header(self):
        header = (
            "#include <locache.h>\n#include <stdio.h>\n"
            'static LOCACHE_PERSIST(int, f, (int, x)) {{ printf("run"); return x + {}; }}\n'
        )
        for compiler, flags in self.each("-O0", "-O2"):
            self.write("main.c", '#include "h.h"\nint main(void) { printf(" %d\\n", f(1)); }\n')
            said = []
            for n in (1, 1, 2, 1):
                self.write("h.h", header.format(n))
                self.build(*flags, "main.c", "-o", "p", compiler=compiler)
                said.append(run(["./p"], self.scratch).stdout)
            self.assertEqual(said, ["run 2\n", " 2\n", "run 3\n", " 2\n"])
            self.assertTrue((self.scratch / "main.cache" / "f" / "x=1").exists())

    def test_line_numbers_and_warnings_are_the_bodys(self):
        for compiler, flags in self.each("-Wall"):
            self.write(
                "w.c",
                "#include <locache.h>\n"
                "LOCACHE_PERSIST(int, f, (int, x))\n{\n    int unused;\n    return x;\n}\n",
            )
            self.assertRegex(
                self.build(*flags, "-c", "w.c", compiler=compiler).stderr,
                r"w\.c:4:9: warning: unused variable",
            )

    def test_threads(self):
        source = """
            #include <locache.h>
            #include <pthread.h>
            #include <stdio.h>
            LOCACHE_PERSIST(long, square, (long, x)) { return x * x; }
            static void *work(void *arg)
            {
                for (long i = 0; i < 200; i++)
                    if (square(i) != i * i)
                        return arg;
                return NULL;
            }
            int main(void)
            {
                pthread_t threads[8];
                void *failed;
                for (int i = 0; i < 8; i++)
                    if (pthread_create(&threads[i], NULL, work, threads) != 0)
                        return 2;
                for (int i = 0; i < 8; i++)
                    if (pthread_join(threads[i], &failed) != 0 || failed)
                        return 1;
                return 0;
            }
            """
        # ThreadSanitizer must see the library's own accesses too.
        src = HERE.parent.parent / "src"
        library = [f"-I{src}", *sorted(src.rglob("*.c"))]
        built = os.environ.get("LOCACHE_TEST_THREADS", "")  # by gcc, with what sees them
        # Unoptimised it sees them all, and is compiled in half the time.
        for compiler, flags in self.each("-O1 -g", "-O0 -fsanitize=thread -D_GNU_SOURCE -std=c11"):
            self.write("t.c", source)
            sources = library if "-fsanitize=thread" in flags else []
            if sources and os.path.exists(built) and os.path.basename(compiler) == "gcc":
                sources = [built]
            self.build(*flags, "t.c", *sources, "-o", "t", compiler=compiler)
            self.assertEqual(run(["./t"], self.scratch).stderr, "")


class WhatAFunctionIs(InScratch):
    """Two functions never share results, and each has the text that was compiled."""

    UNIT = (
        "#include <locache.h>\ndouble of_{0}(void);\n"
        "static LOCACHE_PERSIST(double, scale, (int, x)) {{ return x * {1}; }}\n"
        "double of_{0}(void) {{ return scale(10); }}\n"
    )
    MAIN = (
        "#include <stdio.h>\ndouble of_a(void), of_b(void);\n"
        'int main(void) { double a = of_a(); printf("%.9g %.9g\\n", a, of_b()); }\n'
    )

    def twice(self):
        for _ in range(2):
            yield run(["./p"], self.scratch).stdout

    def test_files_of_one_name_in_two_directories(self):
        for name, factor in ("a", 2), ("b", 3):
            self.write(f"{name}/util.c", self.UNIT.format(name, factor))
            self.build("-c", "util.c", cwd=self.scratch / name)
        self.write("main.c", self.MAIN)
        self.build("main.c", "a/util.o", "b/util.o", "-o", "p")
        self.assertEqual(list(self.twice()), ["20 30\n"] * 2)

    def test_a_header_for_two_types(self):
        self.write("h.h", "static LOCACHE_PERSIST(T, third, (T, x)) { return x / 3; }\n")
        for name, kind in ("a", "float"), ("b", "double"):
            self.write(
                f"{name}.c",
                f'#include <locache.h>\n#define T {kind}\n#include "h.h"\n'
                f"double of_{name}(void);\ndouble of_{name}(void) {{ return third(1); }}\n",
            )
        self.write("main.c", self.MAIN)
        self.build("main.c", "a.c", "b.c", "-o", "p")
        self.assertEqual(list(self.twice()), ["0.333333343 0.333333333\n"] * 2)

    def test_two_programs_without_source(self):
        for name, body in ("a", "x * x"), ("b", "x + 1000"):
            self.write(
                "main.c",
                '#include <locache.h>\n#include <stdio.h>\nLOCACHE_VERSION("1");\n'
                f"LOCACHE_PERSIST(int, solve, (int, x)) {{ return {body}; }}\n"
                'int main(void) { printf("%d\\n", solve(3)); }\n',
            )
            self.build("-DLOCACHE_NO_SOURCE", "main.c", "-o", name)
        for name, expected in ("a", "9\n"), ("b", "1003\n"), ("a", "9\n"):
            self.assertEqual(run([f"./{name}"], self.scratch).stdout, expected)

    def test_precompiled_header(self):
        self.write("pre.h", "#include <locache.h>\n")
        for compiler in COMPILERS[:1]:
            # -pthread as the program has it: clang 22 takes no header that was without.
            self.build(*"-x c-header pre.h -o pre.h.gch -c -pthread".split(), compiler=compiler)
            for factor in (2, 3):
                self.write("p.c", PROGRAM.format(helper="", body=f"    return {factor} * x;"))
                self.build("-include", "pre.h", "p.c", "-o", "p", compiler=compiler)
                self.assertEqual(run(["./p"], self.scratch).stdout, f" {4 * factor}\n")

    def test_function_in_a_precompiled_header_that_is_older(self):
        """Its code is the header's when that was precompiled, whatever the header is now."""
        for compiler in COMPILERS[:2]:
            gcc = "clang" not in compiler
            built = "pre.h.gch" if gcc else "pre.h.pch"
            use = ["-include", "pre.h"] if gcc else ["-include-pch", built]
            self.write("p.c", '#include <stdio.h>\nint main(void) { printf("%d\\n", f(4)); }\n')
            said = []
            for factor, precompile in (2, True), (3, False), (3, True):
                self.write(
                    "pre.h",
                    "#include <locache.h>\n"
                    f"static LOCACHE_PERSIST(int, f, (int, x)) {{ return {factor} * x; }}\n",
                )
                if precompile:
                    self.build(
                        "-pthread", "-xc-header", "pre.h", "-o", built, "-c", compiler=compiler
                    )
                # Clang refuses the older one by itself, where it sees that it is older.
                done = self.build(*use, "p.c", "-o", "p", compiler=compiler, check=gcc)
                if done.returncode == 0:
                    done = run(["./p"], self.scratch)
                    self.assertIn("a precompiled header may have another", done.stderr)
                    said.append(done.stdout)
            self.assertEqual((said[0], said[-1]), ("8\n", "12\n"))

    def test_edited_between_compiler_and_optimising_linker(self):
        for compiler in COMPILERS[:2]:
            said = []
            for factor, later in (2, 3), (3, 3):
                self.write("sub/p.c", PROGRAM.format(helper="", body=f"    return {factor} * x;"))
                self.build("-O0", "-flto", "-c", "p.c", compiler=compiler, cwd=self.scratch / "sub")
                self.write("sub/p.c", PROGRAM.format(helper="", body=f"    return {later} * x;"))
                self.build("-O0", "-flto", "sub/p.o", "-o", "p", compiler=compiler)
                done = run(["./p"], self.scratch)
                self.assertIn("does not carry the text", done.stderr)
                said.append(done.stdout)
            self.assertEqual(said, [" 8\n", " 12\n"])

    def test_failures_are_not_kept(self):
        body = '    printf("run");\n    if (x)\n        LOCACHE_DISCARD();\n    return x;'
        self.write("p.c", PROGRAM.format(helper="", body=body))
        self.build("p.c", "-o", "p")
        self.assertEqual(list(self.twice()), ["run 4\n"] * 2)


class Places(InScratch):
    def program(self):
        self.write("src/p.c", PROGRAM.format(helper="", body='    printf("run");\n    return x;'))
        return self.scratch / "src" / "p.cache"

    def test_absolute(self):
        beside = self.program()
        self.build(self.scratch / "src" / "p.c", "-o", "p")
        run([self.scratch / "p"], "/", HOME=str(self.scratch))
        self.assertTrue((beside / "twice" / "x=4").exists())

    def test_relative_to_the_executable(self):
        beside = self.program()
        (self.scratch / "build" / "sub").mkdir(parents=True)
        self.build("../src/p.c", "-o", "sub/p", cwd=self.scratch / "build")
        run([self.scratch / "build" / "sub" / "p"], "/", HOME=str(self.scratch))
        self.assertTrue((beside / "twice" / "x=4").exists())

    def test_another_file_of_that_name_is_not_the_source(self):
        beside = self.program()
        self.build("p.c", "-o", "p", cwd=self.scratch / "src")
        moved = self.scratch / "elsewhere"
        moved.mkdir()
        shutil.move(self.scratch / "src" / "p", moved / "p")
        (moved / "p.c").write_text("another\n")
        run(["./p"], moved, HOME=str(self.scratch))
        self.assertFalse(beside.exists())
        self.assertFalse((moved / "p.cache").exists())
        self.assertTrue(list((self.scratch / ".cache" / "locache").rglob("p.cache/twice/x=4")))

    def test_edited_since_it_was_compiled(self):
        beside = self.program()
        self.build("p.c", "-o", "p", cwd=self.scratch / "src")
        source = self.scratch / "src" / "p.c"
        source.write_text(source.read_text() + "/* later */\n")
        run(["./p"], self.scratch / "src", HOME=str(self.scratch))
        self.assertTrue((beside / "twice" / "x=4").exists())

    def test_source_gone(self):
        beside = self.program()
        self.build(self.scratch / "src" / "p.c", "-o", "p")
        (self.scratch / "src" / "p.c").unlink()
        run(["./p"], self.scratch)
        self.assertFalse(beside.exists())
        self.assertEqual(run(["./p"], self.scratch).stdout, " 4\n")

    def test_overrides(self):
        beside = self.program()
        self.build("src/p.c", "-o", "p")
        run(["./p"], self.scratch, LOCACHE_DIR=str(self.scratch / "all"))
        self.assertTrue(list((self.scratch / "all").rglob("src/p.cache/twice/x=4")))
        text = (
            (self.scratch / "src" / "p.c")
            .read_text()
            .replace(
                '{\n    printf(" %d',
                '{\n    if (locache_set_dir("mine", NULL) != 0)\n        return 1;\n'
                '    printf(" %d',
            )
        )
        (self.scratch / "src" / "p.c").write_text(text)
        self.build("src/p.c", "-o", "p")
        run(["./p"], self.scratch, LOCACHE_DIR=str(self.scratch / "all"))
        self.assertTrue((self.scratch / "mine" / "twice" / "x=4").exists())
        self.assertFalse(beside.exists())


class Running(InScratch):
    def test_cache_that_cannot_be_used_is_said_once(self):
        for compiler, flags in self.each():
            body = (
                '    printf("run");\n    return x;\n}\n'
                "int more(void);\nint more(void)\n{\n    return twice(4) + twice(5);"
            )
            self.write(
                "p.c",
                PROGRAM.format(helper="", body=body).replace("twice(4));", "twice(4) + more());"),
            )
            self.build(*flags, "p.c", "-o", "p", compiler=compiler)
            (self.scratch / "p.cache").mkdir(mode=0o777)
            (self.scratch / "p.cache").chmod(0o777)
            done = run(["./p"], self.scratch)
            self.assertEqual(done.stdout, "runrunrun 13\n")
            self.assertRegex(done.stderr, r"\Alocache: twice\(\): runs uncached: .*p\.cache.*\n\Z")

    def test_reset_and_verbose(self):
        for compiler, flags in self.each():
            text = PROGRAM.format(helper="", body='    printf("run");\n    return x;')
            text = text.replace(
                '    printf(" %d\\n", twice(4));',
                "    locache_verbose(true);\n    twice(4);\n    twice(4);\n"
                "    if (LOCACHE_RESET(twice) != LOCACHE_OK)\n        return 1;\n    twice(4);",
            )
            self.write("p.c", text)
            self.build(*flags, "p.c", "-o", "p", compiler=compiler)
            done = run(["./p"], self.scratch)
            self.assertEqual(done.stdout, "runrun")
            self.assertEqual(
                re.findall(r"locache: (\w+) twice: ", done.stderr),
                "miss store hit reset miss store".split(),
            )

    def test_damaged_and_foreign_entries_are_computed_again(self):
        for compiler, flags in self.each():
            self.write("p.c", PROGRAM.format(helper="", body='    printf("run");\n    return x;'))
            self.build(*flags, "p.c", "-o", "p", compiler=compiler)
            run(["./p"], self.scratch)
            entry = self.scratch / "p.cache" / "twice" / "x=4"
            entry.write_bytes(entry.read_bytes()[:-1] + b"\x05")
            done = run(["./p"], self.scratch)
            self.assertEqual(done.stdout, "run 4\n")
            self.assertIn("computes again", done.stderr)
            self.assertEqual(run(["./p"], self.scratch).stdout, " 4\n")


REFUSED = {
    "pointer": (
        "LOCACHE_PERSIST(int, f, (double *, p)) { return 1; }",
        r"locache: the parameter \(double \*, p\) of f is a pointer",
    ),
    "pointer to a struct": (
        "typedef struct s { int x; } s;\nLOCACHE_PERSIST(int, f, (s *, p)) { return 1; }",
        r"\(s \*, p\) of f is a pointer",
    ),
    "function pointer": (
        "typedef int (*fn)(void);\nLOCACHE_PERSIST(int, f, (fn, p)) { return 1; }",
        r"\(fn, p\) of f is a pointer",
    ),
    "unlisted struct": (
        "typedef struct s { int x; } s;\nLOCACHE_PERSIST(int, f, (s, p)) { return 1; }",
        r"\(s, p\) of f has no key",
    ),
    "struct tag": (
        "struct s { int x; };\nLOCACHE_PERSIST(int, f, (struct s, p)) { return 1; }",
        r"\(struct s, p\) of f has no key",
    ),
    "array parameter": (
        "LOCACHE_PERSIST(int, f, (double, v[3])) { return 1; }",
        r"LOCACHE_PERSIST.*v\[3\]",
    ),
    "void result": (
        "LOCACHE_PERSIST(void, f, (int, x)) { }",
        r"locache: the result of f, of type void, cannot be kept",
    ),
    "void result without parameters": (
        "static LOCACHE_PERSIST(void, f) { }",
        r"locache: the result of f, of type void, cannot be kept",
    ),
    "array of no listed type": (
        "typedef struct s { int x; } s;\nLOCACHE_PERSIST(locache_array(s), f, (int, x)) { }",
        r"error: .*locache_array_s",
    ),
    "pointer result": (
        "LOCACHE_PERSIST(int *, f, (int, x)) { return 0; }",
        r"the result of f, of type int \*, cannot be kept",
    ),
    "unlisted struct result": (
        "typedef struct s { int x; } s;\nLOCACHE_PERSIST(s, f, (int, x)) { s y = {x}; return y; }",
        r"the result of f, of type s, cannot be kept",
    ),
    "no pair": (
        "LOCACHE_PERSIST(int, f, int x) { return 1; }",
        r"AS_TYPE_comma_NAME_IN_PARENTHESES",
    ),
    "seventeen": (
        "LOCACHE_PERSIST(int, f" + ", (int, x)" * 17 + ") { return 1; }",
        r"f can have at most sixteen parameters",
    ),
    "padding": (
        "typedef struct s { char c; int x; } s;\nLOCACHE_STRUCT(s, (char, c), (int, x))",
        r"LOCACHE_STRUCT\(s\) must list every member, in order, "
        r"and the struct must have no padding",
    ),
    "forgotten member": (
        "typedef struct s { int x, y; } s;\nLOCACHE_STRUCT(s, (int, x))",
        r"must list every member",
    ),
    "member twice": (
        "typedef struct s { int x, y, z; } s;\nLOCACHE_STRUCT(s, (int, x), (int, z), (int, z))",
        r"must list every member",
    ),
    "member of another type": (
        "typedef struct s { float x; } s;\nLOCACHE_STRUCT(s, (int, x))",
        r"the member x is not of type int",
    ),
    "pointer member": (
        "typedef struct s { int *x; } s;\nLOCACHE_STRUCT(s, (int *, x))",
        r"the member \(int \*, x\) is no number",
    ),
    "pointer as a number": (
        "typedef struct s { double *x; } s;\nLOCACHE_STRUCT(s, (double, x))",
        r"the member x is not of type double",
    ),
    "string member": (
        "typedef struct s { char *x; } s;\nLOCACHE_STRUCT(s, (char *, x))",
        r"the member \(char \*, x\) is no number",
    ),
    "long double member": (
        "typedef struct s { long double x; } s;\nLOCACHE_STRUCT(s, (long double, x))",
        r"is no number",
    ),
}


class Refusing(InScratch):
    def test_refusals(self):
        for number, compiler in enumerate(COMPILERS):
            for turn, (name, (text, message)) in enumerate(REFUSED.items()):
                if not self.takes(number, turn):
                    continue
                with self.subTest(compiler=os.path.basename(compiler), what=name):
                    self.write("r.c", "#include <locache.h>\n" + text + "\n")
                    done = self.build("-std=c11", "-c", "r.c", compiler=compiler, check=False)
                    self.assertNotEqual(done.returncode, 0)
                    # What is said first; what is no sentence of ours may be in the compiler's
                    # notes.
                    first = re.search(r"error: .*", done.stderr).group()
                    self.assertRegex(
                        done.stderr if name in ("array parameter", "no pair") else first, message
                    )

    def test_cplusplus(self):
        for compiler in COMPILERS:
            self.write(
                "r.cc", "#include <locache.h>\nLOCACHE_PERSIST(int, f, (int, x)) { return x; }\n"
            )
            done = self.build(
                "-std=c++17", "-x", "c++", "-c", "r.cc", compiler=compiler, check=False
            )
            self.assertRegex(done.stderr, r"error: .*locache: LOCACHE_PERSIST is for C")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
