"""What a version of a function is made of, part by part: kept beside its results, so that it can be
said later what changed (_changes). Imported where a version is new, and by explain()."""

from types import BuiltinFunctionType, FunctionType

from locache import _identity
from locache._core import _function_id, _id_of  # type: ignore[import-not-found]

NOTE_MAX = 60_000  # characters; the core takes LOCACHE_NOTE_MAX bytes
TEXT_MAX = 4_000  # of one function: what is longer is cut at the end
SHOWN_MAX = 200  # of a value
ITEMS_MAX = 20  # of a container that is shown
# Values that are called like this are not written down: their digest is all that is kept.
SECRETS = ("secret", "passw", "token", "credential", "private", "api_key", "apikey", "auth")


def parts_of(persisted):
    """A list of dicts of kind, module, name, digest and text, all str."""
    made = {}
    for kind, place, digest, of in persisted._depends():
        part = _part(kind, place, digest, of)
        key = part["kind"], part["module"], part["name"]
        if key in made and made[key]["digest"] != part["digest"]:  # several make one
            both = made[key]["digest"] + part["digest"]
            part["digest"], part["text"] = _id_of(both.encode()).hex(), ""
        made[key] = part
    # What a class is derived from is said of the class.
    classes = {(module, name) for kind, module, name in made if kind == "class"}
    return [
        part
        for (kind, module, name), part in made.items()
        if kind != "constant" or (module, name) not in classes
    ]


def note(persisted):
    """The parts as a note: a line of JSON for each, as bytes."""
    told = parts_of(persisted)
    room = NOTE_MAX
    lines = []
    for n, part in enumerate(told):
        line = _json(part)
        if len(line) > room:
            line = _json({**part, "text": ""})
        if len(line) > room:
            left = "".join(one["digest"] for one in told[n:])
            digest = _id_of(left.encode()).hex()
            name = f"{len(told) - n} more"
            lines.append(_json(_new("rest", "", name, digest, "")))
            break
        room -= len(line) + 1
        lines.append(line)
    return "\n".join(lines).encode()


def _new(kind, module, name, digest, text):
    return {"kind": kind, "module": module, "name": name, "digest": digest, "text": text}


def _json(part):
    from _json import encode_basestring_ascii as text  # json itself takes milliseconds to import

    return "{" + ", ".join(f"{text(key)}: {text(value)}" for key, value in part.items()) + "}"


def _part(kind, place, digest, of):
    module, name = "", place
    if kind in ("function", "class", "value"):
        module, _, name = place.partition(":")
    name = name.replace("<locals>.", "")
    if kind == "function":
        return _new(kind, module, name, _function_id(of).hex(), source_of(of))
    if kind == "class":
        text = head_of(of)
        return _new(kind, module, name, _id_of(text.encode()).hex(), text)
    if kind == "package":
        name, _, text = of.partition(" ")
        return _new(kind, "", name, digest.hex(), text)
    if kind == "value":
        text = "" if _is_secret(name) else shown(of)
        return _new("constant", module, name, digest.hex(), text)
    return _new(kind, module, name, digest.hex(), "")


def source_of(function):
    """The text of a function's definition; "" where there is none to be had."""
    text = _identity.text_of(function)
    return "\n".join(text.lines_of(function.__code__) if text else ())[:TEXT_MAX]


def head_of(cls):
    """What is said of a class beside its methods and attributes, which are parts of their own."""
    bases = [base.__qualname__ for base in cls.__bases__ if base is not object]
    if type(cls) is not type:
        bases.append(f"metaclass={type(cls).__qualname__}")
    names = sorted(name for name, value in vars(cls).items() if _is_own(cls, name, value))
    return f"class {cls.__qualname__}({', '.join(bases)}): {', '.join(names)}"[:TEXT_MAX]


def _is_own(cls, name, value):
    if not isinstance(name, str) or not name.startswith("__"):
        return isinstance(name, str) and not name.startswith("_abc_")
    value = getattr(value, "__func__", value)
    return (
        type(value) is FunctionType
        and value.__module__ == cls.__module__
        and not value.__code__.co_filename.startswith("<")
    )


def shown(value, depth=0):
    """A value as text, as far as that is short: plain data as it is written, all else by its
    type."""
    kind = type(value)
    if value is None or kind in (bool, float, complex):
        return repr(value)
    if kind is int:
        return repr(value) if value.bit_length() < 600 else f"int of {value.bit_length()} bits"
    if kind in (str, bytes):
        return repr(value) if len(value) <= SHOWN_MAX else f"{kind.__name__} of {len(value)}"
    if kind in (list, tuple, dict, set, frozenset):
        text = _items(value, depth) if len(value) <= ITEMS_MAX and depth < 3 else ""
        return text if 0 < len(text) <= SHOWN_MAX else f"{kind.__name__} of {len(value)}"
    if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        return value.__qualname__
    return kind.__qualname__


def _is_secret(name):
    return isinstance(name, str) and any(word in name.lower() for word in SECRETS)


def _items(value, depth):
    if isinstance(value, dict):
        pairs = [
            (shown(key, depth + 1), "..." if _is_secret(key) else shown(of, depth + 1))
            for key, of in value.items()
        ]
        return "{" + ", ".join(f"{key}: {of}" for key, of in pairs) + "}"
    items = [shown(item, depth + 1) for item in value]
    if isinstance(value, list):
        return f"[{', '.join(items)}]"
    if isinstance(value, tuple):
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    text = "{" + ", ".join(sorted(items)) + "}"
    return text if type(value) is set else f"frozenset({text})"
