"""The floor of a crowd: what the cluster itself needs to roll the Pods of many releases, with no gateway and no proof.

Nothing here is ours but the client: patches of Deployments, and looks at their status as kubectl rollout status takes
them. The steps are those of a release, in its order: canary up, stable to the new image, canary down.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from bench.measuring import Broken, progress
from bench.street import Street
from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import name_of
from gatewayctl.adapters.kubernetes.client.paths import deployments, pods
from gatewayctl.adapters.kubernetes.client.watch import WatchedList

_EVERY = 0.25  # seconds between two looks at what the watches have told
_WITHIN = 600.0  # seconds for one step of one application


def rolled(built: Street, apps: tuple[str, ...]) -> float:
    """Seconds until the Pods of all applications have been rolled to the other image. Raises Broken."""
    images = {app: built.other_image(app) for app in apps}
    # One watch for all: requests of each would be a load of their own, and make the floor higher than it is.
    shop = _Shop(
        built.api,
        built.shop,
        WatchedList(built.api, deployments(built.shop)),
        WatchedList(built.api, pods(built.shop)),
    )
    start = time.perf_counter()
    with ThreadPoolExecutor(len(apps)) as pool:
        list(pool.map(lambda app: shop.roll(app, images[app]), apps))
    seconds = time.perf_counter() - start
    progress(f"the same Pods without a gateway: {seconds:.1f} s")
    return seconds


@dataclass(frozen=True, slots=True)
class _Shop:
    """The Deployments and Pods of all applications."""

    api: Api
    namespace: str
    deployments: WatchedList
    pods: WatchedList

    def roll(self, app: str, image: str) -> None:
        """One application, as its release does it."""
        canary = f"{app}-canary"
        for name, replicas in ((canary, 1), (app, None)):
            written = self._set(name, image, replicas)
            _wait(partial(self._is_complete, name, written), f"{name} to run {image}")
        self._set(canary, image, 0)
        _wait(lambda: not self._has_pods(canary), f"{canary} to be gone")

    def _set(self, name: str, image: str, replicas: int | None) -> Object:
        operations: list[Object] = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]
        if replicas is not None:
            operations.append({"op": "replace", "path": "/spec/replicas", "value": replicas})
        return self.api.patch(deployments(self.namespace, name), operations)

    def _is_complete(self, name: str, written: Object) -> bool:
        """Whether the rollout that a write began is done, as kubectl rollout status has it."""
        found = next(one for one in self.deployments.read() if name_of(one) == name)
        wanted, status = written["spec"]["replicas"], found.get("status", {})
        counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
        return status.get("observedGeneration", 0) >= written["metadata"]["generation"] and counts == {wanted}

    def _has_pods(self, app: str) -> bool:
        return any(one["metadata"].get("labels", {}).get("app") == app for one in self.pods.read())


def _wait(is_done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _WITHIN
    while not is_done():
        if time.monotonic() > deadline:
            raise Broken(f"waited {_WITHIN:.0f} s for {what}")
        time.sleep(_EVERY)
