"""--all: every cache of the user, wherever it is; what vanished, was moved, or is another's."""

import os
import shutil
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import pytest

from .conftest import RESULTS, clean_environment
from .shapes import CACHES, fits

PROGRAM = """\
import sys
from locache import persist

def body(x):
    return x

for path in sys.argv[1:]:
    persist(body, dir=path)(1)
"""
TAKES_ALL = ["ls", "explain", "stats", "verify", "gc", "reset", "rm", "top"]


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def store(home):
    """store(path, ...): a result in each of these cache directories."""

    def store(*paths):
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(os.fsencode, paths)],
            env=clean_environment(home),
            check=True,
        )

    return store


@pytest.fixture
def all_of(run, home):
    """all_of("ls"): the command with --all, elsewhere than the caches are."""

    def all_of(command, *arguments, **more):
        return run(command, "--all", *arguments, cwd="/", home=home, **more)

    return all_of


def caches(all_of):
    return [row["path"] for row in all_of("ls", "-c", "--json").json()]


def links(home):
    return [path for path in (home / ".local/state/locache/caches").glob("*") if path.is_symlink()]


def test_all__nothing_is_registered(all_of):
    for command in TAKES_ALL:
        more = ["--older", "1d"] if command == "rm" else []
        ran = all_of(command, *more)
        assert ran.err == ""
        all_of(command, *more, "--json").json()
    assert all_of("ls").out == ""
    assert all_of("ls", "--json").json() == []


def test_all__every_command_sees_every_cache(all_of, store, tmp_path):
    store(tmp_path / "b.cache", tmp_path / "deep/a.cache", tmp_path / "own name")
    found = caches(all_of)
    assert found == sorted(str(tmp_path / name) for name in ("b.cache", "deep/a.cache", "own name"))
    assert fits(all_of("ls", "-c", "--json").json(), CACHES)
    assert all_of("stats", "--json").json()["entries"] == 3
    assert all_of("verify", "--json").json()["sound"] == 3
    assert len(all_of("explain", "--json").json()) == 3
    assert all_of("gc", "-n", "--max-size", "0", "--json").json()["removed"] == 3
    assert all_of("rm", "-n", "--name", "x=*", "--json").json()["removed"] == 3
    assert all_of("reset", "-n", "--json").json()["removed"] == 3
    assert all_of("rm", "--name", "x=*", "--json").json()["removed"] == 3
    store(*found)
    assert all_of("gc", "--max-size", "0", "--json").json()["removed"] == 3
    store(*found)
    assert all_of("reset", "--json").json()["removed"] == 3
    assert caches(all_of) == found


def test_all__what_the_command_line_may_not_say(all_of, store, tmp_path):
    store(tmp_path / "a.cache")
    assert "locache reset --all" in all_of("rm", code=2).err
    assert "leave out either --all or foo.py" in all_of("gc", "foo.py", code=2).err
    assert all_of("reset", "foo.py", code=2).out == ""
    assert "no option --all" in all_of("show", code=2).err
    assert all_of("stats", "--json").json()["entries"] == 1


def test_all__what_vanished_is_dropped_and_what_moved_comes_back(all_of, store, home, tmp_path):
    store(*(tmp_path / f"{n}.cache" for n in range(4)))
    shutil.rmtree(tmp_path / "0.cache")
    os.rename(tmp_path / "1.cache", tmp_path / "moved.cache")
    assert caches(all_of) == [str(tmp_path / "2.cache"), str(tmp_path / "3.cache")]
    assert len(links(home)) == 2
    store(tmp_path / "moved.cache")  # a hit, which registers nothing
    assert len(caches(all_of)) == 2
    shutil.rmtree(tmp_path / "moved.cache/body")
    store(tmp_path / "moved.cache")
    assert caches(all_of)[-1] == str(tmp_path / "moved.cache")


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a directory away needs root")
def test_all__of_another_user_is_left_alone(all_of, store, home, tmp_path):
    store(tmp_path / "a.cache", tmp_path / "b.cache")
    os.chown(tmp_path / "a.cache", 65534, 65534)
    assert all_of("reset", "--json").json()["removed"] == 1
    assert len(list((tmp_path / "a.cache/body").glob("x=1"))) == 1
    assert len(links(home)) == 1


def test_all__one_that_others_may_write_to_is_refused_and_the_rest_done(all_of, store, tmp_path):
    store(tmp_path / "a.cache", tmp_path / "b.cache")
    os.chmod(tmp_path / "a.cache", 0o777)
    ran = all_of("stats", "--json", code=3)
    assert "chmod go-w" in ran.err and ran.json()["entries"] == 1


def test_all__names_with_every_byte(all_of, store, tmp_path):
    name = bytes(byte for byte in range(1, 256) if byte not in b"/")
    there = os.fsencode(tmp_path) + b"/" + name[:120] + b"/" + name[120:] + b".cache"
    store(there)
    assert [os.fsencode(path) for path in caches(all_of)] == [there]


def test_all__a_registry_that_is_not_ours_alone(all_of, store, home, tmp_path):
    store(tmp_path / "a.cache")
    os.chmod(home / ".local/state/locache/caches", 0o777)
    ran = all_of("gc", "--max-size", "0", code=3)
    assert "chmod go-w" in ran.err and "/locache/caches" in ran.err
    assert (tmp_path / "a.cache/body/x=1").exists()


def test_all__a_registry_that_cannot_be_written(all_of, home, tmp_path, store):
    """Nothing is said, and results are kept."""
    (home / ".local").write_text("a file")
    store(tmp_path / "a.cache")
    assert (tmp_path / "a.cache/body/x=1").exists()
    all_of("ls", code=3)


def test_all__who_only_reads_registers_nothing(store, home, tmp_path):
    """LOCACHE=readonly, and a process that only has hits."""
    store(tmp_path / "a.cache")
    shutil.rmtree(home / ".local")
    store(tmp_path / "a.cache")
    subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "a.cache", tmp_path / "b.cache"],
        env={**clean_environment(home), "LOCACHE": "readonly"},
        check=True,
    )
    assert not (home / ".local").exists()


def test_all__many_caches(all_of, store, home, tmp_path):
    many = 300
    store(tmp_path / "0.cache")
    registry = next(home.rglob("caches"))
    for n in range(1, many):
        path = f"{tmp_path}/{n}.cache"
        os.makedirs(f"{path}/body/.locache", 0o700)
        shutil.copyfile(tmp_path / "0.cache/body/x=1", f"{path}/body/x=1")
        os.symlink(path, registry / blake2b(path.encode(), digest_size=16).hexdigest())
    assert all_of("stats", "--json").json()["entries"] == many
    assert all_of("gc", "--max-size", "0", "--json").json()["removed"] == many
    for n in range(0, many, 2):
        shutil.rmtree(tmp_path / f"{n}.cache")
    assert len(caches(all_of)) == len(links(home)) == many // 2


def test_all__of_what_was_stored_by_hand(made, project, run):
    """The project's cache is a copy that no process stored into: it is not known."""
    found = [Path(row[-1]) for row in run("ls", "--all", "-e", cwd="/", home=made / "home").lines()]
    # Other tests store with the same home.
    assert sum(path.is_relative_to(made) for path in found) == RESULTS
    assert not any(path.is_relative_to(project) for path in found)


# ------------------------------------------------------------------------------------------ bounds


def sizes(*directories):
    return sum(path.stat().st_size for d in directories for path in Path(d).glob("*/x=*"))


@pytest.fixture
def stored(home, tmp_path):
    """stored(path, count): so many results of about a kilobyte in a cache."""

    def stored(path, count, **environment):
        program = """if True:
            import sys
            from locache import persist

            @persist(dir=sys.argv[1])
            def body(x):
                return b"x" * 1000

            for n in range(int(sys.argv[2])):
                body(n)
        """
        subprocess.run(
            [sys.executable, "-c", program, path, str(count)],
            env={**clean_environment(home), **environment},
            check=True,
        )
        return path

    return stored


def test_gc__applies_what_is_set_for_a_cache(all_of, run, home, stored, tmp_path):
    a, b = stored(tmp_path / "a.cache", 20), stored(tmp_path / "b.cache", 20)
    told = run("gc", "--set-max-size", "10K", "-n", "a.cache", home=home)
    one = run(
        "gc", "--dry-run", "--set-max-entries", "1", "--set-max-age", "1d", "a.cache", home=home
    )
    assert "at most 1 result, none unused for more than 1 day\n" in one.err
    assert "a.cache: would be set to at most 10K" in told.err and not (a / ".limits").exists()
    told = run("gc", "--set-max-size", "10K", "a.cache", home=home)
    assert "a.cache: at most 10K" in told.err
    assert 8000 < sizes(a) <= 10240 and sizes(b) > 20000
    assert "max_bytes = 10K\n" in (a / ".limits").read_text()
    (a / ".limits").write_text("# mine\n max_entries=5\nmax_bytes = 1.5K\n\n")
    planned = all_of("gc", "-n", "--json").json()
    done = all_of("gc", "--json").json()
    assert done["removed"] == planned["removed"] == 8 - 1
    run("gc", "--set-max-size", "0", "--set-max-entries", "0", "a.cache", home=home)
    assert not (a / ".limits").exists()


def test_gc__applies_what_is_set_for_all_together(all_of, run, home, stored, tmp_path):
    a, b = stored(tmp_path / "a.cache", 20), stored(tmp_path / "b.cache", 20)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    told = all_of("gc", "--set-max-size", "30K", "-n")
    assert "all caches of yours together: would be set" in told.err
    assert sizes(a, b) > 40000
    assert "all caches of yours together: at most 30K" in all_of("gc", "--set-max-size", "30K").err
    assert 28000 < sizes(a, b) <= 30 * 1024
    config = home / ".config/locache/limits"
    assert "max_bytes = 30K\n" in config.read_text()
    config.write_text("max_bytes = 20K")
    run("gc", "a.cache", home=home)  # of what is named alone
    assert sizes(a, b) > 28000
    (a / ".limits").write_text("max_entries = 3")
    planned = run("gc", "-n", "--json", home=home, cwd=elsewhere).json()
    assert planned == {**run("gc", "--json", home=home, cwd=elsewhere).json(), "dry_run": True}
    assert sizes(a, b) <= 20 * 1024 and len(list(a.glob("body/x=*"))) <= 3
    config.write_text("max_age = 1h")
    for path in b.glob("body/x=*"):
        os.utime(path, (1, 1))
    all_of("gc")
    assert sizes(b) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--set-max-size", "1G"], 2, "--set-... needs the caches"),
        (["--set-max-size", "much", "--all"], 2, "takes a size"),
        (["--set-max-age", "-1", "--all"], 2, "takes an age"),
        (["--set-max-entries", "1.5", "--all"], 2, "takes a whole number"),
        (["--set-max-size", "1G", "a.cache/body"], 2, "for whole caches"),
        (["--set-max-size", "1G", "nowhere.cache"], 1, "there is no nowhere.cache"),
    ],
)
def test_gc__what_cannot_be_set(run, home, store, tmp_path, arguments, code, told):
    store(tmp_path / "a.cache")
    assert told in run("gc", *arguments, home=home, code=code).err
    assert not (home / ".config").exists() and not (tmp_path / "a.cache/.limits").exists()


def test_gc__a_setting_that_says_nothing_known(all_of, run, home, store, tmp_path):
    store(tmp_path / "a.cache")
    for text in ("max_bytes 10G", "max_size = 1", "max_bytes = lots", "max_entries = 1.5", "\0"):
        (tmp_path / "a.cache/.limits").write_text("\n" + text)
        assert ".limits, line 2, is none of" in run("gc", "a.cache", home=home, code=3).err
    (tmp_path / "a.cache/.limits").write_text("#" * 5000)
    run("gc", "a.cache", home=home, code=3)
    run("gc", "--set-max-size", "1G", "a.cache", home=home)
    os.chmod(tmp_path / "a.cache/.limits", 0o666)
    assert "chmod go-w" in run("gc", "a.cache", home=home, code=3).err


def test_gc__the_users_setting_may_be_a_link(all_of, home, store, tmp_path):
    store(tmp_path / "a.cache")
    (home / ".config/locache").mkdir(parents=True)
    (home / "dotfiles").write_text("max_entries = 7\n")
    (home / ".config/locache/limits").symlink_to("../../dotfiles")
    all_of("gc", "--set-max-size", "1G")
    assert (home / ".config/locache/limits").is_symlink()
    assert "max_bytes = 1G\nmax_entries = 7\n" in (home / "dotfiles").read_text()


# ----------------------------------------------------------------------- a directory of one's own


@pytest.fixture
def own(home, tmp_path):
    """A directory that was there before, with a cache of its own and one below it."""
    own = tmp_path / "own"
    (own / "below").mkdir(parents=True)
    program = """if True:
        from locache import persist

        @persist(dir=".")
        def f(n):
            return n

        @persist(dir="below/other.cache")
        def g(n):
            return n

        f(1), f(2), g(1)
    """
    words = [sys.executable, "-c", program]
    subprocess.run(words, cwd=own, env=clean_environment(home), check=True)
    assert not (own / "CACHEDIR.TAG").exists()
    (own / "notes.txt").write_text("mine")
    return own


def test_own__is_a_cache_for_every_command(own, run, home, tmp_path):
    (folder,) = own.glob("*f")
    other = own / "below/other.cache"
    for operand, count in ((own, 3), (folder, 2), (folder / "n=1", 1), (other, 1)):
        assert len(run("ls", "-e", operand, home=home).lines()) == count
    assert {row["path"] for row in run("ls", "-c", "--json", home=home).json()} == {
        str(own),
        str(other),
    }
    assert "2 results" in run("gc", "--max-size", "4K", own, home=home).out
    assert run("reset", own, home=home).out.startswith("removed 1 result")
    assert (own / "notes.txt").read_text() == "mine"
