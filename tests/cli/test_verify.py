"""locache verify: what is damaged, foreign or not to be trusted, and what --repair removes."""

import os
import shutil
from pathlib import Path

import pytest

from .conftest import RESULTS
from .entries import rewrite
from .shapes import STATUS, fits

VERIFIED = {
    "problems": [{"path": str, "status": (*STATUS, "foreign"), "message": str, "removed": bool}],
    "sound": int,
    "bytes": int,
    "damaged": int,
    "untrusted": int,
    "foreign": int,
    "others": int,
    "removed": int,
}
ONE = "foo.cache/my_func/x=1_num=3"


def flipped(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def renamed(path, name):
    path.rename(path.with_name(name))


DAMAGES = {
    "content": lambda path: flipped(path, -1),
    "key": lambda path: flipped(path, 150),
    "checksum": lambda path: flipped(path, 130),
    "length": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "more": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
    "version of the format": lambda path: flipped(path, 8),
    "another name": lambda path: renamed(path, "x=77_num=3"),
    "another function": lambda path: rewrite(path, function=b"f" * 16),
}


def test_verify__all_is_sound(project, run):
    told = run("verify", "--json").json()
    assert fits(told, VERIFIED)
    assert told["sound"] == RESULTS and told["problems"] == [] and told["removed"] == 0
    assert run("verify").out.startswith(f"{RESULTS} sound, ")


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify__a_damage_is_found_and_repaired(project, run, damage):
    DAMAGES[damage](project / ONE)
    told = run("verify", "--json", code=1).json()
    assert fits(told, VERIFIED)
    assert told["sound"] == RESULTS - 1 and told["damaged"] == 1
    (problem,) = told["problems"]
    assert problem["status"] == "damaged" and problem["removed"] is False
    path = problem["path"]
    assert os.path.exists(path) and path in problem["message"]
    assert run("verify", "--repair", "--json").json()["removed"] == 1
    assert not os.path.exists(path)
    assert run("verify", "--json").json()["problems"] == []


def test_messages_tell_every_byte_of_a_path(project, run):
    """Of what is no UTF-8, too: which file it is can be told."""
    cache = os.fsencode(project / "foo") + b"\xff\xe9.cache"
    os.rename(project / "foo.cache", cache)
    damaged = Path(os.fsdecode(cache + b"/my_func/x=1_num=3"))
    flipped(damaged, -1)
    told = r"foo\xff\xe9.cache/my_func/x=1_num=3"
    assert told in run("verify", cache, code=1).out
    assert told in run("verify", "--json", cache, code=1).json()["problems"][0]["message"]
    assert told in run("export", "-o", "out.tar.zst", cache, code=1).err
    assert told in run("show", damaged, code=1).err


def test_verify__a_large_result_that_was_found_right_before(project, run):
    """It is read through again, whatever was written down of it when it was stored or read."""
    path = project / "foo.cache/plain/kind=huge"
    assert run("verify", "--json", path).json()["sound"] == 1
    flipped(path, 200000)
    assert run("verify", "--json", path, code=1).json()["damaged"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_verify__what_belongs_to_another_user(project, run):
    os.chown(project / ONE, 12345, -1)
    told = run("verify", "--repair", "--json", code=1).json()
    assert told["untrusted"] == 1 and told["removed"] == 0
    assert "another user" in told["problems"][0]["message"]
    os.chown(project / "foo.cache/plain", 12345, -1)
    assert "another user" in run("verify", code=3).err
    os.chown(project / "foo.cache", 12345, -1)
    for command in (["ls", "-e"], ["gc", "--max-size", "0"], ["reset", "foo.cache"], ["stats"]):
        assert "belongs to another user, uid 12345" in run(*command, code=3).err
    assert (project / ONE).exists()


def test_verify__a_pickle_of_somebody_else_is_foreign_and_stays(project, run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    told = run("verify", "--repair", "--json", home=other).json()
    assert told["foreign"] == 1 and told["removed"] == 0 and told["sound"] == RESULTS - 1
    assert run("verify", "--json").json()["sound"] == RESULTS


def test_verify__links_devices_and_others_files(project, run):
    folder = project / "foo.cache/my_func"
    (folder / "x=8_num=3").symlink_to("x=1_num=3")
    os.mkfifo(folder / "x=9_num=3")
    (folder / "mine").write_text("work")
    os.chmod(folder / "x=2_num=3", 0o666)
    told = run("verify", "--repair", "--json", code=1).json()
    assert told["untrusted"] == 3 and told["others"] == 1 and told["removed"] == 0
    assert {os.path.basename(problem["path"]) for problem in told["problems"]} == {
        "x=8_num=3",
        "x=9_num=3",
        "x=2_num=3",
    }
    assert len(list(folder.glob("[!.]*"))) == 8


def test_verify__a_newer_format_is_left_alone(project, run):
    flipped(project / ONE, 8)
    rewrite(project / ONE)
    told = run("verify", "--repair", "--json").json()
    assert told["others"] == 1 and told["damaged"] == 0 and (project / ONE).exists()


def test_verify__what_cannot_be_opened_is_a_failure(project, run):
    (project / "foo.cache/elsewhere").symlink_to(project)
    ran = run("verify", "foo.cache", code=3)
    assert "symbolic link" in ran.err and ran.out.startswith(f"{RESULTS} sound")


def test_verify__every_byte_counts(project, run):
    """A flip of any byte of an entry is found, whichever it is."""
    source = project / ONE
    data = source.read_bytes()
    folder = project / "foo.cache/my_func"
    for at in range(len(data)):
        cache = project / "many" / f"{at}.cache"
        (cache / "my_func/.locache").mkdir(parents=True)
        path = cache / "my_func" / source.name
        shutil.copy(source, path)
        flipped(path, at)
        os.chmod(cache, 0o700)
    told = run("verify", "--json", "many", code=1).json()
    # The magic's bytes: without them it is no file of locache's.
    assert told["sound"] == 0 and told["damaged"] == len(data) - 8 and told["others"] == 8
    assert folder.exists()
