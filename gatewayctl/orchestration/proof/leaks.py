"""The step that proves that nothing leaks: requests that are not marked never reach the canary, on any replica."""

import json
from contextlib import suppress
from dataclasses import dataclass, replace

from gatewayctl.domain.coverage import Coverage, Gap, list_gaps
from gatewayctl.domain.errors import DeadlineExceeded, Transient
from gatewayctl.domain.evidence import Answer, Attribution, AttributionRule, LeakCase
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.leaks import LeakProbe, leak_probes, neighbour_leaks, route_leaks
from gatewayctl.domain.platform import Probe, Replica
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof.covered import find_covered
from gatewayctl.orchestration.proof.replica import ROUNDS
from gatewayctl.waiting import Pending, until

_UNCLEAR_SECONDS = 10.0  # in which an unclear probe is asked again: a Pod of stable that ends answers 503 for less
_UNCLEAR_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """One probe and its answer, as evidence.

    `fault` says what is wrong with the answer. It is a leak if it `is_leak`; else it shows neither that the canary
    answered nor that it did not. `silent` says that no answer came, and `gap` that its path answers nobody.
    """

    replica: str
    case: LeakProbe
    answered_by: Attribution
    detail: str
    fault: str = ""
    is_leak: bool = False
    silent: bool = False
    gap: Gap | None = None

    @property
    def is_unclear(self) -> bool:
        """Whether an answer came that shows nothing."""
        return bool(self.fault) and not self.is_leak and not self.silent

    def as_dict(self) -> dict[str, str]:
        """As it is kept in the evidence."""
        case, answered_by = self.case.label, self.answered_by
        return {"replica": self.replica, "case": case, "answered_by": answered_by, "detail": self.detail}


def prove_no_leak(context: StepContext) -> Judgement:
    """Every unmarked request, on every replica, several times: one answer from the canary fails the release.

    A replica that ends meanwhile breaks its connections off; that is no leak. One that starts meanwhile is asked, too.
    An answer that neither stable nor the canary gave proves nothing, and is asked for again. Raises Transient where a
    replica gave none; a path on which it answers nobody is named as not proven.
    """
    replicas, outcomes = _ask_every_replica(context)
    if not any(one.is_leak for one in outcomes):
        outcomes = _ask_again(context, replicas, outcomes)
    context.keep("leaks.json", json.dumps([one.as_dict() for one in outcomes], indent=1))
    leaks = [one for one in outcomes if one.is_leak]
    if leaks:
        return Judgement(Verdict.FAIL, f"{len(leaks)} leaks in {len(outcomes)} probes; first: {leaks[0].fault}")
    remaining = _find_remaining(context, [replicas[name] for name in {one.replica for one in outcomes if one.silent}])
    silent = [one for one in outcomes if one.silent and one.replica in remaining]
    if silent:
        raise Transient(f"{len(silent)} of {len(outcomes)} probes got no answer; first: {silent[0].fault}")
    unclear = [one for one in outcomes if one.is_unclear]
    if unclear:
        count = f"{len(unclear)} of {len(outcomes)} answers do not show that stable gave them"
        return Judgement(Verdict.INCONCLUSIVE, f"{count}; first: {unclear[0].fault}")
    gaps = [one.gap for one in outcomes if one.gap]
    rest = f"; not proven: {list_gaps(gaps)}" if gaps else ""
    return Judgement(Verdict.PASS, f"0 in {len(outcomes) - len(gaps)} probes{rest}")


def _ask_every_replica(context: StepContext) -> tuple[dict[str, Replica], list[ProbeOutcome]]:
    """The whole matrix on each replica, as soon as it is ready; until a list has no replica that was not asked.

    Returns the replicas that were asked, by name, and their answers.
    """
    asked: dict[str, Replica] = {}
    outcomes: dict[str, list[ProbeOutcome]] = {}
    routes = find_covered(context.ports.gateway, context.release).coverage

    def look() -> bool | Pending:
        for replica in context.replicas():
            if replica.name in outcomes:
                continue
            if not replica.ready:
                return Pending(f"{replica.name}: {replica.note or 'not ready'}")
            outcomes[replica.name], asked[replica.name] = _ask_replica(context, replica, routes), replica
        return all(one.name in outcomes for one in context.replicas()) or Pending("looking once more")

    until(look, "every gateway replica to be asked", context.deadline(context.release.trial.timings.live))
    return asked, [one for each in outcomes.values() for one in each]


def _ask_replica(context: StepContext, replica: Replica, routes: Coverage) -> list[ProbeOutcome]:
    """The whole matrix on one replica."""
    often = leak_probes(context.release)
    once = (*route_leaks(context.release, routes), *neighbour_leaks(context.release))
    cases = (*(case for case in often for _ in range(ROUNDS)), *once)
    return [_probe(context, replica, case) for case in cases]


def _ask_again(context: StepContext, replicas: dict[str, Replica], outcomes: list[ProbeOutcome]) -> list[ProbeOutcome]:
    """`outcomes`, where each unclear one was asked for again until it is clear, or for some seconds.

    What it was before stays in the list, as evidence without a fault. A leak ends it at once.
    """
    latest, before = list(outcomes), []

    def look() -> bool | Pending:
        for index, one in enumerate(latest):
            if one.is_unclear:
                before.append(replace(one, fault=""))
                latest[index] = _probe(context, replicas[one.replica], one.case)
                if latest[index].is_leak:
                    return True
        left = [one for one in latest if one.is_unclear]
        return Pending(f"{len(left)} unclear; first: {left[0].fault}") if left else True

    with suppress(DeadlineExceeded):
        until(look, "stable to answer", context.deadline(_UNCLEAR_SECONDS, _UNCLEAR_PAUSE))
    return [*latest, *before]


def _probe(context: StepContext, replica: Replica, case: LeakProbe) -> ProbeOutcome:
    """One probe; where no answer comes, also whether nobody gets one there, while the replica answers elsewhere."""
    outcome = _judge(context, replica, case, _ask(context, replica, case.label, case.probe))
    if not outcome.silent or case.plain is None:
        return outcome
    if not _ask(context, replica, "the probe path", context.release.target.probe).status:
        return outcome
    plain = _ask(context, replica, f"{case.label}, without any mark", case.plain)
    if case.plain == case.probe and plain.status:
        return _judge(context, replica, case, plain)
    return outcome if plain.status else replace(outcome, fault="", silent=False, gap=Gap(case.label, plain.error))


def _ask(context: StepContext, replica: Replica, label: str, probe: Probe) -> Answer:
    context.tick(f"{replica.name}, {label}")
    return context.ports.gateway.prober.ask(replica, probe)


def _judge(context: StepContext, replica: Replica, case: LeakProbe, answer: Answer) -> ProbeOutcome:
    ours = context.release.attribution
    answered_by, detail = case.attribution.attribute(answer), case.attribution.explain(answer)
    is_neighbours = case.case is LeakCase.NEIGHBOUR
    if is_neighbours:
        is_fine = _is_from_neighbour(ours, case.attribution, answer)
    elif context.release.rule.share and _is_canarys(ours, answer):
        is_fine = True  # in a step of the ramp, that is what was asked for
    elif not case.named:
        is_fine = bool(answer.status) and not _is_canarys(case.attribution, answer)
    else:
        is_fine = answered_by in context.ports.gateway.dialect.limits.allowed(case.case)
    fault = "" if is_fine else f"{replica.name}, {case.label}: {detail}"
    is_canarys = _is_stamped_or_canarys_pod(ours, answer) if is_neighbours else _is_canarys(ours, answer)
    is_leak = is_canarys and not is_fine
    return ProbeOutcome(replica.name, case, answered_by, detail, fault, is_leak, silent=not answer.status)


def _is_canarys(ours: AttributionRule, answer: Answer) -> bool:
    """Whether an unmarked request was answered by the rule or by the canary; elsewhere nobody need name themselves."""
    return ours.is_stamped(answer) or ours.word_of(answer) is Attribution.CANARY


def _is_stamped_or_canarys_pod(ours: AttributionRule, answer: Answer) -> bool:
    """Whether our rule or a Pod of our canary answered; its version number alone may be a neighbour's, too."""
    return ours.is_stamped(answer) or ours.is_canarys_pod(answer)


def _is_from_neighbour(ours: AttributionRule, neighbour: AttributionRule, answer: Answer) -> bool:
    """Whether the answer to a marked request on a neighbour's path is no leak.

    The neighbour may have a rule of its own for this header, and may run the same version number: only our stamp or the
    name of a Pod of our canary is a leak. Where the gateway cannot stamp, an answer that names no Pod of the neighbour
    could be our canary's, and does not pass.
    """
    if not answer.status or _is_stamped_or_canarys_pod(ours, answer):
        return False
    return ours.stamps or neighbour.word_of(answer) is not Attribution.UNKNOWN


def _find_remaining(context: StepContext, silent: list[Replica]) -> set[str]:
    """Those of `silent` whose process is still listed after the time in which one that ends leaves the list."""
    left = {replica.name: replica.identity for replica in silent}

    def look() -> bool | Pending:
        listed = {replica.name: replica for replica in context.replicas()}
        for name, identity in tuple(left.items()):
            if name not in listed or (listed[name].ready and listed[name].identity != identity):
                del left[name]
        return Pending(f"{', '.join(sorted(left))} did not answer") if left else True

    try:
        deadline = context.deadline(context.ports.gateway.replicas.removal_delay)
        until(look, "replicas that did not answer to leave the list", deadline)
    except DeadlineExceeded:
        return set(left)
    return set()
