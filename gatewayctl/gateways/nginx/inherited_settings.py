"""What shapes a request on its way, kept for the canary: Host, TLS name, response headers, what mixes answers.

An `if` inherits its location's settings. Three things it does not: a default made from stable's own address, the
list of response headers once it adds one, and the key under which answers are cached.
"""

from dataclasses import dataclass

from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.proxy_pass import Choice, Pass
from gatewayctl.gateways.nginx.tree import Directive


@dataclass(frozen=True, slots=True)
class Shape:
    """Lines for the location that change nothing for stable, and what could not be kept."""

    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def shape(config: Config, one: Pass, choice: Choice, rule: CanaryRule) -> Shape:
    """What the location has to say so that canary and stable get the same request. Raises Refused."""
    _refuse_mixed_cache(config, one, rule)
    host, tls = _host(config, one, choice), _tls_name(config, one, choice)
    return Shape((*host.lines, *tls.lines), (*host.notes, *tls.notes))


def written(one: Directive) -> str:
    """A directive on one line, in its own words."""
    return f"{' '.join((one.name, *one.args))};"


def response_headers(config: Config, beside: Directive, rule: CanaryRule) -> tuple[str, ...]:
    """The headers in effect beside a directive and the stamp: one that is added takes away all that are inherited."""
    found = config.inherited(beside, "add_header").found
    return (*(written(one) for one in found), f"add_header {STAMP_HEADER} {rule.stamp} always;")


def header_note(config: Config, one: Pass) -> str:
    """What is said where headers may come from a file that is not there."""
    if config.inherited(one.directive, "add_header").known:
        return ""
    return _at(one, "response headers that a file not given may add would be missing from the canary's answers")


def _host(config: Config, one: Pass, choice: Choice) -> Shape:
    name = f"{one.module}_set_header"
    headers = config.inherited(one.directive, name)
    if any(header.values[:1] and header.values[0].lower() == "host" for header in headers.found):
        return Shape()
    container = one.container
    address = choice.address
    whole = one.url.host.startswith("$") and not one.url.scheme
    settled = container is not None and container.name == "location"
    if not headers.known or container is None or not settled or whole or _hands_down(config, container):
        return Shape(
            notes=(_at(one, "no Host header is set here that is known: the canary sees its own address as Host"),)
        )
    value = address.authority if not one.variable else one.url.authority
    inherited = [] if any(config.parent(header) is container for header in headers.found) else headers.found
    return Shape((*(written(header) for header in inherited), f"{name} Host {value};"))


def _hands_down(config: Config, location: Directive) -> bool:
    """Whether something inside a location proxies too, with the headers of the location."""
    inside = config.level(location)
    return any(
        one.name == "location"
        or (one.name == "if" and any(child.name.endswith("_pass") for child in one.children or ()))
        for one in inside
    )


def _tls_name(config: Config, one: Pass, choice: Choice) -> Shape:
    if choice.address.scheme not in {"https", "grpcs"}:
        return Shape()
    names = config.inherited(one.directive, f"{one.module}_ssl_name")
    if names.found:
        return Shape()
    checks = [config.inherited(one.directive, f"{one.module}_ssl_{what}") for what in ("server_name", "verify")]
    if any(check.found and check.found[-1].values == ("on",) for check in checks):
        host = choice.address.host if not one.variable else one.url.host
        if names.known and one.container is not None and one.container.name == "location":
            return Shape((f"{one.module}_ssl_name {host};",))
        return Shape(notes=(_at(one, "the canary's TLS name is its own address"),))
    return Shape()


def _refuse_mixed_cache(config: Config, one: Pass, rule: CanaryRule) -> None:
    caches = config.inherited(one.directive, "proxy_cache").found
    if one.module != "proxy" or not caches or caches[-1].values == ("off",):
        return
    keys = config.inherited(one.directive, "proxy_cache_key").found
    if not keys:
        return  # the key that nginx uses by itself holds the address asked
    key = " ".join(keys[-1].values)
    marks = ("proxy_host", "upstream_addr", f"http_{rule.header.name.replace('-', '_')}")
    if not any(mark in key for mark in marks):
        raise keys[-1].refused(
            "answers are cached under a key that is the same for stable and canary: each would get the other's",
            hint="put $proxy_host into proxy_cache_key",
        )


def _at(one: Pass, text: str) -> str:
    return f"{one.directive.text.unit.file}:{one.directive.line}: {text}"
