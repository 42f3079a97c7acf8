"""Everything that must hold before a release may touch anything; `release` refuses on it, `doctor` shows it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from gatewayctl.domain.errors import (
    Conflict,
    EnvironmentFailed,
    ExitCode,
    GatewayctlError,
    UsageFault,
)
from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.leaks import LeakProbe, leak_probes, neighbour_leaks
from gatewayctl.domain.platform import Check, Replica
from gatewayctl.domain.release import Release
from gatewayctl.domain.routing import rule_name
from gatewayctl.orchestration.context import Ports


class PreflightFailed(GatewayctlError):
    """Several preconditions do not hold; nothing was touched."""

    def __init__(self, faults: list[GatewayctlError]) -> None:
        lines = [f"{fault}" + (f"\n    → {fault.hint}" if fault.hint else "") for fault in faults]
        super().__init__("\n".join(lines))
        self.exit_code = ExitCode(max(fault.exit_code for fault in faults))


def require(checks: tuple[Check, ...]) -> None:
    """Raise what does not hold: the error itself when it is one, all of them together otherwise."""
    faults = [check.fault for check in checks if check.fault]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise PreflightFailed(faults)


def preflight(ports: Ports, release: Release) -> tuple[Check, ...]:
    """Every check, each on its own: one that fails does not hide another."""
    looks: list[tuple[str, Callable[[], str]]] = [
        ("no other release", lambda: _no_other(ports, release)),
        ("stable", lambda: _stable(ports, release)),
        ("canary", lambda: _canary(ports, release)),
        ("rule fits the files", lambda: _rule_fits(ports, release)),
        ("gateway replicas", lambda: _replicas(ports)),
        *_suite_looks(release),
    ]
    checks = [check for inspect in ports.inspections for check in inspect(release.target)]
    checks += [_look(name, look) for name, look in looks]
    try:
        replicas = [replica for replica in ports.gateway.replicas.list() if replica.ready]
    except EnvironmentFailed:
        return tuple(checks)  # said by the check above
    for replica in replicas:
        checks += [_look(name, look) for name, look in _replica_looks(ports, release, replica)]
    return tuple(checks)


def _look(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, look())
    except GatewayctlError as fault:
        return Check(name, str(fault), fault)


def _no_other(ports: Ports, release: Release) -> str:
    record = ports.journal.load(release.app)
    if record and not record.release.ended:
        raise unfinished_fault(record.release)
    return "none in progress"


def unfinished_fault(release: Release) -> GatewayctlError:
    """The error for a second release of one application."""
    app = release.app
    return Conflict(
        f"{app} has an unfinished release {release.id} ({release.image}) in phase {release.phase}, "
        f"started by {release.actor}",
        hint=f"gatewayctl status {app}, then gatewayctl resume {app} or gatewayctl abort {app}",
    )


def _stable(ports: Ports, release: Release) -> str:
    now = ports.workloads.read(release.target.stable)
    if now.image == release.image:
        raise UsageFault(f"{now.name} runs {now.image} already", hint="nothing to release")
    if not now.settled or now.ready < 1:
        raise EnvironmentFailed(
            f"{now.name} is not settled: {now.ready}/{now.replicas} ready. {now.trouble}".rstrip(". "),
            hint="a canary is judged against a healthy stable: mend it first",
        )
    return f"{now.ready}/{now.replicas} ready, {now.image}"


def _canary(ports: Ports, release: Release) -> str:
    now = ports.workloads.read(release.target.canary)
    if now.replicas or now.pods:
        raise Conflict(
            f"{now.name} already has {max(now.replicas, len(now.pods))} replicas of {now.image}",
            hint=f"someone uses it, or a release was lost: scale {now.name} to 0 first",
        )
    return f"standing by at 0, {now.image}"


def _rule_fits(ports: Ports, release: Release) -> str:
    gateway = ports.gateway
    files = gateway.store.read().files
    routes = gateway.dialect.routes(files)
    ours = [route for route in routes if route.name == rule_name(release.app)]
    foreign = [route for route in routes if route.target == release.rule.canary and route not in ours]
    if foreign:
        raise Conflict(
            f"{foreign[0].file}:{foreign[0].line}: a route that is not ours sends to {release.rule.canary} already",
            hint="it would reach the canary without the header; remove it first",
        )
    if ours and not release.standing:
        raise Conflict(
            f"{ours[0].file}:{ours[0].line}: there is a rule {rule_name(release.app)} ({ours[0].header}) already",
            hint="if it is a standing rule set route: standing and its header value; else remove it with rule remove",
        )
    change = gateway.dialect.insert(files, release.rule)
    said = gateway.checker.check(files, change.apply(files))
    if not said.ok:
        raise UsageFault(f"the gateway would not load the rule: {said.detail}")
    if len(change.stages) == 1:  # the upstream is not defined by the edit: then the gateway must know it already
        _upstream_is_known(ports, release)
    count = len(change.covered)
    return f"{count} route{'s' if count != 1 else ''} of {release.target.service}; {said.detail or 'accepted'}"


def _upstream_is_known(ports: Ports, release: Release) -> None:
    upstream = release.rule.canary
    for replica in ports.gateway.replicas.list():
        if replica.ready and not (proof := ports.gateway.readback.upstream_ready(replica, upstream)).known:
            raise UsageFault(
                f"{replica.name}: {proof.detail}",
                hint=f"define {upstream} in the gateway, or add the file that defines {release.rule.service} "
                "to the gateway's files: then it is copied",
            )


def _replicas(ports: Ports) -> str:
    replicas = ports.gateway.replicas.list()
    if not replicas:
        raise EnvironmentFailed("the gateway has no replica")
    down = [f"{replica.name} ({replica.note or 'not ready'})" for replica in replicas if not replica.ready]
    if down:
        raise EnvironmentFailed(f"gateway replicas are down: {', '.join(down)}", hint="every replica must be provable")
    return f"{len(replicas)} of {len(replicas)} ready"


def _suite_looks(release: Release) -> Iterator[tuple[str, Callable[[], str]]]:
    for name, path in (
        ("suite", release.suite.path if release.suite else ""),
        ("load", release.load.file if release.load else ""),
    ):
        if path:
            yield name, lambda path=path, name=name: _exists(name, path)  # type: ignore[misc]


def _exists(name: str, path: str) -> str:
    if not Path(path).exists():
        raise UsageFault(f"{name}: {path} does not exist", hint="correct its path in gatewayctl.yaml")
    return path


def _replica_looks(ports: Ports, release: Release, replica: Replica) -> Iterator[tuple[str, Callable[[], str]]]:
    unmarked = leak_probes(release)[0]
    yield f"{replica.name} serves stable", lambda: _answers_stable(ports, replica, unmarked)
    yield f"{replica.name} has no rule of {release.app}", lambda: _runs_no_rule(ports, release, replica)
    for near in neighbour_leaks(release):
        yield f"{replica.name} serves {near.label}", lambda near=near: _answers(ports, replica, near)  # type: ignore[misc]


def _answers_stable(ports: Ports, replica: Replica, case: LeakProbe) -> str:
    answer = ports.gateway.prober.ask(replica, case.probe)
    if case.attribution.attribute(answer) is not Attribution.STABLE:
        raise EnvironmentFailed(
            f"{replica.name}: nobody can tell who answered {case.probe.host}{case.probe.path}: "
            f"{case.attribution.explain(answer)}",
            hint="identify must name a header or JSON pointer that holds the pod's name or the version",
        )
    return case.attribution.explain(answer)


def _runs_no_rule(ports: Ports, release: Release, replica: Replica) -> str:
    """A replica that came back with files of before would send to the canary while it starts."""
    proof = ports.gateway.readback.rule_of(replica, release.rule)
    if proof.named and not release.standing:
        raise EnvironmentFailed(
            f"{replica.name} still runs {proof.named} route{'s' if proof.named != 1 else ''} named "
            f"{rule_name(release.app)}, which the gateway's files do not have",
            hint="it runs files of before: wait until it has taken the new ones, or restart it",
        )
    if proof.named:
        return "its standing rule, which stays"
    return "none" if proof.asked else "the gateway cannot tell"


def _answers(ports: Ports, replica: Replica, case: LeakProbe) -> str:
    answer = ports.gateway.prober.ask(replica, case.probe)
    if not answer.status:
        raise EnvironmentFailed(f"{replica.name}: {case.label}: {case.attribution.explain(answer)}")
    if not case.attribution.stamps and not case.attribution.identify.read(answer):
        raise EnvironmentFailed(
            f"{replica.name}: {case.label}: nobody can tell who answered: {case.attribution.explain(answer)}",
            hint="this gateway cannot stamp answers: identify must hold the pod's name or the version there, too",
        )
    return case.attribution.explain(answer)
