"""locache.stats(): numbers of all persisted functions of a program. Imported when first asked
for."""

import warnings
from typing import NamedTuple

from locache import _core, _numbers


class Row(NamedTuple):
    """One function: what this process did, what is stored, and what all processes did."""

    function: str  # with its module
    hits: int
    misses: int
    entries: int
    bytes: int
    time_saved: float
    time_computed: float
    total_hits: int
    total_misses: int
    total_time_saved: float


HEADS = ("function", "hits", "misses", "ratio", "entries", "bytes", "saved")
TOTAL_HEADS = ("hits", "misses", "ratio", "saved")


def name_of(function):
    names = (getattr(function, name, None) for name in ("__module__", "__qualname__"))
    return ".".join(name for name in names if isinstance(name, str)) or repr(function)


def row_of(function):
    info = function.cache_info()
    return Row(
        name_of(function),
        info.hits,
        info.misses,
        info.currsize,
        info.bytes,
        info.time_saved,
        info.time_computed,
        info.total.hits,
        info.total.misses,
        info.total.time_saved,
    )


def cells_of(row):
    """As texts: of this process and what is stored, then of all processes."""
    return (
        row.function,
        _numbers.count(row.hits),
        _numbers.count(row.misses),
        _numbers.ratio(row.hits, row.misses),
        _numbers.count(row.entries),
        _numbers.size(row.bytes),
        _numbers.span(row.time_saved),
    ), (
        _numbers.count(row.total_hits),
        _numbers.count(row.total_misses),
        _numbers.ratio(row.total_hits, row.total_misses),
        _numbers.span(row.total_time_saved),
    )


class Stats(list):
    """Rows, a named tuple for each function, in the order of decoration: a list, which
    pandas.DataFrame takes as it is, and which prints as a table."""

    @property
    def total(self):
        """The sum of all rows."""
        sums = (sum(numbers) for numbers in list(zip(*self, strict=True))[1:])
        return Row("total", *sums) if self else Row("total", 0, 0, 0, 0, 0.0, 0.0, 0, 0, 0.0)

    def as_dicts(self):
        """The rows as dicts."""
        return [row._asdict() for row in self]

    def _shown(self):
        return [*self, self.total] if len(self) > 1 else [*self]

    def __repr__(self):
        if not self:
            return "no persisted functions"
        lines = [(*HEADS, *(f"all {head}" for head in TOTAL_HEADS))]
        lines += [own + of_all for own, of_all in map(cells_of, self._shown())]
        # A name is somebody's text: it stays on its line.
        lines = [(repr(line[0])[1:-1], *line[1:]) for line in lines]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                [first.ljust(widths[0])]
                + [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
            )
            for first, *rest in lines
        )

    def _repr_html_(self):
        from locache import _html

        return _html.table(self)


def stats():
    """What was counted of all persisted functions of this program.

    A function that was never called is there, too; one that was made again, as by a cell of a
    notebook, is there once, with the numbers of those that are there still.

    Returns
    -------
    a list of named tuples (function, hits, misses, entries, bytes, time_saved, time_computed,
    total_hits, total_misses, total_time_saved), the first decorated first. Hits, misses and seconds
    are this process's, those of `total_` all processes'; entries and bytes are what is stored. It
    prints as a table, in notebooks as one with bars; `total` is the sum of all rows, and
    `as_dicts()` gives them as dicts.

    Examples
    --------
    >>> import locache
    >>> @locache.persist
    ... def double(x):
    ...     return 2 * x
    >>> double(1), double(1)
    (2, 2)
    >>> row = next(row for row in locache.stats() if row.function.endswith("double"))
    >>> row.hits + row.misses
    2
    """
    rows = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # to look is no use of a cache
        for function in _core._persisted():
            row = row_of(function)
            before = rows.get(row.function)
            if before is not None:
                row = row._replace(
                    hits=row.hits + before.hits,
                    misses=row.misses + before.misses,
                    time_saved=row.time_saved + before.time_saved,
                    time_computed=row.time_computed + before.time_computed,
                )
            rows[row.function] = row
    return Stats(rows.values())
