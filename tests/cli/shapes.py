"""What JSON looks like: a shape is a type, a value, a tuple of shapes (any of them), [shape] for a
list of such, or a dict of all the members that an object has.
"""


def fits(value, shape):
    """Is that value of the shape? Members that are not in it are none that it has."""
    if isinstance(shape, tuple):
        return any(fits(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    if isinstance(shape, dict):
        return (
            isinstance(value, dict)
            and list(value) == list(shape)
            and all(fits(value[name], of) for name, of in shape.items())
        )
    if isinstance(shape, type):
        return shape is object or type(value) is shape
    return value == shape and type(value) is type(shape)


MOMENT = (float, None)
PLACE = {"cache": str, "function": str, "version": (str, None), "current": bool}
NUMBERS = {"bytes": int, "disk_bytes": int, "used": MOMENT, "compute_seconds": float}
SUMS = {"entries": int, "unusable": int, "oldest": MOMENT, "newest": MOMENT}
STATUS = ("ok", "damaged", "untrusted", "earlier format", "later format", "unreadable")

COUNTS = {"hits": int, "misses": int, "saved_seconds": float}

FUNCTIONS = [{"path": str, **PLACE, **SUMS, **NUMBERS, **COUNTS}]
CACHES = [{"path": str, "functions": int, "earlier_versions": int, **SUMS, **NUMBERS, **COUNTS}]
ENTRIES = [
    {
        "path": str,
        **PLACE,
        "name": str,
        "status": STATUS,
        "codec": ("cbor", "pickle", "raw", None),
        "signed": bool,
        "created": MOMENT,
        "expires": MOMENT,
        **NUMBERS,
    }
]
