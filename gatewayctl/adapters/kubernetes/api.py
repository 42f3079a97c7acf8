"""The Kubernetes API as plain JSON: here and in `kubeconfig` alone the client library is imported, and late.

The library's typed models cost 90 MB and two seconds; requests and answers are dictionaries here. Nothing is retried
behind our back: a write whose answer was lost may have happened, and only the caller can tell by reading again.
"""

import time
from collections.abc import Generator
from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gatewayctl.adapters.kubernetes.kubeconfig import access
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.nesting import TooDeep, parse_json

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from kubernetes.client.rest import RESTResponse

Object = dict[str, Any]
"""One Kubernetes object or list, as the API server spells it."""

_TIMEOUT = (5.0, 20.0)  # seconds to connect, seconds to answer
_LARGEST = 64 * 1024 * 1024  # bytes of one answer, or of one event of a watch
_TRIES = 4
_PAUSE = 0.25  # seconds before the second try, doubled each time
_PATIENCE = 10.0  # seconds after which nothing is tried again: a server that hangs may take 20 s for each
_NOT_DONE = {HTTPStatus.TOO_MANY_REQUESTS}  # the server says that it did nothing
_MAYBE_DONE = {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
_MAYBE_DONE |= {HTTPStatus.GATEWAY_TIMEOUT}
# All that the API server says of a JSON Patch that does not apply: a test that failed, or a path that is gone.
_PATCH_FAILED = "rejected our request due to an error in our request"


class ApiFault(EnvironmentFailed):
    """The API server refused or could not be asked. `status` is 0 when there was no answer."""

    def __init__(self, status: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class NotThere(ApiFault):
    """There is no such object."""


class Clash(ApiFault):
    """The object was there already, or is not what the write expected: somebody else wrote."""


class Uncertain(ApiFault):
    """A write got no answer: it may have happened. Read again and compare."""


class Api:
    """Requests to one API server at `origin`, which `found` named. `requests` counts those sent, retries too."""

    def __init__(self, client: "ApiClient", origin: str, found: str = "") -> None:
        self._client, self.origin, self.requests = client, origin, 0
        self._where = f"{origin} ({found})" if found else origin

    @property
    def client(self) -> "ApiClient":
        """The library's client, for what only it can do: port-forward."""
        return self._client

    def get(self, path: str, **query: str) -> Object:
        """One object or list. Raises NotThere, ApiFault."""
        return _parsed(path, self._send("GET", path, query))

    def text(self, path: str, **query: str) -> str:
        """An answer that is no JSON, such as a log."""
        return self._send("GET", path, query).decode(errors="replace")

    def create(self, path: str, body: Object) -> Object:
        """A new object. Raises Clash when it exists, Uncertain."""
        return _parsed(path, self._send("POST", path, {}, body, "application/json"))

    def replace(self, path: str, body: Object) -> Object:
        """A whole object; its resourceVersion is what the write expects. Raises Clash, NotThere, Uncertain."""
        return _parsed(path, self._send("PUT", path, {}, body, "application/json"))

    def patch(self, path: str, operations: list[Object], **query: str) -> Object:
        """A JSON Patch (RFC 6902); a `test` that fails raises Clash. Raises NotThere, Uncertain."""
        return _parsed(path, self._send("PATCH", path, query, operations, "application/json-patch+json"))

    def merge(self, path: str, body: Object) -> Object:
        """A JSON Merge Patch (RFC 7386), for fields that are ours alone. Raises NotThere, Uncertain."""
        return _parsed(path, self._send("PATCH", path, {}, body, "application/merge-patch+json"))

    def delete(self, path: str, only: Object | None = None, **query: str) -> None:
        """Delete an object; one that is not there is no fault. Raises Uncertain.

        `only` names the uid or resourceVersion that it must still have; else Clash is raised.
        """
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": only} if only else None
        try:
            self._send("DELETE", path, query, body, "application/json" if only else "")
        except NotThere:
            return

    def watch(self, path: str, since: str, seconds: int, **query: str) -> Generator[Object]:
        """Events of a list since a resourceVersion, for at most `seconds`, once the server has agreed to tell them.

        Raises ApiFault when it does not, and when it breaks off.
        """
        query = {**query, "watch": "1", "resourceVersion": since, "timeoutSeconds": str(seconds)}
        return _told_events(path, self.lines(path, seconds + 5.0, **query))

    def lines(self, path: str, silence: float, **query: str) -> Generator[bytes]:
        """Whole lines of an answer as they come, with at most `silence` seconds between them. Raises ApiFault."""
        response = self._open("GET", path, query, None, "", (_TIMEOUT[0], silence))
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _fault("GET", path, response.status, self._body("GET", path, response))
        return self._lines(path, response)

    def _lines(self, path: str, response: "RESTResponse") -> Generator[bytes]:
        try:
            with _told("GET", path, self._where):
                buffered = b""
                for chunk in response.response.stream(65536, decode_content=True):
                    *lines, buffered = (buffered + chunk).split(b"\n")
                    yield from lines
                    if len(buffered) > _LARGEST:
                        raise ApiFault(0, f"GET {path}: a line is larger than {_LARGEST} bytes")
        finally:
            response.response.close()

    def _send(self, verb: str, path: str, query: dict[str, str], body: Any = None, content: str = "") -> bytes:
        """One request, again after a pause where trying again cannot do harm."""
        start = time.monotonic()
        for tried in range(1, _TRIES + 1):
            try:
                return self._once(verb, path, query, body, content)
            except ApiFault as fault:
                harmless = fault.status in _NOT_DONE or (verb == "GET" and fault.status in {0, *_MAYBE_DONE})
                if tried == _TRIES or not harmless or time.monotonic() - start > _PATIENCE:
                    raise
                time.sleep(_PAUSE * 2 ** (tried - 1))
        raise AssertionError("the last try returns or raises")

    def _once(self, verb: str, path: str, query: dict[str, str], body: Any, content: str) -> bytes:
        response = self._open(verb, path, query, body, content, _TIMEOUT)
        data = self._body(verb, path, response)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _fault(verb, path, response.status, data)
        return data

    def _body(self, verb: str, path: str, response: "RESTResponse") -> bytes:
        with _told(verb, path, self._where):
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
        with _told(verb, path, self._where):
            method, url, sent, _, _ = self._client.param_serialize(
                verb, path, query_params=list(query.items()), header_params=headers, auth_settings=["BearerToken"]
            )
            self.requests += 1
            # The body goes as it is: the library encodes it, and calls a JSON Patch that is no list something else.
            return self._client.call_api(method, url, sent, body, _request_timeout=timeout)


class _told:  # noqa: N801 (reads as a statement)
    """Turns what the library raises without an answer into words."""

    def __init__(self, verb: str, path: str, where: str) -> None:
        self._verb, self._path, self._where = verb, path, where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: object) -> None:
        import urllib3
        from kubernetes.client.exceptions import ApiException

        if not isinstance(fault, urllib3.exceptions.HTTPError | ApiException | OSError):
            return
        reason = str(getattr(fault, "reason", None) or fault).rpartition(": ")[2].rpartition("] ")[2]
        reason = reason or type(fault).__name__
        said = f"cannot reach the Kubernetes API server {self._where}: {reason}"
        hint = "is it the right context, and does kubectl reach it? kubectl cluster-info"
        never_sent = isinstance(fault, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
        if self._verb == "GET" or never_sent:
            raise ApiFault(0, said, hint=hint) from fault
        raise Uncertain(0, f"{self._verb} {self._path} got no answer ({reason}): it may have happened") from fault


def _fault(verb: str, path: str, status: int, data: bytes) -> ApiFault:
    message = _message(data)
    said = f"{verb} {path}: {message}"
    if status == HTTPStatus.NOT_FOUND:
        return NotThere(status, said)
    failed_test = status == HTTPStatus.UNPROCESSABLE_ENTITY and verb == "PATCH" and _PATCH_FAILED in message
    if status == HTTPStatus.CONFLICT or failed_test:
        return Clash(status, said)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ApiFault(status, message, hint="doctor names the rights that are missing; manifests/rbac.yaml has them")
    if verb != "GET" and status in _MAYBE_DONE:
        return Uncertain(status, said)
    return ApiFault(status, said)


def _message(data: bytes) -> str:
    """What a Status object says, or the beginning of what came instead (a proxy's page, say)."""
    try:
        found = parse_json(data)
        return str(found["message"])
    except (ValueError, KeyError, TypeError):
        return data[:200].decode(errors="replace") or "no reason given"


def _parsed(path: str, data: bytes) -> Object:
    try:
        found = parse_json(data)
    except TooDeep as fault:
        raise ApiFault(0, f"{path}: {fault}") from fault
    except ValueError as fault:
        raise ApiFault(0, f"{path}: not JSON: {data[:100]!r}") from fault
    if not isinstance(found, dict):
        raise ApiFault(0, f"{path}: expected an object, found {type(found).__name__}")
    return found


def _told_events(path: str, lines: Generator[bytes]) -> Generator[Object]:
    with closing(lines):
        yield from (_event(path, line) for line in lines if line)


def _event(path: str, line: bytes) -> Object:
    """One event of a watch; what ends it with an error is a fault (410: the version is too old, list again)."""
    event = _parsed(path, line)
    status = event.get("object")
    if event.get("type") == "ERROR" and isinstance(status, dict):
        raise ApiFault(_code(status), f"GET {path}: {status.get('message', 'the watch broke')}")
    return event


def _code(status: Object) -> int:
    code = status.get("code")
    return code if isinstance(code, int) else 0


def connect(context: str = "", file: str = "") -> Api:
    """The API server that kubectl would use; see `kubeconfig.access`. Raises EnvironmentFailed when none is named."""
    from kubernetes import client

    found = access(context, file)
    found.settings.retries = False  # see the module's docstring
    host = found.settings.host
    return Api(client.ApiClient(found.settings), urlsplit(host).netloc or host, found.found)


def configured() -> bool:
    """Whether any cluster is named at all."""
    try:
        connect()
    except EnvironmentFailed:
        return False
    return True
