"""How a ToyRoute spells a canary rule: a copy of stable's rule above it, with a header to test, a stamp and a label.

It works on the one form in which the cluster's objects are read as text, so that it can be read in a minute.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, SourceFile, rule_name

_RULE = re.compile(r'^(?P<dash> *- )to: "(?P<to>[^"\n]+)"\n(?P<body>(?: {8}.*\n)*)', re.MULTILINE)
_LABEL = re.compile(r'^ *label: "(.+)"$', re.MULTILINE)
_PATH = re.compile(r'^ *path: "(.+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _ToyRule:
    """One rule, and where its text begins and ends in the file."""

    start: int
    end: int
    dash: str
    to: str
    body: str

    @property
    def label(self) -> str:
        """The owner mark of a canary rule; empty on rules that people wrote."""
        found = _LABEL.search(self.body)
        return found[1] if found else ""


def rules_in(file: SourceFile) -> Iterator[_ToyRule]:
    """Every rule of a file, in its order."""
    for found in _RULE.finditer(file.text):
        yield _ToyRule(found.start(), found.end(), found["dash"], found["to"], found["body"])


class ToyRouteDialect:
    """Implements ports.Dialect for ToyRoutes."""

    limits = Limits()

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every rule, in file order."""
        return tuple(_view(file, rule) for file in files for rule in rules_in(file))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Put a canary rule above every rule of its Service. Raises Refused."""
        bare = self.remove(files, rule.app).apply(files)
        covered = [_view(file, one) for file in bare for one in rules_in(file) if one.to == rule.service]
        if not covered:
            raise Refused(files[0].name, 0, f"no rule sends to {rule.service}")
        after = tuple(_with_canary(file, rule) for file in bare)
        return Change(_stage(files, after), tuple(covered))

    def remove(self, files: Files, app: str) -> Change:
        """Take out the canary rules of `app`."""
        return Change(_stage(files, tuple(_without_canary(file, app) for file in files)))


class ToyRouteChecker:
    """Implements ports.Checker without a cluster: there is nothing to count."""

    def check(self, before: Files, after: Files) -> Validation:
        """Whether each file still has rules."""
        if all(any(rules_in(file)) for file in after):
            return Validation(ok=True, checked=False, detail="no API server was asked")
        return Validation(ok=False, checked=True, detail="a ToyRoute needs a rule")


def _with_canary(file: SourceFile, rule: CanaryRule) -> SourceFile:
    text = file.text
    for stable in reversed([one for one in rules_in(file) if one.to == rule.service]):
        indent = " " * len(stable.dash)
        when = f'{indent}when:\n{indent}  header: "{rule.header.name}"\n{indent}  value: "{rule.header.value}"\n'
        own = f'{when}{indent}stamp: "{rule.stamp}"\n{indent}label: "{rule.name}"\n'
        canary = f'{stable.dash}to: "{rule.canary}"\n{stable.body}{own}'
        text = text[: stable.start] + canary + text[stable.start :]
    return SourceFile(file.name, text)


def _without_canary(file: SourceFile, app: str) -> SourceFile:
    text = file.text
    for one in reversed([one for one in rules_in(file) if one.label == rule_name(app)]):
        text = text[: one.start] + text[one.end :]
    return SourceFile(file.name, text)


def _stage(before: Files, after: Files) -> tuple[Files, ...]:
    changed = tuple(new for old, new in zip(before, after, strict=True) if old != new)
    return (changed,) if changed else ()


def _view(file: SourceFile, rule: _ToyRule) -> RouteView:
    line = file.text.count("\n", 0, rule.start) + 1
    path = _PATH.search(rule.body)
    return RouteView(file.name, line, "", path[1] if path else "/", rule.to, rule.label)
