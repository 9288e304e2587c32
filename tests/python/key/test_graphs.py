"""Graphs of objects as arguments: shared parts, cycles, depth; in time that grows with them."""

from __future__ import annotations

import copy
import itertools
import pathlib
import random
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import locache
import pytest
from hypothesis import given
from hypothesis import strategies as st


class Node:
    def __init__(self, label, *parts):
        self.label = label
        self.parts = list(parts)


class Unkeyable:
    """Counts how often a walk comes to one of its objects, which takes longer than any processor
    does with the rest."""

    met = 0

    def __reduce_ex__(self, protocol):
        Unkeyable.met += 1
        time.sleep(0.05)
        raise TypeError


class Linked:
    def __init__(self, label):
        self.label = label
        self.near = set()


def diamond(levels, shared=True):
    if levels == 0:
        return Node(0)
    one = diamond(levels - 1, shared)
    return Node(levels, one, one if shared else diamond(levels - 1, shared))


def test_shared_parts_are_equal_parts(name):
    assert name(diamond(8)) == name(diamond(8, shared=False))
    assert name([diamond(8)] * 2) == name([diamond(8), diamond(8)])
    assert name(diamond(8)) != name(diamond(9))


class Asked:
    """Counts how often its objects are asked what they are made of."""

    times = 0

    def __init__(self, *parts):
        self.parts = list(parts)

    def __getstate__(self):
        Asked.times += 1
        return self.parts


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(Asked, "times", 0)
    return lambda: Asked.times


def test_a_part_that_is_referred_to_twice_is_walked_once(name, asked):
    top = Asked()
    for _ in range(60):
        top = Asked(top, top)
    name(top)
    assert asked() == 61


def chain(length, end):
    """Nodes that refer to each other in a row, the outermost first."""
    nodes = [Node(n) for n in range(length)]
    for node, following in itertools.pairwise([*nodes, end]):
        node.parts.append(following)
    return nodes


@pytest.mark.parametrize(
    "make",
    [
        lambda: chain(20_000, Unkeyable())[0],
        lambda: chain(20_000, Unkeyable()),
        lambda: [list(range(500_000)), list(range(500_000)), Unkeyable()],
        lambda: [dict.fromkeys(range(500_000)), Unkeyable()],
        lambda: [bytes(64 << 20), Unkeyable()],
    ],
)
def test_a_refusal_that_took_long_is_remembered(kept, make, monkeypatch):
    monkeypatch.setattr(Unkeyable, "met", 0)

    @kept
    def call(x):
        return 0

    value = make()
    with pytest.warns(locache.CacheWarning, match="Unkeyable") as told:
        call(value)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(20):
            call(value)
    assert Unkeyable.met == 1
    assert call.cache_info().bypassed == 21
    # What takes no time is cached as always, and what is asked is answered.
    assert [call([1, Node(2)]), call([1, Node(2)])] == [0, 0]
    assert call.cache_info().hits == 1
    with pytest.raises(TypeError, match="Unkeyable"):
        call.cache_path(value)


def test_a_refusal_that_took_no_time_is_not_remembered(kept):
    @kept
    def call(x):
        return 0

    with pytest.warns(locache.CacheWarning, match=r"_thread\.lock"):
        call([1, threading.Lock()])
    call(chain(20_000, None))
    assert call.cache_info().misses == 1


def grid(size, kind):
    nodes = [[kind((x, y)) for x in range(size)] for y in range(size)]
    for y in range(size):
        for x in range(size):
            for a, b in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if 0 <= a < size and 0 <= b < size:
                    nodes[y][x].parts.append(nodes[b][a])
    return nodes


def test_each_object_of_a_cyclic_graph_is_walked_once(name, asked):
    name(grid(50, Asked))
    assert asked() == 50 * 50


def test_a_long_linked_list_is_an_argument(name):
    def linked(count, last):
        node = Node(last)
        for i in range(count):
            node = Node(i, node)
        return node

    assert name(linked(50_000, 1)) == name(linked(50_000, 1)) != name(linked(50_000, 2))


def ring(size):
    nodes = [Node("same") for _ in range(size)]
    for i, node in enumerate(nodes):
        node.parts.append(nodes[(i + 1) % size])
    return nodes[0]


def test_rings_of_equal_objects_differ_by_their_size(name):
    assert len({name(ring(size)) for size in range(1, 6)}) == 5
    assert name(ring(3)) == name(ring(3))
    assert name([ring(3)] * 2) == name([ring(3), ring(3)])


def test_a_cycle_is_the_same_whatever_refers_to_it(name):
    def pair():
        one, other = Node("one"), Node("other")
        one.parts.append(other)
        other.parts.append(one)
        return one, other

    one, other = pair()
    assert name([one, other]) == name([pair()[0], pair()[1]])
    assert name([one, other]) != name([other, one])
    assert name(one) != name(other)


def test_a_list_in_itself_is_not_that_list_in_another(name):
    knot = []
    knot.append(knot)
    assert len({name(knot), name([knot]), name([[knot]])}) == 3


# edges (from, to) by number, and labels
graphs = st.integers(1, 8).flatmap(
    lambda count: st.tuples(
        st.lists(st.sampled_from("aab"), min_size=count, max_size=count),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=16),
    )
)


def build(described):
    labels, edges = described
    nodes = [Node(label) for label in labels]
    for start, end in edges:
        nodes[start].parts.append(nodes[end])
    return nodes


def unfolded(node, depth):
    return node.label, [unfolded(part, depth - 1) for part in node.parts] if depth else None


@given(graphs)
def test_a_copy_of_a_graph_has_its_key(name, described):
    nodes = build(described)
    assert name(nodes) == name(build(described)) == name(copy.deepcopy(nodes))
    assert name(nodes[0]) == name(copy.deepcopy(nodes[0]))


@given(graphs, graphs)
def test_graphs_that_unfold_differently_have_other_keys(name, a, b):
    one, other = build(a)[0], build(b)[0]
    if unfolded(one, 5) != unfolded(other, 5):
        assert name(one) != name(other)


@given(graphs, st.data())
def test_another_label_or_edge_is_another_key(name, described, data):
    labels, edges = described
    other = list(labels)
    at = data.draw(st.integers(0, len(labels) - 1))
    other[at] = "c"
    assert name(build(described)) != name(build((other, edges)))
    more = [*edges, (at, data.draw(st.integers(0, len(labels) - 1)))]
    assert name(build(described)) != name(build((labels, more)))


def linked(seed, count=60):
    generator = random.Random(seed)
    nodes = [Linked(i) for i in range(count)]
    for node in nodes:
        for other in generator.sample(nodes, 3):
            node.near.add(other)
            other.near.add(node)
    return nodes


def test_sets_of_objects_in_a_cycle_have_no_order(name):
    assert name(linked(1)) == name(linked(1)) != name(linked(2))
    assert name(linked(1)[0]) == name(linked(1)[0]) != name(linked(1)[1])
    assert name(frozenset(linked(1))) == name(frozenset(linked(1)))


@pytest.mark.once
def test_sets_of_objects_in_a_cycle_are_the_same_in_every_process(name, tmp_path):
    (tmp_path / "show.py").write_text(
        textwrap.dedent(
            f"""
            import pathlib, sys
            sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
            junk = [object() for _ in range(int(sys.argv[1]))]  # other addresses
            import test_graphs
            from locache import persist

            @persist(dir={str(tmp_path / "seeds.cache")!r})
            def call(x):
                return x

            print(pathlib.Path(call.cache_path(test_graphs.linked(1))).name)
            """
        )
    )
    outputs = {
        subprocess.run(
            [sys.executable, tmp_path / "show.py", count],
            capture_output=True, text=True, check=True,
        ).stdout
        for count in ("0", "1001")
    }  # fmt: skip
    assert len(outputs) == 1


@pytest.mark.once
def test_what_never_ends_is_refused_soon(name):
    class Endless:
        def __init__(self, n):
            self.n = n

        def __reduce__(self):
            return Endless, (Endless(self.n + 1),)

    with pytest.raises(TypeError, match="nested too deep"):
        name(Endless(0))


def test_refusal_says_the_way_also_from_deep_within(name):
    value = {"a": [Node(1, Node(2, iter([])))]}
    with pytest.raises(TypeError, match=r"at \['a'\]\[0\]\.parts\[0\]\.parts\[0\]: "):
        name(value)
