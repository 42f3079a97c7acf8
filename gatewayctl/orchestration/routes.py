"""Steps that change the gateway's rules: publish, remove, drain. Every write is checked, fenced and swapped."""

from gatewayctl.domain.errors import DeadlineExceeded, Refused
from gatewayctl.domain.platform import Replica, Stored
from gatewayctl.domain.routing import Change, rule_name
from gatewayctl.domain.verdicts import Judgement, Verdict
from gatewayctl.orchestration.canary_health import await_standing
from gatewayctl.orchestration.context import Work
from gatewayctl.orchestration.retries import in_turn
from gatewayctl.waiting import Pending, until


def publish(work: Work) -> Judgement:
    """Insert the rule, checked by the product itself; upstream definitions first, known to every replica, then routes.

    The canary is looked at once more before that: a rule may only ever point at what is ready.
    """
    lost = await_standing(work, 0.0)
    if lost:
        return lost
    return in_turn(work, lambda: _inserted(work))


def _inserted(work: Work) -> Judgement:
    stored = work.ports.gateway.store.read()
    change = work.ports.gateway.dialect.insert(stored.files, work.release.rule)
    said = _checked(work, stored, change)
    if change.stages:  # what a resume finds done keeps the first edit's evidence
        work.keep_change("route", stored.files, change)
    _write_in_order(work, stored, change)
    count = len(change.covered)
    return Judgement(Verdict.PASS, f"rule in {count} route{'s' if count != 1 else ''}, {said}")


def _checked(work: Work, stored: Stored, change: Change) -> str:
    """The product's own opinion, in a few words. Raises Refused when it would not load the edit."""
    if not change.stages:
        return "already there"
    said = work.ports.gateway.checker.check(stored.files, change.apply(stored.files))
    if not said.ok:
        raise Refused(stored.files[0].name, 0, f"the gateway would not load the edit: {said.detail}")
    return said.detail or ("accepted by the gateway's own check" if said.checked else "not checked by the gateway")


def _write_in_order(work: Work, stored: Stored, change: Change) -> None:
    """All stages but the last define upstreams; the last one, which names them, waits until they are known.

    Written even when the rule is there: a process may have died between its write and telling the replicas of it.
    """
    for stage in change.stages[:-1]:
        stored = work.write(stage, stored)
    upstream_known(work)
    work.write(change.stages[-1] if change.stages else (), stored)


def upstream_known(work: Work) -> None:
    """Wait until every replica knows the canary's upstream, where the product can be asked."""
    live, upstream = work.ports.gateway.live, work.release.rule.canary

    def known() -> bool | Pending:
        for replica in work.replicas():
            proof = live.upstream_ready(replica, upstream)
            if proof.asked and proof.routes < 1:
                return Pending(f"{replica.name}: {proof.detail}")
        return True

    until(known, f"every gateway replica to know upstream {upstream}", work.patience(work.release.timings.live))


def remove(work: Work) -> Judgement:
    """Take the rule out of the files; upstream definitions stay until nothing is in flight to them."""
    return in_turn(work, lambda: _removed(work))


def _removed(work: Work) -> Judgement:
    stored = work.ports.gateway.store.read()
    named = _is_named(work, stored)
    change = work.ports.gateway.dialect.remove(stored.files, work.release.app)
    # Written even when the rule is not there: that fences off a process which was paused before it published.
    first = change.stages[0] if named and change.stages else ()
    if first:
        work.keep_change("unroute", stored.files, Change((first,)))
    work.write(first, stored)
    return Judgement(Verdict.PASS, "rule removed" if first else "no rule in the files")


def _is_named(work: Work, stored: Stored) -> bool:
    name = rule_name(work.release.app)
    return any(route.name == name for route in work.ports.gateway.dialect.routes(stored.files))


def remove_upstreams(work: Work) -> bool:
    """Take away what `publish` defined beside the routes; whether the rule itself was back, and went with it."""
    named = False

    def taken() -> bool:
        nonlocal named
        stored = work.ports.gateway.store.read()
        change = work.ports.gateway.dialect.remove(stored.files, work.release.app)
        if change.stages:
            named |= _is_named(work, stored)
        for stage in change.stages:
            stored = work.write(stage, stored)
        return named

    return in_turn(work, taken)


def drain(work: Work) -> Judgement:
    """Give what is in flight to the canary its time to end; where the gateway cannot tell, all of that time."""

    def ended() -> bool | Pending:
        counts = [_in_flight(work, replica) for replica in work.replicas() if replica.ready]
        unsure = any(count is None for count in counts)
        running = sum(count or 0 for count in counts)
        if unsure or running:
            return Pending("the gateway cannot tell" if unsure else f"{running} requests in flight")
        return True

    try:
        until(ended, "requests in flight to end", work.patience(work.release.timings.drain))
    except DeadlineExceeded as fault:
        return Judgement(Verdict.PASS, f"gave {fault.waited:g} s; {fault.found}")
    return Judgement(Verdict.PASS, "nothing in flight to the canary")


def _in_flight(work: Work, replica: Replica) -> int | None:
    """Requests to the canary, or processes that may have some; None where neither can be told."""
    gateway = work.ports.gateway
    count = gateway.live.in_flight(replica, work.release.rule.canary)
    return gateway.activation.leftovers(replica) if count is None else count
