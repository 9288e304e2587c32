"""Results that are served beyond their ttl=, while one caller of all processes computes them anew
behind: in a thread, or for a coroutine in a task of its loop. Imported when there is one.

The core gives the undertaking to compute a stale result to one caller at a time. Whoever has it
starts the computation and goes on with the old result; where that raises, the old one goes on being
served until its time is over, and is tried again after a pause.
"""

import atexit
import os
import threading
from contextvars import copy_context
from time import monotonic, monotonic_ns
from weakref import WeakKeyDictionary

from locache._core import _adopt, _end  # type: ignore[import-not-found]

# Seconds until what raised is tried again: a server that is down need not be asked at each call.
PAUSE = 1.0
# Seconds that a computation has to come to its end when the interpreter ends. What is not done then
# is given up, and the next caller begins anew.
GRACE = 1.0
# So many pauses of a function are remembered; beyond, those that are over go.
FAILED_MAX = 1024

_lock = threading.Lock()
_running: set = set()
_failed: WeakKeyDictionary = WeakKeyDictionary()  # of functions: until when, by key
_tasks: set = set()


def _after_fork():
    _running.clear()
    _tasks.clear()
    _lock._at_fork_reinit()


os.register_at_fork(after_in_child=_after_fork)


def _is_paused(persisted, key):
    until = _failed.get(persisted, {}).get(key)
    return until is not None and monotonic() < until


def _note_failure(persisted, key, error):
    now = monotonic()
    with _lock:
        failed = _failed.setdefault(persisted, {})
        if len(failed) >= FAILED_MAX:
            for other in [other for other, until in failed.items() if until <= now]:
                del failed[other]
        if len(failed) < FAILED_MAX:
            failed[key] = now + PAUSE
    persisted._warn_stale(error)


def _compute(persisted, key, args, kwargs, request):
    try:
        _adopt(request)
        parts = persisted._parts_of(key, args, kwargs)
        others = persisted._others()
        start = monotonic_ns()
        result = persisted.__wrapped__(*args, **kwargs)
        run = others, parts, args, kwargs
        persisted._store(request, key, result, monotonic_ns() - start, 1, False, run)
    except Exception as error:
        _note_failure(persisted, key, error)
    except BaseException:  # SystemExit and the like end a thread, and not the program
        pass
    finally:
        _end(request)
        with _lock:
            _running.discard(threading.current_thread())


def refresh(persisted, key, args, kwargs, request):
    """Compute a result behind the caller, in a thread of its own. `request` has the undertaking."""
    if _is_paused(persisted, key):
        _end(request)
        return
    thread = threading.Thread(
        target=copy_context().run,
        args=(_compute, persisted, key, args, kwargs, request),
        name="locache-refresh",
        daemon=True,
    )
    with _lock:
        _running.add(thread)
    try:
        thread.start()
    except RuntimeError:  # there can be no more threads, or the interpreter ends
        with _lock:
            _running.discard(thread)
        _end(request)


async def _await(persisted, key, request, computation):
    try:
        await computation
    except Exception as error:
        _note_failure(persisted, key, error)
    finally:
        _end(request)


def refresh_task(loop, persisted, key, request, computation):
    """The same for a coroutine, in a task of its loop. None: there is no such loop, or it failed a
    moment ago, and the result stays as it is."""
    if loop is None or _is_paused(persisted, key):
        computation.close()
        _end(request)
        return
    task = loop.create_task(_await(persisted, key, request, computation))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


@atexit.register
def _finish():
    until = monotonic() + GRACE
    with _lock:
        threads = list(_running)
    for thread in threads:
        try:
            thread.join(max(until - monotonic(), 0))
        except RuntimeError:  # it is being started just now, and is given up
            pass
