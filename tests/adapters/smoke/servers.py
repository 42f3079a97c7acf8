"""HTTP servers on loopback that stand for the replicas of a gateway."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that are stopped in the middle of a request."""


@contextmanager
def serve(
    handler: type[BaseHTTPRequestHandler], replicas: int, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, ...]]:
    """The URLs of as many servers, until the end of the block; over TLS with a context."""
    servers = [_Server(("127.0.0.1", 0), handler) for _ in range(replicas)]
    for server in servers:
        if tls:  # the handshake is left to the thread that handles the connection
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield tuple(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}" for server in servers)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
