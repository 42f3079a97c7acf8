"""Why a service cannot get its rule, and what has to be known beside the edit."""

from collections.abc import Sequence

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files
from gatewayctl.gateways.springcloud.locate import OLD, Survey
from gatewayctl.gateways.springcloud.routes import Route

_SHOWN = 20


def empty(files: Files) -> Refused:
    """The refusal for files that set no routes at all."""
    name = files[0].name if len(files) == 1 else ", ".join(file.name for file in files)
    return Refused(name, 0, "holds no routes of Spring Cloud Gateway")


def unrouted(found: Sequence[Survey], routes: Sequence[Route], rule: CanaryRule) -> Refused:
    """The refusal for a service that no route in effect sends to, with the most telling reason."""
    nowhere = f"no route sends to {rule.service}"
    off = next((route for route in routes if route.sends_to(rule) and route.is_off), None)
    if off:
        return off.unit.refused(off.node, f"{nowhere}: this one is switched off (enabled: false)")
    for survey in found:
        for foreign in survey.foreign:
            return foreign.refused()
    names = ", ".join(survey.source.file.name for survey in found)
    upstreams = sorted({route.targets[0] for route in routes if route.targets})
    if upstreams:
        more = f" and {len(upstreams) - _SHOWN} more" if len(upstreams) > _SHOWN else ""
        return Refused(names, 0, f"{nowhere}; upstreams with routes: {', '.join(upstreams[:_SHOWN])}{more}")
    locators = [place for survey in found for place in survey.locators]
    if locators:
        unit, node = locators[0]
        return unit.refused(node, f"{nowhere}: routes are made from a registry (the discovery locator)")
    return Refused(names, 0, f"{nowhere}: there are no routes here", hint="give the file that holds the routes too")


def notes(found: Sequence[Survey], covered: Sequence[Route], idle: Sequence[Route], rule: CanaryRule) -> list[str]:
    """What the edit relies on and does not write; `idle` are routes of the service that get no canary."""
    said = [_prefix_note(covered)] if any(route.table.prefix == OLD for route in covered) else []
    said += [f"{_at(route)} is switched off or replaced by a later list: it gets no canary" for route in idle]
    said += _elsewhere(found, covered, rule)
    if not rule.canary_host and any("${" in route.uri for route in covered):
        said.append("a uri is a placeholder: the canary's address was derived from what these files say it stands for")
    if any(route.uri.lower().startswith(("https:", "wss:", "lb:https:", "lb:wss:")) for route in covered):
        said.append("the canary is reached by TLS: its certificate has to be good for its own name")
    breakers = {
        one.arguments[0].removeprefix("name=")
        for route in covered
        for one in route.conditions("filters")
        if one.name == "CircuitBreaker" and one.arguments
    }
    said += [
        f"the circuit breaker {name} is shared with the canary: errors of the canary can open it for {rule.service}"
        for name in sorted(breakers)
    ]
    if any(survey.locators for survey in found):
        said.append("the discovery locator makes routes of its own from a registry: those get no canary")
    return said


def _prefix_note(covered: Sequence[Route]) -> str:
    old = next(route for route in covered if route.table.prefix == OLD)
    return (
        f"{old.unit.file}: {OLD} is what 4.2 and older read; 4.3 reads it when it starts and never again, "
        "5.0 not at all"
    )


def _elsewhere(found: Sequence[Survey], covered: Sequence[Route], rule: CanaryRule) -> list[str]:
    """Lists that may take the place of those with the rule, and do not name the service."""
    used = {id(route.table) for route in covered}
    return [
        f"{table.unit.file}:{table.unit.line(table.routes)}: this list has no route to {rule.service}; where it is in "
        "effect, it replaces the others, and there is no canary"
        for survey in found
        for table in survey.tables
        if id(table) not in used and table.routes.value
    ]


def _at(route: Route) -> str:
    return f"{route.unit.file}:{route.unit.line(route.node)}: the route {route.id or '(without an id)'}"
