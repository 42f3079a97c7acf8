"""Rules of HTTPRoutes as they are shown to people."""

from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.httproute.locate import HttpRouteRule
from gatewayctl.gateways.httproute.shares import canary_names, percent_of


def describe_rule(rule: HttpRouteRule) -> RouteView:
    """One rule. For a rule of ours, `name` is the owner mark.

    For a canary rule, `header` is the last header of its first match. Of a share only the canary is shown.
    """
    header = ""
    matches = rule.matches
    if rule.owner and all(match.headers for match in matches):
        name, value = matches[0].headers[-1]
        header = "" if rule.is_share else f"{name}: {value}"
        matches = tuple(match.without_last_header for match in matches)
    return RouteView(
        file=rule.route.fragment.file,
        line=rule.line,
        place=rule.route.full_name,
        match=", ".join(str(match) for match in matches),
        target=" ".join(canary_names(rule) if rule.is_share else _backend_names(rule)),
        name=rule.owner or rule.name,
        header=header,
        share=percent_of(rule) if rule.is_share else 0,
    )


def _backend_names(rule: HttpRouteRule) -> list[str]:
    """The name of the only backend, or each name with its weight."""
    if len(rule.backends) == 1:
        return [rule.backends[0].name]
    return [f"{one.name}:{one.weight or 1}" for one in rule.backends]
