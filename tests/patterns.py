"""Finds every regular expression of the package, and makes texts on which a bad one takes long.

A text is a beginning that matches, then one part of the expression repeated, then an end that does not match: what
makes an expression try each start, or each way to split a text, before it gives up.
"""

import ast
import importlib
import re
import re._constants as op
import re._parser as parser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gatewayctl

_METHODS = frozenset({"search", "match", "fullmatch", "sub", "split", "finditer", "findall"})
_USUAL = "a0Z _\t\n.-/\\'\"{}[]()#:;,=$%@*"
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_CHOICES = 4  # of one character out of a class
_ENDS = ("\0", "\n\0", "")
PACKAGE = Path(gatewayctl.__file__).parent

Nodes = list[tuple[Any, Any]]


@dataclass(frozen=True, order=True)
class Attack:
    """A text: a beginning, a part that is repeated, an end."""

    before: str
    repeated: str
    end: str

    def text(self, size: int) -> str:
        return self.before + self.repeated * (size // len(self.repeated)) + self.end


@dataclass(frozen=True)
class UsedPattern:
    """An expression, where it stands, and the methods of it that are called."""

    place: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]

    def run(self, method: str, text: str) -> None:
        """Use the expression on a text as the package does."""
        given: str | bytes = text.encode() if isinstance(self.pattern.pattern, bytes) else text
        if method == "sub":
            self.pattern.sub(given[:0], given)
        elif method in {"finditer", "findall", "split"}:
            list(getattr(self.pattern, method)(given))
        else:
            getattr(self.pattern, method)(given)

    def attacks(self) -> list[Attack]:
        """Texts that it may take long on."""
        source = self.pattern.pattern
        text = source.decode() if isinstance(source, bytes) else source
        nodes = list(parser.parse(text, self.pattern.flags & ~re.UNICODE))
        letters = "".join(dict.fromkeys([*_literals(nodes), *_USUAL]))
        found = set()
        for choice in range(_CHOICES):
            for before, repeated in [*_repeats(nodes, letters, choice), *_beginnings(nodes, letters, choice)]:
                found |= {Attack(before, repeated, end) for end in _ENDS if repeated}
        return sorted(found)


def used_patterns() -> list[UsedPattern]:
    """Every expression that a module compiles when it is imported."""
    found = []
    for name in _modules():
        module = importlib.import_module(name)
        for variable, value in vars(module).items():
            for index, one in enumerate(value if isinstance(value, tuple) else (value,)):
                if isinstance(one, re.Pattern) and _is_compiled_in(module, variable):
                    place = f"{name}.{variable}" + (f"[{index}]" if isinstance(value, tuple) else "")
                    found.append(UsedPattern(place, one, _methods_of(module, variable)))
    return found


def inline_calls() -> list[str]:
    """Every call of `re` inside a function, as module:function; an expression that is not compiled at import."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                found += [f"{place}:{getattr(function, 'name', '')}" for one in ast.walk(function) if _is_call(one)]
    return sorted(set(found))


def _is_call(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _METHODS | {"compile"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
    )


def _modules() -> list[str]:
    """Those that compile an expression. Others are not imported: `load.py` would patch this process for locust."""
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if "re.compile(" in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]


def _is_compiled_in(module: Any, variable: str) -> bool:
    return re.search(rf"^{variable}\b.*=", Path(module.__file__).read_text(encoding="utf-8"), re.MULTILINE) is not None


def _methods_of(module: Any, variable: str) -> frozenset[str]:
    """The methods called on a variable, a private one in its own module; those that differ most if none is seen.

    A method that is called with an offset is called again and again in one text, like `finditer`.
    """
    files = [Path(module.__file__)] if variable.startswith("_") else PACKAGE.rglob("*.py")
    called = re.compile(rf"\b{variable}(?:\[\d\])?\.(\w+)(\([^(),]+,)?")
    seen: set[str] = set()
    for path in files:
        for method, offset in called.findall(path.read_text(encoding="utf-8")):
            seen |= {method, "finditer"} if offset and method == "match" else {method}
    return frozenset(seen & _METHODS or {"search", "fullmatch"})


def _literals(nodes: Nodes) -> Iterator[str]:
    for code, value in nodes:
        if code in (op.LITERAL, op.NOT_LITERAL):
            yield chr(value)
        elif code is op.IN:
            yield from _literals(value)
        elif code is op.RANGE:
            yield from map(chr, value)
        for inner in _inside(code, value):
            yield from _literals(inner)


def _inside(code: Any, value: Any) -> list[Nodes]:
    """The expressions inside a node."""
    if code in _REPEATS:
        return [list(value[2])]
    if code is op.SUBPATTERN:
        return [list(value[3])]
    if code is op.BRANCH:
        return [list(one) for one in value[1]]
    if code is op.ATOMIC_GROUP:
        return [list(value)]
    return []


def _sample(nodes: Nodes, letters: str, choice: int) -> str:
    """A text that the expression matches, or nearly does; `choice` selects among the characters of a class."""
    return "".join(_sample_of(code, value, letters, choice) for code, value in nodes)


def _sample_of(code: Any, value: Any, letters: str, choice: int) -> str:
    if code is op.LITERAL:
        return chr(value)
    if code in (op.IN, op.NOT_LITERAL, op.ANY, op.CATEGORY):
        members = [one for one in letters if _is_member(code, value, one)] or ["a"]
        return members[choice % len(members)]
    inside = _inside(code, value)
    if not inside:
        return ""
    text = _sample(inside[choice % len(inside)], letters, choice)
    return text * max(1, value[0]) if code in _REPEATS else text


def _is_member(code: Any, value: Any, letter: str) -> bool:
    if code is op.ANY:
        return letter != "\n"
    if code is op.NOT_LITERAL:
        return ord(letter) != value
    if code is op.CATEGORY:
        return re.fullmatch(_CATEGORIES[value], letter) is not None
    negated = value[0][0] is op.NEGATE
    return negated != any(_is_in(one, letter) for one in value)


def _is_in(one: tuple[Any, Any], letter: str) -> bool:
    code, value = one
    if code is op.LITERAL:
        return ord(letter) == value
    if code is op.RANGE:
        return bool(value[0] <= ord(letter) <= value[1])
    return code is op.CATEGORY and _is_member(code, value, letter)


_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}


def _repeats(nodes: Nodes, letters: str, choice: int, before: str = "") -> Iterator[tuple[str, str]]:
    """For each repeated part at any depth: a text that leads to it, and one round of it."""
    for index, (code, value) in enumerate(nodes):
        lead = before + _sample(nodes[:index], letters, choice)
        for inner in _inside(code, value):
            if code in _REPEATS:
                yield lead, _sample(inner, letters, choice)
            yield from _repeats(inner, letters, choice, lead)


def _beginnings(nodes: Nodes, letters: str, choice: int) -> Iterator[tuple[str, str]]:
    """Each beginning of the expression, to be repeated: every round is a start that nearly matches."""
    for index in range(1, len(nodes) + 1):
        yield "", _sample(nodes[:index], letters, choice)
