"""The floor of a crowd: what the cluster itself needs to roll the Pods of many releases, with no gateway and no proof.

Nothing here is ours but the client: patches of Deployments, and looks at their status as kubectl rollout status takes
them. The steps are those of a release, in its order: canary up, stable to the new image, canary down.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.measuring import Broken, progress
from bench.street import Street
from gatewayctl.adapters.kubernetes.client.api import Api, Object, connect
from gatewayctl.adapters.kubernetes.client.paths import deployments, pods

_EVERY = 0.25  # seconds between two looks
_WITHIN = 600.0  # seconds for one step of one application


def rolled(built: Street, apps: tuple[str, ...]) -> float:
    """Seconds until the Pods of all applications have been rolled to the other image. Raises Broken."""
    images = {app: built.other_image(app) for app in apps}
    clients = {app: connect() for app in apps}  # as each release has its own
    start = time.perf_counter()
    with ThreadPoolExecutor(len(apps)) as pool:
        list(pool.map(lambda app: _roll(clients[app], built.shop, app, images[app]), apps))
    seconds = time.perf_counter() - start
    progress(f"the same Pods without a gateway: {seconds:.1f} s")
    return seconds


def _roll(api: Api, namespace: str, app: str, image: str) -> None:
    canary = f"{app}-canary"
    for name, replicas in ((canary, 1), (app, None)):
        _set(api, namespace, name, image, replicas)
        _wait(partial(_is_complete, api, namespace, name), f"{name} to run {image}")
    _set(api, namespace, canary, image, 0)
    _wait(lambda: not api.get(pods(namespace), labelSelector=f"app={canary}")["items"], f"{canary} to be gone")


def _set(api: Api, namespace: str, name: str, image: str, replicas: int | None) -> None:
    path = deployments(namespace, name)
    operations: list[Object] = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]
    if replicas is not None:
        operations.append({"op": "replace", "path": "/spec/replicas", "value": replicas})
    api.patch(path, operations)


def _is_complete(api: Api, namespace: str, name: str) -> bool:
    """Whether a rollout is done, as kubectl rollout status has it."""
    found = api.get(deployments(namespace, name))
    wanted, status = found["spec"]["replicas"], found.get("status", {})
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return status.get("observedGeneration", 0) >= found["metadata"]["generation"] and counts == {wanted}


def _wait(is_done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _WITHIN
    while not is_done():
        if time.monotonic() > deadline:
            raise Broken(f"waited {_WITHIN:.0f} s for {what}")
        time.sleep(_EVERY)
