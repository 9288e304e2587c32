"""What bounds results: how many bytes, for how long, and what of them may be stale. Imported when
one of these is told in another form than the core's own, and by _options."""

import re
from time import time_ns

from locache import _options

SECOND = _options.SECOND
FORMS = 'a number of seconds, a timedelta, a text as "90s", "10m", "1h", "7d"'
SPANS = {
    "ms": 0.001,
    "s": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "y": 31557600,
}
SIZES = "KMGTPE"
NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*([A-Za-z]*)", re.ASCII)


def is_number(value):
    return _options.is_int(value) or isinstance(value, float)


def split(text):
    found = NUMBER.fullmatch(text.strip())
    return (None, None) if found is None else (float(found[1]), found[2])


def read_span_text(option, text):
    """In nanoseconds."""
    number, unit = split(text)
    if number == 0 and unit == "":
        return 0
    # A number without a unit would be days for some, seconds for others.
    if number is None or unit not in SPANS:
        raise ValueError(
            f'persist(): {option} is a time with its unit, as "90s", "10m", "1h" or "7d", '
            f"not {text!r}"
        )
    return _options.nanoseconds(number * SPANS[unit], SECOND) if number else 0


def read_timedelta(option, value):
    """In nanoseconds, exactly."""
    micros = (value.days * 86400 + value.seconds) * 10**6 + value.microseconds
    if micros < 0:
        raise ValueError(f"persist(): {option}={value!r} is negative")
    return min(micros * 1000, _options.LARGEST)


def is_timedelta(value):
    """Without importing datetime: who has one has imported it."""
    return all(hasattr(value, name) for name in ("days", "seconds", "microseconds"))


def read_other_span(option, value):
    """In nanoseconds, of a text or a timedelta; None: it is neither."""
    if isinstance(value, str):
        return read_span_text(option, value)
    return read_timedelta(option, value) if is_timedelta(value) else None


def read_span(option, value, forms=FORMS):
    """In nanoseconds, of a number of seconds, too."""
    span = read_other_span(option, value)
    if span is not None:
        return span
    if not is_number(value):
        raise _options.wrong_type(option, f"{forms} or None", value)
    if not value >= 0:
        raise ValueError(f"persist(): {option}={value!r} must be a time of 0 seconds or more")
    return _options.nanoseconds(value, SECOND) if value else 0


def read_max_bytes(size):
    """As the core has it: 0 is no bound."""
    if size is None:
        return 0
    if isinstance(size, str):
        number, unit = split(size)
        letter = (unit or "").upper().removesuffix("B").removesuffix("I")
        if number is None or (letter and (len(letter) > 1 or letter not in SIZES)):
            raise ValueError(
                f'persist(): max_bytes is a size as "500M" or "1.5G" (of 1024), not {size!r}'
            )
        size = int(number * 1024 ** (SIZES.index(letter) + 1 if letter else 0))
        if size < 1:
            raise ValueError("persist(): max_bytes of 0 would keep nothing; None: no bound")
    if not _options.is_int(size):
        raise _options.wrong_type("max_bytes", 'an int, a text as "500M" or "10G", or None', size)
    if size == 0:
        raise ValueError("persist(): max_bytes=0 would keep nothing; None or -1: no bound")
    return min(size, _options.LARGEST) if size > 0 else 0


def read(max_bytes, ttl, stale):
    """(max_bytes, ttl, stale, what says the ttl of each result), as the extension takes them."""
    told = None
    span = 0
    if callable(ttl):
        told = ttl
    elif ttl is not None:
        # No time at all is the least there is: what is stored is over at once.
        span = read_span("ttl", ttl, f"{FORMS}, a callable of the result,") or 1
    if span == _options.LARGEST:
        span = 0
    old = 0 if stale is None else read_span("stale", stale)
    if old and not span and told is None:
        raise ValueError(
            "persist(): stale= is for how long results are served beyond ttl=, which is not given"
        )
    return read_max_bytes(max_bytes), span, old, told


def expires(ttl, result):
    """What a callable ttl= says of a result: nanoseconds since 1970; 0: never; -1: it is over at
    once, so that it need not be stored."""
    told = ttl(result)
    if told is None:
        return 0
    try:
        span = read_span("ttl", told)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("persist(): ttl", "what ttl= returned", 1)) from None
    if span == 0:
        return -1
    return 0 if span == _options.LARGEST else min(time_ns() + span, _options.LARGEST)
