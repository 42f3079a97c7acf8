"""HTTP requests to one gateway replica, on every platform, and to other servers that are asked as carefully."""

from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from gatewayctl.adapters.http_exchange import NoAnswer, Request, send
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica, Tls

_LARGEST_BODY = 1_000_000  # bytes kept of the answer to a probe
_LARGEST_ADMIN = 200_000_000  # bytes; a config_dump of ten thousand routes is some tens of megabytes
_ADMIN_SECONDS = 10.0  # for the whole answer to a GET
_LARGEST_FETCHED = 10_000_000  # bytes of the answer of a server that is no gateway replica
_NGINX_SAYS = {
    "The plain HTTP request was sent to HTTPS port": "set probe.scheme: https",
    "No required SSL certificate was sent": "set probe.certificate and probe.key",
    "The SSL certificate error": "set probe.certificate to one from an authority that the gateway trusts",
}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}  # and whatever is 500 or more
_HEADERS = (("accept", "*/*"), ("accept-encoding", "gzip, deflate"), ("user-agent", "gatewayctl"))


class HttpProber:
    """Sends each probe on a new connection, so that the probes spread over all workers of a replica."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        """Send `probe` to the replica's traffic port. A broken connection is an Answer with status 0, not an error.

        Whatever the replica answers, this returns within the probe's timeout: if the body has not ended by then (a
        stream of events never does), with the status, the headers and what came of the body.
        """
        given = {name.lower() for name, _ in probe.headers}
        headers = (("host", probe.host), *(pair for pair in _HEADERS if pair[0] not in given), *probe.headers)
        request = Request("GET", replica.traffic, probe.path, headers, probe.timeout, _LARGEST_BODY)
        try:
            return _with_hint(send(replace(request, tls=probe.tls, server_name=probe.server_name)))
        except NoAnswer as fault:
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
        replica, Request("GET", replica.admin, path, _HEADERS, _ADMIN_SECONDS, _LARGEST_ADMIN, whole=True)
    )


def admin_post(replica: Replica, path: str) -> str:
    """The body of POST `path`, without content, on the replica's admin port. Raises as `admin_get`."""
    headers = (*_HEADERS, ("content-length", "0"))
    return _ask_admin(replica, Request("POST", replica.admin, path, headers, 30.0, _LARGEST_ADMIN, whole=True))


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
    request = Request(
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
        return send(request)
    except NoAnswer as fault:
        raise Transient(f"{parts.scheme}://{parts.netloc}{parts.path} does not answer: {fault}") from fault


def _ask_admin(replica: Replica, request: Request) -> str:
    if not replica.admin:
        raise EnvironmentFailed(f"gateway replica {replica.name} has no admin address")
    try:
        answer = send(replace(request, headers=(("host", request.address), *request.headers)))
    except NoAnswer as fault:
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
