"""Start a Job in the cluster, look at it, read what its Pods print, delete it.

Nothing waits here. The permissions that this needs are those of manifests/submitter.yaml, not those of a release.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.paths import config_maps, jobs, pods, service_accounts
from gatewayctl.adapters.kubernetes.jobs.bundle import Bundle
from gatewayctl.adapters.kubernetes.jobs.manifest import CONTAINER, Task, files, job

# Why a Job's Pod does not start is found in the same fields as for any other Pod.
from gatewayctl.adapters.kubernetes.workloads.trouble import pod_failure_reason
from gatewayctl.domain.errors import EnvironmentFailed, GatewayctlError

_SILENCE = 30.0  # seconds without a line after which reading a log ends


@dataclass(frozen=True, slots=True)
class JobPod:
    """One Pod of a Job. `exit_code` is None until its container has ended.

    `trouble` is the reason why the container will certainly not begin; empty while it may.
    """

    name: str
    begun: bool
    exit_code: int | None
    trouble: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class JobState:
    """A Job's Pods, newest first; `over` is the reason why no more will follow, empty while some may."""

    pods: tuple[JobPod, ...]
    over: str


@dataclass(frozen=True, slots=True)
class Runner:
    """Jobs in one namespace."""

    api: Api
    namespace: str

    def check_account(self, account: str) -> None:
        """Raise EnvironmentFailed when there is no such ServiceAccount: the Job could never make a Pod."""
        try:
            self.api.get(service_accounts(self.namespace, account))
        except NotFound as fault:
            raise EnvironmentFailed(
                f"there is no ServiceAccount {account} in namespace {self.namespace}, which the release would run as",
                hint="manifests/rbac.yaml has it with the least rights; another one is platform.runner.account",
            ) from fault

    def start(self, task: Task, bundle: Bundle) -> None:
        """Create the Job, then its files; the Job is deleted when the files cannot be created. Raises ApiFault."""
        made = self.api.create(jobs(self.namespace), job(task, bundle))
        try:
            self.api.create(config_maps(self.namespace), files(task, bundle, made))
        except GatewayctlError:
            self.cancel(task.name)
            raise

    def cancel(self, name: str) -> None:
        """Delete a Job with its Pods and files."""
        self.api.delete(jobs(self.namespace, name), propagationPolicy="Background")

    def look(self, name: str) -> JobState:
        """A Job as it is now. Raises ApiFault."""
        found = items(self.api.get(pods(self.namespace), labelSelector=f"batch.kubernetes.io/job-name={name}"), "items")
        newest_first = sorted(found, key=_creation_time, reverse=True)
        try:
            over = _end_reason(self.api.get(jobs(self.namespace, name)))
        except NotFound:
            over = "somebody deleted it"
        return JobState(tuple(map(_pod_of, newest_first)), over)

    def follow_log(self, pod: str) -> Iterator[str]:
        """The lines that a Pod prints, from its first, until it ends or is silent for long. Raises ApiFault."""
        for line in self.api.lines(self._log(pod), _SILENCE, container=CONTAINER, follow="true"):
            yield line.decode(errors="replace")

    def read_last_line(self, pod: str) -> str:
        """The last line that a Pod has printed so far. Raises ApiFault."""
        return self.api.text(self._log(pod), container=CONTAINER, tailLines="1").strip()

    def read_log(self, pod: str) -> str:
        """All that a Pod has printed so far. Raises ApiFault."""
        return self.api.text(self._log(pod), container=CONTAINER)

    def is_gone(self, name: str) -> bool:
        """Whether the Job, all its Pods and its files no longer exist."""
        return not self.look(name).pods and not any(
            self._exists(path) for path in (jobs(self.namespace, name), config_maps(self.namespace, name))
        )

    def _exists(self, path: str) -> bool:
        try:
            self.api.get(path)
        except NotFound:
            return False
        return True

    def _log(self, pod: str) -> str:
        return f"{pods(self.namespace, pod)}/log"


def _creation_time(pod: Object) -> str:
    return str(part(pod, "metadata").get("creationTimestamp", ""))


def _pod_of(pod: Object) -> JobPod:
    states = [part(one, "state") for one in items(pod, "status", "containerStatuses") if one.get("name") == CONTAINER]
    state = states[0] if states else {}
    code = part(state, "terminated").get("exitCode")
    begun = "running" in state or "terminated" in state
    return JobPod(
        name=name_of(pod),
        begun=begun,
        exit_code=code if isinstance(code, int) else None,
        trouble="" if begun else pod_failure_reason(pod),
        address=str(part(pod, "status").get("podIP") or ""),
    )


def _end_reason(found: Object) -> str:
    for one in items(found, "status", "conditions"):
        if one.get("type") in ("Complete", "Failed") and one.get("status") == "True":
            return f"{one.get('reason') or one['type']}: {one.get('message') or 'no reason given'}"
    return ""
