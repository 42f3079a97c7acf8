"""Ports of Pods as ports of this machine, for those who are outside the cluster.

The library's own port-forward needs a typed API class (90 MB), and its thread prints a traceback when either side hangs
up early. The protocol behind it is small: a WebSocket whose messages begin with a channel number.
"""

import contextlib
import selectors
import socket
from threading import Lock, Thread
from typing import TYPE_CHECKING

from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.adapters.kubernetes.client.paths import pods
from gatewayctl.adapters.kubernetes.client.websocket import close_at_once, open_websocket
from gatewayctl.domain.errors import EnvironmentFailed

if TYPE_CHECKING:
    from websocket import WebSocket

_DATA = 0  # channel of the one port we ask for; every other one tells of an error, or of the end
_CHUNK = 65536  # bytes
_STUCK = 30.0  # seconds that the other side may take to accept what we pass on
_IDLE = 300.0  # seconds without a byte after which a connection is given up


class Forwards:
    """One listener on 127.0.0.1 for each port of each Pod that was asked for."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._lock = Lock()
        self._open: dict[tuple[str, int], _Forward] = {}

    def address(self, pod: str, port: int) -> str:
        """`127.0.0.1:N`, the same for the Pod's whole life. What connects there is carried to the Pod's port."""
        with self._lock:
            key = (pod, port)
            if key not in self._open:
                self._open[key] = _Forward(self._api, pods(self._namespace, pod), port)
            return self._open[key].address

    def attempt(self, pod: str, port: int) -> None:
        """Open a connection to the Pod once. Raises EnvironmentFailed with the reason when that is not possible."""
        close_at_once(_connect(self._api, pods(self._namespace, pod), port))

    def keep(self, names: set[str]) -> None:
        """Close the listeners of all other Pods: they are gone."""
        with self._lock:
            for key in [key for key in self._open if key[0] not in names]:
                self._open.pop(key).close()

    def close(self) -> None:
        """End all listeners and connections."""
        self.keep(set())


class _Forward:
    """A listener; each connection that it accepts gets a WebSocket of its own, so one that broke is no one else's."""

    def __init__(self, api: Api, pod_path: str, port: int) -> None:
        self._api, self._pod_path, self._port = api, pod_path, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = Lock()
        self._connections: set[socket.socket] = set()
        self._closed = False
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = Thread(target=self._accept, name=f"forward {pod_path}:{port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            connections = tuple(self._connections)
        for one in (self._listener, *connections):
            with contextlib.suppress(OSError):  # the other side was faster
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._connections.add(connection)
            Thread(target=self._serve, args=(connection,), name=self._thread.name, daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            tunnel = _connect(self._api, self._pod_path, self._port)
            try:
                _carry(connection, tunnel)
            finally:
                close_at_once(tunnel)
        except EnvironmentFailed:
            return  # whoever connected sees it end, and says so
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()


def _connect(api: Api, pod_path: str, port: int) -> "WebSocket":
    """A WebSocket to the Pod's port, through the API server."""
    what = f"forward to port {port} of {pod_path}"
    found = open_websocket(api, f"{pod_path}/portforward", [("ports", str(port))], what)
    found.settimeout(_STUCK)
    return found


def _carry(connection: socket.socket, tunnel: "WebSocket") -> None:
    """Pass bytes on, both ways, until either side ends."""
    from websocket import WebSocketException

    connection.settimeout(_STUCK)
    begun: set[int] = set()
    with selectors.DefaultSelector() as readable, contextlib.suppress(OSError, WebSocketException):
        readable.register(connection, selectors.EVENT_READ)
        readable.register(tunnel, selectors.EVENT_READ)
        # What TLS has already decrypted does not make the socket readable again.
        while ready := [tunnel] if _buffered(tunnel) else [key.fileobj for key, _ in readable.select(_IDLE)]:
            if connection in ready and not _up(connection, tunnel):
                return
            if tunnel in ready and not _down(tunnel, connection, begun):
                return


def _buffered(tunnel: "WebSocket") -> bool:
    import ssl

    return isinstance(tunnel.sock, ssl.SSLSocket) and tunnel.sock.pending() > 0


def _up(connection: socket.socket, tunnel: "WebSocket") -> bool:
    """Pass on what the client sent; False at the end."""
    data = connection.recv(_CHUNK)
    if data:
        tunnel.send_binary(bytes([_DATA]) + data)
    return bool(data)


def _down(tunnel: "WebSocket", connection: socket.socket, begun: set[int]) -> bool:
    """Pass on one message of the Pod's; False at the end. A channel's first one only repeats the port number."""
    from websocket import ABNF

    operation, frame = tunnel.recv_data_frame(control_frame=True)
    if operation == ABNF.OPCODE_CLOSE:
        return False
    if operation != ABNF.OPCODE_BINARY or not frame.data:
        return True
    channel = frame.data[0]
    if channel not in begun:
        begun.add(channel)
        return True
    if channel == _DATA:
        connection.sendall(frame.data[1:])
    return bool(channel == _DATA)
