"""The example requests of an HTTPRoute's rule, one for each of its matches."""

from gatewayctl.domain.routing import Example
from gatewayctl.gateways.examples import ExampleMaker
from gatewayctl.gateways.httproute.locate import HttpRouteRule
from gatewayctl.gateways.httproute.matches import HttpRouteMatch


def examples_of(rule: HttpRouteRule) -> tuple[Example, ...]:
    """A request for each match of `rule`."""
    return tuple(_example(match, tuple(sorted(rule.route.hosts))) for match in rule.matches)


def _example(match: HttpRouteMatch, hosts: tuple[str, ...]) -> Example:
    maker = ExampleMaker(hosts)
    if match.kind == "PathPrefix":
        maker.take_prefix(match.path, whole=True)
    elif match.kind == "Exact":
        maker.take_exactly(match.path)
    else:  # products do not agree on whether an expression must match the whole path: both are asked for
        maker.take_expression(f"^(?:{match.path})$", "a regular expression")
    maker.ask_method(*(match.method,) * bool(match.method))
    for what, found, into in (
        ("header", match.headers, maker.headers),
        ("query parameter", match.queries, maker.query),
    ):
        for name, value in found:
            if value:
                into.append((name, value))
            else:
                maker.block(f"the {what} {name} is a regular expression")
    return maker.example()
