"""Coroutines: what persist() returns for a call of an ``async def`` function."""

from time import monotonic_ns


async def call(persisted, key, args, kwargs, fresh):
    """Look up the key, unless fresh; else await the function and store its result."""
    # None: not there; False: there, but rejected, which the user was told already.
    found = None if fresh else persisted._lookup(key)
    if found:
        return found[0]
    start = monotonic_ns()
    result = await persisted.__wrapped__(*args, **kwargs)
    persisted._store(key, result, monotonic_ns() - start, fresh, found is False)
    return result
