"""Entry bodies against cbor2 and RFC 8949, and bodies that nobody should have written, under a good
checksum."""

from __future__ import annotations

import array
import datetime
import decimal
import fractions
import os
import random
import time
import uuid
import warnings
from pathlib import Path

import cbor2
import entryfile
import numpy as np
import pytest
from hypothesis import given
from valuecache import Box, assert_same
from valuestrategies import graphs, plain_values

GOLDEN = Path(__file__).parents[2] / "golden"
DEPTH_MAX = 500

# --------------------------------------------------------------------------------------- with cbor2


@given(plain_values)
def test_body_is_the_same_value_to_cbor2(shared_cache, value):
    entry = shared_cache.store(value)
    assert entry.codec == entryfile.CBOR and entry.mac == bytes(32)
    assert_same(value, cbor2.loads(entry.body))


def without_strings_and_tuples(value, seen):
    """Do the shared objects have a form that cbor2 knows?"""
    if id(value) in seen:
        return True
    seen.add(id(value))
    if type(value) in (tuple, bytearray):
        return False
    if type(value) is list:
        return all(without_strings_and_tuples(item, seen) for item in value)
    return type(value) is not dict or all(
        without_strings_and_tuples(item, seen) for item in value.values()
    )


@given(graphs().filter(lambda value: without_strings_and_tuples(value, set())))
def test_shared_references_are_the_same_to_cbor2(shared_cache, value):
    assert_same(value, cbor2.loads(shared_cache.store(value).body))


@given(plain_values)
def test_entry_written_by_cbor2_is_a_hit(shared_cache, value):
    shared_cache.store(None)
    body = cbor2.dumps(value, canonical=True)
    shared_cache.replace(body=body)
    assert shared_cache.load() == value
    assert_same(cbor2.loads(body), shared_cache.load())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ((1, 2), cbor2.CBORTag(49600, [1, 2])),
        (frozenset({1}), cbor2.CBORTag(49601, [1])),
        (bytearray(b"a"), cbor2.CBORTag(49602, b"a")),
        ("\ud800", cbor2.CBORTag(49603, b"\xed\xa0\x80")),
        (1 + 2j, cbor2.CBORTag(43000, [1.0, 2.0])),
        (
            datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
            cbor2.CBORTag(49604, "2020-01-02T03:04:05.000006"),
        ),
        (datetime.time(1, 2, 3), cbor2.CBORTag(49605, "01:02:03")),
        (datetime.timedelta(1, 2, 3), cbor2.CBORTag(49606, [1, 2, 3])),
        (decimal.Decimal("-0"), cbor2.CBORTag(49607, "-0")),
        (bytes(5000), cbor2.CBORTag(49608, 0)),
        (array.array("B", b"ab"), cbor2.CBORTag(49612, ["B", b"ab"])),
        (np.array([1, 2], "<u2"), cbor2.CBORTag(40, [[2], cbor2.CBORTag(69, b"\1\0\2\0")])),
        (np.int8(-1), cbor2.CBORTag(49611, ["|i1", b"\xff"])),
    ],
)
def test_private_tags_are_as_documented(cache, value, shown):
    assert cache.store(value).body == cbor2.dumps(shown, canonical=True)
    assert_same(value, cache.load())


# ----------------------------------------------------------------------------------------- RFC 8949


def vectors():
    for line in (GOLDEN / "rfc8949" / "appendix_a.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")[:2]


NOT_RESULTS = {
    1,
    23,
    24,
    32,
}  # tags that the writer never writes: epoch times, expected conversions, URIs


@pytest.mark.parametrize(("verdict", "encoded"), list(vectors()))
def test_appendix_a(cache, verdict, encoded):
    cache.store(None)
    body = bytes.fromhex(encoded)
    cache.replace(body=body)
    tag = body[0] & 31 if body[0] & 31 < 24 else body[1]
    if verdict != "accept" or (body[0] >> 5 == 6 and tag in NOT_RESULTS):
        assert cache.is_miss()
        return
    expected = cbor2.loads(body)
    assert_same(expected, cache.load())


# ----------------------------------------------------------------------------------- hostile bodies

SHARED, REFERENCE, SET, TUPLE, FROZENSET, BUFFER = (
    "d81c",
    "d81d",
    "d90102",
    "d9c1c0",
    "d9c1c1",
    "d9c1c8",
)
PAIR_OF_ITSELF = SHARED + TUPLE + "82"


def doubling(depth):
    """A key that stands for 2**depth items."""
    pairs = PAIR_OF_ITSELF + "0102"
    for n in range(depth):
        pairs = (
            PAIR_OF_ITSELF
            + pairs
            + REFERENCE
            + (f"{depth - n:02x}" if depth - n < 24 else f"18{depth - n:02x}")
        )
    return pairs


@pytest.mark.parametrize(
    "body",
    [
        "",
        "01 01",
        "81",
        "8201",
        "a101",
        "a2 0101 0102",
        "a2 01f6 f93c00f6",
        "a1 80 01",
        "a1 a0 01",
        SET + "82 01 01",
        SET + "81 80",
        SET + "81" + SET + "80",
        SET + "a0",
        SET + "01",
        TUPLE + "01",
        TUPLE + "a0",
        "d9c1c2 6161",
        BUFFER + "00",
        REFERENCE + "00",
        SHARED + REFERENCE + "00",
        SHARED + SHARED + "80",
        SHARED + TUPLE + "81" + REFERENCE + "00",
        SHARED + SET + "81" + REFERENCE + "00",
        SHARED + FROZENSET + "81" + REFERENCE + "00",
        "82" + SHARED + "80" + REFERENCE + "01",
        "82" + SHARED + "80" + REFERENCE + "20",
        "82" + REFERENCE + "00" + SHARED + "80",
        "a1" + SHARED + "80" + "01",
        "d9ffff 01",
        "c0 01",
        "fa 3f800000",
        "1801",
        "62 c328",
        "81" * (DEPTH_MAX + 1) + "80",
        "81" * 100_000,
        "d81c" * 100_000,
        "9a00100000" * 300,
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "9b7fffffffffffffff",
        "5b7fffffffffffffff",
        # Each array has bytes enough for itself, but not for those around it.
        "9a00080000" * 400 + "00" * 0x80000,
        "a1" + doubling(40) + "01",
        SET + "81" + doubling(40),
    ],
    ids=lambda body: body[:24],
)
def test_hostile_body_is_a_miss(cache, body):
    cache.store(None)
    cache.replace(body=bytes.fromhex(body))
    started = time.monotonic()
    assert cache.is_miss()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("numbers", [[1], [0, 0], [1, 0], [0, 2], [0], []])
def test_each_buffer_is_used_once_in_order(cache, numbers):
    cache.store([bytes(5000), bytes(6000)])
    items = b"".join(cbor2.dumps(cbor2.CBORTag(49608, n)) for n in numbers)
    cache.replace(body=bytes([0x80 + len(numbers)]) + items)
    assert cache.is_miss()


def test_array_that_does_not_fit_its_buffer_is_a_miss(cache):
    body = cache.store(np.arange(1000)).body
    for size in (0, 1, 7992, 8001, 8008):
        cache.replace(buffers=[bytes(size)])
        assert cache.is_miss()
    cache.replace(buffers=[bytes(8000)], body=body)
    assert not cache.load().any()


def test_body_of_another_codec_is_a_miss(cache):
    cache.store(1)
    cache.replace(codec=entryfile.RAW)
    assert cache.is_miss()


def test_damaged_bodies_are_misses_or_values(cache, record_property):
    """Under a good checksum: whatever the bytes say, the call returns."""
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    record_property("seed", seed)
    rng = random.Random(seed)
    shared = [1, "a", {2.5: None}]
    shared.append(shared)
    value = [
        shared,
        shared,
        (1, (2,)),
        {"set": {1, (2, 3)}, b"k": frozenset({4})},
        np.arange(4),
        np.arange(600.0),
        1j,
        uuid.UUID(int=5),
        decimal.Decimal("1.5"),
        fractions.Fraction(1, 3),
        datetime.date(2020, 1, 1),
        b"x" * 5000,
        "\ud800",
        "s" * 80,
        2**80,
        bytearray(b"yz"),
        array.array("d", [1.5]),
        np.float32(2),
    ]
    original = cache.store(value)
    for _ in range(int(os.environ.get("LOCACHE_TEST_EXAMPLES", "1500"))):
        body = bytearray(original.body)
        for _ in range(rng.choice([1, 1, 2, 4])):
            at = rng.randrange(len(body))
            change = rng.randrange(4)
            if change == 0:
                body[at] ^= 1 << rng.randrange(8)
            elif change == 1:
                body[at] = rng.randrange(256)
            elif change == 2:
                del body[at : at + rng.randrange(1, 5)]
            else:
                body[at:at] = body[rng.randrange(len(body)) :][: rng.randrange(1, 9)]
        entry = entryfile.Entry(**{**vars(original), "body": bytes(body)})
        cache.entry.write_bytes(entryfile.build(entry))
        box = Box()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cache.function()(box)
