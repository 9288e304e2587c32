"""One name is one function: no two files of the core define it, of the extension, or the command.

That a function is static helps the linker, not who looks for the name.

usage: names.py [ROOT]
"""

import tree


def defined(root, half):
    """{name: [file:line of each definition]}; a file's alternatives under #if count once."""
    names = {}
    for path in tree.files(root, half, ".c", ".h"):
        for function in tree.functions((root / path).read_text()):
            if function.defined:
                names.setdefault(function.name, {}).setdefault(path, f"{path}:{function.line}")
    return {name: [*files.values()] for name, files in names.items()}


def check(root):
    violations, count = [], 0
    for half in (tree.CORE, tree.EXTENSION, tree.COMMAND):
        names = defined(root, half)
        count += len(names)
        for name, (first, *others) in sorted(names.items()):
            if others:
                violations.append(
                    f"{first}: {name}() is defined in {', '.join(others)} too: say it once in a "
                    "file below both, or name each for what it does"
                )
    return violations, f"{count:,} functions, no name in two files"


if __name__ == "__main__":
    tree.end(*check(tree.root_given()))
