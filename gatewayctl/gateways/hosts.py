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


class Underivable(Exception):
    """The reason why no canary name can be made from a host."""


def canary_host(host: str) -> str:
    """`orders.shop.svc` becomes `orders-canary.shop.svc`. Raises Underivable."""
    if is_ip(host):
        raise Underivable(f"{host} is an IP address")
    if host.lower().rstrip(".") in _MACHINE:
        raise Underivable(f"{host} is the machine itself")
    if "$" in host or "{" in host or "%" in host or "@" in host:
        raise Underivable(f"{host} is a placeholder")
    if not HOST.fullmatch(host):
        raise Underivable(f"{host!r} is not a host name")
    first, dot, rest = host.partition(".")
    if len(first) + len(_SUFFIX) > 63:
        raise Underivable(f"{first}{_SUFFIX} is longer than a DNS label may be")
    return f"{first}{_SUFFIX}{dot}{rest}"


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
