"""What is kept of a class between keys is looked for again where the class was changed."""

from __future__ import annotations

import copyreg
import functools
import gc
import sys

import locache
import pytest


class Base:
    pass


class Point(Base):
    def __init__(self, x, y):
        self.x = x
        self.y = y


def made():
    """A class that is found under its name."""
    cls = type("Made", (Base,), {"__module__": __name__, "__qualname__": "Made"})
    sys.modules[__name__].Made = cls
    return cls


@pytest.fixture
def seen(name):
    """Names of objects of a class that was met before."""
    cls = made()
    value = cls()
    value.x, value.y = 1, 2
    first = [name(value) for _ in range(3)]
    assert len(set(first)) == 1
    yield cls, value, first[0]
    del sys.modules[__name__].Made


def test_a_method_that_says_the_key_is_seen(seen, name):
    cls, value, before = seen
    cls.__locache_key__ = lambda self: "own"
    told = name(value)
    assert told != before
    cls.__locache_key__ = lambda self: "other"
    assert name(value) not in (before, told)
    del cls.__locache_key__
    assert name(value) == before


def test_a_method_of_a_base_is_seen(seen, name):
    _, value, before = seen
    Base.__locache_key__ = lambda self: "base"
    try:
        assert name(value) != before
    finally:
        del Base.__locache_key__
    assert name(value) == before


def test_a_function_for_a_class_is_seen(seen, name):
    cls, value, before = seen

    @locache.key_for(cls)
    def key_of(value):
        return value.x

    other = cls()
    other.x, other.y = 1, 3
    assert name(value) == name(other) != before


def test_a_reducer_is_seen(seen, name):
    cls, value, before = seen
    copyreg.pickle(cls, lambda value: (cls, (value.x,)))
    try:
        assert name(value) != before
    finally:
        del copyreg.dispatch_table[cls]


def test_a_reduction_is_seen(seen, name):
    cls, value, before = seen
    cls.__reduce__ = lambda self: (cls, (self.x,))
    assert name(value) != before


@pytest.mark.parametrize("attribute", ["__module__", "__qualname__"])
def test_another_name_is_seen(seen, name, attribute):
    cls, value, before = seen
    setattr(cls, attribute, "elsewhere")
    assert name(value) != before


def test_a_name_that_leads_to_another_class_is_seen(seen, name):
    _, value, before = seen
    made()
    assert name(value) != before


def test_attributes_in_another_order_and_others_are_seen(seen, name):
    cls, value, before = seen
    turned = cls()
    turned.y, turned.x = 2, 1
    more = cls()
    more.x, more.y, more.z = 1, 2, 3
    less = cls()
    less.x = 1
    assert name(turned) == before == name(value)
    assert len({before, name(more), name(less)}) == 3


def test_a_property_that_caches_is_seen(seen, name):
    cls, value, _ = seen
    plain = cls()
    plain.x, plain.y = 1, 2
    value.total = 3
    assert name(value) != name(plain)
    cls.total = functools.cached_property(lambda self: 3)
    assert name(value) == name(plain)


def test_objects_within_objects_of_one_class(name):
    values = []
    for inner in (Point(1, 2), Point(2, 1), [Point(1, 2)]):
        outer = Point(inner, Point(3, inner))
        values.append((name(outer), name(Point(inner, Point(3, inner)))))
    assert all(one == other for one, other in values)
    assert len({one for one, _ in values}) == 3


def test_classes_at_one_address_are_not_mistaken(name):
    """Each goes before the next is made."""
    names = set()
    for n in range(50):
        cls = type("Gone", (), {"__module__": __name__, "n": n})
        value = cls()
        value.x = 1
        names.add(name(value))
        del cls, value
        gc.collect(0)
    assert len(names) == 50
