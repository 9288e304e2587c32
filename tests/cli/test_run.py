"""locache run: commands as they are run, with their output, exit codes and signals."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from .conftest import COMMAND, clean_environment, needs_no_sanitizer, said_to_the_end

ONCE = "echo x >>ran; "
# Of output and input that shall not be in memory as a whole: many times what a command may take.
LARGE = (512 if os.environ.get("LOCACHE_TEST_LONG") else 160) << 20


@pytest.fixture
def shell(tmp_path):
    """shell(option, ..., "script"): `locache run options -- sh -c script`, which ends with that
    code; what it printed, and how often scripts that begin with ONCE were run so far."""
    home = tmp_path / "home"
    home.mkdir()

    def start(*words, **more):
        environment = {**clean_environment(home), **more.pop("environment", {})}
        more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **more}
        return subprocess.Popen(
            [COMMAND, "run", *words],
            cwd=tmp_path,
            env=environment,
            **{"stderr": subprocess.PIPE, **more},
        )

    def shell(*words, code=0, command=None, feed=None, **more):
        words = [*words, "--", *command] if command else [*words[:-1], "--", "sh", "-c", words[-1]]
        if feed is not None:
            more["stdin"] = subprocess.PIPE
        process = start(*words, **more)
        out, err = process.communicate(feed, timeout=60)
        assert process.returncode == code, (process.returncode, out, err)
        ran = tmp_path / "ran"
        count = len(ran.read_text().split()) if ran.exists() else 0
        return SimpleNamespace(out=out, err=err, count=count)

    shell.start = start
    shell.home = home
    shell.cache = home / ".cache/locache/run.cache"
    return shell


def entries(shell):
    return [p for p in shell.cache.rglob("0=*") if p.is_file()]


# ---------------------------------------------------------------------------------- what is given


def test_run__given_again_as_it_was(shell):
    script = ONCE + r"printf 'a\377\000b'; echo err >&2; echo more"
    for _ in range(3):
        ran = shell(script)
        assert (ran.out, ran.err, ran.count) == (b"a\xff\x00bmore\n", b"err\n", 1)


def test_run__streams_keep_their_order(shell):
    """Both to one pipe: what was written alternately, with time to be seen so, stays so."""
    script = ONCE + "for n in 1 2 3; do echo $n >&2; sleep 0.2; echo o$n; sleep 0.2; done"
    for _ in range(2):
        ran = shell(script, stderr=subprocess.STDOUT)
        assert ran.out == b"1\no1\n2\no2\n3\no3\n"
        assert ran.count == 1


def test_run__streamed_while_it_is_computed(shell, tmp_path):
    process = shell.start("--", "sh", "-c", "echo first; while ! test -e go; do sleep 0.01; done")
    assert process.stdout.readline() == b"first\n"
    (tmp_path / "go").touch()
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 300_000, 3_000_000])
def test_run__output_of_any_size(shell, size):
    script = f"{ONCE}yes 0123456 | head -c {size}; yes abc | head -c {size // 2} >&2"
    for _ in range(2):
        ran = shell(script)
        assert ran.out == (b"0123456\n" * (size // 8 + 1))[:size]
        assert ran.err == (b"abc\n" * (size // 8 + 1))[: size // 2]
        assert ran.count == 1


@pytest.mark.parametrize(
    "words",
    [
        [b"all", bytes(range(1, 128)), bytes(range(128, 256))],
        [b"empty", b"", b""],
        [b"long", b"x" * 100_000],
        [b"many", *[b"%d" % n for n in range(20_000)]],
        [b"text", "é\n\x1b[31m".encode()],
    ],
    ids=lambda words: words[0].decode(),
)
def test_run__words_of_any_bytes(shell, tmp_path, words):
    # Nothing of the words may matter but that they are the same, or are not.
    script = ONCE + 'printf "%s|" "$@"'
    for said, count in ((words, 1), (words, 1), ([*words, b"else"], 2)):
        ran = shell(command=["sh", "-c", script, *said])
        assert ran.out == b"".join(word + b"|" for word in said[1:])
        assert ran.count == count


def test_run__name_of_any_bytes(shell, tmp_path):
    name = bytes(b for b in range(1, 256) if b not in b"/")
    program = os.fsencode(tmp_path) + b"/" + name
    with open(program, "wb") as file:
        file.write(b"#!/bin/sh\n" + ONCE.encode() + b"echo hi\n")
    os.chmod(program, 0o700)
    for _ in range(2):
        ran = shell(command=[program])
        assert (ran.out, ran.count) == (b"hi\n", 1)


# --------------------------------------------------------------------------------------- the key


def test_run__words_count_one_by_one(shell):
    assert shell(command=["echo", "a b"]).out == b"a b\n"
    assert shell(command=["echo", "a", "b"]).out == b"a b\n"
    assert len(entries(shell)) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("--env A --env B", "--env B --env A"),
        ("--env A --env A", "--env A"),
        ("--env B --env A --env B", "--env A --env B"),
        ("--file x --file y", "--file y --file x"),
        ("--file ./y", "--file y"),
        ("--file .//dir/./y", "--file dir/y"),
        ("--file dir/", "--file dir"),
        ("--file dir/.", "--file dir"),
        ("--file y --file=./y", "--file y"),
        ("--file /etc//./hostname", "--file /etc/hostname"),
        ("--file x --cwd --env A --scope s", "--scope s --env A --file x --cwd"),
    ],
)
def test_run__the_same_asked_for_otherwise_is_the_same(shell, tmp_path, one, other):
    (tmp_path / "dir").mkdir()
    for name in ("x", "y", "dir/y"):
        (tmp_path / name).write_text(name)
    for words in (one, other, one):
        ran = shell(*words.split(), ONCE, environment={"A": "1", "B": "2"})
        assert ran.count == 1


def test_run__files_that_may_be_others_are_others(shell, tmp_path):
    """A link's parent is not where the link is; an absolute path goes with no other directory."""
    (tmp_path / "y").write_text("")
    (tmp_path / "elsewhere/dir").mkdir(parents=True)
    (tmp_path / "link").symlink_to("elsewhere/dir")
    for count, path in enumerate(("y", "link/../y", tmp_path / "y", "", "."), 1):
        assert shell("--file", path, ONCE).count == count


def test_run__scope_and_environment(shell):
    script = ONCE + "echo $ONE"
    assert shell(script, environment={"ONE": "1"}).out == b"1\n"
    assert shell(script, environment={"ONE": "2"}).out == b"1\n"
    assert shell("--env", "ONE", script, environment={"ONE": "2"}).out == b"2\n"
    assert shell("--env", "ONE", script, environment={"ONE": "3"}).out == b"3\n"
    assert shell("--env", "ONE", script).out == b"\n"
    assert shell("--env", "ONE", script, environment={"ONE": ""}).count == 5
    assert shell("--scope", "s", script).count == 6
    assert shell("--scope", "t", script).count == 7
    assert shell("--scope", "s", script).count == 7


def test_run__working_directory(shell, tmp_path):
    (tmp_path / "other").mkdir()
    there = {"command": ["env", "-C", "other", COMMAND, "run", "--cwd", "--", "pwd"]}
    assert shell("--cwd", command=["pwd"]).out == os.fsencode(tmp_path) + b"\n"
    assert shell("--scope", "there", **there).out == os.fsencode(tmp_path) + b"/other\n"


def test_run__standard_input(shell):
    script = ONCE + "cat"
    large = b"0123456789abcdef" * 200_000
    for feed, count in ((b"a", 1), (b"b", 2), (b"a", 2), (b"", 3), (large, 4), (large, 4)):
        ran = shell("--stdin", script, feed=feed)
        assert (ran.out, ran.count) == (feed, count)
    # Without --stdin it does not count, so that the command has none.
    assert shell(script, feed=b"a").out == b""


def test_run__files(shell, tmp_path):
    (tmp_path / "tree/in").mkdir(parents=True)
    script = ONCE + "true"
    count = 0

    def changed(path):
        nonlocal count
        count += 1
        for _ in range(2):
            assert shell("--file", path, script).count == count

    changed("one")  # not there
    (tmp_path / "one").write_bytes(b"")
    changed("one")
    (tmp_path / "one").write_bytes(b"1")
    changed("one")
    os.utime(tmp_path / "one", (1, 1))
    assert shell("--file", "one", script).count == count
    changed("tree")
    (tmp_path / "tree/in/file").write_bytes(b"1")
    changed("tree")
    (tmp_path / "tree/in/file").write_bytes(b"2")
    changed("tree")
    (tmp_path / "tree/in/link").symlink_to("a")
    changed("tree")
    (tmp_path / "tree/in/link").unlink()
    (tmp_path / "tree/in/link").symlink_to("b")
    changed("tree")
    (tmp_path / "tree/in/file").rename(tmp_path / "tree/in/named")
    changed("tree")
    os.mkfifo(tmp_path / "tree/in/fifo")
    changed("tree")


def test_run__what_a_large_file_holds_is_remembered(shell, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(b"1" * 100_000)
    os.utime(large, (1, 1))
    assert shell("--file", "large", ONCE).count == 1
    # It was changed just now, as its ctime tells: it may be changed once more within its grain.
    assert not list(shell.cache.rglob("device=*"))
    time.sleep(2.1)
    assert shell("--file", "large", ONCE).count == 1
    assert len(list(shell.cache.rglob("device=*"))) == 1
    assert shell("--file", "large", ONCE).count == 1
    # The same size and time of modification: another content all the same.
    large.write_bytes(b"2" * 100_000)
    os.utime(large, (1, 1))
    assert shell("--file", "large", ONCE).count == 2


def test_run__a_file_that_cannot_be_read_is_not_cached(shell, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for count in (1, 2):
        ran = shell("--file", "fifo", ONCE)
        assert ran.count == count
        assert b"fifo: neither a file nor a directory: not cached" in ran.err


# ------------------------------------------------------------------------------------------ age


def test_run__time_to_live(shell):
    script = ONCE + "cat ran"
    assert shell("--ttl", "1h", script).out == b"x\n"
    assert shell("--ttl", "1h", script).count == 1
    time.sleep(0.02)
    assert shell("--ttl", "10ms", script).out == b"x\nx\n"
    assert shell(script).out == b"x\nx\n"


def test_run__what_is_too_old_is_no_hit(shell, run):
    """What is computed again has spared nobody its time."""
    shell(ONCE)
    shell("--ttl", "1h", ONCE)
    time.sleep(0.02)
    assert shell("--ttl", "10ms", ONCE).count == 2
    counted = run("stats", "--json", shell.cache).json()
    assert (counted["hits"], counted["misses"]) == (1, 2)


def test_run__stale_is_given_and_refreshed_behind(shell):
    script = ONCE + "cat ran"
    shell(script)
    time.sleep(0.02)
    assert shell("--stale", "10ms", script).out == b"x\n"
    for _ in range(200):
        if shell("--stale", "1h", script).out != b"x\n":
            break
        time.sleep(0.01)
    assert shell("--stale", "1h", script).out == b"x\nx\n"


def test_run__stale_is_refreshed_by_one(shell, tmp_path):
    waits = "test $(wc -l <ran) = 1 || while ! test -e go; do sleep 0.01; done; "
    script = ONCE + waits + "cat ran"
    shell(script)
    time.sleep(0.02)
    for _ in range(4):
        assert shell("--stale", "10ms", script).out == b"x\n"
    (tmp_path / "go").touch()
    while (ran := shell("--stale", "1h", script)).out == b"x\n":
        time.sleep(0.01)
    assert (ran.out, ran.count) == (b"x\nx\n", 2)


def test_run__force_warm_and_discard(shell):
    script = ONCE + "cat ran"
    assert shell("--force", script).out == b"x\n"
    assert shell("--force", script).out == b"x\nx\n"
    assert shell("--warm", script).out == b""
    # In the background: what was kept is given until that has ended.
    while (given := shell(script)).out == b"x\nx\n":
        time.sleep(0.01)
    assert given.out == b"x\nx\nx\n"
    assert shell("--force", script).count == 4
    assert shell("--discard", script).out == b""
    shell("--discard", script, code=1)
    assert entries(shell) == []


def test_run__warm_is_waited_for(shell):
    script = ONCE + "sleep 0.1; echo warm"
    assert shell("--warm", script).out == b""
    assert shell(script).out == b"warm\n"
    assert shell(script).count == 1


# ----------------------------------------------------------------------------------------- once


def test_run__many_at_once_compute_once(shell):
    words = ("--", "sh", "-c", ONCE + "sleep 0.2; echo done")
    all_of_them = [shell.start(*words) for _ in range(8)]
    assert [one.communicate(timeout=60)[0] for one in all_of_them] == [b"done\n"] * 8
    assert shell(words[-1]).count == 1


@pytest.mark.parametrize(("options", "count"), [([], 3), (["--keep-failures"], 1)])
def test_run__a_failure_is_shared_only_where_it_is_kept(shell, options, count):
    words = (*options, "--", "sh", "-c", ONCE + "sleep 0.1; echo no; exit 3")
    all_of_them = [shell.start(*words) for _ in range(3)]
    assert [one.communicate(timeout=60)[0] for one in all_of_them] == [b"no\n"] * 3
    assert [one.returncode for one in all_of_them] == [3] * 3
    assert len((shell.home.parent / "ran").read_text().split()) == count


def test_run__who_waits_takes_over_from_the_dead(shell, tmp_path):
    words = ("--", "sh", "-c", ONCE + "test -e go || exec sleep 60")
    first = shell.start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "ran").exists():
        time.sleep(0.005)
    second = shell.start(*words)
    (tmp_path / "go").touch()
    first.kill()
    first.wait()
    assert second.communicate(timeout=30) == (b"", b"")
    assert second.returncode == 0
    assert shell(words[-1]).count == 2


# ------------------------------------------------------------------------------ exit codes, signals


def test_run__failures_are_kept_where_that_is_said(shell):
    script = ONCE + "echo out; exit 3"
    assert [shell(script, code=3).count for _ in range(2)] == [1, 2]
    assert [shell("--keep-failures", script, code=3).count for _ in range(2)] == [3, 3]
    # Kept for those who want them.
    assert shell(script, code=3).count == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--", "./not-there"], 127, "cannot run './not-there': No such file or directory"),
        (["--", "no-such-command"], 127, "cannot run 'no-such-command': No such file"),
        (["--", "/etc/passwd"], 126, "cannot run '/etc/passwd': Permission denied"),
        (["--", "/"], 126, "cannot run '/': Permission denied"),
        (["--keep-failures", "--", ""], 127, "cannot run ''"),
        ([], 125, "run needs a command"),
        (["--ttl", "soon", "--", "true"], 125, "--ttl takes an age"),
        (["--ttl", "0", "--", "true"], 125, "--ttl takes an age above zero"),
        (["--ttl", "5", "--", "true"], 125, "--ttl takes an age with its unit"),
        (["--timeout", ".5", "--", "true"], 125, "--timeout takes an age with its unit"),
        (["--ttl", "1m", "--stale", "1h", "--", "true"], 125, "--stale must be less than --ttl"),
        (["--warm", "--force", "--", "true"], 125, "--warm, --force and --discard"),
        (["--tttl", "--", "true"], 125, "did you mean --ttl?"),
        (["--env", "A=B", "--", "true"], 125, "--env takes the name of a variable"),
        (["--env", "", "--", "true"], 125, "--env takes the name of a variable"),
        (["--timeout", "100ms", "--", "sleep", "60"], 124, ""),
        (["--timeout", "100ms", "--", "sh", "-c", "sleep 60; true"], 124, ""),
    ],
)
def test_run__codes_of_its_own(shell, words, code, said):
    process = shell.start(*words)
    assert said in process.communicate(timeout=30)[1].decode()
    assert process.returncode == code
    assert entries(shell) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_run__signals_are_passed_on(shell, tmp_path, number):
    waiting = "echo ready; while :; do sleep 0.01; done"
    for script, code, rest in (
        ("trap 'echo caught; exit 0' TERM INT HUP USR1; " + waiting, 0, b"caught\n"),
        (waiting, -number, b""),
    ):
        # Under nohup it would be ignored, and a shell cannot trap what it was told to ignore.
        default = partial(signal.signal, number, signal.SIG_DFL)
        process = shell.start("--", "sh", "-c", script, preexec_fn=default)
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stdout.read() == rest
        assert process.wait(timeout=60) == code
    # What was interrupted is not what it would have been; SIGUSR1 is the command's own business.
    assert len(entries(shell)) == (1 if number == signal.SIGUSR1 else 0)


def test_run__stopped_and_continued_with_its_command(shell, tmp_path):
    script = "echo $$; while ! test -e go; do sleep 0.01; done; echo end"
    # A group of its own, as a shell's jobs have: one that nobody could continue never stops.
    process = shell.start("--", "sh", "-c", script, preexec_fn=os.setpgrp)
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGTSTP)
    assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
    state = re.compile(r"^State:\s+T", re.MULTILINE)
    while not state.search(Path(f"/proc/{child}/status").read_text()):
        time.sleep(0.005)
    (tmp_path / "go").touch()
    process.send_signal(signal.SIGCONT)
    assert process.stdout.read() == b"end\n"
    assert process.wait(timeout=60) == 0


def test_run__a_killed_run_stores_nothing(shell):
    process = shell.start("--", "sh", "-c", "echo half; sleep 0.2; echo end")
    assert process.stdout.readline() == b"half\n"
    process.kill()
    process.wait()
    assert entries(shell) == []
    assert shell("echo half; sleep 0.2; echo end").out == b"half\nend\n"


def test_run__died_of_a_signal_as_the_command_did(shell):
    for _ in range(2):
        assert shell("--keep-failures", ONCE + "kill -KILL $$", code=-signal.SIGKILL).count
    assert entries(shell) == []


# ------------------------------------------------------------------------------ what may be closed


def test_run__a_reader_who_goes_away(shell):
    """Nothing is stored, and it ends as the command would end."""
    process = shell.start("--", "sh", "-c", "yes; echo $? >&2")
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.stderr.read().endswith(b"141\n")
    assert process.wait(timeout=60) == 0
    assert entries(shell) == []


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_run__closed_descriptors(shell, closed):
    for _ in range(2):
        ran = shell(command=["sh", "-c", f"{COMMAND} run -- sh -c '{ONCE}echo hi' {closed}"])
        assert (ran.out, ran.count) == (b"hi\n", 1)


@pytest.mark.parametrize("to", [">&-", ">/dev/full"])
def test_run__output_that_cannot_be_written(shell, to):
    script = f"{COMMAND} run -- sh -c '{ONCE}echo hi'"
    for _ in range(2):
        ran = shell("--scope", "outer", f"{script} {to}", code=125)
        assert b"cannot write the command's output" in ran.err
    assert shell(ONCE + "echo hi").out == b"hi\n"
    assert ran.count == 1


def test_run__a_job_left_in_the_background(shell, tmp_path):
    """The command is at its end, the job goes on printing, and half a result is not kept."""
    script = "(while ! test -e go; do sleep 0.01; done; echo late) & echo early"
    process = shell.start("--", "sh", "-c", script)
    assert process.stdout.readline() == b"early\n"
    assert process.wait(timeout=60) == 0
    (tmp_path / "go").touch()
    assert process.stdout.read() == b"late\n"
    assert entries(shell) == []


def test_run__a_key_of_the_terminal_reaches_the_command_once(shell, tmp_path):
    pty = pytest.importorskip("pty")
    script = "trap 'echo INT; exit 0' INT; echo ready; while :; do sleep 0.01; done"
    child, terminal = pty.fork()
    if child == 0:
        os.execve(
            COMMAND, [COMMAND, "run", "--", "sh", "-c", script], clean_environment(shell.home)
        )
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    said += said_to_the_end(terminal)
    assert os.waitpid(child, 0)[1] == 0
    assert said.count(b"INT") == 1
    assert entries(shell) == []


# --------------------------------------------------------------------------------- without a cache


def test_run__no_room(shell):
    """A limit of the size of files is met where a disk is full: while it is spooled, or stored."""
    script = "yes | head -c 3000000"
    for blocks in (2000, 0):
        ran = shell("--force", f"ulimit -f {blocks}; {COMMAND} run -- sh -c '{script}'")
        assert ran.out == b"y\n" * 1_500_000
        assert b"not kept: File too large" in ran.err
    assert not [p for p in entries(shell) if p.name.startswith("0=sh_1=-c_2=yes")]


@pytest.mark.parametrize("blocks", [1000, 0])
@pytest.mark.parametrize("size", [700_000, 3_000_000])
def test_run__no_room_for_standard_input(shell, tmp_path, blocks, size):
    """The command reads all of it, once, and what it prints is not kept."""
    given = os.urandom(size)
    digest = hashlib.md5(given).hexdigest().encode()
    (tmp_path / "given").write_bytes(given)
    limited = f"ulimit -f {blocks}; {COMMAND} run --stdin --"
    for _ in range(2):
        ran = shell("--force", f"{limited} md5sum < given")
        assert ran.out.split() == [digest, b"-"]
        assert b"not cached" in ran.err or size < 1 << 20
    # Who reads only the beginning of it leaves nobody behind who writes.
    assert shell("--force", f"{limited} head -c 4 < given").out == given[:4]


def test_run__switched_off_standard_input_is_the_commands_own(shell, tmp_path):
    """Nothing of it is read before, so that what the command leaves is there for the next."""
    (tmp_path / "given").write_bytes(b"one\ntwo\n")
    script = f"({COMMAND} run --stdin -- sh -c 'read line; echo $line'; cat) < given"
    ran = shell("--force", script, environment={"LOCACHE": "off"})
    assert (ran.out, ran.err) == (b"one\ntwo\n", b"")


def test_run__a_cache_that_others_may_write_to_is_not_used(shell):
    shell(ONCE)
    shell.cache.chmod(0o777)
    for count in (2, 3):
        ran = shell(ONCE)
        assert ran.count == count
        assert b"not cached: " in ran.err


@pytest.mark.parametrize("value", ["file", "long", "loop"])
def test_run__no_place_for_a_cache(shell, tmp_path, value):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    place = "x/" * 4000 if value == "long" else value
    for count in (1, 2):
        ran = shell("--cache-dir", place, ONCE + "echo hi")
        assert (ran.out, ran.count) == (b"hi\n", count)
        assert b"locache: run: " in ran.err


def test_run__places(shell, tmp_path):
    script = ONCE + "echo hi"
    for count, where in enumerate(("XDG_CACHE_HOME", "LOCACHE_DIR"), 1):
        told = {where: str(tmp_path / where)}
        for _ in range(2):
            assert shell(script, environment=told).count == count
    for _ in range(2):
        assert shell("--cache-dir", "own", script, environment=told).count == 3
    for place in ("XDG_CACHE_HOME/locache", "LOCACHE_DIR", "own"):
        assert (tmp_path / place / "run.cache/sh").is_dir()
    assert not shell.cache.exists()


def test_run__switched_off_or_for_reading_only(shell):
    script = ONCE + "echo hi"
    assert shell(script, environment={"LOCACHE": "off"}).count == 1
    assert shell(script, environment={"LOCACHE": "readonly"}).count == 2
    assert entries(shell) == []
    assert shell(script).count == 3
    assert shell(script, environment={"LOCACHE": "readonly"}).count == 3
    assert shell(script, environment={"LOCACHE": "refresh"}).count == 4
    assert shell(script, environment={"LOCACHE": "off"}).count == 5


@pytest.mark.parametrize(
    ("told", "runs", "said"),
    [
        ("", 0, ""),
        ("on", 0, ""),
        ("OFF", 1, ""),
        ("off:mypkg.*", 0, ""),
        ("off:mypkg.*, Refresh", 1, ""),
        ("on:run.sh,off", 0, ""),
        ("off:run.s?", 1, ""),
        ("off:run", 1, ""),
        ("off:run.make", 0, ""),
        ("of", 0, "LOCACHE=of: each part must be off"),
        ("nothing,off", 1, "LOCACHE=nothing,off: each part must be off"),
    ],
)
def test_run__is_switched_as_functions_are(shell, told, runs, said):
    before = shell(ONCE).count
    ran = shell(ONCE, environment={"LOCACHE": told})
    assert ran.count - before == runs
    assert said in ran.err.decode() and bool(said) == bool(ran.err)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "directory", "foreign"])
def test_run__a_damaged_result_is_computed_anew(shell, damage):
    script = ONCE + "yes | head -c 400000"
    shell(script)
    [entry] = entries(shell)
    whole = entry.read_bytes()
    changed = {
        "cut": whole[:-1],
        "flipped": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
        "empty": b"",
        "foreign": b"not ours\n" * 100,
    }
    entry.unlink()
    if damage == "directory":
        entry.mkdir()
    else:
        entry.write_bytes(changed[damage])
        entry.chmod(0o600)
    assert shell(script).out == b"y\n" * 200_000
    assert shell(script).count == (3 if damage == "directory" else 2)


def test_run__an_entry_that_is_no_result_of_a_command(shell):
    """Sound, but of another program: what it printed is not in it."""
    script = ONCE + "echo hi"
    shell(script)
    shell("--scope", "other", script)
    first, second = entries(shell)
    first.write_bytes(second.read_bytes())
    assert shell(script).out == b"hi\n"
    assert shell("--scope", "other", script).out == b"hi\n"


def test_a_base_is_read_where_there_is_no_result(shell, tmp_path):
    ci = str(tmp_path / "ci")
    first = shell("--cache-dir", ci, ONCE + "echo out; echo err >&2")
    again = shell("--base", ci, ONCE + "echo out; echo err >&2")
    assert (again.out, again.err, again.count) == (first.out, first.err, 1)
    named = shell(ONCE + "echo out; echo err >&2", environment={"LOCACHE_BASE": f"/none:{ci}"})
    assert (named.out, named.count) == (first.out, 1)
    assert not shell.cache.exists()
    assert shell("--base", ci, "--force", ONCE + "echo out; echo err >&2").count == 2
    assert shell("--base", ci, ONCE + "echo other").count == 3


PEAK = """\
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
sys.exit(code)
"""


@needs_no_sanitizer
@pytest.mark.parametrize(
    ("options", "script"),
    [
        ([], f"head -c {LARGE} /dev/zero; head -c 300000 /dev/zero >&2"),
        (["--stdin"], "wc -c"),
    ],
)
def test_run__what_is_larger_than_memory_takes_little_of_it(shell, tmp_path, options, script):
    """Output and input go through in pieces, whether they are new, stored or given again."""
    with (tmp_path / "input").open("wb") as file:
        file.truncate(LARGE)
    for _ in "ab":
        peak = subprocess.run(
            [sys.executable, "-c", PEAK, COMMAND, "run", *options, "--", "sh", "-c", ONCE + script],
            cwd=tmp_path,
            env=clean_environment(shell.home),
            stdin=(tmp_path / "input").open("rb"),
            stdout=(tmp_path / "out").open("wb"),
            stderr=subprocess.PIPE,
            check=True,
        )
        with (tmp_path / "out").open("rb") as out:
            out.seek(-4, os.SEEK_END)
            assert int(out.read().split(b"\0")[-1].split(b"\n")[-2]) < 64
        assert not peak.stderr.strip(b"\0")
    assert (tmp_path / "ran").read_text() == "x\n"
    assert sum(path.stat().st_size for path in entries(shell)) > (0 if options else LARGE)
