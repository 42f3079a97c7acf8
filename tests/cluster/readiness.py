"""Wait, inside a cluster's network namespace, until the API server or the whole cluster is ready.

python -m tests.cluster.readiness FOLDER api|cluster SECONDS

A process of its own, because only what runs inside the namespace reaches anybody there.
"""

import base64
import http.client
import json
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.place import CLUSTER_DOMAIN, NODE, NODE_ADDRESS, SERVICE_ADDRESS, Cluster

_POLL = 0.1  # seconds
_TIMEOUT = 2.0  # seconds per question
_A, _IN = 1, 1  # DNS: an address, of the internet


class NotYet(Exception):
    """Something is not ready; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Api:
    """The API server as the administrator sees it."""

    address: str
    authority: bytes
    token: str

    def get(self, path: str) -> bytes:
        """One answer of the API server. Raises NotYet for all but 200."""
        context = ssl.create_default_context(cadata=self.authority.decode())
        connection = http.client.HTTPSConnection(
            self.address.removeprefix("https://"), timeout=_TIMEOUT, context=context
        )
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as fault:
            raise NotYet(f"the API server does not answer: {fault}") from fault
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise NotYet(f"{path} answers {answer.status}: {body[-300:].decode(errors='replace')}")
        return body


def api_of(kubeconfig: Path) -> Api:
    """The API server that one of our own kubeconfig files names."""
    content: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    return Api(cluster["server"], base64.b64decode(cluster["certificate-authority-data"]), user["token"])


def api_ready(api: Api) -> None:
    """Raise NotYet unless the API server says it is ready."""
    api.get("/readyz")


def cluster_ready(api: Api) -> None:
    """Raise NotYet unless pods could be started and would find each other."""
    api_ready(api)
    node = json.loads(api.get(f"/api/v1/nodes/{NODE}"))
    ready = next((entry for entry in node["status"].get("conditions", ()) if entry["type"] == "Ready"), None)
    if not ready or ready["status"] != "True":
        raise NotYet(f"{NODE} is not ready: {ready['message'] if ready else 'it has not said so yet'}")
    if node["spec"].get("taints"):
        raise NotYet(f"{NODE} still has the taint {node['spec']['taints'][0]['key']}")
    api.get("/api/v1/namespaces/default/serviceaccounts/default")
    api.get("/api/v1/namespaces/default/configmaps/kube-root-ca.crt")
    if resolve(f"kubernetes.default.svc.{CLUSTER_DOMAIN}") != SERVICE_ADDRESS:
        raise NotYet("CoreDNS does not know the Service kubernetes yet")


def resolve(name: str) -> str:
    """The address CoreDNS gives for a name; empty when it gives none. Raises NotYet while it does not answer."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", _A, _IN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(_TIMEOUT)
        try:
            channel.connect((NODE_ADDRESS, 53))
            channel.send(question)
            answer = channel.recv(512)
        except OSError as fault:
            raise NotYet(f"CoreDNS does not answer: {fault}") from fault
    answers = struct.unpack(">H", answer[6:8])[0]
    return socket.inet_ntoa(answer[-4:]) if answers else ""


def wait(question: Callable[[Api], None], api: Api, within: float) -> str:
    """Ask until it is ready and return an empty text; after `within` seconds, what was found last."""
    deadline = time.monotonic() + within
    while True:
        try:
            question(api)
        except NotYet as news:
            if time.monotonic() > deadline:
                return str(news)
            time.sleep(_POLL)
        else:
            return ""


def main() -> int:
    """Exit 0 when it is ready in time."""
    folder, what, seconds = sys.argv[1:]
    question = {"api": api_ready, "cluster": cluster_ready}[what]
    found = wait(question, api_of(Cluster(Path(folder).name, Path(folder)).kubeconfig), float(seconds))
    if found:
        sys.stderr.write(f"{found}\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
