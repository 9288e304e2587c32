"""Row "names": different calls have different names of at most 140 bytes, whatever the arguments
are."""

from __future__ import annotations

import os
import random
import shutil

import pytest
import workload
from faultkit import computed, entry_of, persisted

LONG = bool(os.environ.get("LOCACHE_TEST_LONG"))
NAME_MAX = 140
ALPHABETS = [
    "ab",
    "aA",
    "01",
    "a_=,~%.",
    "\0\n/",
    "\u00e9\u4e2d\U0001f600",
    "None True False 1.0 1e5 -inf",
]


def argument(chance):
    """Mostly what lies close together: the short, the alike, the nearly too long."""
    text = "".join(
        chance.choices(
            chance.choice(ALPHABETS), k=chance.choice([0, 1, 2, 3, 8, 60, 130, 140, 300])
        )
    )
    return chance.choice(
        [
            lambda: text,
            lambda: text.encode(),
            lambda: chance.randint(-20, 20),
            lambda: chance.choice([1, -1]) * 2 ** chance.randrange(500),
            lambda: chance.choice([0.0, -0.0, 1.0, 1e16, float("inf"), chance.random()]),
            lambda: chance.choice([None, True, False]),
            lambda: [chance.randrange(3) for _ in range(chance.randrange(4))],
            lambda: tuple(chance.randrange(3) for _ in range(chance.randrange(4))),
        ]
    )()


def test_generated_calls_have_names_of_their_own(cache, injected):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    call = persisted(workload.plain, cache)
    names = {}
    for _ in range(1_000_000 if LONG else 20_000):
        x = argument(chance)
        name = os.path.basename(call.cache_path(x))
        # repr tells 1 from 1.0, True and "1" apart, at every depth.
        assert names.setdefault(name, repr(x)) == repr(x)
        assert 0 < len(os.fsencode(name)) <= NAME_MAX
        assert not name.startswith(".") and not set(name) & set("/\0\n")
        injected()
    assert len(set(names.values())) == len(names), "two names for one call"


@pytest.mark.parametrize(
    "size", [0, 1, 60, 130, 136, 137, 138, 139, 140, 141, 255, 256, 4096, 100_000]
)
@pytest.mark.parametrize("character", ["x", "_", "\u00e9", "/"])
def test_arguments_of_every_size_are_stored_and_found(cache, size, character):
    call = persisted(workload.other, cache)
    assert call(character * size) == {"other": character * size}
    assert computed(call, character * size) == ({"other": character * size}, False)
    (name,) = [name for name in os.listdir(cache / "other") if name != ".locache"]
    assert len(os.fsencode(name)) <= NAME_MAX


def test_names_that_a_file_system_takes_for_one_are_misses(cache):
    """Where A and a are one file, one of the two calls finds the other's entry: its key says so."""
    call = persisted(workload.plain, cache)
    upper, lower = call("A"), call("a")
    assert upper != lower
    shutil.copyfile(entry_of(cache, workload.plain, "x=A"), entry_of(cache, workload.plain, "x=a"))
    with pytest.warns(match="x=a"):
        assert computed(call, "a") == (lower, True)
