"""Functions of one name in several files that share a cache directory, by name=. Imported where the
directory of a function is another's."""

import re
from os.path import exists

from locache import _changes, _parts, _target


def own_name(persisted, module, name, directory, note):
    """The name of the function's own directory in the cache directory `directory`, or None: what
    `name` has there, of which the note tells, is its own as well, or nobody's any more."""
    source = _target.where(persisted._beside, None, None)[1] or ""
    folder, _, file = source.rpartition("/")
    if not file.endswith(".py"):
        return None
    stem = file[: -len(".py")]
    before = _changes.read(note)
    owner = next((part["module"] for part in before if part["name"] == name), "")
    owner = owner.rpartition(".")[2]
    if owner in ("", module.rpartition(".")[2], stem):
        return None
    own = f"{stem}.{name}"
    if exists(f"{directory}/{own}"):
        return own
    if not defines(f"{folder}/{owner}.py", name.rpartition(".")[2]):  # renamed, or moved to here
        return None
    same = digests(before) == digests(_changes.read(_parts.note(persisted)))
    return None if same else own


def defines(file, name):
    """Is there a file with something of that name?"""
    try:
        with open(file, "rb") as opened:
            text = opened.read()
    except OSError:
        return False
    word = re.escape(name.encode())
    return re.search(rb"\bdef\s+%b\b|\b%b\b\s*[=:]" % (word, word), text) is not None


def digests(parts):
    return sorted((part["kind"], part["name"], part["digest"]) for part in parts)
