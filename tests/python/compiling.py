"""Extension modules, libraries and programs of a test's own."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILER = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc") or shutil.which("clang")


def build(place, target, source, *options):
    """A shared object of one C file. What was built before is replaced, as by every build tool: it
    may be loaded."""
    (place / target).unlink(missing_ok=True)
    subprocess.run(
        ["cc", "-shared", "-fPIC", *options, source, "-o", target],
        cwd=place, check=True, capture_output=True,
    )  # fmt: skip


def build_extension(place, name, *options):
    """The module `name` of name.c."""
    target = name + sysconfig.get_config_var("EXT_SUFFIX")
    build(place, target, f"{name}.c", "-I", sysconfig.get_path("include"), *options)


def build_program(source, out):
    """A C program of the core and one file more, as a program of the user's own would link it: the
    core that was built for these tests, else compiled here."""
    built = os.environ.get("LOCACHE_TEST_CORE", "")
    sources = sorted(str(path) for path in (ROOT / "src").rglob("*.c"))
    core = [built] if os.path.exists(built) else sources
    include = [f"-I{ROOT / 'include'}", f"-I{ROOT / 'src'}"]
    command = [COMPILER, "-std=c11", "-D_GNU_SOURCE", *include, str(source), *core]
    subprocess.run([*command, "-lsodium", "-pthread", "-o", str(out)], check=True, timeout=300)
    return out
