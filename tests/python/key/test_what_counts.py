"""What of an argument counts, and what does not: order, attributes, what objects note down."""

from __future__ import annotations

import collections
import configparser
import datetime
import enum
import functools
import importlib
import logging
import math
import types
import typing

import locache
import numpy as np
import pytest
from subclasses import Bag, Money, Place, Stamp


class Table:
    def __init__(self, **columns):
        self.columns = columns


# -------------------------------------------------------------------------------------------- order


@pytest.mark.parametrize(
    "make",
    [
        dict,
        Table,
        lambda **kwargs: [{"in": kwargs}],
        lambda **kwargs: collections.defaultdict(int, kwargs),
        lambda **kwargs: collections.Counter(kwargs),
        lambda **kwargs: collections.OrderedDict(kwargs),
    ],
)
def test_order_of_a_dict_counts(name, make):
    assert name(make(a=1, b=2)) == name(make(a=1, b=2)) != name(make(b=2, a=1))


class Shown(dict):
    """It shows less than it holds."""

    def items(self):
        return [pair for pair in super().items() if pair[0] != "_secret"]


class ShownInOrder(collections.OrderedDict):
    def items(self):
        return sorted(super().items())


class Once(list):
    def __iter__(self):
        return iter(sorted(set(super().__iter__())))


class Quiet(set):
    def __iter__(self):
        return iter(())


class QuietFrozen(frozenset):
    def __iter__(self):
        return iter(())


class QuietDeque(collections.deque):
    def __iter__(self):
        return iter(())


class QuietCounter(collections.Counter):
    def __iter__(self):
        return iter(())

    def keys(self):
        return []


class QuietFields(typing.NamedTuple):
    x: int
    y: int = 0

    def __iter__(self):
        return iter((self.x,))


class Said(dict):
    """What counts is what it says itself."""

    def items(self):
        return []

    def __reduce__(self):
        return Said, (), None, None, iter([("a", self["a"])])


def test_what_a_container_holds_counts_whatever_its_methods_show(name):
    assert name(Shown(_secret=1)) == name(Shown(_secret=1)) != name(Shown(_secret=2))
    assert name(Once([1, 1])) == name(Once([1, 1])) != name(Once([1]))
    assert name(Quiet([1, 2])) == name(Quiet([2, 1])) != name(Quiet([1]))
    assert name(QuietFrozen([1, 2])) == name(QuietFrozen([2, 1])) != name(QuietFrozen([1]))
    assert name(QuietDeque([1])) == name(QuietDeque([1])) != name(QuietDeque([2]))
    assert name(QuietCounter("a")) == name(QuietCounter("a")) != name(QuietCounter("b"))
    assert name(QuietFields(1, 2)) == name(QuietFields(1, 2)) != name(QuietFields(1, 3))
    assert name(ShownInOrder(a=1, b=2)) != name(ShownInOrder(b=2, a=1))
    turned = ShownInOrder(b=2, a=1)
    turned.move_to_end("b")
    assert name(turned) == name(ShownInOrder(a=1, b=2))
    assert name(Said(a=1, b=2)) == name(Said(a=1, b=3)) != name(Said(a=2))


def make_lazy(base, factor):
    class Lazy(base):
        @functools.cached_property
        def value(self):
            return factor

    return Lazy()


def make_enum(value, flag=False):
    class Colour(enum.Flag if flag else enum.Enum):
        RED = value

    return Colour


@pytest.mark.parametrize("values", [(1, 2), ([1], [2]), ({"a": 1}, {"a": 2}), ("1", 1)])
def test_value_of_an_enumeration_made_in_a_function(name, values):
    one, same, other = map(make_enum, (values[0], values[0], values[1]))
    assert name(one.RED) == name(same.RED) != name(other.RED)
    assert name([one.RED]) == name([same.RED]) != name([other.RED])
    assert name(one) == name(same) != name(other)
    assert name(make_enum(1, True).RED) != name(make_enum(2, True).RED)


class Slot:
    __slots__ = ("__dict__", "other")


@pytest.mark.parametrize("base", [object, Slot, list, collections.Counter])
def test_what_has_no_attribute_but_a_cached_property(name, base):
    """Of a class made in a function, too: it has a lock in Python 3.10 and 3.11."""
    one = make_lazy(base, 1)
    before = name(one)
    assert one.value == 1
    assert name(one) == before == name(make_lazy(base, 1)) != name(make_lazy(base, 2))


def test_order_in_which_attributes_were_set_does_not_count(name):
    one, other = Table(), Table()
    one.a, one.b = 1, 2
    other.b, other.a = 2, 1
    assert name(one) == name(other)


def test_order_of_keyword_arguments_without_a_name_counts(kept):
    @kept
    def columns(first=0, second=0, **values):
        return list(values)

    assert columns(x=1, y=2) == ["x", "y"]
    assert columns(y=2, x=1) == ["y", "x"]
    assert columns.cache_path(first=1, second=2) == columns.cache_path(second=2, first=1)


def layouts(array):
    yield array
    yield np.asfortranarray(array)
    yield array.transpose(0, 2, 1).copy().transpose(0, 2, 1)
    yield array[::-1].copy()[::-1]
    yield array[:, ::-1].copy()[:, ::-1]


@pytest.mark.parametrize("dtype", ["f8", "i1", "M8[s]", "U3", "O", "i4,f8"])
def test_layout_of_an_array_counts(name, dtype):
    array = np.arange(24).astype(dtype).reshape(2, 3, 4)
    assert len({name(one) for one in layouts(array)}) == 5
    assert [name(one) for one in layouts(array)] == [name(one) for one in layouts(array.copy())]


def test_a_view_that_lies_in_order_is_its_copy(name):
    wide = np.arange(192.0).reshape(4, 6, 8)
    for view in (
        wide[::2, ::3, ::4],
        wide[1:, :, 2],
        wide[:1],
        np.broadcast_to(wide[0], (3, 6, 8)),
    ):
        assert name(view) == name(view.copy())
    assert name(wide.T[::2]) == name(np.asfortranarray(wide.T[::2]))


# ---------------------------------------------------------------------- what reductions leave out


class Units(np.ndarray):
    pass


class Slotted(datetime.date):
    __slots__ = ("unit",)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Money("1.5"),
        lambda: Stamp(2024, 1, 1),
        lambda: Place("a"),
        lambda: Bag("ab"),
        lambda: np.zeros(2).view(Units),
        lambda: Slotted(2024, 1, 1),
    ],
)
def test_attributes_of_a_subclass_count(name, make):
    values = [make() for _ in range(4)]
    for value, unit in zip(values, ("metre", "inch", "metre"), strict=False):
        value.unit = unit
    assert name(values[0]) == name(values[2])
    assert len({name(value) for value in values}) == 3


class Shape:
    def __init__(self, size):
        self.size = size

    def __reduce__(self):
        return Shape, (self.size,)


class Circle(Shape):
    pass


def test_class_counts_where_the_reduction_names_a_base(name):
    assert name(Shape(2)) != name(Circle(2))


class Box:
    def __init__(self, value):
        self.value = value

    def __getstate__(self):
        return self.value

    def __setstate__(self, state):
        self.value = state


class Bare:
    pass


def test_empty_states_differ(name):
    assert len({name(Box(value)) for value in (None, [], {}, (), 0)}) == 5
    assert name(Bare()) == name(Bare())


# ------------------------------------------------------------------ what objects note down in them


class Square:
    def __init__(self, side):
        self.side = side
        self._hash = None

    @functools.cached_property
    def area(self):
        return self.side**2

    def __eq__(self, other):
        return self.side == other.side

    def __hash__(self):
        self._hash = hash(str(self.side))
        return self._hash


def test_cached_properties_and_hashes_do_not_count(name):
    one, other = Square(3), Square(3)
    assert (other.area, hash(other)) == (9, hash(str(3)))
    assert name(one) == name(other) != name(Square(4))


def test_a_hash_that_no_method_keeps_counts(name):
    one, other = Table(), Table()
    one._hash, other._hash = 1, 2
    assert name(one) != name(other)


def looked_at_networkx(module):
    def make():
        return module.path_graph(3)

    return make, lambda graph: (graph.nodes, graph.edges, graph.degree)


def looked_at_xarray(module):
    def make():
        return module.Dataset({"a": ("x", [1, 2])}, coords={"x": [0, 1]})

    return make, lambda data: (data.attrs, data.a.attrs, data.indexes)


def looked_at_scipy(module):
    def make():
        return module.csr_matrix([[1.0, 2.0]])

    return make, lambda matrix: (matrix.has_canonical_format, matrix.has_sorted_indices)


@pytest.mark.once
@pytest.mark.parametrize(
    ("module", "of"),
    [
        ("networkx", looked_at_networkx),
        ("xarray", looked_at_xarray),
        ("scipy.sparse", looked_at_scipy),
    ],
)
def test_what_a_package_notes_down_does_not_count(name, module, of):
    make, look = of(importlib.import_module(module))
    one, other = make(), make()
    look(other)
    assert name(one) == name(other)


@pytest.mark.once
def test_order_of_a_dataset_and_of_a_graph_counts(name):
    import networkx
    import xarray

    a, b = ("x", [1, 2]), ("x", [3, 4])
    assert name(xarray.Dataset({"a": a, "b": b})) != name(xarray.Dataset({"b": b, "a": a}))
    assert name(networkx.Graph([(0, 1), (1, 2)])) != name(networkx.Graph([(1, 2), (0, 1)]))


def test_masked_arrays(name):
    def masked(under, mask=(False, True)):
        return np.ma.array([1.0, under], mask=mask)

    assert name(masked(5.0)) == name(masked(math.nan)) != name(masked(5.0, (False, False)))
    assert name(np.ma.array([1.0, 2.0])) != name(np.ma.array([1.0, 2.0], mask=[False, False]))
    looked_at = masked(5.0)
    assert looked_at.fill_value == 1e20
    assert name(looked_at) == name(masked(5.0))


def test_torch_tensors_count_by_content(name):
    torch = pytest.importorskip("torch")
    row = torch.arange(4.0)
    tensors = [row, row.long(), row.reshape(2, 2), row.bfloat16(), torch.nn.Parameter(row)]
    assert len({name(tensor) for tensor in tensors}) == 5
    assert name(torch.arange(4.0)) == name(torch.arange(4.0))


def quantized(torch, scale):
    return torch.quantize_per_tensor(torch.ones(3), scale, 0, torch.qint8)


@pytest.mark.parametrize(
    "make",
    [
        lambda torch: (torch.ones(1).expand(5), torch.ones(5)),
        lambda torch: (torch.arange(10.0)[::2], torch.arange(10.0)[::2].clone()),
        lambda torch: (torch.tensor([1 + 2j]).conj(), torch.tensor([1 - 2j])),
        lambda torch: (torch.tensor([1 + 2j]).conj().imag, torch.tensor([-2.0])),
        lambda torch: (quantized(torch, 0.1), quantized(torch, 0.1)),
        lambda torch: (torch.eye(3).to_sparse(), torch.eye(3).to_sparse()),
        lambda torch: (torch.ones(3, 3).to_mkldnn(), torch.ones(3, 3).to_mkldnn()),
        lambda torch: (torch.ones(3).storage(), torch.ones(3).storage()),
        lambda torch: (torch.empty(0, 3), torch.empty(0, 3)),
    ],
)
def test_equal_torch_tensors(name, make):
    one, other = make(pytest.importorskip("torch"))
    assert name(one) == name(other)


@pytest.mark.parametrize(
    "make",
    [
        lambda torch: (torch.arange(6.0).view(2, 3).T, torch.arange(6.0).view(2, 3).T.contiguous()),
        lambda torch: (quantized(torch, 0.1), quantized(torch, 0.2)),
        lambda torch: (torch.ones(3), torch.ones(3, requires_grad=True)),
        lambda torch: (torch.ones(3), torch.ones(3, device="meta")),
        lambda torch: (torch.eye(3), torch.eye(3).to_sparse()),
        lambda torch: (torch.ones(3).storage(), torch.zeros(3).storage()),
        lambda torch: (torch.empty(0, 3), torch.empty(3, 0)),
        lambda torch: (torch.channels_last, torch.contiguous_format),
    ],
)
def test_unequal_torch_tensors(name, make):
    one, other = make(pytest.importorskip("torch"))
    assert name(one) != name(other)


def test_torch_modules_count_by_content(name):
    torch = pytest.importorskip("torch")

    def module(value, hook=None):
        layer = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        torch.nn.init.constant_(layer[0].weight, value)
        torch.nn.init.zeros_(layer[0].bias)
        if hook is not None:
            layer.register_forward_hook(hook)
        return layer

    for kind in (lambda layer: layer, lambda layer: layer.state_dict(), torch.nn.Module.parameters):
        made = [kind(module(value)) for value in (1, 1, 2)]
        made = [list(one) if kind is torch.nn.Module.parameters else one for one in made]
        assert name(made[0]) == name(made[1]) != name(made[2])
    assert name(module(1)) != name(module(1).eval())
    assert name(module(1, print)) == name(module(1, print)) != name(module(1))


def test_a_torch_generator_is_refused(name):
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"Generator.*ignore="):
        name(torch.Generator())


# ----------------------------------------------------------------------------------- data frames


@pytest.mark.once
def test_pandas_flags_offsets_and_subclasses(name):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1]})
    assert name(frame) != name(frame.set_flags(allows_duplicate_labels=False))

    def days(holidays):
        offset = pd.offsets.CustomBusinessDay(holidays=holidays)
        return pd.date_range("2024-01-01", periods=2, freq=offset)

    assert name(days(["2024-03-01"])) == name(days(["2024-03-01"])) != name(days(["2024-04-01"]))

    class Named(pd.DataFrame):
        _metadata = ("unit",)

    one, other, same = Named({"a": [1]}), Named({"a": [1]}), Named({"a": [1]})
    one.unit, other.unit, same.unit = "metre", "inch", "metre"
    assert name(one) == name(same) != name(other)


@pytest.mark.once
def test_arrow_slices_and_chunks_of_nested_columns(name):
    pa = pytest.importorskip("pyarrow")
    rows = [[1, 2], None, [], [3]]
    for made in (rows, [{"a": row} for row in rows]):
        array = pa.array(made)
        assert name(array[1:3]) == name(pa.array(made[1:3], array.type)) != name(array)
        table = pa.table({"x": array})
        cut = pa.table({"x": pa.chunked_array([array[:1], array[1:]])})
        assert name(table) == name(cut) != name(table[:2])


def test_what_astropy_masks_does_not_count(name):
    masked = pytest.importorskip("astropy.utils.masked").Masked
    table = pytest.importorskip("astropy.table")

    def array(values, mask):
        return masked(np.array(values, float), mask=np.array(mask))

    one = array([1, 2], [False, True])
    assert name(one) == name(array([1, 9], [False, True])) != name(array([1, 2], [False, False]))

    def made(values, mask, **meta):
        column = table.MaskedColumn(values, mask=mask, unit="m")
        return table.Table({"a": [1, 2], "b": column}, meta=meta)

    one = made([1, 2], [False, True])
    assert name(one) == name(made([1, 9], [False, True])) == name(one.copy())
    assert name(one["b"]) == name(made([1, 9], [False, True])["b"])
    others = made([1, 2], [False, False]), made([1, 2], [False, True], k=1), one[::-1]
    assert len({name(one), *map(name, others)}) == 4


# ------------------------------------------------------------------------------- one's own say


class Foreign:
    def __init__(self, value):
        self.value = value
        self.noise = object()


class Derived(Foreign):
    pass


def test_key_for_says_what_counts_of_another_class(name):
    with pytest.raises(TypeError):
        name(Foreign(1))

    @locache.key_for(Foreign)
    def key(foreign):
        return foreign.value

    assert name(Foreign(1)) == name(Foreign(1)) != name(Foreign(2))
    assert name(Derived(1)) != name(Foreign(1))
    with pytest.raises(TypeError, match="class"):
        locache.key_for(1)


def test_what_an_exception_was_raised_from_counts(name):
    def failure(cause):
        error = ValueError("a")
        error.__cause__ = cause
        return [error]

    causes = [None, KeyError("b"), KeyError("c"), TypeError("b")]
    assert len({name(failure(cause)) for cause in causes}) == 4
    assert name(failure(KeyError("b"))) == name(failure(KeyError("b")))


# --------------------------------------------------------------------------- modules and functions

MISSING = object()


def with_sentinel(key, *, default=MISSING, other=MISSING):
    return key


def test_a_module_is_its_name_where_it_is_found_under_that(name):
    assert name([math]) == name([math])
    assert len({name(math), name(configparser), name("math"), name([math])}) == 4
    with pytest.raises(TypeError, match="not being found under its own name"):
        name([types.ModuleType("math")])


def test_functions_with_a_sentinel_can_be_keyed(name):
    assert name(with_sentinel) == name(with_sentinel)
    assert name(configparser.ConfigParser()) == name(configparser.ConfigParser())


def function_of(tmp_path, text):
    path = tmp_path / f"source_{abs(hash(text))}.py"
    path.write_text(text)
    space = {"__name__": "source"}
    exec(compile(text, str(path), "exec"), space)
    return space["f"]


def test_layout_and_docstring_of_a_function_do_not_count(name, tmp_path):
    plain = function_of(tmp_path, "def f(x):\n    return x + 1\n")
    layout = function_of(tmp_path, "\n\ndef f( x ):\n    'Add.'\n    return (x + 1)  # one\n")
    other = function_of(tmp_path, "def f(x):\n    return x + 2\n")
    assert name(plain) == name(layout) != name(other)


def test_a_logger_counts_by_its_name(name):
    """Not by what it notes down in itself when it is used, nor by its handlers."""
    one, other = logging.getLogger("locache.test.one"), logging.getLogger("locache.test.other")
    before = name(one)
    one.info("it is used")
    one.addHandler(logging.NullHandler())
    assert name(one) == before != name(other)
