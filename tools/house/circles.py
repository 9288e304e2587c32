"""No circle of files: what a file uses, directly or through others, never uses that file.

A source file uses another where its object file needs a symbol that the other's defines; a header
uses another where it includes it.

usage: circles.py BUILD_DIRECTORY [ROOT]
"""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import tree

# It ends with its parts, and each of them begins with it: a program may include any one of them.
PUBLIC, PARTS = "include/locache.h", "include/locache/"

HALVES = (*tree.CORE, *tree.EXTENSION, *tree.COMMAND)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def objects(root, build):
    """{source: its object file}, of the core, of the extension and of the command."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        directory = Path(entry["directory"])
        source = (directory / entry["file"]).resolve()
        for half in HALVES:
            if source.is_relative_to((root / half).resolve()):
                name = str(source.relative_to(root.resolve()))
                found[name] = directory / entry["output"]
    return found


def symbols(paths):
    """{object file: (names that it defines for others, names that it needs of others)}."""
    of = {str(path): (set(), set()) for path in paths}
    # A line is "FILE: NAME TYPE ...".
    listing = subprocess.run(
        ["nm", "-A", "-g", "--format=posix", *of], check=True, capture_output=True, text=True
    ).stdout
    for line in listing.splitlines():
        path, _, symbol = line.rpartition(": ")
        name, kind = symbol.split()[:2]
        # A name that is needed has the type U; or w and v, where it may be missing.
        of[path][kind in "Uwv"].add(name)
    return of


def calls(found):
    """{source: {source that it uses: a symbol}}."""
    of = symbols(found.values())
    definer = {name: source for source, path in found.items() for name in of[str(path)][0]}
    return {
        source: {
            definer[name]: name
            for name in sorted(of[str(path)][1])
            if definer.get(name, source) != source
        }
        for source, path in found.items()
    }


def inclusions(root, half):
    """{header: {header that it includes: how}}; by name from the half, or beside the header."""
    headers = {str(path) for path in tree.files(root, half, ".h")}
    graph = {}
    for header in headers:
        graph[header] = {}
        for name in INCLUDE.findall((root / header).read_text()):
            beside = str(Path(header).parent / name)
            for target in (beside, *(f"{folder}/{name}" for folder in half)):
                if target in headers:
                    if target != PUBLIC or not header.startswith(PARTS):
                        graph[header][target] = "#include"
                    break
    return graph


def way(graph, start, goal):
    """The shortest way from start to goal, both included; None where there is none."""
    came, row = {start: None}, [start]
    while row:
        ahead = []
        for node in row:
            for target in sorted(graph[node]):
                if target == goal:
                    steps = [goal, node]
                    while came[steps[-1]] is not None:
                        steps.append(came[steps[-1]])
                    return steps[::-1]
                if target not in came:
                    came[target] = node
                    ahead.append(target)
        row = ahead
    return None


def circles(graph):
    """A shortest circle through each file that is in one, no circle twice."""
    seen = set()
    for start in sorted(graph):
        circle = way(graph, start, start)
        if circle and frozenset(circle) not in seen:
            seen.add(frozenset(circle))
            yield circle


def told(graph, circle):
    text = f"{circle[0]}:1: a circle: {circle[0]}"
    for here, there in itertools.pairwise(circle):
        text += f" -> {there} ({graph[here][there]})"
    return text + "; move what both need into a file below them, or pass a function in"


def check(root, build):
    found = objects(root, build)
    missing = [source for source, path in found.items() if not path.exists()]
    if missing or not found:
        return [f"{build}: not compiled: {', '.join(missing) or 'nothing of this tree'}"], ""
    headers = [inclusions(root, half) for half in (tree.CORE, tree.EXTENSION, tree.COMMAND)]
    violations = [
        told(graph, circle) for graph in [calls(found), *headers] for circle in circles(graph)
    ]
    count = sum(map(len, headers))
    return violations, f"no circle among {len(found)} object files, nor among {count} headers"


if __name__ == "__main__":
    tree.end(*check(tree.root_given(2), Path(sys.argv[1])))
