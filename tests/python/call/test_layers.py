"""Caches of others: bases, which are only read, and caches that a group shares."""

from __future__ import annotations

import os
import stat
import time
import traceback
import warnings
from pathlib import Path

import locache
import pytest
from flights import wait_until
from locache import CacheWarning, persist, reset_cache

pytestmark = pytest.mark.once

RUNS = []
TEAM, ALICE, BOB = 4002, 4001, 4003  # no accounts: the system need not know them


class Pickled:
    """What only a pickle holds."""

    def __init__(self, x):
        self.x = x


def f(x):
    RUNS.append(x)
    return [x, "text"]


def pickled(x):
    RUNS.append(x)
    return Pickled(x)


def ran(call, *args):
    """The result, and whether the function ran for it."""
    before = len(RUNS)
    result = call(*args)
    return result, len(RUNS) > before


def warned(call, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call(*args)
    return result, [str(w.message) for w in caught if issubclass(w.category, CacheWarning)]


@pytest.fixture
def base(tmp_path):
    """A base in which f(1) and pickled(1) are, made by somebody whose key is not ours."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_STATE_HOME", str(tmp_path / "theirs"))
        for function in (f, pickled):
            persist(function, dir=tmp_path / "ci" / "own")(1)
    return tmp_path / "ci"


@pytest.fixture
def own(tmp_path):
    return lambda function, **options: persist(function, dir=tmp_path / "own", **options)


# ------------------------------------------------------------------------------------------- bases


def test_a_stale_result_of_the_base_is_refreshed(own, base):
    function = own(f, base=base, ttl=0.05, stale=3600)
    time.sleep(0.06)
    before = len(RUNS)
    assert function(1) == [1, "text"]
    wait_until(lambda: len(RUNS) == before + 1)
    wait_until(lambda: function.is_cached(1) and len(function.entries()) == 1)
    assert function.cache_info().misses == 0


def test_a_result_of_the_base_is_a_hit(own, base):
    function = own(f, base=base)
    assert ran(function, 1) == ([1, "text"], False)
    assert ran(function, 1) == ([1, "text"], False)
    assert ran(function, 2) == ([2, "text"], True)
    assert ran(own(f), 2) == ([2, "text"], False)
    assert ran(own(f), 1) == ([1, "text"], True)
    assert function.cache_info().from_base >= 1
    assert function.cache_info().hits == 2 and function.cache_info().misses == 1


def test_nothing_is_written_to_a_base(own, base):
    def state():
        return {
            p: (p.lstat().st_mtime_ns, p.lstat().st_ctime_ns, p.lstat().st_size)
            for p in [base, *base.rglob("*")]
        }

    before = state()
    function = own(f, base=base, max_entries=1, max_age=1)
    for x in (1, 2, 1, 3):
        function(x)
    function.refresh(1)
    function.forget(1)
    function.cache_clear()
    assert state() == before


@pytest.mark.parametrize("told", ["", "own", "list", "environment", "str"])
def test_how_a_base_is_named(own, base, tmp_path, monkeypatch, told):
    options = {
        "": {"base": base},
        "own": {"base": base / "own"},
        "list": {"base": [tmp_path / "missing", base]},
        "environment": {},
        "str": {"base": f"{base}/"},
    }[told]
    if told == "environment":
        monkeypatch.setenv("LOCACHE_BASE", f"{tmp_path / 'missing'}:{base}")
        assert ran(own(f, base=False), 1)[1]
        own(f, base=False).forget(1)
    assert ran(own(f, **options), 1) == ([1, "text"], False)


def test_a_relative_base_begins_where_the_function_was_decorated(own, base, monkeypatch):
    monkeypatch.chdir(base.parent)
    function = own(f, base="ci")
    monkeypatch.chdir("/")
    assert ran(function, 1) == ([1, "text"], False)


def test_reset_hides_what_is_in_the_base(own, base):
    function = own(f, base=base)
    assert not ran(function, 1)[1]
    reset_cache(function)
    assert not function.is_cached(1)
    assert ran(function, 1)[1]
    function = own(f, base=base)
    function.forget(1)
    assert ran(function, 1)[1]


def test_refresh_goes_before_the_base(own, base):
    function = own(f, base=base)
    assert not ran(function, 1)[1]
    assert ran(function.refresh, 1)[1]
    assert function.forget(1)
    assert function.is_cached(1)  # the base's is still there


def test_explain_and_the_log_say_where_from(own, base, caplog):
    function = own(f, base=base)
    told = function.explain(1)
    assert told.hit and told.why == "base" and f"from the base {base / 'own'}" in str(told)
    assert told.path == base / "own" / told.path.parent.name / "x=1" and told.path.exists()
    assert function.explain(2).why == "absent"
    locache.verbose()
    try:
        with caplog.at_level("INFO", logger="locache"):
            own(f, base=base)(1)
    finally:
        locache.verbose(False)
    assert any("from the base" in line and str(base) in line for line in caplog.messages)


def test_a_pickle_of_the_base_needs_a_key_that_was_named(own, base, tmp_path, monkeypatch):
    function = own(pickled, base=base)
    (result, again), said = warned(ran, function, 1)
    assert again and result.x == 1
    assert len(said) == 1 and "LOCACHE_GROUP_KEY" in said[0]
    assert warned(ran, function, 1)[1] == []
    key = tmp_path / "group.key"
    key.write_bytes((tmp_path / "theirs/locache/key").read_bytes())
    key.chmod(0o640)
    monkeypatch.setenv("LOCACHE_GROUP_KEY", str(key))
    function = persist(pickled, dir=tmp_path / "other/own", base=base)
    (result, again), said = warned(ran, function, 1)
    assert not again and result.x == 1 and said == []


def test_a_base_that_every_user_can_write_to_is_refused_once(own, base):
    (base / "own").chmod(0o777)
    function = own(f, base=base)
    results, said = warned(lambda: [ran(function, x) for x in (1, 2, 3)])
    assert all(again for _, again in results)
    assert len(said) == 1 and "chmod o-w" in said[0]


@pytest.mark.parametrize("told", ["option", "variable"])
@pytest.mark.parametrize("what", ["absent", "a file", "a link to itself"])
def test_a_base_that_is_none_is_said_once(own, tmp_path, monkeypatch, told, what):
    base = tmp_path / "wrong"
    if what == "a file":
        base.touch()
    if what == "a link to itself":
        base.symlink_to(base)
    options = {"base": base} if told == "option" else {}
    if told == "variable":
        monkeypatch.setenv("LOCACHE_BASE", f"{base}:")
    functions = own(f, **options), own(f, name="another", **options)
    results, said = warned(lambda: [ran(g, x) for x in (1, 2, 1) for g in functions])
    assert [again for _, again in results] == [True, True, True, True, False, False]
    assert len(said) == 1
    assert f"cannot read the base {base} (make it, or name another" in said[0]


def test_large_arrays_of_a_base_are_read_whole(own, base, tmp_path):
    np = pytest.importorskip("numpy")

    def large(n):
        RUNS.append(n)
        return np.arange(n)

    persist(large, dir=base / "own", name="large")(100_000)
    function = persist(large, dir=tmp_path / "own", name="large", base=base)
    result, again = ran(function, 100_000)
    assert not again and result[-1] == 99_999
    for path in (base / "own/large").glob("n=*"):
        os.truncate(path, 100)
    assert result.sum() == 100_000 * 99_999 // 2  # no SIGBUS


def test_wrong_bases(own):
    for wrong in (1, 1.5, True, object()):
        with pytest.raises(TypeError, match="base"):
            own(f, base=wrong)
    for wrong in ("", "a:b", "a\0b", ["/ci", ""]):
        with pytest.raises(ValueError, match="base"):
            own(f, base=wrong)


# -------------------------------------------------------------------------------------- one group's


def as_member(user, check, group=TEAM):
    """Run check() in a child with another user's rights and a strict umask."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([group])
            os.setgid(group)
            os.setuid(user)
            os.umask(0o077)
            check()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture
def team():
    """A directory of the group's, to which everybody has a way."""
    import shutil
    import tempfile

    if os.geteuid() != 0:
        pytest.skip("needs root, for several users")
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    place.chmod(0o755)
    (place / "team").mkdir()
    os.chown(place / "team", ALICE, TEAM)
    (place / "team").chmod(0o2775)
    yield place / "team"
    shutil.rmtree(place)


def with_mode(team, function, mode="group"):
    return persist(function, dir=team / "own", mode=mode)


def test_members_share_results(team, monkeypatch):
    key = team.parent / "key"
    key.write_bytes(os.urandom(32))
    os.chown(key, 0, TEAM)
    key.chmod(0o640)
    monkeypatch.setenv("LOCACHE_GROUP_KEY", str(key))

    def alice():
        assert ran(with_mode(team, f), 1)[1] and ran(with_mode(team, pickled), 1)[1]

    def bob():
        for function in (f, pickled):
            (_, again), said = warned(ran, with_mode(team, function), 1)
            assert not again and said == []
        with_mode(team, f).refresh(1)
        with_mode(team, pickled).cache_clear()

    as_member(ALICE, alice)
    as_member(BOB, bob)
    as_member(ALICE, lambda: ran(with_mode(team, pickled), 1)[1] or 1 / 0)
    for path in [team / "own", *(team / "own").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o2770 if path.is_dir() else 0o660), path


def test_without_the_groups_key_pickles_are_misses_that_are_said(team):
    def bob():
        (_, again), said = warned(ran, with_mode(team, pickled), 1)
        assert again and "LOCACHE_GROUP_KEY" in said[0]

    os.environ["XDG_STATE_HOME"] = str(team.parent / "none")
    for user in (ALICE, BOB):
        home = team.parent / f"state-{user}"
        home.mkdir()
        os.chown(home, user, TEAM)

    def state(user, check):
        def begin():
            os.environ["XDG_STATE_HOME"] = str(team.parent / f"state-{user}")
            check()

        as_member(user, begin)

    state(ALICE, lambda: with_mode(team, pickled)(1))
    state(BOB, bob)


def test_without_the_option_anothers_cache_is_refused(team):
    def refused():
        (_, again), said = warned(ran, with_mode(team, f, None), 1)
        assert again and ("another user" in said[0] or "other users" in said[0])

    as_member(ALICE, lambda: with_mode(team, f)(1))
    as_member(BOB, refused)
    as_member(ALICE, refused)


def test_who_is_of_another_group_is_refused(team):
    def refused():
        (_, again), said = warned(ran, with_mode(team, f), 1)
        assert again and len(said) == 1

    as_member(ALICE, lambda: with_mode(team, f)(1))
    (team / "own").chmod(0o2775)
    as_member(4005, refused, group=4006)


def test_wrong_modes(own):
    for wrong in (1.5, True, [0o755]):
        with pytest.raises(TypeError, match="mode"):
            own(f, mode=wrong)
    for wrong in ("team", 0o777, 0o770, 0o600, 0o2777, 0o4755, -1):
        with pytest.raises(ValueError, match="mode"):
            own(f, mode=wrong)
    for right in ("group", 0o2770, 0o2775, 0o2750, 0o755, 0o750, 0o700, None):
        own(f, mode=right)
