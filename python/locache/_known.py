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


@known("pyarrow", "ChunkedArray")
def arrow_chunks(array: Any) -> object:
    pyarrow = sys.modules["pyarrow"]
    if array.num_chunks == 1:
        return array.chunk(0)
    return pyarrow.concat_arrays(array.chunks) if array.chunks else str(array.type)


@known("pyarrow", "Array")
def arrow_array(array: Any) -> object:
    """Nested ones by their parts, however they are sliced; dictionaries as equals() has them."""
    types = sys.modules["pyarrow"].types
    kind, valid = array.type, array.is_valid()
    if types.is_dictionary(kind):
        return str(kind), array.indices, array.dictionary
    if types.is_list(kind) or types.is_large_list(kind):
        return str(kind), valid, array.value_lengths(), array.flatten()
    if types.is_fixed_size_list(kind) or types.is_struct(kind):
        return str(kind), valid, array.flatten()
    if hasattr(array, "storage"):
        return str(kind), array.storage
    return str(kind), array.to_pylist()


@known("torch", "Tensor")
def torch_tensor(tensor: Any) -> object:
    """By content, not by the address of its storage."""
    torch = sys.modules["torch"]
    layout, device = str(tensor.layout), tensor.device.type
    about = str(tensor.dtype), tuple(tensor.shape), layout, device, tensor.requires_grad
    if tensor.is_quantized or device == "meta":
        return NotImplemented
    parts: list[object]
    if tensor.layout == torch.strided:
        plain = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
        parts = [tensor.stride(), plain.reshape(-1).view(torch.uint8).numpy()]
    elif tensor.layout == torch.sparse_coo:
        parts = [tensor.is_coalesced(), tensor.detach()._indices(), tensor.detach()._values()]
    else:
        return NotImplemented
    return about, parts, vars(tensor)
