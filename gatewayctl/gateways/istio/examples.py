"""The example requests of an HTTP route, one for each of its matches."""

from gatewayctl.domain.routing import Example
from gatewayctl.gateways.examples import ANY_VALUE, ExampleMaker
from gatewayctl.gateways.istio.locate import HttpRoute
from gatewayctl.gateways.istio.matches import HttpMatch, Named


def examples_of(route: HttpRoute) -> tuple[Example, ...]:
    """A request for each match of `route`."""
    hosts = () if "*" in route.parent.hosts else route.parent.hosts
    return tuple(_example(match, hosts) for match in route.matches)


def _example(match: HttpMatch, hosts: tuple[str, ...]) -> Example:
    maker = ExampleMaker(hosts)
    if match.uri.kind == "exact":
        maker.take_exactly(match.uri.value)
    elif match.uri.kind == "regex":
        maker.take_expression(f"^(?:{match.uri.value})$", "a regular expression")
    else:
        maker.take_prefix(match.uri.value)
    if match.method:
        _ask_method(maker, match)
    if match.authority:
        _ask_host(maker, match)
    _add_named(maker, "header", match.headers, maker.headers)
    _add_named(maker, "query parameter", match.queries, maker.query)
    for name in ("scheme", "port", "sourceLabels", "sourceNamespace"):
        if name in match.others:
            maker.block(f"it also depends on {name}")
    if match.is_for_sidecars_only:
        maker.block("only sidecars use it")
    return maker.example()


def _ask_method(maker: ExampleMaker, match: HttpMatch) -> None:
    assert match.method is not None  # noqa: S101 (asked by the caller)
    if match.method.kind == "exact":
        maker.ask_method(match.method.value)
    elif not match.method.may_match("GET") or match.method.kind == "regex":
        maker.block(f"only methods like {match.method.value}")


def _ask_host(maker: ExampleMaker, match: HttpMatch) -> None:
    assert match.authority is not None  # noqa: S101 (asked by the caller)
    if match.authority.kind == "exact":
        maker.hosts = (match.authority.value,)
    else:
        maker.block(f"only hosts like {match.authority.value}")


def _add_named(maker: ExampleMaker, what: str, found: Named, into: list[tuple[str, str]]) -> None:
    """The headers or query parameters that a match asks for."""
    for name, text in found:
        if text.kind == "regex":
            maker.block(f"the {what} {name} is a regular expression")
        else:
            into.append((name, text.value or ANY_VALUE))
