"""Which names of a function's own are only names.

A local variable may have any name: what the function returns is the same, unless something looks
at the name itself. So such names are no part of what a source means. Nothing is risked for it:
where it is not plain that each mention of a name is of a local variable, and that nobody looks at
its frame, the name counts as it is.
"""

import _ast
import itertools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = (_ast.FunctionDef, _ast.AsyncFunctionDef, _ast.Lambda)
COMPREHENSIONS = (_ast.ListComp, _ast.SetComp, _ast.DictComp, _ast.GeneratorExp)
# What reads variables by their names: of its caller, as a rule.
LOOKS_AT_NAMES = frozenset(
    "locals vars dir eval exec query evaluate sql currentframe stack _getframe f_back f_locals "
    "gi_frame cr_frame ag_frame tb_frame __code__ co_varnames".split()
)
# The fields in which a variable is named, besides Name.id.
NAMED = {
    "alias": "asname",
    "ExceptHandler": "name",
    "MatchAs": "name",
    "MatchStar": "name",
    "MatchMapping": "rest",
    "Name": "id",
}


class Local:
    """The mention of a local variable in a form, until its number is known."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Place:
    """Where in a definition something stands."""

    __slots__ = ("in_class", "looped", "nested")

    def __init__(self, nested: bool, in_class: bool, looped: "frozenset[str]") -> None:
        self.nested = nested  # in a function or class within the definition
        self.in_class = in_class  # immediately in a class's body
        self.looped = looped  # variables of the comprehensions around


class Mentions:
    """What a definition does with each name."""

    def __init__(self) -> None:
        self.bound: set[str] = set()  # assigned in the definition's own scope
        self.fixed: set[str] = set()  # those that are more than a local variable somewhere
        self.looped: set[str] = set()  # variables of comprehensions
        self.elsewhere: set[str] = set()  # mentioned outside of every comprehension that has it
        self.looked_at = False

    def free(self) -> "frozenset[str]":
        """The names each mention of which is of a local variable."""
        if self.looked_at:
            return frozenset()
        return frozenset((self.bound | (self.looped - self.elsewhere)) - self.fixed)


def local_names(body: object, parameters: "set[str]") -> "frozenset[str]":
    """The variables of a function's body, or of a lambda's, that may have any other name."""
    found = Mentions()
    found.fixed |= parameters
    todo = list(parts_of(body, Place(False, False, frozenset())))
    while todo:
        node, place = todo.pop()
        if isinstance(node, _ast.Name):  # as most nodes are
            mention(found, node.id, place, not isinstance(node.ctx, _ast.Load))
        elif node._fields and not isinstance(node, _ast.Constant):
            note(found, node, place)
            inner(todo, found, node, place)
    return found.free()


def parts_of(value: object, place: Place) -> "list[tuple[_ast.AST, Place]]":
    """The nodes that a field has. Others have names, constants or nothing."""
    if isinstance(value, list):
        return [(item, place) for item in value if isinstance(item, _ast.AST)]
    return [(value, place)] if isinstance(value, _ast.AST) else []


def note(found: Mentions, node: _ast.AST, place: Place) -> None:
    """What one node says of names."""
    if isinstance(node, (_ast.Global, _ast.Nonlocal)):
        found.fixed.update(node.names)
    elif isinstance(node, _ast.Attribute):
        found.looked_at = found.looked_at or node.attr in LOOKS_AT_NAMES
    elif isinstance(node, (_ast.FunctionDef, _ast.AsyncFunctionDef, _ast.ClassDef)):
        found.fixed.add(node.name)
    elif isinstance(node, _ast.arg):
        found.fixed.add(node.arg)
    elif isinstance(node, _ast.alias) and node.asname is None:
        found.fixed.add(node.name.partition(".")[0])
    elif (field := NAMED.get(type(node).__name__)) and (name := getattr(node, field)):
        mention(found, name, place, True)


def mention(found: Mentions, name: str, place: Place, binds: bool) -> None:
    found.looked_at = found.looked_at or name in LOOKS_AT_NAMES
    if name in place.looped:
        return
    found.elsewhere.add(name)
    if binds and place.in_class:
        found.fixed.add(name)
    elif binds and not place.nested:
        found.bound.add(name)


def inner(
    todo: "list[tuple[_ast.AST, Place]]", found: Mentions, node: _ast.AST, place: Place
) -> None:
    """Adds to `todo` the parts of a node, and where they stand."""
    if isinstance(node, COMPREHENSIONS):
        inner_of_comprehension(todo, found, node, place)
        return
    within = place
    if isinstance(node, FUNCTIONS):
        within = Place(True, False, place.looped)
    elif isinstance(node, _ast.ClassDef):
        within = Place(True, True, place.looped)
    for field in node._fields:
        part = getattr(node, field, None)
        if part is not None:
            todo += parts_of(part, within if field == "body" else place)


def inner_of_comprehension(
    todo: "list[tuple[_ast.AST, Place]]", found: Mentions, node: _ast.AST, place: Place
) -> None:
    """The first iterable is evaluated outside; all else has the variables."""
    loops = node.generators  # type: ignore[attr-defined]
    names = frozenset(names_in([loop.target for loop in loops]))
    found.looped |= names
    within = Place(place.nested, False, place.looped | names)
    todo.append((loops[0].iter, place))
    for loop in loops:
        todo.append((loop.target, within))
        todo += parts_of(loop.ifs, within)
        if loop is not loops[0]:
            todo.append((loop.iter, within))
    for field in node._fields:
        if field != "generators":
            todo += parts_of(getattr(node, field), within)


def names_in(targets: "list[_ast.expr]") -> "Iterator[str]":
    """The variables that are assigned; x in `for a[x] in ...` is none."""
    todo: list[object] = list(targets)
    while todo:
        node = todo.pop()
        if isinstance(node, _ast.Name):
            yield node.id
        elif isinstance(node, (_ast.Tuple, _ast.List)):
            todo += node.elts
        elif isinstance(node, _ast.Starred):
            todo.append(node.value)


def numbered(form: "list[object]") -> "list[object]":
    """The form with a number for each local variable, in the order of their first mentions. One
    whose name stands in a text of the function's keeps it: the text may be read as an expression,
    or as a query of a table that has the variable's name."""
    texts = [
        text
        for head, text in itertools.pairwise(form)
        if head == "Constant" and isinstance(text, str)
    ]
    numbers: dict[str, object] = {}
    result = []
    for item in form:
        if isinstance(item, Local):
            name = item.name
            if name not in numbers:
                said = any(has_word(text, name) for text in texts)
                numbers[name] = name if said else len(numbers)
            item = numbers[name]
        result.append(item)
    return result


def has_word(text: str, name: str) -> bool:
    at = text.find(name)
    while at >= 0:
        around = text[max(at - 1, 0) : at] + text[at + len(name) : at + len(name) + 1]
        if not any(character.isalnum() or character == "_" for character in around):
            return True
        at = text.find(name, at + 1)
    return False
