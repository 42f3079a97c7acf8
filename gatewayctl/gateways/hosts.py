"""The canary's host name, derived from stable's by the naming convention that every gateway product shares."""

import ipaddress
import re

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")
HOST = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*\.?")
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


def is_ip(host: str) -> bool:
    """Whether a host is an address already."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
