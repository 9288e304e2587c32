"""Classes that are made in a function, pydantic's models and generic ones: by what they are made
of, in every process, and by nothing that is noted down in them later."""

from __future__ import annotations

import inspect
import sys
import types
import typing

import pytest


def generic(parameter, bound=None):
    T = typing.TypeVar(parameter, bound=bound)

    class Box(typing.Generic[T]):
        item: T

    return Box


def test_generic_classes_made_in_a_function(name):
    assert name(generic("T")) == name(generic("T")) != name(generic("T", bound=int))
    assert name(generic("T")) != name(generic("U"))
    assert name(generic("T")()) == name(generic("T")())


def test_types_that_are_named_in_text(name):
    one, other = typing.ForwardRef("A"), typing.ForwardRef("A")
    assert name(list[one]) == name(list[other]) != name(list[typing.ForwardRef("B")])


MODELS = """
import pydantic, typing
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

def plain(kind=int):
    class M(BaseModel):
        n: kind = 1
    return M

def constrained(least=0):
    class M(BaseModel):
        n: int = Field(1, ge=least)
        xs: list[int] = Field(default_factory=lambda: [1])
    return M

def private(value=1):
    class M(BaseModel):
        n: int = 1
        _p: int = PrivateAttr(value)
    return M

def configured(extra="allow"):
    class M(BaseModel):
        model_config = ConfigDict(extra=extra)
        n: int = 1
    return M

def validated(field="n"):
    class M(BaseModel):
        n: int = 1
        m: int = 1
        @pydantic.field_validator(field)
        @classmethod
        def check(cls, value):
            return value
    return M

def whole(least=0):
    class M(BaseModel):
        n: int = 1
        @pydantic.model_validator(mode="after")
        def whole(self):
            assert self.n >= least
            return self
    return M

def serialized(field="n"):
    class M(BaseModel):
        n: int = 1
        m: int = 1
        @pydantic.field_serializer(field)
        def text(self, value):
            return str(value)
    return M

def computed(times=2):
    class M(BaseModel):
        n: int = 1
        @pydantic.computed_field
        @property
        def more(self) -> int:
            return times * self.n
    return M

def child(kind=int):
    class M(plain(kind)):
        other: "M | None" = None
    return M

def generic(parameter="T"):
    T = typing.TypeVar(parameter)
    class M(BaseModel, typing.Generic[T]):
        n: T = 1
    return M

def applied(kind=int):
    return generic()[kind]

def dataclass(least=0):
    @pydantic.dataclasses.dataclass
    class M:
        n: int = Field(1, ge=least)
    return M

MAKERS = {
    plain: float, constrained: 1, private: 2, configured: "forbid", validated: "m", whole: 1,
    serialized: "m", computed: 3, child: float, generic: "U", applied: float, dataclass: 1,
}
"""

ALL_NAMES = """
import pathlib
from locache import persist
import models

@persist(dir="models.cache")
def call(x):
    return x

for make in models.MAKERS:
    paths = call.cache_path(make()), call.cache_path(make()(n=1))
    print(make.__name__, *(pathlib.Path(path).name for path in paths))
"""


@pytest.fixture(params=["", "from __future__ import annotations\n"], ids=["values", "text"])
def models(request, monkeypatch):
    """With annotations that are evaluated, and with those that are text until they are needed."""
    pytest.importorskip("pydantic")
    module = types.ModuleType("models")
    monkeypatch.setitem(sys.modules, "models", module)
    exec(compile(request.param + MODELS, "models.py", "exec", dont_inherit=True), vars(module))
    return module


@pytest.mark.once
def test_models_made_in_a_function_are_told_apart(models, name):
    for make, other in models.MAKERS.items():
        assert name(make()) == name(make()) != name(make(other)), make.__name__
        assert name(make()(n=1)) == name(make()(n=1)) != name(make()(n=2)), make.__name__


@pytest.mark.once
def test_models_made_in_a_function_are_the_same_in_every_process(script):
    pytest.importorskip("pydantic")
    (script.place / "models.py").write_text(MODELS)
    one, other = (script(ALL_NAMES, env={"PYTHONHASHSEED": seed}).out for seed in "12")
    assert one == other
    assert one.count("\n") == 12


@pytest.mark.once
def test_use_of_a_model_leaves_its_class_the_same_argument(models, name):
    for make in models.MAKERS:
        cls = make()
        before = name(cls)
        cls(n=1).n = 2
        inspect.signature(cls)
        assert name(cls) == before, make.__name__


@pytest.mark.once
def test_methods_of_models_made_in_a_function_are_kept_for_the_next_process(script):
    pytest.importorskip("pydantic")
    program = """
        import pydantic
        from locache import persist

        def make(step):
            class Walk(pydantic.BaseModel):
                n: int
                _seen: int = pydantic.PrivateAttr(0)

                @persist
                def go(self, by):
                    print("computes")
                    return self.n + step * by

                @classmethod
                @persist
                def begin(cls, by):
                    print("computes")
                    return by

            return Walk

        print(make(1)(n=1).go(2), make(1)(n=1).go(2), make(1).begin(3))
    """
    assert script(program).out == "computes\ncomputes\n3 3 3\n"
    assert script(program).out == "3 3 3\n"
