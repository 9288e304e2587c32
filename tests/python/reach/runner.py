"""Runs programs for test_edits.py, each in a process of its own that is forked from this one: a
line of JSON in, a line of JSON out."""

import json
import sys
import traceback
from pathlib import Path

import locache  # noqa: F401 - loaded once for all
from locache import _core, _identity, _packages  # noqa: F401

sys.path.insert(1, str(Path(__file__).parent.parent))
from scriptfork import as_main, forked

del sys.path[1]  # for the programs that are run


def computed(f):
    return f.cache_info().misses


def run(job):
    space, _ = as_main(job["place"])
    f = space["f"]
    arguments = [(x,) for x in job["calls"]] or [space.get("ARGS", (1,))]
    wrong = []
    for given in arguments:
        result, true = f(*given), f.__wrapped__(*given) if job["compare"] else None
        if job["compare"] and repr(result) != repr(true):
            wrong.append([repr(result), repr(true)])
    if job["live"]:
        f(*arguments[0])
        before = computed(f)
        space["change"]()
        result, true = f(*arguments[0]), f.__wrapped__(*arguments[0])
        if repr(result) != repr(true):
            wrong.append([repr(result), repr(true)])
        return {"computed": computed(f) - before, "wrong": wrong}
    return {"computed": computed(f), "wrong": wrong}


def attempt(job):
    try:
        return run(job)
    except BaseException as error:  # told to the test
        return {"error": "".join(traceback.format_exception(error))}


sys.dont_write_bytecode = True
sys.path.insert(0, "")
for line in sys.stdin:
    job = json.loads(line)
    print(forked(lambda job=job: attempt(job)) or '{"error": "the process died"}', flush=True)
