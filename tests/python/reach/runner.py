"""Runs programs for test_edits.py, each in a process of its own that is forked from this one: a
line of JSON in, a line of JSON out."""

import json
import os
import sys
import types

import locache  # noqa: F401 - loaded once for all
from locache import _core, _identity, _packages  # noqa: F401


def computed(f):
    return f.cache_info().misses


def run(job):
    os.chdir(job["place"])
    sys.path[0] = job["place"]
    # As the script that was started: its classes and functions are found in __main__.
    module = types.ModuleType("__main__")
    module.__file__ = job["place"] + "/main.py"
    sys.modules["__main__"] = module
    space = vars(module)
    with open(module.__file__) as file:
        exec(compile(file.read(), module.__file__, "exec"), space)
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


def forked(job):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = run(job)
        except BaseException as error:  # told to the test
            import traceback

            answer = {"error": "".join(traceback.format_exception(error))}
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return answer or json.dumps({"error": "the process died"})


sys.dont_write_bytecode = True
sys.path.insert(0, "")
for line in sys.stdin:
    print(forked(json.loads(line)), flush=True)
