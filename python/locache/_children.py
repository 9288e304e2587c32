"""Children of multiprocessing leave by os._exit(): what they counted is added before that. Imported
where multiprocessing is there already."""

import sys

from locache import _core

watched = False


def is_child():
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def add_at_end(_=None):
    """What a child of multiprocessing runs when its work is done."""
    from multiprocessing.util import Finalize

    Finalize(None, _core._add_counts, exitpriority=0)


def watch():
    """Before a fork: in a child of multiprocessing, all that was to be finalized is forgotten, and
    these functions are called."""
    global watched
    if not watched:
        from multiprocessing.util import register_after_fork

        register_after_fork(_core, add_at_end)
        watched = True
        if is_child():
            add_at_end()
