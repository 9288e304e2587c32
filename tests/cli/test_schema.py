"""What is printed with --json is what cli/schema/locache.schema.json says, whatever there is."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import COMMAND, clean_environment

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads((Path(__file__).parents[2] / "cli/schema/locache.schema.json").read_text())
# The command lines that print JSON, by what the schema calls it.
LINES = {
    "ls": ["ls"],
    "ls-caches": ["ls", "--caches"],
    "ls-entries": ["ls", "--entries"],
    "show": ["show"],
    "explain": ["explain"],
    "stats": ["stats"],
    "top": ["top", "--all-functions", "--interval", "100ms"],
    "verify": ["verify"],
    "rm": ["rm", "--dry-run", "--larger", "1"],
    "reset": ["reset", "--dry-run"],
    "gc": ["gc", "--dry-run", "--max-size", "1K"],
}
ARCHIVES = {
    "export": ["export", "--output", "foo.tar.zst"],
    "import": ["import", "foo.tar.zst", "--into", "other.cache"],
}


def validator(name):
    kind = jsonschema.Draft202012Validator
    return kind({**SCHEMA, "$ref": f"#/$defs/{name}"})


def problems(name, printed):
    return [error.message for error in validator(name).iter_errors(printed)]


# ------------------------------------------------------------------------------------ what there is


def empty(project):
    shutil.rmtree(project / "foo.cache")


def plain(project):
    del project


def every_byte(project):
    for first in range(1, 256, 32):
        some = bytes(byte for byte in range(first, min(first + 32, 256)) if byte != ord("/"))
        of = os.fsencode(project / "foo.cache") + b"/f" + some
        shutil.copytree(os.fsencode(project / "foo.cache/pickled"), of)
        shutil.copyfile(of + b"/n=1", of + b"/x" + some)


def damaged(project):
    for n, path in enumerate(sorted((project / "foo.cache/plain").iterdir())):
        if path.is_file():
            data = bytearray(path.read_bytes())
            data[(n * 37) % len(data)] ^= 0x55
            path.write_bytes(data[: len(data) - n % 3] if n % 4 else b"")
    (project / "foo.cache/my_func/x=7_num=3").symlink_to("/etc/passwd")
    (project / "foo.cache/my_func/x=8_num=3").mkdir()
    (project / "foo.cache/my_func/x=0_num=3").chmod(0o666)
    (project / "foo.cache/my_func/.locache/version").write_bytes(b"\xff\n" * 9)


def other_formats(project):
    for n, path in enumerate(sorted((project / "foo.cache/my_func").glob("x=*"))):
        data = bytearray(path.read_bytes())
        data[8] = n  # the format's version
        path.write_bytes(data)


def of_another_user(project):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    for path in [project / "foo.cache", *(project / "foo.cache").rglob("*")]:
        os.lchown(path, 65534, 65534)


KINDS = [plain, empty, every_byte, damaged, other_formats, of_another_user]


def printed(project, home, words):
    done = subprocess.run(
        [COMMAND, *words],
        cwd=project,
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode in (0, 1, 3), done
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_schema__holds(kind, project, made, tmp_path):
    kind(project)
    paths = sorted(path for path in (project / "foo.cache").rglob("*") if not path.is_dir())
    entries = [path for path in paths if ".locache" not in path.parts and path.name[0] != "."]
    # Signed by another user's key, where the home is another.
    for home in (made / "home", tmp_path / "other-home"):
        home.mkdir(exist_ok=True)
        for name, words in LINES.items():
            operands = entries if name == "show" else []
            if name in ("rm", "reset") or (name == "show" and not operands):
                operands = ["foo.cache"]
            if kind is empty and operands:
                continue
            found = printed(project, home, [*words, "--json", *operands])
            assert problems(name, found) == []
            # And there is something to be told of.
            assert kind in (empty, of_another_user) or found


@pytest.mark.parametrize("kind", [plain, damaged])
def test_schema__of_archives(kind, project, made):
    kind(project)
    for name, words in ARCHIVES.items():
        assert problems(name, printed(project, made / "home", [*words, "--json"])) == []


def test_schema__is_one_and_says_no():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert problems("rm", {"removed": 1, "bytes": 2, "dry_run": True}) == []
    assert problems("rm", {"removed": -1, "bytes": 2, "dry_run": True})
    assert problems("rm", {"removed": 1, "bytes": 2, "dry_run": True, "more": 1})
    assert problems("ls", [{}])


# In backticks beside names of members: what these may be.
WORDS = {"null", "cbor", "pickle", "raw", "none", "ours", "foreign", "ls"}


def members(schema):
    """Names of all members of what it describes, but those of what it refers to."""
    if isinstance(schema, list):
        return set().union(*map(members, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())).union(*map(members, schema.values()))


def test_schema__is_what_the_page_says():
    """Each member of what a command prints is named in its line, or in the one it refers to."""
    page = (Path(__file__).parents[2] / "docs/shell.md").read_text().partition("## JSON")[2]
    lines = dict(re.findall(r"^\| (`[^|]+`) \| (.*) \|$", page, re.MULTILINE))
    for name in {**LINES, **ARCHIVES}:
        words = {"ls-caches": "`ls -c`", "ls-entries": "`ls -e`"}.get(name, f"`{name}`")
        (line,) = [said for told, said in lines.items() if words in told.split(", ")]
        said = set(re.findall(r"`(\w+)`", line))
        if name == "ls-caches":
            said |= set(re.findall(r"`(\w+)`", lines["`ls`"]))
        assert members(SCHEMA["$defs"][name]) <= said, name
        assert said <= members(SCHEMA) | WORDS, name


def test_schema__of_every_command_that_prints_json(run):
    commands = re.findall(r"^  ([a-z]+)  ", run("--help").out, re.MULTILINE)
    having = {name for name in commands if "--json" in run(name, "--help").out}
    lines = {**LINES, **ARCHIVES}
    assert having == {words[0] for words in lines.values()}
    assert lines.keys() <= SCHEMA["$defs"].keys()
