"""What is measured, in which order it is shown, and what it is held against.

A row has one figure for each contender: a time in nanoseconds, or what its unit says. `GROUPS` are
the tables.
"""

from __future__ import annotations

from dataclasses import dataclass

BARE = "system calls"
STRICT = "locache"
RELAXED = "locache, recheck=60"
MAPPED_NOT = "locache, mapped=False"
BOUNDED = "locache, max_entries"


@dataclass(frozen=True)
class Row:
    name: str
    title: str  # of the column in its group's table
    unit: str = "ns"  # or "bytes", "per second", "levels"


@dataclass(frozen=True)
class Group:
    name: str
    title: str
    rows: tuple[Row, ...]


# The calls of the repeated hits: the function in workload.py, and its arguments as they are
# written.
HITS = {
    "hit_none": ("nothing", ""),
    "hit_ints": ("two", "1, 2"),
    "hit_strings": ("two", "'alpha', 'beta'"),
    "hit_floats": ("two", "1.5, 2.5"),
    "hit_mixed": ("five", "1, 'alpha', 2.5, None, True"),
    "hit_keywords": ("two", "x=1, num=2"),
    "hit_tuple": ("one", "(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"),
}
HIT_TITLES = (
    "no arguments",
    "2 ints",
    "2 strings",
    "2 floats",
    "5 mixed",
    "2 keywords",
    "10-tuple",
)

# What goes first on the trace of bench/trace.py.
TRACE = {
    "": "GreedyDual-Size",
    ", LRU": "LRU, exact",
    ", no bound": "no bound",
    ", least-recently-stored": "least recently stored",
    ", least-recently-used": "least recently used",
    ", least-frequently-used": "least frequently used",
}

# Elements of 8 bytes.
SIZES = {"8 KB": 1_000, "800 KB": 100_000, "80 MB": 10_000_000, "800 MB": 100_000_000}
# Of arguments: from where one is digested instead of compared, up to where threads help.
ARGUMENT_SIZES = {
    "4 KiB": 512,
    "8 KB": 1_000,
    "64 KiB": 8_192,
    "800 KB": 100_000,
    "1 MiB": 131_072,
    "80 MB": 10_000_000,
    "800 MB": 100_000_000,
}
# Bytes of those whose digest has four lanes and one thread, and how many of them a hit gets done in
# a nanosecond with AVX2: nearly all of its time is the digest.
DIGESTED = {"64 KiB": 65_536, "800 KB": 800_000, "1 MiB": 1_048_576}
DIGEST_SPEED = 2.4
# Arguments that are no arrays: what bench/workload.py makes them with, and how large.
VALUES = {
    "frame of 1,000 rows": ("make_frame", 1_000),
    "frame of 100,000 rows": ("make_frame", 100_000),
    "frame of 100 rows, 1,000 columns": ("make_wide", 1_000),
    "polars, 100,000 rows": ("make_polars", 100_000),
}
OBJECTS = {
    "dataclass": ("make_dataclass", 3),
    "attrs": ("make_attrs", 3),
    "enum": ("make_enum", 1),
    "graph of 10,000 objects": ("make_graph", 10_000),
}
BUFFERS = {
    "4 KiB": ("make_bytes", 4 << 10),
    "16 KiB": ("make_bytes", 16 << 10),
    "64 KiB": ("make_bytes", 64 << 10),
    "256 KiB": ("make_bytes", 256 << 10),
    "1 MiB of bytes": ("make_bytes", 1 << 20),
}
# Results that are no arrays: the function, and its argument.
RETURNED = {
    "pandas, 24 MB": ("make_numbers", 1_000_000),
    "polars, 32 MB": ("make_polars_numbers", 1_000_000),
    "200,000 dicts": ("make_records", 200_000),
    "100,000 times": ("make_times", 100_000),
    "16 MB of text": ("make_text", 2_000_000),
    "18 MB of text beyond ASCII": ("make_letters", 1_000_000),
}
# Of these, how much memory storing them takes beside them, and bytes of them in memory.
TEXTS = {"16 MB of text": 16_000_000, "18 MB of text beyond ASCII": 18_000_000}
THOUSAND = 1_000  # functions in one file
RANDOM_COUNTS = (100_000, 1_000_000)  # entries, of which some are met in any order
RANDOM_KEYS = 2_000
HELPERS = (0, 10, 100)  # functions and constants that a function depends on
SWITCHED = 100_000  # entries of a version that another one takes the place of
STACKS = {"8 MiB": 8 << 20, "1 MiB": 1 << 20}  # of the thread that a function recurses in
LARGEST = "800 MB"
SUMMED = "80 MB"  # of this size, what a hit costs together with reading all of the array
ENTRIES = (10, 1_000, 100_000, 1_000_000)
BOUNDED_COUNTS = (10, 10_000, 1_000_000)  # entries of a function that stores under a bound
PROCESSES = (1, 2, 4)
MEMORY_HITS = 100_000
IN_TURN = 1_000  # sets of arguments
FUNCTIONS = 300  # of one source file
LIMIT = 100_000  # max_entries, where the function has as many

GROUPS = (
    Group(
        "hits",
        "Repeated hit",
        tuple(Row(name, title) for name, title in zip(HITS, HIT_TITLES, strict=True)),
    ),
    Group(
        "files",
        "First hit and miss",
        (
            Row("first_hit", "first hit of a key"),
            Row("first_call", "first call"),
            Row("cold_call", "first call of all"),
            Row("miss", "miss"),
            Row("import", "import"),
            Row("decorate", "decorate"),
        ),
    ),
    Group(
        "results",
        "Hit on an array result, until the array is ready",
        (
            *(Row(f"result {size}", size) for size in SIZES),
            Row(f"result {SUMMED} summed", f"{SUMMED}, summed"),
        ),
    ),
    Group(
        "first_results",
        "The same, for the first time in a process",
        tuple(Row(f"first result {size}", size) for size in SIZES),
    ),
    Group(
        "growth",
        "Resident memory that a hit on an array result takes",
        tuple(Row(f"growth {size}", size, "bytes") for size in SIZES),
    ),
    Group(
        "arguments",
        "Hit with an array argument",
        tuple(Row(f"argument {size}", size) for size in ARGUMENT_SIZES),
    ),
    Group(
        "values",
        "Hit with a DataFrame",
        tuple(Row(f"value {value}", value) for value in VALUES),
    ),
    Group(
        "objects",
        "Hit with an object",
        tuple(Row(f"object {value}", value) for value in OBJECTS),
    ),
    Group(
        "buffers",
        "Hit with a byte string",
        tuple(Row(f"buffer {value}", value) for value in BUFFERS),
    ),
    Group(
        "returned",
        "Hit on a result that is no array, and storing it",
        (
            *(Row(f"returned {what}", what) for what in RETURNED),
            *(Row(f"stored {what}", f"{what}, stored") for what in RETURNED),
            *(Row(f"storing {what}", f"{what}, memory to store it", "bytes") for what in TEXTS),
        ),
    ),
    Group(
        "thousand",
        f"{THOUSAND:,} functions of one file, each called once",
        (Row("thousand cold", "where nothing is stored"), Row("thousand warm", "again")),
    ),
    Group(
        "random",
        "First hit of a key, in random order, with so many entries in one function",
        tuple(Row(f"random at {count}", f"{count:,}") for count in RANDOM_COUNTS),
    ),
    Group(
        "depth",
        "Levels that a recursive function goes to, in a thread with so much stack",
        tuple(Row(f"depth in {stack}", stack, "levels") for stack in STACKS),
    ),
    Group(
        "depending",
        "A function that depends on others, found by itself where the contender does that",
        (
            *(Row(f"hit with {count} helpers", f"hit, {count} helpers") for count in HELPERS),
            *(Row(f"first call with {count} helpers", f"first call, {count}") for count in HELPERS),
            Row("ten helpers more", "first call, what ten add"),
            Row("parsed", "first call, all parsed anew"),
        ),
    ),
    Group(
        "uses",
        "Many sets of arguments, and many functions of one source file",
        (
            Row("in turn", f"hit, {IN_TURN:,} sets in turn"),
            Row("function", f"first call of each of {FUNCTIONS} functions"),
        ),
    ),
    Group(
        "limits",
        f"With at most {LIMIT:,} entries, and as many there",
        (
            Row("limited hit more", "hit, more than without a limit"),
            Row("limited first miss", "first miss of a process"),
            Row("limited worst miss", "worst of 1,000 misses"),
        ),
    ),
    Group(
        "bounds",
        "Computation on a trace under max_bytes of a tenth of its results, by what goes first",
        tuple(Row(f"trace computed{what}", title, "percent") for what, title in TRACE.items()),
    ),
    Group(
        "bounded stores",
        "Store in memory (tmpfs): no bound, one that does not bite, and one that evicts at each",
        tuple(
            Row(f"store {what} at {count}", f"{what}, {count:,}")
            for count in BOUNDED_COUNTS
            for what in ("free", "bounded", "evicting")
        ),
    ),
    Group(
        "cleared",
        "All results forgotten, of so many in one function (tmpfs)",
        tuple(Row(f"clear at {count}", f"{count:,}") for count in BOUNDED_COUNTS),
    ),
    Group(
        "switch",
        "First call after a switch back to a version that is kept, with so many entries",
        (Row(f"switch at {SWITCHED}", f"{SWITCHED:,}"),),
    ),
    *(
        Group(
            f"scale_{what}",
            f"{title}, with so many entries in one function",
            tuple(Row(f"{what} at {count}", f"{count:,}") for count in ENTRIES),
        )
        for what, title in (
            ("hit", "Repeated hit"),
            ("first hit", "First hit of a key"),
            ("miss", "Miss"),
        )
    ),
    Group(
        "parallel",
        "Calls per second by several processes at once",
        (
            *(Row(f"hits by {count}", f"hits, {count}", "per second") for count in PROCESSES),
            *(Row(f"misses by {count}", f"misses, {count}", "per second") for count in PROCESSES),
        ),
    ),
    Group(
        "memory",
        "Growth of resident memory",
        (
            Row("memory hits", f"{MEMORY_HITS:,} hits", "bytes"),
            Row("memory keys", f"{MEMORY_HITS:,} keys", "bytes"),
        ),
    ),
    Group(
        "bare",
        "What the operating system takes, called from C",
        (
            Row("null", "getppid"),
            Row("fstat", "fstat"),
            Row("fstatat", "fstatat"),
            Row("read", "open+fstat+read+close"),
            Row("write", "temporary+rename"),
        ),
    ),
)
ROWS = {row.name: row for group in GROUPS for row in group.rows}


@dataclass(frozen=True)
class Target:
    """`row` of `contender`, divided by `over` (a contender and a row) where there is one, is at
    most `most`."""

    title: str
    row: str
    most: float
    over: tuple[str, str] | None = None
    contender: str = STRICT
    aim: float | None = None  # what would be better still
    floor: tuple[str, str] | None = (
        None  # what cannot be done without: said where the target is missed
    )


TARGETS = (
    *(
        Target(f"repeated hit, {title}", row, 8, ("lru_cache", row), aim=6, floor=(BARE, "fstat"))
        for row, title in zip(HITS, HIT_TITLES, strict=True)
    ),
    *(
        Target(f"relaxed hit, {title}", row, 1.5, ("lru_cache", row), RELAXED)
        for row, title in zip(HITS, HIT_TITLES, strict=True)
    ),
    Target("2 keywords over 2 positional arguments", "hit_keywords", 1.5, (STRICT, "hit_ints")),
    Target("first hit of a key", "first_hit", 2.5, (BARE, "read")),
    Target("miss", "miss", 1.5, (BARE, "write")),
    Target("800 MB array result", "result 800 MB", 200_000),
    Target("800 MB array result, first in a process", "first result 800 MB", 200_000),
    # The pages that building an array object and its list of buffers touches.
    Target("800 MB array result, resident memory", "growth 800 MB", 1 << 20),
    *(
        Target(f"{size} array argument", f"argument {size}", 1, ("cachau", f"argument {size}"))
        for size in DIGESTED
    ),
    *(
        Target(f"{size} array argument, digested", f"argument {size}", count / DIGEST_SPEED)
        for size, count in DIGESTED.items()
    ),
    *(
        Target(value, f"value {value}", 1, ("joblib.hash", f"value {value}"))
        for value in VALUES
        if value.startswith("frame")
    ),
    Target(
        "frame of 1,000 columns",
        "value frame of 100 rows, 1,000 columns",
        1,
        ("pysciqlop-cache", "value frame of 100 rows, 1,000 columns"),
    ),
    Target(
        "graph of 10,000 objects",
        "object graph of 10,000 objects",
        1,
        ("joblib.hash", "object graph of 10,000 objects"),
    ),
    Target(
        f"{SUMMED} array result, summed",
        f"result {SUMMED} summed",
        1,
        ("numpy.load", f"result {SUMMED} summed"),
    ),
    Target(
        "80 MB array result, mapped=False",
        "result 80 MB",
        1,
        ("joblib", "result 80 MB"),
        MAPPED_NOT,
    ),
    Target(
        "hit with max_entries, over one without", "hit_ints", 1.2, (STRICT, "hit_ints"), BOUNDED
    ),
    Target("hit with max_entries", "hit_ints", 400, contender=BOUNDED, floor=(BARE, "fstat")),
    *(
        Target(f"{what}, decoded", f"returned {what}", most, ("pickle.loads", f"returned {what}"))
        for what, most in (
            ("200,000 dicts", 0.3),
            ("100,000 times", 1.1),
            ("16 MB of text", 1.1),
            ("18 MB of text beyond ASCII", 1.1),
        )
    ),
    *(
        Target(f"{what}, memory to store it", f"storing {what}", 1.1 * size)
        for what, size in TEXTS.items()
    ),
    *(
        Target(f"{what} argument, relaxed hit", f"object {what}", most, contender=RELAXED)
        for what, most in (("dataclass", 1_100), ("attrs", 1_100), ("enum", 800))
    ),
    Target(
        "pandas frame, stored",
        "stored pandas, 24 MB",
        1.2,
        ("checkpointer", "stored pandas, 24 MB"),
    ),
    Target("polars frame, each hit", "returned polars, 32 MB", 1_000_000),
    Target(f"{THOUSAND:,} functions, cold", "thousand cold", 500_000_000),
    *(
        Target(
            f"random first hits, {count:,} entries",
            f"random at {count}",
            2,
            (BARE, f"random at {count}"),
        )
        for count in RANDOM_COUNTS
    ),
    Target(
        "80 MB array argument",
        "argument 80 MB",
        1 / 3,
        ("joblib.hash", "argument 80 MB"),
        aim=1 / 5,
    ),
    *(
        Target(
            f"{what}, {ENTRIES[-1]:,} entries over {ENTRIES[0]}",
            f"{what} at {ENTRIES[-1]}",
            1.3,
            (STRICT, f"{what} at {ENTRIES[0]}"),
        )
        for what in ("hit", "first hit", "miss")
    ),
    Target(
        "hit with 10 helpers over none", "hit with 10 helpers", 1.1, (STRICT, "hit with 0 helpers")
    ),
    Target("first call, what ten helpers add", "ten helpers more", 250_000),
    Target("first call, ten helpers parsed anew", "parsed", 5_000_000),
    Target(f"switch of versions, {SWITCHED:,} entries", f"switch at {SWITCHED}", 1_000_000),
    Target("first call of each further function", "function", 9_000),
    Target(f"hit with max_entries, {LIMIT:,} there, more than without", "limited hit more", 400),
    Target(
        "computation under max_bytes over that under LRU",
        "trace computed",
        0.9,
        (STRICT, "trace computed, LRU"),
    ),
    *(
        Target(
            f"store under max_bytes, {what}, {count:,} entries",
            f"store {what} at {count}",
            1.3,
            (STRICT, f"store free at {count}"),
        )
        for count in BOUNDED_COUNTS
        for what in ("bounded", "evicting")
    ),
    Target("first miss of a process with max_entries", "limited first miss", 1_000_000),
    Target("worst of 1,000 misses with max_entries", "limited worst miss", 2_000_000),
    *(
        Target(f"{count:,} results forgotten", f"clear at {count}", 1_000_000)
        for count in BOUNDED_COUNTS[1:]
    ),
    Target(f"hit, {IN_TURN:,} sets in turn, over one set", "in turn", 2, (STRICT, "hit_ints")),
    Target("first call of a process, warm", "first_call", 50_000),
    Target(
        "first call of a process, warm",
        "first_call",
        1,
        ("pysciqlop-cache", "first_call"),
    ),
    Target("import", "import", 3_000_000),
    Target("decorate", "decorate", 30_000),
    # A few pages: the allocator's own.
    Target(f"{MEMORY_HITS:,} hits, resident memory", "memory hits", 64 << 10),
)
