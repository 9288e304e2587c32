"""Row "path attacks": what stands in an entry's, a directory's or a lock's place is never followed
and never blocks."""

from __future__ import annotations

import os
import signal
import stat

import pytest
import workload
from faultkit import computed, entry_of, needs_root, persisted, warned

RIGHT = {"x": 1, "list": [1.5, None, "text"]}
# The files of a function beside its results.
OWN = {"version", "parts", "turns", "unread", "counts"}


@pytest.fixture(autouse=True)
def never_blocks():
    """Ends a test that hangs; nothing here takes a second."""
    signal.alarm(30)
    yield
    signal.alarm(0)


@pytest.fixture
def outside(tmp_path):
    """A directory of somebody's that must stay as it is."""
    place = tmp_path / "outside"
    place.mkdir(mode=0o700)
    (place / "precious").write_text("precious")
    yield place
    assert [p.name for p in place.iterdir()] == ["precious"]
    assert (place / "precious").read_text() == "precious"


def as_link(path, outside):
    path.symlink_to(outside / "precious")


def as_dangling_link(path, outside):
    path.symlink_to(outside / "new")


def as_fifo(path, outside):
    os.mkfifo(path)


def as_directory(path, outside):
    path.mkdir()
    (path / "content").write_text("")


def as_device(path, outside):
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("device nodes need root")


def as_sparse_giant(path, outside):
    with open(path, "wb") as file:
        file.truncate(1 << 40)


def as_sparse_giant_entry(path, outside):
    """One whose header says that all of it is body."""
    cache, function = path.parent.parent, path.parent.name
    persisted(getattr(workload, function), cache)(2)
    head = bytearray((path.parent / "x=2").read_bytes()[:144])
    head[24:32] = ((1 << 40) - 144 - int.from_bytes(head[16:24], "little")).to_bytes(8, "little")
    path.write_bytes(head)
    os.truncate(path, 1 << 40)


THINGS = [as_link, as_dangling_link, as_fifo, as_device, as_sparse_giant, as_sparse_giant_entry]


@pytest.mark.parametrize("place", THINGS)
def test_a_thing_in_an_entrys_place_is_a_miss_and_is_replaced(cache, outside, place):
    call = persisted(workload.plain, cache)
    call(1)
    entry = entry_of(cache, workload.plain)
    entry.unlink()
    place(entry, outside)
    (result, ran), messages = warned(computed, call, 1)
    assert (result, ran) == (RIGHT, True)
    assert len(messages) <= 1
    assert entry.is_file() and not entry.is_symlink() and entry.stat().st_size < 1000
    assert computed(call, 1) == (RIGHT, False)


def test_a_directory_in_an_entrys_place_is_a_miss_with_a_warning(cache, outside):
    call = persisted(workload.plain, cache)
    call(1)
    entry = entry_of(cache, workload.plain)
    entry.unlink()
    as_directory(entry, outside)
    (result, ran), messages = warned(computed, call, 1)
    assert (result, ran) == (RIGHT, True)
    assert messages and all("x=1" in message for message in messages), (
        "it can neither be read nor replaced"
    )
    assert warned(computed, call, 1)[1] == [], "each is said once"
    assert (entry / "content").exists()


def replace_directory(path, outside):
    """The directory moves out of the way; a link to the precious one takes its place."""
    path.rename(path.with_name("moved"))
    path.symlink_to(outside, target_is_directory=True)


@pytest.mark.parametrize("which", ["", "plain", "plain/.locache"])
def test_a_linked_directory_is_not_used(cache, outside, which):
    persisted(workload.plain, cache)(1)
    replace_directory(cache / which if which else cache, outside)
    (result, ran), messages = warned(computed, persisted(workload.plain, cache), 3)
    assert result["x"] == 3 and ran
    assert len(messages) == 1 and str(cache / which if which else cache) in messages[0]


@pytest.mark.parametrize("place", [as_link, as_dangling_link, as_fifo, as_directory])
@pytest.mark.parametrize(
    "which", ["plain/.locache/version", ".versions/.lock", "CACHEDIR.TAG", ".gitignore"]
)
def test_a_thing_in_a_housekeeping_files_place_harms_nothing(cache, outside, place, which):
    persisted(workload.plain, cache)(1)
    victim = cache / which
    if victim.exists():
        victim.unlink()
    place(victim, outside)
    result, _ = warned(persisted(workload.plain, cache), 1)
    assert result == RIGHT
    result, _ = warned(persisted(workload.other, cache), 1)
    assert result == {"other": 1}


def test_linked_versions_are_not_used(cache, outside):
    persisted(workload.plain, cache)(1)
    replace_directory(cache / ".versions", outside)
    result, _ = warned(persisted(workload.other, cache), 1)
    assert result == {"other": 1}


@needs_root("device nodes")
def test_a_device_in_the_directorys_place_is_not_used(cache, outside):
    as_device(cache, outside)
    (result, ran), messages = warned(computed, persisted(workload.plain, cache), 1)
    assert (result, ran) == (RIGHT, True) and len(messages) == 1


def test_a_file_in_the_directorys_place_is_left_alone(cache):
    cache.write_text("mine")
    (result, ran), messages = warned(computed, persisted(workload.plain, cache), 1)
    assert (result, ran) == (RIGHT, True)
    assert len(messages) == 1 and str(cache) in messages[0]
    assert cache.read_text() == "mine"


def test_reset_does_not_follow_links(cache, outside):
    call = persisted(workload.plain, cache)
    call(1)
    (cache / "plain" / "link").symlink_to(outside / "precious")
    (cache / "plain" / "dir").symlink_to(outside, target_is_directory=True)
    call.cache_clear()
    assert not entry_of(cache, workload.plain).exists()


def test_arguments_cannot_name_a_way_out(cache, outside):
    call = persisted(workload.plain, cache)
    hostile = [
        "../../outside/precious",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a\0b",
        "\n",
        "~",
        ".locache",
        "%2e%2e",
    ]
    hostile.append("x" * 300)
    for x in hostile:
        assert call(x)["x"] == x
        assert computed(call, x) == ({**RIGHT, "x": x}, False)
    names = sorted(os.listdir(cache / "plain"))
    assert len(names) == len(hostile) + 1 and ".locache" in names


@pytest.mark.parametrize(
    "place", [as_link, as_dangling_link, as_fifo, as_directory, as_device, as_sparse_giant]
)
@pytest.mark.parametrize("which", ["plain/.locache", ".versions/.tmp"])
def test_a_thing_in_a_temporarys_place_harms_nothing(cache, outside, place, which):
    persisted(workload.plain, cache)(1)
    place(cache / which / "tmp-0123456789abcdef", outside)
    assert warned(persisted(workload.plain, cache), 2)[1] == [], "the first to store sweeps"
    assert warned(persisted(workload.other, cache), 1) == ({"other": 1}, [])
    assert place is as_directory or set(os.listdir(cache / which)) <= OWN
