"""A gateway product small enough to read: one route per line, first match wins.

    /api/orders -> orders
    /api/orders x-canary=v stamp=s name=gatewayctl-orders-canary -> orders-canary

It passes the same dialect contract as the real ones, and lets the release machine be tried ten thousand times a minute.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, SourceFile, rule_name

_LINE = re.compile(
    r"(?P<path>/\S*)(?: (?P<header>\S+)=(?P<value>\S*) stamp=(?P<stamp>\S+) name=(?P<name>\S+))? -> (?P<to>\S+)"
)


@dataclass(frozen=True, slots=True)
class ToyRoute:
    """One parsed line."""

    path: str
    to: str
    header: str = ""
    value: str = ""
    stamp: str = ""
    name: str = ""


@lru_cache(maxsize=256)  # a world asks for the same few texts at every tick
def parse(file: SourceFile) -> tuple[tuple[int, ToyRoute], ...]:
    """The routes of a file with their line numbers. Raises Refused."""
    routes = []
    for number, line in enumerate(file.text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise Refused(file.name, number, f"not a route: {line}")
        parts = {key: value or "" for key, value in found.groupdict().items()}
        routes.append((number, ToyRoute(**parts)))
    return tuple(routes)


class ToyDialect:
    """ports.Dialect for the toy product."""

    # Any of a repeated header's values counts; a comma list is one value.
    limits = Limits(answers={LeakCase.SENT_TWICE: frozenset({Attribution.CANARY})})

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        return tuple(
            RouteView(file.name, number, "", route.path, route.to, route.name, f"{route.header}: {route.value}")
            for file in files
            for number, route in parse(file)
        )

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        changed, covered = [], []
        bare = self.remove(files, rule.app).apply(files)
        for before, file in zip(files, bare, strict=True):
            lines = file.text.splitlines(keepends=True)
            for number, route in reversed(parse(file)):
                if route.to == rule.service:
                    mark = f"{rule.header.name}={rule.header.value} stamp={rule.stamp} name={rule.name}"
                    lines.insert(number - 1, f"{route.path} {mark} -> {rule.canary}\n")
                    covered.append(RouteView(file.name, number, "", route.path, rule.canary, rule.name))
            if "".join(lines) != before.text:
                changed.append(SourceFile(file.name, "".join(lines)))
        if not covered:
            raise Refused(files[0].name, 0, f"no route sends to {rule.service}")
        return Change((tuple(changed),) if changed else (), tuple(covered))

    def remove(self, files: Files, app: str) -> Change:
        changed = []
        for file in files:
            ours = {number for number, route in parse(file) if route.name == rule_name(app)}
            lines = file.text.splitlines(keepends=True)
            kept = "".join(line for number, line in enumerate(lines, start=1) if number not in ours)
            if ours:
                changed.append(SourceFile(file.name, kept))
        return Change((tuple(changed),) if changed else ())


class ToyChecker:
    """ports.Checker: what parses is loaded."""

    def check(self, before: Files, after: Files) -> Validation:
        try:
            for file in after:
                parse(file)
        except Refused as fault:
            return Validation(ok=False, checked=True, detail=str(fault))
        return Validation(ok=True, checked=True, detail="accepted")
