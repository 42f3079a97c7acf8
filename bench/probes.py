"""What one probe costs in processor time; a release of one of fifty applications sends several hundred of them."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx

from bench.figures import Figure, figure
from bench.measuring import Broken, in_turns
from bench.size import Size
from gatewayctl.adapters.http import HttpProber
from gatewayctl.domain.platform import Probe, Replica

_AT_ONCE = 200  # probes that are timed together
_BODY = b'{"app":"orders","version":"1.1"}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nx-served-by: orders-canary-6d5f7c9b8d-abcde\r\nx-gatewayctl-rule: r-1a2b3c\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\ndate: Sun, 29 Nov 2026 12:00:00 GMT\r\n"
    b"x-envoy-upstream-service-time: 1\r\nserver: envoy\r\n\r\n%b"
) % (len(_BODY), _BODY)
_PROBE = Probe("shop.example.com", "/api/orders", (("x-canary", "r-1a2b3c"),))


def probes(size: Size) -> Iterator[Figure]:
    """A probe, beside the same request by httpx; each on a new connection."""
    with _answering() as address, httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0)) as transport:
        prober, replica = HttpProber(), Replica("gateway-0", address)

        def ours() -> bool:
            return prober.ask(replica, _PROBE).body.encode() == _BODY

        def plain() -> bool:
            headers = [("host", _PROBE.host), *_PROBE.headers]
            request = httpx.Request("GET", f"http://{address}{_PROBE.path}", headers=headers)
            response = transport.handle_request(request)
            try:
                return response.read() == _BODY
            finally:
                response.close()

        taken = in_turns(size.commands, lambda: _processor_time(ours), lambda: _processor_time(plain))
    yield figure("processor time of a probe", "s", taken[0], ("httpx, no limit of the whole time", taken[1]))


def _processor_time(ask: Callable[[], bool]) -> float:
    """Seconds of this thread for one call; the server's are not in it. Raises Broken on a wrong answer."""
    start = time.thread_time()
    for _ in range(_AT_ONCE):
        if not ask():
            raise Broken("a probe got another answer than was sent")
    return (time.thread_time() - start) / _AT_ONCE


@contextmanager
def _answering() -> Iterator[str]:
    """The address of a server that answers each connection's one request at once."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(_ANSWER)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        ended.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
