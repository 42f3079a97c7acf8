"""The share of the unmarked requests that really reaches the canary: asked for on every replica, and counted."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from gatewayctl.domain.coverage import RouteRequest
from gatewayctl.domain.errors import Conflict, DeadlineExceeded, Refused, Transient
from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.release import Outcome, Release
from gatewayctl.domain.shares import ShareCount, requests_for
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof.covered import find_covered
from gatewayctl.orchestration.proof.latecomers import find_unproven
from gatewayctl.orchestration.proof.replica import ROUNDS
from gatewayctl.orchestration.proof.route import Asker
from gatewayctl.orchestration.proof.steps import prove_routed, why_not_active
from gatewayctl.ports import Prober
from gatewayctl.waiting import InProportion, Pending, until

_EVERY = InProportion(0.05)
_ALL = 100  # percent
_UNCLEAR = 0.01  # of the requests; where more answers show nobody, the rest is no measure of the share
_SETTLED = 10.0  # seconds in which a rule that somebody edited may still hold up the way back


def prove_share(context: StepContext) -> Judgement:
    """Every replica runs the share, and as many unmarked requests reach the canary as were asked for.

    Where the product cannot be asked for its configuration, the count decides alone; so it is tried again until the
    product had the time to load it. A rule that somebody took away meanwhile, or a replica that did not get ready, is
    no fault of the canary. Raises Conflict, DeadlineExceeded.
    """
    routed = prove_routed(context)
    if routed.verdict is not Verdict.PASS:
        return routed
    counts: dict[str, ShareCount] = {}
    others = _find_others(context) if context.release.share == _ALL else _OtherRoutes(context)
    try:
        deadline = context.deadline(context.ports.gateway.replicas.endpoint_delay, _EVERY)
        until(lambda: _look(context, counts, others), "the share of the ramp's step to arrive", deadline)
    except DeadlineExceeded as fault:
        _keep(context, counts)
        _require_written(context)
        if all(one.fits(context.release.share) for one in counts.values()):
            raise
        return Judgement(Verdict.FAIL, f"the share is not effective: {fault.detail}")
    _keep(context, counts)
    total = sum(counts.values(), ShareCount(0, 0))
    return Judgement(Verdict.PASS, f"{context.release.share} % asked: {total}, on {len(counts)}/{len(counts)} replicas")


def _require_written(context: StepContext) -> None:
    """Raises Conflict when the gateway's files do not have the share any more: then nothing is known of the canary."""
    gateway, release = context.ports.gateway, context.release
    try:
        is_there = not gateway.dialect.insert(gateway.store.read().files, release.rule).stages
    except Refused:
        is_there = False
    if not is_there:
        raise Conflict(
            f"the gateway's files have the share of {release.share} % for {release.app} no more: somebody changed them",
            hint=f"find out who writes them, then release {release.app} again",
        )


def _look(context: StepContext, counts: dict[str, ShareCount], others: "_OtherRoutes") -> bool | Pending:
    """Count on each replica that is ready. Raises Transient when a replica does not answer."""
    replicas = context.replicas()
    counts.clear()
    for replica in replicas:
        if not replica.ready:
            return Pending(f"{replica.name}: {replica.note or 'not ready'}")
        found = counts[replica.name] = _count(context, replica, requests_for(context.release.share))
        if not found.fits(context.release.share):
            return Pending(f"{replica.name}: {context.release.share} % asked, but {found}")
        astray = others.find_astray(replica, Attribution.STABLE, ROUNDS)
        if astray:
            return Pending(f"{replica.name}: {_ALL} % asked, but {astray}")
    return find_unproven(context, replicas) or True


def _count(context: StepContext, replica: Replica, requests: int) -> ShareCount:
    return count_share(context.ports.gateway.prober, context.release, replica, requests, context.tick)


def count_share(
    prober: Prober, release: Release, replica: Replica, requests: int, tick: Callable[[str], None]
) -> ShareCount:
    """How many of so many unmarked requests to one replica the canary answered.

    Raises Transient when too many answers do not show who gave them.
    """
    attribution, probe = release.attribution, release.target.probe
    unclear, canary, last = 0, 0, ""
    for number in range(requests):
        tick(f"{replica.name}: unmarked request {number + 1} of {requests}")
        answer = prober.ask(replica, probe)
        match attribution.attribute(answer):
            case Attribution.CANARY:
                canary += 1
            case Attribution.UNKNOWN:
                unclear, last = unclear + 1, attribution.explain(answer)
    if unclear > max(1, _UNCLEAR * requests):
        raise Transient(f"{replica.name}: {unclear} of {requests} answers do not show who gave them; the last: {last}")
    return ShareCount(requests - unclear, canary)


@dataclass(frozen=True, slots=True)
class _OtherRoutes:
    """Requests for the routes of the application that its own probe does not reach."""

    context: StepContext
    requests: tuple[RouteRequest, ...] = ()

    def find_astray(self, replica: Replica, wrong: Attribution, rounds: int) -> str:
        """Which of them sends an unmarked request to the `wrong` version; empty when none of so many each does.

        A replica that tells its configuration has shown all its routes, and is not asked.
        """
        gateway, release = self.context.ports.gateway, self.context.release
        if not self.requests or gateway.readback.rule_of(replica, release.rule).asked:
            return ""
        asker = Asker(gateway.prober, release, replica, rounds, self.context.tick)
        astray = next((one for one in self.requests if asker.reaches(one, wrong)), None)
        return f"{astray.route} sends an unmarked request to the {wrong.value}" if astray else ""


def _find_others(context: StepContext) -> _OtherRoutes:
    """Read once for a step: the files are parsed for it, and replicas are looked at many times."""
    return _OtherRoutes(context, find_covered(context.ports.gateway, context.release).coverage.requests)


def prove_returned(context: StepContext) -> Judgement:
    """No ready replica sends unmarked requests to the canary; how long after the write the last one arrived there.

    A replica that was not seen with the share may still get it: its kubelet may be about to sync the write before the
    last one. So nothing counts before the time in which every kubelet has seen the last write. If stable runs the new
    image, all were seen with the share.

    As many requests are sent as show that the share is gone, also where the replica's configuration is without it: one
    that shows its new configuration may answer by the old one for some seconds.

    A rule of ours that somebody edited meanwhile holds this up for some seconds only: it is taken away next.
    """
    clock, requests = context.ports.clock, requests_for(context.release.share)
    start = clock.now()
    last: float | None = None
    if context.release.outcome is not Outcome.PROMOTED:
        context.pause(context.ports.gateway.store.watch_delay, "every gateway replica hears of the change")
    others = _find_others(context)

    def look() -> Judgement | Pending:
        nonlocal last
        ready = tuple(one for one in context.replicas() if one.ready)
        for replica in ready:
            missing = why_not_active(context, replica) or _why_not_returned(context, replica, clock.now() - start)
            if missing:
                return Pending(f"{replica.name}: {missing}")
            count = _count(context, replica, requests)
            astray = str(count) if count.canary else others.find_astray(replica, Attribution.CANARY, requests)
            if astray:
                last = clock.now()
                return Pending(f"{replica.name}: {astray}")
        late = "" if last is None else f", the last {last - start:.1f} s after the write"
        replicas = f"{len(ready)} gateway replica{'s' if len(ready) != 1 else ''}"
        said = f"no unmarked request reaches the canary on {replicas}{late}"
        return find_unproven(context, ready, ready_only=True) or Judgement(Verdict.PASS, said)

    deadline = context.deadline(context.release.trial.timings.live, _EVERY)
    return until(look, "every gateway replica to give unmarked requests back to stable", deadline)


def _why_not_returned(context: StepContext, replica: Replica, waited: float) -> str:
    """What the replica's own configuration says against it; empty where it cannot be asked."""
    readback, rule = context.ports.gateway.readback, context.release.rule
    exact = readback.rule_of(replica, replace(rule, share=context.release.share))
    if exact.shares:
        return f"{exact.shares} routes send {context.release.share} % of the unmarked requests to the canary"
    odd = readback.rule_of(replica, rule)
    return odd.detail or "another share" if odd.mismatched and waited < _SETTLED else ""


def _keep(context: StepContext, counts: dict[str, ShareCount]) -> None:
    rows = [{"replica": name, "requests": one.requests, "canary": one.canary} for name, one in counts.items()]
    name = f"ramp/step-{context.release.step + 1}/share.json"
    context.keep(name, json.dumps({"asked_percent": context.release.share, "replicas": rows}, indent=1))
