"""Rows "byte flips", "truncation, extension", "swapped entries": damaged bytes are a miss, never a
result."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest
import workload
from faultkit import computed, entry_of, persisted

LONG = bool(os.environ.get("LOCACHE_TEST_LONG"))
EVERY = (
    1 if LONG else 7
)  # of a large entry's bytes, every so many; small entries and all headers are flipped whole
HEADER = 144


@pytest.fixture
def cache():
    """In memory where that is possible: ext4 waits for the disk when a file is replaced, thousands
    of times here."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="locache-", dir=memory) as place:
        yield Path(place) / "faults.cache"


def damaged_bytes(original: bytes, at: int):
    """Every single-bit flip of one byte, and it overwritten with 0x00 and 0xFF."""
    values = {original[at] ^ (1 << bit) for bit in range(8)} | {0x00, 0xFF}
    values.discard(original[at])
    for value in sorted(values):
        yield original[:at] + bytes([value]) + original[at + 1 :]


def stored(cache, function):
    """A persisted function with one entry: the function, the entry's path and bytes, the right
    result."""
    call = persisted(function, cache)
    result = call(1)
    entry = entry_of(cache, function)
    return call, entry, entry.read_bytes(), result


def assert_miss(call, right, injected):
    result, ran = computed(call, 1)
    assert result == right and type(result) is type(right)
    assert ran, "a damaged entry was believed"
    injected()


@pytest.mark.parametrize("codec", workload.BY_CODEC)
@pytest.mark.filterwarnings("ignore::locache.CacheWarning")
def test_every_flipped_byte_is_a_miss(cache, injected, codec):
    call, entry, original, right = stored(cache, workload.BY_CODEC[codec])
    small = len(original) < 1000
    for at in range(len(original)):
        if not small and at >= HEADER and at % EVERY:
            continue
        for damaged in damaged_bytes(original, at):
            entry.write_bytes(damaged)
            assert_miss(call, right, injected)


@pytest.mark.parametrize("codec", workload.BY_CODEC)
@pytest.mark.filterwarnings("ignore::locache.CacheWarning")
def test_every_truncation_is_a_miss(cache, injected, codec):
    call, entry, original, right = stored(cache, workload.BY_CODEC[codec])
    lengths = (
        range(len(original))
        if len(original) < 1000 or LONG
        else [*range(400), *range(400, len(original), 37)]
    )
    for length in lengths:
        entry.write_bytes(original[:length])
        assert_miss(call, right, injected)


@pytest.mark.parametrize("codec", workload.BY_CODEC)
@pytest.mark.parametrize("more", [1, 4, 4096])
@pytest.mark.filterwarnings("ignore::locache.CacheWarning")
def test_every_extension_is_a_miss(cache, injected, codec, more):
    call, entry, original, right = stored(cache, workload.BY_CODEC[codec])
    for tail in (b"\0" * more, b"\xff" * more):
        entry.write_bytes(original + tail)
        assert_miss(call, right, injected)


@pytest.mark.filterwarnings("ignore::locache.CacheWarning")
def test_zeros_of_the_right_length_are_a_miss(cache, injected):
    call, entry, original, right = stored(cache, workload.plain)
    entry.write_bytes(bytes(len(original)))
    assert_miss(call, right, injected)


def test_damaged_entry_is_replaced(cache, injected):
    call, entry, original, right = stored(cache, workload.plain)
    entry.write_bytes(original[:-1])
    with pytest.warns(match="x=1"):
        assert_miss(call, right, injected)
    assert computed(call, 1) == (right, False)


@pytest.mark.filterwarnings("ignore::locache.CacheWarning")
def test_random_damage_is_a_miss(cache, injected):
    call, entry, original, right = stored(cache, workload.plain)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(20_000 if LONG else 1_000):
        bytes_now = bytearray(original)
        for _ in range(chance.randint(1, 8)):
            bytes_now[chance.randrange(len(bytes_now))] = chance.randrange(256)
        if bytes(bytes_now) == original:
            continue
        entry.write_bytes(bytes_now)
        assert_miss(call, right, injected)


@pytest.mark.parametrize("codec", workload.BY_CODEC)
@pytest.mark.filterwarnings("ignore::locache.CacheWarning")
def test_another_calls_entry_under_this_name_is_a_miss(cache, codec):
    function = workload.BY_CODEC[codec]
    call = persisted(function, cache)
    one, _two = call(1), call(2)
    shutil.copyfile(entry_of(cache, function, "x=2"), entry_of(cache, function, "x=1"))
    result, ran = computed(call, 1)
    assert (result == one, ran) == (True, True)


@pytest.mark.filterwarnings("ignore::locache.CacheWarning")
def test_another_functions_entry_under_this_name_is_a_miss(cache):
    plain, other = persisted(workload.plain, cache), persisted(workload.other, cache)
    right = plain(1)
    other(1)
    shutil.copyfile(entry_of(cache, workload.other), entry_of(cache, workload.plain))
    assert computed(plain, 1) == (right, True)
