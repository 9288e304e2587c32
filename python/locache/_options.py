"""What persist() was told, checked."""

from posix import fspath

# What a signed 64-bit integer of the core holds. No count and no time gets there: it is no limit.
LARGEST = 2**63 - 1
SECOND = 10**9  # nanoseconds
DAY = 86400 * SECOND

# What is told in values of these types, which nobody changes, means the same each time. The last
# such options stay as they were read, since the functions of a file are mostly decorated alike.
PLAIN = {type(None), bool, int, float, str}
NOTHING = ()  # there is one such tuple
last_read: tuple = (None, None, None)


def wrong_type(option, wanted, value):
    return TypeError(f"persist(): {option} must be {wanted}, not {type(value).__name__}")


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def nanoseconds(value, unit):
    """A positive number of units; at least 1, since 0 stands for no time at all."""
    try:
        return min(max(int(value * unit), 1), LARGEST)
    except OverflowError:  # infinite
        return LARGEST


def read_flag(option, value):
    if value is not True and value is not False:
        raise wrong_type(option, "True or False", value)


def base(name):
    return name[name.rfind("/") + 1 :]


def read_auto_invalidate(value):
    """0 and 1, too: locache 2 only looked whether it was true."""
    if is_int(value) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value in ("project", "self"):
        return value
    if isinstance(value, str):
        raise ValueError(
            f'persist(): auto_invalidate is True, "project", "self" or False, not {value!r}'
        )
    if type(value) is not bool:
        raise wrong_type("auto_invalidate", 'True, "project", "self" or False', value)
    return value


def read_follow(auto_invalidate):
    """Whether what a function reaches counts, and whether the versions of packages do."""
    return auto_invalidate not in ("self", False), auto_invalidate is True


def read_depends(depends):
    """A tuple; None where there is nothing."""
    if depends == ():
        return None
    from locache._depends import check

    try:
        depends = tuple(depends)
    except TypeError:
        raise wrong_type("depends", "a list of what the function depends on", depends) from None
    for dependency in depends:
        check(dependency)
    return depends or None


def read_name(name):
    if name is None:
        return None
    if not isinstance(name, str):
        raise wrong_type("name", "a str or None", name)
    name.encode()  # UnicodeEncodeError is a ValueError
    if base(name) in ("", ".", "..") or "\0" in name:
        raise ValueError(
            f"persist(): name={name!r} cannot be a file's name; for another directory give dir="
        )
    return name


def read_directory(directory):
    if directory is None:
        return None
    try:
        path = fspath(directory)
    except TypeError:
        raise wrong_type("dir", "a path (str, bytes or os.PathLike) or None", directory) from None
    if not path:
        raise ValueError("persist(): dir='' names no directory")
    import os  # loaded already, but for `python -S`

    path = os.path.expanduser(os.fsdecode(path))
    if path[0] == "~":
        raise ValueError(f"persist(): dir={path!r} is in a home directory that is not known")
    os.fsencode(path)  # UnicodeEncodeError is a ValueError
    if "\0" in path:
        raise ValueError(f"persist(): dir={path!r} has a NUL in it")
    return path


def read_max_entries(count):
    if count is None:
        return -1
    if not is_int(count):
        raise wrong_type("max_entries", "an int", count)
    return min(count, LARGEST) if count > 0 else -1  # as locache 4 had it


def read_max_age(days):
    """In nanoseconds; 0: no limit. Where no day or less is told, all that is kept is too old at
    once, as in locache 4."""
    if days is None:
        return 0
    if not is_int(days) and not isinstance(days, float):
        from locache import _bounds

        # A number without a unit would be days for some, seconds for others.
        plain = isinstance(days, str) and not _bounds.split(days)[1]
        age = None if plain else _bounds.read_other_span("max_age", days)
        if age is None:
            told = wrong_type("max_age", "a number of days or None", days)
            raise TypeError(f'{told}; a text has a unit, as "36h" or "30d"')
        return 0 if age == LARGEST else max(age, 1)
    if days != days:
        raise ValueError(f"persist(): max_age={days!r} is no number of days; None: no limit")
    age = nanoseconds(max(days, 0), DAY)
    return 0 if age == LARGEST else age


def read_limit(limit, memory):
    """One of the two limits of memory=, as the core has it: 0 is its default, -1 is none at all."""
    if limit < 0:
        raise ValueError(
            f"persist(): memory={memory!r} must not be negative; memory=False keeps nothing"
        )
    return min(limit, LARGEST) or -1


def read_memory(memory):
    """So many results, of so many bytes."""
    if memory is True or memory is False:
        return 0 if memory else -1, 0
    if is_int(memory):
        return read_limit(memory, memory), 0
    if not isinstance(memory, tuple) or len(memory) != 2 or not all(map(is_int, memory)):
        raise wrong_type(
            "memory", "True, False, a number of results, or a tuple (results, bytes)", memory
        )
    return read_limit(memory[0], memory), read_limit(memory[1], memory)


def read_wait(seconds):
    """In nanoseconds; 0: as long as it takes."""
    if seconds is None:
        return 0
    if not is_int(seconds) and not isinstance(seconds, float):
        raise wrong_type("wait", "a number of seconds or None", seconds)
    if not seconds >= 0:
        raise ValueError(f"persist(): wait={seconds!r} must be a number of seconds, 0 or more")
    return nanoseconds(seconds, SECOND)


def read_memory_of_all(memory):
    """configure()'s memory=: persist()'s from now on, and how many bytes all functions together
    keep, as the core has it: 0 is its default, -1 is none at all."""
    if is_int(memory):
        return True, read_limit(memory, memory)
    if not isinstance(memory, (bool, tuple)):
        told = "True, False, a number of bytes, or a tuple (results, bytes)"
        raise wrong_type("memory", told, memory)
    each, all_bytes = read_memory(memory)
    if isinstance(memory, tuple):
        return max(each, 0), all_bytes
    return True, each


def read_recheck(seconds):
    """In nanoseconds; 0: at every call."""
    if seconds is None:
        return 0
    if not is_int(seconds) and not isinstance(seconds, float):
        raise wrong_type("recheck", "a number of seconds or None", seconds)
    try:
        is_finite = seconds >= 0 and float(seconds) < float("inf")
    except OverflowError:  # an int beyond every float
        is_finite = False
    if not is_finite:
        raise ValueError(
            f"persist(): recheck={seconds!r} must be a finite number of seconds, "
            "or 0 or None to ask at every call"
        )
    return nanoseconds(seconds, SECOND) if seconds else 0


def read_ignore(ignore):
    """One name, or several; a set."""
    if isinstance(ignore, str):
        return {ignore}
    try:
        names = iter(ignore)
    except TypeError:
        raise wrong_type("ignore", "names of parameters", ignore) from None
    names = set(names)
    for name in names:
        if not isinstance(name, str):
            raise wrong_type("ignore", "names of parameters", name)
    return names


def read_version(version):
    if version is None:
        return None
    if not isinstance(version, str):
        raise wrong_type("version", "a str or None", version)
    version.encode()
    if "\0" in version:
        raise ValueError(f"persist(): version={version!r} has a NUL in it")
    return version


def read_enabled(enabled):
    if enabled is not True and enabled is not False and not callable(enabled):
        raise wrong_type("enabled", "True, False or a callable", enabled)
    return enabled


def read_keep(keep):
    if keep is not None and not callable(keep):
        raise wrong_type("keep", "a callable or None", keep)
    return keep


def read_verify(share):
    """As a number of 2**53rds, which hold any share that a float can."""
    if not isinstance(share, (int, float)):
        raise wrong_type("verify", "a number from 0 to 1", share)
    if not 0 <= share <= 1:
        raise ValueError(f"persist(): verify={share!r} must be a share of the hits, from 0 to 1")
    return max(int(share * 2**53), 1) if share else 0


def read_compress(compress):
    """As the core has it: a level of zstd, 0: none, -1: where it pays."""
    if compress is None or compress is False:
        return 0
    if compress is True:
        return 3
    if isinstance(compress, str) and compress == "auto":
        return -1
    if isinstance(compress, str):
        raise ValueError(f'persist(): compress is a level, True, False or "auto", not {compress!r}')
    if not is_int(compress):
        raise wrong_type("compress", 'True, False, a level or "auto"', compress)
    if not 1 <= compress <= 22:
        raise ValueError(f"persist(): compress={compress!r} must be a level from 1 to 22")
    return int(compress)


def read_bounds(max_bytes, ttl, stale):
    if max_bytes is None and ttl is None and stale is None:
        return 0, 0, 0, None
    from locache import _bounds

    return _bounds.read(max_bytes, ttl, stale)


def read_key(key):
    """A function for whole calls, or a dict of functions by names of parameters."""
    if key is None or callable(key):
        return key
    try:
        functions = dict(key)
    except (TypeError, ValueError):
        raise wrong_type("key", "a callable, or callables by names of parameters", key) from None
    for name, function in functions.items():
        if not isinstance(name, str):
            raise wrong_type("key", "callables by names of parameters", name)
        if not callable(function):
            raise TypeError(
                f"persist(): key= must have a callable for {name!r}, not {type(function).__name__}"
            )
    return functions or None


def read_counts(ignore, key):
    ignored, key = read_ignore(ignore), read_key(key)
    both = sorted(ignored.intersection(key)) if isinstance(key, dict) else []
    if both:
        raise ValueError(f"persist(): ignore= and key= both name {both}; give one of them")
    return ignored, key


def read(told):
    """persist()'s options, in the order of its signature: its name=, dir=, what ignore= and
    key= say, and the settings that the extension takes (call/type.c)."""
    global last_read
    types = [*map(type, told)]
    known, known_types, options = last_read
    if types == known_types and told == known:
        return options
    options = read_anew(told)
    # What "~" stands for may be another the next time.
    plain = all(kind in PLAIN or value is NOTHING for kind, value in zip(types, told, strict=True))
    if plain and (told[4] or "")[:1] != "~" and not told[-2]:
        last_read = told, types, options
    return options


def read_anew(told):
    name, auto_invalidate, max_entries, max_age, directory, ignore, key, pickle, *rest = told
    durable, version, memory, recheck, mapped, wait, enabled, keep, depends, *rest = rest
    verify, compress, *bounds, base, mode = rest
    if base is not None or mode is not None:
        from locache import _share

        base = None if base is None else _share.read_base(base)
        mode = 0 if mode is None else _share.read_mode(mode)
    auto_invalidate = read_auto_invalidate(auto_invalidate)
    read_flag("pickle", pickle)
    read_flag("durable", durable)
    read_flag("mapped", mapped)
    name = read_name(name)
    directory = read_directory(directory)
    version = read_version(version)
    if name is not None and directory is not None and "/" in name:
        raise ValueError(f"persist(): with dir= name= is the function's own, not {name!r}")
    if version is not None and not auto_invalidate:
        raise ValueError("persist(): with auto_invalidate=False no version= would be looked at")
    if depends != () and not auto_invalidate:
        raise ValueError("persist(): with auto_invalidate=False no depends= would be looked at")
    settings = (
        bool(auto_invalidate),
        pickle,
        durable,
        mapped,
        version,
        read_max_entries(max_entries),
        read_max_age(max_age),
        *read_memory(memory),
        read_recheck(recheck),
        read_wait(wait),
        read_enabled(enabled),
        read_keep(keep),
        read_depends(depends),
        *read_follow(auto_invalidate),
        read_verify(verify),
        read_compress(compress),
        read_bounds(*bounds),
        base,
        mode or 0,
    )
    return name, directory, read_counts(ignore, key), settings
