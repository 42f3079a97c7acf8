"""The canary's host name, derived from stable's by the naming convention that every gateway product shares."""

import ipaddress
import re

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")
HOST = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*\.?")
_GIVEN = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]+)(?::(?P<port>\d{1,5}))?")
_PORTS = range(1, 65536)
# Names of the machine itself: with `-canary` they name nothing.
_MACHINE = frozenset({"localhost", "host.docker.internal", "host.containers.internal", "gateway.docker.internal"})
_SUFFIX = "-canary"


class Underivable(Exception):
    """Why a host has no canary name that follows from it."""


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


def given_address(given: str) -> tuple[str, str]:
    """The host (an IPv6 address without its brackets) and the port, or none, of `HOST[:PORT]`. Raises Underivable."""
    found = _GIVEN.fullmatch(f"[{given}]" if ":" in given and is_ip(given) else given)
    host, port = (found["host"], found["port"] or "") if found else ("", "")
    bare = host.strip("[]")
    if not (HOST.fullmatch(host) or is_ip(bare)) or (port and int(port) not in _PORTS):
        raise Underivable(f"{given!r} is neither a host name nor an address, with or without a port")
    return bare, port


def authority(host: str, port: str) -> str:
    """Both as a URL has them: an IPv6 address in brackets, no colon without a port."""
    written = f"[{host}]" if ":" in host else host
    return f"{written}:{port}" if port else written


def is_ip(host: str) -> bool:
    """Whether a host is an address already."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
