"""Reads the names of a service from a `uri`, and makes the canary's `uri`.

Placeholders stay as they are written. Their values are known from their defaults and from the files given only.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.hosts import HOST, Underivable, authority, canary_host, parse_address, refuse_public

_HIDDEN = "\ue000"  # stands for each character of a placeholder while a URI is taken apart
_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*(?::[A-Za-z]+)?)://(?P<user>[^@/?#]*@)?"
    r"(?P<host>\[[^\]]*\]|[^:/?#]*)(?::(?P<port>[^/?#]*))?(?P<rest>.*)",
    re.DOTALL,
)
# The only schemes that a gateway sends to as they are: any other one is a filter's own, which looks the host up.
_PORTS = {"http": "80", "ws": "80", "https": "443", "wss": "443"}
_NOWHERE = frozenset({"forward", "no", "fn", "stream"})  # answered inside the gateway
_DEPTH = 10

Lookup = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Uri:
    """The parts of a `uri` as written; `port` may be empty."""

    scheme: str
    host: str
    port: str
    rest: str

    @property
    def is_balanced(self) -> bool:
        """Whether the host is the id of a service that a load balancer looks up, and not a host name."""
        return self.scheme.lower() not in _PORTS

    @property
    def place(self) -> tuple[str, str]:
        """Host in lower case, and port, which may be the default of its scheme. A name in a registry has no port."""
        port = "" if self.is_balanced else self.port or _PORTS[self.scheme.lower()]
        return self.host.lower(), port

    @property
    def transport(self) -> str:
        """The scheme of the requests to an instance: the part after `lb:`, else http."""
        inner = self.scheme.partition(":")[2] if self.is_balanced else self.scheme
        return inner if inner.lower() in _PORTS else "http"


def resolve_placeholders(value: str, lookup: Lookup, depth: int = _DEPTH) -> str:
    """`value` with the values of its placeholders, as far as files and defaults set them."""
    parts, at = [], 0
    for start, end in _placeholders(value):
        name, colon, default = _default_of(value[start + 2 : end - 1])
        known = lookup(name)
        if known is None and colon:
            known = default
        whole = value[start:end] if known is None or not depth else resolve_placeholders(known, lookup, depth - 1)
        parts += [value[at:start], whole]
        at = end
    return "".join([*parts, value[at:]])


def parse_uri(value: str) -> Uri | None:
    """The parts of a `uri`; None if it has no host, or cannot be read."""
    masked = value
    for start, end in _placeholders(value):
        masked = masked[:start] + _HIDDEN * (end - start) + masked[end:]
    found = _URI.fullmatch(masked)
    if found is None or found["scheme"].lower() in _NOWHERE:
        return None

    def part(name: str) -> str:
        start, end = found.span(name)
        return value[start:end] if start >= 0 else ""

    return Uri(part("scheme"), part("host"), part("port"), part("rest"))


def full_uri(value: str) -> str:
    """A URI with its port, which may be the default of its scheme, in lower case."""
    uri = parse_uri(value)
    return value if uri is None else f"{uri.scheme}://{':'.join(uri.place)}{uri.rest}".lower()


def is_same_place(one: str, other: str) -> bool:
    """Whether requests to two URIs come to the same service."""
    first, second = parse_uri(one), parse_uri(other)
    if first is None or second is None:
        return one == other
    return first.is_balanced == second.is_balanced and first.place == second.place


def is_nowhere(value: str) -> bool:
    """Whether the gateway itself answers for this `uri`."""
    return value.partition(":")[0].lower() in _NOWHERE


def names(value: str, lookup: Lookup) -> tuple[str, ...]:
    """The names of the service behind a `uri`, the best one first."""
    if is_nowhere(value):
        return ()
    found: list[str] = []
    for one in dict.fromkeys((resolve_placeholders(value, lookup), value)):
        uri = parse_uri(one)
        if uri is not None and uri.host:
            found += [uri.host, f"{uri.host}:{uri.port}" if uri.port else uri.host, one]
    return tuple(dict.fromkeys([*found, value]))


def is_service(names_: tuple[str, ...], service: str) -> bool:
    """Whether one of a route's names is `service`; a Service's bare name stands for its full one in a cluster."""
    wanted = service.lower()
    for name in names_:
        host, dot, rest = name.lower().partition(".")
        if wanted == name.lower():
            return True
        if dot and "." not in wanted and host == wanted and rest.split(".")[1:2] in (["svc"], ["svc:"]):
            return True
    return False


def canary_uri(value: str, rule: CanaryRule, lookup: Lookup) -> str:
    """The canary's `uri` for a route with the `uri` `value`. Raises Underivable."""
    if rule.canary_uri:
        return rule.canary_uri
    whole = resolve_placeholders(value, lookup)
    uri = parse_uri(value)
    if uri is None or not uri.host or _placeholders(uri.host):
        uri = parse_uri(whole)
    if uri is None or not uri.host:
        return f"http://{_user_authority(rule, '')}" if rule.canary_host else _unreadable(value)
    if uri.is_balanced and not rule.canary_host:
        raise Underivable(f"{value} is looked up in a registry, which tells no address and no port")
    return f"{uri.transport}://{_authority(uri, rule)}{uri.rest}"


def _unreadable(value: str) -> str:
    raise Underivable(f"{value} does not tell a host" + (" in these files" if "${" in value else ""))


def _authority(uri: Uri, rule: CanaryRule) -> str:
    if rule.canary_host:
        return _user_authority(rule, uri.port)
    host = uri.host
    refuse_public(host)
    first, dot, rest = host.partition(".")
    named = rule.canary != f"{rule.service}-canary"
    if named and rule.service in {host, f"{host}:{uri.port}"}:
        host = rule.canary
    elif named and dot and first == rule.service:
        host = f"{rule.canary}{dot}{rest}"
    else:
        host = canary_host(host)
    if not HOST.fullmatch(host):
        raise Underivable(f"{host!r} is not a host name")
    return f"{host}:{uri.port}" if uri.port else host


def _user_authority(rule: CanaryRule, port: str) -> str:
    """The address that the user gave, with stable's port if it has none."""
    host, own = parse_address(rule.canary_host)
    return authority(host, own or port)


def _placeholders(value: str) -> list[tuple[int, int]]:
    """The outermost `${...}` in a text: the offset of each, and the offset after it."""
    if "${" not in value:
        return []
    found, depth, start, at = [], 0, 0, 0
    while at < len(value):
        if value.startswith("${", at):
            start = start if depth else at
            depth, at = depth + 1, at + 2
            continue
        if value[at] == "}" and depth:
            depth -= 1
            if not depth:
                found.append((start, at + 1))
        at += 1
    return found


def _default_of(inside: str) -> tuple[str, str, str]:
    """A placeholder's name and its default; colons of placeholders within the name do not count."""
    depth = 0
    for at, letter in enumerate(inside):
        if inside.startswith("${", at):
            depth += 1
        elif letter == "}":
            depth -= 1
        elif letter == ":" and not depth:
            return inside[:at], ":", inside[at + 1 :]
    return inside, "", ""
