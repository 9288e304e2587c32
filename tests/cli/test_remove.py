"""locache rm, reset and gc: what goes, what stays, and what is only said."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from .conftest import RESULTS, clean_environment
from .entries import rewrite
from .shapes import fits

REMOVED = {"removed": int, "bytes": int, "dry_run": bool}
COLLECTED = {"removed": int, "bytes": int, "kept_bytes": int, "dry_run": bool}
ONE = "foo.cache/my_func/x=1_num=3"


def entries(project):
    found = (path for path in (project / "foo.cache").rglob("*") if path.is_file())
    return {p for p in found if not any(part[0] == "." for part in p.parts[-2:])} - {
        project / "foo.cache/CACHEDIR.TAG"
    }


def used(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


# ---------------------------------------------------------------------------------------------- rm


def test_rm__a_result(project, run):
    before = entries(project)
    assert run("rm", ONE).out == "removed 1 result, 154 bytes\n"
    assert before - entries(project) == {project / ONE}


def test_rm__dry_run_removes_nothing(project, run):
    before = entries(project)
    ran = run("rm", "-nv", "--name", "x=*", "foo.py")
    assert ran.out.count("would remove foo.cache/my_func/x=") == 5
    assert run("rm", "-n", "--json", "--name", "x=*", "foo.py").json() == {
        "removed": 5,
        "bytes": sum(os.path.getsize(p) for p in before if p.parent.name == "my_func"),
        "dry_run": True,
    }
    assert entries(project) == before


def test_rm__by_filters_all_of_them(project, run):
    used(project / ONE, 5000)
    used(project / "foo.cache/plain/kind=long", 5000)
    told = run("rm", "--json", "--older", "1h", "--larger", "1K", "foo.cache").json()
    assert fits(told, REMOVED) and told["removed"] == 1
    assert (project / ONE).exists()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "rm needs results"),
        (["foo.py"], 2, "locache reset forgets all"),
        ([ONE, "foo.cache/my_func"], 2, "locache reset forgets all"),
        (["foo.cache/my_func/x=99"], 1, "there is no result"),
        (["foo.cache/my_func/mine"], 3, "is not locache's: delete it by hand"),
        (["foo.cache/my_func/.locache/version"], 1, "has no results"),
        (["foo.cache/CACHEDIR.TAG"], 1, "has no results"),
    ],
)
def test_rm__what_it_does_not_remove(project, run, arguments, code, told):
    (project / "foo.cache/my_func/mine").write_text("work")
    before = entries(project)
    assert told in run("rm", *arguments, code=code).err
    assert entries(project) == before


def test_rm__a_link_stays_and_what_it_leads_to(project, run, tmp_path):
    (tmp_path / "work").write_text("work")
    link = project / "foo.cache/my_func/x=8_num=3"
    link.symlink_to(tmp_path / "work")
    assert "not locache's" in run("rm", link, code=3).err
    assert run("rm", "--name", "x=8*", "foo.py").out.startswith("removed 0 results")
    assert link.is_symlink() and (tmp_path / "work").read_text() == "work"


# ------------------------------------------------------------------------------------------- reset


def test_reset__a_function_with_its_earlier_versions(project, run):
    versions = project / "foo.cache/.versions"
    (versions / "my_func").mkdir(mode=0o700)
    shutil.copytree(project / "foo.cache/my_func", versions / "my_func" / ("0" * 32))
    (project / "foo.cache/my_func/mine").write_text("work")
    assert run("reset", "-n", "foo.py:my_func").out.startswith("would remove 10 results")
    assert run("reset", "foo.py:my_func").out.startswith("removed 10 results")
    assert {path.parent.name for path in entries(project)} == {
        "my_func",
        "plain",
        "pickled",
        "Class.method",
    }
    assert [path.name for path in (project / "foo.cache/my_func").glob("[!.]*")] == ["mine"]
    assert not list((versions / "my_func").glob("*"))


def test_reset__a_cache(project, run):
    assert run("reset", "--json", "foo.cache").json()["removed"] == RESULTS
    assert entries(project) == set()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [([], "locache reset . for all"), ([ONE], "forgotten by locache rm")],
)
def test_reset__what_it_does_not_forget(project, run, arguments, told):
    assert told in run("reset", *arguments, code=2).err
    assert len(entries(project)) == RESULTS


def test_reset__of_what_others_may_write_to_is_refused(project, run):
    os.chmod(project / "foo.cache", 0o777)
    assert "chmod go-w" in run("reset", "foo.cache", code=3).err
    assert len(entries(project)) == RESULTS


# ---------------------------------------------------------------------------------------------- gc


def test_gc__without_options_only_what_expired(project, run):
    rewrite(project / ONE, expires=1)
    rewrite(project / "foo.cache/my_func/x=2_num=3", expires=2**62)
    told = run("gc", "--json").json()
    assert fits(told, COLLECTED) and told["removed"] == 1
    assert not (project / ONE).exists() and len(entries(project)) == RESULTS - 1


def test_gc__temporaries_of_the_dead(project, run):
    left = project / "foo.cache/my_func/.locache/tmp-0123456789abcdef"
    left.write_bytes(b"half")
    run("gc", "-n")
    assert left.exists()
    run("gc")
    assert not left.exists()


def weight(path):
    found = os.stat(path)
    return max(found.st_size, 512 * found.st_blocks)


@pytest.mark.parametrize("dry", [[], ["-n"]])
def test_gc__to_a_size_never_more_than_needed(project, run, dry):
    before = entries(project)
    total = sum(map(weight, before))
    largest = max(map(weight, before))
    wanted = total // 2
    told = run("gc", "--json", "--max-size", str(wanted), *dry).json()
    assert told["kept_bytes"] <= wanted
    assert told["kept_bytes"] > wanted - largest
    if not dry:
        assert sum(map(weight, entries(project))) == told["kept_bytes"]
    else:
        assert entries(project) == before


def test_gc__what_is_cheap_for_its_size_and_long_unused_goes_first(project, run):
    """Of equal ones that which was not used; of equally used ones that which is larger."""
    for path in entries(project):
        used(path, 1000)
        if path.parent.name != "my_func":
            path.unlink()
    five = sorted(entries(project))
    for path in five:
        data = bytearray(path.read_bytes())
        data[40:48] = (10**9).to_bytes(8, "little")
        path.write_bytes(data)
        rewrite(path)
        used(path, 1000)
    used(five[3], 100000)
    size, each = sum(map(weight, five)), weight(five[3])
    run("gc", "--max-size", str(size - 1))
    assert set(five) - entries(project) == {five[3]}
    data = bytearray(five[0].read_bytes())
    data[40:48] = (10**6).to_bytes(8, "little")
    five[0].write_bytes(data)
    rewrite(five[0])
    used(five[0], 1000)
    run("gc", "--max-size", str(size - each - 1))
    assert set(five) - entries(project) == {five[3], five[0]}


def test_gc__to_nothing(project, run):
    (project / "foo.cache/my_func/mine").write_text("work")
    told = run("gc", "--max-size", "0", "--json").json()
    assert told["removed"] == RESULTS and told["kept_bytes"] == 0
    assert entries(project) == {project / "foo.cache/my_func/mine"}


def test_gc__where_all_fits_nothing_goes(project, run):
    assert run("gc", "--max-size", "1G", "--json").json()["removed"] == 0


def test_gc__of_one_function(project, run):
    run("gc", "--max-size", "0", "foo.py:my_func")
    assert len(entries(project)) == RESULTS - 5


def test_gc__entries_of_a_newer_format_stay(project, run):
    path = project / ONE
    data = bytearray(path.read_bytes())
    data[8] = 3
    path.write_bytes(data)
    rewrite(path)
    run("gc", "--max-size", "0")
    assert entries(project) == {path}


def test_gc__a_running_process_stays_right(project, run):
    """It computes anew what went, and gives what is right."""
    program = """if True:
        import sys, foo
        assert foo.my_func(1) == 3
        print("ready", flush=True)
        sys.stdin.readline()
        assert foo.my_func(1) == 3
        print(foo.my_func.cache_info().misses)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=project,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(project / "../home"),
    )
    assert child.stdout.readline() == "ready\n"
    run("gc", "--max-size", "0")
    assert child.communicate("go\n", timeout=60)[0] == "1\n"
    assert (project / ONE).exists()


def test_gc__under_load(project, run):
    """Others store and reset meanwhile: nothing fails, and what is there afterwards is sound."""
    program = "import foo\nfor n in range(600):\n assert foo.my_func(n) == n * 3"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=project, env=clean_environment(project / "../home")
        )
        for _ in range(2)
    ]
    while any(child.poll() is None for child in children):
        run("gc", "--max-size", "20K")
        run("ls", "-e")
        run("verify")
        run("reset", "foo.py:my_func")
    assert [child.wait() for child in children] == [0, 0]
