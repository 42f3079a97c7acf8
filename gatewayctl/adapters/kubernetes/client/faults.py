"""What the API server's refusals, and answers that did not come, are called.

Each fault is one of three kinds: Unavailable and UnknownOutcome are transient and may be over a moment later, all other
ApiFaults are final (no right, no such object, an invalid one), and VersionConflict means that somebody else wrote.
"""

from dataclasses import dataclass
from http import HTTPStatus

from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.nesting import parse_json

_NOT_DONE = {HTTPStatus.TOO_MANY_REQUESTS}  # the server says that it did nothing
_MAYBE_DONE = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY}
_MAYBE_DONE |= {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
# The whole message about a JSON Patch that does not apply: a test failed, or a path is gone. Only this text tells it
# from an admission webhook that answers 422: the Status object has no causes in either case.
_PATCH_FAILED = "rejected our request due to an error in our request"


@dataclass(frozen=True, slots=True)
class StatusCause:
    """One reason in the details of a Status object: which `field` of the request is at fault, and why in one word."""

    field: str
    reason: str


class ApiFault(EnvironmentFailed):
    """The API server refused or could not be asked. `status` is 0 when there was no answer."""

    def __init__(self, status: int, message: str, *, hint: str = "", causes: tuple[StatusCause, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.status, self.causes = status, causes


class Unavailable(ApiFault, Transient):
    """The API server, or what is before it, could not answer now. A write that raises this was not done."""


class NotFound(ApiFault):
    """There is no such object."""


class VersionConflict(ApiFault):
    """The object was there already, or is not what the write expected: somebody else wrote."""


class UnknownOutcome(ApiFault, Transient):
    """A write got no answer: it may have happened. Read again and compare."""


class NoAnswer:
    """Turns what the library raises when no answer came into ApiFault, or UnknownOutcome for a write that was sent."""

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
        message = f"cannot reach the Kubernetes API server {self._where}: {reason}"
        hint = "is it the right context, and does kubectl reach it? kubectl cluster-info"
        if isinstance(fault, urllib3.exceptions.SSLError) and _is_about_certificate(fault):
            raise ApiFault(0, message, hint=hint) from fault
        never_sent = isinstance(fault, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
        if self._verb == "GET" or never_sent:
            raise Unavailable(0, message, hint=hint) from fault
        raise UnknownOutcome(0, f"{self._verb} {self._path} got no answer ({reason}): it may have happened") from fault


def _is_about_certificate(fault: Exception) -> bool:
    """Whether a certificate is not to be trusted, which does not become right by itself."""
    import ssl

    return any(isinstance(one, ssl.SSLCertVerificationError) for one in (*fault.args, fault.__cause__))


def fault_of(verb: str, path: str, status: int, data: bytes) -> ApiFault:
    """The fault that an answer with an error status means."""
    message = _message(data)
    full = f"{verb} {path}: {message}"
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(status, full)
    failed_test = status == HTTPStatus.UNPROCESSABLE_ENTITY and verb == "PATCH" and _PATCH_FAILED in message
    if status == HTTPStatus.CONFLICT or failed_test:
        return VersionConflict(status, full)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ApiFault(status, message, hint="doctor names the rights that are missing; manifests/rbac.yaml has them")
    if status in _NOT_DONE or (verb == "GET" and status in _MAYBE_DONE):
        return Unavailable(status, full)
    if status in _MAYBE_DONE:
        return UnknownOutcome(status, full)
    return ApiFault(status, full, causes=_causes(data))


def _causes(data: bytes) -> tuple[StatusCause, ...]:
    """The causes that a Status object names; none where it has no details, or something else came instead."""
    try:
        causes = parse_json(data)["details"]["causes"]
        return tuple(StatusCause(str(one.get("field", "")), str(one.get("reason", ""))) for one in causes)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _message(data: bytes) -> str:
    """The message of a Status object, or the beginning of what came instead (an HTML page of a proxy, for example)."""
    try:
        found = parse_json(data)
        return str(found["message"])
    except (ValueError, KeyError, TypeError):
        return data[:200].decode(errors="replace") or "no reason given"
