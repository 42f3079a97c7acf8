"""What shapes a request on its way, kept for the canary: Host, TLS name, response headers, what mixes answers.

An `if` inherits its location's settings. Three things it does not: a default made from stable's own address, the
list of response headers once it adds one, and the key under which answers are cached.
"""

from dataclasses import dataclass

from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.proxy_pass import PassTarget, ProxyPass
from gatewayctl.gateways.nginx.tree import Directive


@dataclass(frozen=True, slots=True)
class KeptSettings:
    """Lines for the location that change nothing for stable, and what could not be kept."""

    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def keep_settings(config: Config, one: ProxyPass, choice: PassTarget, rule: CanaryRule) -> KeptSettings:
    """What the location has to say so that canary and stable get the same request. Raises Refused."""
    _refuse_mixed_cache(config, one, rule)
    host, tls = _host(config, one, choice), _tls_name(config, one, choice)
    return KeptSettings((*host.lines, *tls.lines), (*host.notes, *tls.notes))


def as_line(one: Directive) -> str:
    """A directive on one line, in its own words."""
    return f"{' '.join((one.name, *one.args))};"


def response_headers(config: Config, beside: Directive, rule: CanaryRule) -> tuple[str, ...]:
    """The headers in effect beside a directive and the stamp: one that is added takes away all that are inherited."""
    found = config.find_inherited(beside, "add_header").found
    return (*(as_line(one) for one in found), f"add_header {STAMP_HEADER} {rule.stamp} always;")


def header_note(config: Config, one: ProxyPass) -> str:
    """What is said where headers may come from a file that is not there."""
    if config.find_inherited(one.directive, "add_header").known:
        return ""
    return _at(one, "response headers that a file not given may add would be missing from the canary's answers")


def _host(config: Config, one: ProxyPass, choice: PassTarget) -> KeptSettings:
    name = f"{one.module}_set_header"
    headers = config.find_inherited(one.directive, name)
    if any(header.values[:1] and header.values[0].lower() == "host" for header in headers.found):
        return KeptSettings()
    container = one.container
    address = choice.address
    whole = one.url.host.startswith("$") and not one.url.scheme
    settled = container is not None and container.name == "location"
    if not headers.known or container is None or not settled or whole or _hands_down(config, container):
        return KeptSettings(
            notes=(_at(one, "no Host header is set here that is known: the canary sees its own address as Host"),)
        )
    value = address.authority if not one.variable else one.url.authority
    inherited = [] if any(config.parent_of(header) is container for header in headers.found) else headers.found
    return KeptSettings((*(as_line(header) for header in inherited), f"{name} Host {value};"))


def _hands_down(config: Config, location: Directive) -> bool:
    """Whether something inside a location proxies too, with the headers of the location."""
    inside = config.children_of(location)
    return any(
        one.name == "location"
        or (one.name == "if" and any(child.name.endswith("_pass") for child in one.children or ()))
        for one in inside
    )


def _tls_name(config: Config, one: ProxyPass, choice: PassTarget) -> KeptSettings:
    if choice.address.scheme not in {"https", "grpcs"}:
        return KeptSettings()
    names = config.find_inherited(one.directive, f"{one.module}_ssl_name")
    if names.found:
        return KeptSettings()
    checks = [config.find_inherited(one.directive, f"{one.module}_ssl_{what}") for what in ("server_name", "verify")]
    if any(check.found and check.found[-1].values == ("on",) for check in checks):
        host = choice.address.host if not one.variable else one.url.host
        if names.known and one.container is not None and one.container.name == "location":
            return KeptSettings((f"{one.module}_ssl_name {host};",))
        return KeptSettings(notes=(_at(one, "the canary's TLS name is its own address"),))
    return KeptSettings()


def _refuse_mixed_cache(config: Config, one: ProxyPass, rule: CanaryRule) -> None:
    caches = config.find_inherited(one.directive, "proxy_cache").found
    if one.module != "proxy" or not caches or caches[-1].values == ("off",):
        return
    keys = config.find_inherited(one.directive, "proxy_cache_key").found
    if not keys:
        return  # the key that nginx uses by itself holds the address asked
    key = " ".join(keys[-1].values)
    marks = ("proxy_host", "upstream_addr", f"http_{rule.header.name.replace('-', '_')}")
    if not any(mark in key for mark in marks):
        raise keys[-1].refusal(
            "answers are cached under a key that is the same for stable and canary: each would get the other's",
            hint="put $proxy_host into proxy_cache_key",
        )


def _at(one: ProxyPass, text: str) -> str:
    return f"{one.directive.text.unit.file}:{one.directive.line}: {text}"
