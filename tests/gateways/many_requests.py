"""Many requests in little time: an upstream and a client that know no more of HTTP than the tests of shares need."""

import asyncio
import math
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable

from tests.gateways.loopback import TIMEOUT

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_AT_ONCE = 50  # requests that are sent before their answers are read

ALPHA = 1e-6
"""How often a right share may fail a test, by chance."""


class CountingUpstream:
    """Answers GET requests with its name, `delay` seconds after each.

    `status` gives the status for the request with that number, from 1 on; 0: the connection is closed.
    """

    def __init__(self, name: str, host: str, port: int, status: Callable[[int], int] = lambda number: 200) -> None:
        self.name, self.host, self.port, self.status, self.requests = name, host, port, status, 0
        self.delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self._loop.create_server(lambda: _Answering(self), host, port))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def answer(self) -> bytes:
        """The next answer; empty: close the connection."""
        self.requests += 1
        status = self.status(self.requests)
        head = f"HTTP/1.1 {status} -\r\ncontent-length: {len(self.name)}\r\n\r\n"
        return f"{head}{self.name}".encode() if status else b""

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


class _Answering(asyncio.Protocol):
    def __init__(self, upstream: CountingUpstream) -> None:
        self._upstream, self._rest = upstream, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._rest = (self._rest + data).split(_END)
        for _ in heads:
            answer = self._upstream.answer()
            if not answer:
                self._transport.abort()
            elif self._upstream.delay:
                asyncio.get_running_loop().call_later(self._upstream.delay, self._transport.write, answer)
            else:
                self._transport.write(answer)


def count_answers(address: str, number: int, *headers: str, path: str = "/") -> Counter[tuple[int, str]]:
    """Status and body of the answers to `number` requests on one connection. Raises OSError."""
    host, _, port = address.rpartition(":")
    request = "\r\n".join([f"GET {path} HTTP/1.1", "host: shop", *headers]).encode() + _END
    seen: Counter[tuple[int, str]] = Counter()
    with socket.create_connection((host, int(port)), TIMEOUT) as connection:
        reader = connection.makefile("rb")
        while number:
            now = min(number, _AT_ONCE)
            connection.sendall(request * now)
            seen.update(_read_answer(reader.readline, reader.read) for _ in range(now))
            number -= now
    return seen


def _read_answer(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> tuple[int, str]:
    head = readline()
    if not head:
        raise ConnectionResetError("the gateway closed the connection")
    status = int(head.split()[1])
    lines = [b"\r\n"]
    while (line := readline()).strip():
        lines.append(line)
    found = _LENGTH.search(b"".join(lines))
    assert found, lines
    return status, read(int(found[1])).decode()


def fits(share: float, count: int, of: int) -> bool:
    """Whether `count` out of `of` is no surprise at ALPHA if each has the probability `share`: exact, both tails."""
    if share in (0.0, 1.0):
        return count == of * share
    weights = [
        math.exp(math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * math.log(share)
                 + (of - k) * math.log1p(-share))
        for k in range(of + 1)
    ]  # fmt: skip
    return min(math.fsum(weights[: count + 1]), math.fsum(weights[count:])) > ALPHA / 2
