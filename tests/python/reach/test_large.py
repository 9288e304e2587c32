"""Arrays that a function reaches and that are too large to compare at each call."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
import numpy as np
from locache import persist

reached = {"arrays": ARRAYS}
runs = []

@persist(dir="large.cache")
def compute():
    runs.append(1)
    return len(reached["arrays"])

for _ in range(2):
    compute()
print(len(runs))
"""
ARRAYS = {
    "one": "np.zeros(5_000)",
    "times": "np.zeros(5_000, 'M8[s]')",
    "columns": "np.zeros((100, 100), order='F')[:, ::2]",
    "many": "[np.zeros(2_000) for _ in range(30)]",
    "many of times": "[np.zeros(2_000, 'm8[s]') for _ in range(30)]",
}


@pytest.mark.skipif(
    os.environ.get("LOCACHE_TEST_SANITIZED") == "1", reason="sanitizers take address space"
)
@pytest.mark.parametrize("arrays", ARRAYS)
def test_large_arrays_that_a_function_reaches_end_the_look_at_them(tmp_path, arrays):
    (tmp_path / "program.py").write_text(PROGRAM.replace("ARRAYS", ARRAYS[arrays]))
    run = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert run.stdout == "1\n", run.stderr[-2000:]
