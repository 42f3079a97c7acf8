"""HTTP requests to one gateway replica, on every platform.

h11 writes the request and reads the answer; the connection is made and read here, within one limit of time. A release
sends hundreds of requests, each on a new connection. httpx takes twice the processor time for one (`python -m bench
here --only probes`), and three times with a thread that ends an answer which drips. Nothing here follows redirects,
keeps cookies or asks for a proxy.
"""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from gatewayctl.adapters.http_body import BadBody, read_body
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica, Tls
from gatewayctl.tls import CLOSED, TlsFault, explain_broken, explain_handshake, secure

if TYPE_CHECKING:
    import h11

_LARGEST_BODY = 1_000_000  # bytes kept of the answer to a probe
_LARGEST_ADMIN = 200_000_000  # bytes; a config_dump of ten thousand routes is some tens of megabytes
_ADMIN_SECONDS = 10.0  # for the whole answer to a GET
_LARGEST_FETCHED = 10_000_000  # bytes of the answer of a server that is no gateway replica
_LARGEST_HEAD = 100 * 1024  # bytes of an answer's headers, and of the line before a chunk
_READ = 64 * 1024  # bytes read at once
_SHORTEST = 0.001  # seconds; a limit of 0 would mean a socket that never waits
_PERHAPS_TLS = "if the gateway speaks TLS on this port, set probe.scheme: https"
_NGINX_SAYS = {
    "The plain HTTP request was sent to HTTPS port": "set probe.scheme: https",
    "No required SSL certificate was sent": "set probe.certificate and probe.key",
    "The SSL certificate error": "set probe.certificate to one from an authority that the gateway trusts",
}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}  # and whatever is 500 or more
_HEADERS = (("accept", "*/*"), ("accept-encoding", "gzip, deflate"), ("user-agent", "gatewayctl"))
_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F))
_IN_QUERY = _PRINTABLE.translate(dict.fromkeys(map(ord, '"#<>')))  # what stays as it is; a browser escapes the rest
_IN_PATH = _IN_QUERY.translate(dict.fromkeys(map(ord, "`{}")))


class HttpProber:
    """Sends each probe on a new connection, so that the probes spread over all workers of a replica."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        """Send `probe` to the replica's traffic port. A broken connection is an Answer with status 0, not an error.

        Whatever the replica answers, this returns within the probe's timeout: if the body has not ended by then (a
        stream of events never does), with the status, the headers and what came of the body.
        """
        given = {name.lower() for name, _ in probe.headers}
        headers = (("host", probe.host), *(pair for pair in _HEADERS if pair[0] not in given), *probe.headers)
        request = _Request("GET", replica.traffic, probe.path, headers, probe.timeout, _LARGEST_BODY)
        try:
            return _with_hint(_send(replace(request, tls=probe.tls, server_name=probe.server_name)))
        except _NoAnswer as fault:
            return Answer(0, {}, error=str(fault), hint=fault.hint)


def _with_hint(answer: Answer) -> Answer:
    """nginx says over HTTP what other gateways say by closing the connection."""
    hint = next((hint for words, hint in _NGINX_SAYS.items() if words in answer.body), "")
    return replace(answer, hint=hint) if answer.status == HTTPStatus.BAD_REQUEST else answer


def admin_get(replica: Replica, path: str) -> str:
    """The body of GET `path` on the replica's admin port. Raises EnvironmentFailed unless it answers 200.

    It is Transient when no answer came in time, or one by which the replica says that it cannot answer now.
    """
    return _ask_admin(
        replica, _Request("GET", replica.admin, path, _HEADERS, _ADMIN_SECONDS, _LARGEST_ADMIN, whole=True)
    )


def admin_post(replica: Replica, path: str) -> str:
    """The body of POST `path`, without content, on the replica's admin port. Raises as `admin_get`."""
    headers = (*_HEADERS, ("content-length", "0"))
    return _ask_admin(replica, _Request("POST", replica.admin, path, headers, 30.0, _LARGEST_ADMIN, whole=True))


def fetch(
    url: str,
    headers: tuple[tuple[str, str], ...] = (),
    form: str = "",
    *,
    tls: Tls | None = None,
    timeout: float = _ADMIN_SECONDS,
) -> Answer:
    """The answer of a server that is no gateway replica to GET `url`, or to POST where there is a `form`.

    `tls` is how https is spoken where it is not as everywhere; the whole answer has `timeout` seconds.
    Raises Transient, without the query of the URL, when no whole answer came in time; ValueError for what is no URL.
    """
    parts = urlsplit(url)
    host, is_secure = parts.hostname or "", parts.scheme == "https"
    name = f"[{host}]" if ":" in host else host
    given = (("host", parts.netloc.rpartition("@")[2]), *_HEADERS[1:], *headers)
    request = _Request(
        "POST" if form else "GET",
        f"{name}:{parts.port or (443 if is_secure else 80)}",
        f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
        given,
        timeout,
        _LARGEST_FETCHED,
        whole=True,
        content=form.encode(),
        tls=(tls or Tls()) if is_secure else None,
        server_name=host,
    )
    try:
        return _send(request)
    except _NoAnswer as fault:
        raise Transient(f"{parts.scheme}://{parts.netloc}{parts.path} does not answer: {fault}") from fault


@dataclass(frozen=True, slots=True)
class _Request:
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


def _ask_admin(replica: Replica, request: _Request) -> str:
    if not replica.admin:
        raise EnvironmentFailed(f"gateway replica {replica.name} has no admin address")
    try:
        answer = _send(replace(request, headers=(("host", request.address), *request.headers)))
    except _NoAnswer as fault:
        raise Transient(
            f"the admin port of gateway replica {replica.name} ({replica.admin}) does not answer: {fault}"
        ) from fault
    if answer.status != HTTPStatus.OK:
        raise (Transient if is_passing(answer.status) else EnvironmentFailed)(
            f"the admin port of {replica.name} answers {answer.status} to {request.path}"
        )
    return answer.body


def is_passing(status: int) -> bool:
    """Whether a server says by this status that it cannot answer now, and may a moment later."""
    return status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR


class _Closed(Exception):
    """The connection was closed before an answer."""


class _NoAnswer(Exception):
    """No answer came, or only a part where the whole is needed, or none that is HTTP; the message says why.

    `hint` is what to change in the configuration, where the failure shows that.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def _send(request: _Request) -> Answer:
    """Send a request on a new connection. Raises _NoAnswer, at the latest after the request's timeout."""
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
        raise _NoAnswer(f"{what} within {request.timeout:g} s") from fault
    except _Closed as fault:
        raise _explain(None, request) from fault
    except OSError as fault:
        raise _explain(fault, request) from fault
    except BadBody as fault:
        raise _NoAnswer(str(fault)) from fault
    except (h11.ProtocolError, ValueError) as fault:
        raise _NoAnswer(f"{type(fault).__name__}: {fault}") from fault


def _secure(plain: socket.socket, request: _Request, deadline: float) -> socket.socket:
    """The connection to send on: over TLS where the request asks for it. Raises _NoAnswer."""
    if request.tls is None:
        return plain
    plain.settimeout(max(deadline - time.monotonic(), _SHORTEST))
    try:
        return secure(plain, request.tls, request.server_name)
    except TimeoutError as fault:
        raise _NoAnswer(f"TLS was not agreed within {request.timeout:g} s") from fault
    except TlsFault as fault:
        raise _NoAnswer(str(fault), fault.hint or f"set probe.{fault.key} to a file that is on this machine") from fault
    except OSError as fault:
        found = explain_handshake(fault, request.tls, request.server_name)
        raise _NoAnswer(found.reason, found.hint) from fault


def _explain(fault: OSError | None, request: _Request) -> _NoAnswer:
    """What a broken connection means; None: it was closed. One that was never opened is nothing of TLS."""
    if request.tls and not isinstance(fault, ConnectionRefusedError):
        found = explain_broken(fault, request.tls)
        return _NoAnswer(found.reason, found.hint)
    if fault is None:
        return _NoAnswer(CLOSED, _PERHAPS_TLS)
    return _NoAnswer(
        f"{type(fault).__name__}: {fault}", _PERHAPS_TLS if isinstance(fault, ConnectionResetError) else ""
    )


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request and its answer. Each read has only the time that is left, so that no answer can drip for ever."""

    connection: socket.socket
    http: "h11.Connection"
    deadline: float

    def ask(self, request: _Request) -> "h11.Response":
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
