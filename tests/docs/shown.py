"""What is tried on each real gateway, by which test and by which command: read from the tests' own marks.

`@pytest.mark.shows("nginx", "canary gone")` stands at a test that fails when the claim does not hold on the product.
The tests are parsed, not imported: what some of them need is not everywhere.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
CLAIMS = {
    "odd requests": "requests with no, a wrong, an empty, a doubled or a listed header are answered as declared",
    "precedence": "the canary's rule wins where stable's did, and nowhere else",
    "own check": "the product's own check accepts edits that it would load, and refuses others",
    "edits under load": "the rule goes on and off under load; no request fails or goes astray",
    "canary gone": "with the canary gone, unmarked requests go on, and the gateway still takes edits",
    "promoted": "a whole release is promoted and leaves the routes as they were",
    "rejected": "a bad canary is rejected and leaves everything as it was",
    "at once": "applications of one route file are released at once, and no edit is lost",
    "real files": "files that nobody here wrote are edited and restored byte for byte, or refused with a true reason",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One test's mark. `command` is the make target that runs it."""

    kind: str
    claim: str
    file: Path
    test: str
    command: str


def find_shown(tests: Path = TESTS) -> tuple[Shown, ...]:
    """Every mark in the tests. Raises ValueError for a claim that nobody knows."""
    return tuple(one for file in sorted(tests.rglob("test_*.py")) for one in _of_file(file))


def _of_file(file: Path) -> Iterator[Shown]:
    text = file.read_text(encoding="utf-8")
    if "mark.shows(" not in text:
        return
    body = ast.parse(text, str(file)).body
    whole = [
        mark for node in body if isinstance(node, ast.Assign) and _names(node, "pytestmark") for mark in _marks(node)
    ]
    for node in body:
        if isinstance(node, ast.FunctionDef):
            marks = [*whole, *(mark for decorator in node.decorator_list for mark in _marks(decorator))]
            command = _command(file, {name for name, _ in marks})
            for name, words in marks:
                if name != "shows":
                    continue
                kind, claim = words
                if claim not in CLAIMS:
                    raise ValueError(f"{file}:{node.lineno}: {claim!r} is none of {', '.join(CLAIMS)}")
                yield Shown(kind, claim, file, node.name, command)


def _names(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _marks(node: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each `pytest.mark.NAME` below a node, with its arguments where it is called with words."""
    called = {id(one.func): one for one in ast.walk(node) if isinstance(one, ast.Call)}
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Attribute) and one.value.attr == "mark":
            call = called.get(id(one))
            yield (
                one.attr,
                tuple(str(word.value) for word in (call.args if call else ()) if isinstance(word, ast.Constant)),
            )


def _command(file: Path, marks: set[str]) -> str:
    if "all" in marks:
        return "make e2e-all"
    return "make e2e" if "jvm" in marks or "e2e" in file.parts else "make test"
