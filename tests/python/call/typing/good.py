"""What mypy must accept, and what it must know: decorated functions keep their signatures."""

import functools
from datetime import timedelta
from pathlib import Path
from typing import Annotated, assert_type

from locache import CacheWarning, Key, persist, reset, reset_cache, verbose


@persist
def bare(x: int, num: float = 3, *, flag: bool = False) -> list[float]:
    return [x * num]


@persist(
    name="notebook",
    auto_invalidate=False,
    max_entries=100,
    max_age=1.5,
    ignore=("log",),
    pickle=False,
)
def with_options(x: str, log: object = None) -> str | None:
    return x or None


@persist(
    dir=Path("here"), durable=True, version="2", memory=(1000, 10**6), recheck=0.5, mapped=False
)
async def coroutine(x: int) -> bytes:
    return bytes(x)


@persist(max_bytes="10G", ttl=timedelta(hours=1), stale="10m", max_age="30d")
def bounded(x: int) -> int:
    return x


@persist(max_bytes=10**9, ttl=lambda result: None if result else "1h", stale=0.5)
def bounded_by_result(x: int) -> int:
    return x


@persist(key={"text": len})
def by_length(text: str, n: Annotated[int, Key(abs)] = 0) -> int:
    return len(text)


@persist(key=lambda text, n: len(text))
def by_call(text: str, n: int = 0) -> int:
    return len(text)


class Model:
    @persist
    def run(self, x: int) -> str:
        return str(x)

    @persist(max_entries=3, memory=100, recheck=60)
    def run_more(self, x: int, *rest: int) -> str:
        return str(x)

    @persist
    @staticmethod
    def static(x: int) -> int:
        return x

    @property
    @persist
    def size(self) -> int:
        return 1


assert_type(bare(1), list[float])
assert_type(bare(1, num=2, flag=True), list[float])
assert_type(with_options("x"), str | None)
assert_type(by_length("x", n=-1), int)
assert_type(by_call("x"), int)
assert_type(Model().run(1), str)
assert_type(Model().run_more(1, 2, 3), str)
assert_type(Model.run(Model(), 1), str)
assert_type(Model.static(1), int)
assert_type(Model().size, int)
assert_type(bare.cache_path(1), Path)
assert_type(bare.is_cached(1, flag=True), bool)
assert_type(bare.forget(x=1), bool)
assert_type(bare.refresh(1), list[float])
assert_type(bare.explain(1, num=2).line, str)
assert_type(Model().run.explain(1).path, Path | None)
assert_type(bare.keep_results(), bool)
assert_type(Model().run.keep_results("nn"), bool)
assert_type(Model().run.is_cached(1), bool)
assert_type(bare.cache_info().hits, int)
assert_type(bare.cache_info().maxsize, int | None)
assert_type(bare.__wrapped__(1), list[float])


async def main() -> None:
    assert_type(await coroutine(1), bytes)
    assert_type(await coroutine.refresh(1), bytes)


reset_cache(bare)
reset_cache(functools.partial(bare, 1), name="x")
reset(Model.run)
verbose()
verbose(False)
warning: UserWarning = CacheWarning("x")
