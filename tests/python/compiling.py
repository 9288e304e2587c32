"""Extension modules and libraries of a test's own."""

import subprocess
import sysconfig


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
