"""The addresses of the gateway: its public name, its replicas, and which replica is the next."""

import contextlib
import itertools
import socket
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from gatewayctl.domain.smoke import GatewayEndpoints

Address = tuple[str, int]

# What the public name resolves to, by address family. Nothing uses these addresses, and nobody really connects to them.
_STAND_INS = {socket.AF_INET: "127.83.71.67", socket.AF_INET6: "fd83:7167::1"}
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

_chosen: ContextVar[str] = ContextVar("gatewayctl_replica", default="")


@contextlib.contextmanager
def led_to(url: str) -> Iterator[None]:
    """Connections that this thread, task or greenlet makes inside the block go to the replica at `url`."""
    token = _chosen.set(url)
    try:
        yield
    finally:
        _chosen.reset(token)


def address_of(url: str) -> Address:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return plain_host(parts.hostname), parts.port or _PORTS.get(parts.scheme, 0)


def plain_host(host: object) -> str:
    """A host name in the one form that is compared."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("latin-1")
    return str(host or "").strip("[]").rstrip(".").lower()


def port_number(port: object) -> int:
    """A port as a number: 0 for none, -1 for a name that is not known."""
    text = port.decode("latin-1") if isinstance(port, bytes) else str(port or 0)
    return int(text) if text.isdigit() else _PORTS.get(text, -1)


class GatewayAddress:
    """Tells what is the gateway's address, and to which replica a connection goes."""

    def __init__(self, endpoints: GatewayEndpoints) -> None:
        self._replicas = {address_of(url): url for url in endpoints.urls}
        self._next_url = itertools.cycle(endpoints.urls)
        self.public = address_of(endpoints.base_url)
        # Without a usable public name the base URL is the first replica's own.
        self.has_name = self.public not in self._replicas
        self._next = {
            family: itertools.cycle(addresses)
            for family in _STAND_INS
            if (addresses := [one for one in self._replicas if _family(one[0]) == family])
        }
        # A socket that does not block may ask to be connected several times; it must get the same replica each time.
        self._led: weakref.WeakKeyDictionary[Any, Address] = weakref.WeakKeyDictionary()

    def is_gateway(self, host: object, port: object) -> bool:
        """Whether host and port are the public ones, or those of a replica."""
        address = plain_host(host), port_number(port)
        return address == self.public or address in self._replicas

    def is_public(self, host: object, port: object) -> bool:
        """Whether these are the public name and its port, or the public name without a port."""
        return self.has_name and plain_host(host) == self.public[0] and port_number(port) in (0, self.public[1])

    def is_left(self, host: object, port: object) -> bool:
        """Whether these are the public name and a port of the web at which the gateway is not."""
        number = port_number(port)
        return self.has_name and plain_host(host) == self.public[0] and number in {80, 443} - {self.public[1]}

    def stand_ins(self, family: int) -> list[tuple[socket.AddressFamily, str]]:
        """What the public name resolves to. Raises socket.gaierror if no replica has an address of this family."""
        found = [(one, _STAND_INS[one]) for one in self._next if family in (0, one)]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no replica of the gateway has an address of this family")
        return found

    def is_stand_in(self, host: object) -> bool:
        """Whether a host is what the public name resolves to."""
        return plain_host(host) in _STAND_INS.values()

    def replica_for(self, sock: Any) -> Address | None:
        """Where a socket that is to connect to the public name connects: the chosen replica, else the next one."""
        if sock not in self._led and sock.family in self._next:
            chosen = _chosen.get()
            self._led[sock] = address_of(chosen) if chosen else next(self._next[sock.family])
        return self._led.get(sock)

    def is_replica_host(self, host: object) -> bool:
        """Whether a host is the address of a replica, at whatever port."""
        return plain_host(host) in {one for one, _ in self._replicas}

    def next_url(self) -> str:
        """The URL of the replica for a client that connects by other means than Python's sockets."""
        return _chosen.get() or next(self._next_url)

    def url_of(self, host: object, port: object) -> str:
        """The URL of the replica with this address; empty for other addresses."""
        return self._replicas.get((plain_host(host), port_number(port)), "")


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        return socket.AF_INET
