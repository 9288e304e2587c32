"""Long texts in results: out of line as their UTF-8, whatever they are made of and wherever they
stand, and misses where the file is not as it was written."""

from __future__ import annotations

import sys

import cbor2
import entryfile
import pytest
from valuecache import assert_same

OUT_OF_LINE = 4096  # bytes of UTF-8
MAPPED = 300_000  # characters of a text whose file is mapped, and not read
BUFFER, TEXT_BUFFER, SURROGATES = 49608, 49627, 49603

# A text of so many characters.
TEXTS = {
    "ascii": lambda n: "abcdefgh\n\0" * (n // 10) + "x" * (n % 10),
    "latin1": lambda n: "é" * n,
    "two bytes": lambda n: "ж" * n,
    "three bytes": lambda n: "漢" * n,
    "four bytes": lambda n: "😀" * n,
    "ascii but the last": lambda n: "a" * (n - 1) + "é",
    "ascii but the first": lambda n: "\U0010ffff" + "a" * (n - 1),
    "ascii but for a surrogate": lambda n: "a" * (n - 1) + "\udc80",
    "surrogates": lambda n: "\ud800" * n,
    "every width": lambda n: ("aé漢😀" * n)[:n],
    "up to three bytes": lambda n: ("aж漢é" * n)[:n],
    "wide but the end": lambda n: "ж" * (n - 1) + "😀",
    "ascii but a wide end": lambda n: "a" * (n - 1) + "漢",
    "wide with surrogates": lambda n: ("ж漢\ud83d\ude00a" * n)[:n],
}
PLACES = {
    "bare": lambda text: text,
    "list": lambda text: [1, text, text + "1"],
    "tuple": lambda text: (text, None),
    "dict value": lambda text: {"text": text, "other": b"x" * 5000},
    "dict key": lambda text: {text: text + "1", "short": "s"},
    "set": lambda text: {text, "short"},
    "frozenset": lambda text: frozenset([text]),
    "shared": lambda text: [text, [text], {"again": text}],
    "deep": lambda text: [[[[(text, [text[1:]])]]]],
}


def encoded(text):
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("size", [1023, 1024, 2048, 4095, 4096, MAPPED])
@pytest.mark.parametrize("kind", TEXTS)
def test_text_comes_back(cache, kind, size):
    text = TEXTS[kind](size)
    before = sys.getsizeof(text)
    entry = cache.store(text)
    out_of_line = len(encoded(text)) >= OUT_OF_LINE
    assert entry.codec == entryfile.CBOR
    assert entry.buffers == ([encoded(text)] if out_of_line else [])
    back = cache.load()
    assert_same(text, back)
    # No str keeps a second copy of a long text for having been stored or read.
    if size >= OUT_OF_LINE:
        assert sys.getsizeof(text) == before == sys.getsizeof(back)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["ascii", "every width", "ascii but for a surrogate"])
@pytest.mark.parametrize("size", [5000, MAPPED])
def test_text_comes_back_from_any_place(cache, place, kind, size):
    value = PLACES[place](TEXTS[kind](size))
    assert len(cache.store(value).buffers) > 0
    assert_same(value, cache.load())


class Record:
    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return type(other) is Record and other.text == self.text


@pytest.mark.parametrize("kind", TEXTS)
def test_text_of_an_object_comes_back(cache, kind):
    """By pickle, which keeps texts within."""
    value = Record(TEXTS[kind](MAPPED))
    assert cache.store(value).codec == entryfile.PICKLE
    assert_same(value, cache.load())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 4095, "a" * 4095),
        ("a" * 4096, cbor2.CBORTag(TEXT_BUFFER, 0)),
        ("ж" * 2047, "ж" * 2047),
        ("ж" * 2048, cbor2.CBORTag(TEXT_BUFFER, 0)),
        ("\ud800" * 1365, cbor2.CBORTag(SURROGATES, encoded("\ud800" * 1365))),
        ("\ud800" * 1366, cbor2.CBORTag(SURROGATES, cbor2.CBORTag(BUFFER, 0))),
    ],
    ids=repr,
)
def test_body_is_as_documented(cache, text, shown):
    assert cache.store(text).body == cbor2.dumps(shown, canonical=True)
    assert_same(text, cache.load())


def test_one_text_in_two_places_is_stored_once(cache):
    text = "a" * 5000
    assert len(cache.store([text, text, {text: text}]).buffers) == 1
    back = cache.load()
    assert back[0] is back[1]


def test_entry_with_the_text_within_is_given(cache):
    """As it was written before texts went out of line, and as another writer may do it."""
    for text in ("a" * 5000, "é" * 300_000):
        cache.store(text)
        cache.replace(body=cbor2.dumps(text), buffers=[])
        assert cache.load() == text


# ------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("size", [5000, MAPPED])
@pytest.mark.parametrize(
    "wrong",
    [
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
        b"\x80",
    ],
    ids=lambda wrong: wrong.hex(),
)
def test_text_that_is_no_utf8_is_a_miss(cache, size, wrong):
    cache.store("a" * size)
    for at in (0, size // 2, size - len(wrong)):
        text = bytearray(b"a" * size)
        text[at : at + len(wrong)] = wrong
        cache.replace(buffers=[bytes(text)])
        assert cache.is_miss()


@pytest.mark.parametrize(
    "wrong",
    [b"\xff", b"\xd0\xd0", b"\x80", b"\xed\xa0\x80", b"\xe6\xbca", b"\x80" * (16 << 10)],
    ids=lambda wrong: f"{wrong[:3].hex()} of {len(wrong)}",
)
def test_wide_text_that_is_no_utf8_is_a_miss(cache, wrong):
    """It is decoded in pieces: whatever stands where one ends."""
    whole = "ж".encode() * MAPPED
    cache.store("ж" * MAPPED)
    for at in (0, 2, (16 << 10) - 2, 16 << 10, len(whole) - len(wrong) & ~1):
        text = bytearray(whole)
        text[at : at + len(wrong)] = wrong
        cache.replace(buffers=[bytes(text)])
        assert cache.is_miss(), at


@pytest.mark.parametrize("size", [5000, MAPPED])
def test_surrogates_without_any_are_a_miss(cache, size):
    cache.store("\ud800" * size)
    for text in (b"a" * size, "é".encode() * size, b"\xff" * size, b""):
        cache.replace(buffers=[text])
        assert cache.is_miss()
    cache.replace(buffers=[b"a" * size + b"\xed\xa0\x80"])
    assert cache.load() == "a" * size + "\ud800"


@pytest.mark.parametrize(
    "body",
    [
        cbor2.CBORTag(TEXT_BUFFER, 1),
        cbor2.CBORTag(TEXT_BUFFER, 2**64 - 1),
        cbor2.CBORTag(TEXT_BUFFER, -1),
        cbor2.CBORTag(TEXT_BUFFER, "0"),
        cbor2.CBORTag(TEXT_BUFFER, cbor2.CBORTag(BUFFER, 0)),
        cbor2.CBORTag(SURROGATES, cbor2.CBORTag(TEXT_BUFFER, 0)),
        cbor2.CBORTag(SURROGATES, "text"),
        cbor2.CBORTag(49602, cbor2.CBORTag(TEXT_BUFFER, 0)),
        [cbor2.CBORTag(TEXT_BUFFER, 0)] * 2,
        {cbor2.CBORTag(TEXT_BUFFER, 0): cbor2.CBORTag(TEXT_BUFFER, 0)},
        "nothing uses the buffer",
    ],
    ids=repr,
)
def test_wrong_reference_to_a_text_is_a_miss(cache, body):
    cache.store("a" * 5000)
    cache.replace(body=cbor2.dumps(body, canonical=True))
    assert cache.is_miss()


@pytest.mark.parametrize("size", [5000, MAPPED])
def test_damaged_text_is_a_miss(cache, size):
    """Under the checksum that was there: every byte of the text counts."""
    cache.store("a" * size)
    good = cache.entry.read_bytes()
    for at in (len(good) - size, len(good) - size // 2, len(good) - 1):
        bad = bytearray(good)
        bad[at] ^= 1
        cache.entry.write_bytes(bad)
        assert cache.is_miss()
    for bad in (good[:-1], good[: -size // 2], good + b"a", good[: 1 - size]):
        cache.entry.write_bytes(bad)
        assert cache.is_miss()
