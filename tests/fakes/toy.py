"""A gateway product small enough to read: one route per line, first match wins.

    /api/orders -> orders
    /api/orders x-canary=v stamp=s name=gatewayctl-orders-canary -> orders-canary
    /api/orders share=10 stamp=s name=gatewayctl-orders-canary-share -> orders-canary

It passes the same dialect contract as the real ones, and lets the release machine be tried ten thousand times a minute.
There is one that cannot stamp answers, too: its rules have no `stamp=`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.platform import RuleProof, Validation
from gatewayctl.domain.routing import (
    CanaryRule,
    Change,
    Example,
    Files,
    Limits,
    RouteView,
    SourceFile,
    rule_name,
    share_name,
)
from gatewayctl.gateways.spans import line_end

_LINE = re.compile(
    r"(?P<path>/\S*)"
    r"(?: (?:share=(?P<share>\d+)|(?P<header>\S+)=(?P<value>\S*))(?: stamp=(?P<stamp>\S+))? name=(?P<name>\S+))?"
    r" -> (?P<to>\S+)"
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
    share: str = ""

    @property
    def asks(self) -> str:
        """The header it asks for, as people write it."""
        return f"{self.header}: {self.value}" if self.header else ""


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


def _example(route: ToyRoute) -> Example:
    return Example(path=route.path, taken=f"^{re.escape(route.path)}")


def proof_of(live: Sequence[ToyRoute], rule: CanaryRule, *, stamps: bool) -> RuleProof:
    """What a replica that runs these routes says of a rule."""
    stamp = rule.stamp if stamps else ""
    found = [(one.header, one.value, one.stamp) for one in live if one.name == rule.name]
    shares = [(int(one.share), one.stamp) for one in live if one.name == rule.share_name]
    same, exact = found.count((rule.header.name, rule.header.value, stamp)), shares.count((rule.share, stamp))
    odd = len(found) - same + len(shares) - exact
    return RuleProof(asked=True, routes=same, shares=exact, mismatched=odd)


class ToyDialect:
    """ports.Dialect for the toy product."""

    # Any of a repeated header's values counts; a comma list is one value.
    limits = Limits(shares=True, answers={LeakCase.SENT_TWICE: frozenset({Attribution.CANARY})})

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        return tuple(
            RouteView(
                file.name,
                number,
                "",
                route.path,
                route.to,
                route.name,
                route.asks,
                int(route.share or 0),
                (_example(route),),
            )
            for file in files
            for number, route in parse(file)
        )

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        bare = tuple(_without(file, rule.app) for file in files)
        covered = tuple(view for view in self.routes(bare) if not view.name and view.target == rule.service)
        if not covered:
            raise Refused(files[0].name, 0, f"no route sends to {rule.service}")
        return Change.between(files, tuple(self._with(file, rule) for file in bare), covered=covered)

    def remove(self, files: Files, app: str) -> Change:
        ours = tuple(view for view in self.routes(files) if view.name == rule_name(app))
        return Change.between(files, tuple(_without(file, app) for file in files), covered=ours)

    def _with(self, file: SourceFile, rule: CanaryRule) -> SourceFile:
        lines = file.text.splitlines(keepends=True)
        stamp = f"stamp={rule.stamp} " if self.limits.stamp else ""
        for number, route in reversed(parse(file)):
            if route.to == rule.service and not route.name:
                ours = [f"{rule.header.name}={rule.header.value} {stamp}name={rule.name}"]
                ours += [f"share={rule.share} {stamp}name={rule.share_name}"] if rule.share else []
                end = line_end(file.text, 0)
                lines[number - 1 : number - 1] = [f"{route.path} {mark} -> {rule.canary}{end}" for mark in ours]
        return SourceFile(file.name, "".join(lines))


class StamplessToyDialect(ToyDialect):
    """ports.Dialect for a toy that cannot stamp answers."""

    limits = replace(ToyDialect.limits, stamp=False)


def _without(file: SourceFile, app: str) -> SourceFile:
    names = (rule_name(app), share_name(app))
    ours = {number for number, route in parse(file) if route.name in names}
    lines = file.text.splitlines(keepends=True)
    return SourceFile(file.name, "".join(line for number, line in enumerate(lines, start=1) if number not in ours))


class ToyChecker:
    """ports.Checker: what parses is loaded."""

    def check(self, before: Files, after: Files) -> Validation:
        try:
            for file in after:
                parse(file)
        except Refused as fault:
            return Validation(ok=False, checked=True, detail=str(fault))
        return Validation(ok=True, checked=True, detail="accepted")
