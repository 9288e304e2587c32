"""verify=: what tells a stored result from what the call gives when it is computed again, and how
that is said. Imported when it is first asked.

Equal is what has the same type and the same values: arrays by their elements, frames by their
columns, NaN is NaN. Else its own == says so, or the parts that it would be pickled as, or its key.
What cannot be compared is not said to differ.
"""

import reprlib
import sys

from locache import _keys, persist

DEEP = 50  # containers within each other that are looked into
SHOWN = 200  # bytes of each value
CALL = 160  # of the call
NAN_KINDS = "fcmM"  # of NumPy's types: those with values that are not equal to themselves
PLAIN = (bool, int, float, str, bytes, type(None))
FRAMES = ("pandas", "polars", "pyarrow")


@persist
def _one(value):
    """Never called: keys of its argument are compared."""


def _key_of(value):
    return _one._key_of((value,), {})


# ------------------------------------------------------------------------------------------- values


def difference(one, other, place="", seen=()):
    """Where two values differ first, and what is there: (place, one's, other's); None: nowhere."""
    if one is other or len(seen) > DEEP or (id(one), id(other)) in seen:
        return None
    here = place, one, other
    kind = type(one)
    if kind is not type(other):
        return here
    if kind in PLAIN:
        return None if one == other or (one != one and other != other) else here
    seen = (*seen, (id(one), id(other)))
    if kind in (list, tuple) or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return _of_items(here, seen)
    if kind is dict:
        return _of_pairs(here, seen)
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        return _of_arrays(numpy, here, seen)
    if numpy is not None and issubclass(kind, numpy.generic):
        found = _of_arrays(numpy, (place, numpy.asarray(one), numpy.asarray(other)), seen)
        return found and here
    return _of_objects(here, seen)


def _first(parts, seen):
    for place, one, other in parts:
        found = difference(one, other, place, seen)
        if found is not None:
            return found
    return None


def _of_items(here, seen):
    place, one, other = here
    if len(one) != len(other):
        return here
    return _first(((f"{place}[{n}]", one[n], other[n]) for n in range(len(one))), seen)


def _of_pairs(here, seen):
    place, one, other = here
    if one.keys() == other.keys():
        names = ((f"{place}[{shown(key, 40)}]", key) for key in one)
        return _first(((name, one[key], other[key]) for name, key in names), seen)
    # NaN is no key that another NaN finds
    return here if difference(list(one.items()), list(other.items()), place, seen) else None


def _of_arrays(numpy, here, seen):
    place, one, other = here
    if one.dtype != other.dtype or one.shape != other.shape:
        return here
    if one.dtype.names is not None:
        return _first(((f"{place}[{n!r}]", one[n], other[n]) for n in one.dtype.names), seen)
    if one.dtype.kind == "O":
        places = numpy.ndindex(one.shape)
        return _first(((f"{place}{[*at]}", one[at], other[at]) for at in places), seen)
    unequal = numpy.asarray(one != other)
    if one.dtype.kind in NAN_KINDS and unequal.any():
        unequal = unequal & ~((one != one) & (other != other))
    if not unequal.any():
        return None
    at = tuple(int(n) for n in numpy.argwhere(unequal)[0])
    return f"{place}{[*at] if at else ''}", one[at], other[at]


def _of_objects(here, seen):
    _, one, other = here
    answer = _equal(one, other)
    if answer:
        return None
    try:
        if isinstance(one, (set, frozenset)) or _is_frame(one):
            raise TypeError("its parts have no places")
        form, theirs = _form(one), _form(other)
    except Exception:
        key = _key_of(one)
        if key is not None and key == _key_of(other):
            return None
        return here if answer is False else None  # what tells nothing is not said to differ
    return _of_forms(here, form, theirs, seen)


def _is_frame(value):
    return type(value).__module__.partition(".")[0] in FRAMES


def _equal(one, other):
    """What they say themselves; None: nothing."""
    if type(one).__eq__ is object.__eq__:
        return None
    try:
        equals = getattr(one, "equals", None)
        if equals is not None and _is_frame(one):
            return bool(equals(other))
        answer = one == other
        whole = getattr(answer, "all", None)  # arrays of other libraries
        return bool(answer if whole is None else whole())
    except Exception:
        return None


def _form(value):
    """What a pickle of it would be made of: what makes it, its arguments, state, items, pairs."""
    form = value.__reduce_ex__(4)
    if isinstance(form, str):
        return [form]
    more = [list(items) if items is not None else None for items in form[3:5]]
    return [form[0], form[1], form[2] if len(form) > 2 else None, *more]


def _of_forms(here, form, theirs, seen):
    place = here[0]
    if len(form) != len(theirs) or form[0] != theirs[0]:
        return here
    if len(form) == 1:
        return None
    state, states = form[2], theirs[2]
    # with __slots__, two dicts
    if type(state) is type(states) is dict and state.keys() == states.keys():
        parts = [(f"{place}.{name}", state[name], states[name]) for name in state]
        found = _first(parts, seen)
        if found is not None:
            return found
        state = states = None
    rest = [form[1], state, *form[3:]], [theirs[1], states, *theirs[3:]]
    return here if difference(*rest, place, seen) is not None else None


# -------------------------------------------------------------------------------------------- words


class _Short(reprlib.Repr):
    def __init__(self):
        super().__init__()
        self.maxstring = self.maxother = 80
        self.maxlong = 40

    def repr1(self, value, level):
        numpy = sys.modules.get("numpy")
        if numpy is not None and type(value) is numpy.ndarray:
            shape = "x".join(map(str, value.shape)) or "0 dimensions"
            text = numpy.array2string(value, threshold=6, edgeitems=2, separator=", ")
            return f"ndarray {shape} {value.dtype} {text}"
        if _is_frame(value) and hasattr(value, "shape"):
            return f"{type(value).__name__} {'x'.join(map(str, value.shape))}"
        return super().repr1(value, level)


_short = _Short()


def shown(value, size=SHOWN):
    """A value in a line of so many bytes at most."""
    try:
        text = _short.repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return _cut(" ".join(text.split()), size)


def _cut(text, size):
    data = text.encode("utf-8", "backslashreplace")
    return text if len(data) <= size else data[: size - 3].decode("utf-8", "ignore") + "..."


def _call(key):
    return f"({_cut(_keys.call_of(key), CALL)})"


REMEDY = (
    "say what it depends on with depends=, pass that as an argument, or do not persist what is "
    "random"
)


def difference_of(key, stored, computed):
    """A line; None where they are equal."""
    found = difference(stored, computed)
    if found is None:
        return None
    place, one, other = found
    where = f" (at {place}: {shown(one, 60)}, now {shown(other, 60)})" if place else ""
    return (
        f"{_call(key)} was {shown(stored)}, and is {shown(computed)}{where}, which is given and "
        f"stored; {REMEDY}"
    )


def raised(key, stored, error):
    what = _cut(f"{type(error).__name__}: {error}", SHOWN)
    return f"{_call(key)} was {shown(stored)}, which is given, and now raises {what}; {REMEDY}"
