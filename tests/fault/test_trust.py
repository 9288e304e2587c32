"""Rows "pickle payload", "cloned cache" and "foreign or open directory": nothing that is read can
run code."""

from __future__ import annotations

import os
import pickle
import shutil
import struct

import pytest
import workload
import xxhash
from faultkit import NOBODY, computed, entry_of, needs_root, persisted, warned

MAC = slice(96, 128)
CHECKSUM = slice(128, 144)
HEADER = 144


class Payload:
    """Creates a file when it is unpickled: the proof that code ran."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return open, (str(self.proof), "w")


def restamped(entry: bytes) -> bytes:
    """With its checksum made right again: only the MAC stands between the entry and the reader."""
    entry = bytearray(entry)
    entry[CHECKSUM] = bytes(16)
    entry[CHECKSUM] = xxhash.xxh3_128_digest(bytes(entry))
    return bytes(entry)


def with_body(entry: bytes, body: bytes) -> bytes:
    """The same entry with another body under a valid checksum."""
    (key_size,) = struct.unpack_from("<Q", entry, 16)
    head = bytearray(entry[: HEADER + key_size])
    struct.pack_into("<I", head, 12, 0)
    struct.pack_into("<Q", head, 24, len(body))
    return restamped(bytes(head) + body)


@pytest.fixture
def attack(cache, tmp_path):
    """A stored pickle entry, and a check that a forged one in its place is a miss, warns and never
    runs."""
    call = persisted(workload.pickled, cache)
    right = call(1)
    proof = tmp_path / "payload-ran"
    entry = entry_of(cache, workload.pickled)

    def check(forged: bytes):
        entry.write_bytes(forged)
        fresh = persisted(workload.pickled, cache)
        (result, ran), messages = warned(computed, fresh, 1)
        assert result == right and ran
        assert not proof.exists()
        assert len(messages) == 1 and "x=1" in messages[0]

    check.entry = entry
    check.original = entry.read_bytes()
    check.payload = pickle.dumps(Payload(proof), protocol=5)
    check.proof = proof
    return check


def test_the_payload_would_run_if_it_were_loaded(attack):
    pickle.loads(attack.payload)
    assert attack.proof.exists()


def test_a_payload_under_the_old_mac_never_runs(attack):
    attack(with_body(attack.original, attack.payload))


def test_a_payload_with_a_zeroed_mac_never_runs(attack):
    forged = bytearray(with_body(attack.original, attack.payload))
    forged[MAC] = bytes(32)
    attack(restamped(forged))


def test_a_payload_that_says_it_has_no_mac_never_runs(attack):
    forged = bytearray(with_body(attack.original, attack.payload))
    forged[11] = 0
    forged[MAC] = bytes(32)
    attack(restamped(forged))


def test_a_payload_that_calls_itself_plain_data_never_runs(attack):
    forged = bytearray(with_body(attack.original, attack.payload))
    forged[10], forged[11] = 1, 0
    forged[MAC] = bytes(32)
    attack(restamped(forged))


def test_an_entry_signed_with_another_key_is_a_miss(attack, home, monkeypatch, tmp_path):
    stranger = tmp_path / "stranger"
    monkeypatch.setenv("XDG_STATE_HOME", str(stranger))
    other = persisted(workload.pickled, tmp_path / "strangers.cache")
    other(1)
    forged = entry_of(tmp_path / "strangers.cache", workload.pickled).read_bytes()
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    attack(forged)


def test_a_mac_from_another_entry_is_a_miss(attack, cache):
    persisted(workload.pickled, cache)(2)
    other = (cache / "pickled" / "x=2").read_bytes()
    forged = bytearray(attack.original)
    forged[MAC] = other[MAC]
    attack(restamped(forged))


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o606])
def test_a_key_file_that_others_may_read_is_not_used(cache, home, mode):
    call = persisted(workload.pickled, cache)
    right = call(1)
    (home / "state" / "locache" / "key").chmod(mode)
    (result, ran), messages = warned(computed, persisted(workload.pickled, cache), 1)
    assert (result == right, ran) == (True, True)
    assert len(messages) == 1 and "key" in messages[0] and "chmod" in messages[0]


def test_a_key_inside_the_cache_is_not_used(cache, monkeypatch):
    call = persisted(workload.pickled, cache)
    right = call(1)
    state = cache / "state"
    shutil.copytree(os.environ["XDG_STATE_HOME"], state, symlinks=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    (result, ran), messages = warned(computed, persisted(workload.pickled, cache), 1)
    assert (result == right, ran) == (True, True)
    assert len(messages) == 1 and "key" in messages[0]


def test_a_key_that_is_a_link_is_not_used(cache, home):
    call = persisted(workload.pickled, cache)
    call(1)
    key = home / "state" / "locache" / "key"
    key.rename(home / "elsewhere")
    key.symlink_to(home / "elsewhere")
    (_, ran), messages = warned(computed, persisted(workload.pickled, cache), 1)
    assert ran and len(messages) == 1


def test_the_key_is_private(cache, home):
    persisted(workload.pickled, cache)(1)
    key = home / "state" / "locache" / "key"
    assert key.stat().st_mode & 0o777 == 0o600 and key.stat().st_size == 32
    assert key.parent.stat().st_mode & 0o777 == 0o700


def test_pickle_false_neither_stores_nor_loads(cache):
    persisted(workload.pickled, cache)(1)
    call = persisted(workload.pickled, cache, pickle=False)
    (result, ran), messages = warned(computed, call, 1)
    assert ran and result == [workload.Point(1)]
    assert len(messages) == 1
    assert computed(call, 1)[1]


def test_a_cloned_cache_gives_plain_data_and_no_pickles(cache, tmp_path, monkeypatch):
    right = persisted(workload.plain, cache)(1)
    persisted(workload.pickled, cache)(1)
    clone = tmp_path / "clone.cache"
    shutil.copytree(cache, clone)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "fresh"))
    assert computed(persisted(workload.plain, clone), 1) == (right, False)
    (result, ran), messages = warned(computed, persisted(workload.pickled, clone), 1)
    assert ran and result == [workload.Point(1)] and len(messages) == 1


@needs_root("chown")
@pytest.mark.parametrize("which", ["cache", "function"])
def test_a_directory_of_another_user_is_bypassed(cache, which):
    right = persisted(workload.plain, cache)(1)
    os.chown(cache if which == "cache" else cache / "plain", NOBODY, NOBODY)
    call = persisted(workload.plain, cache)
    (result, ran), messages = warned(computed, call, 1)
    assert (result, ran) == (right, True)
    assert len(messages) == 1 and str(cache) in messages[0]
    assert warned(computed, call, 1) == ((right, True), [])


@needs_root("chown")
@pytest.mark.parametrize("mode", [0o777, 0o707, 0o770])
def test_a_directory_that_others_may_write_to_is_bypassed(cache, mode):
    right = persisted(workload.plain, cache)(1)
    os.chown(cache, -1, NOBODY)  # a group that is not the user's private one
    cache.chmod(mode)
    (result, ran), messages = warned(computed, persisted(workload.plain, cache), 1)
    assert (result, ran) == (right, True)
    assert len(messages) == 1 and str(cache) in messages[0] and "chmod" in messages[0]


def test_a_writable_ancestor_without_sticky_bit_is_not_trusted(tmp_path):
    open_place = tmp_path / "open"
    open_place.mkdir()
    open_place.chmod(0o777)
    inside = open_place / "mine"
    inside.mkdir(mode=0o700)
    call = persisted(workload.plain, inside / "a.cache")
    (result, ran), messages = warned(computed, call, 1)
    assert result == {"x": 1, "list": [1.5, None, "text"]} and ran
    assert len(messages) == 1 and str(open_place) in messages[0]
    assert not (inside / "a.cache" / "plain").exists()


def test_a_private_directory_below_a_sticky_one_is_used(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    call = persisted(workload.plain, shared / "mine.cache")
    result, messages = warned(call, 1)
    assert messages == [] and computed(call, 1) == (result, False)


def test_the_cache_is_private(cache):
    persisted(workload.plain, cache)(1)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert (cache / "plain").stat().st_mode & 0o777 == 0o700
    assert entry_of(cache, workload.plain).stat().st_mode & 0o777 == 0o600
