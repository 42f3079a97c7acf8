"""A Service: one address whose connections go to the ready pods in turn, and are refused when there is none.

A refused connection is what a gateway meets at a Service without endpoints, so the listening socket exists only while
there are some. What is established stays with its pod until it ends, also when the pod is no endpoint any more.
"""

import asyncio
import logging
import socket
import struct
from collections import Counter
from typing import cast

_log = logging.getLogger(__name__)
_BACKLOG = 512
_CONNECT = 5.0  # seconds to reach a pod
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close with RST, as a broken connection looks


class Service:
    """Listens on `address:port` while it has endpoints (addresses of pods, same port)."""

    def __init__(self, name: str, address: str, port: int) -> None:
        self.name, self.address, self.port = name, address, port
        self.opening: Counter[str] = Counter()
        self._endpoints: tuple[str, ...] = ()
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[_Side] = set()

    async def serve(self, endpoints: tuple[str, ...]) -> None:
        """From now on, new connections go to `endpoints`. Raises OSError when the address is taken."""
        if endpoints == self._endpoints:
            return
        _log.info("service %s: endpoints %s", self.name, ", ".join(endpoints) or "none")
        self._endpoints = endpoints
        if endpoints and self._server is None:
            self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), sock=self._listen())
        elif not endpoints and self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """No new connections, and an end to the established ones."""
        await self.serve(())
        for task in tuple(self._tasks):
            task.cancel()
        for client in tuple(self._clients):
            client.reset()

    def quiet(self, endpoint: str) -> bool:
        """No connection to `endpoint` is being opened: once it is no endpoint any more, none ever will."""
        return not self.opening[endpoint]

    def next_endpoints(self) -> tuple[str, ...]:
        """Every endpoint, beginning with the one whose turn it is."""
        if not self._endpoints:
            return ()
        self._turn = (self._turn + 1) % len(self._endpoints)
        return self._endpoints[self._turn :] + self._endpoints[: self._turn]

    def _listen(self) -> socket.socket:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self.address, self.port))
            listening.listen(_BACKLOG)
        except OSError as fault:
            listening.close()
            raise OSError(f"service {self.name} cannot listen on {self.address}:{self.port}: {fault}") from fault
        listening.settimeout(0)
        return listening

    def admit(self, client: "_Client") -> None:
        """A connection has come in."""
        self._clients.add(client)
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, client: "_Client") -> None:
        """A connection has ended."""
        self._clients.discard(client)

    async def _connect(self, client: "_Client") -> None:
        """Join the client to the first endpoint that takes it; a pod may have died before we noticed."""
        loop = asyncio.get_running_loop()
        for endpoint in self.next_endpoints():
            self.opening[endpoint] += 1
            try:
                async with asyncio.timeout(_CONNECT):
                    await loop.create_connection(lambda: _Side(client), endpoint, self.port)
            except (OSError, TimeoutError) as fault:
                _log.info("service %s: %s does not take a connection: %s", self.name, endpoint, fault)
            else:
                return
            finally:
                self.opening[endpoint] -= 1
        client.reset()


class _Side(asyncio.Protocol):
    """One of the two connections that are joined: what it receives, the other one sends."""

    def __init__(self, other: "_Side | None" = None) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        other = self.other
        if other is None:
            return
        other.other = self
        if other.transport is None or other.transport.is_closing():
            self.reset()
        else:
            other.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Half-closed: the other direction may still have much to say."""
        self._finished = True
        other = self.other
        if other is None or other.transport is None:
            return False
        if other._finished:
            other.transport.close()
            return False
        other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        other, self.other = self.other, None
        if other is not None and other.transport is not None:
            if exc is None:
                other.transport.close()
            else:
                other.reset()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def reset(self) -> None:
        """End it so that the peer sees a broken connection."""
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()


class _Client(_Side):
    """The side that came in; it is read only once a pod has been found for it."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast(asyncio.Transport, transport).pause_reading()
        self._service.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._service.forget(self)
