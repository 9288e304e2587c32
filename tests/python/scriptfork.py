"""Programs of editrows.py as scripts, each in a process that is forked from this one. For the
runners of the tests and of `make compare`: nothing is imported that a program may have to."""

import json
import os
import sys
import types


def as_main(place):
    """Run place/main.py as the script that was started, so that its classes and functions are found
    in __main__: its names, and its code."""
    os.chdir(place)
    sys.path[0] = place
    module = types.ModuleType("__main__")
    module.__file__ = place + "/main.py"
    sys.modules["__main__"] = module
    with open(module.__file__) as file:
        code = compile(file.read(), module.__file__, "exec")
    exec(code, vars(module))
    return vars(module), code


def forked(work):
    """What work() returns in a child, as JSON; "": it died."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, json.dumps(work()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return answer
