"""Steps that change the gateway's rules: publish, remove, drain. Every write is checked, fenced and swapped."""

from gatewayctl.domain.errors import DeadlineExceeded, Refused
from gatewayctl.domain.platform import Replica, VersionedFiles
from gatewayctl.domain.routing import Change, rule_name
from gatewayctl.domain.verdicts import Judgement, Verdict
from gatewayctl.orchestration.canary_health import await_standing
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.retries import retry_on_conflict
from gatewayctl.waiting import Pending, until


def publish(context: StepContext) -> Judgement:
    """Insert the rule, checked by the product itself; upstream definitions first, known to every replica, then routes.

    The canary is looked at once more before that: a rule may only ever point at what is ready.
    """
    lost = await_standing(context, 0.0)
    if lost:
        return lost
    return retry_on_conflict(context, lambda: _inserted(context))


def _inserted(context: StepContext) -> Judgement:
    stored = context.ports.gateway.store.read()
    change = context.ports.gateway.dialect.insert(stored.files, context.release.rule)
    said = _checked(context, stored, change)
    if change.stages:  # what a resume finds done keeps the first edit's evidence
        context.keep_change("route", stored.files, change)
    _write_in_order(context, stored, change)
    count = len(change.covered)
    return Judgement(Verdict.PASS, f"rule in {count} route{'s' if count != 1 else ''}, {said}")


def _checked(context: StepContext, stored: VersionedFiles, change: Change) -> str:
    """The product's own opinion, in a few words. Raises Refused when it would not load the edit."""
    if not change.stages:
        return "already there"
    said = context.ports.gateway.checker.check(stored.files, change.apply(stored.files))
    if not said.ok:
        raise Refused(stored.files[0].name, 0, f"the gateway would not load the edit: {said.detail}")
    return said.detail or ("accepted by the gateway's own check" if said.checked else "not checked by the gateway")


def _write_in_order(context: StepContext, stored: VersionedFiles, change: Change) -> None:
    """All stages but the last define upstreams; the last one, which names them, waits until they are known.

    Written even when the rule is there: a process may have died between its write and telling the replicas of it.
    """
    for stage in change.stages[:-1]:
        stored = context.write(stage, stored)
    upstream_known(context)
    context.write(change.stages[-1] if change.stages else (), stored)


def upstream_known(context: StepContext) -> None:
    """Wait until every replica knows the canary's upstream, where the product can be asked."""
    readback, upstream = context.ports.gateway.readback, context.release.rule.canary

    def known() -> bool | Pending:
        for replica in context.replicas():
            proof = readback.upstream_ready(replica, upstream)
            if proof.asked and proof.routes < 1:
                return Pending(f"{replica.name}: {proof.detail}")
        return True

    until(
        known,
        f"every gateway replica to know upstream {upstream}",
        context.deadline(context.release.trial.timings.live),
    )


def remove(context: StepContext) -> Judgement:
    """Take the rule out of the files; upstream definitions stay until nothing is in flight to them."""
    return retry_on_conflict(context, lambda: _removed(context))


def _removed(context: StepContext) -> Judgement:
    stored = context.ports.gateway.store.read()
    named = _is_named(context, stored)
    change = context.ports.gateway.dialect.remove(stored.files, context.release.app)
    # Written even when the rule is not there: that fences off a process which was paused before it published.
    first = change.stages[0] if named and change.stages else ()
    if first:
        context.keep_change("unroute", stored.files, Change((first,)))
    context.write(first, stored)
    return Judgement(Verdict.PASS, "rule removed" if first else "no rule in the files")


def _is_named(context: StepContext, stored: VersionedFiles) -> bool:
    name = rule_name(context.release.app)
    return any(route.name == name for route in context.ports.gateway.dialect.routes(stored.files))


def remove_upstreams(context: StepContext) -> bool:
    """Take away what `publish` defined beside the routes; whether the rule itself was back, and went with it."""
    named = False

    def taken() -> bool:
        nonlocal named
        stored = context.ports.gateway.store.read()
        change = context.ports.gateway.dialect.remove(stored.files, context.release.app)
        if change.stages:
            named |= _is_named(context, stored)
        for stage in change.stages:
            stored = context.write(stage, stored)
        return named

    return retry_on_conflict(context, taken)


def drain(context: StepContext) -> Judgement:
    """Give what is in flight to the canary its time to end; where the gateway cannot tell, all of that time."""

    def ended() -> bool | Pending:
        counts = [_in_flight(context, replica) for replica in context.replicas() if replica.ready]
        unsure = any(count is None for count in counts)
        running = sum(count or 0 for count in counts)
        if unsure or running:
            return Pending("the gateway cannot tell" if unsure else f"{running} requests in flight")
        return True

    try:
        until(ended, "requests in flight to end", context.deadline(context.release.trial.timings.drain))
    except DeadlineExceeded as fault:
        return Judgement(Verdict.PASS, f"gave {fault.waited:g} s; {fault.detail}")
    return Judgement(Verdict.PASS, "nothing in flight to the canary")


def _in_flight(context: StepContext, replica: Replica) -> int | None:
    """Requests to the canary, or processes that may have some; None where neither can be told."""
    gateway = context.ports.gateway
    count = gateway.readback.in_flight(replica, context.release.rule.canary)
    return gateway.activation.leftovers(replica) if count is None else count
