"""HTTP requests to one gateway replica, on every platform.

No other module imports httpx, outside the child processes of suites. Requests go to its transport, not to a client:
a client would send the cookies of one answer with the next probe, and read redirects that nobody follows.
"""

import contextlib
import socket
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any

from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica

if TYPE_CHECKING:
    import httpx

_LARGEST_BODY = 1_000_000  # bytes kept of the answer to a probe
_LARGEST_ADMIN = 200_000_000  # bytes; a config_dump of ten thousand routes is some tens of megabytes
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}  # of an admin port, and whatever is 500 or more
_HEADERS = (("accept", "*/*"), ("accept-encoding", "gzip, deflate"), ("user-agent", "gatewayctl"))


class HttpProber:
    """Sends each probe on a new connection, so that the probes spread over all workers of a replica."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        """Send `probe` to the replica's traffic port. A broken connection is an Answer with status 0, not an error.

        Whatever the replica answers, this returns within the probe's timeout.
        """
        given = {name.lower() for name, _ in probe.headers}
        headers = [("host", probe.host), *(pair for pair in _HEADERS if pair[0] not in given), *probe.headers]
        started = time.monotonic()
        try:
            with _exchange("GET", f"http://{replica.traffic}{probe.path}", headers, probe.timeout) as response:
                seconds = time.monotonic() - started
                body = _read_body(response, _LARGEST_BODY)
        except _NoAnswer as fault:
            return Answer(0, {}, error=str(fault))
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lowered, body, seconds)


def admin_get(replica: Replica, path: str) -> str:
    """The body of GET `path` on the replica's admin port. Raises EnvironmentFailed unless it answers 200.

    It is Transient when no answer came in time, or one by which the replica says that it cannot answer now.
    """
    return _request_admin("GET", replica, path, 10.0)


def admin_post(replica: Replica, path: str) -> str:
    """The body of POST `path`, without content, on the replica's admin port. Raises as `admin_get`."""
    return _request_admin("POST", replica, path, 30.0)


def _request_admin(method: str, replica: Replica, path: str, timeout: float) -> str:
    if not replica.admin:
        raise EnvironmentFailed(f"gateway replica {replica.name} has no admin address")
    try:
        with _exchange(method, f"http://{replica.admin}{path}", list(_HEADERS), timeout) as response:
            body = _read_body(response, _LARGEST_ADMIN)
    except _NoAnswer as fault:
        raise Transient(
            f"the admin port of gateway replica {replica.name} ({replica.admin}) does not answer: {fault}"
        ) from fault
    status = response.status_code
    if status != HTTPStatus.OK:
        passing = status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        raise (Transient if passing else EnvironmentFailed)(
            f"the admin port of {replica.name} answers {status} to {path}"
        )
    return body


class _NoAnswer(Exception):
    """No whole answer came, or none that is HTTP; the message says why."""


@contextlib.contextmanager
def _exchange(method: str, url: str, headers: list[tuple[str, str]], timeout: float) -> "Generator[httpx.Response]":
    """Send a request; the block reads the answer's body. Raises _NoAnswer, also from the block, after `timeout`."""
    import httpx

    limit = _TimeLimit(timeout)
    extensions = {"timeout": httpx.Timeout(timeout).as_dict(), "trace": limit.trace}
    try:
        with (
            limit,
            contextlib.closing(
                _transport().handle_request(httpx.Request(method, url, headers=headers, extensions=extensions))
            ) as response,
        ):
            yield response
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, _TooMuch) as fault:
        if limit.is_over or isinstance(fault, httpx.TimeoutException):
            raise _NoAnswer(f"no whole answer within {timeout:g} s") from fault
        raise _NoAnswer(f"{type(fault).__name__}: {fault}".removeprefix("_TooMuch: ")) from fault
    if limit.is_over:  # an answer without a length ends when its connection does, so it looks whole
        raise _NoAnswer(f"no whole answer within {timeout:g} s")


@cache
def _transport() -> "httpx.HTTPTransport":
    """One transport for all requests, because each new one reads all certificates; it never uses a connection twice."""
    import httpx

    # trust_env off: a proxy from the environment would answer instead of the replica.
    return httpx.HTTPTransport(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


@dataclass(slots=True)
class _TimeLimit:
    """Ends one exchange after so many seconds, however slowly its bytes come: the library limits each read alone.

    It shuts the connection down, which ends the read that waits for it.
    """

    seconds: float
    is_over: bool = False
    _socket: socket.socket | None = None
    _timer: Timer = field(init=False)
    _lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> None:
        self._timer = Timer(self.seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._socket = None  # it is closed, and its number may be another one's from now on

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the library with each event of a request; one of them has the connection."""
        if event != "connection.connect_tcp.complete":
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket")
            if self.is_over:
                self._shut_down()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the other side has closed it already
                self._socket.shutdown(socket.SHUT_RDWR)


class _TooMuch(Exception):
    """An answer that would take more memory than it is worth."""


def _read_body(response: "httpx.Response", most: int) -> str:
    if "," in response.headers.get("content-encoding", ""):  # a few bytes could become gigabytes
        raise _TooMuch("the answer is compressed more than once")
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > most:
            break
    return _decode(bytes(content[:most]), response.charset_encoding)


def _decode(content: bytes, charset: str | None) -> str:
    """The text; in UTF-8 where the answer names no charset, or one that is none (`base64`, for one, is no text)."""
    try:
        return content.decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError):
        return content.decode(errors="replace")
