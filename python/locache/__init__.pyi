from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import (
    Any,
    Concatenate,
    Generic,
    Literal,
    NamedTuple,
    ParamSpec,
    TypeAlias,
    TypedDict,
    TypeVar,
    final,
    overload,
)

__all__ = [
    "CacheWarning",
    "Key",
    "Memory",
    "__version__",
    "configure",
    "disabled",
    "env",
    "key_for",
    "persist",
    "reset",
    "reset_cache",
    "stats",
    "verbose",
]

__version__: str

_P = ParamSpec("_P")
_Q = ParamSpec("_Q")
_R = TypeVar("_R")
_S = TypeVar("_S")
_T = TypeVar("_T")

# A time: seconds, a timedelta, "10m".
_Span: TypeAlias = float | timedelta | str
_S_co = TypeVar("_S_co", covariant=True)
_F = TypeVar("_F", bound=Callable[..., Any], covariant=True)

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]
_Base: TypeAlias = _Path | list[_Path] | tuple[_Path, ...] | Literal[False] | None

class CacheWarning(UserWarning): ...

# The named tuple of functools.lru_cache, with attributes more.
class _Counts(NamedTuple):
    hits: int
    misses: int
    maxsize: int | None
    currsize: int

class _Entry(NamedTuple):
    arguments: str
    size: int
    time: datetime
    duration: float
    path: Path

# Of f.explain(): its str() is the line.
class _Explanation(NamedTuple):
    hit: bool
    why: str
    line: str
    parts: list[dict[str, Any]]
    path: Path | None

class _Totals(NamedTuple):
    hits: int
    misses: int
    stores: int
    time_saved: float
    time_computed: float
    bytes_read: int
    bytes_stored: int

class _CacheInfo(_Counts):
    bypassed: int
    errors: int
    time_computed: float
    time_saved: float
    verified: int
    mismatches: int
    bytes: int
    total: _Totals
    from_base: int

class _CacheParameters(TypedDict):
    maxsize: int | None
    typed: bool

# By the type of the whole function, not by its parameters: mypy looks closely at the first
# parameter of a Callable only.
@final
class _Persisted(Generic[_F]):
    __name__: str
    __qualname__: str
    __module__: str
    @property
    def __wrapped__(self) -> _F: ...
    def __call__(self: _Function[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    # The first two are of class methods, whose first parameter is a class, wherever they are asked;
    # the last is of static methods, whose first parameter takes no such object.
    @overload
    def __get__(
        self: _Function[Concatenate[type[_T], _Q], _R], instance: None, owner: type[_T], /
    ) -> _BoundPersisted[type[_T], Callable[_Q, _R]]: ...
    @overload
    def __get__(
        self: _Function[Concatenate[type[_T], _Q], _R], instance: _T, owner: type[_T], /
    ) -> _BoundPersisted[type[_T], Callable[_Q, _R]]: ...
    @overload
    def __get__(self: _Function[_P, _R], instance: None, owner: type, /) -> _Function[_P, _R]: ...
    @overload
    def __get__(
        self: _Function[Concatenate[_S, _Q], _R], instance: _S, owner: type | None = None, /
    ) -> _BoundPersisted[_S, Callable[_Q, _R]]: ...
    @overload
    def __get__(
        self: _Function[_P, _R], instance: object, owner: type | None = None, /
    ) -> _BoundPersisted[None, Callable[_P, _R]]: ...
    def cache_info(self) -> _CacheInfo: ...
    def cache_parameters(self) -> _CacheParameters: ...
    def cache_clear(self) -> None: ...
    def cache_path(self: _Function[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Path: ...
    def is_cached(self: _Function[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> bool: ...
    def explain(self: _Function[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _Explanation: ...
    def forget(self: _Function[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> bool: ...
    def refresh(self: _Function[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    # PEP 612 has no way to say default= beside the function's own parameters.
    def get(
        self: _Function[_P, _R], *args: Any, default: _T | None = None, **kwargs: Any
    ) -> _R | _T: ...
    def put(self: _Function[_P, _R], value: _R, /, *args: _P.args, **kwargs: _P.kwargs) -> None: ...
    def entries(self) -> list[_Entry]: ...
    def keep_results(self, who: str | None = None) -> bool: ...
    def _repr_html_(self) -> str: ...

_Function: TypeAlias = _Persisted[Callable[_P, _R]]

# A bound method: what is asked about one call is of a call with the object that it is bound to.
@final
class _BoundPersisted(Generic[_S_co, _F]):
    __name__: str
    __qualname__: str
    __module__: str
    @property
    def __self__(self) -> _S_co: ...
    @property
    def __func__(self) -> _Persisted[Callable[..., Any]]: ...
    @property
    def __wrapped__(self) -> Callable[..., Any]: ...
    def __call__(self: _Method[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def cache_info(self) -> _CacheInfo: ...
    def cache_parameters(self) -> _CacheParameters: ...
    def cache_clear(self) -> None: ...
    def cache_path(self: _Method[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Path: ...
    def is_cached(self: _Method[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> bool: ...
    def explain(self: _Method[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _Explanation: ...
    def forget(self: _Method[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> bool: ...
    def refresh(self: _Method[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def get(
        self: _Method[_P, _R], *args: Any, default: _T | None = None, **kwargs: Any
    ) -> _R | _T: ...
    def put(self: _Method[_P, _R], value: _R, /, *args: _P.args, **kwargs: _P.kwargs) -> None: ...
    def entries(self) -> list[_Entry]: ...
    def keep_results(self, who: str | None = None) -> bool: ...

_Method: TypeAlias = _BoundPersisted[Any, Callable[_P, _R]]

class _Decorator:
    @overload
    def __call__(self, func: classmethod[_T, _P, _R], /) -> classmethod[_T, _P, _R]: ...
    @overload
    def __call__(self, func: staticmethod[_P, _R], /) -> staticmethod[_P, _R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, func: Callable[_P, _R], /) -> _Function[_P, _R]: ...

@overload
def persist(func: classmethod[_T, _P, _R], /) -> classmethod[_T, _P, _R]: ...
@overload
def persist(func: staticmethod[_P, _R], /) -> staticmethod[_P, _R]: ...  # type: ignore[overload-overlap]
@overload
def persist(
    func: Callable[_P, _R],
    *,
    name: str | None = None,
    auto_invalidate: bool | Literal["project", "self"] = True,
    max_entries: int | None = -1,
    max_age: float | timedelta | str | None = None,
    dir: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
    ignore: str | Iterable[str] = (),
    key: Callable[..., object] | Mapping[str, Callable[[Any], object]] | None = None,
    pickle: bool = True,
    durable: bool = False,
    version: str | None = None,
    memory: bool | int | tuple[int, int] = True,
    recheck: float | None = None,
    mapped: bool = True,
    wait: float | None = None,
    enabled: bool | Callable[[], object] = True,
    keep: Callable[[Any], object] | None = None,
    depends: Iterable[object] = (),
    verify: float = 0,
    compress: bool | int | Literal["auto"] | None = None,
    max_bytes: int | str | None = None,
    ttl: _Span | Callable[[Any], _Span | None] | None = None,
    stale: _Span | None = None,
    base: _Base = None,
    mode: Literal["group"] | int | None = None,
) -> _Function[_P, _R]: ...
@overload
def persist(
    func: None = None,
    *,
    name: str | None = None,
    auto_invalidate: bool | Literal["project", "self"] = True,
    max_entries: int | None = -1,
    max_age: float | timedelta | str | None = None,
    dir: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
    ignore: str | Iterable[str] = (),
    key: Callable[..., object] | Mapping[str, Callable[[Any], object]] | None = None,
    pickle: bool = True,
    durable: bool = False,
    version: str | None = None,
    memory: bool | int | tuple[int, int] = True,
    recheck: float | None = None,
    mapped: bool = True,
    wait: float | None = None,
    enabled: bool | Callable[[], object] = True,
    keep: Callable[[Any], object] | None = None,
    depends: Iterable[object] = (),
    verify: float = 0,
    compress: bool | int | Literal["auto"] | None = None,
    max_bytes: int | str | None = None,
    ttl: _Span | Callable[[Any], _Span | None] | None = None,
    stale: _Span | None = None,
    base: _Base = None,
    mode: Literal["group"] | int | None = None,
) -> _Decorator: ...
def reset_cache(
    func: Callable[..., Any] | classmethod[Any, ..., Any] | property, name: str | None = None
) -> None: ...
def reset(func: Callable[..., Any] | classmethod[Any, ..., Any] | property) -> None: ...
def key_for(cls: type[_T]) -> Callable[[Callable[[_T], object]], Callable[[_T], object]]: ...

class _StatsRow(NamedTuple):
    function: str
    hits: int
    misses: int
    entries: int
    bytes: int
    time_saved: float
    time_computed: float
    total_hits: int
    total_misses: int
    total_time_saved: float

class _Stats(list[_StatsRow]):
    @property
    def total(self) -> _StatsRow: ...
    def as_dicts(self) -> list[dict[str, Any]]: ...
    def _repr_html_(self) -> str: ...

def stats() -> _Stats: ...
def verbose(flag: bool = True, *, yes: bool | None = None, val: bool | None = None) -> None: ...
def configure(
    *,
    dir: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
    enabled: bool | Callable[[], object] = ...,
    auto_invalidate: bool | Literal["project", "self"] = ...,
    max_entries: int | None = ...,
    max_age: float | timedelta | str | None = ...,
    pickle: bool = ...,
    durable: bool = ...,
    memory: bool | int | tuple[int, int] = ...,
    recheck: float | None = ...,
    mapped: bool = ...,
    wait: float | None = ...,
    keep: Callable[[Any], object] | None = ...,
    verify: float = ...,
    compress: bool | int | Literal["auto"] | None = ...,
    max_bytes: int | str | None = ...,
    ttl: _Span | Callable[[Any], _Span | None] | None = ...,
    stale: _Span | None = ...,
    base: _Base = ...,
    mode: Literal["group"] | int | None = ...,
) -> None: ...

# Annotated[T, Key(function)]
@final
class Key:
    function: Callable[[Any], object]
    def __init__(self, function: Callable[[Any], object], /) -> None: ...

class env:
    name: str
    def __init__(self, name: str) -> None: ...

class disabled:
    def __enter__(self) -> disabled: ...
    def __exit__(self, *unused: object) -> None: ...

class Memory:
    location: str | None
    verbose: int
    def __init__(
        self,
        location: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
        *,
        verbose: int = 0,
        **options: Any,
    ) -> None: ...
    @overload
    def cache(self, func: Callable[_P, _R], **options: Any) -> _Function[_P, _R]: ...
    @overload
    def cache(self, func: None = None, **options: Any) -> _Decorator: ...
    def eval(self, func: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def clear(self, warn: bool = True) -> None: ...
    def reduce_size(self, *unused: object, **also: object) -> None: ...
