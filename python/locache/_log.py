"""verbose(): the core's events as lines of the standard logger "locache". Imported when first asked
for, since it needs `logging`."""

import atexit
import logging
import os

from locache import _children
from locache._core import _summary, set_log  # type: ignore[import-not-found]

logger = logging.getLogger("locache")
undo: list = []  # of what start() changed: functions and their argument
writers: list = []  # who gets the lines


def attach(writer):
    """Give the lines to one more."""
    writers.append(writer)
    set_log(write_to_all)


def detach(writer):
    if writer in writers:
        writers.remove(writer)
    if not writers:
        set_log(None)


def write_to_all(line):
    for writer in tuple(writers):
        writer(line)


def write(line):
    logger.info(line, stacklevel=3)  # of the call, not of this file


def start():
    # As locache 4 did, lines show without any configuration; where there is one, it decides alone.
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("locache: %(message)s"))
        logger.addHandler(handler)
        undo.append((logger.removeHandler, handler))
    # A logger of which nobody said how much it shows would show warnings only.
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
        undo.append((logger.setLevel, logging.NOTSET))
    if write not in writers:
        attach(write)
        atexit.register(summarise, os.getpid())


def summarise(process):
    """What the program did, when it ends: said once, and not by its children, whose lines are
    among its own."""
    line = _summary() if os.getpid() == process and not _children.is_child() else None
    if line is not None:
        logger.info(line)


def stop():
    detach(write)
    atexit.unregister(summarise)
    while undo:
        function, argument = undo.pop()
        function(argument)
