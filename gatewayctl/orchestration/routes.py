"""Steps that change the gateway's rules: publish, remove, drain. Every write is checked, fenced and swapped."""

from gatewayctl.domain.errors import DeadlineExceeded, Refused, Transient
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.platform import Replica, VersionedFiles
from gatewayctl.domain.routing import Change, own_routes
from gatewayctl.orchestration.canary_health import wait_for_canary
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.registration import wait_for_registration
from gatewayctl.orchestration.retries import retry_on_conflict
from gatewayctl.waiting import Pending, until


def publish(context: StepContext) -> Judgement:
    """Insert the rule, checked by the product itself; upstream definitions first, known to every replica, then routes.

    The canary is looked at once more before that: a rule may only ever point at what is ready.
    """
    lost = wait_for_canary(context, 0.0) or wait_for_registration(context)
    if lost:
        return lost
    return retry_on_conflict(context, lambda: _insert_rule(context))


def _insert_rule(context: StepContext) -> Judgement:
    stored = context.ports.gateway.store.read()
    change = context.ports.gateway.dialect.insert(stored.files, context.release.rule)
    detail = _check_edit(context, stored, change)
    if change.stages:  # a resume that finds the rule there keeps the first edit's evidence
        context.keep_change("route", stored.files, change)
    _write_in_order(context, stored, change)
    count = len(change.covered)
    told = "".join(f"; note: {note}" for note in change.notes)
    share = f" with {context.release.share} % of real traffic" if context.release.share else ""
    return Judgement(Verdict.PASS, f"rule{share} in {count} route{'s' if count != 1 else ''}, {detail}{told}")


def _check_edit(context: StepContext, stored: VersionedFiles, change: Change) -> str:
    """What the product's own check says, in a few words. Raises Refused when it would not load the edit."""
    if not change.stages:
        return "already there"
    validation = context.ports.gateway.checker.check(stored.files, change.apply(stored.files))
    if not validation.ok:
        raise Refused(stored.files[0].name, 0, f"the gateway would not load the edit: {validation.detail}")
    if validation.detail:
        return validation.detail
    return "accepted by the gateway's own check" if validation.checked else "not checked by the gateway"


def _write_in_order(context: StepContext, stored: VersionedFiles, change: Change) -> None:
    """All stages but the last define upstreams; the last one, which names them, waits until they are known.

    Written even when the rule is there: a process may have died after its write, before it made the replicas load it.
    """
    for stage in change.stages[:-1]:
        stored = context.write(stage, stored)
        context.announce()
    wait_for_upstream(context)
    context.write(change.stages[-1] if change.stages else (), stored)


def wait_for_upstream(context: StepContext) -> None:
    """Wait until every replica knows the canary's upstream, where the product can be asked."""
    readback, upstream = context.ports.gateway.readback, context.release.rule.canary

    def look() -> bool | Pending:
        for replica in context.replicas():
            proof = readback.upstream_ready(replica, upstream)
            if proof.asked and not proof.endpoints:
                return Pending(f"{replica.name}: {proof.detail}")
        return True

    until(
        look, f"every gateway replica to know upstream {upstream}", context.deadline(context.release.trial.timings.live)
    )


def remove(context: StepContext) -> Judgement:
    """Take the rule out of the files; upstream definitions stay until nothing is in flight to them."""
    return retry_on_conflict(context, lambda: _remove_rule(context))


def _remove_rule(context: StepContext) -> Judgement:
    stored = context.ports.gateway.store.read()
    change = context.ports.gateway.dialect.remove(stored.files, context.release.app)
    # Written even when the rule is not there: a process that was paused before it published can then no longer write.
    first = change.stages[0] if change.stages and _has_rule(context, stored) else ()
    context.write(first, stored)
    if first:  # evidence comes after the removal: a disk that is slow or full must not hold it up
        context.keep_change("unroute", stored.files, Change((first,)))
    return Judgement(Verdict.PASS, "rule removed" if first else "no rule in the files")


def _has_rule(context: StepContext, stored: VersionedFiles) -> bool:
    return bool(own_routes(context.ports.gateway.dialect.routes(stored.files), context.release.app))


def remove_upstreams(context: StepContext) -> bool:
    """Take away what `publish` defined beside the routes; True when the rule itself was back, and was removed too."""
    had_rule = False

    def find_rest() -> tuple[VersionedFiles, Change]:
        stored = context.ports.gateway.store.read()
        return stored, context.ports.gateway.dialect.remove(stored.files, context.release.app)

    def remove_all() -> bool:
        nonlocal had_rule
        stored, change = find_rest()
        if change.stages:
            had_rule |= _has_rule(context, stored)
        for stage in change.stages:
            stored = context.write(stage, stored)
        return had_rule

    _, rest = find_rest()
    if not rest.stages:  # most products define nothing beside the routes: nothing is worth a place in line
        return False
    return retry_on_conflict(context, remove_all)


def drain(context: StepContext) -> Judgement:
    """Give requests in flight to the canary the time to end; all of that time where the gateway cannot tell."""

    def look() -> bool | Pending:
        try:
            counts = [_count_in_flight(context, replica) for replica in context.replicas() if replica.ready]
        except Transient as fault:  # the time that is given goes on: after it nobody need be asked
            return Pending(f"the gateway cannot be asked: {fault}")
        unsure = any(count is None for count in counts)
        running = sum(count or 0 for count in counts)
        if unsure or running:
            return Pending("the gateway cannot tell" if unsure else f"{running} requests in flight")
        return True

    try:
        until(look, "requests in flight to end", context.deadline(context.release.trial.timings.drain))
    except DeadlineExceeded as fault:
        return Judgement(Verdict.PASS, f"gave {fault.waited:g} s; {fault.detail}")
    return Judgement(Verdict.PASS, "nothing in flight to the canary")


def _count_in_flight(context: StepContext, replica: Replica) -> int | None:
    """Requests to the canary, or processes that may have some; None where neither can be counted."""
    gateway = context.ports.gateway
    count = gateway.readback.in_flight(replica, context.release.rule.canary)
    return gateway.activation.leftovers(replica) if count is None else count
