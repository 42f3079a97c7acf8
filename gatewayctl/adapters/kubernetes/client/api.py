"""The Kubernetes API as plain JSON. The client library is imported only in `client/`, and only when needed.

The library's typed models cost 90 MB and two seconds, so requests and answers are dictionaries here. The library must
retry nothing by itself: a write whose answer was lost may have happened, and only the caller can find out, by reading.
"""

import secrets
from collections.abc import Generator
from contextlib import closing
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.kubernetes.client.faults import (
    ApiFault,
    NoAnswer,
    NotFound,
    StatusCause,
    Unavailable,
    UnknownOutcome,
    VersionConflict,
    fault_of,
)
from gatewayctl.adapters.kubernetes.client.kubeconfig import find_access
from gatewayctl.adapters.kubernetes.client.login import server_of
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.nesting import TooDeep, parse_json
from gatewayctl.ports import Clock
from gatewayctl.waiting import Backoff, pause

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from kubernetes.client.rest import RESTResponse

__all__ = [
    "Api",
    "ApiFault",
    "NotFound",
    "Object",
    "StatusCause",
    "Unavailable",
    "UnknownOutcome",
    "VersionConflict",
    "connect",
    "is_configured",
]

Object = dict[str, Any]
"""One Kubernetes object or list, as the API server spells it."""

_TIMEOUT = (5.0, 20.0)  # seconds to connect, seconds to answer
_LARGEST = 64 * 1024 * 1024  # bytes of one answer, or of one event of a watch
_AGAIN_WITHIN = 10.0  # seconds after the first attempt in which another one begins: a restart, a change of leader
_FIRST, _LONGEST = 0.5, 2.0  # seconds; the longest pause after the first attempt, and after any


class Api:
    """Sends requests to the API server at `origin`; `source` is the kubeconfig context that named it, for messages.

    `requests` counts all that were sent, retries included. What was never sent, and every read, is tried again for
    some seconds, with growing pauses on `clock`; then Unavailable is raised.
    """

    def __init__(self, client: "ApiClient", origin: str, source: str = "", clock: Clock | None = None) -> None:
        self._client, self.origin, self.requests = client, origin, 0
        self._clock = clock or SystemClock()
        self._where = f"{origin} ({source})" if source else origin

    @property
    def client(self) -> "ApiClient":
        """The library's client: it builds the requests of WebSockets."""
        return self._client

    def get(self, path: str, **query: str) -> Object:
        """One object or list. Raises NotFound, ApiFault."""
        return _parse(path, self._send("GET", path, query))

    def text(self, path: str, **query: str) -> str:
        """The answer as text, for what is not JSON, such as a log. Raises NotFound, ApiFault."""
        return self._send("GET", path, query).decode(errors="replace")

    def create(self, path: str, body: Object, **query: str) -> Object:
        """Create an object and return it. Raises VersionConflict when it exists, UnknownOutcome, ApiFault."""
        return _parse(path, self._send("POST", path, query, body, "application/json"))

    def replace(self, path: str, body: Object) -> Object:
        """Replace a whole object, if it still has the resourceVersion of `body`; return it as it is then.

        Raises VersionConflict, NotFound, UnknownOutcome, ApiFault.
        """
        return _parse(path, self._send("PUT", path, {}, body, "application/json"))

    def patch(self, path: str, operations: list[Object], **query: str) -> Object:
        """Change an object by a JSON Patch (RFC 6902), and return it.

        Raises VersionConflict when a `test` in it fails, NotFound, UnknownOutcome, ApiFault.
        """
        return _parse(path, self._send("PATCH", path, query, operations, "application/json-patch+json"))

    def merge(self, path: str, body: Object) -> Object:
        """Change an object by a JSON Merge Patch (RFC 7386), and return it.

        Raises VersionConflict when `body` has another resourceVersion, NotFound, UnknownOutcome, ApiFault.
        """
        return _parse(path, self._send("PATCH", path, {}, body, "application/merge-patch+json"))

    def delete(self, path: str, only: Object | None = None, **query: str) -> None:
        """Delete an object; when there is none, nothing happens. Raises UnknownOutcome, ApiFault.

        `only` holds the uid or resourceVersion that it must still have; otherwise VersionConflict is raised.
        """
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": only} if only else None
        try:
            self._send("DELETE", path, query, body, "application/json" if only else "")
        except NotFound:
            return

    def watch(self, path: str, since: str, seconds: int, **query: str) -> Generator[Object]:
        """Watch a list: yield its events since a resourceVersion, for at most `seconds`.

        Returns once the server has begun to answer. Raises ApiFault when it refuses, and when the connection breaks.
        """
        query = {**query, "watch": "1", "resourceVersion": since, "timeoutSeconds": str(seconds)}
        return _events(path, self.lines(path, seconds + 5.0, **query))

    def lines(self, path: str, silence: float, **query: str) -> Generator[bytes]:
        """Yield each complete line of an answer. Raises ApiFault, also after `silence` seconds without data."""
        response = self._open("GET", path, query, None, "", (_TIMEOUT[0], silence))
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise fault_of("GET", path, response.status, self._read_body("GET", path, response))
        return self._lines(path, response)

    def _lines(self, path: str, response: "RESTResponse") -> Generator[bytes]:
        try:
            with NoAnswer("GET", path, self._where):
                buffered = b""
                for chunk in response.response.stream(65536, decode_content=True):
                    *lines, buffered = (buffered + chunk).split(b"\n")
                    yield from lines
                    if len(buffered) > _LARGEST:
                        raise ApiFault(0, f"GET {path}: a line is larger than {_LARGEST} bytes")
        finally:
            response.response.close()

    def _send(self, verb: str, path: str, query: dict[str, str], body: Any = None, content: str = "") -> bytes:
        """Send one request; send it again after a pause where that cannot do harm."""
        backoff, end = Backoff(secrets.token_hex(4), _FIRST, _LONGEST), self._clock.now() + _AGAIN_WITHIN
        for attempt in count(1):
            try:
                return self._send_once(verb, path, query, body, content)
            except Unavailable:
                left = end - self._clock.now()
                if left <= 0:
                    raise
                pause(min(backoff.pause(attempt), left), self._clock)
        raise AssertionError("the last attempt returns or raises")

    def _send_once(self, verb: str, path: str, query: dict[str, str], body: Any, content: str) -> bytes:
        response = self._open(verb, path, query, body, content, _TIMEOUT)
        data = self._read_body(verb, path, response)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise fault_of(verb, path, response.status, data)
        return data

    def _read_body(self, verb: str, path: str, response: "RESTResponse") -> bytes:
        with NoAnswer(verb, path, self._where):
            data: bytes = response.response.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            response.response.close()  # what is left unread must not be taken for the next answer
            raise ApiFault(0, f"{verb} {path}: the answer is larger than {_LARGEST} bytes")
        response.response.release_conn()
        return data

    def _open(
        self, verb: str, path: str, query: dict[str, str], body: Any, content: str, timeout: tuple[float, float]
    ) -> "RESTResponse":
        headers = {"Accept": "application/json, */*", **({"Content-Type": content} if content else {})}
        with NoAnswer(verb, path, self._where):
            method, url, sent, _, _ = self._client.param_serialize(
                verb, path, query_params=list(query.items()), header_params=headers, auth_settings=["BearerToken"]
            )
            self.requests += 1
            # The body goes as it is: the library encodes it, and calls a JSON Patch that is no list something else.
            return self._client.call_api(method, url, sent, body, _request_timeout=timeout)


def _parse(path: str, data: bytes) -> Object:
    try:
        found = parse_json(data)
    except TooDeep as fault:
        raise ApiFault(0, f"{path}: {fault}") from fault
    except ValueError as fault:
        raise ApiFault(0, f"{path}: not JSON: {data[:100]!r}") from fault
    if not isinstance(found, dict):
        raise ApiFault(0, f"{path}: expected an object, found {type(found).__name__}")
    return found


def _events(path: str, lines: Generator[bytes]) -> Generator[Object]:
    with closing(lines):
        yield from (_event(path, line) for line in lines if line)


def _event(path: str, line: bytes) -> Object:
    """One event of a watch. Raises ApiFault for an error event (410: the version is too old, list again)."""
    event = _parse(path, line)
    status = event.get("object")
    if event.get("type") == "ERROR" and isinstance(status, dict):
        raise ApiFault(_code(status), f"GET {path}: {status.get('message', 'the watch broke')}")
    return event


def _code(status: Object) -> int:
    code = status.get("code")
    return code if isinstance(code, int) else 0


def connect(context: str = "", file: str = "", clock: Clock | None = None) -> Api:
    """The API server that kubectl would use; see `find_access`. Raises EnvironmentFailed when none is named."""
    from kubernetes import client

    access = find_access(context, file)
    access.settings.retries = False  # see the module's docstring
    return Api(client.ApiClient(access.settings), server_of(access.settings), access.source, clock)


def is_configured() -> bool:
    """Whether a kubeconfig or the Pod's account names any cluster."""
    try:
        connect()
    except EnvironmentFailed:
        return False
    return True
