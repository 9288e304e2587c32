"""Row "stale memory", by the public door: a result changes, and the very next call shows it.

stale.c does the same a million times; here it is what Python keeps in memory: objects, bytes to
decode, mappings.
"""

from __future__ import annotations

import os
import random
import shutil
import time

import pytest
import workload
from changes import CHANGES, GONE, VARIANTS, Other, Subject
from images import KINDS, Images, Missing

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
KEYS = 100
KEYS_MAPPED = 20  # of results that are large
ROUNDS = 400 if LONG else 4
SHORT_KINDS = ("immutable", "mapped")
SETTLE = 0.03  # seconds: more than the clocks of these file systems stand still
# Where their times have whole seconds, which is waited for in each round.
SETTLE_SECONDS = 2.1
ROUNDS_SECONDS = 20 if LONG else 1


@pytest.fixture
def mounted(tmp_path):
    """Mount a kind of file system: mounted("xfs") returns where."""
    with Images(tmp_path) as images:

        def mount(kind):
            try:
                return images.make(kind)
            except Missing as missing:
                pytest.skip(f"stale memory on {kind}: {missing}")

        yield mount


def reads():
    """System calls of this process that read."""
    with open("/proc/self/io") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("syscr"))


def seen(subject, x):
    """The variant that a call gives, or GONE where the function ran (and what is in the file then
    is variant 0)."""
    ran = len(workload.COMPUTED)
    workload.VARIANT[0] = 0
    result = subject.call(x)
    return GONE if len(workload.COMPUTED) > ran else workload.variant_of(result)


class Pairs:
    """A subject whose file's variants are known, and which is asked after each change."""

    def __init__(self, subject, seed):
        self.subject = subject
        self.random = random.Random(seed)
        self.now = dict.fromkeys(range(KEYS_MAPPED if subject.kind == "mapped" else KEYS), GONE)
        subject.learn(self.now)
        self.memory_hits = self.looks = self.changes = 0

    def check(self, x, what):
        found = seen(self.subject, x)
        assert found == self.now[x], (what, x)
        if found is GONE:
            self.now[x] = 0

    def check_all(self, what):
        for x in self.now:
            self.check(x, what)

    def warm(self, settle):
        """Have every result in memory, where the file system lets it be believed."""
        self.check_all("nothing")
        time.sleep(settle)
        for _ in range(3):
            self.check_all("nothing")
        overhead = -reads() + reads()
        before = reads()
        self.check_all("nothing")
        self.memory_hits += len(self.now) - (reads() - before - overhead)
        self.looks += len(self.now)

    def plan(self):
        """A change for each key: a name, the key, another variant than there is."""
        self.changes += len(self.now)
        return [
            (
                self.random.choice(CHANGES),
                x,
                self.random.choice([v for v in range(VARIANTS) if v != now]),
            )
            for x, now in self.now.items()
        ]


def change_here(pairs):
    for name, x, variant in pairs.plan():
        pairs.now[x] = getattr(pairs.subject, name)(x, variant)
        pairs.check(x, name)


def change_elsewhere(pairs, other):
    plan = pairs.plan()
    for (_, x, _), left in zip(plan, other.do("many", plan), strict=True):
        pairs.now[x] = left
    for name, x, _ in plan:
        pairs.check(x, name)


def change_elsewhere_in_turn(pairs, other):
    for name, x, variant in pairs.plan():
        pairs.now[x] = other.do(name, x, variant)
        pairs.check(x, name)


def change_all(pairs, other):
    def gone(what):
        pairs.now = dict.fromkeys(pairs.now, GONE)
        pairs.check_all(what)

    home = pairs.subject.path(0).parent
    other.do("reset")
    gone("reset elsewhere")
    shutil.rmtree(home)
    gone("the directory removed")
    moved = home.parent.with_name("moved")
    home.rename(moved)
    pairs.check_all("the directory moved away: this handle goes on with it")
    moved.rename(home)
    pairs.check_all("the directory moved back")
    shutil.rmtree(home.parent)
    gone("the whole cache removed")


@pytest.mark.filterwarnings("ignore::locache.CacheWarning")
@pytest.mark.parametrize(
    ("name", "kind"),
    # What is kept depends on the result, how its file is asked on the file system: all of both is
    # for the long form.
    [
        (name, kind)
        for name in KINDS
        for kind in workload.VARYING
        if LONG or name == "tmpfs" or kind in SHORT_KINDS
    ],
)
def test_no_call_gives_what_a_file_no_longer_says(mounted, injected, name, kind):
    place = mounted(name)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    seconds = name == "ext4-seconds"
    settle, rounds = (SETTLE_SECONDS, ROUNDS_SECONDS) if seconds else (SETTLE, ROUNDS)
    pairs = Pairs(Subject(kind, place), seed)
    with Other(pairs.subject) as other:
        for number in range(rounds):
            pairs.warm(settle)
            (change_here, change_elsewhere, change_elsewhere_in_turn)[number % 3](
                pairs, *[other][: number % 3]
            )
            change_here(pairs)  # and again at once, where a clock may stand still
            if number % 4 == 3:
                pairs.warm(settle)
                change_all(pairs, other)
    injected(pairs.changes)
    if kind != "mapped":
        assert pairs.memory_hits > 0.9 * pairs.looks, "this is about memory, not about files"
