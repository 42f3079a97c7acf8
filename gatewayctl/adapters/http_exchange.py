"""One HTTP request and its answer on a connection of its own, within one limit of time.

h11 writes the request and reads the answer; the connection is made and read here. A release sends hundreds of requests,
each on a new connection. httpx takes twice the processor time for one (`python -m bench here --only probes`), and three
times with a thread that ends an answer which drips. Nothing here follows redirects, keeps cookies or asks for a proxy.
"""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from gatewayctl.adapters.http_body import BadBody, read_body
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Tls
from gatewayctl.tls import CLOSED, TlsFault, explain_broken, explain_handshake, secure

if TYPE_CHECKING:
    import h11

_LARGEST_HEAD = 100 * 1024  # bytes of an answer's headers, and of the line before a chunk
_READ = 64 * 1024  # bytes read at once
_SHORTEST = 0.001  # seconds; a limit of 0 would mean a socket that never waits
_PERHAPS_TLS = "if the gateway speaks TLS on this port, set probe.scheme: https"
_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F))
_IN_QUERY = _PRINTABLE.translate(dict.fromkeys(map(ord, '"#<>')))  # what stays as it is; a browser escapes the rest
_IN_PATH = _IN_QUERY.translate(dict.fromkeys(map(ord, "`{}")))


@dataclass(frozen=True, slots=True)
class Request:
    """A request to `address`, the seconds for its whole answer, and the `most` bytes of it to keep.

    `whole`: an answer of which only a part came in that time counts as none. With `tls` it is sent over TLS, to the
    server `server_name`.
    """

    method: str
    address: str
    path: str
    headers: tuple[tuple[str, str], ...]
    timeout: float
    most: int
    whole: bool = False
    content: bytes = b""
    tls: Tls | None = None
    server_name: str = ""


class _Closed(Exception):
    """The connection was closed before an answer."""


class NoAnswer(Exception):
    """No answer came, or only a part where the whole is needed, or none that is HTTP; the message says why.

    `hint` is what to change in the configuration, where the failure shows that.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def send(request: Request) -> Answer:
    """Send a request on a new connection. Raises NoAnswer, at the latest after the request's timeout."""
    import h11

    started = time.monotonic()
    host, _, port = request.address.rpartition(":")
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), request.timeout) as plain,
            _secure(plain, request, started + request.timeout) as connection,
        ):
            exchange = _Exchange(connection, h11.Connection(h11.CLIENT, _LARGEST_HEAD), started + request.timeout)
            head = exchange.ask(request)
            seconds = time.monotonic() - started
            headers = _read_headers(head)
            chunks = exchange.body(whole=request.whole)
            return Answer(head.status_code, headers, read_body(chunks, headers, request.most), seconds)
    except TimeoutError as fault:
        what = "no whole answer" if request.whole else "no answer"
        raise NoAnswer(f"{what} within {request.timeout:g} s") from fault
    except _Closed as fault:
        raise _explain(None, request) from fault
    except OSError as fault:
        raise _explain(fault, request) from fault
    except BadBody as fault:
        raise NoAnswer(str(fault)) from fault
    except (h11.ProtocolError, ValueError) as fault:
        raise NoAnswer(f"{type(fault).__name__}: {fault}") from fault


def _secure(plain: socket.socket, request: Request, deadline: float) -> socket.socket:
    """The connection to send on: over TLS where the request asks for it. Raises NoAnswer."""
    if request.tls is None:
        return plain
    plain.settimeout(max(deadline - time.monotonic(), _SHORTEST))
    try:
        return secure(plain, request.tls, request.server_name)
    except TimeoutError as fault:
        raise NoAnswer(f"TLS was not agreed within {request.timeout:g} s") from fault
    except TlsFault as fault:
        raise NoAnswer(str(fault), fault.hint or f"set probe.{fault.key} to a file that is on this machine") from fault
    except OSError as fault:
        found = explain_handshake(fault, request.tls, request.server_name)
        raise NoAnswer(found.reason, found.hint) from fault


def _explain(fault: OSError | None, request: Request) -> NoAnswer:
    """What a broken connection means; None: it was closed. One that was never opened is nothing of TLS."""
    if request.tls and not isinstance(fault, ConnectionRefusedError):
        found = explain_broken(fault, request.tls)
        return NoAnswer(found.reason, found.hint)
    if fault is None:
        return NoAnswer(CLOSED, _PERHAPS_TLS)
    return NoAnswer(f"{type(fault).__name__}: {fault}", _PERHAPS_TLS if isinstance(fault, ConnectionResetError) else "")


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request and its answer. Each read has only the time that is left, so that no answer can drip for ever."""

    connection: socket.socket
    http: "h11.Connection"
    deadline: float

    def ask(self, request: Request) -> "h11.Response":
        """The head of the answer; interim answers before it are skipped. Raises OSError, h11.ProtocolError."""
        import h11

        target = _escape(request.path)
        headers = [*request.headers, *([("content-length", str(len(request.content)))] if request.content else [])]
        head = h11.Request(method=request.method, target=target, headers=headers)
        events = (head, *([h11.Data(data=request.content)] if request.content else []), h11.EndOfMessage())
        self.connection.settimeout(max(self.deadline - time.monotonic(), _SHORTEST))
        self.connection.sendall(b"".join(self.http.send(event) or b"" for event in events))
        while not isinstance(event := self._read_event(), h11.Response):
            pass
        return event

    def body(self, *, whole: bool) -> Iterator[bytes]:
        """The body as it comes, until it has ended, or until the deadline unless it must be `whole`.

        Raises OSError, h11.ProtocolError.
        """
        import h11

        try:
            while isinstance(event := self._read_event(), h11.Data):
                yield event.data
        except TimeoutError:
            if whole:
                raise

    def _read_event(self) -> object:
        import h11

        while (event := self.http.next_event()) is h11.NEED_DATA:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.connection.settimeout(left)
            received = self.connection.recv(_READ)
            if not received and self.http.their_state is h11.SEND_RESPONSE:
                raise _Closed
            self.http.receive_data(received)
        return event


def _escape(path: str) -> str:
    """The path as a browser sends it: without a fragment, and what HTTP does not allow in percent signs."""
    path, mark, query = path.partition("#")[0].partition("?")
    return quote(path, _IN_PATH) + mark + quote(query, _IN_QUERY)


def _read_headers(head: "h11.Response") -> dict[str, str]:
    """The headers of an answer by their names in lower case; the values of those with the same name in one list."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("ascii"), _decode_value(raw_value)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _decode_value(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
