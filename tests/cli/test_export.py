"""locache export and import: what goes, what comes back, what is refused, what a kill leaves."""

import io
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from .conftest import COMMAND, RESULTS, clean_environment, needs_no_sanitizer
from .shapes import fits

EXPORTED = {
    "file": (str, None),
    "functions": int,
    "results": int,
    "bytes": int,
    "archive_bytes": int,
    "left_out": int,
}
IMPORTED = {
    "cache": str,
    "functions": int,
    "stored": int,
    "bytes": int,
    "kept": int,
    "pickles_left_out": int,
    "others_left_out": int,
}
ONE = "foo.cache/my_func/x=1_num=3"
PLAIN = RESULTS - 1  # one is a pickle


pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def exported(made, tmp_path_factory):
    """The whole cache, exported, with a name that is longer than tar's own fields."""
    path = tmp_path_factory.mktemp("exported") / "foo.tar.zst"
    done = subprocess.run(
        [COMMAND, "export", "-o", path, "foo.cache"],
        cwd=made / "project",
        env=clean_environment(made / "home"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"exported {RESULTS} results, ")
    return path


@pytest.fixture
def archive(exported, tmp_path):
    return Path(shutil.copy(exported, tmp_path))


@pytest.fixture
def elsewhere(tmp_path, project):
    """Another directory, with a copy of the program."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    shutil.copy(project / "foo.py", place)
    return place


def entries(place):
    """The results of a cache, by their paths in it."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and not {".locache", ".tmp"} & set(path.parts) and path.name[0] != "."
    }


def leftovers(place):
    marks = ("tmp-", "new-", "trash-", "import-")
    return [str(path) for path in place.rglob("*") if path.name.startswith(marks)]


def zstd(data, *options):
    if shutil.which("zstd") is None:
        pytest.skip("zstd's own tool is missing")
    return subprocess.run(["zstd", "-q", *options], input=data, capture_output=True, check=True)


def members(archive):
    """Its members, as (TarInfo, content), read by Python from what zstd's own tool unpacks."""
    with tarfile.open(fileobj=io.BytesIO(zstd(archive.read_bytes(), "-d").stdout)) as tar:
        return [(info, tar.extractfile(info).read()) for info in tar]


def write(path, found, kind=tarfile.PAX_FORMAT):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=kind) as tar:
        for info, content in found:
            info.size = len(content) if content is not None else 0
            tar.addfile(info, io.BytesIO(content) if content is not None else None)
    path.write_bytes(zstd(packed.getvalue()).stdout)


# ----------------------------------------------------------------------------------- there and back


def test_results_are_hits_for_a_copy_of_the_program(project, run, archive, elsewhere, made):
    """Nothing is computed: a result that is stored anew is another file."""
    told = run("import", archive, cwd=elsewhere)
    assert told.out.startswith(f"imported {RESULTS} results, ")
    before = {path: os.stat(elsewhere / path).st_ino for path in entries(elsewhere)}
    assert entries(elsewhere / "foo.cache") == entries(project / "foo.cache")
    environment = clean_environment(made / "home")
    subprocess.run([sys.executable, "foo.py"], cwd=elsewhere, env=environment, check=True)
    after = {path: os.stat(elsewhere / path).st_ino for path in entries(elsewhere)}
    assert after == before
    assert run("verify", cwd=elsewhere).out.startswith(f"{RESULTS} sound")
    assert leftovers(elsewhere) == []


def test_it_is_a_tar_that_zstd_compressed(project, run, archive, tmp_path):
    done = subprocess.run(
        ["tar", "--zstd", "-tf", archive], capture_output=True, text=True, check=True
    )
    names = done.stdout.split()
    assert ONE in names and "foo.cache/my_func/.locache/version" in names
    place = tmp_path / "unpacked"
    place.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", archive, "-C", place], check=True)
    assert entries(place / "foo.cache") == {
        path: data
        for path, data in entries(project / "foo.cache").items()
        if "CACHEDIR" not in path
    }
    assert run("verify", place / "foo.cache").out.startswith(f"{RESULTS} sound")


def test_a_directory_of_something_else_is_no_cache(run, archive, elsewhere):
    """Neither one that is named nor one that has the archive's name."""
    for name, words in (("etc", ["--into", "etc"]), ("foo.cache", [])):
        (elsewhere / name / "my_func").mkdir(parents=True)
        (elsewhere / name / "passwd").write_text("mine")
        told = run("import", archive, *words, cwd=elsewhere, code=3)
        assert f"/{name} is neither a cache of locache's nor empty" in told.err
        assert "--into" in told.err and told.out == ""
        assert sorted(path.name for path in (elsewhere / name).iterdir()) == ["my_func", "passwd"]


def test_into_what_is_empty_or_a_cache(run, archive, elsewhere):
    (elsewhere / "empty").mkdir()
    (elsewhere / "begun/.versions/.tmp").mkdir(parents=True)
    for name in ("new", "empty", "empty", "begun", "new"):
        run("import", archive, "--into", name, cwd=elsewhere)
        assert run("verify", name, cwd=elsewhere).out.startswith(f"{RESULTS} sound")


def test_into_a_pipe_that_has_a_name(project, run):
    os.mkfifo(project / "pipe")
    with subprocess.Popen(["cat", "pipe"], cwd=project, stdout=subprocess.PIPE) as reader:
        told = run("export", "-o", "pipe", "foo.cache", code=0)
        packed = reader.communicate()[0]
    assert stat.S_ISFIFO(os.stat(project / "pipe").st_mode)
    assert told.out == "" and "exported" in told.err
    run("export", "-o", "file", "foo.cache", code=0)
    assert packed == (project / "file").read_bytes()


def test_by_standard_output_and_input(project, run, elsewhere):
    packed = subprocess.run(
        [COMMAND, "export", "-o", "-", "--json", "foo.cache"],
        cwd=project,
        env=clean_environment(project),
        capture_output=True,
        check=True,
    )
    assert b'"file":null' in packed.stderr
    done = subprocess.run(
        [COMMAND, "import", "--json", "--into", "here.cache", "-"],
        cwd=elsewhere,
        env=clean_environment(project),
        input=packed.stdout,
        capture_output=True,
        check=True,
    )
    assert f'"stored":{PLAIN}' in done.stdout.decode()
    assert len(entries(elsewhere / "here.cache")) == PLAIN + 1  # CACHEDIR.TAG


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["foo.py:my_func"], 5),
        ([ONE], 1),
        (["--name", "kind=l*", "foo.py"], 2),
        (["--larger", "4K", "foo.cache"], 3),
    ],
)
def test_a_part_of_a_cache(project, run, tmp_path, arguments, count):
    told = run("export", "--json", "-o", tmp_path / "x", *arguments).json()
    assert fits(told, EXPORTED) and told["results"] == count
    assert told["archive_bytes"] == (tmp_path / "x").stat().st_size


def test_versions_go_with_it(project, run, tmp_path, elsewhere, made):
    source = (project / "foo.py").read_text()
    environment = clean_environment(made / "home")
    (project / "foo.py").write_text(source.replace("x * num", "x * num * 1"))
    subprocess.run([sys.executable, "foo.py"], cwd=project, env=environment, check=True)
    run("export", "-o", tmp_path / "x", "foo.py:my_func")
    run("import", tmp_path / "x", cwd=elsewhere)
    kept = entries(elsewhere / "foo.cache")
    assert len([path for path in kept if path.startswith("my_func/")]) == 5
    assert len([path for path in kept if path.startswith(".versions/my_func/")]) == 5
    # The program there is the earlier one: its results come back, and none is stored.
    inodes = {os.stat(elsewhere / "foo.cache" / path).st_ino for path in kept if "x=" in path}
    subprocess.run([sys.executable, "foo.py"], cwd=elsewhere, env=environment, check=True)
    (current,) = {
        p for p in entries(elsewhere / "foo.cache") if p.endswith("my_func/x=1_num=3")
    } - {p for p in entries(elsewhere / "foo.cache") if p.startswith(".versions")}
    assert os.stat(elsewhere / "foo.cache" / current).st_ino in inodes
    # Once more, with the versions the other way round.
    told = run("import", "--json", tmp_path / "x", cwd=elsewhere).json()
    assert fits(told, IMPORTED) and told["kept"] == 10 and told["stored"] == 0


def test_what_is_there_stays_unless_it_is_to_be_replaced(project, run, archive):
    (project / ONE).unlink()
    before = {
        path: os.stat(project / "foo.cache" / path) for path in entries(project / "foo.cache")
    }
    told = run("import", "--json", archive).json()
    assert told["stored"] == 1 and told["kept"] == RESULTS - 1
    after = {path: os.stat(project / "foo.cache" / path) for path in entries(project / "foo.cache")}
    assert {path: after[path].st_ino for path in before} == {
        path: before[path].st_ino for path in before
    }
    told = run("import", "--json", "--replace", archive).json()
    assert told["stored"] == RESULTS and told["kept"] == 0
    assert run("verify").out.startswith(f"{RESULTS} sound")
    assert leftovers(project) == []


def test_anothers_pickles_only_where_he_is_trusted(project, run, archive, elsewhere, tmp_path):
    other = tmp_path / "other home"
    other.mkdir()
    ran = run("import", archive, cwd=elsewhere, home=other)
    assert "1 pickled result that you did not sign was left out" in ran.err
    assert "--trust" in ran.err
    assert "foreign" not in run("verify", cwd=elsewhere, home=other).out
    told = run("import", "--trust", "--json", archive, cwd=elsewhere, home=other).json()
    assert told["pickles_left_out"] == 0 and told["stored"] == 1
    assert run("verify", cwd=elsewhere, home=other).out.startswith(f"{RESULTS} sound")
    pickled = next((elsewhere / "foo.cache/pickled").glob("n=*"))
    assert run("show", "--json", pickled, home=other).json()[0]["signature"] == "ours"
    assert run("show", "--json", pickled).json()[0]["signature"] == "foreign"


def test_what_is_damaged_is_left_out_and_told(project, run, tmp_path):
    with open(project / ONE, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    ran = run("export", "--json", "-o", tmp_path / "x", "foo.cache", code=1)
    assert ran.json()["left_out"] == 1 and ran.json()["results"] == RESULTS - 1
    assert "x=1_num=3" in ran.err


def test_results_of_another_function_do_not_go_with_it(project, run, tmp_path, elsewhere):
    """As where somebody copied or renamed directories by hand: an import takes none of them."""
    cache = project / "foo.cache"
    (cache / "plain").rename(cache / "renamed")
    shutil.copy(next((cache / "pickled").glob("n=*")), cache / "my_func")
    ran = run("export", "--json", "-o", tmp_path / "x", "foo.cache", code=1)
    told = ran.json()
    misplaced = len([path for path in entries(cache) if path.startswith("renamed/")]) + 1
    assert misplaced > 5 and told["left_out"] == misplaced
    assert told["results"] == RESULTS + 1 - misplaced
    assert ran.err == (
        f"locache: left out: {misplaced} results of another function than the directory's, a miss "
        "to every program (`locache verify` lists what is so)\n"
    )
    run("import", tmp_path / "x", cwd=elsewhere)
    found = entries(elsewhere / "foo.cache")
    assert len(found) == RESULTS + 2 - misplaced  # CACHEDIR.TAG
    assert not [path for path in found if path.startswith("renamed/")]
    assert run("verify", cwd=elsewhere).out.startswith(f"{RESULTS + 1 - misplaced} sound")


def test_results_of_another_function_are_not_imported(run, archive, elsewhere):
    """An archive that has them, as earlier releases wrote, is good for the rest."""
    found = renamed(members(archive), "/my_func/", "/func/")
    pickled = next(one for one in found if "/pickled/n=" in one[0].name)
    pickled[0].name = pickled[0].name.replace("/pickled/", "/plain/")
    found.remove(pickled)
    at = next(i for i, one in enumerate(found) if "/plain/kind=" in one[0].name)
    found.insert(at, pickled)
    write(archive, found)
    ran = run("import", archive, cwd=elsewhere)
    assert ran.out.startswith(f"imported {RESULTS - 6} results, ")
    assert "; 6 of another function, version or format were left out" in ran.out
    assert not (elsewhere / "foo.cache/func").exists()
    assert run("verify", cwd=elsewhere).out.startswith(f"{RESULTS - 6} sound")
    assert leftovers(elsewhere) == []


def test_an_archive_of_nothing_but_other_functions_leaves_nothing(run, archive, elsewhere):
    found = [one for one in members(archive) if "/my_func/" in one[0].name]
    write(archive, renamed(found, "/my_func/", "/func/"))
    told = run("import", "--json", archive, cwd=elsewhere).json()
    assert fits(told, IMPORTED) and told["stored"] == 0 and told["others_left_out"] == 5
    assert [path.name for path in elsewhere.iterdir()] == ["foo.py"]


def test_a_cache_with_a_hidden_name(project, run, tmp_path, elsewhere):
    """Which no archive may bring: it goes without its dots."""
    (project / "foo.cache").rename(project / ".cache")
    run("export", "-o", tmp_path / "x", ".cache")
    run("import", tmp_path / "x", cwd=elsewhere)
    assert len(entries(elsewhere / "cache")) == RESULTS + 1


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_what_others_packed_anew(project, run, archive, elsewhere, kind, made):
    """Paths that are longer than a header's field are told in two ways."""
    subprocess.run(
        [sys.executable, "-c", "import foo; foo.my_func('y' * 500)"],
        cwd=project,
        env=clean_environment(made / "home"),
        check=True,
    )
    run("export", "-o", archive, "foo.cache")
    found = members(archive)
    assert any(len(info.name) > 100 for info, _ in found)
    for info, _ in found:
        info.name = "./" + info.name
        info.pax_headers = {}
    write(archive, [(tarfile.TarInfo("foo.cache/my_func"), None), *found][1:], kind)
    assert run("import", "--json", archive, cwd=elsewhere).json()["stored"] == RESULTS + 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["export", "foo.cache"], 2, "-o FILE"),
        (["export", "-o", "x", "none.cache"], 1, "none.cache"),
        (["export", "-o", "none/x", "foo.cache"], 3, "cannot write none/x"),
        (["export", "-o", "x", "--larger", "1T", "foo.cache"], 1, "no result to export: x is not"),
        (["export", "-o", "-", "--larger", "1T", "foo.cache"], 1, "no result to export"),
        (["export", "-o", "x", "foo.cache", "bar.cache"], 2, "more than one cache"),
        (["import"], 2, "one archive"),
        (["import", "none"], 1, "cannot open none"),
        (["import", "foo.py"], 3, "no archive"),
        (["import", "empty"], 3, "cut off"),
    ],
)
def test_what_cannot_be(project, run, arguments, code, told):
    shutil.copytree(project / "foo.cache", project / "bar.cache")
    (project / "empty").write_bytes(b"")
    before = sorted(project.iterdir())
    assert told in run(*arguments, code=code).err
    assert sorted(project.iterdir()) == before


# ------------------------------------------------------------------------------------------ hostile


def member(name, content=b"", **more):
    info = tarfile.TarInfo(name)
    for field, value in more.items():
        setattr(info, field, value)
    return info, content


def renamed(found, old, new):
    for info, _ in found:
        info.name = info.name.replace(old, new)
    return found


def changed(found, name, change):
    return [(info, change(data) if info.name == name else data) for info, data in found]


def link(kind):
    return lambda found: [*found, member("foo.cache/my_func/x=9_num=3", type=kind, linkname="/etc")]


def flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


HOSTILE = {
    "up": (lambda f: [*f, member("../evil")], "leads out"),
    "up within": (lambda f: [*f, member("foo.cache/my_func/../../evil")], "leads out"),
    "root": (lambda f: [*f, member("/tmp/evil")], "leads out"),
    "empty part": (lambda f: [*f, member("foo.cache//x")], "leads out"),
    "hidden": (lambda f: [*f, member("foo.cache/my_func/.evil")], "is no file of"),
    "lock": (lambda f: [*f, member("foo.cache/.versions/.lock")], "is no file of"),
    "outside": (lambda f: [*f, member("foo.cache/evil")], "is no file of"),
    "hidden cache": (lambda f: renamed(f, "foo.cache/", ".ssh/"), "is no name of a cache"),
    "deep": (lambda f: [*f, member("foo.cache/" + "a/" * 20 + "x")], "leads out"),
    "long": (lambda f: [*f, member("foo.cache/my_func/" + "x" * 300)], "leads out"),
    "symbolic link": (link(tarfile.SYMTYPE), "is a link"),
    "hard link": (link(tarfile.LNKTYPE), "is a link"),
    "device": (link(tarfile.CHRTYPE), "a device"),
    "pipe": (link(tarfile.FIFOTYPE), "something else"),
    "two caches": (lambda f: [*f, member("bar.cache/f/x", b"x")], "more than one cache"),
    "twice": (lambda f: [*f, *[one for one in f if one[0].name == ONE]], "comes before|twice"),
    "no record": (
        lambda f: [o for o in f if "version" not in o[0].name],
        "comes before|is no file",
    ),
    "bad record": (
        lambda f: changed(f, "foo.cache/my_func/.locache/version", lambda d: b"evil\n"),
        "record of a version",
    ),
    "damaged": (lambda f: changed(f, ONE, flipped), "checksum"),
    "empty entry": (lambda f: changed(f, ONE, lambda d: b""), "damaged"),
    "another call": (lambda f: renamed(f, "x=1_num=3", "x=7_num=3"), "another call"),
    "no name": (lambda f: renamed(f, "/my_func/", "/my func/"), "no function's directory"),
    "zeros": (lambda f: [*f, member("foo.cache/x/y", bytes(20_000_000))], "more than|comes before"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_of_a_hostile_archive_is_imported(run, archive, elsewhere, kind):
    change, told = HOSTILE[kind]
    write(archive, change(members(archive)))
    ran = run("import", "--max-size", "10M", archive, cwd=elsewhere, code=3)
    assert any(one in ran.err for one in told.split("|")), ran.err
    assert [path.name for path in elsewhere.iterdir()] == ["foo.py"]


def test_nothing_of_a_damaged_archive_is_imported(run, archive, elsewhere):
    whole = archive.read_bytes()
    step = len(whole) // 8
    damaged = [whole[:n] for n in range(0, len(whole), step)]
    # All bits of a byte: here and there one alone means nothing to zstd (1 byte of 2,000), and what
    # is unpacked is whole.
    damaged += [
        whole[:n] + bytes([whole[n] ^ 0xFF]) + whole[n + 1 :] for n in range(4, len(whole), step)
    ]
    damaged += [whole[:-1], whole + b"x", whole + whole]
    for n, data in enumerate(damaged):
        archive.write_bytes(data)
        run("import", archive, cwd=elsewhere, code=3)
        assert [path.name for path in elsewhere.iterdir()] == ["foo.py"], n


def test_what_cannot_be_looked_into_replaces_no_archive(project, run, archive):
    before = archive.read_bytes()
    (project / "foo.cache").chmod(0o777)
    assert "chmod go-w" in run("export", "-o", archive, "foo.cache", code=3).err
    assert archive.read_bytes() == before


def test_an_archive_that_unpacks_to_too_much(run, archive, elsewhere):
    assert (
        "--max-size allows more"
        in run("import", "--max-size", "1000", archive, cwd=elsewhere, code=3).err
    )
    # That is a size, too, and not what holds where none is said.
    assert (
        "unpacks to more than 0 bytes"
        in run("import", "--max-size", "0", archive, cwd=elsewhere, code=3).err
    )


def test_a_directory_of_the_users_own_is_left_alone(run, archive, elsewhere):
    """In a cache, under a name that a function has, too."""
    own = elsewhere / "foo.cache" / "my_func"
    run("import", archive, cwd=elsewhere)
    shutil.rmtree(own)
    own.mkdir(mode=0o700)
    (own / "work").write_text("mine")
    run("import", archive, cwd=elsewhere)
    assert [path.name for path in own.iterdir()] == ["work"]
    assert (elsewhere / "foo.cache/my_func~locache/x=1_num=3").exists()


# ------------------------------------------------------------------------------------------- faults

# What is killed, or fails, at each of its calls; "join": an import where some results are there.
FAULTS = [
    ("export", "write", "signal=SIGKILL"),
    ("export", "write", "error=ENOSPC"),
    ("export", "linkat", "signal=SIGKILL"),
    ("import", "openat", "signal=SIGKILL"),
    ("import", "writev", "error=ENOSPC"),
    ("import", "renameat", "signal=SIGKILL"),
    ("import", "renameat", "error=EIO"),
    ("join", "renameat2", "signal=SIGKILL"),
]
LONG = bool(os.environ.get("LOCACHE_TEST_LONG"))


@pytest.fixture
def faulty(made, tmp_path):
    """faulty(call, fault, n, words, cwd): the command whose nth such call fails or is its last.
    What it returned, None where it made less of them."""
    if shutil.which("strace") is None or "ASAN_OPTIONS" in os.environ:
        pytest.skip("strace is not installed, or a sanitizer's own calls would count")

    def run_faulty(call, fault, n, words, cwd):
        trace = tmp_path / "trace"
        options = [
            "-f",
            "-o",
            trace,
            "-e",
            f"trace={call}",
            "-e",
            f"inject={call}:{fault}:when={n}",
        ]
        done = subprocess.run(
            ["strace", *options, COMMAND, *words],
            cwd=cwd,
            env=clean_environment(made / "home"),
            capture_output=True,
            text=True,
        )
        if "PTRACE" in done.stderr:
            pytest.skip("strace is not allowed here")
        told = trace.read_text()
        return done.returncode if "INJECTED" in told or "killed by" in told else None

    return run_faulty


def is_whole(archive):
    return subprocess.run(["tar", "--zstd", "-tf", archive], capture_output=True).returncode == 0


@pytest.mark.parametrize(("what", "call", "fault"), FAULTS)
def test_whatever_happens_nothing_is_half_there(
    project, run, archive, elsewhere, faulty, record_property, what, call, fault
):
    """Row "killed at each system call": an archive is whole or not there, a result too, and the
    next import needs no repair."""
    right = entries(project / "foo.cache")
    out = project / "bar.tar"
    injected = 0
    for n in range(1, 400) if LONG else (1, 4, 25):
        out.write_bytes(b"before")
        if what == "join":
            shutil.copytree(project / "foo.cache", elsewhere / "foo.cache")
            for path in (elsewhere / "foo.cache/plain").glob("kind=*"):
                path.unlink()
        if what == "export":
            code = faulty(call, fault, n, ["export", "-o", out, "foo.py:my_func"], project)
        else:
            code = faulty(call, fault, n, ["import", archive], elsewhere)
        injected += code is not None
        if what == "export":
            assert is_whole(out) or (code and out.read_bytes() == b"before"), n
        else:
            found = entries(elsewhere / "foo.cache")
            assert {path: data for path, data in found.items() if right[path] != data} == {}, n
            if code is not None and code > 0:
                assert leftovers(elsewhere) == [], n
            run("import", archive, cwd=elsewhere)
            assert entries(elsewhere / "foo.cache").keys() | {"CACHEDIR.TAG"} == right.keys()
            assert leftovers(elsewhere) == [], n
            shutil.rmtree(elsewhere / "foo.cache")
        if code is None:
            break
    assert injected > 0
    record_property("injections", injected)


@needs_no_sanitizer
@pytest.mark.parametrize("what", ["export", "import"])
def test_with_little_address_space(project, run, made, archive, elsewhere, record_property, what):
    """Row "bounds of the process: memory": under each `RLIMIT_AS` it is done or it is said that it
    was not, and the next one needs no repair."""
    right = entries(project / "foo.cache")
    out = project / "bar.tar"
    words = ["export", "-o", out, "foo.cache"] if what == "export" else ["import", archive]
    codes = []
    # From what is too little for the program itself to what is more than enough.
    for kib in (*range(2048, 8192, 256 if LONG else 1024), 12288, 24576, 262144):
        most = kib << 10
        done = subprocess.run(
            [COMMAND, *words],
            cwd=project if what == "export" else elsewhere,
            env=clean_environment(made / "home"),
            capture_output=True,
            preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
        )
        codes.append(done.returncode)
        if done.returncode in (127, -signal.SIGSEGV) and kib < 4096:
            continue  # the loader's way, and the kernel's, to say that a program does not fit
        assert done.returncode in (0, 3, 127), (kib, done)
        assert not done.returncode or b"memory" in done.stderr or done.returncode == 127, done
        if what == "export":
            assert is_whole(out) if done.returncode == 0 else not out.exists(), kib
            out.unlink(missing_ok=True)
        else:
            found = entries(elsewhere / "foo.cache")
            assert {path: data for path, data in found.items() if right[path] != data} == {}, kib
            assert leftovers(elsewhere) == [], kib
            run("import", archive, cwd=elsewhere)
            assert entries(elsewhere / "foo.cache").keys() | {"CACHEDIR.TAG"} == right.keys()
            shutil.rmtree(elsewhere / "foo.cache")
    print(what, codes)
    record_property("injections", len(codes))
    assert codes[0] != 0 and codes[-1] == 0, "the limits are around what it needs"
