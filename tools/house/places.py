"""A unit test stands where its file stands: tests/unit/disk/test_store.c tests src/disk/store.c.
And it runs: tests/meson.build lists it.

usage: places.py [ROOT]
"""

import tree

UNIT = "tests/unit"
BUILD_FILE = "tests/meson.build"
# Subjects that no single file has, by floor; each with the reason why it is a program of its own.
SUBJECTS = {
    "format/cbor_sort": "canonical order, of what the writer wrote and the reader finds again",
    "disk/unnamed": "files without a name: the system call, temporaries and the store together",
    "disk/unsound": "changed large results: mappings, records and the store together",
    "cache/api": "what a program compiled with another version of the header may rely on",
    "cache/folding": "names in a directory that folds case: the handle, its directory, the names",
    "cache/fork": "processes and threads: the table, the handle and the files together",
    "cache/moments": "another program changes files between any two system calls of a call",
    "cache/threads": "one handle used by many threads; built with ThreadSanitizer",
}


def check(root):
    violations = []
    tests = tree.files(root, [UNIT], ".c")
    units = {
        str(path.relative_to("src").with_suffix("")): path
        for path in tree.files(root, ["src"], ".c")
    }
    listed = (root / BUILD_FILE).read_text()
    tested = set()
    for path in tests:
        if not path.name.startswith("test_"):
            continue
        folder = path.parent.relative_to(UNIT)
        unit = str(folder / path.stem.removeprefix("test_"))
        tested.add(unit)
        if f"'{folder / path.stem}'" not in listed:
            violations.append(f"{path}:1: never runs: list '{folder / path.stem}' in {BUILD_FILE}")
        if unit not in units and unit not in SUBJECTS:
            same = [known for known in (*units, *SUBJECTS) if known.split("/")[-1] == unit]
            where = [f"{UNIT}/{known.rpartition('/')[0]}/{path.name}" for known in same]
            violations.append(
                f"{path}:1: src/{unit}.c is not there: "
                + (
                    f"move the test to {' or '.join(where)}"
                    if where
                    else "name the test as the file that it tests, in a folder of that file's "
                    "name; or say in tools/house/places.py why it has a subject of its own"
                )
            )
    for subject in SUBJECTS.keys() - tested:
        violations.append(f"tools/house/places.py:1: no test of {subject}: take it out of SUBJECTS")
    return sorted(violations), f"{len(tests)} unit tests, each where its file is, each listed"


if __name__ == "__main__":
    tree.end(*check(tree.root_given()))
