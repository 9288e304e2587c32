"""Measure one contender in a process of its own: `worker.py CONTENDER PHASE DIRECTORY [ARGUMENT]`;
prints {row: figure} as JSON.

The phases are the functions below that PHASES lists. A figure is the median of batches, in
nanoseconds per call where nothing else is said.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import re
import sys
import threading
import time
import timeit
from pathlib import Path

from rows import (
    BARE,
    BUFFERS,
    FUNCTIONS,
    HELPERS,
    HITS,
    IN_TURN,
    MEMORY_HITS,
    OBJECTS,
    RANDOM_KEYS,
    RETURNED,
    STACKS,
    SUMMED,
    THOUSAND,
    VALUES,
)

now = time.perf_counter_ns

BATCHES = 5
BATCH_NANOSECONDS = 10_000_000  # what a batch of repeated calls should take
UNROLLED = 100  # calls in the body of a loop whose own cost then does not count
QUICK_CALL = 20_000  # nanoseconds; a call that takes longer needs no unrolling
SETTLED = 0.05  # seconds after which a file's time tells its present state from a later one
KEYS = 399  # distinct keys that are stored and later hit for the first time
DECORATIONS = 50
FEW_KEYS = 9  # of the rows of scale: the smallest function holds ten, one of which opens it
REOPENED = 30  # times
FEW_ELEMENTS = 1_000_000  # arrays of fewer are hit in batches, as scalars are
RECURSION_LIMIT = 10**6  # more than there is stack for
LARGE_CALLS = 5  # hits on arrays in a process
LARGE_SECONDS = 1.5  # after which no further hit is begun
PARALLEL_SECONDS = 0.25
MEMORY_KEYS = 100
MEMORY_SECONDS = 3.0
SEED = int(os.environ.get("BENCH_SEED", "1"))


def median(values):
    return sorted(values)[len(values) // 2]


def repeated(statement: str, **names) -> float:
    """Nanoseconds per execution of a statement whose names are local variables."""
    setup = "; ".join(f"{name} = _{name}" for name in names)
    values = {f"_{name}": value for name, value in names.items()}
    estimate = min(timeit.repeat(statement, setup, number=1, repeat=3, globals=values)) * 1e9
    unrolled = UNROLLED if estimate < QUICK_CALL else 1
    timer = timeit.Timer("\n".join([statement] * unrolled), setup, globals=values)
    count = max(3 if unrolled == 1 else 1, int(BATCH_NANOSECONDS / (estimate * unrolled)))
    return median(timer.repeat(BATCHES, count)) * 1e9 / count / unrolled


def each_once(function, keys) -> float:
    """Nanoseconds per call over different arguments."""
    keys = list(keys)
    step = max(1, len(keys) // 7)
    batches = []
    for at in range(0, len(keys) - step + 1, step):
        chosen = keys[at : at + step]
        start = now()
        for x in chosen:
            function(x)
        batches.append((now() - start) / step)
    return median(batches)


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_of(call) -> int:
    """Bytes that were in memory at once while it ran, beside those before."""
    before = resident()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    call()
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^VmHWM:\s*(\d+)", status, re.MULTILINE)[1]) * 1024 - before


def settle(call):
    """Until a result in memory is valid: its file may not just have changed."""
    call()
    time.sleep(SETTLED)
    call()
    return call()


def load_workload(directory):
    """The functions to memoize, from a real source file (some contenders read it)."""
    sys.path.insert(0, str(directory))
    import workload

    return workload


# --------------------------------------------------------------------------------------- the phases


def hits(memoize, directory, _) -> dict:
    workload = load_workload(directory)
    functions = {name: memoize(getattr(workload, name), directory) for name, _ in HITS.values()}
    for _ in range(3):
        for name, arguments in HITS.values():
            eval(f"f({arguments})", {"f": functions[name]})
        time.sleep(SETTLED)
    return {
        row: repeated(f"f({arguments})", f=functions[name])
        for row, (name, arguments) in HITS.items()
    }


def cold(memoize, directory, _) -> dict:
    workload = load_workload(directory)
    exec(
        "".join(
            f"def other{n}(x, num={n}):\n    return x * num + {n}\n" for n in range(DECORATIONS)
        ),
        vars(workload),
    )
    decorated = []
    for n in range(DECORATIONS):
        other = vars(workload)[f"other{n}"]
        start = now()
        memoize(other, directory)
        decorated.append(now() - start)
    function = memoize(workload.work, directory)
    start = now()
    function(-1)
    first = now() - start
    return {
        "decorate": median(decorated),
        "cold_call": first,
        "miss": each_once(function, range(KEYS)),
    }


def warm(memoize, directory, _) -> dict:
    function = memoize(load_workload(directory).work, directory)
    start = now()
    function(-1)
    first_call = now() - start
    return {"first_call": first_call, "first_hit": each_once(function, range(KEYS))}


def store_array(memoize, directory, argument) -> dict:
    memoize(load_workload(directory).make_array, directory)(int(argument.split()[0]))
    return {}


def array_result(memoize, directory, argument) -> dict:
    """`argument`: the number of elements, and what rows call that."""
    import numpy  # noqa: F401  (its import is not what is measured)

    count, size = argument.split(maxsplit=1)
    function = memoize(load_workload(directory).make_array, directory)
    # What a contender needs for its first call of all is not the array's.
    function(1)
    before = resident()
    start = now()
    array = function(int(count))
    first = now() - start
    growth = resident() - before
    if array[-1] != int(count) - 1:
        raise SystemExit("the array is not what was stored")
    del array
    rows = {
        f"first result {size}": first,
        f"growth {size}": growth,
        f"result {size}": each_array(function, int(count)),
    }
    if size == SUMMED:
        rows[f"result {size} summed"] = each_array(function, int(count), lambda array: array.sum())
    return rows


def each_array(function, argument, use=None) -> float:
    """Nanoseconds until the result is there (and used); what it takes to let go of it does not
    count."""
    times = []
    begin = time.monotonic()
    while len(times) < LARGE_CALLS and (not times or time.monotonic() - begin < LARGE_SECONDS):
        start = now()
        result = function(argument)
        if use is not None:
            use(result)
        times.append(now() - start)
        del result
    return median(times)


def array_argument(memoize, directory, argument) -> dict:
    import numpy

    count, size = argument.split(maxsplit=1)
    array = numpy.arange(int(count), dtype="f8")
    workload = load_workload(directory)
    tells_apart(memoize(workload.middle_of, directory))
    function = memoize(workload.last_of, directory)
    start = time.monotonic()
    if int(count) < FEW_ELEMENTS:
        settle(lambda: function(array))
        rows = {f"argument {size}": repeated("f(x)", f=function, x=array)}
    else:
        function(array)
        rows = {f"argument {size}": each_array(function, array)}
    return rows | {"seconds": time.monotonic() - start}


def tells_apart(function) -> None:
    """A figure of who takes one array for another is worth nothing: some look at what is printed of
    them, which is the ends of those that are long."""
    import numpy

    array = numpy.arange(10_000.0)
    other = array.copy()
    other[len(other) // 2] = -1
    if function(array) == function(other):
        raise SystemExit("takes two different arrays for one call")


def given(rows: dict, row: str):
    """The phase of a table of arguments that bench/workload.py makes."""

    def phase(memoize, directory, argument) -> dict:
        maker, count = rows[argument]
        workload = load_workload(directory)
        value = getattr(workload, maker)(count)
        function = memoize(workload.is_there, directory)
        settle(lambda: function(value))
        took = each_array(function, value)
        if took < QUICK_CALL:
            took = repeated("f(v)", f=function, v=value)
        return {f"{row} {argument}": took}

    return phase


value_argument = given(VALUES, "value")
object_argument = given(OBJECTS, "object")
buffer_argument = given(BUFFERS, "buffer")


def returned(memoize, directory, argument) -> dict:
    """`argument`: "stored" and what rows call it, or "hit" and that, which is in a process of its
    own; "storing" the memory that the first call takes."""
    stage, what = argument.split(maxsplit=1)
    maker, count = RETURNED[what]
    workload = load_workload(directory)
    made = workload.MADE[what] = getattr(workload, maker)(count)
    function = memoize(workload.give, directory)
    if stage == "storing":
        return {f"storing {what}": peak_of(lambda: function(what))}
    start = now()
    again = function(what)
    stored = now() - start
    if type(again) is not type(made) or len(again) != len(made):
        raise SystemExit("the result is not what was stored")
    del again
    if stage == "stored":
        return {f"stored {what}": stored}
    return {f"returned {what}": each_array(function, what)}


def thousand(memoize, directory, argument) -> dict:
    """`argument`: "cold" or "warm": every function of a file is called once."""
    lines = "".join(
        f"def f{n}(x):\n    y = x * {n}\n    return [y, x] if y > {n} else y\n\n\n"
        for n in range(THOUSAND)
    )
    (directory / "functions.py").write_text(lines)
    sys.path.insert(0, str(directory))
    import functions

    memoized = [memoize(getattr(functions, f"f{n}"), directory) for n in range(THOUSAND)]
    start = now()
    for function in memoized:
        function(1)
    return {f"thousand {argument}": now() - start}


def in_any_order(memoize, directory, argument) -> dict:
    """A function that holds `argument` results, some of which are met in a process's first hits."""
    count = int(argument)
    function = memoize(load_workload(directory).work, directory)
    keys = [1 + x for x in random.Random(SEED).sample(range(count - 1), RANDOM_KEYS)]
    function(0)
    return {f"random at {argument}": each_once(function, keys)}


def bare_in_any_order(directory, argument) -> dict:
    """What opening, asking and reading such files takes alone, of the same number of others."""
    count = int(argument)
    place = next((directory / "locache.cache").glob("*work"))
    # Not -SEED, whose numbers are the same.
    keys = [1 + x for x in random.Random(SEED + 1_000).sample(range(count - 1), RANDOM_KEYS)]
    top = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    names = {x: f"x={x}_num=3" for x in keys}

    def read(x):
        file = os.open(names[x], os.O_RDONLY | os.O_CLOEXEC, dir_fd=top)
        os.fstat(file)
        os.read(file, 4096)
        os.close(file)

    return {f"random at {argument}": each_once(read, keys)}


def depth(memoize, directory, argument) -> dict:
    """`argument`: what rows call the stack that the function has."""
    workload = load_workload(directory)
    workload.MEMOIZED.append(memoize(workload.deep, directory))
    sys.setrecursionlimit(RECURSION_LIMIT)
    threading.stack_size(STACKS[argument])
    ended = []

    def go():
        try:
            workload.MEMOIZED[0](0)
        except RecursionError:
            ended.append(True)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    if not ended:
        raise SystemExit("no RecursionError came")
    return {f"depth in {argument}": workload.DEEPEST[0]}


def write_project(directory, count, docstrings):
    """A module whose function has so many helpers, half of which are constants."""
    says = ["    'More.'"] if docstrings else []
    lines, uses = [], ["x"]
    for n in range(count):
        name = f"part{n}"
        function = [f"def {name}(x):", *says, f"    return x + {n}"]
        lines += [f"{name} = {n}"] if n % 2 else function
        uses.append(name if n % 2 else f"{name}(x)")
    lines += ["def whole(x):", *says, f"    return {' + '.join(uses)}", ""]
    (directory / f"project{count}.py").write_text("\n".join(lines))


def depending(memoize, directory, argument) -> dict:
    """`argument`: "store" makes the results, "again" meets them, "edited" in sources that have
    docstrings by now: all code is another, and only parsing can tell that it means the same."""
    functions = {}
    # What a contender needs for its first call of all is not the projects'.
    memoize(load_workload(directory).one, directory)(0)
    for count in HELPERS:
        write_project(directory, count, docstrings=argument == "edited")
        project = importlib.import_module(f"project{count}")
        functions[count] = memoize(project.whole, directory)
    first = {}
    # In the order of the middle one first, which is what parsing is measured by.
    for count in sorted(HELPERS, key=lambda count: count != 10):
        start = now()
        functions[count](1)
        first[count] = now() - start
    if argument == "store":
        return {}
    if argument == "edited":
        return {"parsed": first[10]}
    rows = {f"first call with {count} helpers": first[count] for count in HELPERS}
    rows["ten helpers more"] = first[10] - first[0]
    for count, function in functions.items():
        settle(lambda call=function: call(1))
        rows[f"hit with {count} helpers"] = repeated("f(1)", f=function)
    return rows


def uses(memoize, directory, argument) -> dict:
    """`argument`: "store" makes the results, "again" meets them."""
    function = memoize(load_workload(directory).work, directory)
    (directory / "functions.py").write_text(
        "".join(f"def function{n}(x):\n    return x + {n}\n" for n in range(FUNCTIONS))
    )
    functions = importlib.import_module("functions")
    memoized = [memoize(getattr(functions, f"function{n}"), directory) for n in range(FUNCTIONS)]
    if argument == "store":
        for one in memoized:
            one(1)
        for x in range(IN_TURN):
            function(x)
        return {}
    # The first one opens the cache.
    memoized[0](1)
    rows = {"function": each_once(lambda n: memoized[n](1), range(1, FUNCTIONS))}
    rounds = []
    for turn in range(BATCHES + 5):
        if turn < 3:
            time.sleep(SETTLED)
        start = now()
        for x in range(IN_TURN):
            function(x)
        rounds.append((now() - start) / IN_TURN)
    return rows | {"in turn": median(rounds[-BATCHES:])}


def limits(memoize, directory, argument) -> dict:
    """A function that holds `argument` results, with and without that limit."""
    count = int(argument)
    work = load_workload(directory).work
    free = memoize(work, directory)
    bounded = memoize(work, directory, max_entries=count)
    first = -1 - SEED * 2_000
    start = now()
    bounded(first)
    rows = {"limited first miss": now() - start}
    times = []
    for x in range(first - 1, first - 1_001, -1):
        start = now()
        bounded(x)
        times.append(now() - start)
    rows["limited worst miss"] = max(times)
    settle(lambda: free(first))
    settle(lambda: bounded(first))
    more = repeated("f(x)", f=bounded, x=first) - repeated("f(x)", f=free, x=first)
    rows["limited hit more"] = more
    return rows


def switch(memoize, directory, argument) -> dict:
    """To another version and back, where that has `argument` results."""
    work = load_workload(directory).work
    times = []
    for _ in range(REOPENED):
        memoize(work, directory, version="another")(0)
        function = memoize(work, directory)
        start = now()
        function(0)
        times.append(now() - start)
    return {f"switch at {argument}": median(times)}


def fill(memoize, directory, argument) -> dict:
    """Make the results for x from 0 on."""
    function = memoize(load_workload(directory).work, directory)
    for x in range(int(argument)):
        function(x)
    return {}


def scale(memoize, directory, argument) -> dict:
    """A function that holds `argument` results, made by `fill` or by bench/entries.c."""
    count = int(argument)
    work = load_workload(directory).work
    function = memoize(work, directory)
    settle(lambda: function(0))
    rows = {f"hit at {count}": repeated("f(0)", f=function)}
    keys = [1 + x for x in random.Random(SEED).sample(range(count - 1), FEW_KEYS)]
    for x in keys:
        function(x)
    batches = []
    for _ in range(REOPENED):
        function = memoize(work, directory)
        function(0)
        start = now()
        for x in keys:
            function(x)
        batches.append((now() - start) / len(keys))
    rows[f"first hit at {count}"] = median(batches)
    return rows


def scale_in_memory(memoize, directory, argument) -> dict:
    """The same for a contender that keeps nothing: all within one process."""
    count = int(argument)
    function = memoize(load_workload(directory).work, directory)
    for x in range(count):
        function(x)
    hit = repeated("f(0)", f=function)
    return {
        f"hit at {count}": hit,
        f"miss at {count}": each_once(function, range(count, count + KEYS)),
    }


def scale_miss(memoize, directory, argument) -> dict:
    """Results more; bench/run.py removes what comes by them."""
    count = int(argument)
    function = memoize(load_workload(directory).work, directory)
    function(0)
    first = -1 - SEED * KEYS
    return {f"miss at {count}": each_once(function, range(first, first - KEYS, -1))}


def clean_up(memoize, directory, _) -> dict:
    """Remove what `scale_miss` stored, where a contender has a way to do it for one call."""
    function = memoize(load_workload(directory).work, directory)
    forget = getattr(function, "forget", None)
    if forget is None:
        import diskcache

        store = diskcache.Cache(str(directory / "diskcache"))

        def forget(x):
            store.delete(function.__cache_key__(x))

    first = -1 - SEED * KEYS
    for x in range(first, first - KEYS, -1):
        forget(x)
    return {}


def holds(memoize, directory, argument) -> dict:
    """Are the first and the last result there?"""
    function = memoize(load_workload(directory).work, directory)
    return {"holds": function.is_cached(0) and function.is_cached(int(argument) - 1)}


def parallel(memoize, directory, argument) -> dict:
    """`argument`: how many processes, and which of them this is. Each part begins with a line of
    standard input."""
    processes, index = map(int, argument.split())
    function = memoize(load_workload(directory).work, directory)
    settle(lambda: function(0))
    first = (index + 1) * 1_000_000

    def hits(_):
        for _ in range(10):
            function(0), function(0), function(0), function(0), function(0)
        return 50

    def misses(done):
        function(first + done)
        return 1

    return {f"{part.__name__} by {processes}": per_second(part) for part in (hits, misses)}


def per_second(part) -> float:
    """Calls per second; `part(calls so far)` returns how many it made."""
    print("ready", flush=True)
    sys.stdin.readline()
    calls = 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < PARALLEL_SECONDS:
        calls += part(calls)
    return calls / elapsed


def memory(memoize, directory, _) -> dict:
    """Growth while results that were all met before are hit again."""
    function = memoize(load_workload(directory).work, directory)
    for x in range(MEMORY_KEYS):
        function(x)
    time.sleep(SETTLED)
    for _ in range(3):
        for x in range(MEMORY_KEYS):
            function(x)
    before = resident()
    calls = 0
    begin = time.monotonic()
    while calls < MEMORY_HITS and time.monotonic() - begin < MEMORY_SECONDS:
        for x in range(MEMORY_KEYS):
            function(x)
        calls += MEMORY_KEYS
    return {"memory hits": resident() - before, "calls": calls}


def memory_keys(memoize, directory, argument) -> dict:
    """Growth while each of many results is hit once."""
    function = memoize(load_workload(directory).work, directory)
    function(0)
    before = resident()
    for x in range(1, int(argument)):
        function(x)
    return {"memory keys": resident() - before}


def bare(directory) -> dict:
    from bare import Bare

    library = Bare(directory.parent / "bare.so")
    files = directory / "bare"
    files.mkdir()
    step = KEYS // 7
    starts = range(0, KEYS - step + 1, step)
    rows = {"write": median([library.run("write", files, at, step) for at in starts])}
    rows["read"] = median([library.run("read", files, at, step) for at in starts])
    for quick in ("null", "fstat", "fstatat"):
        rows[quick] = median([library.run(quick, files, 0, 5_000) for _ in range(BATCHES)])
    return rows


PHASES = (
    hits,
    cold,
    warm,
    store_array,
    array_result,
    array_argument,
    returned,
    thousand,
    in_any_order,
    depth,
    depending,
    uses,
    limits,
    switch,
    fill,
    scale,
    scale_in_memory,
    scale_miss,
    clean_up,
    holds,
    parallel,
    memory,
    memory_keys,
)


GIVEN = {
    "value_argument": value_argument,
    "object_argument": object_argument,
    "buffer_argument": buffer_argument,
}


def main():
    name, phase, directory = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    argument = sys.argv[4] if len(sys.argv) > 4 else ""
    if name == BARE:
        results = bare(directory) if phase == "bare" else bare_in_any_order(directory, argument)
    else:
        from contenders import BY_NAME

        functions = {function.__name__: function for function in PHASES} | GIVEN
        one = BY_NAME[name]
        follows = phase in ("depending", "thousand") and one.follows is not None
        memoize = one.follows if follows else one.memoize
        results = functions[phase](memoize, directory, argument)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
