"""The limits that the API's schema sets for one HTTPRoute, counted before anything is written."""

from collections.abc import Iterator
from dataclasses import dataclass

from gatewayctl.gateways.api_objects import api_value
from gatewayctl.gateways.httproute.locate import HttpRoute, HttpRouteRule

RULES, MATCHES_PER_RULE, MATCHES_PER_ROUTE, HEADERS, FILTERS, BACKENDS = 16, 64, 128, 16, 16, 16
LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Excess:
    """More of something than the API accepts; `line` is counted from 1, `what` is the reason shown."""

    line: int
    what: str


def find_excesses(route: HttpRoute) -> Iterator[Excess]:
    """Every limit that a route exceeds. Raises Refused if a part of it is not what the API expects."""
    line = route.fragment.line(route.node)
    yield from _check_count(line, len(route.rules), RULES, f"HTTPRoute {route.full_name} has {{}} rules")
    total = sum(len(rule.matches) for rule in route.rules)
    yield from _check_count(line, total, MATCHES_PER_ROUTE, f"HTTPRoute {route.full_name} has {{}} matches in all")
    for rule in route.rules:
        yield from _check_rule(rule)
    yield from _check_names(route)


def _check_rule(rule: HttpRouteRule) -> Iterator[Excess]:
    listed = api_value(rule.route.fragment, rule.node, "a rule").field("filters", "a list of filters")
    yield from _check_count(rule.line, len(rule.matches), MATCHES_PER_RULE, "this rule has {} matches")
    for match in rule.matches:
        yield from _check_count(rule.line, len(match.headers), HEADERS, "a match of this rule has {} headers")
    yield from _check_count(rule.line, len(rule.backends), BACKENDS, "this rule has {} backends")
    filters = listed.items("a filter")
    yield from _check_count(rule.line, len(filters), FILTERS, "this rule has {} filters")
    for one in filters:
        modifier = one.field("responseHeaderModifier", "a header modifier")
        headers = modifier.field("set", "a list under set").nodes()
        yield from _check_count(rule.line, len(headers), HEADERS, "a filter of this rule sets {} headers")
    yield from _check_count(rule.line, len(rule.name), LONGEST_NAME, "the name of this rule has {} characters")


def _check_names(route: HttpRoute) -> Iterator[Excess]:
    seen: set[str] = set()
    for rule in route.rules:
        if rule.name and rule.name in seen:
            yield Excess(rule.line, f"the rule name {rule.name} occurs twice in HTTPRoute {route.full_name}")
        seen.add(rule.name)


def _check_count(line: int, count: int, most: int, what: str) -> Iterator[Excess]:
    if count > most:
        yield Excess(line, f"{what.format(count)}, and the Gateway API takes {most}")
