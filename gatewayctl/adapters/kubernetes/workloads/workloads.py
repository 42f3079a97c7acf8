"""ports.Workloads on Deployments: their spec, what their Pods really run, and conditional writes.

Every write carries a nonce in an annotation of the Deployment itself, never of its Pod template: the API server counts
a changed annotation as a new generation, so each write is a new version and restarts nothing. A new status changes
neither.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object, VersionConflict
from gatewayctl.adapters.kubernetes.client.conditional_write import ConditionalWrite, write_conditionally
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.client.names import MANAGER
from gatewayctl.adapters.kubernetes.client.paths import deployments, events, pods, replica_sets
from gatewayctl.adapters.kubernetes.client.watch import STALENESS
from gatewayctl.adapters.kubernetes.workloads.objects import (
    Template,
    desired_replicas,
    digest,
    find_container,
    is_ghost,
    is_observed,
    is_ready,
    is_terminating,
    nonce,
    requested_image,
    revision,
    selector,
    template_of,
    version,
)
from gatewayctl.adapters.kubernetes.workloads.patch import image_operations, write_operations
from gatewayctl.adapters.kubernetes.workloads.rollout_watch import (
    Snapshot,
    continue_watch,
    refresh,
    take_snapshot,
    wait_for_change,
)
from gatewayctl.adapters.kubernetes.workloads.trouble import find_trouble, suspects_probe
from gatewayctl.domain.errors import Missing, StaleWrite, UsageFault
from gatewayctl.domain.platform import Workload

_MOST_BYTES = 65536  # of one log


class KubernetesWorkloads:
    """The Deployments of one namespace; `containers` names the container of the application in some of them."""

    # Seconds from a Pod's readiness until every node routes to it: kube-proxy writes a node's rules at most once a
    # second (minSyncPeriod), after the endpoints have reached it. Nothing in the API tells which nodes are done.
    lag = 2.0
    readiness_gap = 5.0  # seconds; several probes, on a busy node

    def __init__(
        self, api: Api, namespace: str, containers: Mapping[str, str] | None = None, staleness: float = STALENESS
    ) -> None:
        self._api, self._namespace, self.containers = api, namespace, dict(containers or {})
        self.staleness = staleness
        # A thread takes a snapshot out while it uses it, and puts it back afterwards: two threads never share one.
        self._snapshots: dict[str, Snapshot] = {}
        self._templates: dict[tuple[str, str], Template] = {}

    def read(self, name: str) -> Workload:
        """A Deployment as it was at most `staleness` seconds ago. Raises Missing, EnvironmentFailed.

        Read again soon, it returns once something has changed, or after about a second. From the second read on it is
        watched.
        """
        return self._with_trouble(self._snapshot(name))

    def read_now(self, name: str) -> Workload:
        """A Deployment by requests of their own, so not older than the call. Raises Missing, EnvironmentFailed."""
        found = self._request(name, self._snapshots.pop(name, None))
        self._snapshots[name] = found
        return self._with_trouble(found)

    def deployment(self, name: str) -> Object:
        """The Deployment that `read` reads, as JSON, without a second request for both. Raises Missing."""
        return self._snapshot(name).deployment

    def pods(self, name: str) -> list[Object]:
        """Its Pods that still run something, as JSON, as `read` reads them. Raises Missing, EnvironmentFailed."""
        return self._snapshot(name).existing

    def deployment_known(self, name: str) -> Object:
        """The Deployment as it was read last, however long ago: for what never changes, as its uid. Raises Missing."""
        before = self._snapshots.get(name)
        return before.deployment if before else self.deployment(name)

    def _snapshot(self, name: str) -> Snapshot:
        before, found = self._snapshots.pop(name, None), None
        if before is not None:
            is_waiting = before.is_recent and not self._workload(before).settled
            if is_waiting:
                found = wait_for_change(self._api, self._namespace, before, self.staleness)
            else:
                found = refresh(before, self.staleness) or self._follow(before)
        if found is None:
            found = self._request(name, before)
        self._snapshots[name] = found
        return found

    def _follow(self, before: Snapshot) -> Snapshot | None:
        """A settled snapshot that is young enough, watched from then on: no request says more. None for another one."""
        is_young = time.monotonic() - before.asked <= self.staleness
        if before.watch is not None or not is_young or not self._workload(before).settled:
            return None
        continue_watch(self._api, self._namespace, before, None)
        return before

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        """Set image, replicas or both, as a new version; StaleWrite when someone wrote since `expected`."""
        if replicas is not None and replicas < 0:
            raise UsageFault(f"{expected.name}: {replicas} replicas are not possible")
        name, mine = expected.name, secrets.token_hex(8)
        before = self._snapshots.pop(name, None)
        now = before.deployment if before and version(before.deployment) == expected.version else self._deployment(name)
        write = ConditionalWrite(
            f"Deployment {name}",
            send=lambda found: self._patch(found, write_operations(found, mine, self._image(found, image), replicas)),
            read=lambda: self._deployment(name),
            is_done_in=lambda found: nonce(found) == mine,
            verify=lambda found: _verify_version(found, expected),
        )
        now = write_conditionally(write, now)
        snapshot = self._after_write(now, before)
        self._snapshots[name] = snapshot
        # The watch may be ahead of our answer already; a write that expects our version must then be stale.
        return replace(self._workload(snapshot), version=version(now))

    def logs(self, name: str, lines: int = 20) -> str:
        """The last log lines of one of its newest Pods: of one that is not ready, if there is any."""
        deployment = self._deployment(name)
        snapshot = take_snapshot(self._api, self._namespace, deployment)
        snapshot.template = self._template(snapshot)
        ordered = sorted(
            snapshot.current or snapshot.existing, key=lambda pod: (not is_ready(pod), _creation_time(pod))
        )
        if not ordered:
            return ""
        pod, app = ordered[-1], self._container(deployment)[1]
        status = next((one for one in items(pod, "status", "containerStatuses") if one.get("name") == app), {})
        # A container that was restarted and runs again has not logged yet why it ended; the run before it has.
        query = {"container": app, "tailLines": str(lines), "limitBytes": str(_MOST_BYTES)}
        if number(status, "restartCount") and "running" in part(status, "state") and not is_ready(pod):
            query["previous"] = "true"
        try:
            text = self._api.text(f"{pods(self._namespace, name_of(pod))}/log", **query)
        except ApiFault as fault:
            return f"{name_of(pod)}: no log: {fault}"
        return "\n".join(text.splitlines()[-lines:]) if lines else ""

    def _request(self, name: str, before: Snapshot | None) -> Snapshot:
        """A snapshot by requests. A Deployment that was settled and has not changed since still has the same Pods."""
        asked = time.monotonic()
        now = self._deployment(name)
        if before is None:
            return take_snapshot(self._api, self._namespace, now)
        if _same(now, before.deployment) and self._workload(before).settled:
            found = Snapshot(now, before.pods, before.since, template=before.template)
        else:
            found = take_snapshot(self._api, self._namespace, now)
        found.asked = asked
        continue_watch(self._api, self._namespace, found, before.watch)
        return found

    def _after_write(self, written: Object, before: Snapshot | None) -> Snapshot:
        """The snapshot right after a write of ours."""
        if before is not None and before.watch is not None:
            before.watch.update(written)
            found = refresh(before, self.staleness)
            if found is not None:
                return found
        if before is not None and before.is_recent:
            return replace(before, deployment=written)
        return take_snapshot(self._api, self._namespace, written)

    def _container(self, deployment: Object) -> tuple[int, str, str]:
        return find_container(deployment, self.containers.get(name_of(deployment), ""))

    def _image(self, now: Object, image: str | None) -> list[Object]:
        container = self.containers.get(name_of(now), "")
        return [] if image is None else image_operations(now, container, image)

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
            return self._api.patch(deployments(self._namespace, name_of(now)), operations, fieldManager=MANAGER)
        except VersionConflict:
            raise
        except ApiFault as fault:
            # Also a patch whose result is invalid fails with 422: only a read tells whether the object had changed.
            if fault.status != HTTPStatus.UNPROCESSABLE_ENTITY or version(now) == version(
                self._deployment(name_of(now))
            ):
                raise
            raise VersionConflict(fault.status, str(fault)) from fault

    def _with_trouble(self, snapshot: Snapshot) -> Workload:
        """The workload, and what keeps it from becoming ready; Events are requested where only they tell the reason."""
        now = self._workload(snapshot)
        if now.settled or not is_observed(snapshot.deployment):
            return now
        pod_events: list[Object] = []
        for pod in suspects_probe(snapshot.current)[:1]:
            pod_events += items(self._api.get(events(self._namespace), fieldSelector=f"regarding.name={pod}"), "items")
        return replace(now, trouble=find_trouble(snapshot.deployment, snapshot.current, pod_events))

    def _workload(self, snapshot: Snapshot) -> Workload:
        deployment = snapshot.deployment
        _, app, image = self._container(deployment)
        snapshot.template = self._template(snapshot)
        # The image as the ReplicaSet has it, not as the Pod's status has it: mirrors of registries rewrite it there.
        good = [pod for pod in snapshot.current if is_ready(pod) and snapshot.template.image == image]
        wall = SystemClock().wall()
        ghosts = [pod for pod in snapshot.existing if is_ghost(pod, wall)]
        pods = [pod for pod in snapshot.existing if pod not in ghosts]
        status, requested = part(deployment, "status"), requested_image(deployment, app)
        updated = number(status, "updatedReplicas")
        return Workload(
            name=snapshot.name,
            image=image,
            replicas=desired_replicas(deployment),
            ready=len(good),
            version=version(deployment),
            pods=tuple(sorted(map(name_of, pods))),
            ending=sum(map(is_terminating, pods)),
            ghosts=tuple(sorted(map(_ghost_name, ghosts))),
            updated=updated,
            available=number(status, "availableReplicas"),
            others=max(number(status, "replicas") - updated, 0),
            observed=is_observed(deployment),
            min_ready=number(part(deployment, "spec"), "minReadySeconds"),
            digest=digest(good, app),
            requested=requested if requested != image else "",
        )

    def _template(self, snapshot: Snapshot) -> Template:
        """The newest ReplicaSet, requested once per revision, and only when there are Pods to tell apart."""
        deployment = snapshot.deployment
        if snapshot.watch is not None and not is_observed(deployment):
            return snapshot.template  # an event will come once the controller has made the new ReplicaSet
        key = (str(part(deployment, "metadata").get("uid")), revision(deployment))
        if key not in self._templates and snapshot.existing:
            found = self._api.get(replica_sets(self._namespace), labelSelector=selector(deployment))
            template = template_of(deployment, items(found, "items"), self._container(deployment)[1])
            if not template.hash:
                return template
            self._templates[key] = template
        return self._templates.get(key, Template())


def _verify_version(found: Object, expected: Workload) -> None:
    if version(found) != expected.version:
        raise StaleWrite(
            f"Deployment {expected.name} was changed by someone else: "
            f"expected version {expected.version}, found {version(found)}"
        )


def _same(now: Object, then: Object) -> bool:
    version = part(now, "metadata").get("resourceVersion")
    return bool(version) and version == part(then, "metadata").get("resourceVersion")


def _ghost_name(pod: Object) -> str:
    return f"{name_of(pod)} on node {part(pod, 'spec').get('nodeName', 'unknown')}"


def _creation_time(pod: Object) -> str:
    return str(part(pod, "metadata").get("creationTimestamp", ""))
