"""What is decorated: the function within partials, bound methods, callable objects and other
decorators; the signature that a call's arguments are bound to; and where the function's cache is.

Asked once for each function. One module, since each one costs a sixth of a millisecond to import.
"""

import sys
from posix import F_OK, access, getcwd, lstat, stat

from locache import _START as START  # type: ignore[attr-defined]
from locache._core import Persisted  # type: ignore[import-not-found]

FunctionType: type = type(lambda: None)  # compared exactly: proxies of C say that they are of it
MethodType = type((lambda: None).__get__(0))
BuiltinType = type(len)
ModuleType = type(sys)
MethodDescriptorType = type(str.split)
# What C makes of a class's methods: all that they are, their name says.
DESCRIPTOR_TYPES = (MethodDescriptorType, type(object.__init__), type(vars(dict)["fromkeys"]))

# Of code objects; inspect has them by name, but its import costs more than ours.
VARARGS, VARKEYWORDS, GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200

LAYERS_MAX = 100  # of partials and wrappers: nobody has so many, a cycle has more


def attribute(of, name):
    """None where there is none, or where looking for it fails in whatever way."""
    try:
        return getattr(of, name, None)
    except Exception:
        return None


def text(of, name):
    value = attribute(of, name)
    return value if isinstance(value, str) else None


def leads_to(target):
    """Is it what its module and its name say?"""
    found = sys.modules.get(text(target, "__module__"))
    for name in (text(target, "__qualname__") or "").split("."):
        found = attribute(found, name)
    return found is target


def caller():
    """The frame that calls into this package; None where no Python code does."""
    frame = sys._getframe()
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    return frame


def depth():
    """How many frames of this package are between the caller and here."""
    frame = sys._getframe(1)
    count = 0
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        count, frame = count + 1, frame.f_back
    return count


# ----------------------------------------------------------------------------- down to the function


def unbound(function):
    """The method of C that a bound one binds, as str.split of "a,b".split; None where there is
    none."""
    self = function.__self__
    if self is None or isinstance(self, ModuleType):
        return None
    method = attribute(type(self), function.__name__)
    if type(method) is not MethodDescriptorType:
        return None
    # The type is given, since CPython crashes without it for what re's methods are made of.
    return method if method.__get__(self, type(self)) == function else None


def innermost(target):
    """The function that runs, what goes before a call's own arguments (None: nothing does), and
    the keywords that partials add."""
    from functools import partial  # here, since `import locache` does not need it

    prefix = keywords = None
    for _ in range(LAYERS_MAX):
        call = type(target).__call__
        if isinstance(target, MethodType):
            before, target = (target.__self__,), target.__func__
        elif isinstance(target, partial):
            keywords = {**target.keywords, **(keywords or {})}  # an outer partial's override
            before, target = target.args, target.func
        elif isinstance(target, BuiltinType) and (method := unbound(target)):
            before, target = (target.__self__,), method
        elif type(call) is FunctionType:
            before, target = (target,), call
        else:
            return target, prefix, keywords
        prefix = (*before, *(prefix or ()))
        if type(target) is FunctionType:
            return target, prefix, keywords
    raise TypeError("persist(): too many layers of partials and callable objects")


def wrapped_by(decorator):
    """The function that a decorator made by functools.wraps() or update_wrapper() says it wraps, or
    None. What lies between and is no function, as lru_cache's objects, is passed over."""
    for _ in range(LAYERS_MAX):
        decorator = attribute(decorator, "__wrapped__")
        if decorator is None or type(decorator) is FunctionType:
            return decorator
    return None


def chain(function):
    """A function, and what it wraps."""
    functions = []
    while function is not None and len(functions) < LAYERS_MAX:
        functions.append(function)
        function = wrapped_by(function)
    return functions


def beside(functions):
    """The function whose file the cache is beside, or None. Decorators may live anywhere, and
    functools.wraps() may name what lives anywhere: the one that persist() was written in, else that
    of the innermost function."""
    frame = caller() if len(functions) > 1 else None
    if frame is not None:
        for function in functions:
            if function.__code__.co_filename == frame.f_code.co_filename:
                return function
    return functions[-1] if functions else None


def refuse_generators(function):
    flags = function.__code__.co_flags
    if flags & (GENERATOR | ASYNC_GENERATOR):
        kind = "a generator" if flags & GENERATOR else "an async generator"
        raise TypeError(
            f"persist(): {function.__qualname__} is {kind} function, and what it yields can be had "
            "only once; return a list instead"
        )


def foreign_name(target):
    """What is no Python function has no source file of its own, so that its module has to tell it
    from others."""
    name = text(target, "__qualname__")
    if name is None:
        name = text(type(target), "__qualname__")
    module = text(target, "__module__")
    return name if module is None else f"{module}.{name}"


# --------------------------------------------------------------------------------------- signatures


def has_own_keywords(function):
    """Are all keyword-only parameters a wrapper's own, as beartype's __beartype_func, which hold
    what it works with and are never given?"""
    code = function.__code__
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    defaults = function.__kwdefaults__ or {}
    return (
        names != ()
        and code.co_flags & VARKEYWORDS != 0
        and hasattr(function, "__wrapped__")
        and all(name[:2] == "__" and name in defaults for name in names)
    )


def plan_of_function(function, names_only=False):
    """names_only: of the innermost function of a chain of functools.wraps(), whose decorators may
    fill in what they like: arguments get their names from it, and nothing else. Defaults are the
    function's, read at each call since they can be assigned."""
    code = function.__code__
    names = code.co_varnames
    flags = code.co_flags
    count = code.co_argcount + code.co_kwonlyargcount
    counted = code.co_argcount if has_own_keywords(function) else count
    any_position = any_keyword = None
    if flags & VARARGS:
        any_position = names[count]
    if flags & VARKEYWORDS:
        any_keyword = names[count + (any_position is not None)]
    positional = (code.co_posonlyargcount, code.co_argcount)
    return (function, names[:counted], None, *positional, any_position, any_keyword, names_only)


def plan_of_callable(target):
    """By inspect.signature() where that works, else arguments are known by position."""
    import inspect

    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # what it takes, it takes
        return (None, (), {}, 0, 0, "", "", False)
    kinds = {}
    for parameter in parameters:
        kinds.setdefault(parameter.kind.name, []).append(parameter.name)
    only = kinds.get("POSITIONAL_ONLY", [])
    positional = [*only, *kinds.get("POSITIONAL_OR_KEYWORD", [])]
    names = (*positional, *kinds.get("KEYWORD_ONLY", []))
    fallbacks = {p.name: p.default for p in parameters if p.default is not p.empty}
    (any_position,) = kinds.get("VAR_POSITIONAL", [None])
    (any_keyword,) = kinds.get("VAR_KEYWORD", [None])
    return (None, names, fallbacks, len(only), len(positional), any_position, any_keyword, False)


def passes_on(outer, inner, is_object):
    """def wrapper(*args, **kwargs), or the same as a method, which passes on what it gets to what
    it wraps."""
    own_keywords = has_own_keywords(outer)
    outer, inner = outer.__code__, inner.__code__
    return (
        outer.co_argcount == is_object
        and (not outer.co_kwonlyargcount or own_keywords)
        and outer.co_flags & (VARARGS | VARKEYWORDS) == VARARGS | VARKEYWORDS
        # else they could be mistaken for keywords of the same name
        and not inner.co_posonlyargcount
    )


def is_named_only(target):
    """A function of C or a method of a class that C made: all that it is, its name says."""
    if isinstance(target, BuiltinType):
        bound = target.__self__
        return bound is None or isinstance(bound, ModuleType) or leads_to(target)
    # Cython's, nanobind's and others' have types of their own.
    return type(target) in DESCRIPTOR_TYPES or leads_to(target)


def refuse_unused(ignored, key, plan, functions, captured, name):
    """Names that ignore= and key= have and the function has not."""
    named = set(key) if isinstance(key, dict) else set()
    _, names, _, _, _, any_position, any_keyword, _ = plan[0]
    if any_keyword is not None:
        return
    known = {any_position, *names}
    if len(plan) > 1:
        known.update(plan[1][1], plan[1][5:7])
    refuse_names("key", named - known, name)
    if captured is not None:
        known.add(captured[0])
    for function in functions:
        known.update(set(function.__code__.co_freevars) - {"__class__"})
    refuse_names("ignore", ignored - known, name)


def refuse_names(option, unused, name):
    if unused:
        raise TypeError(
            f"persist(): {option}= names {sorted(unused)}, but {name} has no such parameter"
        )


def may_be_annotated(function):
    """May one of a function's annotations have a locache.Key in it? Mostly a look suffices."""
    annotate = attribute(function, "__annotate__")  # from 3.14 on, where nothing was evaluated yet
    if type(annotate) is FunctionType:
        told, words = True, annotate.__code__.co_names
    else:
        told = function.__annotations__
        words = told.values() if told else ()
    loaded = "locache._annotated" in sys.modules
    return bool(told) and (loaded or any(isinstance(w, str) and "Key" in w for w in words))


def keys_of(functions, key):
    """What says what counts of arguments: a function for all of a call; or by name of parameters,
    those that persist() was told before those of annotations; or None."""
    if key is not None and not isinstance(key, dict):
        return key
    keys = {}
    for function in reversed(functions):
        if may_be_annotated(function):
            from locache._annotated import keys_in

            keys.update(keys_in(function))
    keys.update(key or {})
    return keys or None


def plans_of(functions, prefix):
    """The signatures to bind to: the second is for what does not fit the first."""
    own = plan_of_function(functions[0])
    if len(functions) > 1 and prefix is None and passes_on(functions[0], functions[-1], False):
        return (plan_of_function(functions[-1], names_only=True), own)
    return (own,)


def plans_of_defaults(functions):
    """Of a function under decorators, the defaults count that none of its calls' signatures has."""
    if len(functions) < 2:
        return ()
    return tuple(
        plan_of_function(function, names_only=True)
        for function in functions
        if function.__defaults__ or function.__kwdefaults__
    )


def target_of(target, counts):
    """What the extension is to know of a callable (call/target.h), and the function whose file the
    cache is beside. counts: a set of ignored names, and what key= was told. TypeError: nothing that
    can be cached, or one of these has a name that is no parameter."""
    ignored, key = counts
    function, prefix, keywords = target, None, None
    if type(function) is not FunctionType:
        function, prefix, keywords = innermost(target)
    is_function = type(function) is FunctionType
    is_async = False
    if is_function:
        refuse_generators(function)
        is_async = bool(function.__code__.co_flags & COROUTINE)
    # The object of a class that has __call__, which may be a decorator itself.
    is_object = is_function and prefix is not None and len(prefix) == 1 and prefix[0] is target
    within = wrapped_by(target if is_object else function)
    functions = [function, *chain(within)] if is_function else chain(within)
    named = function if within is None or not (is_object or not is_function) else within
    name = named.__qualname__ if type(named) is FunctionType else foreign_name(named)
    name = name.replace("<locals>.", "").replace("<lambda>", "lambda")

    captured = None  # a name, and an object that counts as what it was when it was first called
    if not functions:
        plans = (plan_of_callable(function),)
        if not is_named_only(function):  # many may have one name, as operator.itemgetter's objects
            captured = ("self", function)
    elif is_object and within is not None and passes_on(functions[0], functions[-1], True):
        # An object that says which function it wraps is no argument.
        plans = (plan_of_function(functions[-1], names_only=True),)
        captured = (function.__code__.co_varnames[0], target)
        prefix = None
    else:
        plans = plans_of(functions, prefix)
    if ignored or key is not None:
        refuse_unused(ignored, key, plans, functions, captured, name)
    module = text(named, "__module__")
    arguments = (prefix, keywords, captured, plans_of_defaults(functions), keys_of(functions, key))
    told = (target, tuple(functions), named, name, module, is_async, *arguments, *plans)
    return told, beside(functions)


def build_of(target):
    """What tells one build of a function of C from the next, since there is no source to be seen:
    the digest of its extension module's file, or its package's version. None: neither is known."""
    name = text(target, "__module__") or text(type(target), "__module__")
    module = sys.modules.get(name)
    file = text(module, "__file__") or ""
    if file[-3:] == ".so" and "/lib-dynload/" not in file:
        from locache._builds import build_of  # here, since few functions are of C

        return f"build {build_of(file).hex()}"
    version = text(module, "__version__")
    return f"{name} {version}" if version and "\0" not in version else None


def find_persisted(func):
    """The decorated function within decorators, partials, methods and properties, or None."""
    for _ in range(LAYERS_MAX):
        if type(func) is Persisted:
            return func
        # __func__ first: a method shows its function's __wrapped__
        for name in ("__func__", "__wrapped__", "func", "fget"):
            try:
                func = getattr(func, name)
                break
            except Exception:
                pass
        else:
            return None
    return None


# ---------------------------------------------------------------------------- where its cache is


def base_name(path):
    return path[path.rfind("/") + 1 :]


def path_in(scope, name):
    """A global variable that is an absolute path; None where it is not."""
    path = scope.get(name)
    return path if isinstance(path, str) and path[:1] == "/" and "\0" not in path else None


def exists(path):
    try:
        lstat(path)
    except OSError:
        return False
    return True


# What IPython in a terminal calls a cell, and a line or cell with %time, %timeit or %prun.
NOTEBOOK_CODE = ("<ipython-input-", "<timed exec>", "<timed eval>", "<magic-timeit>")

MARIMO_CELL = "__marimo__cell_"


def is_notebook(file):
    """A kernel calls a cell "/tmp/ipykernel_<pid>/<number>.py", Colab
    "/tmp/ipython-input-<number>.py", marimo "/tmp/marimo_<pid>/__marimo__cell_<name>_.py": files
    that do not exist, but for marimo's under a debugger."""
    name = base_name(file)
    return (
        file.startswith(NOTEBOOK_CODE)
        or name.startswith(MARIMO_CELL)
        or (("/ipykernel_" in file or name.startswith("ipython-input-")) and not exists(file))
    )


last_there = ""  # of the sources that were looked for, the last that was a file like others


def is_away(source):
    """Is it where no cache should lie beside it: installed, or within a zip file?"""
    global last_there
    if source == last_there:
        return False
    if "/site-packages/" in source or "/dist-packages/" in source:
        return True
    if access(source, F_OK):  # as nearly always, and at a third of what stat() takes
        last_there = source
        return False
    try:
        stat(source)
    except NotADirectoryError:
        return True
    except OSError:
        pass
    return False


def unnamed(stem):
    """Where nothing tells the source; no working directory is no error yet."""
    return (None, f"{START}/unnamed" if START else None, stem, False)


def in_notebook(code, scope, name):
    """Visual Studio Code and marimo tell the notebook's file in a global, Jupyter its session's
    name in the environment."""
    import os

    file = path_in(scope, "__vsc_ipynb_file__")
    if not file and base_name(code).startswith(MARIMO_CELL):
        file = path_in(scope, "__file__")
    if file:
        return (None, file, name, False)
    session = base_name(os.environ.get("JPY_SESSION_NAME", ""))
    stem = session[: -len(".ipynb")] if session.endswith(".ipynb") else ""
    return unnamed(name or stem or "notebook")


def in_file(file, scope, name):
    source = file
    if file[0] != "/":
        path = path_in(scope, "__file__")
        if path and base_name(path) == base_name(file):
            source = path
        elif START:
            source = f"{START}/{file}"
        else:
            return (None, None, name, False)
    return (None, source, name, is_away(source))


def within(place, name):
    """The same for a name with a directory in it, as locache 2 had it: beside the source, from
    where it starts."""
    import os

    _, source, _, away, *_ = place
    folder, _, stem = name.rpartition("/")
    if folder[:1] != "/":
        if not source:
            return place
        folder = f"{source[: source.rfind('/')]}/{folder}"
    if away or os.environ.get("LOCACHE_DIR"):  # a place of its own, as for a source that is there
        return (None, f"{folder}/{base_name(source or stem)}", stem, away)
    return (f"{folder}/{stem}.cache", None, None, False, "")


def apart(place, name):
    """The place of a function of that name where its source does not tell it from others': of files
    that share a cache by name=, each has its own name in front of the function's directory."""
    _, source, stem, _, *own = place
    file = base_name(source or "")
    if own or not file.endswith(".py") or file == f"{stem}.py":
        return place
    return (*place, f"{file[: -len('.py')]}.{name}")


def where(function, name, directory):
    """The place of a function's cache, from what is known at decoration: the directory itself where
    dir= says it; else the source file, the stem that name= puts in place of the file's own, and
    whether the file's directory is none to write to. Then perhaps the name of the function's
    directory: "" where it is its own, without the module that functions under dir= have in front.

    Paths are absolute, for processes change their working directory. The core looks for the
    directory when it is needed.
    """
    if directory is not None:
        if directory[0] != "/":
            try:
                directory = f"{getcwd()}/{directory}"
            except OSError:
                pass  # it is gone, which the first call says (call/where.c)
        return (directory, None, None, False)
    if name is not None and "/" in name:
        return within(where(function, None, None), name)
    if function is not None:
        file, scope = function.__code__.co_filename, function.__globals__
    else:  # one of C: the calling file stands for its source
        frame = caller()
        file, scope = (frame.f_code.co_filename, frame.f_globals) if frame else ("", {})
    if is_notebook(file):
        return in_notebook(file, scope, name)
    if not file or file[0] == "<":
        return unnamed(name or "unnamed")
    return in_file(file, scope, name)
