"""A folder is a floor: its files include their own folder and those below it, and no other.

The floors are told here. The picture at the beginning of docs/architecture.md and the lists of
sources in the build files are compared with them.

usage: floors.py [ROOT]
"""

import re

import tree

# From the ground up. The rooms of one floor do not know each other. A room is a folder, or a file
# beside the folders, named without its ending.
FLOORS = {
    "src": [["base"], ["format"], ["disk"], ["cache"], ["persist"]],
    "python/ext": [
        ["state"],
        ["plain"],
        ["identity"],
        ["key", "result"],
        ["reach"],
        ["call"],
        ["log"],
        ["module"],
    ],
}
BUILD_FILES = {"src": "meson.build", "python/ext": "python/meson.build"}
PICTURE = "docs/architecture.md"
HERE = "tools/house/floors.py"
# What anybody may include; of the core, the extension may include nothing else.
PUBLIC = "locache.h"
# The floors above are the same for every Python.
KNOW_VERSIONS = ("python/ext/plain/", "python/ext/state.h")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def room_of(path):
    """Of a path inside a half: its first folder, or the file's name without its ending."""
    return path.parts[0] if len(path.parts) > 1 else path.stem


def floor_of(half, room):
    return next((n for n, rooms in enumerate(FLOORS[half]) if room in rooms), None)


def told(floors):
    return " < ".join(", ".join(rooms) for rooms in floors)


def wrong_include(root, half, path, match):
    """What is wrong with one include of this file, or None."""
    bracket, target = match.groups()
    inside = path.relative_to(half)
    if bracket == "<":
        if any((root / folder / target).is_file() for folder in (half, "include")):
            return f'<{target}> is a file of this tree: include it as "{target}"'
        return None
    if target == PUBLIC:
        return None
    room = room_of(type(inside)(target))
    floor, mine = floor_of(half, room), floor_of(half, room_of(inside))
    if floor is None:
        if half == "python/ext" and (root / "src" / target).is_file():
            return f'"{target}" is inside the core: use {PUBLIC}, and add there what it lacks'
        return f'"{target}" is on no floor of {half}: say its folder ({told(FLOORS[half])})'
    if floor > mine:
        return (
            f'"{target}" is above {room_of(inside)}: move what is needed of it down to '
            f"{room_of(inside)} or below, or have it passed in"
        )
    if floor == mine and room != room_of(inside):
        return (
            f'"{target}" is beside {room_of(inside)}: they do not know each other; '
            "move what both need to the floor below"
        )
    return None


def includes(root, half):
    for path in tree.files(root, [half], ".c", ".h"):
        room = room_of(path.relative_to(half))
        if floor_of(half, room) is None:
            yield f"{path}:1: {room} is on no floor of {half}: give it one in {HERE}"
            continue
        text = (root / path).read_text()
        for match in INCLUDE.finditer(text):
            wrong = wrong_include(root, half, path, match)
            if wrong:
                yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {wrong}"


def command(root):
    """The command uses its own files and the public header."""
    for path in tree.files(root, tree.COMMAND, ".c", ".h"):
        text = (root / path).read_text()
        for match in INCLUDE.finditer(text):
            bracket, target = match.groups()
            if bracket == '"' and target != PUBLIC and not (root / path.parent / target).is_file():
                yield (
                    f'{path}:{text.count(chr(10), 0, match.start()) + 1}: "{target}" is not the '
                    f"command's: use {PUBLIC}, and add there what it lacks"
                )


def versions(root):
    for path in tree.files(root, ["python/ext"], ".c", ".h"):
        if str(path).startswith(KNOW_VERSIONS):
            continue
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            if "PY_VERSION_HEX" in line:
                yield (
                    f"{path}:{number}: PY_VERSION_HEX outside of plain/ and state.h: give what "
                    "differs between Pythons a name there"
                )


def pictured(text):
    """{half: (its line, its floors)} as the first fenced picture of the document shows them.

    A half's name begins a line; the lines below it that are indented by two spaces are its floors,
    from the ground up. Each begins with the names of its rooms, `key/  result/` or `state.h`;
    words follow.
    """
    halves, half, fenced = {}, None, False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            if fenced:
                break
            fenced = True
        elif fenced and line[:1].strip():
            half = line.split()[0].rstrip("/")
            halves[half] = (number, [])
        elif fenced and half and re.match(r"  \S", line):
            names = re.match(r"(?:\s+\w+(?:/|\.[ch])(?=\s|$))*", line)[0].split()
            halves[half][1].append([re.sub(r"/$|\.[ch]$", "", name) for name in names])
    return halves


def picture(root):
    halves = pictured((root / PICTURE).read_text())
    for half, floors in FLOORS.items():
        line, shown = halves.get(half, (1, []))
        if [sorted(rooms) for rooms in shown] != [sorted(rooms) for rooms in floors]:
            yield (
                f"{PICTURE}:{line}: the picture shows {half} as {told(shown) or 'nothing'}, "
                f"{HERE} has {told(floors)}: make them one"
            )


def lists(root, half):
    """Each room has a list of all its sources; the lists stand in the order of the floors."""
    build_file = BUILD_FILES[half]
    text = (root / build_file).read_text()
    folder = root / build_file.rpartition("/")[0]
    highest, listed = 0, set()
    for match in re.finditer(r"^(\w+)_sources = files\((.*?)\)", text, re.MULTILINE | re.DOTALL):
        room, where = match[1], f"{build_file}:{text.count(chr(10), 0, match.start()) + 1}"
        listed.add(room)
        floor = floor_of(half, room)
        if floor is None:
            yield f"{where}: {room}_sources: {room} is on no floor of {half}; one list for each"
            continue
        if floor < highest:
            yield f"{where}: {room}_sources stands after a floor above it: list from the ground up"
        highest = max(highest, floor)
        for name in re.findall(r"'([^']+)'", match[2]):
            path = folder / name
            if not path.is_relative_to(root / half):
                yield f"{where}: {name} in {room}_sources is not in {half}"
            elif room_of(path.relative_to(root / half)) != room:
                yield f"{where}: {name} in {room}_sources is not of {room}: list it where it is"
    for path in tree.files(root, [half], ".c"):
        room = room_of(path.relative_to(half))
        if room not in listed and floor_of(half, room) is not None:
            listed.add(room)
            yield f"{build_file}:1: no {room}_sources: make a list of the files of {half}/{room}"
        elif f"'{(root / path).relative_to(folder)}'" not in text:
            yield f"{build_file}:1: {path} is not listed: add it to {room}_sources"


def check(root):
    violations = [*versions(root), *picture(root), *command(root)]
    for half in FLOORS:
        violations += [*includes(root, half), *lists(root, half)]
    count = len(tree.files(root, [*FLOORS, *tree.COMMAND], ".c", ".h"))
    return violations, f"{count} files, {sum(map(len, FLOORS.values()))} floors, no include upward"


if __name__ == "__main__":
    tree.end(*check(tree.root_given()))
