"""Settings that the canary's `if` would lose, kept: the Host header, the TLS name, response headers, the cache key.

An `if` inherits its location's settings, with three exceptions: a default that nginx makes from stable's own address,
the list of response headers once the `if` adds one, and a cache key that does not tell stable from canary.
"""

from dataclasses import dataclass

from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.nginx.includes import Config, Inherited
from gatewayctl.gateways.nginx.notes import Note
from gatewayctl.gateways.nginx.proxy_pass import PassTarget, ProxyPass
from gatewayctl.gateways.nginx.tree import Directive


@dataclass(frozen=True, slots=True)
class KeptSettings:
    """Lines for the location that change nothing for stable, and notes on what could not be kept."""

    lines: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def keep_settings(config: Config, one: ProxyPass, target: PassTarget, rule: CanaryRule) -> KeptSettings:
    """What the location needs so that canary and stable get the same request. Raises Refused."""
    _refuse_shared_cache_key(config, one, rule)
    host, tls = _keep_host(config, one, target), _keep_tls_name(config, one, target)
    return KeptSettings((*host.lines, *tls.lines), (*host.notes, *tls.notes))


def as_line(one: Directive) -> str:
    """A directive on one line, its arguments as written."""
    return f"{' '.join((one.name, *one.args))};"


def response_headers(config: Config, beside: Directive, rule: CanaryRule) -> tuple[str, ...]:
    """`add_header` lines: those in effect beside a directive, then the stamp.

    The first ones are copied because an `add_header` in a block replaces all that the block inherits.
    """
    found = config.find_inherited(beside, "add_header").found
    return (*(as_line(one) for one in found), f"add_header {STAMP_HEADER} {rule.stamp} always;")


def header_note(config: Config, one: ProxyPass) -> Note | None:
    """A note where response headers may come from a file that was not given."""
    if config.find_inherited(one.directive, "add_header").known:
        return None
    return Note.at(
        one.directive, "response headers that a file not given may add would be missing from the canary's answers"
    )


def _keep_host(config: Config, one: ProxyPass, target: PassTarget) -> KeptSettings:
    """The Host header that nginx makes by default from stable's address, written out for the whole location."""
    name = f"{one.module}_set_header"
    headers = config.find_inherited(one.directive, name)
    if any(header.values[:1] and header.values[0].lower() == "host" for header in headers.found):
        return KeptSettings()
    if not headers.known or not _may_set_host(config, one):
        return KeptSettings(
            notes=(
                Note.at(
                    one.directive, "no Host header is set here that is known: the canary sees its own address as Host"
                ),
            )
        )
    host = target.address.authority if not one.variable else one.url.authority
    return KeptSettings((*_copy_headers(config, one, headers), f"{name} Host {host};"))


def _may_set_host(config: Config, one: ProxyPass) -> bool:
    """Whether a Host header set in the pass's location is the same as nginx's default, for all that inherit it."""
    argument_is_variable = one.url.host.startswith("$") and not one.url.scheme
    location = one.container
    if location is None or location.name != "location" or argument_is_variable:
        return False
    return not _has_other_passes(config, location)


def _copy_headers(config: Config, one: ProxyPass, headers: Inherited) -> list[str]:
    """The inherited header lines, which a header set in the location would replace; none if it has its own list."""
    if any(config.parent_of(header) is one.container for header in headers.found):
        return []
    return [as_line(header) for header in headers.found]


def _has_other_passes(config: Config, location: Directive) -> bool:
    """Whether a block in a location may proxy too, with the headers that it inherits from the location."""
    return any(one.name == "location" or (one.name == "if" and _has_pass(one)) for one in config.children_of(location))


def _has_pass(block: Directive) -> bool:
    return any(child.name.endswith("_pass") for child in block.children or ())


def _keep_tls_name(config: Config, one: ProxyPass, target: PassTarget) -> KeptSettings:
    """The name that nginx sends or verifies by default, which is stable's host, written out for the location."""
    if target.address.scheme not in {"https", "grpcs"}:
        return KeptSettings()
    names = config.find_inherited(one.directive, f"{one.module}_ssl_name")
    if names.found or not _uses_tls_name(config, one):
        return KeptSettings()
    if names.known and one.container is not None and one.container.name == "location":
        host = target.address.host if not one.variable else one.url.host
        return KeptSettings((f"{one.module}_ssl_name {host};",))
    return KeptSettings(notes=(Note.at(one.directive, "the canary's TLS name is its own address"),))


def _uses_tls_name(config: Config, one: ProxyPass) -> bool:
    settings = [config.find_inherited(one.directive, f"{one.module}_ssl_{what}") for what in ("server_name", "verify")]
    return any(setting.found and setting.found[-1].values == ("on",) for setting in settings)


def _refuse_shared_cache_key(config: Config, one: ProxyPass, rule: CanaryRule) -> None:
    caches = config.find_inherited(one.directive, "proxy_cache").found
    if one.module != "proxy" or not caches or caches[-1].values == ("off",):
        return
    keys = config.find_inherited(one.directive, "proxy_cache_key").found
    if not keys:
        return  # nginx's default key contains the address of the upstream
    key = " ".join(keys[-1].values)
    header = f"http_{rule.header.name.replace('-', '_')}"
    # Requests of a share do not carry the header.
    distinguishing = ("proxy_host", "upstream_addr", *(() if rule.share else (header,)))
    if not any(variable in key for variable in distinguishing):
        raise keys[-1].refusal(
            "answers are cached under a key that is the same for stable and canary: each would get the other's",
            hint="put $proxy_host into proxy_cache_key",
        )
