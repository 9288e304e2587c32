"""What whole caches may hold, and all of a user's together: what configure() says of it goes into
the environment, so that processes that are started keep to it, too. Imported when it is used."""

import os
import re

from locache import _options

SIZE = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*([KMGTP](iB?|B)?|B)?", re.ASCII | re.IGNORECASE)
AGE = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*(ms|s|m|min|h|d|w|y)", re.ASCII)


def option(prefix, name):
    """The variable of an option: LOCACHE_CACHE_MAX_BYTES is of each cache, LOCACHE_MAX_BYTES of all
    together."""
    scope = "CACHE_" if prefix == "cache_" else ""
    return f"LOCACHE_{scope}{name.upper()}"


def read_text(told, value, pattern, example):
    if not pattern.fullmatch(value.strip()):
        raise ValueError(f"persist(): {told} is as {example}, not {value!r}")
    # The core, which reads the environment, takes no blank between number and unit.
    return "".join(value.split())


def read_number(told, value, forms):
    if not _options.is_int(value):
        raise _options.wrong_type(told, forms, value)
    return str(min(value, _options.LARGEST)) if value > 0 else ""


def read_size(told, value):
    if isinstance(value, str):
        return read_text(told, value, SIZE, '"500M" or "1.5G"')
    return read_number(told, value, 'a number of bytes, a text as "10G", or None')


def read_count(told, value):
    return read_number(told, value, "an int or None")


def read_age(told, value):
    """Days, as max_age= of a function."""
    if isinstance(value, str):
        return read_text(told, value, AGE, '"12h" or "30d", with its unit')
    if hasattr(value, "total_seconds"):
        value = value.total_seconds() / 86400
    if not _options.is_int(value) and not isinstance(value, float):
        raise _options.wrong_type(told, 'a number of days, a timedelta, a text as "30d"', value)
    if not 0 < value < float("inf"):
        raise ValueError(f"persist(): {told}={value!r} must be more than no time; None: no limit")
    return f"{max(_options.nanoseconds(value, _options.DAY) // 10**6, 1)}ms"


READERS = {"max_bytes": read_size, "max_entries": read_count, "max_age": read_age}
OPTIONS = {
    prefix + name: (option(prefix, name), read)
    for prefix in ("cache_", "all_")
    for name, read in READERS.items()
}


def take(options):
    """Of configure()'s options those that are said here, taken out: {variable: its text}."""
    variables = {}
    for told in sorted(OPTIONS.keys() & options.keys()):
        variable, read = OPTIONS[told]
        value = options.pop(told)
        variables[variable] = "" if value is None else read(told, value)
    return variables


def put(variables):
    for name, text in variables.items():
        if text:
            os.environ[name] = text
        else:
            os.environ.pop(name, None)
