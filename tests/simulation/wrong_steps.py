"""Effects, proofs and decisions that leave something out; mutations use them in place of the right ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.platform import Probe, Replica, RuleProof, UpstreamProof
from gatewayctl.domain.release import Outcome
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.orchestration import routes, workloads
from gatewayctl.orchestration.context import Gateway, StepContext
from gatewayctl.orchestration.proof import leaks
from gatewayctl.orchestration.proof import steps as proof
from gatewayctl.ports import Prober, Replicas
from tests.simulation import wrong_parts

Performer = Callable[[StepContext], Judgement]


def skip(_work: StepContext) -> Judgement:
    """Says that it is done, and does nothing."""
    return Judgement(Verdict.PASS, "not looked at")


def on_gateway(step: Performer, change: Callable[[Gateway], Gateway]) -> Performer:
    """The step on a gateway that is seen differently."""

    def performer(context: StepContext) -> Judgement:
        return step(replace(context, ports=replace(context.ports, gateway=change(context.ports.gateway))))

    return performer


def first_replica_only(gateway: Gateway) -> Gateway:
    """A gateway of which one replica is known."""
    return replace(gateway, replicas=wrong_parts.FirstReplicaOnly(gateway.replicas))


@dataclass(slots=True)
class FirstLook:
    """ports.Replicas that shows for ever what it saw first."""

    inner: Replicas
    seen: tuple[Replica, ...] = ()
    removal_delay: float = 5.0
    endpoint_delay: float = 20.0
    staleness: float = 0.0

    def list(self) -> tuple[Replica, ...]:
        self.seen = self.seen or self.inner.list()
        return self.seen

    def list_now(self) -> tuple[Replica, ...]:
        return self.list()


def without_news(gateway: Gateway) -> Gateway:
    """No replica is ever lost."""
    return replace(gateway, replicas=FirstLook(gateway.replicas))


@dataclass(frozen=True, slots=True)
class ReadyOnly(wrong_parts.NoReplicas):
    """ports.Replicas without those that are not ready."""

    def list(self) -> tuple[Replica, ...]:
        return tuple(one for one in self.inner.list() if one.ready)


class SilentReadback:
    """ports.Readback of a gateway that cannot be asked."""

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        return RuleProof(asked=False)

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:
        return UpstreamProof(asked=False)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        return None


@dataclass(frozen=True, slots=True)
class WishfulProber:
    """ports.Prober that gives the answer that is hoped for; with `asking`, after it has asked."""

    inner: Prober
    hoped_for: Answer
    asking: bool

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        if self.asking:
            self.inner.ask(replica, probe)
        return self.hoped_for


def by_configuration_only(step: Performer, *, canary: bool, asking: bool = False) -> Performer:
    """The proof believes the configuration: answers are as hoped for."""

    def performer(context: StepContext) -> Judgement:
        release, gateway = context.release, context.ports.gateway
        rule = release.attribution
        name = release.target.canary if canary else release.target.stable
        hoped_for = Answer(200, {"x-served-by": f"{name}-1", **({rule.stamp_header: rule.stamp} if canary else {})})
        wishful = replace(gateway, prober=WishfulProber(gateway.prober, hoped_for, asking))
        return step(replace(context, ports=replace(context.ports, gateway=wishful)))

    return performer


def by_traffic_only(step: Performer) -> Performer:
    """The proof never asks a replica what it runs."""
    return on_gateway(step, lambda gateway: replace(gateway, readback=SilentReadback()))


def in_ready_replicas(step: Performer) -> Performer:
    """Replicas that are not ready are left out."""
    return on_gateway(step, lambda gateway: replace(gateway, replicas=ReadyOnly(gateway.replicas)))


def confirm_only_leaks(context: StepContext) -> Judgement:
    """The second proof looks for leaks and believes that the rule is still there."""
    return leaks.prove_no_leak(context)


def confirm_only_routed(context: StepContext) -> Judgement:
    """The second proof looks for the rule and not for leaks."""
    return proof.prove_routed(context)


def without_neighbours(step: Performer) -> Performer:
    """Leaks are not looked for on the neighbours' paths."""
    return lambda context: step(replace(context, release=replace(context.release, neighbours=())))


def promote_without_waiting(context: StepContext) -> Judgement:
    """Stable has the image; whether it runs is not waited for."""
    return _write_stable(context, context.release.image)


def restore_without_waiting(context: StepContext) -> Judgement:
    """Stable has its old image; whether it runs is not waited for."""
    return _write_stable(context, context.release.before)


def _write_stable(context: StepContext, image: str) -> Judgement:
    return workloads._set(context, context.release.target.stable, lambda _: False, image=image) or skip(context)


def promote_over_others(context: StepContext) -> Judgement:
    """Whatever image somebody gave to stable meanwhile."""
    _write_stable(context, context.release.image)
    return workloads.promote_stable(context)


def promote_one_replica(context: StepContext) -> Judgement:
    """Stable gets as many replicas as the canary."""
    name, image = context.release.target.stable, context.release.image
    workloads._set(context, name, lambda _: False, image=image, replicas=1)
    return workloads.promote_stable(context)


def unroute_then_promote(context: StepContext) -> Judgement:
    """The rule goes first."""
    routes.remove(context)
    return workloads.promote_stable(context)


def stop_without_restoring(context: StepContext) -> Judgement:
    """The canary keeps the image that was tried."""
    return workloads.stop_canary(_changed(context, canary_before=context.release.image))


def stop_with_old_image(context: StepContext) -> Judgement:
    """The canary gets back what it had, also when the new image was promoted."""
    if context.release.outcome is not Outcome.PROMOTED:
        return workloads.stop_canary(context)
    return workloads.stop_canary(_changed(context, outcome=Outcome.ABORTED))


def stop_and_leave_upstreams(context: StepContext) -> Judgement:
    """Only the rule is removed, not what was defined for it."""
    gateway = context.ports.gateway
    dialect = wrong_parts.WorseDialect(gateway.dialect, leaving_upstreams=True)
    return on_gateway(workloads.stop_canary, lambda _: replace(gateway, dialect=dialect))(context)


def start_two(context: StepContext) -> Judgement:
    """Two canaries."""
    canary = context.ports.workloads.read(context.release.target.canary)
    context.change(canary, image=context.release.image, replicas=2)
    return workloads.start_canary(context)


def drain_for_no_time(context: StepContext) -> Judgement:
    """As it should be, within zero seconds."""
    trial = context.release.trial
    return routes.drain(_changed(context, trial=replace(trial, timings=replace(trial.timings, drain=0.0))))


def _changed(context: StepContext, **changes: object) -> StepContext:
    return replace(context, release=replace(context.release, **changes))  # type: ignore[arg-type]
