"""Large results are mappings of their files, verified once for each state of the file: what is
damaged is never given, whatever `.locache/verified` says, and no result changes another or the
file."""

from __future__ import annotations

import gc
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import locache
import numpy as np
import pytest
import workload
import xxhash
from faultkit import computed, persisted, warned

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
COUNT = 40_000  # elements: 320,000 bytes, more than LOCACHE_MAP_FROM
LARGE = (
    100_000_000 if LONG else 8_000_000
)  # elements of the results whose pages are counted: 800 and 64 MB
PAGE = resource.getpagesize()
SETTLED = 0.03  # seconds: longer than the file system's clock stands still

# docs/format.md, "What was verified"
RECORD = 128
BOOT, STAT, SUM = slice(8, 24), slice(32, 80), slice(112, 128)

pytestmark = pytest.mark.filterwarnings("ignore::locache.CacheWarning")


@pytest.fixture
def large(cache):
    """A persisted function with one large result, as a new process would have it each time it is
    called."""

    class Large:
        path = cache / "ramp" / f"count={COUNT}"
        verified = cache / "ramp" / ".locache" / "verified"
        right = np.arange(COUNT, dtype="f8")

        def __call__(self, **options):
            return persisted(workload.ramp, cache, **options)

        def is_hit(self, call=None):
            """The result is right; did it come from the file?"""
            result, ran = computed(call or self(), COUNT)
            assert np.array_equal(result, self.right), "a wrong result"
            return not ran

    large = Large()
    assert not large.is_hit()
    return large


def flip(path, at, bit=1):
    """As any write does, with the time that it has."""
    fd = os.open(path, os.O_RDWR)
    byte = os.pread(fd, 1, at)[0]
    os.pwrite(fd, bytes([byte ^ bit]), at)
    os.close(fd)


def mapped_files():
    """The files that this process has mapped."""
    return [
        line.split(None, 5)[5].strip()
        for line in Path("/proc/self/maps").open()
        if line.count(" ") and "/" in line
    ]


# ---------------------------------------------------------------------------------------- isolation


def test_results_are_isolated_from_each_other_and_from_the_file(large):
    call = large()
    before = large.path.read_bytes()
    a, b = call(COUNT), call(COUNT)
    assert a is not b and not np.shares_memory(a, b)
    a[:] = -1
    b[7] = -2
    assert a[7] == -1 and b[8] == 8
    assert np.array_equal(call(COUNT), large.right)
    assert large.path.read_bytes() == before
    assert large.is_hit(), "another process's"


def test_a_result_outlives_its_file_and_its_function(large, cache):
    call = large()
    result = call(COUNT)
    locache.reset_cache(call)
    shutil.rmtree(cache)
    del call
    gc.collect()
    assert np.array_equal(result, large.right)
    result += 1
    assert result[-1] == COUNT


def test_a_result_outlives_its_replacement(large):
    call = large()
    result = call(COUNT)
    assert len(workload.COMPUTED) == 1
    call.refresh(COUNT)
    call.forget(COUNT)
    assert not large.is_hit(call)
    assert np.array_equal(result, large.right)


def test_mapped_false_outlives_the_files_truncation(large):
    call = large(mapped=False)
    result = call(COUNT)
    assert len(workload.COMPUTED) == 1 and str(large.path) not in mapped_files()
    os.truncate(large.path, 0)
    assert np.array_equal(result, large.right)
    result[:] = 0
    assert not large.is_hit(call)


def test_what_is_large_is_mapped_and_what_is_not_is_read(large, cache):
    result = large()(COUNT)
    assert str(large.path) in mapped_files()
    del result
    gc.collect()
    assert str(large.path) not in mapped_files(), "it goes with the array"
    call = large()
    call(1000)
    result = large()(1000)
    assert result[999] == 999 and str(cache / "ramp" / "count=1000") not in mapped_files()


def test_mapped_results_hold_no_descriptors(large):
    call = large()
    call(COUNT)
    before = len(os.listdir("/proc/self/fd"))
    results = [call(COUNT) for _ in range(300)]
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert all(result[-1] == COUNT - 1 for result in results)
    assert len(workload.COMPUTED) == 1


# ------------------------------------------------------------------------------------------- damage


def places(size):
    """Offsets that differ in what they are: header, table, key, body, padding, buffer, and any."""
    chosen = random.Random(size)
    return sorted(
        {
            *range(0, 320, 5),
            size - 1,
            size // 2,
            *(chosen.randrange(size) for _ in range(400 if LONG else 40)),
        }
    )


@pytest.mark.parametrize("settled", [False, True], ids=["at once", "settled"])
@pytest.mark.parametrize("fresh", [True, False], ids=["next process", "same handle"])
def test_a_flipped_byte_is_never_given_though_the_file_was_verified(large, fresh, settled):
    call = large()
    for at in places(large.path.stat().st_size)[:: 1 if LONG or not settled else 4]:
        if settled:
            time.sleep(SETTLED)
        assert large.is_hit(call) and large.is_hit()
        flip(large.path, at, 1 << at % 8)
        assert not large.is_hit(None if fresh else call), f"byte {at}"
        if fresh:
            call = large()


def test_a_flipped_byte_with_its_time_put_back_is_never_given(large):
    for at in places(large.path.stat().st_size)[::3]:
        assert large.is_hit()
        before = large.path.stat()
        flip(large.path, at)
        os.utime(large.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert not large.is_hit(), f"byte {at}"


def test_a_byte_flipped_between_two_processes_is_never_given(large, cache):
    program = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(workload.__file__).parent)!r})
        import locache, workload
        result = locache.persist(workload.ramp, dir={str(cache)!r}, name="ramp")({COUNT})
        assert (result == range({COUNT})).all()
        print(len(workload.COMPUTED))
    """)

    def runs():
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout)

    assert runs() == 0
    for at in (150, 4096, large.path.stat().st_size - 1):
        flip(large.path, at)
        assert runs() == 1
        assert runs() == 0


def test_a_file_of_another_length_is_a_miss(large):
    size = large.path.stat().st_size
    for length in (0, 1, 143, 144, 4096, size // 2, size - PAGE, size - 1, size + 1, size + PAGE):
        assert large.is_hit()
        os.truncate(large.path, length)
        assert not large.is_hit(), f"{length} bytes"


def test_a_file_of_zeros_is_a_miss(large):
    """What a power cut may leave."""
    size = large.path.stat().st_size
    assert large.is_hit()
    for whole in (False, True):
        data = b"" if whole else large.path.read_bytes()[:PAGE]
        large.path.write_bytes(data.ljust(size, b"\0"))
        assert not large.is_hit()


# ------------------------------------------------------------------------------- what is remembered


def record_of(large):
    """The record of the large result's file as it is now, and where in the file it is."""
    seen = large.path.stat()
    table = large.verified.read_bytes()
    for at in range(0, len(table), RECORD):
        if table[at + 32 : at + 48] == struct.pack("<qq", seen.st_dev, seen.st_ino):
            return bytearray(table[at : at + RECORD]), at
    raise AssertionError("the file is not remembered")


def remember(large, at, record):
    """Put a record there, its checksum made good."""
    record[SUM] = xxhash.xxh3_128_digest(bytes(record[:112]))
    with large.verified.open("r+b") as file:
        file.seek(at)
        file.write(record)


def forge(large, **changes):
    """Damage the last number of the file, and have the record say that it was found sound in just
    that state."""
    record, at = record_of(large)
    flip(large.path, large.path.stat().st_size - 2)
    seen = large.path.stat()
    numbers = (
        seen.st_dev,
        seen.st_ino,
        seen.st_size,
        seen.st_nlink,
        seen.st_mtime_ns,
        seen.st_ctime_ns,
    )
    record[STAT] = struct.pack("<6q", *numbers)
    for place, data in changes.values():
        record[place] = data
    remember(large, at, record)


def test_a_verified_file_is_not_read_again(large):
    """That the record is what is believed: else the tests below would show nothing."""
    time.sleep(SETTLED)
    assert large.is_hit()
    forge(large)
    result, ran = computed(large(), COUNT)
    assert not ran and result[-1] != COUNT - 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((BOOT, os.urandom(16)), id="another boot"),
        pytest.param((BOOT, bytes(16)), id="no boot"),
        pytest.param((slice(24, 32), os.urandom(8)), id="another mount"),
        pytest.param((slice(0, 8), b"LOCVRFY\x02"), id="another magic"),
        pytest.param((slice(48, 56), struct.pack("<q", 5)), id="another size"),
        pytest.param((slice(56, 64), struct.pack("<q", 2)), id="another name"),
        pytest.param((slice(64, 72), struct.pack("<q", 5)), id="another time of modification"),
        pytest.param((slice(72, 80), struct.pack("<q", 5)), id="another time of change"),
        pytest.param((slice(80, 96), bytes(16)), id="another checksum"),
    ],
)
def test_what_is_remembered_of_something_else_does_not_count(large, change):
    time.sleep(SETTLED)
    assert large.is_hit()
    forge(large, change=change)
    assert not large.is_hit()
    assert large.is_hit()


def test_a_torn_record_does_not_count(large):
    time.sleep(SETTLED)
    assert large.is_hit()
    forge(large)
    _, at = record_of(large)
    flip(large.verified, at + 127)
    assert not large.is_hit()


def garbage(path):
    path.write_bytes(os.urandom(100_000))


def truncated(path):
    os.truncate(path, 1000)


def cut_to_nothing(path):
    os.truncate(path, 0)


def enormous(path):
    os.truncate(path, 1 << 40)


def gone(path):
    path.unlink()


def a_directory(path):
    path.unlink()
    path.mkdir()


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def a_device(path):
    path.unlink()
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero


def a_link(path):
    target = path.parent.parent.parent.parent / "target"
    path.rename(target)
    path.symlink_to(target)


def all_ones(path):
    path.write_bytes(b"\xff" * path.stat().st_size)


@pytest.mark.parametrize(
    "damage",
    [
        garbage,
        truncated,
        cut_to_nothing,
        enormous,
        gone,
        a_directory,
        a_pipe,
        a_device,
        a_link,
        all_ones,
    ],
)
def test_a_damaged_memory_of_what_was_verified_is_harmless(large, damage):
    if damage is a_device and os.geteuid() != 0:
        pytest.skip("making a device needs root")
    damage(large.verified)
    target = large.path.parent.parent.parent / "target"
    before = target.read_bytes() if target.exists() else b""
    for _ in range(3):
        call = large()
        assert warned(large.is_hit, call) == (True, [])
        assert large.is_hit(call)
    flip(large.path, 5000)
    assert not large.is_hit()
    assert large.is_hit()
    assert (target.read_bytes() if target.exists() else b"") == before, "written through a link"


def test_a_copied_cache_is_verified_anew(large, cache):
    time.sleep(SETTLED)
    assert large.is_hit()
    copy = cache.with_name("copy.cache")
    shutil.copytree(cache, copy)
    flip(copy / "ramp" / large.path.name, 5000)
    result, ran = computed(persisted(workload.ramp, copy), COUNT)
    assert ran and np.array_equal(result, large.right)


# -------------------------------------------------------------------------------------------- pages

PAGES = """
import os, sys
sys.path.insert(0, {tests!r})
import locache, workload
call = locache.persist(workload.ramp, dir={cache!r}, name="ramp")
call(10)

def resident():
    # Pages, and those of them that are the process's own.
    with open("/proc/self/statm") as file:
        _, pages, shared, *_ = map(int, file.read().split())
    return pages, pages - shared

before, _ = resident()
result = call({count})
ready, own = resident()
step = len(result) // {touched}
result[::step] += 1
written, more = resident()
assert result[0] == 1 and result[step] == step + 1 and result[-1] == len(result) - 1
print(len(workload.COMPUTED), ready - before, written - ready, more - own)
"""


def test_only_pages_that_are_touched_become_resident(cache):
    touched = 50
    call = persisted(workload.ramp, cache)
    call(10)
    call(LARGE)
    values = {
        "tests": str(Path(workload.__file__).parent),
        "cache": str(cache),
        "count": LARGE,
        "touched": touched,
    }
    program = PAGES.format(**values)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    ran, ready, written, own = map(int, done.stdout.split())
    pages = LARGE * 8 // PAGE
    assert ran == 0
    # What the decoding itself takes, and what the kernel maps of the page cache around a page that
    # is touched (2 MiB at most); its copy of that page alone is the process's own.
    assert ready < 1000 and ready < pages / 10
    assert written < touched * 512 + 100
    assert own < touched * 2 + 100 and own < pages / 4
