"""What can become of an entry's file, one function for each way, and another process that does the
same."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from pathlib import Path

import locache
import workload

VARIANTS = 4
GONE = None  # no result


class Subject:
    """One persisted function, the bytes that its entries have with each variant of their results,
    and its changes.

    Every change takes an argument of the function and the variant to leave, and returns the variant
    that it left.
    """

    def __init__(self, kind, directory, **options):
        self.kind, self.directory = kind, Path(directory)
        self.function = workload.VARYING[kind]
        self.call = locache.persist(
            self.function,
            dir=str(self.directory / "stale.cache"),
            name=self.function.__name__,
            auto_invalidate="self",  # what they read is changed under them
            **options,
        )
        self.images = {}

    def path(self, x):
        return self.directory / "stale.cache" / self.function.__name__ / f"x={x}"

    def side(self, x):
        """Another name, on the same file system."""
        return self.directory / f"side-{x}"

    def learn(self, keys):
        """Take the bytes of every variant from files that the function itself stored, in a cache
        beside."""
        call = locache.persist(
            self.function,
            dir=str(self.directory / "images.cache"),
            name=self.function.__name__,
            auto_invalidate="self",  # what they read is changed under them
        )
        for x in keys:
            path = call.cache_path(x)
            for variant in range(VARIANTS):
                workload.VARIANT[0] = variant
                call.refresh(x)
                self.images[x, variant] = path.read_bytes()
            call.forget(x)

    def write_at(self, path, x, variant, flags=0):
        fd = os.open(path, os.O_WRONLY | flags, 0o600)
        try:
            assert os.write(fd, self.images[x, variant]) == len(self.images[x, variant])
        finally:
            os.close(fd)

    def rename_over(self, x, variant):
        self.write_at(self.side(x), x, variant, os.O_CREAT | os.O_TRUNC)
        os.rename(self.side(x), self.path(x))
        return variant

    def write(self, x, variant):
        self.write_at(self.path(x), x, variant)
        return variant

    def write_keeping_time(self, x, variant):
        before = os.stat(self.path(x))
        self.write_at(self.path(x), x, variant)
        os.utime(self.path(x), ns=(before.st_atime_ns, before.st_mtime_ns))
        return variant

    def cut_and_write(self, x, variant):
        self.write_at(self.path(x), x, variant, os.O_TRUNC)
        return variant

    def link_and_write(self, x, variant):
        link = self.directory / f"link-{x}"
        os.link(self.path(x), link)
        self.write_at(link, x, variant)
        os.unlink(link)
        return variant

    def refresh(self, x, variant):
        workload.VARIANT[0] = variant
        self.call.refresh(x)
        return variant

    def truncate(self, x, variant):
        os.truncate(self.path(x), len(self.images[x, variant]) // 2)
        return GONE

    def unlink(self, x, variant):
        os.unlink(self.path(x))
        return GONE

    def rename_away(self, x, variant):
        os.rename(self.path(x), self.side(x))
        return GONE

    def forget(self, x, variant):
        assert self.call.forget(x)
        return GONE


CHANGES = [
    "rename_over",
    "write",
    "write_keeping_time",
    "cut_and_write",
    "link_and_write",
    "refresh",
    "truncate",
    "unlink",
    "rename_away",
    "forget",
]


def serve(connection, kind, directory, images):
    """The other process: does what it is told until the connection ends."""
    subject = Subject(kind, directory)
    subject.images = images
    with contextlib.suppress(EOFError):
        while True:
            name, *arguments = connection.recv()
            if name == "reset":
                locache.reset_cache(subject.call)
                connection.send(GONE)
            elif name == "many":
                connection.send(
                    [getattr(subject, change)(x, variant) for change, x, variant in arguments[0]]
                )
            else:
                connection.send(getattr(subject, name)(*arguments))


class Other:
    """Another process with the same function, as a context."""

    def __init__(self, subject):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        arguments = (theirs, subject.kind, subject.directory, subject.images)
        self.process = context.Process(target=serve, args=arguments, daemon=True)
        self.process.start()
        theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.connection.close()
        self.process.join(30)
        assert self.process.exitcode == 0

    def do(self, *request):
        self.connection.send(request)
        return self.connection.recv()
