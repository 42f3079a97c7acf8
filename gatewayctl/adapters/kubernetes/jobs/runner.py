"""Jobs of ours in a cluster: started, looked at, listened to.

Nothing waits here; and nothing of a release depends on who listens. The rights that this needs are its caller's, not
those of a release: manifests/submitter.yaml.
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

_SILENCE = 30.0  # seconds without a line after which the log is asked for anew


@dataclass(frozen=True, slots=True)
class PodSeen:
    """One Pod of a Job: whether its container has begun, how it ended, why it certainly will not begin, where it is."""

    name: str
    begun: bool
    exit_code: int | None
    trouble: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A Job's Pods, newest first, and why there will be no more of them."""

    pods: tuple[PodSeen, ...]
    over: str


@dataclass(frozen=True, slots=True)
class Runner:
    """Jobs in one namespace."""

    api: Api
    namespace: str

    def check(self, account: str) -> None:
        """Raise EnvironmentFailed when there is no such ServiceAccount: no Pod would ever be made."""
        try:
            self.api.get(service_accounts(self.namespace, account))
        except NotFound as fault:
            raise EnvironmentFailed(
                f"there is no ServiceAccount {account} in namespace {self.namespace}, which the release would run as",
                hint="manifests/rbac.yaml has it with the least rights; another one is platform.runner.account",
            ) from fault

    def start(self, task: Task, bundle: Bundle) -> None:
        """Make the Job and its files; neither stays when the other cannot be made. Raises ApiFault."""
        made = self.api.create(jobs(self.namespace), job(task, bundle))
        try:
            self.api.create(config_maps(self.namespace), files(task, bundle, made))
        except GatewayctlError:
            self.cancel(task.name)
            raise

    def cancel(self, name: str) -> None:
        """Delete a Job with its Pods and files."""
        self.api.delete(jobs(self.namespace, name), propagationPolicy="Background")

    def look(self, name: str) -> JobSeen:
        """A Job as it is now. Raises ApiFault."""
        found = items(self.api.get(pods(self.namespace), labelSelector=f"batch.kubernetes.io/job-name={name}"), "items")
        newest_first = sorted(found, key=_made, reverse=True)
        try:
            over = _over(self.api.get(jobs(self.namespace, name)))
        except NotFound:
            over = "somebody deleted it"
        return JobSeen(tuple(map(_pod_seen, newest_first)), over)

    def follow_log(self, pod: str) -> Iterator[str]:
        """The lines that a Pod prints, from its first, until it ends or is silent for long. Raises ApiFault."""
        for line in self.api.lines(self._log(pod), _SILENCE, container=CONTAINER, follow="true"):
            yield line.decode(errors="replace")

    def last_line(self, pod: str) -> str:
        """What a Pod said last so far. Raises ApiFault."""
        return self.api.text(self._log(pod), container=CONTAINER, tailLines="1").strip()

    def everything(self, pod: str) -> str:
        """All that a Pod said so far. Raises ApiFault."""
        return self.api.text(self._log(pod), container=CONTAINER)

    def gone(self, name: str) -> bool:
        """Whether there is no such Job any more, none of its Pods, and not its files."""
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


def _made(pod: Object) -> str:
    return str(part(pod, "metadata").get("creationTimestamp", ""))


def _pod_seen(pod: Object) -> PodSeen:
    states = [part(one, "state") for one in items(pod, "status", "containerStatuses") if one.get("name") == CONTAINER]
    state = states[0] if states else {}
    code = part(state, "terminated").get("exitCode")
    begun = "running" in state or "terminated" in state
    return PodSeen(
        name=name_of(pod),
        begun=begun,
        exit_code=code if isinstance(code, int) else None,
        trouble="" if begun else pod_failure_reason(pod),
        address=str(part(pod, "status").get("podIP") or ""),
    )


def _over(found: Object) -> str:
    for one in items(found, "status", "conditions"):
        if one.get("type") in ("Complete", "Failed") and one.get("status") == "True":
            return f"{one.get('reason') or one['type']}: {one.get('message') or 'no reason given'}"
    return ""
