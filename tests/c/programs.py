"""Programs of C as a user writes them: compiled against the library, and run.

The arguments of whoever imports this are LIBRARY INCLUDE [COMPILER...]: the static library, the
directory of locache.h; every compiler named that is there is used.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LIBRARY, INCLUDE = (Path(argument).resolve() for argument in sys.argv[1:3])
COMPILERS = [
    found for found in map(shutil.which, sys.argv[3:] or ["gcc", "clang", "clang-19"]) if found
]
HERE = Path(__file__).resolve().parent
LONG = "LOCACHE_TEST_LONG" in os.environ
STRICT = "-pedantic -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Werror".split()
LINK = [LIBRARY, "-lsodium", "-pthread"]


def run(command, cwd, check=True, **environment):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | {"HOME": str(cwd), "LC_ALL": "C"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{command} returned {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


class InScratch(unittest.TestCase):
    def setUp(self):
        self.scratch = Path(tempfile.mkdtemp(prefix="locache-macro-"))
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def write(self, name, text):
        path = self.scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def build(self, *arguments, compiler=None, cwd=None, check=True):
        command = [compiler or COMPILERS[0], *arguments, f"-I{INCLUDE}"]
        if "-c" not in arguments:
            command += LINK
        return run(command, cwd or self.scratch, check)

    def takes(self, number, turn):
        """Is this turn, of a row of many, the compiler's with this number? Every turn in the long
        form, and of the first one; the others share them."""
        others = len(COMPILERS) - 1
        return LONG or number == 0 or turn % others == number - 1

    def each(self, *variants):
        """Compilers with variants of flags, in an empty directory; sanitizers only where it has
        them. Every compiler with every variant in the long form, else the first: the others share
        them."""
        for number, compiler in enumerate(COMPILERS):
            for turn, variant in enumerate(variants or ("",)):
                if len(variants) > 1 and not self.takes(number, turn):
                    continue
                shutil.rmtree(self.scratch, ignore_errors=True)
                self.scratch.mkdir()
                self.variant = f"{compiler} {variant}"
                self.write("empty.c", "int main(void) { return 0; }\n")
                if (
                    "-fsanitize" in variant
                    and self.build(
                        *variant.split(), "empty.c", "-o", "empty", compiler=compiler, check=False
                    ).returncode
                ):
                    continue
                yield compiler, variant.split()

    def _formatMessage(self, *arguments):
        return f"{getattr(self, 'variant', '')}: {super()._formatMessage(*arguments)}"
