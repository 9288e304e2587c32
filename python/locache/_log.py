"""verbose(): the core's events as lines of the standard logger "locache". Imported when first asked
for, since it needs `logging`."""

import logging

from locache._core import set_log  # type: ignore[import-not-found]

logger = logging.getLogger("locache")
undo: list = []  # of what start() changed: functions and their argument


def write(line):
    logger.info(line, stacklevel=2)  # of the call, not of this file


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
    set_log(write)


def stop():
    set_log(None)
    while undo:
        function, argument = undo.pop()
        function(argument)
