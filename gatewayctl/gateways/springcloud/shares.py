"""Makes the two routes of a share: one sends it to the canary, the other one stands for the rest of the requests.

For every request Spring draws one route of each group by its weight, and the `Weight` predicate lets it pass for
that route only (WeightCalculatorWebFilter in Spring Cloud Gateway). The route for the rest never matches: then the
request goes on to stable's own route, with that one's metrics and rate limits.

A group keeps the weights that it was given before, also those of routes that are gone. So each share has a group of its
own, and no request is ever drawn by weights of two shares.
"""

from collections.abc import Iterable

from yaml.nodes import MappingNode

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.springcloud.canary import KeyWriter, canary_route
from gatewayctl.gateways.springcloud.routes import WEIGHT, SpringRoute, own_id
from gatewayctl.gateways.yamltext.nodes import listing, mapping, quote

ALL = 100  # percent
_NEVER = "Before=1970-01-01T00:00:00Z"
_NOWHERE = "no://op"  # a uri is required; this is how Spring's documentation writes one that is not used


def share_routes(route: SpringRoute, rule: CanaryRule, number: int) -> list[MappingNode]:
    """The routes that go above `route`, the `number`th of its service in its list. Raises Refused."""
    writer, name = KeyWriter(route.node), own_id(rule.share_name, number)
    group = group_of(name, rule.share)
    rest = {
        "id": quote(own_id(f"{rule.share_name}-rest", number)),
        "uri": quote(_NOWHERE),
        "predicates": listing([quote(_weight(group, ALL - rule.share)), quote(_NEVER)], route.node),
    }
    return [
        mapping([(writer.key(field), value) for field, value in rest.items()], route.node),
        canary_route(route, rule, name, _weight(group, rule.share)),
    ]


def group_of(route_id: str, share: int) -> str:
    """The name of the group of the route that sends `share` percent to the canary."""
    return f"{route_id}.{share}"


def _weight(group: str, percent: int) -> str:
    return f"{WEIGHT}={group}, {percent}"


def refuse_taken_groups(routes: Iterable[SpringRoute], groups: Iterable[str]) -> None:
    """Raise Refused where a route of other people is in one of `groups`: it would change the share."""
    taken = set(groups)
    for route in routes if taken else ():
        for predicate in route.definitions("predicates") if _names_one(route, taken) else ():
            found = taken.intersection(predicate.arguments)
            if predicate.name == WEIGHT and found:
                raise route.fragment.refusal(
                    route.fields["predicates"],
                    f"this route is in the group {found.pop()}, which the share of the canary needs for itself",
                    hint="give that group another name",
                )


def _names_one(route: SpringRoute, groups: Iterable[str]) -> bool:
    """A cheap test before its predicates are read, which may have a form that is only refused where it matters."""
    written = route.fragment.source(route.node)
    return any(group in written for group in groups)
