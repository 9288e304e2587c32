"""Runs programs for bench/edits.py, each in a process that is forked from this one, with `persist`
being that of one tool: a line of JSON in, how often f was computed out.

usage: editrunner.py TOOL SECONDS
"""

from __future__ import annotations

import inspect
import json
import signal
import sys
import types
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "tests" / "python"))
from scriptfork import as_main, forked

del sys.path[1]  # for the programs that are run


def joblib(directory):
    import joblib

    return joblib.Memory(str(directory / "kept"), verbose=0).cache


def cachau(directory):
    import cachau

    return lambda function: cachau.cache(function, persist=str(directory / "kept"))


def checkpointer(directory, **options):
    import checkpointer

    return checkpointer.Checkpointer(directory=directory / "kept", verbosity=0, **options)


def checkpointer_captured(directory):
    return checkpointer(directory, capture=True)


PEERS = {
    made.__name__: made for made in (joblib, cachau, checkpointer, checkpointer_captured)
}  # others have a module `locache` of their own
PRELOADED = ("ast", "difflib", "numpy", "pandas", "sqlite3", "tokenize")
IMPORTED = {"locache4": "locache"}


def codes_named(name, code):
    """Those of functions of this name, at the top of a program or, where there is none, within."""
    inner = [constant for constant in code.co_consts if inspect.iscode(constant)]
    found = [one for one in inner if one.co_name == name]
    return found or [deep for one in inner for deep in codes_named(name, one)]


class Count:
    """How often one of some codes was entered."""

    def __init__(self, codes):
        self.codes = codes
        self.entered = 0

    def __call__(self, frame, event, argument):
        if event == "call" and frame.f_code in self.codes:
            self.entered += 1

    def of(self, function, *arguments):
        before = self.entered
        sys.setprofile(self)
        try:
            function(*arguments)
        finally:
            sys.setprofile(None)
        return self.entered - before


def run(tool, place, calls, live):
    if tool in PEERS:
        module = types.ModuleType("locache")
        module.persist = PEERS[tool](Path(place))
        sys.modules["locache"] = module
    space, code = as_main(place)
    f = space["f"]
    count = Count({*codes_named(getattr(f, "__name__", "f"), code), *codes_named("f", code)})
    arguments = [(x,) for x in calls] or [space.get("ARGS", (1,))]
    computed = sum(count.of(f, *given) for given in arguments)
    if live:
        count.of(f, *arguments[0])
        space["change"]()
        # Its code may be another now.
        count.codes.add(getattr(inspect.unwrap(f), "__code__", None))
        computed = count.of(f, *arguments[0])
    return computed


def attempt(tool, timeout, job):
    signal.alarm(timeout)
    try:
        return run(tool, *job)
    except BaseException:  # counted as an error
        return None


def main():
    tool, timeout = sys.argv[1], int(sys.argv[2])
    for name in PRELOADED:  # once for all
        __import__(name)
    if not tool.startswith("checkpointer"):  # which sees the code below where it is imported
        __import__(IMPORTED.get(tool, tool))
    sys.dont_write_bytecode = True
    sys.path.insert(0, "")
    for line in sys.stdin:
        job = json.loads(line)
        print(forked(lambda job=job: attempt(tool, timeout, job)) or "null", flush=True)


main()
