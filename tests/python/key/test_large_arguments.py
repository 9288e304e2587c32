"""Large arguments: read in place, by several threads; a key says values and not how they lie."""

from __future__ import annotations

import array
import hashlib
import mmap
import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import time

import entryfile
import numpy as np
import pytest
from entryfile import tree
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from locache import persist

pytestmark = pytest.mark.once

MIB = 1 << 20
LEAF = 1 << 12


def laid_alike(view):
    """A copy whose items lie in the same order, without gaps."""
    still = tuple(slice(0, 1) if step == 0 else slice(None) for step in view.strides)
    turn = tuple(slice(None, None, -1 if step < 0 else None) for step in view.strides)
    return np.broadcast_to(np.array(view[still][turn], order="K")[turn], view.shape)


# --------------------------------------------------------------------------------------- the digest


def key_of_bytes(size, digest):
    """The key of a call f(x) with a long byte string: ["x", 49609([size, digest])]."""
    length = (
        b"\x19" + size.to_bytes(2, "big") if size < 1 << 16 else b"\x1a" + size.to_bytes(4, "big")
    )
    return b"\x82\x61x\xd9\xc1\xc9\x82" + length + b"\x58\x20" + digest


@pytest.mark.parametrize(
    "size",
    [
        *(LEAF, LEAF + 1, 4 * LEAF, 5 * LEAF - 1, 67 * LEAF + 9, MIB, MIB + 1),
        *(8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 21 * MIB + 5),
    ],
)
def test_long_bytes_go_in_as_the_documented_tree(name, size):
    data = np.random.default_rng(size).bytes(size)
    key = key_of_bytes(size, tree(data))
    assert name(data) == f"x=bytes.{size}~{hashlib.blake2b(key, digest_size=16).hexdigest()}"


def test_a_long_key_stands_as_its_digest(tmp_path):
    @persist(dir=tmp_path / "long.cache")
    def total(x):
        return sum(x)

    numbers = [0.5] * 1_000_000
    assert total(numbers) == 500_000
    path = pathlib.Path(total.cache_path(numbers))
    # ["x", [0.5, ...]]: a pair, a text, a list, and halves of 3 bytes.
    key = b"\x82\x61x\x9a" + (1_000_000).to_bytes(4, "big") + b"\xf9\x38\x00" * 1_000_000
    stored = b"\xd9\xc1\xc9\x82\x1a" + len(key).to_bytes(4, "big") + b"\x58\x20" + tree(key)
    assert entryfile.parse(path.read_bytes()).key == stored
    assert path.name.endswith(f"~{hashlib.blake2b(stored, digest_size=16).hexdigest()}")
    assert path.stat().st_size < 300
    assert total.is_cached(numbers) and not total.is_cached([*numbers[1:], 0.25])


def test_a_strided_array_has_the_documented_tree(name):
    base = np.frombuffer(np.random.default_rng(1).bytes(20 * MIB), "<u4").reshape(-1, 2)
    view = base[:, 1]
    assert name(view) == name(view.copy())
    assert name(view) != name(base[:, 0])


# ------------------------------------------------------------------------------------------ layouts

plain = st.sampled_from(
    [
        "?",
        "i1",
        "<u2",
        ">i4",
        "<f8",
        "<f2",
        "c16",
        "S3",
        "U2",
        "M8[ns]",
        ">m8[s]",
        "V5",
        "S12",
        "g",
        "G",
    ]
)


def indices(shape):
    return st.tuples(
        *(
            st.builds(slice, st.integers(0, n), st.integers(0, n), st.sampled_from([1, 1, 2, 3, 7]))
            | st.builds(slice, st.none(), st.none(), st.sampled_from([-1, -2, -5]))
            | st.integers(0, n - 1)
            for n in shape
        )
    )


@st.composite
def views(draw):
    """Any view of an array of any type: slices, steps back, transposes, broadcasts, windows."""
    dims, side = draw(st.sampled_from([(5, 5), (5, 9), (3, 40)]))
    shape = draw(hnp.array_shapes(max_dims=dims, max_side=side))
    dtype = np.dtype(draw(plain))
    count = int(np.prod(shape))
    data = np.random.default_rng(draw(st.integers(0, 9))).bytes(count * dtype.itemsize)
    if dtype.kind == "b":
        data = (np.frombuffer(data, "u1") & 1).tobytes()
    if dtype.kind == "U":
        data = (np.frombuffer(data, "u4") % 0xD800).tobytes()
    base = np.frombuffer(data, dtype).reshape(shape, order=draw(st.sampled_from("CF")))
    view = base[draw(indices(shape))]
    if not isinstance(view, np.ndarray):
        view = base
    if view.ndim > 1:
        view = view.transpose(draw(st.permutations(range(view.ndim))))
    if draw(st.booleans()):
        view = np.broadcast_to(view[..., None], (*view.shape, draw(st.integers(1, 3))))
    return view


@settings(max_examples=2 * settings.default.max_examples, deadline=None)
@given(view=views())
def test_a_view_is_the_array_that_it_shows(name, view):
    assert name(view) == name(laid_alike(view))


@settings(max_examples=settings.default.max_examples * 2 // 5, deadline=None)
@given(
    dtype=st.sampled_from(
        ["i1", "<u2", "S3", "<f4", "V5", "<f8", "S12", "M8[us]", "c16", "S24", "S100", "g", "G"]
    ),
    kind=st.sampled_from(
        ["step", "back", "transposed", "columns", "broadcast", "cube", "rows", "odd"]
    ),
    size=st.integers(LEAF - 50, 6 * LEAF)
    | st.integers(MIB - 50, 6 * MIB)
    | st.integers(8 * MIB - 50, 11 * MIB),
    seed=st.integers(0, 99),
)
def test_a_large_view_is_the_array_that_it_shows(name, dtype, kind, size, seed):
    """Items and rows that straddle the pieces in which a view is read."""
    dtype = np.dtype(dtype)
    count = max(size // dtype.itemsize, 12)
    rng = np.random.default_rng(seed)
    base = np.frombuffer(rng.bytes(2 * count * dtype.itemsize), dtype)
    width = int(rng.integers(2, min(count, 400)))
    half = base[: count // width * width].reshape(-1, width)
    view = {
        "step": lambda: base[seed % 2 :: 2],
        "back": lambda: base[:count][::-1],
        "transposed": lambda: half.T,
        "columns": lambda: half[:, 1 : width - width // 3],
        "broadcast": lambda: np.broadcast_to(base[:width], (count // width, width)),
        "cube": lambda: base[: 2 * (count // 6) * 3].reshape(2, -1, 3).transpose(2, 0, 1),
        "rows": lambda: half[::-2],
        "odd": lambda: half[1:, ::3].T[::-1],
    }[kind]()
    assert name(view) == name(laid_alike(view))


def test_only_the_order_of_the_layout_is_part_of_a_key(name):
    c = np.arange(300_000.0).reshape(600, 500)
    f = np.asfortranarray(c)
    sparse = np.zeros((600, 1500))[:, ::3]
    sparse[...] = c
    assert len({name(x) for x in (c, sparse, c[::-1][::-1], c.T.T)}) == 1
    assert name(f) == name(c.T.copy().T) != name(c)
    assert len({name(x) for x in (c, c.T, c[::-1], c[:, ::-1], c.reshape(500, 600))}) == 5


def test_every_item_of_a_view_counts(name):
    """At the ends of the pieces in which it is read, too."""
    base = np.zeros((2 * MIB, 3), "u1")
    view = base[:, 1]
    seen = {name(view)}
    for at in (0, 1, LEAF - 1, LEAF, 65535, 65536, MIB - 1, MIB, MIB + 262144, 2 * MIB - 1):
        base[:, 1] = 0
        base[at, 1] = 1
        seen.add(name(view))
        base[:, 0] = base[:, 2] = 5  # and nothing beside it
        seen.add(name(view))
        base[:, 0] = base[:, 2] = 0
    assert len(seen) == 11


def test_padding_of_long_doubles_does_not_count(name):
    a = np.zeros(40_000, "g")
    b = np.frombuffer(b"\xff" * a.nbytes, "g").copy()
    b[:] = a  # leaves what pads its items as it was
    for view in (slice(None), slice(None, None, 2), slice(10), slice(9, None, -1)):
        assert name(a[view]) == name(b[view])
    b[30_000] = 1
    assert name(a) != name(b)


def test_other_views_than_arrays(name):
    data = np.random.default_rng(2).integers(0, 256, 200_000, "u1")
    for view in (
        memoryview(data)[::2],
        memoryview(data)[::-3],
        memoryview(data.reshape(400, 500).T),
    ):
        assert name(view) == name(memoryview(np.ascontiguousarray(view)))
    assert name(memoryview(data)[::2]) != name(memoryview(data)[1::2])
    assert name(array.array("d", range(10_000))) == name(array.array("d", range(10_000)))


def test_fields_of_a_structured_array(name):
    a = np.zeros(50_000, [("x", "i4"), ("y", "f8"), ("s", "S5")])
    a["y"] = np.arange(50_000)
    b = np.zeros(100_000, a.dtype)[::2]
    b[:] = a
    assert name(a) == name(b)
    b["s"][40_000] = b"!"
    assert name(a) != name(b)


def test_an_immense_view_of_little_memory_is_refused(tmp_path):
    @persist(dir=tmp_path / "c.cache")
    def f(x):
        return x.shape

    view = np.broadcast_to(np.arange(5.0), (10**9, 5))
    with pytest.warns(UserWarning, match="larger than the memory"):
        assert f(view) == (10**9, 5)


# ------------------------------------------------------------------------------- threads and memory


def test_other_threads_run_meanwhile(name):
    """The digest gives up the GIL: another thread goes on."""
    data = np.zeros(64 * MIB, "u1")
    done = threading.Event()
    turns = [0]

    def turn():
        while not done.is_set():
            turns[0] += 1
            time.sleep(0)  # lets others in

    # So long that a thread that is not let in by a release would be let in by the interpreter only
    # after the digest.
    before = sys.getswitchinterval()
    sys.setswitchinterval(100)
    thread = threading.Thread(target=turn)
    try:
        for view in (data, data.reshape(2, -1).T):
            seen = turns[0]
            if not thread.is_alive():
                thread.start()
            name(view)
            assert turns[0] > seen + 1
    finally:
        done.set()
        sys.setswitchinterval(before)
        thread.join()


def test_the_number_of_processors_does_not_matter(name):
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no affinity on this system")
    data = np.random.default_rng(3).random(3 * MIB)
    values = (data, data[::-1], data.reshape(1024, -1).T, data.tobytes())
    before = os.sched_getaffinity(0)
    many = [name(value) for value in values]
    os.sched_setaffinity(0, {min(before)})
    try:
        assert [name(value) for value in values] == many
    finally:
        os.sched_setaffinity(0, before)


def test_a_child_of_fork_makes_the_same_key(name):
    data = np.random.default_rng(4).random(2 * MIB)
    expected = name(data)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, name(data).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        assert said.read() == expected
    assert os.waitpid(child, 0)[1] == 0


def test_a_mapped_file_is_an_argument(name, tmp_path):
    data = np.random.default_rng(5).bytes(9 * MIB)
    (tmp_path / "data").write_bytes(data)
    with (
        open(tmp_path / "data", "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        view = np.frombuffer(mapped, "u1")
        assert name(view) == name(np.frombuffer(data, "u1"))
        del view


def peak_over(tmp_path, prepare, use):
    """Bytes by which the peak of a process's memory grows over `use` after `prepare`, whose `small`
    is keyed first."""
    if os.environ.get("LOCACHE_TEST_SANITIZED"):
        pytest.skip("a sanitizer's own memory would be measured")
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("the peak of a process's memory cannot be set back here")
    script = f"""
        import resource, sys
        import numpy as np
        from locache import persist

        @persist(dir={str(tmp_path / "p.cache")!r})
        def f(x):
            return 0

        f.is_cached(np.zeros(3 << 20)[::2])  # whatever is loaded or started by the first
        {prepare}
        f.is_cached(small)
        open("/proc/self/clear_refs", "w").write("5")  # what was the peak until here is no peak
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        {use}
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    "view",
    ["a[:, ::2]", "a.T[::-1]", "a[::-1]", "a", "a.view('M8[s]')[:, 1::2]", "memoryview(a[::-1])"],
)
def test_a_view_of_200_megabytes_needs_no_copy(tmp_path, view):
    grown = peak_over(tmp_path, "small = 0; a = np.ones((10_000, 5_000))", f"f.is_cached({view})")
    # At most a leaf for each thread, of which there are at most 16; the threads' stacks; and the
    # allocator's own.
    assert grown < 24 * MIB


@pytest.mark.parametrize(
    ("module", "frame"),
    [
        ("pandas", "m.DataFrame(a, copy=False)"),
        ("pandas", "m.DataFrame({'a': a[:, 0].copy(), 'b': a[:, 1].copy()})"),
        ("polars", "m.DataFrame({'a': a[:, 0].copy(), 'b': a[:, 1].copy()})"),
        (
            "polars",
            "m.concat([m.DataFrame({'a': a[:, 0].copy(), 'b': a[:, 1].copy()})] * 2, "
            "rechunk=False)",
        ),
        ("pyarrow", "m.table({'a': a[:, 0].copy(), 'b': a[:, 1].copy()})"),
        (
            "pyarrow",
            "m.chunked_array("
            "[m.array(a[:, 0].copy(), mask=a[:, 1] == 0), m.array(a[:, 1].copy())])",
        ),
    ],
)
def test_a_frame_of_100_megabytes_needs_no_copy(tmp_path, module, frame):
    pytest.importorskip(module)
    prepare = (
        f"import {module} as m; a = np.ones((10, 2)); small = {frame}; "
        f"a = np.ones((6_250_000, 2)); x = {frame}"
    )
    # Masks and bits; a leaf for each thread, the threads' stacks, and the allocator's own.
    assert peak_over(tmp_path, prepare, "f.is_cached(x)") < 24 * MIB
