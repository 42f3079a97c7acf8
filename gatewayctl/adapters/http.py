"""Requests to one gateway replica: the only module that imports httpx outside the suites' child processes."""

from functools import cache
from typing import TYPE_CHECKING

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica

if TYPE_CHECKING:
    import httpx

_LARGEST_BODY = 1_000_000  # bytes kept of an answer to a probe
_LARGEST_ADMIN = 200_000_000  # bytes; a config_dump of ten thousand routes is some tens of megabytes


class HttpProber:
    """Sends each probe on a connection of its own, so that every worker of a replica gets its share."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        """One answer; a broken connection is an Answer with status 0."""
        import httpx

        headers = [("host", probe.host), *probe.headers]
        url = f"http://{replica.traffic}{probe.path}"
        try:
            with _client().stream("GET", url, headers=headers, timeout=probe.timeout) as response:
                body = _body(response, _LARGEST_BODY)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            return Answer(0, {}, error=f"{type(fault).__name__}: {fault}")
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, found, body, response.elapsed.total_seconds())


def admin_get(replica: Replica, path: str) -> str:
    """GET `path` from a replica's admin port. Raises EnvironmentFailed."""
    return _admin("GET", replica, path, 10.0)


def admin_post(replica: Replica, path: str) -> str:
    """POST nothing to `path` on a replica's admin port. Raises EnvironmentFailed."""
    return _admin("POST", replica, path, 30.0)


def _admin(method: str, replica: Replica, path: str, timeout: float) -> str:
    import httpx

    if not replica.admin:
        raise EnvironmentFailed(f"gateway replica {replica.name} has no admin address")
    try:
        with _client().stream(method, f"http://{replica.admin}{path}", timeout=timeout) as response:
            body = _body(response, _LARGEST_ADMIN)
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise EnvironmentFailed(
            f"the admin port of gateway replica {replica.name} ({replica.admin}) does not answer: {fault}"
        ) from fault
    if response.status_code != httpx.codes.OK:
        raise EnvironmentFailed(f"the admin port of {replica.name} answers {response.status_code} to {path}")
    return body


@cache
def _client() -> "httpx.Client":
    """One client, because making one reads every certificate there is; no connection of it is used twice."""
    import httpx

    # trust_env off: a proxy from the environment would answer instead of the replica.
    once = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(trust_env=False, follow_redirects=False, limits=once)


def _body(response: "httpx.Response", most: int) -> str:
    kept = bytearray()
    for chunk in response.iter_bytes():
        kept += chunk
        if len(kept) > most:
            break
    return bytes(kept[:most]).decode(response.encoding or "utf-8", errors="replace")
