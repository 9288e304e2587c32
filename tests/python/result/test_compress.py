"""compress=: what is stored compressed comes back as it was, and zstd's own tool reads it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import locache
import numpy as np
import pytest
from entryfile import COMPRESSED, parse
from locache import persist

DOCUMENT = Path(__file__).parents[3] / "docs" / "format.md"
SMOOTH = np.sin(np.arange(100_000) / 1000)
RANDOM = np.random.default_rng(1).bytes(500_000)
RECORDS = [{"id": i, "name": f"row {i}", "tags": ["a", "b"], "ratio": i / 7} for i in range(2000)]


def stored(result, directory, **options):
    """The result, read back from its file by another handle, and the file's bytes."""

    def give():
        return result

    first = persist(give, dir=directory, version="1", **options)
    first()
    second = persist(give, dir=directory, version="1")
    assert second.is_cached()
    return second(), Path(second.cache_path()).read_bytes()


def is_compressed(data):
    return parse(data).flags & COMPRESSED != 0


@pytest.mark.parametrize("compress", [True, 1, 19, "auto"])
@pytest.mark.parametrize(
    "result",
    [
        "a line of text\n" * 100_000,
        "\u00e9" * 50_000,
        b"bytes" * 1000,
        {"values": list(range(10_000))},
        RECORDS,
        json.dumps(RECORDS),
    ],
    ids=["text", "not ASCII", "bytes", "dict", "records", "JSON"],
)
def test_what_is_plain_is_compressed_and_comes_back(tmp_path, compress, result):
    back, data = stored(result, tmp_path, compress=compress)
    assert back == result and type(back) is type(result)
    assert is_compressed(data)


@pytest.mark.parametrize(
    ("options", "compressed"),
    [
        ({}, False),
        ({"compress": None}, False),
        ({"compress": False}, False),
        ({"compress": True}, True),
        ({"compress": "auto"}, False),
        ({"compress": "auto", "mapped": False}, True),
    ],
)
def test_arrays_that_are_mapped_are_left_alone_unless_it_is_told(tmp_path, options, compressed):
    zeros = np.zeros((300, 400))
    back, data = stored(zeros, tmp_path, **options)
    assert is_compressed(data) == compressed
    assert np.array_equal(back, zeros) and back.dtype == zeros.dtype
    back[:] = 1  # one's own
    assert back.flags.writeable


@pytest.mark.parametrize("result", [RANDOM, 3, None, "short"], ids=["random", "3", "None", "short"])
@pytest.mark.parametrize("compress", [True, "auto"])
def test_what_gets_no_smaller_is_not_compressed(tmp_path, compress, result):
    back, data = stored(result, tmp_path, compress=compress)
    assert back == result and not is_compressed(data)


def test_an_array_that_must_not_be_written_to_stays_one(tmp_path):
    frozen = np.zeros(100_000)
    frozen.flags.writeable = False
    back, data = stored(frozen, tmp_path, compress=True)
    assert is_compressed(data) and not back.flags.writeable


def test_a_pickle_is_signed_as_it_is_stored(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": np.arange(50_000), "b": ["x", "y"] * 25_000})
    back, data = stored(frame, tmp_path, compress=True)
    assert back.equals(frame) and is_compressed(data)
    back.loc[0, "a"] = 7
    assert len(data) < 200_000


def test_what_is_compressed_is_a_miss_where_a_byte_is_another(tmp_path):
    @persist(dir=tmp_path, version="1", compress=True, memory=False)
    def give():
        calls.append(1)
        return "text" * 1000

    calls = []
    give()
    path = Path(give.cache_path())
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.warns(locache.CacheWarning, match="damaged"):
        assert give() == "text" * 1000
    assert len(calls) == 2
    assert give() == "text" * 1000 and len(calls) == 2


@pytest.mark.parametrize(
    ("value", "kind"), [(0, ValueError), (23, ValueError), (-1, ValueError), ("zip", ValueError)]
)
def test_levels_that_there_are_not_are_refused(value, kind):
    with pytest.raises(kind, match="compress"):
        persist(compress=value)
    with pytest.raises(TypeError, match="compress"):
        persist(compress=1.5)


@pytest.mark.once
@pytest.mark.parametrize("result", ["text " * 10_000, SMOOTH, [SMOOTH, SMOOTH * 2]])
def test_the_documented_command_reads_it(tmp_path, result):
    """With zstd's own tool, as docs/format.md says it."""
    if shutil.which("zstd") is None:
        pytest.skip("zstd's own tool is missing")
    _, data = stored(result, tmp_path, compress=True)
    assert is_compressed(data)
    entry = tmp_path / "entry"
    entry.write_bytes(data)
    (command,) = re.findall(r"```sh\n(number.*?)```", DOCUMENT.read_text(), re.S)
    done = subprocess.run(
        ["sh", "-eu", "-c", command],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "entry": str(entry)},
        capture_output=True,
        check=True,
    )
    last = result[-1] if isinstance(result, list) else result
    content = last.encode() if isinstance(last, str) else last.tobytes()
    assert done.stdout.endswith(content)
    assert 0 < len(done.stdout) - len(content) < 200  # the body before it


def test_a_library_that_could_not_be_opened_once_is_tried_again(script):
    """Without a descriptor, for a moment."""
    found = script(
        """
        import resource, time, warnings
        from locache import persist
        warnings.simplefilter("ignore")
        calls = []

        @persist(compress=True)
        def f(x):
            calls.append(x)
            return "abc" * 10**5

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        f(1)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        end = time.monotonic() + 20
        while f.cache_info().currsize == 0 and time.monotonic() < end:
            time.sleep(0.1)
            f(1)
        stored = len(calls)
        f(1)
        print(f.cache_info().currsize, len(calls) - stored)
        """
    )
    assert found.out == "1 0\n"
