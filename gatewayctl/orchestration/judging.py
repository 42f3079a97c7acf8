"""Judge a canary that somebody else deployed: no release, no rule, only what a source says of both versions."""

from collections.abc import Callable

from gatewayctl.domain.errors import DeadlineExceeded
from gatewayctl.domain.judge import decision, judge
from gatewayctl.domain.judge.decision import Decision
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.ramp import Judging
from gatewayctl.domain.release import Release
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.signals import find_source
from gatewayctl.waiting import Deadline, Pending, until


def judge_for(
    ports: Ports, release: Release, judging: Judging, seconds: float, tick: Callable[[str], None]
) -> Decision:
    """The decision on the canary: as soon as there is one, and at the latest after `seconds`. It may be none yet.

    `release` only says which application is meant, by its target. Raises UsageFault for a source that is not there.
    """
    source = find_source(ports.signals, judging)
    state, settings = judge.start(judging.settings), judging.settings
    decided = decision.decide(settings, state, ports.clock.wall())

    def look() -> Decision | Pending:
        nonlocal state, decided
        if source is not None:
            state = judge.look(settings, state, source.read(release))
        decided = decision.decide(settings, state, ports.clock.wall())
        is_final = decided.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
        return decided if is_final else Pending(decided.text)

    every = source.every if source else 1.0
    try:
        return until(look, "the judge to decide", Deadline(ports.clock, tick, seconds, every))
    except DeadlineExceeded:
        return decided
