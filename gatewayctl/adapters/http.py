"""HTTP requests to one gateway replica, on every platform.

h11 writes the request and reads the answer; the connection is made and read here, within one limit of time. A release
sends hundreds of requests, each on a new connection. httpx takes twice the processor time for one (`python -m bench
here --only probes`), and three times with a thread that ends an answer which drips. Nothing here follows redirects,
keeps cookies or asks for a proxy.
"""

import socket
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica

if TYPE_CHECKING:
    import h11

_LARGEST_BODY = 1_000_000  # bytes kept of the answer to a probe
_LARGEST_ADMIN = 200_000_000  # bytes; a config_dump of ten thousand routes is some tens of megabytes
_ADMIN_SECONDS = 10.0  # for the whole answer to a GET
_LARGEST_HEAD = 100 * 1024  # bytes of an answer's headers, and of the line before a chunk
_READ = 64 * 1024  # bytes read at once
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}  # of an admin port, and whatever is 500 or more
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
        try:
            return _send(_Request("GET", replica.traffic, probe.path, headers, probe.timeout, _LARGEST_BODY))
        except _NoAnswer as fault:
            return Answer(0, {}, error=str(fault))


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


@dataclass(frozen=True, slots=True)
class _Request:
    """A request without content to `address`, the seconds for its whole answer, and the `most` bytes of it to keep.

    `whole`: an answer of which only a part came in that time counts as none.
    """

    method: str
    address: str
    path: str
    headers: tuple[tuple[str, str], ...]
    timeout: float
    most: int
    whole: bool = False


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
        passing = answer.status in _PASSING or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        raise (Transient if passing else EnvironmentFailed)(
            f"the admin port of {replica.name} answers {answer.status} to {request.path}"
        )
    return answer.body


class _NoAnswer(Exception):
    """No answer came, or only a part where the whole is needed, or none that is HTTP; the message says why."""


def _send(request: _Request) -> Answer:
    """Send a request on a new connection. Raises _NoAnswer, at the latest after the request's timeout."""
    import h11

    started = time.monotonic()
    host, _, port = request.address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), request.timeout) as connection:
            exchange = _Exchange(connection, h11.Connection(h11.CLIENT, _LARGEST_HEAD), started + request.timeout)
            head = exchange.ask(request)
            seconds = time.monotonic() - started
            headers = _read_headers(head)
            chunks = exchange.body(whole=request.whole)
            return Answer(head.status_code, headers, _read_body(chunks, headers, request.most), seconds)
    except TimeoutError as fault:
        what = "no whole answer" if request.whole else "no answer"
        raise _NoAnswer(f"{what} within {request.timeout:g} s") from fault
    except (OSError, h11.ProtocolError, zlib.error, ValueError) as fault:
        raise _NoAnswer(f"{type(fault).__name__}: {fault}") from fault


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
        head = h11.Request(method=request.method, target=target, headers=list(request.headers))
        self.connection.sendall((self.http.send(head) or b"") + (self.http.send(h11.EndOfMessage()) or b""))
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
                raise _NoAnswer("the connection was closed before an answer")
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


def _read_body(chunks: Iterator[bytes], headers: Mapping[str, str], most: int) -> str:
    """The first `most` bytes of the body as text, unpacked."""
    coding = headers.get("content-encoding", "").strip().lower()
    if "," in coding:  # a few bytes could become gigabytes
        raise _NoAnswer("the answer is compressed more than once")
    content, unpack = bytearray(), _UNPACK.get(coding, _Plain)()
    for chunk in chunks:
        content += unpack.decompress(chunk, most + 1 - len(content))
        if len(content) > most:
            break
    return _decode(bytes(content[:most]), headers.get("content-type", ""))


class _Unpacks(Protocol):
    """What zlib's objects do."""

    def decompress(self, data: bytes, most: int, /) -> bytes:
        """At most `most` bytes of what comes next. Raises zlib.error."""


class _Plain:
    """A body that is not compressed, or in a way that was not asked for."""

    def decompress(self, data: bytes, _: int) -> bytes:
        """All of it, since it is in memory already."""
        return data


class _Deflate:
    """A body called `deflate`: with the header of zlib, as it should be, or without, as some servers send it."""

    def __init__(self) -> None:
        self._unpack, self._is_first = zlib.decompressobj(), True

    def decompress(self, data: bytes, most: int) -> bytes:
        """At most `most` bytes of what comes next. Raises zlib.error."""
        is_first, self._is_first = self._is_first, False
        try:
            return self._unpack.decompress(data, most)
        except zlib.error:
            if not is_first:
                raise
            self._unpack = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._unpack.decompress(data, most)


_UNPACK: dict[str, Callable[[], _Unpacks]] = {
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    "deflate": _Deflate,
}


def _decode(content: bytes, kind: str) -> str:
    """The text; in UTF-8 where the answer names no charset, or one that is none (`base64`, for one, is no text)."""
    charset = _charset(kind) if "charset" in kind.lower() else None
    try:
        return content.decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError):
        return content.decode(errors="replace")


def _charset(kind: str) -> str | None:
    """The charset that a content type names."""
    from email.message import Message

    message = Message()
    message["content-type"] = kind
    return message.get_content_charset()
