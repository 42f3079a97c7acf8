"""A street of shops in a cluster: any number of applications with their twins, behind any number of gateways.

All of it is made from the example's own manifests, in two namespaces that nobody else uses. Each application has a
gatewayctl.yaml of its own, as teams have.
"""

import copy
import json
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.measuring import Broken, progress
from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object, connect
from gatewayctl.adapters.kubernetes.client.paths import config_maps, deployments, pods
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace

ROOT = Path(__file__).parents[1]
IMAGES = ("shop/orders:1.0", "shop/orders:1.1")
REPLICAS = 3
KEY = "rds.yaml"
HOST = "street.example.com"
_WITHIN = 600.0  # seconds, for a hundred Pods on a busy machine


@dataclass(frozen=True, slots=True)
class Street:
    """What was built; `folder` holds the configurations."""

    api: Api
    folder: Path
    apps: tuple[str, ...]
    gateways: int
    suffix: str

    @property
    def shop(self) -> str:
        """The namespace of the applications."""
        return f"bench-shop-{self.suffix}"

    @property
    def gateway(self) -> str:
        """The namespace of the gateways."""
        return f"bench-gateway-{self.suffix}"

    def config(self, app: str) -> Path:
        """The gatewayctl.yaml of one application, behind the first gateway."""
        return self.folder / app / "gatewayctl.yaml"

    def place(self, number: int = 0) -> GatewayPlace:
        """One of the gateways."""
        name = _gateway(number)
        return GatewayPlace(self.gateway, f"app={name}", _routes(number), (KEY,), 8000, 9901)

    def routes(self, number: int = 0) -> str:
        """The route file of a gateway as it is now."""
        return str(self.api.get(config_maps(self.gateway, _routes(number)))["data"][KEY])

    def addresses(self, number: int = 0) -> tuple[str, ...]:
        """Where each replica of a gateway takes traffic."""
        found = self.api.get(pods(self.gateway), labelSelector=f"app={_gateway(number)}")["items"]
        return tuple(f"{one['status']['podIP']}:8000" for one in found)

    def image(self, name: str) -> str:
        """What a Deployment asks for."""
        spec = self.api.get(deployments(self.shop, name))["spec"]["template"]["spec"]
        return str(spec["containers"][0]["image"])

    def other_image(self, app: str) -> str:
        """The image that an application does not run."""
        return next(image for image in IMAGES if image != self.image(app))

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Look until it is so. Raises Broken."""
        deadline = time.monotonic() + _WITHIN
        while not ready():
            if time.monotonic() > deadline:
                raise Broken(f"waited {_WITHIN:.0f} s for {what}")
            time.sleep(0.2)


@contextmanager
def street(apps: int, gateways: int = 1) -> Iterator[Street]:
    """A street of that size, ready; removed afterwards, and waited for, so that its end disturbs nobody."""
    names = tuple(f"app-{number:02}" for number in range(1, apps + 1))
    progress(f"building {apps} applications and {gateways} gateways of {REPLICAS} replicas")
    with tempfile.TemporaryDirectory(prefix="gatewayctl-bench-") as folder:
        built = Street(connect(), Path(folder), names, gateways, secrets.token_hex(3))
        try:
            kubectl(
                "create", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects(built)})
            )
            built.wait(lambda: _ready(built, built.shop) == apps, "the applications")
            built.wait(lambda: _ready(built, built.gateway) == gateways * REPLICAS, "the gateways")
            for app in names:
                built.config(app).parent.mkdir()
                built.config(app).write_text(configuration(built, app))
            yield built
        finally:
            _remove(built)


def kubectl(*arguments: str, given: str = "") -> str:
    """What kubectl prints. Raises Broken when it fails."""
    # The cluster's own is first in PATH.
    done = subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, timeout=300)  # noqa: S607
    if done.returncode:
        raise Broken(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _gateway(number: int) -> str:
    return f"gateway-{number}"


def _routes(number: int) -> str:
    return f"gateway-routes-{number}"


def _ready(built: Street, namespace: str) -> int:
    found = built.api.get(deployments(namespace))["items"]
    return sum(int(one.get("status", {}).get("readyReplicas") or 0) for one in found)


def _remove(built: Street) -> None:
    paths = [f"/api/v1/namespaces/{namespace}" for namespace in (built.shop, built.gateway)]
    for path in paths:
        built.api.delete(path)

    built.wait(lambda: all(_missing(built, path) for path in paths), "the street to be gone")


def _missing(built: Street, path: str) -> bool:
    try:
        built.api.get(path)
    except NotFound:
        return True
    return False


def objects(built: Street) -> list[Object]:
    """Everything, from the example's manifests."""
    example = {
        (one["kind"], one["metadata"]["name"]): one
        for name in ("shop.yaml", "gateway.yaml")
        for one in yaml.safe_load_all((ROOT / "manifests" / name).read_text())
    }
    made = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (built.shop, built.gateway)
    ]
    for app in built.apps:
        for old, new in (("orders", app), ("orders-canary", f"{app}-canary")):
            made += [_application(example["Deployment", old], built, (old, new), app)]
            made += [_renamed(example["Service", old], built.shop, (old, new))]
    made.append(_config_map(built.gateway, "gateway-bootstrap", {"bootstrap.yaml": bootstrap(built.apps)}))
    for number in range(built.gateways):
        made.append(_config_map(built.gateway, _routes(number), {KEY: route_file(built.apps)}))
        made.append(_gateway_deployment(example["Deployment", "gateway"], built, number))
    return made


def _renamed(found: Object, namespace: str, names: tuple[str, str]) -> Object:
    """The same object by another name: the name stands in metadata, labels and selectors, and nowhere else."""
    made = copy.deepcopy(found)
    made["metadata"] |= {"name": names[1], "namespace": namespace}
    spec = made["spec"]
    for labels in (spec["selector"], spec["selector"].get("matchLabels"), _template_labels(spec)):
        if labels and labels.get("app") == names[0]:
            labels["app"] = names[1]
    return made


def _template_labels(spec: Object) -> Any:
    return spec.get("template", {}).get("metadata", {}).get("labels")


def _application(found: Object, built: Street, names: tuple[str, str], app: str) -> Object:
    made = _renamed(found, built.shop, names)
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["args"] = ["--app", app]  # the last one counts
    container["resources"]["requests"]["cpu"] = "2m"  # a hundred and fifty of them have to fit on two cores
    # A hundred Pods that are asked every second, with a second to answer, would measure how much this machine can take.
    probe = container["readinessProbe"]
    container["startupProbe"] = {**probe, "periodSeconds": 1, "failureThreshold": round(_WITHIN)}
    container["readinessProbe"] = {**probe, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 6}
    return made


def _gateway_deployment(found: Object, built: Street, number: int) -> Object:
    made = _renamed(found, built.gateway, ("gateway", _gateway(number)))
    spec = made["spec"]["template"]["spec"]
    spec["dnsConfig"] = {"searches": [f"{built.shop}.svc.cluster.local"]}
    for volume in spec["volumes"]:
        if volume["name"] == "routes":
            volume["configMap"]["name"] = _routes(number)
    return made


def _config_map(namespace: str, name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def bootstrap(apps: tuple[str, ...]) -> str:
    """The example's, with a cluster for each application and each twin."""
    made = yaml.safe_load((ROOT / "gateway-config" / "bootstrap.yaml").read_text())
    example = json.dumps(made["static_resources"]["clusters"][0])
    names = [name for app in apps for name in (app, f"{app}-canary")]
    made["static_resources"]["clusters"] = [json.loads(example.replace('"orders"', json.dumps(name))) for name in names]
    return json.dumps(made)  # which is YAML, too


def route_file(apps: tuple[str, ...]) -> str:
    """A route for each application, in one virtual host, under the name that the bootstrap asks for."""
    example = yaml.safe_load((ROOT / "gateway-config" / KEY).read_text())["resources"][0]
    head = (
        f'# A route for each team.\nresources:\n  - "@type": {example["@type"]}\n    name: {example["name"]}\n'
        f'    virtual_hosts:\n      - name: street\n        domains: ["{HOST}", "{HOST}:*"]\n        routes:\n'
    )
    routes = [
        f'          # --- {app}\n          - match: {{ prefix: "/api/{app}/" }}\n'
        f"            route:\n              cluster: {app}\n              timeout: 15s\n"
        for app in apps
    ]
    return head + "".join(routes)


def configuration(built: Street, app: str) -> str:
    """A gatewayctl.yaml for one application, without suites."""
    place = built.place()
    return f"""\
version: 1
platform: {{kind: kubernetes, namespace: {built.shop}}}
gateway:
  kind: envoy
  namespace: {place.namespace}
  replicas: {{selector: {place.selector}}}
  config: {{configMap: {place.config_map}, key: {KEY}}}
  traffic: {place.traffic}
  admin: {place.admin}
apps:
  {app}:
    header: {{name: x-canary, value: per-release}}
    route: per-release
    identify: {{header: x-served-by}}
    probe: {{host: {HOST}, path: /api/{app}/health}}
    timings: {{ready: {_WITHIN:.0f}s, live: {_WITHIN:.0f}s}}
"""
