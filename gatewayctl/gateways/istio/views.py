"""HTTP routes of VirtualServices as they are shown to people."""

from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.istio.locate import HttpRoute

_SHARE = "-share"


def is_share(route: HttpRoute) -> bool:
    """Whether a route of ours sends a share of the unmarked requests to a canary."""
    return route.owner.endswith(_SHARE)


def describe_route(route: HttpRoute) -> RouteView:
    """One route. For one of ours, `name` is the owner mark, and the target is the canary."""
    header, matches, target = "", route.matches, _target(route)
    if is_share(route):
        target = str(route.destinations[-1])
    elif route.owner and all(match.headers for match in matches):
        name, value = _canary_header(route)
        header = f"{name}: {value}"
        matches = tuple(match.without_header(name) for match in matches)
    return RouteView(
        file=route.parent.fragment.file,
        line=route.line,
        place=route.parent.full_name,
        match=", ".join(str(match) for match in matches),
        target=target,
        name=route.owner or route.name,
        header=header,
        share=share_of(route) if is_share(route) else 0,
    )


def share_of(route: HttpRoute) -> int:
    """The percentage that goes to the last destination, the canary's."""
    total = sum(one.weight for one in route.destinations)
    return round(100 * route.destinations[-1].weight / total) if total else 0


def _canary_header(route: HttpRoute) -> tuple[str, str]:
    """The header that the route below ours does not ask for: ours is a copy of it with that header more."""
    first = route.matches[0].headers
    below = route.parent.routes[route.index + 1 : route.index + 3]
    known = next((one.matches[0].headers for one in below if not one.owner or is_share(one)), ())
    found = next((one for one in first if one not in known), first[-1])
    return found[0], found[1].value


def _target(route: HttpRoute) -> str:
    """The only destination, or each one with its weight."""
    if len(route.destinations) == 1:
        return str(route.destinations[0])
    return " ".join(f"{one}:{one.weight}" for one in route.destinations)
