"""Watch both versions under real traffic for the time of a ramp's step, and judge the canary by what is seen."""

import json
from dataclasses import asdict, dataclass, replace

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.judge import decision, judge
from gatewayctl.domain.judge.decision import Decision
from gatewayctl.domain.judge.settings import Settings
from gatewayctl.domain.judge.state import JudgeState
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.plan_lines import duration
from gatewayctl.domain.ramp import Judging, Step, Undecided
from gatewayctl.orchestration.canary_health import CanaryHealth
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.signals import find_source
from gatewayctl.ports import SignalSource
from gatewayctl.waiting import Pending, until

_KEPT_EVERY = 10.0  # seconds, after which what was found is journaled: a process that takes over goes on from there
_EVERY = 1.0  # seconds between two looks


def observe(context: StepContext) -> Judgement:
    """Passes when the step's time is over and the judge has passed it; before that it goes on.

    It fails as soon as the judge says so or the canary is lost. Raises UsageFault for a source that is not there.
    """
    watched = _Observation(context, context.ports.clock.now(), CanaryHealth(context), _judge_of(context))
    deadline = context.deadline(_KEPT_EVERY + context.release.trial.timings.ready, _EVERY)
    return until(watched.look, "the canary to be ready while it is observed", deadline)


@dataclass(slots=True)
class _Judge:
    """The judge of a release at work: what it has seen, from which source."""

    context: StepContext
    judging: Judging
    source: SignalSource
    settings: Settings
    state: JudgeState
    read_at: float = float("-inf")

    def look(self) -> Decision:
        """Read the source, if it can have something new, and decide."""
        clock = self.context.ports.clock
        if clock.now() - self.read_at >= self.source.every:
            self.read_at = clock.now()
            self.state = judge.look(self.settings, self.state, self.source.read(self.context.release))
        return decision.decide(self.settings, self.state, clock.wall())


def _judge_of(context: StepContext) -> _Judge | None:
    release = context.release
    judging = release.trial.ramp.judging
    source = find_source(context.ports.signals, judging)
    if judging is None or source is None:
        return None
    settings = replace(judging.settings, share=float(release.share))
    state = release.judged or judge.start(settings)
    if state.step_began is None and release.trial.ramp.steps[release.step].replicas:
        state = judge.canary_started(settings, state, context.ports.clock.wall())
    return _Judge(context, judging, source, settings, state)


@dataclass(slots=True)
class _Observation:
    """One stretch of a step's observation, from `start` (monotonic seconds) on."""

    context: StepContext
    start: float
    canary: CanaryHealth
    judge: _Judge | None

    @property
    def step(self) -> Step:
        """The step of the ramp."""
        return self.context.release.trial.ramp.steps[self.context.release.step]

    def look(self) -> Judgement | Pending:
        """The verdict on the step, or on the time until its state is journaled."""
        health = self.canary.look()
        if isinstance(health, Judgement):
            return health
        decided = self.judge.look() if self.judge else None
        if decided and decided.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            return self._end(Judgement(decided.verdict, decided.text), decided)
        clock = self.context.ports.clock
        lasted = clock.wall() - self.context.release.step_began
        over = lasted - self.step.seconds
        if isinstance(health, Pending):
            return health
        if over >= 0 and (decided is None or decided.verdict is Verdict.PASS):
            said = decided.text if decided else f"for {duration(round(max(lasted, self.step.seconds)))}, not judged"
            return self._end(Judgement(Verdict.PASS, f"{self.step.share} % of real traffic {said}"), decided)
        if self.judge and decided and self._is_too_late(over):
            return self._end(Judgement(Verdict.INCONCLUSIVE, f"not decided in time: {decided.text}"), decided)
        left = f"{self.step.share} % of real traffic, {_left(over)}"
        text = f"{left}; {decided.text}" if decided else left
        if clock.now() - self.start < _KEPT_EVERY:
            return Pending(text)
        return self._end(Judgement(Verdict.PASS, text, more=True), decided)

    def _is_too_late(self, over: float) -> bool:
        judging = self.judge.judging if self.judge else None
        return judging is not None and judging.undecided is not Undecided.WAIT and over >= judging.patience

    def _end(self, judgement: Judgement, decided: Decision | None) -> Judgement:
        """The judgement with what the judge remembers; its figures go to the evidence."""
        if decided is None or self.judge is None:
            return judgement
        self._keep(decided)
        return replace(judgement, judged=self.judge.state.for_journal())

    def _keep(self, decided: Decision) -> None:
        """Add the decision to those of the step. What cannot be read or kept holds up no release."""
        release, at = self.context.release, round(self.context.ports.clock.wall(), 3)
        name = f"ramp/step-{release.step + 1}/judge.jsonl"
        row = json.dumps({"at": at, **asdict(decided), "verdict": decided.verdict})
        try:
            before = self.context.ports.evidence.get(release.id, name) or ""
        except EnvironmentFailed as fault:
            self.context.tick(f"not kept as evidence: {name}: {fault}")
            return
        self.context.keep(name, f"{before}{row}\n")


def _left(over: float) -> str:
    return f"{duration(round(-over))} left" if over < 0 else "its least time is over"
