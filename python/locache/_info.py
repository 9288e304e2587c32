"""What cache_info() returns. Imported when first asked for."""

import sys
from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING and sys.version_info < (3, 12):  # later ones have its __dict__ elsewhere
    from typing_extensions import disjoint_base as _disjoint_base
else:

    def _disjoint_base(cls):
        return cls


_Counts = namedtuple("_Counts", ["hits", "misses", "maxsize", "currsize"])

# What all processes counted of a function as it is now: times in seconds, bytes of files.
Totals = namedtuple(
    "Totals",
    ["hits", "misses", "stores", "time_saved", "time_computed", "bytes_read", "bytes_stored"],
    defaults=(0, 0, 0, 0.0, 0.0, 0, 0),
)


@_disjoint_base
class CacheInfo(_Counts):
    """What a function's cache did in this process, and how many results it holds: the named tuple
    of functools.lru_cache, and beside its fields the calls that did without the cache, what went
    wrong with it, said or not, the seconds that the results of misses took and that those of hits
    had taken, how many hits were computed again (verify=) and gave another result then, how many
    bytes the stored results take, what all processes counted together, and how many hits were read
    from a base (base=), which is shown where there are any."""

    from_base = 0

    def __new__(
        cls,
        hits,
        misses,
        maxsize,
        currsize,
        bypassed=0,
        errors=0,
        time_computed=0.0,
        time_saved=0.0,
        verified=0,
        mismatches=0,
        bytes=0,
        total=(),
        from_base=0,
    ):
        self = super().__new__(cls, hits, misses, maxsize, currsize)
        self.bypassed = bypassed
        self.errors = errors
        self.time_computed = time_computed
        self.time_saved = time_saved
        self.verified = verified
        self.mismatches = mismatches
        self.bytes = bytes
        self.total = Totals(*total)
        if from_base:
            self.from_base = from_base
        return self

    def _asdict(self):
        return {**super()._asdict(), **vars(self)}

    def _replace(self, /, **fields):
        return type(self)(**{**self._asdict(), **fields})

    def __repr__(self):
        fields = [f"{name}={value}" for name, value in self._asdict().items()]
        return f"CacheInfo({', '.join(fields)})"
