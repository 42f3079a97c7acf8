"""ports.Workloads on Deployments: what they ask for, what their Pods really do, and conditional writes.

Every write carries a nonce in an annotation of the Deployment itself, never of its Pod template: the API server counts
a changed annotation as a new generation, so each write is a new version and restarts nothing. Status moves neither.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object, VersionConflict
from gatewayctl.adapters.kubernetes.client.conditional_write import ConditionalWrite, write_conditionally
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.adapters.kubernetes.client.paths import deployments, events, pods, replica_sets
from gatewayctl.adapters.kubernetes.workloads.objects import (
    Template,
    container,
    digest,
    is_ready,
    nonce,
    observed,
    revision,
    selector,
    template_of,
    version,
    wanted,
)
from gatewayctl.adapters.kubernetes.workloads.rollout_watch import News, Seen, followed, looked, told
from gatewayctl.adapters.kubernetes.workloads.trouble import suspects_probe, trouble
from gatewayctl.domain.errors import Missing, StaleWrite, UsageFault
from gatewayctl.domain.platform import Workload

_MOST_BYTES = 65536  # of one log


class KubernetesWorkloads:
    """The Deployments of one namespace; `containers` names the application's container where it cannot be told."""

    # kube-proxy writes a node's rules at most once a second (minSyncPeriod), after the endpoints have reached it.
    # Before that, whoever asks the Service is refused, and nothing in the API tells which nodes are done.
    lag = 2.0

    def __init__(self, api: Api, namespace: str, containers: Mapping[str, str] | None = None) -> None:
        self._api, self._namespace, self.containers = api, namespace, dict(containers or {})
        # Taken out by whoever uses it and put back afterwards: two threads never share one.
        self._seen: dict[str, Seen] = {}
        self._templates: dict[tuple[str, str], Template] = {}

    def read(self, name: str) -> Workload:
        """As it is now; a wait, which reads again and again, returns when something changes, within a second.

        What is read a second time is followed from then on. Raises Missing, EnvironmentFailed.
        """
        return self._explained(self._now(name))

    def deployment(self, name: str) -> Object:
        """The Deployment that `read` reads, as JSON: who needs both asks for it once. Raises Missing."""
        return self._now(name).deployment

    def _now(self, name: str) -> Seen:
        before, seen = self._seen.pop(name, None), None
        if before is not None:
            waiting = before.recent and not self._workload(before).settled
            seen = followed(self._api, self._namespace, before) if waiting else told(before)
        if seen is None:
            seen = self._looked(name, before)
        self._seen[name] = seen
        return seen

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        """Set image, replicas or both, as a new version; StaleWrite when someone wrote since `expected`."""
        if replicas is not None and replicas < 0:
            raise UsageFault(f"{expected.name}: {replicas} replicas are not possible")
        name, mine = expected.name, secrets.token_hex(8)
        before = self._seen.pop(name, None)
        now = before.deployment if before and version(before.deployment) == expected.version else self._deployment(name)
        write = ConditionalWrite(
            f"Deployment {name}",
            send=lambda found: self._patch(found, _operations(found, mine, self._image(found, image), replicas)),
            read=lambda: self._deployment(name),
            is_done_in=lambda found: nonce(found) == mine,
            verify=lambda found: _verify_version(found, expected),
        )
        now = write_conditionally(write, now)
        seen = self._after(now, before)
        self._seen[name] = seen
        # Events may be ahead of the answer already; whoever swaps on ours must then lose.
        return replace(self._workload(seen), version=version(now))

    def logs(self, name: str, lines: int = 20) -> str:
        """The last log lines of that one of its newest Pods which has most to say: one that is not ready, if any."""
        deployment = self._deployment(name)
        seen = looked(self._api, self._namespace, deployment)
        seen.template = self._template(seen)
        held = sorted(seen.current or seen.existing, key=lambda pod: (not is_ready(pod), _created(pod)))
        if not held:
            return ""
        pod, app = held[-1], self._container(deployment)[1]
        status = next((one for one in items(pod, "status", "containerStatuses") if one.get("name") == app), {})
        # A container that was restarted and runs again has not said yet why it ended; the one before it has.
        query = {"container": app, "tailLines": str(lines), "limitBytes": str(_MOST_BYTES)}
        if number(status, "restartCount") and "running" in part(status, "state") and not is_ready(pod):
            query["previous"] = "true"
        try:
            text = self._api.text(f"{pods(self._namespace, name_of(pod))}/log", **query)
        except ApiFault as fault:
            return f"{name_of(pod)}: no log: {fault}"
        return "\n".join(text.splitlines()[-lines:]) if lines else ""

    def _looked(self, name: str, before: Seen | None) -> Seen:
        """By requests. A Deployment that was settled and has not moved since, status included, has the Pods it had."""
        now = self._deployment(name)
        if before is None:
            return looked(self._api, self._namespace, now)
        if _same(now, before.deployment) and self._workload(before).settled:
            seen = Seen(now, before.pods, before.since, template=before.template)
        else:
            seen = looked(self._api, self._namespace, now)
        seen.news = before.news
        if seen.news is None or seen.news.over:
            seen.news = News(self._api, self._namespace, seen)
        return seen

    def _after(self, written: Object, before: Seen | None) -> Seen:
        """What there is right after a write of ours."""
        if before is not None and before.news is not None:
            before.news.put(written)
            found = told(before)
            if found is not None:
                return found
        if before is not None and before.recent:
            return replace(before, deployment=written)
        return looked(self._api, self._namespace, written)

    def _container(self, deployment: Object) -> tuple[int, str, str]:
        return container(deployment, self.containers.get(name_of(deployment), ""))

    def _image(self, now: Object, image: str | None) -> list[Object]:
        """The part of a JSON Patch that gives the application's container an image; nothing for None."""
        index, name, _ = self._container(now)
        path = f"/spec/template/spec/containers/{index}"
        return (
            [
                {"op": "test", "path": f"{path}/name", "value": name},
                {"op": "replace", "path": f"{path}/image", "value": image},
            ]
            if image is not None
            else []
        )

    def _deployment(self, name: str) -> Object:
        try:
            return self._api.get(deployments(self._namespace, name))
        except NotFound as fault:
            raise Missing(
                f"there is no Deployment {name} in namespace {self._namespace}",
                hint=f"apply its manifest again; what is there: kubectl -n {self._namespace} get deployments",
            ) from fault

    def _patch(self, now: Object, operations: list[Object]) -> Object:
        """The Deployment after a patch of `now`. Raises VersionConflict when it had changed, else ApiFault."""
        try:
            return self._api.patch(deployments(self._namespace, name_of(now)), operations)
        except VersionConflict:
            raise
        except ApiFault as fault:
            # Also a patch whose result is invalid fails with 422: only a read tells whether the object had changed.
            if fault.status != HTTPStatus.UNPROCESSABLE_ENTITY or version(now) == version(
                self._deployment(name_of(now))
            ):
                raise
            raise VersionConflict(fault.status, str(fault)) from fault

    def _explained(self, seen: Seen) -> Workload:
        """With Events where only they can tell why a container ended."""
        now = self._workload(seen)
        if now.settled or not observed(seen.deployment):
            return now
        noted: list[Object] = []
        for pod in suspects_probe(seen.current)[:1]:
            noted += items(self._api.get(events(self._namespace), fieldSelector=f"regarding.name={pod}"), "items")
        return replace(now, trouble=trouble(seen.deployment, seen.current, noted))

    def _workload(self, seen: Seen) -> Workload:
        deployment = seen.deployment
        _, app, image = self._container(deployment)
        seen.template = self._template(seen)
        # The ReplicaSet's word for the image, not the Pod's: registries' mirrors rewrite it there.
        good = [pod for pod in seen.current if is_ready(pod) and seen.template.image == image]
        status, replicas = part(deployment, "status"), wanted(deployment)
        counts = {number(status, key) for key in ("updatedReplicas", "readyReplicas", "replicas")}
        return Workload(
            name=seen.name,
            image=image,
            replicas=replicas,
            ready=len(good),
            version=version(deployment),
            pods=tuple(sorted(map(name_of, seen.existing))),
            settled=observed(deployment) and counts == {replicas} and len(seen.existing) == len(good) == replicas,
            digest=digest(good, app),
        )

    def _template(self, seen: Seen) -> Template:
        """The newest ReplicaSet, asked for once per revision, and only when there are Pods to tell apart."""
        deployment = seen.deployment
        if seen.news is not None and not observed(deployment):
            return seen.template  # the controller has not said yet which one is the newest now: it will, in an event
        key = (str(part(deployment, "metadata").get("uid")), revision(deployment))
        if key not in self._templates and seen.existing:
            found = self._api.get(replica_sets(self._namespace), labelSelector=selector(deployment))
            template = template_of(deployment, items(found, "items"), self._container(deployment)[1])
            if not template.hash:
                return template
            self._templates[key] = template
        return self._templates.get(key, Template())


def _operations(now: Object, mine: str, image: list[Object], replicas: int | None) -> list[Object]:
    """A JSON Patch that does nothing unless the Deployment is the very one that was read."""
    meta = part(now, "metadata")
    tests: list[Object] = [
        {"op": "test", "path": "/metadata/uid", "value": meta.get("uid")},
        {"op": "test", "path": "/metadata/generation", "value": meta.get("generation")},
    ]
    writes: list[Object] = []
    if part(meta, "annotations"):
        writes.append({"op": "add", "path": f"/metadata/annotations/{WRITE.replace('/', '~1')}", "value": mine})
    else:
        # The first annotation makes the map that others may be making at the same time.
        tests.append({"op": "test", "path": "/metadata/resourceVersion", "value": meta.get("resourceVersion")})
        writes.append({"op": "add", "path": "/metadata/annotations", "value": {WRITE: mine}})
    if replicas is not None:
        writes.append({"op": "add", "path": "/spec/replicas", "value": replicas})
    return [*tests, *image, *writes]


def _verify_version(found: Object, expected: Workload) -> None:
    if version(found) != expected.version:
        raise StaleWrite(
            f"Deployment {expected.name} was changed by someone else: "
            f"expected version {expected.version}, found {version(found)}"
        )


def _same(now: Object, then: Object) -> bool:
    version = part(now, "metadata").get("resourceVersion")
    return bool(version) and version == part(then, "metadata").get("resourceVersion")


def _created(pod: Object) -> str:
    return str(part(pod, "metadata").get("creationTimestamp", ""))
