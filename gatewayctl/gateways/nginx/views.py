"""Locations and canary rules as a person would describe them."""

from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.markers import find_owned
from gatewayctl.gateways.nginx.proxy_pass import ProxyPass
from gatewayctl.gateways.nginx.tree import Directive


def describe_pass(config: Config, one: ProxyPass) -> RouteView:
    """One pass of a person."""
    hosts = dict.fromkeys(choice.address.host for choice in one.choices)
    place, match = _where(config, one.directive)
    unit = one.directive.text.unit
    return RouteView(unit.file, one.directive.line, place, match, " ".join(hosts))


def describe_canary_rules(config: Config) -> list[RouteView]:
    """Every canary rule, of any application."""
    found = []
    for text in config.texts:
        pieces = [piece for piece in find_owned(text) if piece.target]
        if not pieces:
            continue
        firsts = {
            piece.start: next((d for d in text.walk() if piece.start <= d.start < piece.end), None) for piece in pieces
        }
        for piece in pieces:
            first = firsts[piece.start]
            place, match = _where(config, first) if first is not None else ("", "")
            line = text.line(piece.comment)
            found.append(RouteView(text.unit.file, line, place, match, piece.target, piece.name, piece.header))
    return found


def _where(config: Config, one: Directive) -> tuple[str, str]:
    """The server, and the location with what is inside it."""
    place, words = "", []
    for block in config.blocks_around(one):
        if block.name == "server":
            names = [child for child in config.children_of(block) if child.name == "server_name"]
            listens = [child for child in config.children_of(block) if child.name == "listen"]
            told = names or listens
            place = " ".join(told[0].values[:2]) if told else "server"
            break
        if block.name in {"location", "if", "limit_except"}:
            words.append(" ".join((block.name, *block.args)))
    return place, " ".join(words[::-1])
