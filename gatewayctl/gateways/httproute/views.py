"""One rule of an HTTPRoute, as a person would describe it."""

from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.httproute.locate import Rule
from gatewayctl.gateways.httproute.matches import Match


def view(rule: Rule) -> RouteView:
    """A rule in words; its name is the owner's for those of ours, whose headers' last one is the canary's."""
    header = ""
    matches = rule.matches
    if rule.owner and all(match.headers for match in matches):
        name, value = matches[0].headers[-1]
        header = f"{name}: {value}"
        matches = tuple(_unmarked(match) for match in matches)
    return RouteView(
        file=rule.route.unit.file,
        line=rule.line,
        place=rule.route.place,
        match=", ".join(str(match) for match in matches),
        target=" ".join(_target(rule)),
        name=rule.owner or rule.name,
        header=header,
    )


def _target(rule: Rule) -> list[str]:
    if len(rule.backends) == 1:
        return [rule.backends[0].name]
    return [f"{one.name}:{one.weight or 1}" for one in rule.backends]


def _unmarked(match: Match) -> Match:
    return Match(match.kind, match.path, match.method, match.headers[:-1], match.queries)
