"""What counts of objects whose classes are not one's own: by class, for well-known packages and by
the user's word.

A function gets an object and returns a value that says what it is; NotImplemented where it says
nothing of that one. What an object has noted down of itself (caches, flags of what was found) is
not in it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Function = Callable[[Any], object]

__all__ = ["add_loaded"]


# ----------------------------------------------------------------------------- well-known packages

# Of each package, once it is loaded: the path of the class in it, and the function.
KNOWN: dict[str, list[tuple[str, Function]]] = {}


def known(module: str, *names: str) -> Callable[[Function], Function]:
    def add(function: Function) -> Function:
        KNOWN.setdefault(module, []).extend((name, function) for name in names)
        return function

    return add


def add_loaded(table: dict[type, Function]) -> None:
    """Add the classes of modules that are loaded by now. Those that are there stay."""
    if sys.version_info >= (3, 12):  # where `def f[T]` needs no typing, but what typing is made of
        import _typing  # type: ignore[import-not-found]  # noqa: F401

    for module, entries in KNOWN.items():
        loaded = sys.modules.get(module)
        for name, function in entries if loaded is not None else ():
            cls = vars(loaded).get(name)
            if isinstance(cls, type):
                table.setdefault(cls, function)


def attributes(value: Any, *without: str) -> dict[str, object]:
    """The attributes of an instance in the order of their names, less those noted down."""
    cls = type(value)
    return {
        name: held
        for name, held in sorted(vars(value).items())
        if name not in without and type(getattr(cls, name, None)).__name__ != "cached_property"
    }


@known("_typing", "TypeVar", "ParamSpec", "TypeVarTuple")
@known("typing", "TypeVar", "ParamSpec", "TypeVarTuple")
def type_parameter(parameter: Any) -> object:
    """One of a class made in a function has no name that leads to it."""
    names = "__name__", "__bound__", "__constraints__", "__covariant__", "__contravariant__"
    return [getattr(parameter, name, None) for name in names]


@known("_typing", "TypeAliasType")
def type_alias(alias: Any) -> object:
    """One that code looks at: what it stands for."""
    return alias.__name__, alias.__value__, alias.__type_params__


@known("typing", "ForwardRef")
def forward_reference(reference: Any) -> object:
    """As it is written, not whether it has been looked up."""
    return reference.__forward_arg__, reference.__forward_is_class__


@known("functools", "cached_property")
def cached_property(descriptor: Any) -> object:
    """Of a class made in a function; not its lock, which those of Python 3.10 and 3.11 have."""
    if type(descriptor) is not sys.modules["functools"].cached_property:
        return NotImplemented
    return descriptor.func, descriptor.attrname


@known("pydantic._internal._decorators", "Decorator")
def pydantic_decorator(decorator: Any) -> object:
    """Not the text that refers to the class by its address."""
    return decorator.cls_var_name, decorator.func, decorator.shim, decorator.info


@known("pydantic._internal._validate_call", "ValidateCallWrapper")
def pydantic_validated(wrapper: Any) -> object:
    """Not the names that it looks types up in, which are the whole module."""
    config = wrapper.config_wrapper
    return wrapper.function, wrapper.validate_return, getattr(config, "config_dict", config)


@known("pydantic.fields", "ModelPrivateAttr")
def pydantic_private(attribute: Any) -> object:
    """Not what it finds out of its factory when it is first used."""
    return attribute.default, attribute.default_factory


@known("networkx", "Graph")
def networkx_graph(graph: Any) -> object:
    return attributes(graph, "__networkx_cache__")


@known("scipy.sparse._base", "_spbase")
def scipy_sparse(matrix: Any) -> object:
    if isinstance(matrix, dict):  # dok_matrix of earlier versions
        return NotImplemented
    noted = "_has_canonical_format", "_has_sorted_indices"
    plain = "has_canonical_format", "has_sorted_indices", "maxprint", "_maxprint"
    return attributes(matrix, *noted, *plain)


@known("numpy.ma", "MaskedArray")
def numpy_masked(array: Any) -> object:
    """What is under the mask does not count, nor whether the mask is shared."""
    numpy = sys.modules["numpy"]
    own = "_basedict", "_baseclass", "_fill_value", "_hardmask", "_isfield", "_mask", "_sharedmask"
    data = array.filled(numpy.zeros((), array.dtype)[()])
    mask = None if array.mask is numpy.ma.nomask else numpy.asarray(array.mask)
    fill = numpy.asarray(array.fill_value)
    more = attributes(array, *own, "_optinfo")
    return numpy.asarray(data), mask, fill, array.hardmask, array.baseclass, array._optinfo, more


def unmasked(values: Any, mask: Any) -> Any:
    """A plain array, with zeros under the mask."""
    numpy = sys.modules["numpy"]
    plain = numpy.array(values, subok=False, order="K")
    plain[numpy.asarray(mask)] = numpy.zeros((), plain.dtype)[()]
    return plain


@known("astropy.utils.masked.core", "Masked")
def astropy_masked(array: Any) -> object:
    numpy = sys.modules["numpy"]
    held = array.unmasked
    if not isinstance(held, numpy.ndarray):
        return NotImplemented
    mask = numpy.asarray(array.mask)
    return unmasked(held, mask), mask, type(held), attributes(array, "_mask")


@known("astropy.table.column", "BaseColumn")
def astropy_column(column: Any) -> object:
    """Not which table it is of."""
    numpy = sys.modules["numpy"]
    mask = getattr(column, "mask", None)
    data = numpy.asarray(column) if mask is None else unmasked(column.data.data, mask)
    about = column.name, str(column.unit), column.format, column.description, dict(column.meta)
    return data, None if mask is None else numpy.asarray(mask), about


@known("astropy.table.table", "Table")
def astropy_table(table: Any) -> object:
    return [(name, table[name]) for name in table.colnames], dict(table.meta), table.masked


@known("xarray", "Variable")
def xarray_variable(variable: Any) -> object:
    index = getattr(variable, "_to_index", None)
    data = index() if index is not None else variable.data
    return variable.dims, data, dict(variable.attrs), dict(variable.encoding)


@known("xarray", "Dataset")
def xarray_dataset(dataset: Any) -> object:
    indexes = {name: type(index) for name, index in dataset.xindexes.items()}
    coords = frozenset(dataset.coords)
    content = dict(dataset.variables), coords, dict(dataset.sizes), indexes
    return content, dict(dataset.attrs), dict(dataset.encoding)


@known("xarray", "DataArray")
def xarray_array(array: Any) -> object:
    indexes = {name: type(index) for name, index in array.xindexes.items()}
    return array.name, array.variable, {n: c.variable for n, c in array.coords.items()}, indexes


@known("pandas", "DataFrame", "Series")
def pandas_subclass(frame: Any) -> object:
    """Of a class of somebody's own: what pandas has of it, and its other attributes."""
    pandas = sys.modules["pandas"]
    base = pandas.DataFrame if isinstance(frame, pandas.DataFrame) else pandas.Series
    plain = base(frame)
    own = {name: getattr(frame, name, None) for name in frame._metadata}
    return plain, frame.attrs, {**attributes(frame, *vars(plain)), **own}


@known("pandas._libs.tslibs.offsets", "BaseOffset")
def pandas_offset(offset: Any) -> object:
    options = dict(offset.kwds)
    calendar = options.pop("calendar", None)
    days = None if calendar is None else (calendar.weekmask, calendar.holidays)
    return offset.n, offset.normalize, dict(sorted(options.items())), days


@known("pyarrow", "Table", "RecordBatch")
def arrow_table(table: Any) -> object:
    fields = [(f.name, str(f.type), f.nullable, f.metadata) for f in table.schema]
    return fields, table.schema.metadata, table.num_rows, list(table.columns)


def arrow_joined(chunks: list[Any]) -> Any:
    return chunks[0] if len(chunks) == 1 else sys.modules["pyarrow"].concat_arrays(chunks)


def arrow_runs(chunks: list[Any]) -> object:
    """Rows of dictionaries, as far as one dictionary reaches: chunks may have one each."""
    runs: list[tuple[Any, list[Any]]] = []
    for chunk in chunks:
        if not runs or not runs[-1][0].equals(chunk.dictionary):
            runs.append((chunk.dictionary, []))
        runs[-1][1].append(chunk.indices)
    return [(dictionary, arrow_joined(indices)) for dictionary, indices in runs]


def arrow_lists(chunks: list[Any], of: Any) -> object:
    """Of each row whether it is there and how long it is, then the items of all rows."""
    lengths = [chunk.value_lengths() for chunk in chunks]
    return arrow_joined(lengths), arrow_parts([chunk.flatten() for chunk in chunks], of)


def arrow_structs(chunks: list[Any], kind: Any) -> object:
    fields = [chunk.flatten() for chunk in chunks]
    each = [
        arrow_parts(list(parts), kind[i].type) for i, parts in enumerate(zip(*fields, strict=True))
    ]
    return arrow_joined([chunk.is_valid() for chunk in chunks]), each


def arrow_parts(chunks: list[Any], kind: Any) -> object:
    """Nested ones by their parts, however they are sliced and in whatever chunks they lie;
    dictionaries as equals() compares them."""
    types = sys.modules["pyarrow"].types
    chunks = [chunk for chunk in chunks if len(chunk) > 0]
    if not chunks:
        return str(kind)
    if types.is_dictionary(kind):
        return str(kind), arrow_runs(chunks)
    if types.is_list(kind) or types.is_large_list(kind):
        return str(kind), arrow_lists(chunks, kind.value_type)
    if types.is_fixed_size_list(kind):
        valid = arrow_joined([chunk.is_valid() for chunk in chunks])
        return str(kind), valid, arrow_parts([c.flatten() for c in chunks], kind.value_type)
    if types.is_struct(kind):
        return str(kind), arrow_structs(chunks, kind)
    if hasattr(chunks[0], "storage"):
        return str(kind), arrow_parts([chunk.storage for chunk in chunks], kind.storage_type)
    if types.is_nested(kind):
        return str(kind), [item for chunk in chunks for item in chunk.to_pylist()]
    return str(kind), arrow_joined(chunks)


@known("pyarrow", "ChunkedArray")
def arrow_chunks(array: Any) -> object:
    return arrow_parts(array.chunks, array.type)


@known("pyarrow", "Array")
def arrow_array(array: Any) -> object:
    nested = sys.modules["pyarrow"].types.is_nested(array.type)
    if not nested and not hasattr(array, "dictionary") and not hasattr(array, "storage"):
        return str(array.type), array.to_pylist()
    return arrow_parts([array], array.type)


def torch_order(tensor: Any) -> list[int]:
    """The dimensions from the one with the longest strides on: what a contiguous copy keeps."""
    dimensions = [i for i, size in enumerate(tensor.shape) if size > 1]
    return sorted(dimensions, key=tensor.stride, reverse=True)


def torch_bytes(tensor: Any) -> object:
    """Of any dtype, also those that NumPy has not."""
    torch = sys.modules["torch"]
    flat = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    if flat.stride() != (1,):  # of one element
        flat = flat.clone(memory_format=torch.contiguous_format)
    return flat.view(torch.uint8).numpy()


def torch_scales(tensor: Any) -> object:
    """Of a quantized tensor."""
    if "per_tensor" in str(tensor.qscheme()):
        return tensor.q_scale(), tensor.q_zero_point()
    points = tensor.q_per_channel_zero_points()
    return tensor.q_per_channel_scales(), points, tensor.q_per_channel_axis()


def torch_content(tensor: Any) -> object:
    torch = sys.modules["torch"]
    if tensor.layout == torch.sparse_coo:
        return tensor.is_coalesced(), tensor.detach()._indices(), tensor.detach()._values()
    if tensor.layout == torch._mkldnn:
        return tensor.to_dense()
    if tensor.layout != torch.strided:
        return NotImplemented
    if tensor.is_quantized:
        scales = str(tensor.qscheme()), torch_scales(tensor)
        return torch_order(tensor), scales, torch_bytes(tensor.int_repr())
    return torch_order(tensor), torch_bytes(tensor)


@known("torch", "Tensor")
def torch_tensor(tensor: Any) -> object:
    """By content, not by the address of its storage."""
    layout, device, dtype = str(tensor.layout), tensor.device.type, str(tensor.dtype)
    if device == "meta":
        return NotImplemented
    if hasattr(tensor, "materialize"):  # a lazy module's, which has no shape yet
        return layout, device, dtype, vars(tensor)
    content = torch_content(tensor)
    if content is NotImplemented:
        return content
    about = dtype, tuple(tensor.shape), layout, device, tensor.requires_grad
    return about, content, vars(tensor)


@known("torch", "TypedStorage", "_TypedStorage", "UntypedStorage", "_UntypedStorage")
def torch_storage(storage: Any) -> object:
    torch = sys.modules["torch"]
    dtype = vars(storage).get("dtype", torch.uint8) if hasattr(storage, "__dict__") else torch.uint8
    return torch.empty(0, dtype=dtype).set_(storage)


@known("torch.nn", "Module")
def torch_module(module: Any) -> object:
    """As its attributes say. Hooks have numbers that depend on how many there were before."""
    own = ("__getstate__", "__reduce__", "__reduce_ex__")
    cls = type(module)
    if any(getattr(cls, name, None) is not getattr(object, name, None) for name in own):
        return NotImplemented
    held = attributes(module)
    hooks = {n: of for n, of in held.items() if "_hooks" in n and isinstance(of, dict)}
    numbers = {id: i for i, id in enumerate(sorted({id for of in hooks.values() for id in of}))}
    return {**held, **{n: {numbers[id]: of[id] for id in of} for n, of in hooks.items()}}


@known("torch", "memory_format")
def torch_format(value: Any) -> object:
    return str(value)
