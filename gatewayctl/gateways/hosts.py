"""The canary's host name, made from stable's by one convention for all gateway products: `NAME` and `NAME-canary`."""

import ipaddress
import re

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")
HOST = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*\.?")
_ADDRESS = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]+)(?::(?P<port>\d{1,5}))?")
_PORTS = range(1, 65536)
# Names of the machine itself: with `-canary` they would name nothing.
_MACHINE = frozenset({"localhost", "host.docker.internal", "host.containers.internal", "gateway.docker.internal"})
_SUFFIX = "-canary"
# Last labels of names that only a private DNS answers.
_PRIVATE = frozenset(
    {"local", "localdomain", "localhost", "internal", "intranet", "private", "corp", "lan", "home", "consul", "test"}
)
# Last labels of a name with two labels that is public all the same: else it is SERVICE.NAMESPACE. Some of the newer
# ones are common names of namespaces (shop, dev, app), so they are not here.
_PUBLIC = frozenset({"com", "net", "org", "edu", "gov", "mil", "int", "info", "biz", "io"})
_SERVICE_LABELS = 2  # SERVICE.NAMESPACE


class Underivable(Exception):
    """The reason why no canary name can be made from a host."""


def canary_host(host: str) -> str:
    """`orders.shop.svc` becomes `orders-canary.shop.svc`. Raises Underivable, also for a public host name."""
    if is_ip(host):
        raise Underivable(f"{host} is an IP address")
    if host.lower().rstrip(".") in _MACHINE:
        raise Underivable(f"{host} is the machine itself")
    if "$" in host or "{" in host or "%" in host or "@" in host:
        raise Underivable(f"{host} is a placeholder")
    if not HOST.fullmatch(host):
        raise Underivable(f"{host!r} is not a host name")
    refuse_public(host)
    first, dot, rest = host.partition(".")
    if len(first) + len(_SUFFIX) > 63:
        raise Underivable(f"{first}{_SUFFIX} is longer than a DNS label may be")
    return f"{first}{_SUFFIX}{dot}{rest}"


def refuse_public(host: str) -> None:
    """Raise Underivable for a public host name: the canary's would be a name that belongs to nobody, or to others."""
    labels = host.lower().rstrip(".").split(".")
    is_service = len(labels) > _SERVICE_LABELS and labels[_SERVICE_LABELS] == "svc"
    is_short = len(labels) == 1 or (len(labels) == _SERVICE_LABELS and labels[-1] not in _PUBLIC)
    if not (is_service or is_short or labels[-1] in _PRIVATE):
        raise Underivable(f"{host} is a public host name, and no name in a cluster")


def parse_address(given: str) -> tuple[str, str]:
    """The host and the port of `HOST[:PORT]`: an IPv6 address without brackets, no port as "". Raises Underivable."""
    match = _ADDRESS.fullmatch(f"[{given}]" if ":" in given and is_ip(given) else given)
    host, port = (match["host"], match["port"] or "") if match else ("", "")
    bare = host.strip("[]")
    if not (HOST.fullmatch(host) or is_ip(bare)) or (port and int(port) not in _PORTS):
        raise Underivable(f"{given!r} is neither a host name nor an address, with or without a port")
    return bare, port


def authority(host: str, port: str) -> str:
    """Host and port as a URL spells them: an IPv6 address in brackets, no colon without a port."""
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name


def is_ip(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
