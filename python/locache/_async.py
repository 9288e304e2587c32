"""Coroutines: what persist() returns for a call of an ``async def`` function.

Tasks that wait for a result stand in a line, one for each loop, call and computation that they are
within. Whoever is first asks the core from time to time whether it is there, or theirs to compute,
or what they are within would wait for itself; the others sleep until the first knows, or the task
that computes it in the same loop is done.
"""

import sys
from collections import deque
from contextvars import ContextVar
from time import monotonic_ns
from weakref import WeakKeyDictionary

from locache._core import _end, _hide  # type: ignore[import-not-found]

# Seconds between two questions of a line: soon at first, then at most 5 ms after a process died.
FIRST = 0.0005
LAST = 0.005
# Of many lines not more often than that a twentieth of the time goes into asking.
EACH = 20 * 0.00002

# The request whose result is being computed here, and in the tasks that this one starts.
_within: ContextVar = ContextVar("locache._within", default=None)
# The functions that are computed here although there was a result.
_verified: ContextVar = ContextVar("locache._verified", default=())
_loops: WeakKeyDictionary = WeakKeyDictionary()


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


class _Lines:
    """The lines of one loop: futures by call and by what they are within, the first in front. The
    loop is not kept by them."""

    def __init__(self):
        self.computing = set()
        self._lines = {}
        self._pause = FIRST
        self._is_ticking = False

    def stand(self, loop, call, within, future, first):
        line = self._lines.setdefault(call, {}).setdefault(within, deque())
        if first:
            line.appendleft(future)
        else:
            line.append(future)
            self._pause = FIRST
        if not self._is_ticking:
            self._is_ticking = True
            loop.call_later(self._pause, self._tick)

    def _tick(self):
        self._is_ticking = bool(self._lines)
        _end_what_stands_still()
        for call in list(self._lines):
            self.wake(call)
        if self._is_ticking:
            self._pause = min(2 * self._pause, LAST)
            lines = sum(map(len, self._lines.values()))
            loop = sys.modules["asyncio"].get_running_loop()
            loop.call_later(max(self._pause, EACH * lines), self._tick)

    def wake(self, call, everybody=False):
        """The first of each line, or all."""
        for within in list(self._lines.get(call, ())):
            self.wake_next(call, within, everybody)

    def wake_next(self, call, within, everybody=False):
        lines = self._lines.get(call, {})
        line = lines.get(within, ())
        while line:
            future = line.popleft()
            if not future.done():
                future.set_result(None)
                if not everybody:
                    return
        lines.pop(within, None)
        if not lines:
            self._lines.pop(call, None)

    def leave(self, call, within, future):
        """Cancelled. Where it was its turn already, it is the next one's."""
        line = self._lines.get(call, {}).get(within)
        if line and future in line:
            line.remove(future)
        else:
            self.wake_next(call, within)


def _end_what_stands_still():
    """Tasks of loops that are closed, or not run now, as far as anybody knows never go on."""
    for loop, lines in list(_loops.items()):
        while lines.computing and not loop.is_running():
            _end(lines.computing.pop())


def _lines_here():
    """Of the loop that runs here; None: no loop of asyncio."""
    try:
        loop = sys.modules["asyncio"].get_running_loop()
    except (KeyError, RuntimeError):
        return None, None
    lines = _loops.get(loop)
    if lines is None:
        lines = _loops[loop] = _Lines()
    return loop, lines


async def _wait(persisted, key, request):
    """What _ask() says in the end; None where nothing can be waited for."""
    loop, lines = _lines_here()
    call = (id(persisted), key)
    within = _within.get()
    found = None if lines is None else ...
    first = False
    while found is ...:
        future = loop.create_future()
        lines.stand(loop, call, within, future, first)
        try:
            await future
        except BaseException:
            lines.leave(call, within, future)
            raise
        try:
            found = persisted._ask(request, within)
        except BaseException:
            lines.wake_next(call, within)
            raise
        first = True
    if found:
        lines.wake(call, everybody=True)
    return found


def _done(persisted, key, everybody):
    _, lines = _lines_here()
    if lines is not None:
        lines.wake((id(persisted), key), everybody)


async def _compute(persisted, request, key, args, kwargs, wanted, rejected):
    """Await the function within the request, and store its result."""
    parts = persisted._parts_of(key, args, kwargs)
    others = persisted._others()
    _, lines = _lines_here()
    if lines is not None:
        lines.computing.add(request)
    start = monotonic_ns()
    outer = _within.set(request)
    try:
        watched = _Watched(persisted.__wrapped__(*args, **kwargs))
        result = await watched
    finally:
        if lines is not None:
            lines.computing.discard(request)
        try:
            _within.reset(outer)
        except ValueError:  # it is closed in another context, which had another value
            pass
    elapsed = monotonic_ns() - start
    if not watched.was_alone:
        others = (None, others[1])
    run = others, parts, args, kwargs
    persisted._store(request, key, result, elapsed, wanted, rejected, run)
    return result


def _refresh(persisted, request, key, args, kwargs):
    """It is stale, and the request's to compute anew."""
    from locache import _stale

    loop, _ = _lines_here()
    computation = _compute(persisted, request, key, args, kwargs, 1, False)
    _stale.refresh_task(loop, persisted, key, request, computation)


async def _verify(persisted, key, args, kwargs, stored):
    """Await the function although there is a result, and compare the two."""
    outer = _verified.get()
    if persisted in outer:  # a recursion
        return stored
    parts = persisted._parts_of(key, args, kwargs)
    others = persisted._others()
    within = _verified.set((*outer, persisted))
    raised = False
    watched = _Watched(persisted.__wrapped__(*args, **kwargs))
    try:
        computed = await watched
    except Exception as error:
        computed, raised = error, True
    finally:
        try:
            _verified.reset(within)
        except ValueError:
            pass
    if not watched.was_alone:
        others = (None, others[1])
    return persisted._settle(key, stored, computed, raised, (others, parts, args, kwargs))


async def call(persisted, key, args, kwargs, wanted):
    """Look up the key, or await the function and store its result; `wanted` is the extension's."""
    while True:
        request = persisted._request(key, wanted)
        # None: not there; False: there, but rejected, which the user was told already.
        found = persisted._ask(request, _within.get())
        if found is not ...:
            break
        found = await _wait(persisted, key, request)
        if found:
            break
        # Arguments that can change may have done so meanwhile: then it is another call.
        now = persisted._key_of(args, kwargs)
        if now == key:
            break
        _end(request)
        _done(persisted, key, False)
        if now is None:
            return await persisted.__wrapped__(*args, **kwargs)
        key = now
    if found:
        if len(found) > 2:
            _refresh(persisted, request, key, args, kwargs)
        elif len(found) > 1:
            return await _verify(persisted, key, args, kwargs, found[0])
        return found[0]
    everybody = False
    try:
        result = await _compute(persisted, request, key, args, kwargs, wanted, found is False)
        everybody = True
        return result
    except BaseException:
        _hide(__file__)
        raise
    finally:
        _end(request)
        _done(persisted, key, everybody)
