"""Persisted functions in pickles and copies. Imported when first asked for.

A pickle has a function by name where the name leads to it, else by value: what persist() was given.
For what is defined in a script or a notebook both is needed. pickle itself has no functions by
value, and multiprocessing runs the script again, so that names lead somewhere; the workers of
joblib and dask have no such script, and cloudpickle writes by value whatever function is of
`__main__`. Which of them writes is not told to __reduce__(); so the pickle is made of functions,
the stand-ins, which either of them writes in its own way: `f._found` is found by name, being an
attribute of what is found by name, and gives f; by value it gives an empty function, to be filled
from the state, `f._parts`, which is the parts by value, and nothing but a name by name.

Empty first, and filled afterwards, since a function may call itself by its global name.
"""

import sys

from locache import _core, _target


def empty():
    """To be filled by set_state()."""

    def unfinished(*args, **kwargs):
        raise RuntimeError("a persisted function was called while it was still being unpickled")

    unfinished._is_empty = True
    told, beside = _target.target_of(unfinished, (frozenset(), None))
    where = (None, None, None, False)
    return _core.decorate(told, beside, where, (set(), None), _plain_settings(unfinished))


def _plain_settings(function):
    from locache import persist

    return persist(function)._made[4]


class Found:
    """A function, which is not there any more in a pickle."""

    def __init__(self, persisted=None):
        self.persisted = persisted

    def __reduce__(self):
        return Found, ()


def stand_ins(persisted):
    found = Found(persisted)
    told = parts(persisted)

    def by_name():
        return empty() if found.persisted is None else found.persisted

    def by_value():
        return told

    for function, name in ((by_name, "_found"), (by_value, "_parts")):
        function.__module__ = persisted.__module__
        function.__qualname__ = f"{persisted.__qualname__}.{name}"
    return by_name, by_value


def parts(persisted):
    """What it can be made of again. The names are told, too, since the function may have none yet
    while it is unpickled itself."""
    told, _, *options = persisted._made
    attributes = {name: value for name, value in vars(persisted).items() if name != "__wrapped__"}
    return (told[0], told[3:5], *options, attributes)


def remade(persisted, target, names, where, counts, settings):
    told, beside = _target.target_of(target, counts)
    told = (*told[:3], *names, *told[5:])
    return _core.decorate(told, beside, where, counts, settings)


def is_by_value(module):
    """Is it one whose functions somebody may write by value?"""
    if module == "__main__":
        return True
    for name in ("cloudpickle", "joblib.externals.cloudpickle"):
        told = sys.modules.get(name)
        if told is not None and told.list_registry_pickle_by_value():
            return True
    return False


def reduce(persisted, protocol):
    if not _target.leads_to(persisted):
        return empty, (), parts(persisted)
    # Before protocol 4, `f._found` is written as an attribute of f. cloudpickle has none of these.
    if protocol < 4 or not is_by_value(persisted.__module__):
        return persisted.__qualname__
    return persisted._found, (), persisted._parts


def set_state(persisted, told):
    if not getattr(persisted, "_is_empty", False):  # found by name, and whole
        return
    *made, attributes = told if isinstance(told, tuple) else told()
    persisted._become(remade(persisted, *made))
    vars(persisted).update(attributes)


def deep_copy(persisted, memo):
    """What is bound to an object follows its copy; a function is itself, as for copy.deepcopy()."""
    from copy import deepcopy

    target, *rest = parts(persisted)
    copied = deepcopy(target, memo)
    if copied is target:
        return persisted
    *made, attributes = rest
    copy = remade(persisted, copied, *made)
    vars(copy).update(attributes)
    return copy


def reduce_bound(method):
    """As types.MethodType has it, where the name leads there."""
    name = method.__name__
    if _target.attribute(method.__self__, name) == method:
        return getattr, (method.__self__, name)
    return type(method), (method.__func__, method.__self__)


def reduce_query(query):
    """`model.predict.is_cached`: by the method that it is asked of, which follows copies."""
    method = _core.BoundMethod(query.__func__.__self__, query.__self__)
    return getattr, (method, query.__name__)


def deep_copy_bound(method, memo):
    from copy import deepcopy

    return type(method)(method.__func__, deepcopy(method.__self__, memo))


# What a function of Python has outside of its __dict__.
NAMES = ("__module__", "__name__", "__qualname__", "__doc__")


def take_attributes(persisted, attributes):
    """Assign a __dict__. What it says is wrapped is called from now on, under the same name and
    with the same options: IPython's %autoreload brings a function up to date so."""
    if not isinstance(attributes, dict):
        raise TypeError("__dict__ must be set to a dictionary")
    own = vars(persisted)
    target = attributes.get("__wrapped__", persisted._callable)
    if type(target) is _core.Persisted:
        target = target._callable
    if target is not persisted._callable:
        _, names, *options, _ = parts(persisted)
        persisted._become(remade(persisted, target, names, *options))
    kept = {name: own[name] for name in NAMES if name in own}
    replaced = {**attributes, **kept, "__wrapped__": target}
    own = vars(persisted)
    own.clear()
    own.update(replaced)
