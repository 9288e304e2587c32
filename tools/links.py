"""README.md is read on a package index, too, where a relative link leads nowhere: every link in it
is absolute, and one into the project's own repository names a file that is there.

    links.py [ROOT]

The repository is what [project.urls] of pyproject.toml calls Homepage; the URLs there are held to
the same.
"""

import re
import sys
from pathlib import Path

CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
# [text](target), ![text](target "title"); [name]: target; <a href="target">, <img src="target">
LINK = re.compile(
    r"""\]\(\s*<?([^\s)>]+)
    | ^\ {0,3}\[[^\]\n]+\]:\s*<?([^\s>]+)
    | \b(?:href|src)\s*=\s*["']?([^\s"'>]+)""",
    re.MULTILINE | re.VERBOSE | re.IGNORECASE,
)
HOME = re.compile(r'^Homepage *= *"(https://github\.com/([^"]+?))/?"', re.MULTILINE)
URL = re.compile(r'^[A-Za-z ]+ *= *"(https?://[^"]+)"', re.MULTILINE)
ABSOLUTE = re.compile(r"(https?|mailto):")


def targets(markdown):
    for link in LINK.finditer(CODE.sub("", markdown)):
        yield next(part for part in link.groups() if part is not None)


def complaint(target, root, home, name):
    """What is wrong with a link; None: nothing."""
    if target.startswith("#"):
        return None
    if not ABSOLUTE.match(target):
        return f"{target}: relative, so that it leads nowhere on a package index"
    file = re.match(
        rf"(?:{re.escape(home)}/(?:blob|tree|raw)"
        rf"|https://raw\.githubusercontent\.com/{re.escape(name)})/[^/]+/([^#?]+)",
        target,
    )
    if file is not None and not (root / file[1]).exists():
        return f"{target}: there is no {file[1]}"
    return None


def complaints(root):
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    found = HOME.search(project)
    if found is None:
        return ["pyproject.toml: [project.urls] has no Homepage at github.com"]
    readme = (root / "README.md").read_text(encoding="utf-8")
    links = [("README.md", target) for target in targets(readme)]
    links += [("pyproject.toml", target) for target in URL.findall(project)]
    said = ((file, complaint(target, root, found[1], found[2])) for file, target in links)
    return [f"{file}: {wrong}" for file, wrong in said if wrong is not None]


def main():
    wrong = complaints(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(wrong), end="\n" if wrong else "")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
