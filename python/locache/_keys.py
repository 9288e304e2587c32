"""Keys of stored results, read to say which arguments differ (docs/format.md, "Keys")."""

import os
import struct
from typing import NamedTuple

from locache._core import _key_name  # type: ignore[import-not-found]

MAGIC = b"\x89LOC\r\n\x1a\n"
HEADER = 144
SHOWN_MAX = 100  # characters of a value
KEY_MAX = 4096  # longer keys stand in an entry as their digest
# Tags.
DIGEST, OBJECT, FUNCTION, CLASS = 49609, 49613, 49615, 49626
CONTAINERS = (258, 49600, 49601)  # sets, tuples


class Map(list):
    """The pairs of a map, in their order."""


class Tag(tuple):
    """A number, and what is tagged."""

    __slots__ = ()


def _open(path):
    """Its time of access says whether its result was used, and stays where it can."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # root's own files, and nobody else's, in some containers
        return os.open(path, flags)


def key_in(path):
    """The bytes of the key of an entry; None where there is none to be read."""
    try:
        file = _open(path)
        try:
            head = os.read(file, HEADER + KEY_MAX)
        finally:
            os.close(file)
    except OSError:
        return None
    if len(head) < HEADER or not head.startswith(MAGIC):
        return None
    buffers, size = struct.unpack_from("<IQ", head, 12)
    at = HEADER + 8 * buffers
    return head[at : at + size] if size < KEY_MAX and at + size <= len(head) else None


class Argument(NamedTuple):
    value: object
    hint: str  # as a file's name has it


def read(data):
    """A dict of labels to arguments, in the order of the key; None where it is none, or too long to
    stand there."""
    try:
        count, at = _head(data, 0)
        found = {}
        for _ in range(count // 2):
            start = at
            label, at = _item(data, at)
            value, at = _item(data, at)
            hint = _key_name(b"\x82" + data[start:at])
            found[label] = Argument(value, hint.partition("=")[2].partition("~")[0])
    except (IndexError, KeyError, TypeError, ValueError, struct.error, RecursionError):
        return None
    return found if at == len(data) and data[0] >> 5 == 4 else None


def call_of(key):
    """The arguments of a key as they would be written; of those without a short form, the kind."""
    found = read(key)
    if found is None:
        return "..."
    positional = (name for name in found if not isinstance(name, str))
    texts = [text(found[name]) for name in positional]
    texts += [f"{name}={text(of)}" for name, of in found.items() if isinstance(name, str)]
    return ", ".join(texts)


def _head(data, at):
    """The number in an item's head, and where it ends."""
    short = data[at] & 31
    if short < 24:
        return short, at + 1
    size = {24: 1, 25: 2, 26: 4, 27: 8}[short]
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def _item(data, at):
    major = data[at] >> 5
    if major == 7:
        return _simple(data, at + 1, data[at] & 31)
    number, at = _head(data, at)
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        text = bytes(data[at : at + number])
        return (text if major == 2 else text.decode("utf-8", "replace")), at + number
    if major == 6:
        inner, at = _item(data, at)
        return Tag((number, inner)), at
    items = []
    for _ in range(number * (2 if major == 5 else 1)):
        inner, at = _item(data, at)
        items.append(inner)
    return (Map(zip(items[::2], items[1::2], strict=True)) if major == 5 else items), at


def _simple(data, at, short):
    if short in (25, 26, 27):
        code, size = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}[short]
        return struct.unpack_from(code, data, at)[0], at + size
    return {20: False, 21: True, 22: None}[short], at


def _exact(value):
    """As it can be compared: types count, and so does the sign of zero."""
    if isinstance(value, list):
        return type(value).__name__, [_exact(item) for item in value]
    if isinstance(value, tuple):
        return type(value).__name__, [_exact(item) for item in value]
    return type(value).__name__, repr(value)


def exact(argument):
    """A text that two arguments have in common where they are one."""
    return repr(_exact(argument.value))


def _unordered(value):
    """The same for who does not look at the order of a map."""
    if type(value) is Map:
        return "Map", sorted(repr([_unordered(key), _unordered(of)]) for key, of in value)
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [_unordered(item) for item in value]
    return _exact(value)


def differences(asked, stored):
    """Of two keys, what tells them apart: a list of dicts of kind ("argument", or "order": the same
    in another order), name, asked and stored."""
    found = []
    for name in [*asked, *(name for name in stored if name not in asked)]:
        mine, theirs = asked.get(name), stored.get(name)
        if mine is None or theirs is None:
            found.append(_difference("argument", name, text(mine), text(theirs)))
        elif _exact(mine.value) != _exact(theirs.value):
            found.append(_of_argument(name, mine, theirs))
    if not found and list(asked) != list(stored):
        orders = [", ".join(map(str, key)) for key in (asked, stored)]
        found.append(_difference("order", "keyword arguments", *orders))
    return found


def _of_argument(name, mine, theirs):
    place, one, other = _first_difference(mine.value, theirs.value)
    if _unordered(mine.value) == _unordered(theirs.value):
        return _difference("order", f"{name}{place}", _names_of(one), _names_of(other))
    for tag, what in ((CLASS, "class"), (FUNCTION, "function")):
        if _is_tag(one, tag) and _is_tag(other, tag) and one[1][0] == other[1][0]:
            whose = f"{what} {str(one[1][0]).replace(':', '.')}"
            return _difference("argument", f"{name}{place}", whose, f"{whose} with another code")
    texts = _shown(one), _shown(other)
    if all(texts) and texts[0] != texts[1]:
        return _difference("argument", f"{name}{place}", *texts)
    return _difference("argument", name, text(mine), text(theirs))


def _difference(kind, name, asked, stored):
    return {"kind": kind, "name": str(name), "asked": asked, "stored": stored}


def _is_tag(value, number):
    return type(value) is Tag and value[0] == number and isinstance(value[1], list) and value[1]


def _is_short(value):
    plain = value is None or isinstance(value, (bool, int, float, str))
    return plain and len(repr(value)) <= SHOWN_MAX


def _shown(value):
    """Plain data as it is written, where that is short; else ""."""
    if type(value) is Map:
        pairs = [(_shown(key), _shown(of)) for key, of in value[: SHOWN_MAX // 4]]
        text = "{" + ", ".join(f"{key}: {of}" for key, of in pairs) + "}"
        whole = all(key and of for key, of in pairs)
    elif type(value) is list:
        items = [_shown(item) for item in value[: SHOWN_MAX // 2]]
        text, whole = f"[{', '.join(items)}]", all(items)
    else:
        text, whole = repr(value), _is_short(value)
    return text if whole and len(text) <= SHOWN_MAX else ""


def text(argument):
    return "" if argument is None else _shown(argument.value) or argument.hint


def _keys_of(pairs):
    return [_exact(key) for key, _ in pairs]


def _names_of(value):
    return ", ".join(repr(key) for key, _ in value) if type(value) is Map else ""


def _first_difference(one, other):
    """Where two values differ first, as far in as that is one place, and what is there."""
    place, tag = "", None
    while type(one) is type(other):
        if type(one) is Map and _keys_of(one) == _keys_of(other):
            steps = [_step(key, tag) for key, _ in one]
            pairs = [(mine[1], theirs[1]) for mine, theirs in zip(one, other, strict=True)]
        elif type(one) is list and len(one) == len(other):
            # what a form consists of that is no container has no places of its own
            steps = [f"[{n}]" if tag in (None, *CONTAINERS) else "" for n in range(len(one))]
            pairs = list(zip(one, other, strict=True))
        elif type(one) is Tag and one[0] == other[0] and one[0] not in (CLASS, FUNCTION, DIGEST):
            steps, pairs, tag = [""], [(one[1], other[1])], one[0]
        else:
            break
        unequal = [n for n, pair in enumerate(pairs) if _exact(pair[0]) != _exact(pair[1])]
        if len(unequal) != 1:
            break
        place += steps[unequal[0]]
        tag = tag if type(one) is Tag or not steps[unequal[0]] else None
        one, other = pairs[unequal[0]]
    return place, one, other


def _step(key, tag):
    if tag == OBJECT and isinstance(key, str):
        return f".{key}"
    return f"[{key!r}]" if _is_short(key) else "[...]"
