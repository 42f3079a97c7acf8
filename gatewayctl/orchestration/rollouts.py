"""Wait for a rollout: read, let domain/rollout.py decide, and say why it failed with what its Pods logged last."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.errors import EnvironmentFailed, Missing
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.platform import Workload
from gatewayctl.domain.rollout import Complete, Failed, Progressing, Rollout, State
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Pending, until_or_fail

_LINES = 200  # of a Pod's log, kept as evidence


def wait_for_rollout(context: StepContext, name: str, rollout: Rollout) -> Judgement:
    """Wait until `name` has completed `rollout`, or never will.

    Raises Missing, and EnvironmentFailed when for as long as a rollout may stand still it cannot be read, or waits for
    something that the platform does not give.
    """
    watched = _Watched(context, name, rollout, context.ports.clock.now())
    what, deadline = f"{name} to be ready with {rollout.image}", context.deadline(math.inf, 0.05)
    return until_or_fail(watched.look, what, deadline)


@dataclass(slots=True)
class _Watched:
    """A rollout that is looked at again and again; `read_at` is when it was last read (monotonic seconds)."""

    context: StepContext
    name: str
    rollout: Rollout
    read_at: float

    def look(self) -> Judgement | Pending:
        """The verdict, or pending. Raises as `wait_for_rollout`."""
        try:
            workloads = self.context.ports.workloads
            state = self._read(workloads.read)
            if isinstance(state, Failed):
                state = self._read(workloads.read_now)  # one look may be old, and a failure ends a release
        except Missing:
            raise
        except EnvironmentFailed as fault:
            if self.context.ports.clock.now() - self.read_at >= self.rollout.within:
                raise
            return Pending(str(fault))
        match state:
            case Progressing():
                return Pending(state.detail)
            case Complete():
                return Judgement(Verdict.PASS, state.text, state.build)
            case Failed():
                if state.by_others:
                    return Judgement(Verdict.CONFLICT, state.reason)
                last = keep_logs(self.context, self.name)
                if state.by_platform:
                    raise EnvironmentFailed(state.reason)
                return Judgement(Verdict.FAIL, f"{state.reason}; last log: {last}" if last else state.reason)

    def _read(self, read: Callable[[str], Workload]) -> State:
        now = read(self.name)
        self.read_at = self.context.ports.clock.now()
        self.rollout, state = self.rollout.after(now, self.read_at)
        return state


def keep_logs(context: StepContext, name: str) -> str:
    """Keep the logs of its Pods as evidence; returns the last line. A verdict does not need them."""
    try:
        logs = context.ports.workloads.logs(name, _LINES)
    except EnvironmentFailed as fault:
        logs = f"no log: {fault}"
    context.keep(f"logs/{name}.txt", logs)
    return logs.strip().rpartition("\n")[2]
