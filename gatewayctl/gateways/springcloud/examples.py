"""The example request of a route, from its predicates."""

import re

from gatewayctl.domain.routing import Example
from gatewayctl.gateways.examples import ANY_VALUE, ExampleMaker
from gatewayctl.gateways.springcloud.routes import PredicateOrFilter, SpringRoute

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")  # an expression that is only the value it matches (a dot matches itself, too)
_VARIABLE = re.compile(r"\{\w+\}")
_REST = re.compile(r"/(\*\*|\{\*\w+\})$")  # any number of segments, at the end
_FILLED = "1"  # for one segment, or a part of one, of which any text will do


def example_of(route: SpringRoute) -> Example:
    """A request that `route` takes."""
    maker = ExampleMaker()
    for predicate in route.definitions("predicates"):
        _read_predicate(predicate, maker)
    return maker.example()


def _read_predicate(predicate: PredicateOrFilter, maker: ExampleMaker) -> None:
    match predicate.name:
        case "Path":
            _read_path(predicate.arguments, maker)
        case "Host":
            maker.hosts = tuple(one.replace("**", "*") for one in predicate.arguments)
            if any("{" in one for one in maker.hosts):
                maker.block("a pattern of hosts")
        case "Method":
            maker.ask_method(*predicate.arguments)
        case "Header" | "Query" | "Cookie":
            _read_value(predicate, maker)
        case name:
            maker.block(f"the predicate {name}")


def _read_path(arguments: tuple[str, ...], maker: ExampleMaker) -> None:
    """The first pattern; `*`, `?` and variables are filled in, and `/**` also stands for nothing."""
    pattern = next((one for one in arguments if one.startswith("/")), "")
    filled = _VARIABLE.sub(_FILLED, _REST.sub("", pattern) or "/")
    path = filled.replace("*", _FILLED).replace("?", _FILLED)
    if not pattern or "**" in filled or re.search(r"[{}$]", path):
        maker.block(f"the pattern {', '.join(arguments)}")
        return
    maker.path, maker.taken = path, f"^{_expression(pattern)}$"


def _expression(pattern: str) -> str:
    """A path pattern as a regular expression."""
    whole, cut = _REST.subn("", pattern)
    found = re.escape(_VARIABLE.sub("*", whole))
    return found.replace(r"\*", "[^/]*").replace(r"\?", "[^/]") + ("(/.*)?" if cut else "")


def _read_value(predicate: PredicateOrFilter, maker: ExampleMaker) -> None:
    name, *rest = predicate.arguments or ("",)
    if rest and not _PLAIN.fullmatch(rest[0]):
        maker.block(f"the {predicate.name.lower()} {name} is an expression")
        return
    value = rest[0] if rest else ANY_VALUE
    if predicate.name == "Query":
        maker.query.append((name, value))
    else:
        maker.headers.append((name, value) if predicate.name == "Header" else ("cookie", f"{name}={value}"))
