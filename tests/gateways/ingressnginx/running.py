"""A real Traefik that reads Ingresses with ingress-nginx's annotations from a small API server, and both versions."""

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewayctl.domain.routing import Files
from gatewayctl.yamlloader import load
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure, serving
from tests.gateways.loopback import free_port, network, send, stop_process, until
from tests.gateways.many_requests import CountingUpstream

NET = network(181)
PORT = 8080
SERVICES = ("orders", "orders-canary", "web", "web-canary")
_LISTS = {
    "ingresses": ("networking.k8s.io/v1", "Ingress"),
    "ingressclasses": ("networking.k8s.io/v1", "IngressClass"),
    "services": ("v1", "Service"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
    "namespaces": ("v1", "Namespace"),
    "nodes": ("v1", "Node"),
    "secrets": ("v1", "Secret"),
    "configmaps": ("v1", "ConfigMap"),
}


@dataclass(frozen=True)
class RunningTraefik:
    """The gateway's address, and the versions behind it by the names of their Services."""

    address: str
    upstreams: dict[str, CountingUpstream]


@contextmanager
def running_traefik(folder: Path, files: Files, *, without: tuple[str, ...] = ()) -> Iterator[RunningTraefik]:
    """Serve these Ingresses; the Services `without` have no Pods. It answers when this returns."""
    upstreams, address = {}, f"{NET}.1:{free_port(f'{NET}.1')}"
    with ExitStack() as stack:
        for number, name in enumerate(SERVICES, 10):
            upstreams[name] = CountingUpstream(name, f"{NET}.{number}", PORT)
            stack.callback(upstreams[name].stop)
        ready = [one for one in upstreams.values() if one.name not in without]
        kubeconfig = stack.enter_context(serving(_ApiServer(_objects(files, ready)).answer, folder))
        log = stack.enter_context((folder / "traefik.log").open("wb"))
        process = subprocess.Popen(
            _command(address), stdout=log, stderr=log, env={**os.environ, "KUBECONFIG": kubeconfig}
        )
        stack.callback(stop_process, process)
        until(lambda: _answers(address), f"Traefik to serve the Ingresses, see {folder}/traefik.log", timeout=60)
        yield RunningTraefik(address, upstreams)


def _command(address: str) -> list[str]:
    provider = "--providers.kubernetesingressnginx"
    return [
        str(Path(sysconfig.get_path("scripts")) / "traefik"),
        f"--entrypoints.web.address={address}",
        f"{provider}=true",
        f"{provider}.httpentrypoint=web",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=INFO",
    ]


def _answers(address: str) -> bool:
    try:
        return send(address, "/", ("Host", "shop.example.com")).status == 200
    except OSError:
        return False


@dataclass(frozen=True)
class _ApiServer:
    """Lists objects by their kind; watches are open and tell nothing."""

    objects: list[dict[str, Any]]

    def answer(self, asked: Request) -> Reply:
        if asked.query.get("sendInitialEvents"):
            return failure(422, "a list is not sent as events here")  # the client then asks for a plain list
        if asked.query.get("watch"):
            return Reply(silent=True)
        api, kind = _LISTS.get(asked.path.rpartition("/")[2], ("", ""))
        if not kind:
            return failure(404, f"{asked.path} not found")
        items = [one for one in self.objects if one["kind"] == kind]
        return Reply(
            200, {"apiVersion": api, "kind": f"{kind}List", "metadata": {"resourceVersion": "9"}, "items": items}
        )


def _objects(files: Files, ready: list[CountingUpstream]) -> list[dict[str, Any]]:
    texts = [text for file in files for text in file.text.split("---\n") if "kind: Ingress" in text]
    controller = {"controller": "k8s.io/ingress-nginx"}
    return [
        *(load(text) for text in texts),
        {**_head("networking.k8s.io/v1", "IngressClass", "nginx"), "spec": controller},
        _head("v1", "Namespace", "shop"),
        *(_service(name) for name in SERVICES),
        *(_endpoints(one) for one in ready),
    ]


def _head(api: str, kind: str, name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "5", "labels": labels}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def _service(name: str) -> dict[str, Any]:
    ports = [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}]
    return {**_head("v1", "Service", name), "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": ports}}


def _endpoints(one: CountingUpstream) -> dict[str, Any]:
    head = _head("discovery.k8s.io/v1", "EndpointSlice", one.name, **{"kubernetes.io/service-name": one.name})
    ports = [{"name": "http", "port": PORT, "protocol": "TCP"}]
    ready = {"addresses": [one.host], "conditions": {"ready": True, "serving": True}}
    return {**head, "addressType": "IPv4", "endpoints": [ready], "ports": ports}
