"""Everything that must hold before a release may touch anything; `release` refuses on it, `doctor` shows it."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import (
    Conflict,
    EnvironmentFailed,
    ExitCode,
    GatewayctlError,
    PlatformStopped,
    UsageFault,
)
from gatewayctl.domain.evidence import Answer, Attribution
from gatewayctl.domain.leaks import LeakProbe, leak_probes, neighbour_leaks
from gatewayctl.domain.platform import Check, Replica, Workload
from gatewayctl.domain.release import Release, version_of
from gatewayctl.domain.rollout import ghost_note
from gatewayctl.domain.routing import own_routes
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.registration import check_unwatched, registry_checks

Seen = str | tuple[str, tuple[str, ...]]
"""What a check saw, and what people should know about an edit that it tried, where it tried one."""
NamedCheck = tuple[str, Callable[[], Seen]]
"""A precondition: what it is called, and the function that returns what it saw or raises what does not hold."""


class PreflightFailed(GatewayctlError):
    """Several preconditions do not hold; nothing was touched."""

    def __init__(self, faults: list[GatewayctlError]) -> None:
        lines = [f"{fault}" + (f"\n    → {fault.hint}" if fault.hint else "") for fault in faults]
        super().__init__("\n".join(lines))
        self.exit_code = _gravest(faults)


def exit_code_of(checks: Iterable[Check]) -> ExitCode:
    """The exit code that `release` would end with on these checks."""
    return _gravest([check.fault for check in checks if check.fault])


def _gravest(faults: Iterable[GatewayctlError]) -> ExitCode:
    return ExitCode(max((fault.exit_code for fault in faults), default=ExitCode.DONE))


def require(checks: tuple[Check, ...]) -> None:
    """Raise what does not hold: the error itself when it is one, else PreflightFailed with all of them."""
    faults = [check.fault for check in checks if check.fault]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise PreflightFailed(faults)


def preflight(ports: Ports, release: Release) -> tuple[Check, ...]:
    """Every check, each on its own: one that fails does not hide another.

    While another release is open it is the only check: it has changed what the others look at, and their hints (scale
    the canary to 0, remove the rule) would harm it. While the platform is stopped, all others would say so again.
    """
    no_other = _run("no other release", lambda: _check_no_other(ports, release))
    if isinstance(no_other.fault, Conflict):
        return (no_other,)
    stable = _run("stable", lambda: _check_stable(ports, release))
    if isinstance(stable.fault, PlatformStopped):
        return (no_other, stable)
    checks_to_run: list[NamedCheck] = [
        ("canary", lambda: _check_canary(ports, release)),
        ("rule fits the files", lambda: _check_rule(ports, release)),
        ("gateway replicas", lambda: _check_replicas(ports)),
        *registry_checks(ports, release),
        *_suite_checks(ports, release),
    ]
    checks = [no_other, stable, *check_unwatched(ports, release)]
    checks += [check for inspect in ports.inspections for check in inspect(release.target)]
    checks += [_run(name, check) for name, check in checks_to_run]
    try:
        replicas = [replica for replica in ports.gateway.replicas.list() if replica.ready]
    except EnvironmentFailed:
        return tuple(checks)  # the check of the gateway replicas has this fault
    for replica in replicas:
        checks += [_run(name, check) for name, check in _replica_checks(ports, release, replica)]
    return tuple(checks)


def check_value(app: AppSpec) -> tuple[Check, ...]:
    """A warning where the header's value is fixed: it does not expire, and a gateway does not ask who sends it."""
    if not app.value:
        return ()
    detail = (
        f"{app.header}: {app.value} is fixed: with a rule, everybody who reaches the gateway and knows it is let in"
    )
    hint = f"remove {app.header} from requests at the entrance from outside, or use value: per-release"
    return (Check("header value", detail, hint=hint),)


def _run(name: str, check: Callable[[], Seen]) -> Check:
    try:
        seen = check()
    except GatewayctlError as fault:
        return Check(name, str(fault), fault)
    detail, notes = (seen, ()) if isinstance(seen, str) else seen
    return Check(name, detail, notes=notes)


def _check_no_other(ports: Ports, release: Release) -> str:
    record = ports.journal.load(release.app)
    if record and not record.release.ended:
        raise conflict_with(record.release)
    return "none in progress"


def conflict_with(release: Release) -> GatewayctlError:
    """The error for a second release of one application."""
    app = release.app
    return Conflict(
        f"{app} has an unfinished release {release.id} ({release.image}) in phase {release.phase}, "
        f"started by {release.actor}",
        hint=f"gatewayctl status {app} says who drives it and what may be done; gatewayctl abort {app} takes it back",
    )


def _check_stable(ports: Ports, release: Release) -> str:
    now = ports.workloads.read(release.target.stable)
    if now.image == release.image:
        raise UsageFault(f"{now.name} runs {now.image} already", hint="nothing to release")
    if now.trouble and now.trouble.command:
        raise PlatformStopped(str(now.trouble), now.trouble.command)
    if not now.complete or now.ready < 1:
        trouble = f". {now.trouble}" if now.trouble else ""
        raise EnvironmentFailed(
            f"{now.name} is not settled: {now.ready}/{now.replicas} ready{trouble}",
            hint="the canary is compared with stable, which must be healthy: repair it first",
        )
    return _with_ghosts(f"{now.ready}/{now.replicas} ready, {now.image}", now)


def _check_canary(ports: Ports, release: Release) -> str:
    now = ports.workloads.read(release.target.canary)
    if not now.replicas and now.pods and len(now.pods) == now.ending:
        raise Conflict(
            f"{now.ending} Pods of {now.name} are still ending", hint="start the release again once they are gone"
        )
    if now.replicas or now.pods:
        raise Conflict(
            f"{now.name} already has {max(now.replicas, len(now.pods))} replicas of {now.image}",
            hint=_hint_for_canary(ports, release, now.name),
        )
    return _with_ghosts(f"0 replicas, {now.image}", now)


def _with_ghosts(text: str, now: Workload) -> str:
    return f"{text}; {ghost_note(now)}" if now.ghosts else text


def _hint_for_canary(ports: Ports, release: Release, name: str) -> str:
    """What to do about a canary that runs. While a rule sends requests to it, it must not be stopped."""
    if ports.gateway.own_routes(release.app) and not release.standing:
        return f"a release was lost, and its rule is still there: gatewayctl sweep {release.app} removes both in order"
    return f"someone uses it, or a release was lost: if nobody needs it, scale {name} to 0"


def _check_rule(ports: Ports, release: Release) -> Seen:
    gateway = ports.gateway
    files = gateway.store.read().files
    routes = gateway.dialect.routes(files)
    ours = own_routes(routes, release.app)
    foreign = [route for route in routes if route.target == release.rule.canary and route not in ours]
    if foreign:
        raise Conflict(
            f"{foreign[0].file}:{foreign[0].line}: a route that is not ours sends to {release.rule.canary} already",
            hint="it would reach the canary without the header; remove it first",
        )
    if ours and not release.standing:
        raise Conflict(
            f"{ours[0].file}:{ours[0].line}: there is a rule {release.rule.name} ({ours[0].header}) already",
            hint="if it is a standing rule set route: standing and its header value; else remove it with rule remove",
        )
    change = gateway.dialect.insert(files, release.rule)
    validation = gateway.checker.check(files, change.apply(files))
    if not validation.ok:
        raise UsageFault(f"the gateway would not load the rule: {validation.detail}")
    if len(change.stages) == 1:  # the upstream is not defined by the edit: then the gateway must know it already
        _check_upstream(ports, release)
    count = len(change.covered)
    routes_of = f"{count} route{'s' if count != 1 else ''} of {release.target.service}"
    return f"{routes_of}; {validation.detail or 'accepted'}", change.notes


def _check_upstream(ports: Ports, release: Release) -> None:
    upstream = release.rule.canary
    for replica in ports.gateway.replicas.list():
        if replica.ready and not (proof := ports.gateway.readback.upstream_ready(replica, upstream)).known:
            raise UsageFault(
                f"{replica.name}: {proof.detail}",
                hint=f"define {upstream} in the gateway, or add the file that defines {release.rule.service} "
                "to the gateway's files: then it is copied",
            )


def _check_replicas(ports: Ports) -> str:
    replicas = ports.gateway.replicas.list()
    if not replicas:
        raise EnvironmentFailed("the gateway has no replica")
    down = [f"{replica.name} ({replica.note or 'not ready'})" for replica in replicas if not replica.ready]
    if down:
        raise EnvironmentFailed(f"gateway replicas are down: {', '.join(down)}", hint="every replica must be provable")
    return f"{len(replicas)} of {len(replicas)} ready"


def _suite_checks(ports: Ports, release: Release) -> Iterator[NamedCheck]:
    for name, path in release.trial.files:
        yield name, lambda path=path, name=name: _check_path(name, path)  # type: ignore[misc]
    suite = release.trial.suite
    if suite and (suite.python or suite.env):
        yield "suite's Python", lambda: ports.suites.check(release.app, suite)


def _check_path(name: str, path: str) -> str:
    if not Path(path.partition("::")[0]).exists():
        raise UsageFault(f"{name}: {path} does not exist", hint="correct its path in gatewayctl.yaml")
    return path


def _replica_checks(ports: Ports, release: Release, replica: Replica) -> Iterator[NamedCheck]:
    unmarked = leak_probes(release)[0]
    yield f"{replica.name} serves stable", lambda: _check_stable_answers(ports, release, replica, unmarked)
    yield f"{replica.name} has no rule of {release.app}", lambda: _check_no_rule_runs(ports, release, replica)
    for near in neighbour_leaks(release):
        yield f"{replica.name} serves {near.label}", lambda near=near: _check_answers(ports, replica, near)  # type: ignore[misc]


def _check_stable_answers(ports: Ports, release: Release, replica: Replica, case: LeakProbe) -> str:
    answer = ports.gateway.prober.ask(replica, case.probe)
    if case.attribution.attribute(answer) is not Attribution.STABLE:
        url = case.probe.url if case.probe.tls else f"{case.probe.host}{case.probe.path}"
        raise EnvironmentFailed(
            f"{replica.name}: the answer of {url} does not name stable: {case.attribution.explain(answer)}",
            hint=answer.hint or "identify must name a header or JSON pointer that holds the pod's name or the version",
        )
    if not case.attribution.is_pod(answer):
        _check_versions(release)
    return case.attribution.explain(answer)


def _check_versions(release: Release) -> None:
    """Whether an application that names itself by its version can be told apart until its release has ended."""
    hint = "let the application name its Pod, and name that place under identify"
    if not release.stamps:
        raise UsageFault(
            f"{release.app} names its version, and this gateway cannot stamp answers: after the promotion both "
            "versions give the same word, and nobody could tell that the rule is gone",
            hint=hint,
        )
    if not version_of(release.image):
        raise UsageFault(
            f"{release.app} names its version, and the image {release.image} has no tag that its answers could name",
            hint=f"release an image with a tag, or {hint}",
        )


def _check_no_rule_runs(ports: Ports, release: Release, replica: Replica) -> str:
    """A replica that came back with older files would send requests to the canary as soon as that starts."""
    proof = ports.gateway.readback.rule_of(replica, release.rule)
    if proof.named and not release.standing:
        raise EnvironmentFailed(
            f"{replica.name} still runs {proof.named} route{'s' if proof.named != 1 else ''} named "
            f"{release.rule.name}, which the gateway's files do not have",
            hint="it still runs older files: wait until it has loaded the new ones, or restart it",
        )
    if proof.named:
        return "its standing rule, which stays"
    return "none" if proof.asked else "the gateway cannot tell"


def _hint_for(case: LeakProbe, answer: Answer) -> str:
    """A neighbour is probed with its own scheme and files, so the hint names whose they are."""
    return f"{answer.hint} (of the {case.label})" if answer.hint else ""


def _check_answers(ports: Ports, replica: Replica, case: LeakProbe) -> str:
    answer = ports.gateway.prober.ask(replica, case.probe)
    if not answer.status:
        raise EnvironmentFailed(
            f"{replica.name}: {case.label}: {case.attribution.explain(answer)}", hint=_hint_for(case, answer)
        )
    if not case.attribution.stamps and case.attribution.word_of(answer) is Attribution.UNKNOWN:
        raise EnvironmentFailed(
            f"{replica.name}: {case.label}: the answer does not name the application: "
            f"{case.attribution.explain(answer)}",
            hint="this gateway cannot stamp answers: identify of that application must hold the name of its pod",
        )
    return case.attribution.explain(answer)
