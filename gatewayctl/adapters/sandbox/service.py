"""A Service: one address whose connections go to the ready pods in turn, and are refused when there are none.

In a cluster a connection to a Service without endpoints is refused, so the listening socket exists only while there are
endpoints. An established connection stays with its pod until it ends, also after the pod has stopped being an endpoint.
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
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close with RST, like a broken connection


class SandboxService:
    """Listens on `address:port` while it has endpoints. These are addresses of pods, which listen on the same port."""

    def __init__(self, name: str, address: str, port: int) -> None:
        self.name, self.address, self.port = name, address, port
        self.opening: Counter[str] = Counter()
        self._endpoints: tuple[str, ...] = ()
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[_Connection] = set()

    async def serve(self, endpoints: tuple[str, ...]) -> None:
        """From now on new connections go to `endpoints`. Raises OSError when the address is in use."""
        if endpoints == self._endpoints:
            return
        _log.info("service %s: endpoints %s", self.name, ", ".join(endpoints) or "none")
        self._endpoints = endpoints
        if endpoints and self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _ClientConnection(self), sock=self._listen()
            )
        elif not endpoints and self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """Refuse new connections, and reset the established ones."""
        await self.serve(())
        for task in tuple(self._tasks):
            task.cancel()
        for client in tuple(self._clients):
            client.reset()

    def is_quiet(self, endpoint: str) -> bool:
        """Whether no connection to `endpoint` is being opened. Once true for a removed endpoint, it stays true."""
        return not self.opening[endpoint]

    def next_endpoints(self) -> tuple[str, ...]:
        """All endpoints, in the order to try them; each call starts with the next one."""
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

    def admit(self, client: "_ClientConnection") -> None:
        """Connect a new client to an endpoint."""
        self._clients.add(client)
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, client: "_ClientConnection") -> None:
        """Forget a client whose connection has ended."""
        self._clients.discard(client)

    async def _connect(self, client: "_ClientConnection") -> None:
        """Connect the client to the first endpoint that accepts; a pod may have ended before we noticed."""
        loop = asyncio.get_running_loop()
        for endpoint in self.next_endpoints():
            self.opening[endpoint] += 1
            try:
                async with asyncio.timeout(_CONNECT):
                    await loop.create_connection(lambda: _Connection(client), endpoint, self.port)
            except (OSError, TimeoutError) as fault:
                _log.info("service %s: %s does not take a connection: %s", self.name, endpoint, fault)
            else:
                return
            finally:
                self.opening[endpoint] -= 1
        client.reset()


class _Connection(asyncio.Protocol):
    """One of two joined connections, client and pod: data received on one is sent on the other."""

    def __init__(self, other: "_Connection | None" = None) -> None:
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
        """One direction has ended; the other one may still carry data."""
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
        """Close it so that the peer sees a broken connection."""
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()


class _ClientConnection(_Connection):
    """The client's connection; nothing is read from it before it is connected to a pod."""

    def __init__(self, service: SandboxService) -> None:
        super().__init__()
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast(asyncio.Transport, transport).pause_reading()
        self._service.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._service.forget(self)
