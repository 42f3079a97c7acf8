"""What a service registry (Nacos, Eureka, the gateway's own discovery) has under a name. lb://NAME sends there."""

import re
from dataclasses import dataclass

from gatewayctl.domain.bounds import shorten

_SHOWN = 5  # instances that are named in a text
_END_OF_HOST = re.compile("[:/?#]")
_ADDRESSED = frozenset({"http", "https", "ws", "wss"})


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registry has under one name.

    `found` is whether requests to the name have somewhere to go, as far as the registry can tell. `instances` are the
    addresses that get them, as `host:port`; empty where a registry tells names only. `detail` says it in words.
    """

    found: bool
    instances: tuple[str, ...] = ()
    detail: str = ""


def of_instances(used: tuple[str, ...], unused: tuple[str, ...] = ()) -> Registered:
    """The instances of a name: addresses that get requests, and texts about those that get none."""
    count = len(used)
    told = f"{count} instance{'s' if count != 1 else ''}: {_some(used)}" if used else "no instance gets requests"
    if unused:
        told += f"; not used: {_some(unused)}"
    return Registered(bool(used), used, shorten(" ".join(told.split()) if used or unused else "no instance"))


def _some(texts: tuple[str, ...]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def registered_name(uri: str) -> str:
    """The name in a registry that a `uri` has as its host; empty where the host is an address."""
    scheme, mark, rest = uri.partition("://")
    if not mark or scheme.lower() in _ADDRESSED:
        return ""
    return _END_OF_HOST.split(rest, maxsplit=1)[0]


def shared_instances(one: Registered, other: Registered) -> tuple[str, ...]:
    """The addresses that are registered under both names."""
    return tuple(address for address in one.instances if address in other.instances)
