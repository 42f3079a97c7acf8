"""Which test shows which claim on which real gateway, and the command that runs it: read from the marks of the tests.

`@pytest.mark.shows("nginx", "canary gone")` marks a test that fails if the claim does not hold on the product. The
tests are parsed, not imported, because some of them import packages that are not installed everywhere.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.marks import is_whole

TESTS = Path(__file__).parents[1]
CLAIMS = {
    "odd requests": "requests without the header, with a wrong or an empty value, with the header twice or with a "
    "comma list are answered as the first table says",
    "precedence": "the canary rule is used for exactly the requests with the header that stable's rule would get",
    "own check": "the product's own check accepts edits that the product would load, and refuses others",
    "edits under load": "the rule is inserted and removed under load; no request without the header fails, and none is "
    "answered by the wrong version",
    "share": "1, 10, 50 and 100 % of requests without the header reach the canary, within an exact binomial interval "
    "of at least 5,000 requests",
    "share under load": "a share goes on and off under load; no request fails, and requests with the header always "
    "reach the canary",
    "canary gone": "if the canary is gone, requests without the header still work, and the gateway still loads edits",
    "promoted": "a whole release is promoted and restores the routes",
    "ramp": "a good canary climbs a ramp under real requests and is promoted; no request fails",
    "ramp aborted": "an abort in a step of a ramp gives all requests back to stable; no request fails",
    "steered": "at a steered promotion the old version answers no request any more once the canary carries all",
    "rejected": "a bad canary is rejected and everything is restored",
    "at once": "applications in one route file are released at the same time, and no edit is lost",
    "real files": "files that were not written for gatewayctl are edited and restored byte for byte, or refused with a "
    "true reason",
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
    """Every mark in the tests. Raises ValueError for a claim that is not in CLAIMS."""
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
    """Each `pytest.mark.NAME` below a node, with its constant arguments if it is called."""
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
    return "make e2e" if {"jvm", "whole"} & set(marks) or is_whole(file) or "e2e" in file.parts else "make test"
