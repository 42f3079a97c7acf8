"""Makes ports of Pods reachable as ports of this machine, for processes outside the cluster.

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

_DATA = 0  # channel of the one port that we ask for; the others are for errors
_CHUNK = 65536  # bytes
_STUCK = 30.0  # seconds that the other side may take to accept data
_IDLE = 300.0  # seconds without a byte after which a connection is given up


class PortForwards:
    """Listeners on 127.0.0.1, one for each port of a Pod whose address was requested."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._lock = Lock()
        self._open: dict[tuple[str, int], _PortForward] = {}

    def address(self, pod: str, port: int) -> str:
        """`127.0.0.1:N`, the same while the Pod exists. Connections to it are forwarded to the Pod's port."""
        with self._lock:
            key = (pod, port)
            if key not in self._open:
                self._open[key] = _PortForward(self._api, pods(self._namespace, pod), port)
            return self._open[key].address

    def attempt(self, pod: str, port: int) -> None:
        """Open a connection to the Pod, and close it. Raises EnvironmentFailed with the reason when that fails."""
        close_at_once(_connect(self._api, pods(self._namespace, pod), port))

    def keep(self, names: set[str]) -> None:
        """Close the listeners of all Pods but these; the others are gone."""
        with self._lock:
            for key in [key for key in self._open if key[0] not in names]:
                self._open.pop(key).close()

    def close(self) -> None:
        """End all listeners and connections."""
        self.keep(set())


class _PortForward:
    """One listener; each connection to it gets a WebSocket of its own, so that one that breaks ends no other."""

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
            with contextlib.suppress(OSError):  # the other side has closed it already
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
            websocket = _connect(self._api, self._pod_path, self._port)
            try:
                _pass_bytes(connection, websocket)
            finally:
                close_at_once(websocket)
        except EnvironmentFailed:
            return  # the client sees its connection end, and reports that
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


def _pass_bytes(connection: socket.socket, websocket: "WebSocket") -> None:
    """Pass on bytes in both directions, until either side ends."""
    from websocket import WebSocketException

    connection.settimeout(_STUCK)
    begun: set[int] = set()
    with selectors.DefaultSelector() as readable, contextlib.suppress(OSError, WebSocketException):
        readable.register(connection, selectors.EVENT_READ)
        readable.register(websocket, selectors.EVENT_READ)
        # What TLS has already decrypted does not make the socket readable again.
        while (
            ready := [websocket]
            if _has_buffered_data(websocket)
            else [key.fileobj for key, _ in readable.select(_IDLE)]
        ):
            if connection in ready and not _send_to_pod(connection, websocket):
                return
            if websocket in ready and not _send_to_client(websocket, connection, begun):
                return


def _has_buffered_data(websocket: "WebSocket") -> bool:
    import ssl

    return isinstance(websocket.sock, ssl.SSLSocket) and websocket.sock.pending() > 0


def _send_to_pod(connection: socket.socket, websocket: "WebSocket") -> bool:
    """Pass on what the client sent; False when it has closed the connection."""
    data = connection.recv(_CHUNK)
    if data:
        websocket.send_binary(bytes([_DATA]) + data)
    return bool(data)


def _send_to_client(websocket: "WebSocket", connection: socket.socket, begun: set[int]) -> bool:
    """Pass on one message of the Pod; False at the end. The first message of a channel only repeats the port number."""
    from websocket import ABNF

    operation, frame = websocket.recv_data_frame(control_frame=True)
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
