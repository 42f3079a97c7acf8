"""Leads each connection to the gateway's public name to one of its replicas, as `curl --resolve` does.

So a client keeps the public URL: its cookies, redirects and certificates are those of the public name, wherever that
name points, and also if it does not resolve at all. Two hooks do it, for every library that uses Python's sockets or
gevent's: the name resolves to an address that nothing uses, and a connection to that address is made to a replica in
its place. They stay until the process ends.
"""

import errno
import functools
import socket
from collections.abc import Callable
from typing import Any

from gatewayctl.child_process.gateway_address import GatewayAddress, port_number
from gatewayctl.child_process.on_import import Wrappers, patch_on_import
from gatewayctl.child_process.trust import trust
from gatewayctl.domain.smoke import GatewayEndpoints

Seen = Callable[[Any, str], None]
Left = Callable[[str, int], None]

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)
_REST_OF_ADDRESS = {socket.AF_INET: (), socket.AF_INET6: (0, 0)}


def lead(
    endpoints: GatewayEndpoints,
    seen: Seen = lambda _socket, _url: None,
    left: Left = lambda _host, _port: None,
) -> GatewayAddress:
    """From now on, lead connections.

    `seen` gets each socket that connects to the gateway, and its replica's URL. `left` is called when a client looks up
    the public name for a port of the web that is not the gateway's, as after a redirect from http to https.
    """
    address = GatewayAddress(endpoints)
    hooks = _Hooks(address, seen, left)
    hooks.install(socket)
    # gevent has functions and sockets of its own, and puts them into Python's module when it patches that.
    patch_on_import({"gevent.socket": hooks.install, "aiohttp.resolver": functools.partial(_patch_aiohttp, address)})
    trust(endpoints.tls, address)
    return address


class _Hooks:
    """Wraps the functions of a module that resolve names, and the methods of its sockets that connect them."""

    def __init__(self, address: GatewayAddress, seen: Seen, left: Left) -> None:
        self._address = address
        self._seen = seen
        self._left = left
        self._wrappers = Wrappers()
        self._resolve_really: Callable[..., Any] = socket.getaddrinfo

    def install(self, module: Any) -> None:
        """Wrap what a module has of them."""
        for holder, name, wrap in (
            (module, "getaddrinfo", self._getaddrinfo),
            (module, "gethostbyname", self._gethostbyname),
            (module, "gethostbyname_ex", self._gethostbyname_ex),
            (module.socket, "connect", self._connect),
            (module.socket, "connect_ex", self._connect_ex),
        ):
            self._wrappers.wrap(holder, name, wrap)

    def _getaddrinfo(self, real: Any) -> Any:
        self._resolve_really = real

        def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002
            if type not in (0, socket.SOCK_STREAM) or not self._address.is_public(host, port):
                if self._address.is_left(host, port):
                    self._left(self._address.public[0], port_number(port))
                return real(host, port, family, type, proto, flags)
            name = self._address.public[0] if flags & socket.AI_CANONNAME else ""
            kind = socket.SOCK_STREAM, socket.IPPROTO_TCP, name
            return [
                (found, *kind, (stand_in, port_number(port), *_REST_OF_ADDRESS[found]))
                for found, stand_in in self._address.stand_ins(family)
            ]

        return getaddrinfo

    def _gethostbyname(self, real: Any) -> Any:
        def gethostbyname(host: Any) -> Any:
            return self._stand_in() if self._address.is_public(host, 0) else real(host)

        return gethostbyname

    def _gethostbyname_ex(self, real: Any) -> Any:
        def gethostbyname_ex(host: Any) -> Any:
            return (str(host), [], [self._stand_in()]) if self._address.is_public(host, 0) else real(host)

        return gethostbyname_ex

    def _stand_in(self) -> str:
        return self._address.stand_ins(socket.AF_INET)[0][1]

    def _connect(self, real: Any) -> Any:
        def connect(sock: Any, address: Any) -> Any:
            target = self._target(sock, address)
            try:
                result = real(sock, target)
            except BlockingIOError:
                self._tell(sock, target)  # it goes on connecting
                raise
            self._tell(sock, target)
            return result

        return connect

    def _connect_ex(self, real: Any) -> Any:
        def connect_ex(sock: Any, address: Any) -> Any:
            target = self._target(sock, address)
            code = real(sock, target)
            if code in _UNDER_WAY:
                self._tell(sock, target)
            return code

        return connect_ex

    def _target(self, sock: Any, address: Any) -> Any:
        """Where a socket that is to connect to `address` really connects."""
        if not _is_tcp(sock):
            return address
        host, port = address[0], address[1]
        stands_in = self._address.is_stand_in(host)
        if port != self._address.public[1]:
            # The name was resolved without a port, and this is another port of it.
            return self._resolve_really(self._address.public[0], port, sock.family)[0][4] if stands_in else address
        if stands_in or self._address.is_public(host, port):
            return self._address.replica_for(sock) or address
        return address

    def _tell(self, sock: Any, target: Any) -> None:
        url = self._address.url_of(target[0], target[1]) if _is_tcp(sock) else ""
        if url:
            self._seen(sock, url)


def _is_tcp(sock: Any) -> bool:
    return sock.type == socket.SOCK_STREAM and sock.family in _REST_OF_ADDRESS


def _patch_aiohttp(address: GatewayAddress, resolver: Any) -> None:
    """With aiodns installed, aiohttp asks a DNS server itself."""
    real = resolver.AsyncResolver.resolve

    @functools.wraps(real)
    async def resolve(self: Any, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
        if not address.is_public(host, port):
            return await real(self, host, port, family)
        kind = {"hostname": host, "port": port, "proto": 0, "flags": socket.AI_NUMERICHOST}
        return [{**kind, "host": stand_in, "family": found} for found, stand_in in address.stand_ins(family)]

    resolver.AsyncResolver.resolve = resolve
