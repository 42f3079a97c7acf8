"""Tells a terminal what the Pods of a Job say, until what they do is over; that anybody listens makes no difference."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatewayctl.cli.progress import Progress
from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed, ExitCode
from gatewayctl.wiring.discovery import Session

if TYPE_CHECKING:
    from gatewayctl.adapters.kubernetes.jobs.manifest import Task
    from gatewayctl.adapters.kubernetes.jobs.runner import PodSeen, Runner
    from gatewayctl.waiting import Deadline, Pending

_BEGIN = 600.0  # seconds for a Pod to begin; a Job waits longer and longer before it replaces one
_LAG = 2.0  # seconds from the last line of a Pod to its end
_SHORT = 0.5  # seconds until a connection that broke is made anew
_TRIES = 3  # to hear the last lines of a Pod that has ended


@dataclass(slots=True)
class Listener:
    """Tells this terminal what the Pods of a Job say, one after the other, until the release is over."""

    runner: "Runner"
    session: Session
    task: "Task"
    app: str
    gone: set[str] = field(default_factory=set)

    def heard(self) -> int:
        """The exit code that ended it. Raises EnvironmentFailed when no Pod works on it any more."""
        while True:
            pod = self._next()
            self._tell(f"– job       Pod {pod} works on it")
            found = self._listened(pod)
            code = found.exit_code if found else None
            if code is not None and code in set(ExitCode):
                return code
            self.gone.add(pod)
            self._tell(f"– job       Pod {pod} {'was lost' if code is None else f'ended with {code}'}: another follows")

    def _next(self) -> str:
        """The newest Pod that has begun."""
        from gatewayctl.adapters.kubernetes.jobs.runner import JobSeen
        from gatewayctl.waiting import Pending, until

        def begun() -> "JobSeen | Pending":
            seen = self.runner.look(self.task.name)
            fresh = tuple(pod for pod in seen.pods[:1] if pod.name not in self.gone and (pod.begun or pod.trouble))
            return JobSeen(fresh, seen.over) if fresh or seen.over else Pending("no Pod has begun yet")

        found = until(begun, f"a Pod of Job {self.task.name} to begin", self._deadline(_BEGIN))
        if not found.pods:
            raise EnvironmentFailed(f"Job {self.task.name} is over: {found.over}", hint=self._hint())
        if found.pods[0].trouble:
            raise self._cannot_begin(found.pods[0])
        return found.pods[0].name

    def _cannot_begin(self, pod: "PodSeen") -> EnvironmentFailed:
        said = f"Pod {pod.name} cannot begin: {pod.trouble}"
        if self.gone:
            return EnvironmentFailed(said, hint=self._hint())
        self.runner.cancel(self.task.name)  # or it would begin whenever that is mended, and nobody would expect it
        return EnvironmentFailed(said, hint="nothing was begun; platform.runner names the image that Jobs run")

    def _listened(self, pod: str) -> "PodSeen | None":
        """How it ended; None when it is gone."""
        from gatewayctl.adapters.kubernetes.client.api import ApiFault

        shown, tries = 0, _TRIES
        while True:
            whole = True
            try:
                for number, line in enumerate(self.runner.said(pod)):
                    if number >= shown:
                        self._tell(line)
                        shown = number + 1
            except ApiFault:  # silent for long, or the connection broke, or the Pod is gone
                whole = False
            found = self._end(pod, _LAG if whole else _SHORT)
            if found is None:
                return None
            if found.exit_code is not None:
                tries -= 1
                if whole or not tries:
                    return found

    def _end(self, pod: str, within: float) -> "PodSeen | None":
        """The Pod once it has ended; as one that runs when that is not seen in a moment; None when it is gone."""
        from gatewayctl.adapters.kubernetes.jobs.runner import PodSeen
        from gatewayctl.waiting import Pending, until

        def ended() -> "tuple[PodSeen, ...] | Pending":
            here = tuple(one for one in self.runner.look(self.task.name).pods if one.name == pod)
            return here if not here or here[0].exit_code is not None else Pending("it runs")

        try:
            here = until(ended, f"the end of Pod {pod}", self._deadline(within))
        except DeadlineExceeded:
            return PodSeen(pod, begun=True, exit_code=None, trouble="")
        return here[0] if here else None

    def _tell(self, line: str) -> None:
        listener = self.session.ports.listener
        if isinstance(listener, Progress):
            listener.relay(line)

    def _deadline(self, within: float) -> "Deadline":
        from gatewayctl.waiting import Deadline

        return Deadline(self.session.ports.clock, lambda _text: None, within, every=0.5)

    def _hint(self) -> str:
        return f"gatewayctl status {self.app}, then resume or abort"
