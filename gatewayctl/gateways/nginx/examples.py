"""The example request of a location, from its argument and the names of its server."""

from gatewayctl.domain.routing import Example
from gatewayctl.gateways.examples import ExampleMaker
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.proxy_pass import ProxyPass
from gatewayctl.gateways.nginx.tree import Directive

_CATCH_ALL = frozenset({"", "_", "$hostname"})
_METHODS = "limit_except"


def example_of(config: Config, one: ProxyPass) -> Example:
    """A request that comes to this pass."""
    maker = ExampleMaker()
    location: Directive | None = None
    for block in config.blocks_around(one.directive):
        if block.name == "server":
            maker.hosts = _names(config, block)
            break
        if block.name == "location":
            location = location or block
        elif block.name == "if" and location is None:
            maker.block("an `if` decides")
        elif block.name == _METHODS:
            maker.block("limit_except decides")
    if location is None:
        maker.block("the files do not show its location")
    else:
        _read_location(location, maker)
    return maker.example()


def _read_location(location: Directive, maker: ExampleMaker) -> None:
    *modifier, path = location.values or ("",)
    match modifier:
        case ["="]:
            maker.take_exactly(path)
        case ["~"]:
            maker.take_expression(path, "a regular expression")
        case ["~*"]:
            maker.take_expression(f"(?i){path}", "a regular expression")
        case _ if path.startswith("@"):
            maker.block("a named location: other locations decide")
        case _ if path.startswith("~"):  # the modifier may stand beside the expression, without a blank
            expression = path.lstrip("~*^ ")
            maker.take_expression(expression, "a regular expression")
        case _:
            maker.take_prefix(path)


def _names(config: Config, server: Directive) -> tuple[str, ...]:
    """The names of a server; none where it takes requests for every host."""
    names = [name for one in config.children_of(server) if one.name == "server_name" for name in one.values]
    return () if any(name in _CATCH_ALL for name in names) else tuple(names)
