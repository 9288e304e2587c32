"""What the tests of keys share."""

from __future__ import annotations

import pathlib

import pytest
from locache import persist


@pytest.fixture(scope="module")
def name(tmp_path_factory):
    """The file name of a call with one argument: equal for equal keys only."""

    @persist(dir=tmp_path_factory.mktemp("keys") / "keys.cache")
    def call(x):
        return x

    return lambda value: pathlib.Path(call.cache_path(value)).name
