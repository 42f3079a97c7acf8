"""HTTP requests to one gateway replica, on every platform.

No other module imports httpx, outside the child processes of suites.
"""

from functools import cache
from typing import TYPE_CHECKING

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica

if TYPE_CHECKING:
    import httpx

_LARGEST_BODY = 1_000_000  # bytes kept of the answer to a probe
_LARGEST_ADMIN = 200_000_000  # bytes; a config_dump of ten thousand routes is some tens of megabytes


class HttpProber:
    """Sends each probe on a new connection, so that the probes spread over all workers of a replica."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        """Send `probe` to the replica's traffic port. A broken connection is an Answer with status 0, not an error."""
        import httpx

        headers = [("host", probe.host), *probe.headers]
        url = f"http://{replica.traffic}{probe.path}"
        try:
            with _client().stream("GET", url, headers=headers, timeout=probe.timeout) as response:
                body = _read_body(response, _LARGEST_BODY)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            return Answer(0, {}, error=f"{type(fault).__name__}: {fault}")
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lowered, body, response.elapsed.total_seconds())


def admin_get(replica: Replica, path: str) -> str:
    """The body of GET `path` on the replica's admin port. Raises EnvironmentFailed unless it answers 200."""
    return _request_admin("GET", replica, path, 10.0)


def admin_post(replica: Replica, path: str) -> str:
    """The body of POST `path`, without content, on the replica's admin port. Raises as `admin_get`."""
    return _request_admin("POST", replica, path, 30.0)


def _request_admin(method: str, replica: Replica, path: str, timeout: float) -> str:
    import httpx

    if not replica.admin:
        raise EnvironmentFailed(f"gateway replica {replica.name} has no admin address")
    try:
        with _client().stream(method, f"http://{replica.admin}{path}", timeout=timeout) as response:
            body = _read_body(response, _LARGEST_ADMIN)
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise EnvironmentFailed(
            f"the admin port of gateway replica {replica.name} ({replica.admin}) does not answer: {fault}"
        ) from fault
    if response.status_code != httpx.codes.OK:
        raise EnvironmentFailed(f"the admin port of {replica.name} answers {response.status_code} to {path}")
    return body


@cache
def _client() -> "httpx.Client":
    """One client for all requests, because each new one reads all certificates; it never uses a connection twice."""
    import httpx

    # trust_env off: a proxy from the environment would answer instead of the replica.
    no_reuse = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(trust_env=False, follow_redirects=False, limits=no_reuse)


def _read_body(response: "httpx.Response", most: int) -> str:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > most:
            break
    return bytes(content[:most]).decode(response.encoding or "utf-8", errors="replace")
