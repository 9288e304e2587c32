"""The quick way to the key of a simple call: the same key as by the general way, whatever the
arguments."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from locache import persist

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**64) - 2, 2**64 + 2),
    st.integers(-300, 300),
    st.floats(),
    st.floats(width=16),
    st.text(),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=400),
    st.text(st.characters(), min_size=55, max_size=75),
    st.binary(max_size=400),
    st.complex_numbers(),
    st.just("\ud800"),
)
arguments = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=8).map(tuple), max_leaves=40
)


def fresh(name):
    """The same name, as no compiled call has it: such a keyword goes the general way."""
    return "".join(list(name))


@pytest.fixture(scope="module")
def signature(tmp_path_factory):
    @persist(dir=tmp_path_factory.mktemp("quick") / "quick.cache")
    def f(alpha, beta=(1, "two"), /, gamma=3.0, *, delta=None):
        return None

    return f


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    @persist(dir=tmp_path_factory.mktemp("named") / "named.cache")
    def f(alpha, beta=(1, "two"), gamma=3.0, *, delta=None):
        return None

    return f


@given(
    st.lists(arguments, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["delta"]), arguments),
)
@example([tuple(range(63)), tuple(range(64)), tuple(range(65))], {})
@example(["x" * 256, "x" * 257, "\u00fc" * 64], {"delta": "\u00fc" * 65})
@example([b"x" * 256, b"x" * 257, ((((1,),),),)], {"delta": (((((1,),),),),)})
@example([2**63 - 1, 2**63, -(2**63)], {"delta": -(2**63) - 1})
@example(
    ["\ud7ff\ue000", "a\udfff", "\U0010ffff"], {"delta": "\x7f\x80\u07ff\u0800\uffff\U00010000"}
)
def test_quick_and_general_way_make_the_same_key(named, given_arguments, keywords):
    names = ["alpha", "beta", "gamma"][: len(given_arguments)]
    by_name = dict(zip(names, given_arguments, strict=True)) | keywords
    quick = named.cache_path(*given_arguments, **keywords)
    assert named.cache_path(**by_name) == quick
    assert named.cache_path(**dict(reversed(by_name.items()))) == quick
    assert named.cache_path(**{fresh(name): value for name, value in by_name.items()}) == quick


@given(arguments, arguments)
def test_quick_way_finds_what_the_general_way_stored(named, alpha, delta):
    result = named(**{fresh("alpha"): alpha, fresh("delta"): delta})
    before = named.cache_info()
    assert named(alpha, delta=delta) is result
    after = named.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


@pytest.mark.parametrize(
    ("args", "keywords"),
    [
        ((), {}),
        ((1, 2, 3, 4), {}),
        ((1,), {"alpha": 2}),
        ((1,), {"beta": 2}),
        ((1,), {"epsilon": 2}),
        ((1, 2, 3), {"gamma": 4}),
        ((), {"delta": 1}),
    ],
)
def test_calls_that_do_not_fit_are_the_functions_own_errors(signature, args, keywords):
    with pytest.raises(TypeError, match=r"f\(\)"):
        signature(*args, **keywords)
    with pytest.raises(TypeError, match=r"f\(\)"):
        signature(*args, **{fresh(name): value for name, value in keywords.items()})
