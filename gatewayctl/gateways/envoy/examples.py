"""The example request of an Envoy route, from its match and the domains of its virtual host."""

from gatewayctl.domain.routing import Example
from gatewayctl.gateways.envoy.routes import EnvoyRoute
from gatewayctl.gateways.examples import ANY_VALUE, ExampleMaker
from gatewayctl.gateways.yamltext.cursor import Cursor

# Conditions on what a plain GET cannot choose, and how people call them.
_BLOCKING = {
    "connect_matcher": "CONNECT",
    "path_match_policy": "a path template",
    "grpc": "only gRPC",
    "tls_context": "a condition on TLS",
    "dynamic_metadata": "a condition on metadata",
    "filter_state": "a condition on the filter state",
    "cookies": "a condition on cookies",
}
_YES = frozenset({"true", "True"})


def example_of(route: EnvoyRoute) -> Example:
    """A request that `route` takes."""
    match = route.message.field("match")
    maker = ExampleMaker(route.host.domains)
    _read_path(match, maker)
    for field, reason in _BLOCKING.items():
        if field in match.fields:
            maker.block(reason)
    for one in match.field("headers", "a list of header matchers").items("a header matcher"):
        _read_header(one, maker)
    for one in match.field("query_parameters", "a list of query parameters").items("a query parameter"):
        value = _value(one)
        if value is None:
            maker.block(f"the query parameter {one.field('name').text}")
        else:
            maker.query.append((one.field("name").text, value))
    return maker.example()


def _read_path(match: Cursor, maker: ExampleMaker) -> None:
    found = match.fields
    if "prefix" in found:
        maker.take_prefix(match.field("prefix").text)
    elif "path_separated_prefix" in found:
        maker.take_prefix(match.field("path_separated_prefix").text, whole=True)
    elif "path" in found:
        maker.take_exactly(match.field("path").text)
    elif "safe_regex" in found:
        maker.take_expression(f"^(?:{match.field('safe_regex').field('regex').text})$", "a regular expression")


def _read_header(matcher: Cursor, maker: ExampleMaker) -> None:
    name, value = matcher.field("name").text, _value(matcher)
    if name == ":method" and value is not None:
        maker.ask_method(value)
    elif value is None or name.startswith(":"):
        maker.block(f"the header {name}")
    else:
        maker.headers.append((name, value))


def _value(matcher: Cursor) -> str | None:
    """A value that a matcher of a header or a query parameter accepts; None where none follows from it."""
    if matcher.field("invert_match").text in _YES:
        return None
    found = matcher.fields
    if "exact_match" in found:
        return matcher.field("exact_match").text
    string = matcher.field("string_match")
    for field in ("exact", "prefix", "suffix", "contains"):
        if field in string.fields:
            return string.field(field).text
    if matcher.field("present_match").text in _YES:
        return ANY_VALUE
    return ANY_VALUE if set(found) <= {"name"} else None
