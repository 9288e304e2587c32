from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, final, overload

__all__ = ["CacheWarning", "__version__", "persist", "reset", "reset_cache", "verbose"]

__version__: str

_P = ParamSpec("_P")
_Q = ParamSpec("_Q")
_R = TypeVar("_R")
_S = TypeVar("_S")
_T = TypeVar("_T")

class CacheWarning(UserWarning): ...

# A struct sequence: a tuple of the first four.
@final
class _CacheInfo(tuple[int, int, int | None, int]):
    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...
    @property
    def maxsize(self) -> int | None: ...
    @property
    def currsize(self) -> int: ...
    @property
    def bypassed(self) -> int: ...
    @property
    def errors(self) -> int: ...

@final
class _Persisted(Generic[_P, _R]):
    __name__: str
    __qualname__: str
    __module__: str
    __wrapped__: Callable[_P, _R]
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    @overload
    def __get__(self, instance: None, owner: type, /) -> _Persisted[_P, _R]: ...
    @overload
    def __get__(
        self: _Persisted[Concatenate[_S, _Q], _R], instance: _S, owner: type | None = None, /
    ) -> _BoundPersisted[_S, _Q, _R]: ...
    def cache_info(self) -> _CacheInfo: ...
    def cache_clear(self) -> None: ...
    def cache_path(self, *args: _P.args, **kwargs: _P.kwargs) -> Path: ...
    def is_cached(self, *args: _P.args, **kwargs: _P.kwargs) -> bool: ...
    def forget(self, *args: _P.args, **kwargs: _P.kwargs) -> bool: ...
    def refresh(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...

# A bound method (types.MethodType). What it has beside being called is the function's: the object
# goes first.
@final
class _BoundPersisted(Generic[_S, _Q, _R]):
    __name__: str
    __qualname__: str
    __module__: str
    __self__: _S
    __func__: _Persisted[Concatenate[_S, _Q], _R]
    __wrapped__: Callable[Concatenate[_S, _Q], _R]
    def __call__(self, *args: _Q.args, **kwargs: _Q.kwargs) -> _R: ...
    def cache_info(self) -> _CacheInfo: ...
    def cache_clear(self) -> None: ...
    def cache_path(self, instance: _S, /, *args: _Q.args, **kwargs: _Q.kwargs) -> Path: ...
    def is_cached(self, instance: _S, /, *args: _Q.args, **kwargs: _Q.kwargs) -> bool: ...
    def forget(self, instance: _S, /, *args: _Q.args, **kwargs: _Q.kwargs) -> bool: ...
    def refresh(self, instance: _S, /, *args: _Q.args, **kwargs: _Q.kwargs) -> _R: ...

class _Decorator:
    @overload
    def __call__(self, func: classmethod[_T, _P, _R], /) -> classmethod[_T, _P, _R]: ...
    @overload
    def __call__(self, func: staticmethod[_P, _R], /) -> staticmethod[_P, _R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, func: Callable[_P, _R], /) -> _Persisted[_P, _R]: ...

@overload
def persist(func: classmethod[_T, _P, _R], /) -> classmethod[_T, _P, _R]: ...
@overload
def persist(func: staticmethod[_P, _R], /) -> staticmethod[_P, _R]: ...  # type: ignore[overload-overlap]
@overload
def persist(
    func: Callable[_P, _R],
    /,
    *,
    name: str | None = None,
    auto_invalidate: bool = True,
    max_entries: int | None = -1,
    max_age: float | None = None,
    dir: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
    ignore: str | Iterable[str] = (),
    pickle: bool = True,
    durable: bool = False,
    version: str | None = None,
    memory: bool | int | tuple[int, int] = True,
    recheck: float | None = None,
    mapped: bool = True,
) -> _Persisted[_P, _R]: ...
@overload
def persist(
    func: None = None,
    /,
    *,
    name: str | None = None,
    auto_invalidate: bool = True,
    max_entries: int | None = -1,
    max_age: float | None = None,
    dir: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
    ignore: str | Iterable[str] = (),
    pickle: bool = True,
    durable: bool = False,
    version: str | None = None,
    memory: bool | int | tuple[int, int] = True,
    recheck: float | None = None,
    mapped: bool = True,
) -> _Decorator: ...
def reset_cache(
    func: Callable[..., Any] | classmethod[Any, ..., Any] | property, name: str | None = None
) -> None: ...
def reset(func: Callable[..., Any] | classmethod[Any, ..., Any] | property) -> None: ...
def verbose(flag: bool = True) -> None: ...
