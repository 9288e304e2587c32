"""Coroutines: what persist() returns for a call of an ``async def`` function."""

from time import monotonic_ns


async def call(persisted, key, args, kwargs, fresh):
    """Look up the key, unless fresh; else await the function and store its result."""
    if not fresh:
        found = persisted._lookup(key)
        if found is not None:
            return found[0]
    start = monotonic_ns()
    result = await persisted.__wrapped__(*args, **kwargs)
    persisted._store(key, result, monotonic_ns() - start)
    return result
