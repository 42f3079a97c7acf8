"""Follow a Job: show the lines that its Pods print, one Pod after the other, until the Job's work is over.

Following changes nothing for the Job: a terminal that goes away leaves it running.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatewayctl.adapters.kubernetes.client.api import ApiFault
from gatewayctl.adapters.kubernetes.jobs.manifest import Task
from gatewayctl.adapters.kubernetes.jobs.runner import JobPod, JobState, Runner
from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed, ExitCode
from gatewayctl.ports import Clock
from gatewayctl.waiting import Deadline, Pending, until

_BEGIN = 600.0  # seconds for a Pod to begin; a Job waits longer and longer before it replaces one
_LAG = 2.0  # seconds from the last line of a Pod to its end
_SHORT = 0.5  # seconds until a connection that broke is made anew
_TRIES = 3  # to read the last lines of a Pod that has ended


@dataclass(slots=True)
class JobFollower:
    """Follows the Job of `task`, which releases `app`; `show` gets each line. `lost` names the Pods that are over."""

    runner: Runner
    task: Task
    app: str
    show: Callable[[str], None]
    clock: Clock
    lost: set[str] = field(default_factory=set)

    def follow(self) -> int:
        """The exit code that ended the Job's work. Raises EnvironmentFailed when no Pod works on it any more."""
        while True:
            pod = self._next_pod()
            self.show(f"– job       Pod {pod} works on it")
            found = self._show_log(pod)
            code = found.exit_code if found else None
            if code is not None and code in set(ExitCode):
                return code
            self.lost.add(pod)
            self.show(f"– job       Pod {pod} {'was lost' if code is None else f'ended with {code}'}: another follows")

    def _next_pod(self) -> str:
        """The name of the newest Pod that has begun. Raises EnvironmentFailed when none can begin."""

        def find() -> JobState | Pending:
            seen = self.runner.look(self.task.name)
            fresh = tuple(pod for pod in seen.pods[:1] if pod.name not in self.lost and (pod.begun or pod.trouble))
            return JobState(fresh, seen.over) if fresh or seen.over else Pending("no Pod has begun yet")

        found = until(find, f"a Pod of Job {self.task.name} to begin", self._deadline(_BEGIN))
        if not found.pods:
            raise EnvironmentFailed(f"Job {self.task.name} is over: {found.over}", hint=self._hint())
        if found.pods[0].trouble:
            raise self._cannot_begin(found.pods[0])
        return found.pods[0].name

    def _cannot_begin(self, pod: JobPod) -> EnvironmentFailed:
        reason = f"Pod {pod.name} cannot begin: {pod.trouble}"
        if self.lost:
            return EnvironmentFailed(reason, hint=self._hint())
        self.runner.cancel(self.task.name)  # or the release would begin by surprise, as soon as the cause is repaired
        return EnvironmentFailed(reason, hint="nothing was begun; platform.runner names the image that Jobs run")

    def _show_log(self, pod: str) -> JobPod | None:
        """Show the lines of a Pod until it ends; how it ended, or None when it is gone."""
        shown, tries = 0, _TRIES
        while True:
            complete = True
            try:
                for number, line in enumerate(self.runner.follow_log(pod)):
                    if number >= shown:
                        self.show(line)
                        shown = number + 1
            except ApiFault:  # silent for long, or the connection broke, or the Pod is gone
                complete = False
            found = self._find_end(pod, _LAG if complete else _SHORT)
            if found is None:
                return None
            if found.exit_code is not None:
                tries -= 1
                if complete or not tries:
                    return found

    def _find_end(self, pod: str, within: float) -> JobPod | None:
        """The Pod once it has ended; a running one when it does not end `within` seconds; None when it is gone."""

        def look() -> tuple[JobPod, ...] | Pending:
            here = tuple(one for one in self.runner.look(self.task.name).pods if one.name == pod)
            return here if not here or here[0].exit_code is not None else Pending("it runs")

        try:
            here = until(look, f"the end of Pod {pod}", self._deadline(within))
        except DeadlineExceeded:
            return JobPod(pod, begun=True, exit_code=None, trouble="")
        return here[0] if here else None

    def _deadline(self, within: float) -> Deadline:
        return Deadline(self.clock, lambda _text: None, within, every=0.5)

    def _hint(self) -> str:
        return f"gatewayctl status {self.app}, then resume or abort"
