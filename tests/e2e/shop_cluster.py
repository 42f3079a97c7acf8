"""The example in a cluster: its own manifests, in two namespaces that nobody else uses, with two applications."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import yaml

from gatewayctl.adapters.http import HttpProber
from gatewayctl.adapters.kubernetes.client.api import Api, NotFound
from gatewayctl.adapters.kubernetes.client.paths import config_maps, deployments, pods, services
from gatewayctl.domain.platform import Probe, Replica
from tests.e2e.journals import journals_of
from tests.signals import default_signals

ROOT = Path(__file__).parents[2]
SHOP, GATEWAY = "shop", "gateway"
WITHIN = 120  # seconds
TO_START = 300  # seconds for the gateways to start: three JVMs on a busy machine take minutes
# The example's load, and what tests of something else put in its place: no busy machine makes a canary slow by it.
LOAD = "users: 8, duration: 8s, slack: 25ms}"
LONG, SHORT = "users: 8, duration: 8s, slack: 2s}", "users: 4, duration: 3s, samples: 2, slack: 2s}"

AnyShopCluster = TypeVar("AnyShopCluster", bound="ShopCluster")


@dataclass
class ShopCluster:
    """Both namespaces of one copy of the example; `folder` holds its gatewayctl.yaml and what commands leave.

    Commands see `environment` on top of this process's own.
    """

    api: Api
    folder: Path
    suffix: str = field(default_factory=lambda: secrets.token_hex(3))
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def apps(self) -> tuple[str, ...]:
        """The applications."""
        return ("orders", "payments")

    @property
    def shop(self) -> str:
        return f"{SHOP}-{self.suffix}"

    @property
    def gateway(self) -> str:
        return f"{GATEWAY}-{self.suffix}"

    def build(self) -> None:
        """Apply the manifests, and wait until everything is ready."""
        self.apply(self.manifests())
        self.settle(lambda: self.ready(self.gateway, "gateway") == 3, "three gateway replicas", within=TO_START)
        for app in self.apps:
            self.settle(partial(self.is_ready, app), app)
            self.settle(partial(self.answers, app), f"{app} to be reached: a Pod is ready before its Service is")
        self.configure()

    def manifests(self) -> list[dict[str, Any]]:
        """All objects of the example, under its own names."""
        return [one for one in yaml.safe_load_all(kubectl("kustomize", str(ROOT / "manifests"))) if one]

    def apply(self, objects: list[dict[str, Any]]) -> None:
        """Make them in our namespaces."""
        kubectl("apply", "-f", "-", given=yaml.safe_dump_all([self._moved(one) for one in objects]))

    def answers(self, app: str) -> bool:
        """Whether an application answers through every gateway replica, and through the Service before them."""
        return self.all_answer(app, HTTPStatus.OK)

    def all_answer(self, app: str, status: HTTPStatus, *headers: tuple[str, str]) -> bool:
        """Whether a request for an application is answered with `status` wherever it enters."""
        probe = Probe("shop.example.com", f"/api/{app}/health", headers)
        entrances = [Replica(endpoints, endpoints) for endpoints in self.entrances()]
        with ThreadPoolExecutor(len(entrances)) as pool:
            return all(pool.map(lambda one: HttpProber().ask(one, probe).status == status, entrances))

    def entrances(self) -> tuple[str, ...]:
        """Every gateway replica, and the Service that stands before all of them, as host:port."""
        found = self.api.get(pods(self.gateway), labelSelector="app=gateway")["items"]
        service = self.api.get(f"{services(self.gateway)}/gateway")["spec"]["clusterIP"]
        return (*(f"{one['status'].get('podIP')}:8000" for one in found), f"{service}:80")

    def configure(self) -> None:
        """Write the cluster's gatewayctl.yaml."""
        text = (ROOT / "manifests" / "gatewayctl.yaml").read_text()
        text = text.replace("namespace: shop}", f"namespace: {self.shop}}}")
        text = text.replace("namespace: gateway\n", f"namespace: {self.gateway}\n")
        text = text.replace("../smoke", str(ROOT / "smoke"))
        assert LOAD in text
        self.config.write_text(text.replace(LOAD, SHORT))

    def remove(self) -> None:
        """Delete both namespaces; the cluster takes its time, and nobody waits for it."""
        for namespace in (self.shop, self.gateway):
            self.api.delete(f"/api/v1/namespaces/{namespace}")

    @property
    def config(self) -> Path:
        return self.folder / "gatewayctl.yaml"

    def settle(self, ready: Callable[[], bool], what: str, every: float = 0.1, within: float = WITHIN) -> None:
        deadline = time.monotonic() + within
        while not ready():
            assert time.monotonic() < deadline, f"waited {within:g} s for {what}"
            time.sleep(every)

    def is_ready(self, app: str) -> bool:
        """Whether an application has a ready Pod."""
        return self.ready(self.shop, app) >= 1

    def is_there(self, path: str) -> bool:
        try:
            self.api.get(path)
        except NotFound:
            return False
        return True

    def deployment(self, name: str) -> dict[str, Any]:
        return self.api.get(deployments(self.shop, name))

    def ready(self, namespace: str, name: str) -> int:
        return int(self.api.get(deployments(namespace, name)).get("status", {}).get("readyReplicas") or 0)

    def image(self, name: str) -> str:
        return str(self.deployment(name)["spec"]["template"]["spec"]["containers"][0]["image"])

    def replicas(self, name: str) -> int:
        return int(self.deployment(name)["spec"]["replicas"])

    def pods(self, app: str) -> list[str]:
        """Pods that may still run something; one whose containers have ended stays listed for a moment."""
        found = self.api.get(pods(self.shop), labelSelector=f"app={app}")
        return [
            one["metadata"]["name"] for one in found["items"] if one["status"]["phase"] not in {"Succeeded", "Failed"}
        ]

    def release_of(self, app: str) -> dict[str, Any] | None:
        """The journal of an application's last release."""
        return journals_of(self.api.get(config_maps(self.shop))["items"]).get(app)

    def phase(self, app: str) -> str:
        """Where the release in progress stands; empty when there is none."""
        found = self.release_of(app)
        return str(found["phase"]) if found and found["phase"] != "done" else ""

    def routes(self) -> str:
        return str(self.api.get(config_maps(self.gateway, "gateway-routes"))["data"]["rds.yaml"])

    def start(self, *arguments: str, cwd: Path | None = None, **around: str) -> subprocess.Popen[str]:
        """A gatewayctl command, running; `around` is added to its environment."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAYCTL_")}
        with default_signals():
            return subprocess.Popen(
                [sys.executable, "-m", "gatewayctl", *arguments],
                cwd=cwd or self.folder,
                env={**environment, "PYTHONUNBUFFERED": "1", **self.environment, **around},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def run(self, *arguments: str, cwd: Path | None = None, within: float = 170.0, **around: str) -> "Done":
        """A gatewayctl command, to its end, which must come within so many seconds."""
        process = self.start(*arguments, cwd=cwd, **around)
        try:
            out, err = process.communicate(timeout=within)
        finally:
            process.kill()
        return Done(process.returncode, out, err)

    def other_image(self, app: str) -> str:
        """The image of an application that it does not run now."""
        return f"shop/{app}:{'1.0' if self.image(app).endswith(':1.1') else '1.1'}"

    def release_all(self, images: Mapping[str, str], within: float = 170.0) -> list["Done"]:
        """Applications released at once, each by a process of its own; no process is left behind."""
        deadline = time.monotonic() + within
        running = [
            self.start("release", app, "--image", new, "--promote", "on-success", "--untested")
            for app, new in images.items()
        ]
        try:
            ended = []
            for process in running:
                out, err = process.communicate(timeout=max(1.0, deadline - time.monotonic()))
                ended.append(Done(process.returncode, out, err))
            return ended
        finally:
            for process in running:
                if process.poll() is None:
                    process.kill()
                    process.communicate()

    def _moved(self, found: dict[str, Any]) -> dict[str, Any]:
        """The same object in our namespaces."""
        names = {SHOP: self.shop, GATEWAY: self.gateway}
        meta = found["metadata"]
        if found["kind"] == "Namespace":
            meta["name"] = names[meta["name"]]
        elif "namespace" in meta:
            meta["namespace"] = names[meta["namespace"]]
        for subject in found.get("subjects", []):
            if "namespace" in subject:
                subject["namespace"] = names[subject["namespace"]]
        searches = found.get("spec", {}).get("template", {}).get("spec", {}).get("dnsConfig", {}).get("searches", [])
        searches[:] = [one.replace(f"{SHOP}.svc", f"{self.shop}.svc") for one in searches]
        return found


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


@contextmanager
def running_cluster(cluster: AnyShopCluster) -> Iterator[AnyShopCluster]:
    """Build the cluster, and remove it at the end."""
    try:
        cluster.build()
        yield cluster
    finally:
        cluster.remove()


def assert_all_released_at_once(cluster: ShopCluster) -> None:
    """Every application gets its other image at the same time; none loses an edit, and the routes are as before."""
    before, images = cluster.routes(), {app: cluster.other_image(app) for app in cluster.apps}

    ended = cluster.release_all(images)

    assert [done.code for done in ended] == [0] * len(images), "\n".join(done.said for done in ended)
    assert {app: cluster.image(app) for app in cluster.apps} == images
    assert cluster.routes() == before


def assert_bad_canary_rejected(cluster: ShopCluster) -> None:
    """A canary that fails its suite is rejected; the image of stable and the routes are as before."""
    routes, image = cluster.routes(), cluster.image("orders")

    done = cluster.run("release", "orders", "--image", "shop/orders:1.1-errors", "--promote", "on-success")

    assert done.code == 3, done.said
    assert cluster.image("orders") == image
    assert cluster.routes() == routes


def kubectl(*arguments: str, given: str = "") -> str:
    """One kubectl command in the cluster of $KUBECONFIG; fails the test when it fails."""
    done = subprocess.run(
        ["kubectl", *arguments],  # noqa: S607 (the test cluster's own is first in PATH)
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout
