"""Locations and canary rules as they are shown to people."""

from collections.abc import Iterator

from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.markers import find_owned
from gatewayctl.gateways.nginx.proxy_pass import ProxyPass
from gatewayctl.gateways.nginx.tree import ConfigText, Directive


def describe_pass(config: Config, one: ProxyPass) -> RouteView:
    """One pass that is not part of a canary rule."""
    hosts = dict.fromkeys(target.address.host for target in one.targets)
    server, location = _server_and_location(config, one.directive)
    return RouteView(one.directive.text.fragment.file, one.directive.line, server, location, " ".join(hosts))


def describe_canary_rules(config: Config) -> list[RouteView]:
    """The canary rules of every application, and their shares."""
    return [view for text in config.texts for view in _canary_rules_in(config, text)]


def _canary_rules_in(config: Config, text: ConfigText) -> Iterator[RouteView]:
    for block in find_owned(text):
        if block.target:
            first = next((one for one in text.walk() if block.start <= one.start < block.end), None)
            server, location = _server_and_location(config, first) if first is not None else ("", "")
            line = text.line(block.comment)
            yield RouteView(
                text.fragment.file, line, server, location, block.target, block.name, block.header, block.share
            )


def _server_and_location(config: Config, one: Directive) -> tuple[str, str]:
    """The names (else the addresses) of the server around a directive, and the location with the blocks in it."""
    server, blocks = "", []
    for block in config.blocks_around(one):
        if block.name == "server":
            server = _name_server(config, block)
            break
        if block.name in {"location", "if", "limit_except"}:
            blocks.append(" ".join((block.name, *block.args)))
    return server, " ".join(blocks[::-1])


def _name_server(config: Config, server: Directive) -> str:
    children = config.children_of(server)
    names = [child for child in children if child.name == "server_name"]
    shown = names or [child for child in children if child.name == "listen"]
    return " ".join(shown[0].values[:2]) if shown else "server"
