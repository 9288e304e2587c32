"""Methods of all kinds: by class and by object, overridden, and as protocols have them; mypy and
pyright must accept all of it, and know it.

pyright compares a method that overrides another as a variable, with its object as an argument, and
does not bind what a protocol names; where it cannot know better, that is said."""

from collections.abc import Callable
from typing import Protocol, assert_type

from locache import persist


class Model:
    @persist
    def run(self, x: int, *, flag: bool = False) -> str:
        return str(x)

    @classmethod
    @persist
    def create(cls, x: int) -> str:
        return str(x)

    @persist
    @classmethod
    def create_outside(cls, x: int) -> str:
        return str(x)

    @staticmethod
    @persist
    def parse(x: int) -> str:
        return str(x)

    @persist
    @staticmethod
    def parse_outside(x: int) -> str:
        return str(x)

    @classmethod
    @persist(max_entries=3)
    def create_with(cls, x: int = 1) -> str:
        return str(x)

    @staticmethod
    @persist(max_entries=3)
    def parse_with(x: int) -> str:
        return str(x)

    @property
    @persist
    def size(self) -> int:
        return 1

    def all(self) -> str:
        return self.run(1) + self.create(1) + self.parse(1) + self.create_outside(1)


model = Model()
assert_type(model.run(1, flag=True), str)
assert_type(Model.run(model, 1), str)
assert_type(Model.create(1), str)
assert_type(model.create(x=1), str)
assert_type(Model.create_outside(1), str)
assert_type(model.create_outside(1), str)
assert_type(Model.parse(1), str)
assert_type(model.parse(x=1), str)
assert_type(Model.parse_outside(1), str)
assert_type(model.parse_outside(1), str)
assert_type(Model.create_with(), str)
assert_type(model.create_with(2), str)
assert_type(Model.parse_with(1), str)
assert_type(model.parse_with(1), str)
assert_type(model.size, int)
assert_type(model.run.is_cached(1), bool)
assert_type(model.run.refresh(1), str)
assert_type(Model.run.forget(model, 1), bool)


class Child(Model):
    @persist
    def run(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, x: int, *, flag: bool = False, more: int = 0
    ) -> str:
        return str(x + more)

    @classmethod
    @persist
    def create(  # pyright: ignore[reportIncompatibleVariableOverride]
        cls, x: int, y: int = 2
    ) -> str:
        return str(x + y)

    @staticmethod
    @persist
    def parse(x: int, y: int = 2) -> str:
        return str(x + y)


assert_type(Child().run(1, more=2), str)
assert_type(Child.create(1, 2), str)


class Runs(Protocol):
    def run(self, x: int, *, flag: bool = False) -> str: ...


def use(what: Runs) -> str:
    return what.run(1)


use(model)  # pyright: ignore[reportArgumentType]
use(Child())  # pyright: ignore[reportArgumentType]
function: Callable[[int], str] = model.run
listed: list[str] = list(map(model.run, [1, 2]))
