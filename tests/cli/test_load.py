"""Every command on a cache that eight processes store into, evict from and reset meanwhile: nothing
is said that is not so, and what is printed is whole."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import COMMAND, clean_environment, needs_no_sanitizer
from .shapes import fits

PROGRAM = """\
import random, sys, warnings
from locache import persist, reset_cache

random.seed(int(sys.argv[1]))
warnings.filterwarnings("ignore", ".* (never used|too small for what is asked for)")

@persist
def stored(n):
    return [n] * random.choice([1, 300])

@persist(max_entries=20)
def evicted(n):
    return n

@persist
def forgotten(n):
    return n

while True:
    n = random.randrange(1000)
    assert stored(n)[0] == n and evicted(n) == n and forgotten(n) == n
    if n % 50 == 0:
        reset_cache(forgotten)
    if n % 20 == 0:
        stored.forget(n)
"""
pytestmark = needs_no_sanitizer
PROCESSES = 8
TURNS = 20 if os.environ.get("LOCACHE_TEST_LONG") == "1" else 2
LINES = {
    "ls": ["ls", "--json"],
    "entries": ["ls", "--json", "--entries"],
    "tree": ["ls", "--tree"],
    "show": ["show", "--json", "load.cache"],
    "explain": ["explain", "--json"],
    "stats": ["stats", "--json"],
    "verify": ["verify", "--json", "--repair"],
    "report": ["report"],
    "rm": ["rm", "--json", "--name", "n=1*", "load.cache"],
    "gc": ["gc", "--json", "--max-size", "200K"],
    "top": ["top", "--json", "--all-functions", "--interval", "200ms"],
    "export": ["export", "--json", "--output", "out.tar.zst", "load.cache"],
    "import": ["import", "--json", "--replace", "--into", "load.cache", "all.tar.zst"],
    "import-elsewhere": ["import", "--json", "--into", "elsewhere.cache", "all.tar.zst"],
    "run": ["run", "--cache-dir", ".", "--", "echo", "stored"],
    "reset": ["reset", "--json", "load.py:stored"],
}
# What the schema calls it.
SCHEMA = json.loads((Path(__file__).parents[2] / "cli/schema/locache.schema.json").read_text())
KINDS = {"entries": "ls-entries", "import-elsewhere": "import"}


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """A directory with the program, which eight processes run as long as the tests do."""
    root = tmp_path_factory.mktemp("load")
    (root / "home").mkdir()
    (root / "load.py").write_text(PROGRAM)
    (root / "said").touch()
    with open(root / "said", "w") as said:
        running = [
            subprocess.Popen(
                [sys.executable, "load.py", str(n)],
                cwd=root,
                env=clean_environment(root / "home"),
                stderr=said,
            )
            for n in range(PROCESSES)
        ]
        while not (root / "load.cache/forgotten").is_dir():
            assert running[0].poll() is None
            time.sleep(0.01)
        done = run(root, ["export", "-o", "all.tar.zst", "load.cache"])
        assert done.returncode == 0, done
        yield root, running
        for one in running:
            one.kill()
        for one in running:
            one.wait()


def run(root, words):
    return subprocess.run(
        [COMMAND, *words],
        cwd=root,
        env=clean_environment(root / "home"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def validate(found, name):
    jsonschema = pytest.importorskip("jsonschema")
    schema = {**SCHEMA, "$ref": f"#/$defs/{KINDS.get(name, name)}"}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(found)
    assert [error.message for error in errors] == []


def verify_archive(root):
    """What went into it while there was no rest is whole."""
    done = run(root, ["import", "--json", "--into", "verified.cache", "out.tar.zst"])
    assert done.returncode == 0 and json.loads(done.stdout)["others_left_out"] == 0, done
    done = run(root, ["verify", "--json", "verified.cache"])
    assert done.returncode == 0 and json.loads(done.stdout)["sound"] > 0, done
    shutil.rmtree(root / "verified.cache")


@pytest.mark.parametrize("name", LINES)
def test_load__each_command(load, name):
    root, running = load
    words = LINES[name]
    for _ in range(TURNS):
        done = run(root, words)
        # Nothing is damaged, or could not be done; what vanished meanwhile is no fault.
        assert done.returncode == 0, done
        assert done.stderr == "", done
        if "--json" in words:
            found = json.loads(done.stdout)
            validate(found, name)
            if name == "verify":
                assert fits(found["problems"], [()]) and found["problems"] == []
            if name == "show":
                assert {one["status"] for one in found} <= {"ok"}
                assert all(
                    one["result"] in (n := int(one["name"][2:]), [n], [n] * 300) for one in found
                )
            if name == "top":
                assert {one["function"] for one in found["functions"]} >= {"stored", "evicted"}
            if name == "export":
                assert found["left_out"] == 0 and found["results"] > 0
                verify_archive(root)
            if name.startswith("import"):
                assert found["others_left_out"] == found["pickles_left_out"] == 0
                assert found["stored"] + found["kept"] > 0
        else:
            assert re.search(r"stored", done.stdout)
    assert [one.poll() for one in running] == [None] * PROCESSES, (root / "said").read_text()
    assert (root / "said").read_text() == ""
