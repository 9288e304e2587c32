"""Recursive functions go as deep as those of functools.lru_cache, and end in a RecursionError."""

from __future__ import annotations

import sys

import pytest

FIB = """
    import sys, threading
    from locache import persist

    @persist
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)
"""


def test_fibonacci_numbers(kept):
    @kept
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(150) == 9969216677189303386214405760200
    assert fib.cache_info()[:2] == (148, 151)


@pytest.mark.parametrize("stack", [None, 1 << 20, 1 << 18])
@pytest.mark.parametrize("environment", [0, 12])
def test_recursion_without_end_is_a_recursion_error(script, stack, environment):
    """With a limit that the C stack is not enough for: an environment lies on it, too."""
    found = script(
        f"""
        import sys, threading
        from locache import persist
        sys.setrecursionlimit(10**6)

        @persist
        def deep(n):
            deepest[0] = n
            return deep(n + 1)

        def go():
            try:
                deep(0)
            except RecursionError:
                print("RecursionError", deepest[0])

        deepest = [0]
        if {stack}:
            threading.stack_size({stack})
            thread = threading.Thread(target=go)
            thread.start()
            thread.join()
        else:
            go()
        """,
        env={f"FULL{n}": "x" * 100_000 for n in range(environment)},
    )
    name, depth = found.out.split()
    assert name == "RecursionError"
    if stack:
        # C stack for each level, with that of the interpreter: a quarter of it is kept back.
        per_level = (stack - min(stack // 4, 1 << 18)) / int(depth)
        assert per_level < 1200, per_level


def test_recursion_within_a_small_thread_and_the_default_limit(script):
    found = script(
        FIB
        + """
    result = []
    threading.stack_size(1 << 20)
    thread = threading.Thread(target=lambda: result.append(fib(300)))
    thread.start()
    thread.join()
    print(result[0])
    """
    )
    assert found.out == f"{_fib(300)}\n"


def test_recursion_as_cpython_tests_lru_cache(script):
    if sys.version_info >= (3, 12):
        pytest.skip("C recursion has a limit of its own there")
    found = script(
        FIB
        + """
    sys.setrecursionlimit(20_000)
    print(fib(2857) % 1_000_007)
    """
    )
    assert found.out == f"{_fib(2857) % 1_000_007}\n"


def _fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
