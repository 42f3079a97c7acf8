"""Steps that try the canary as a user would: the functional suite and the load, through every gateway replica."""

import json
from pathlib import Path

from gatewayctl.domain.errors import DeadlineExceeded, Disturbed, EnvironmentFailed, Transient
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.load_result import Cohort, LoadResult
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.smoke import GatewayEndpoints, LoadRun, SuiteRun, public_url
from gatewayctl.domain.suite_verdicts import judge_suite
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Pending, until_or_fail

_REPORTED = 2.0  # seconds within which a platform says that a replica has ended; kubelets look once a second
_LOOK_EVERY = 1.0


def run_suite(context: StepContext) -> Judgement:
    """The functional suite, judged with who answered it."""
    suite = context.release.trial.suite
    if suite is None:
        raise EnvironmentFailed(f"release {context.release.id} has no suite")
    replicas = _ready(context)
    run = SuiteRun(suite, _endpoints(context, replicas), _folder(context, "suite"), context.release.app)
    result = context.ports.suites.test(run, context.tick)
    return _unless_lost(context, replicas, judge_suite(result))


def run_load(context: StepContext) -> Judgement:
    """The load on both versions, compared."""
    load = context.release.trial.load
    if load is None:
        raise EnvironmentFailed(f"release {context.release.id} has no load")
    replicas = _ready(context)
    run = LoadRun(
        load.file,
        _endpoints(context, replicas),
        _folder(context, "load"),
        load.users,
        load.spawn_rate,
        load.duration,
        timeout=120.0,
        workers=load.workers,
        max_duration=load.max_duration,
        samples=load.samples,
        classes=load.classes,
        args=load.args,
    )
    result = context.ports.suites.load(run, context.tick)
    context.keep("load.json", json.dumps(_figures(result), indent=1))
    return _unless_lost(context, replicas, judge_load(result, load))


def _ready(context: StepContext) -> tuple[Replica, ...]:
    ready = tuple(replica for replica in context.replicas() if replica.ready)
    if not ready:
        raise Transient("no gateway replica is ready")
    return ready


def _unless_lost(context: StepContext, before: tuple[Replica, ...], judgement: Judgement) -> Judgement:
    """The judgement. Raises Disturbed if it is bad and a gateway replica was lost: that can be the cause.

    A replica that ended a moment ago may still be listed as before, so that a bad result is told a little later.
    """
    if judgement.verdict is Verdict.PASS:
        return judgement

    def look() -> str | Pending:
        return _find_lost(before, context.ports.gateway.replicas.list_now()) or Pending("looking for lost replicas")

    try:
        lost = until_or_fail(look, "a gateway replica to be lost", context.deadline(_REPORTED, _LOOK_EVERY))
    except DeadlineExceeded:
        return judgement
    raise Disturbed(f"gateway {lost} meanwhile; {judgement.text}")


def _find_lost(before: tuple[Replica, ...], now: tuple[Replica, ...]) -> str:
    """Which replicas of `before` do not serve any more, or were started again under their names; empty for none."""
    listed = {replica.name: replica for replica in now}
    lost = [one.name for one in before if one.name not in listed or not listed[one.name].ready]
    again = [one.name for one in before if one.name not in lost and listed[one.name].identity != one.identity]
    found = [(lost, "was lost"), (again, "restarted")]
    return ", ".join(f"replica {', '.join(names)} {what}" for names, what in found if names)


def _endpoints(context: StepContext, replicas: tuple[Replica, ...]) -> GatewayEndpoints:
    release = context.release
    scheme, host = release.target.probe.scheme, release.target.host
    return GatewayEndpoints(
        urls=tuple(f"{scheme}://{replica.traffic}" for replica in replicas),
        host=host,
        header=release.header,
        attribution=release.attribution,
        base_url=public_url(scheme, host),
        tls=release.target.tls,
    )


def _folder(context: StepContext, name: str) -> str:
    return str(Path(context.ports.evidence.folder(context.release.id)) / name)


def _figures(result: LoadResult) -> dict[str, object]:
    """The figures of a load run, seconds rounded to a microsecond, histograms kept whole."""

    def cohort(counts: Cohort) -> dict[str, object]:
        shown = (50, 95, 99) if counts.requests else ()
        quantiles = {f"p{q}": round(counts.latency.quantile(q / 100), 6) for q in shown}
        buckets = {str(bucket): count for bucket, count in sorted(counts.latency.counts.items())}
        return {"requests": counts.requests, "errors": counts.errors, **quantiles, "histogram": buckets}

    return {
        "stable": cohort(result.stable),
        "canary": cohort(result.canary),
        "stable_halves": [cohort(half) for half in result.halves],
        "misrouted": result.misrouted,
        "unknown": result.unknown,
        "unnamed": result.unnamed,
        "exit_code": result.exit_code,
        "seconds": round(result.seconds, 3),
        "by_name": {
            name: {"stable": cohort(stable), "canary": cohort(canary)}
            for name, (stable, canary) in sorted(result.by_name.items())
        },
        "events": {
            name: {"stable": [stable.requests, stable.errors], "canary": [canary.requests, canary.errors]}
            for name, (stable, canary) in sorted(result.events.items())
        },
        "failures": [str(failure) for failure in result.failures],
    }
