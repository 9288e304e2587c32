"""f.explain(): whether a call hits, and why not; and the same for the log's lines of misses.
Imported when it is asked for."""

import os
from pathlib import Path
from time import gmtime, strftime
from typing import NamedTuple

from locache import _changes, _keys, _parts
from locache._core import _versions  # type: ignore[import-not-found]

NAMES_MAX = 1000  # of a directory that are looked at for the nearest entry
READ_MAX = 8  # of these that are opened
REJECTED = {  # by the status of the error
    "LOCACHE_ECORRUPT": "damaged",
    "LOCACHE_ELIMIT": "damaged",
    "LOCACHE_EUNTRUSTED": "untrusted",
    "LOCACHE_EFORMAT": "newer",
}


class Explanation(NamedTuple):
    """What a call would find, and why."""

    hit: bool
    why: str  # a word: "stored", "stale", "base", "absent", "changed", "order", "damaged", ...
    line: str  # the same in a line
    parts: list  # what differs: dicts of texts
    path: Path | None  # of the result's file, whether it is there or not

    def __str__(self):
        return self.line


class Version(NamedTuple):
    id: str
    path: str
    current: bool
    before: str | None
    used: int
    state: str
    kept: str
    note: bytes | None


def explain(persisted, key, asked):
    """key: bytes, or None. asked: what the extension found (call/explain.c)."""
    status, message = asked["status"], asked["message"]
    path = Path(asked["path"]) if asked["path"] else None
    parts = []
    if status == "hit":
        why, text, parts = stored(persisted, asked)
    elif status == "miss" and not message:
        why, text, parts = missed(persisted, key, asked["path"], asked["function"])
    elif status == "miss":
        why, text = "expired" if message == "expired" else "unusable", message
    elif status == "off":
        why, text = status, switched_off(asked["enabled"])
    elif status == "unkeyed":
        why, text = status, f"the arguments cannot be told apart: {message}"
    else:
        why, text = REJECTED.get(status, status), message
    word = "hit" if status == "hit" else "miss"
    return Explanation(status == "hit", why, f"{word}: {text}", parts, path)


def stored(persisted, asked):
    # not by datetime, which before 3.14 is not made for several interpreters at once
    when = strftime("%Y-%m-%d %H:%M:%S", gmtime(asked["created"] / 1e9))
    text = f"stored {when} UTC, computed in {asked['duration'] / 1e9:.3g} s"
    parts = []
    if asked["stale"]:
        return "stale", f"stale, and computed anew behind the next call; {text}", parts
    if asked["from_base"]:
        cache = os.path.dirname(os.path.dirname(asked["path"]))
        return "base", f"{text}, from the base {cache}", [{"kind": "base", "path": cache}]
    for version in versions_at(asked["path"], asked["function"]):
        if version.current and version.kept:
            time, _, who = version.kept.partition(" ")
            parts.append({"kind": "kept", "who": who, "time": time})
            text += f"; {who} said at {time} that the code means what it meant before"
    return "stored", text, parts


def switched_off(enabled):
    from locache import _switch

    if _switch.inside.get():
        return "off: within locache.disabled()"
    if not _switch.is_on(enabled):
        return "off: enabled= says so"
    if _switch.enabled is not None and not _switch.is_on(_switch.enabled):
        return "off: locache.configure(enabled=...) says so"
    return f"off: LOCACHE={os.environ.get('LOCACHE', '')}"


def versions_at(path, function):
    directory = os.path.dirname(os.path.dirname(path))
    found = [Version(*version) for version in _versions(directory, function)]
    return sorted(found, key=lambda version: -version.used)


# -------------------------------------------------------------------------------- why there is none


def missed(persisted, key, path, function):
    """Why no result is at this path: a word, a line, parts."""
    directory, name = os.path.split(path)
    versions = versions_at(path, function)
    current = next((version for version in versions if version.current), None)
    earlier = [version for version in versions if not version.current]
    if current is not None:  # the one whose place it took first
        earlier.sort(key=lambda version: version.id != current.before)
    for version in earlier:
        if os.path.exists(os.path.join(version.path, name)):
            return changed(persisted, current, version)
    nearest = nearest_entry(directory, name, key)
    if nearest is None and persisted.cache_info().total.stores > 0:
        return "absent", "nothing is stored any more", []
    before = nearest_entry(earlier[0].path, name, key) if nearest is None and earlier else None
    if before is not None:
        why, text, parts = changed(persisted, current, earlier[0])
        text += f"; nor was there a result for these arguments: {said_of(before[1])}"
        return why, text, [*parts, *before[1]]
    if nearest is None:
        return "absent", "nothing is stored yet", []
    found, differences = nearest
    if all(one["kind"] == "order" for one in differences):
        return "order", f"stored in another order: {said_of(differences)}", differences
    text = f"no result for these arguments; the nearest is {short(found)}: {said_of(differences)}"
    return "absent", text, differences


def changed(persisted, current, before):
    """What is another now than in an earlier version."""
    if current is not None and current.note is not None:
        now = _changes.read(current.note)
    else:
        now = _changes.read(_parts.note(persisted))
    found = _changes.changes(_changes.read(before.note), now)
    return "changed", _changes.told(found), found


def short(name):
    """A file's name without the end of its hash."""
    shown, tilde, digits = name.partition("~")
    return f"{shown}{tilde}{digits[:6]}"


def said_of(differences):
    texts = []
    for one in differences[:3]:
        if one["kind"] == "order":
            texts.append(f"{one['name']}: {one['asked']} in place of {one['stored']}")
        else:
            texts.append(
                f"{one['name']} is {one['asked'] or 'not given'}, not {one['stored'] or 'left out'}"
            )
    if len(differences) > len(texts):
        texts.append(f"{len(differences) - len(texts)} more")
    return "; ".join(texts)


def nearest_entry(directory, name, key):
    """The name of the entry whose call differs least, and what differs; None: there is none."""
    asked = _keys.read(key)
    if asked is None:
        return None
    best = None
    for other in candidates(directory, name):
        found = _keys.read(_keys.key_in(os.path.join(directory, other)) or b"")
        if found is None:
            continue
        differences = _keys.differences(asked, found)
        if differences and (best is None or weight(differences) < weight(best[1])):
            best = other, differences
    return best


def weight(differences):
    return sum(1 if one["kind"] == "order" else 100 for one in differences)


def candidates(directory, name):
    """Names of entries of this directory that are most like this one."""
    wanted = set(pieces(name))
    rated = []
    try:
        with os.scandir(directory) as items:
            for item in items:
                if item.name[0] != "." and item.name != name:
                    rated.append((-len(wanted.intersection(pieces(item.name))), item.name))
                if len(rated) >= NAMES_MAX:
                    break
    except OSError:
        return []
    return [other for _, other in sorted(rated)[:READ_MAX]]


def pieces(name):
    return name.partition("~")[0].split("_")


# ------------------------------------------------------------------------------------- for the log


def detail_of_miss(persisted, key, path, function):
    return missed(persisted, key, path, function)[1]


def detail_of_change(path, function):
    """What changed, where a version has just taken the place of another."""
    versions = versions_at(os.path.join(path, "_"), function)
    current = next((version for version in versions if version.current), None)
    if current is None or current.note is None:
        return None
    for version in versions:
        if version.id == current.before:
            found = _changes.changes(_changes.read(version.note), _changes.read(current.note))
            return _changes.told(found) if found else None
    return None
