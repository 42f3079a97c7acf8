"""Rules of HTTPRoutes as they are shown to people."""

from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.httproute.locate import HttpRouteRule
from gatewayctl.gateways.httproute.matches import HttpRouteMatch


def describe_rule(rule: HttpRouteRule) -> RouteView:
    """One rule. For a canary rule, `name` is the owner mark and `header` the last header of its first match."""
    header = ""
    matches = rule.matches
    if rule.owner and all(match.headers for match in matches):
        name, value = matches[0].headers[-1]
        header = f"{name}: {value}"
        matches = tuple(_without_last_header(match) for match in matches)
    return RouteView(
        file=rule.route.fragment.file,
        line=rule.line,
        place=rule.route.full_name,
        match=", ".join(str(match) for match in matches),
        target=" ".join(_backend_names(rule)),
        name=rule.owner or rule.name,
        header=header,
    )


def _backend_names(rule: HttpRouteRule) -> list[str]:
    """The name of the only backend, or each name with its weight."""
    if len(rule.backends) == 1:
        return [rule.backends[0].name]
    return [f"{one.name}:{one.weight or 1}" for one in rule.backends]


def _without_last_header(match: HttpRouteMatch) -> HttpRouteMatch:
    return HttpRouteMatch(match.kind, match.path, match.method, match.headers[:-1], match.queries)
