"""What one HTTPRoute may hold: the limits of the API's own schema, counted before anything is written."""

from collections.abc import Iterator
from dataclasses import dataclass

from gatewayctl.gateways.httproute.fields import fields, items
from gatewayctl.gateways.httproute.locate import Route, Rule

RULES, MATCHES, ALL_MATCHES, HEADERS, FILTERS, BACKENDS = 16, 64, 128, 16, 16, 16
LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Excess:
    """More of something than the API takes; `line` counts from 1."""

    line: int
    what: str


def excesses(route: Route) -> Iterator[Excess]:
    """Everything of which this route holds too much. Raises Refused for what is no rule at all."""
    line = route.unit.line(route.node)
    yield from _over(line, len(route.rules), RULES, f"HTTPRoute {route.place} has {{}} rules")
    total = sum(len(rule.matches) for rule in route.rules)
    yield from _over(line, total, ALL_MATCHES, f"HTTPRoute {route.place} has {{}} matches in all")
    for rule in route.rules:
        yield from _of_rule(rule)
    yield from _names(route)


def _of_rule(rule: Rule) -> Iterator[Excess]:
    unit = rule.route.unit
    found = fields(unit, rule.node, "a rule")
    yield from _over(rule.line, len(rule.matches), MATCHES, "this rule has {} matches")
    for match in rule.matches:
        yield from _over(rule.line, len(match.headers), HEADERS, "a match of this rule has {} headers")
    yield from _over(rule.line, len(rule.backends), BACKENDS, "this rule has {} backends")
    filters = items(unit, found.get("filters"), "a list of filters")
    yield from _over(rule.line, len(filters), FILTERS, "this rule has {} filters")
    for one in filters:
        changed = fields(unit, fields(unit, one, "a filter").get("responseHeaderModifier"), "a header modifier")
        held = items(unit, changed.get("set"), "a list under set")
        yield from _over(rule.line, len(held), HEADERS, "a filter of this rule sets {} headers")
    yield from _over(rule.line, len(rule.name), LONGEST_NAME, "the name of this rule has {} characters")


def _names(route: Route) -> Iterator[Excess]:
    seen: set[str] = set()
    for rule in route.rules:
        if rule.name and rule.name in seen:
            yield Excess(rule.line, f"the rule name {rule.name} occurs twice in HTTPRoute {route.place}")
        seen.add(rule.name)


def _over(line: int, count: int, most: int, what: str) -> Iterator[Excess]:
    if count > most:
        yield Excess(line, f"{what.format(count)}, and the Gateway API takes {most}")
