"""Every header compiles alone, so that no file has to know what to include before it.

Run by an interpreter that has its own headers, which those of the extension include.

usage: headers.py [ROOT]
"""

import os
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor

import tree

PYTHON = f"-isystem{sysconfig.get_paths()['include']}"
WAYS = {
    # No _GNU_SOURCE: programs need not have it.
    "include": ["-Iinclude"],
    "src": ["-D_GNU_SOURCE", "-Iinclude", "-Isrc"],
    "cli": ["-D_GNU_SOURCE", "-Iinclude", "-Icli"],
    "python/ext": ["-D_GNU_SOURCE", "-Iinclude", "-Ipython/ext", PYTHON],
}
COMPILER = ["gcc", "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]


def alone(root, folder, path):
    """What the compiler says of a file that includes this header and nothing else."""
    ran = subprocess.run(
        [*COMPILER, *WAYS[folder], "-x", "c", "-"],
        cwd=root,
        input=f'#include "{path.relative_to(folder)}"\n',
        capture_output=True,
        text=True,
    )
    if ran.returncode == 0:
        return None
    return f"{path}:1: does not compile alone: include in it what it uses\n{ran.stderr.rstrip()}"


def check(root):
    headers = [(folder, path) for folder in WAYS for path in tree.files(root, [folder], ".h")]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        said = threads.map(lambda header: alone(root, *header), headers)
    return [text for text in said if text], f"{len(headers)} headers, each compiles alone"


if __name__ == "__main__":
    tree.end(*check(tree.root_given()))
