"""Coroutines: what persist() returns for a call of an ``async def`` function."""

import sys
from time import monotonic_ns


class _Watched:
    """An awaitable that is another one, and notes whether others may have run meanwhile."""

    def __init__(self, awaitable):
        self._inner = awaitable.__await__()
        self.was_alone = True

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        result = self._inner.send(value)
        self._gives_way()
        return result

    def throw(self, *error):
        result = self._inner.throw(*error)
        self._gives_way()
        return result

    def close(self):
        self._inner.close()

    def _gives_way(self):
        """Only asyncio can be asked whether there is another task that runs now."""
        try:
            self.was_alone &= len(sys.modules["asyncio"].all_tasks()) <= 1
        except (KeyError, RuntimeError):
            self.was_alone = False


async def call(persisted, key, args, kwargs, fresh):
    """Look up the key, unless fresh; else await the function and store its result."""
    # None: not there; False: there, but rejected, which the user was told already.
    found = None if fresh else persisted._lookup(key)
    if found:
        return found[0]
    parts = persisted._parts_of(key, args, kwargs)
    others = persisted._others()
    start = monotonic_ns()
    watched = _Watched(persisted.__wrapped__(*args, **kwargs))
    result = await watched
    elapsed = monotonic_ns() - start
    if not watched.was_alone:
        others = (None, others[1])
    rejected = found is False
    persisted._store(key, result, elapsed, fresh, rejected, others, parts, args, kwargs)
    return result
