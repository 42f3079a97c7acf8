"""How the watcher looks at the cluster: connections of its own, and none of the product's code.

What judges the product must not share its mistakes: no client library, no retries, no caches. A look that fails is no
news of the thing looked at, and is told apart from an answer.
"""

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_API_TIMEOUT = 5.0  # seconds
_ASK_TIMEOUT = 20.0  # seconds; longer than any route of the example waits for its upstream
_FAULTS = (OSError, http.client.HTTPException, ValueError)


class NoReply(Exception):
    """The API server gave no answer that says anything."""


class ObjectGone(Exception):
    """There is no such object."""


class ObserverClient:
    """One connection to the API server, made again after each failure; for one thread."""

    def __init__(self, kubeconfig: Path) -> None:
        found = yaml.safe_load(kubeconfig.read_text())
        cluster = found["clusters"][0]["cluster"]
        self._host = cluster["server"].removeprefix("https://")
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        self._token = found["users"][0]["user"]["token"]
        self._connection: http.client.HTTPSConnection | None = None

    def get(self, path: str) -> dict[str, Any]:
        """One object or list. Raises ObjectGone, NoReply."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self._host, timeout=_API_TIMEOUT, context=self._context)
        try:
            self._connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
            answer = self._connection.getresponse()
            body = answer.read()
            found: dict[str, Any] = json.loads(body) if answer.status == http.HTTPStatus.OK else {}
        except _FAULTS as fault:
            self.close()
            raise NoReply(f"{path}: {fault}") from fault
        if answer.status == http.HTTPStatus.NOT_FOUND:
            raise ObjectGone(path)
        if answer.status != http.HTTPStatus.OK:
            raise NoReply(f"{path} answers {answer.status}: {body[:200].decode(errors='replace')}")
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What one replica answered; `status` 0: nothing, for the reason in `error`."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    error: str = ""

    @property
    def by(self) -> str:
        """The Pod that answered, by its own word."""
        return self.headers.get("x-served-by", "")

    @property
    def stamp(self) -> str:
        """The gateway's word for the release whose canary answered."""
        return self.headers.get("x-gatewayctl-release", "")

    def __str__(self) -> str:
        said = self.error or f"{self.by or 'nobody'} says it, stamp {self.stamp or 'none'}, {self.body[:200]!r}"
        return f"{self.status}: {said}"


def ask(address: str, path: str, headers: Mapping[str, str]) -> Reply:
    """One GET on a connection of its own."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=_ASK_TIMEOUT)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    except _FAULTS as fault:
        return Reply(0, {}, error=f"{type(fault).__name__}: {fault}")
    finally:
        connection.close()
