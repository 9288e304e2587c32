"""What counts of arguments by a function's word: key= and locache.Key in annotations."""

from __future__ import annotations

import threading
import typing
import warnings
from typing import Annotated, Optional

import locache
import pytest

if typing.TYPE_CHECKING:
    from nowhere import Elsewhere  # type: ignore[import-not-found]


class Frame:
    """Cannot be part of a key, having a lock."""

    def __init__(self, version):
        self.version = version
        self.lock = threading.Lock()


def version(frame):
    return frame.version


def shape(frame):
    return frame.shape


Versioned = Annotated[Frame, "text", locache.Key(version)]


@pytest.fixture
def call(kept):
    """Decorates a function; its results are the calls that were computed."""

    def decorate(*args, **options):
        if args:
            return kept(*args)
        return lambda function: kept(function, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("error", locache.CacheWarning)
        yield decorate


def computed(function, *calls):
    """How many of the calls, as (args, kwargs), are computed."""
    before = function.cache_info().misses
    for args, kwargs in calls:
        function(*args, **kwargs)
    return function.cache_info().misses - before


def of(*args, **kwargs):
    return args, kwargs


def test_key_of_a_parameter_counts_in_place_of_it(call):
    @call(key={"frame": version})
    def total(frame, n=1):
        return n

    same = of(Frame(1)), of(Frame(1), 1), of(frame=Frame(1)), of(n=1, frame=Frame(1))
    assert computed(total, *same) == 1
    assert computed(total, of(Frame(2)), of(Frame(1), 2), *same) == 2


SEEN = []


def seeing(*args, **kwargs):
    SEEN.append((args, kwargs))
    return args[0]


def test_key_of_a_call_gets_it_as_the_signature_has_it(call):
    @call(key=seeing)
    def total(x, n=1, *rest, last=0, **more):
        return n

    def seen(*args, **kwargs):
        SEEN.clear()
        total.cache_path(*args, **kwargs)
        return SEEN

    assert seen(5) == seen(x=5) == seen(n=1, x=5) == seen(5, last=0) == [((5, 1), {"last": 0})]
    assert seen(5, 2, 7, last=3, other=8) == [((5, 2, 7), {"last": 3, "other": 8})]


def test_key_of_a_call_is_all_that_counts_of_arguments(call):
    @call(key=lambda frame, n: frame.version)
    def total(frame, n=1):
        return n

    assert computed(total, of(Frame(1)), of(Frame(1), 2), of(n=3, frame=Frame(1))) == 1
    assert computed(total, of(Frame(2))) == 1


def test_key_of_a_call_does_without_captured_variables(call):
    def make(factor):
        @call(key=lambda x: x % 2)
        def scaled(x):
            return factor * (x % 2)

        return scaled

    assert [make(2)(1), make(3)(1), make(2)(3)] == [2, 3, 2]


@pytest.mark.parametrize(
    ("key", "calls", "count"),
    [
        ({"args": abs}, [of(0, 1, -2), of(0, -1, 2)], 1),
        ({"kwargs": abs}, [of(0, a=1), of(0, a=-1)], 1),
        ({"a": abs}, [of(0, a=1), of(0, a=-1)], 1),
        ({"a": abs}, [of(0, b=1), of(0, b=-1)], 2),
        ({"a": abs, "kwargs": str}, [of(0, a=1, b=1), of(0, a=-1, b=1), of(0, a=1, b=2)], 2),
    ],
)
def test_key_of_the_rest(call, key, calls, count):
    @call(key=key)
    def function(x, *args, **kwargs):
        return 0

    assert computed(function, *calls) == count


def test_key_of_a_default(call):
    @call(key={"x": lambda x: x is None})
    def function(x=None):
        return 0

    assert computed(function, of(), of(None), of(x=None)) == 1
    assert computed(function, of(1), of(2)) == 1


def test_key_of_a_sentinel_is_not_asked_for(call):
    missing = object()

    @call(key={"x": abs})
    def function(x=missing):
        return 0

    assert computed(function, of(), of()) == 1


def test_not_implemented_leaves_it_to_the_argument(call):
    def of_even(x, y=0):
        return NotImplemented if x % 2 else 0

    for key in (of_even, {"x": of_even}):

        @call(key=key)
        def function(x, y=0):
            return x

        assert computed(function, of(2), of(4)) == 1
        assert [function(1), function(3)] == [1, 3]
        function.cache_clear()


def test_another_key_function_is_another_key(call):
    def parity(x):
        return x % 2

    def half(x):
        return x // 2

    def persisted(key):
        @call(key=key)
        def function(x):
            return x

        return function

    for key in (parity, half, {"x": parity}, {"x": half}, None):
        assert persisted(key)(1) == 1
        if key is not None:
            assert persisted(key)(3 if key in (parity, {"x": parity}) else 1) == 1
    assert persisted(half)(2) == 2  # not what was stored where the parity was 1
    assert persisted(None)(0) == 0


def test_methods_and_partials(call):
    class Model:
        name = "a"
        lock = threading.Lock()

        @call(key={"self": lambda model: model.name})
        def fit(self, n):
            return self.name, n

        @call(key=lambda model, n: (model.name, n))
        def score(self, n):
            return self.name, n

    one, other = Model(), Model()
    other.name = "b"
    for method in ("fit", "score"):
        assert [getattr(m, method)(n) for m in (one, other) for n in (1, 2)] == [
            ("a", 1),
            ("a", 2),
            ("b", 1),
            ("b", 2),
        ]
    assert Model.fit.cache_info().misses == Model.score.cache_info().misses == 4


def test_under_a_wrapper(call):
    import functools

    def passing(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @call(key={"frame": version})
    @passing
    def by_name(frame, n=1):
        return n

    @call(key=lambda frame, n=1: (frame.version, n))
    @passing
    def whole(frame, n=1):
        return n

    @call()
    @passing
    def annotated(frame: Versioned, n=1):
        return n

    for function in (by_name, whole, annotated):
        assert computed(function, of(Frame(1)), of(frame=Frame(1)), of(Frame(1), n=2)) == 2
        assert computed(function, of(Frame(2))) == 1


def test_what_a_call_changes_may_be_left_out(call):
    @call(key={"items": len})
    def first(items):
        items[0] = "changed"
        return items[1]

    assert [first([1, 2]), first([1, 2])] == [2, 2]
    assert first.cache_info().hits == 1


@pytest.mark.parametrize("key", [{"frame": shape}, shape])
def test_a_key_function_that_fails_leaves_the_call_uncached(kept, key):
    @kept(key=key)
    def total(frame):
        return 5

    with pytest.warns(locache.CacheWarning, match="'(frame|key=)': .*no attribute 'shape'"):
        assert total(Frame(1)) == 5
    assert total.cache_info().bypassed == 1


@pytest.mark.parametrize("key", [{"frame": vars}, vars])
def test_a_key_that_is_none_leaves_the_call_uncached(kept, key):
    @kept(key=key)
    def total(frame):
        return 5

    with pytest.warns(locache.CacheWarning, match="'(frame|key=)': .*lock"):
        assert total(Frame(1)) == 5


def test_coroutine_functions(call):
    import asyncio

    @call(key={"frame": version})
    async def total(frame):
        return frame.version

    assert [asyncio.run(total(Frame(n))) for n in (1, 1, 2)] == [1, 1, 2]
    assert total.cache_info().misses == 2


# -------------------------------------------------------------------------------------- annotations


def plain(frame: Annotated[Frame, locache.Key(version)], n=1):
    return n


def alias(frame: Versioned, n=1):
    return n


def keyword(n=1, *, frame: Versioned):
    return n


def optional(frame: Optional[Versioned] = None, n=1):  # noqa: UP045
    return n


def united(frame: Versioned | None = None, n=1):
    return n


def elsewhere(frame: Annotated[Elsewhere[int] | None, locache.Key(version)], n: Elsewhere.Int = 1):
    return n


def rest(*frames: Versioned):
    return 0


def named_rest(**frames: Versioned):
    return 0


def evaluated(function):
    """The same function as it is without `from __future__ import annotations`."""
    function.__annotations__ = typing.get_type_hints(function, include_extras=True)
    return function


@pytest.mark.parametrize("how", [lambda function: function, evaluated])
@pytest.mark.parametrize(
    "function", [plain, alias, keyword, optional, united, elsewhere, rest, named_rest]
)
def test_annotated_parameter(call, function, how):
    if how is evaluated and function is elsewhere:
        pytest.skip("there is no such class")
    persisted = call(how(function))
    if function is rest:
        calls = [of(Frame(1)), of(Frame(1)), of(Frame(2))]
    else:
        calls = [of(frame=Frame(1)), of(frame=Frame(1)), of(frame=Frame(2))]
    assert computed(persisted, *calls) == 2
    if function in (optional, united):
        assert computed(persisted, of(), of(None), of(frame=None)) == 1


def test_key_option_goes_before_annotation(call):
    @call(key={"frame": lambda frame: 0})
    def total(frame: Versioned):
        return 0

    assert computed(total, of(Frame(1)), of(Frame(2))) == 1


def test_annotation_by_a_name_that_is_not_known_is_refused(kept):
    def total(frame: Annotated[Frame, locache.Key(nowhere)]):  # noqa: F821
        return 0

    with pytest.raises(TypeError, match=r"Key\(\) takes in the annotation of 'frame'"):
        kept(total)


def test_annotations_that_cannot_be_evaluated_are_nothing(kept):
    def total(frame: "1 +", error: KeyError = None, other: "Keys[" = 0):  # noqa: F722, RUF013
        return 0

    assert kept(total)(1) == 0


def test_key_takes_a_callable():
    with pytest.raises(TypeError, match=r"Key\(\) takes a callable, not str"):
        locache.Key("version")
    assert repr(locache.Key(abs)) == "Key(<built-in function abs>)"


# ------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"key": "x"}, TypeError, "key must be a callable, or callables by names"),
        ({"key": {"x": 1}}, TypeError, "key= must have a callable for 'x', not int"),
        ({"key": {1: abs}}, TypeError, "key must be callables by names of parameters, not int"),
        ({"key": {"y": abs}}, TypeError, r"key= names \['y'\], but .* has no such parameter"),
        ({"key": {"x": abs}, "ignore": "x"}, ValueError, r"ignore= and key= both name \['x'\]"),
    ],
)
def test_key_refused(kept, options, error, message):
    with pytest.raises(error, match=message):

        @kept(**options)
        def function(x):
            return x


def test_a_copy_has_the_same_key(kept):
    persisted = kept(lambda frame: 1, key={"frame": version})
    from locache import _sending

    target, names, *options, _ = _sending.parts(persisted)
    again = _sending.remade(persisted, target, names, *options)
    assert again.cache_path(Frame(3)) == persisted.cache_path(Frame(3))
    assert again.cache_path(Frame(3)) != persisted.cache_path(Frame(4))
