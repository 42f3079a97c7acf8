"""The state of an application now: what the journal says, beside what is really there. Changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from gatewayctl.domain.coverage import Coverage
from gatewayctl.domain.errors import Conflict, EnvironmentFailed, GatewayctlError, PlatformStopped
from gatewayctl.domain.platform import Replica, Workload
from gatewayctl.domain.release import Release, Target
from gatewayctl.domain.routing import RouteView
from gatewayctl.domain.shares import ShareCount
from gatewayctl.domain.survey import ReplicaView, Reply, Survey
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.open_release import check_place
from gatewayctl.orchestration.proof.covered import CoveredRoutes, find_covered
from gatewayctl.orchestration.proof.replica import Wanted, explain_replicas
from gatewayctl.orchestration.proof.share import count_share
from gatewayctl.ports import Clock
from gatewayctl.waiting import pause

_NOTHING = CoveredRoutes(0, Coverage())


def survey(ports: Ports, target: Target) -> Survey:
    """Look at everything; what cannot be seen is named in `faults`, not guessed. Raises EnvironmentFailed."""
    faults: list[str] = []
    record = ports.journal.load(target.app)
    release = record.release if record else None
    running = release is not None and not release.ended
    if release and running:
        _compare_place(ports, release, faults)
    covered = _find_covered(ports, release, faults) if release and running else _NOTHING
    return Survey(
        target,
        release,
        ports.leases.holder(target.app),
        _read_workload(ports, target.stable, faults),
        _read_workload(ports, target.canary, faults),
        _read_rules(ports, target, faults),
        _describe_replicas(ports, release if running else None, covered, faults),
        running and release is not None and release.has_expired(ports.clock.wall()),
        tuple(dict.fromkeys(faults)),
        covered.missing,
        covered.total,
        _find_start(ports),
    )


def _find_start(ports: Ports) -> str:
    """The command that starts the platform, if it is stopped; empty if it runs, or if nobody can tell."""
    try:
        ports.gateway.replicas.list()
    except PlatformStopped as fault:
        return fault.command
    except GatewayctlError:
        return ""
    return ""


def _compare_place(ports: Ports, release: Release, faults: list[str]) -> None:
    """What is seen of another gateway says nothing about the release."""
    try:
        check_place(ports, release)
    except Conflict as fault:
        faults.append(f"{fault} ({fault.hint})")


def _read_workload(ports: Ports, name: str, faults: list[str]) -> Workload | None:
    try:
        return ports.workloads.read(name)
    except GatewayctlError as fault:
        faults.append(str(fault))
        return None


def _read_rules(ports: Ports, target: Target, faults: list[str]) -> tuple[RouteView, ...]:
    try:
        return ports.gateway.own_routes(target.app)
    except GatewayctlError as fault:
        faults.append(str(fault))
        return ()


def _find_covered(ports: Ports, release: Release, faults: list[str]) -> CoveredRoutes:
    """The routes of the application, with those that have no rule."""
    try:
        found = find_covered(ports.gateway, release)
    except GatewayctlError as fault:
        faults.append(str(fault))
        return _NOTHING
    faults += [found.fault] if found.fault else []
    return found


def _describe_replicas(
    ports: Ports, release: Release | None, covered: CoveredRoutes, faults: list[str]
) -> tuple[ReplicaView, ...]:
    try:
        replicas = ports.gateway.replicas.list()
        wanted = Wanted(covered.rules, covered.coverage)
        missing = explain_replicas(ports.gateway, release, wanted) if release else {}
    except GatewayctlError as fault:
        faults.append(str(fault))
        return ()
    return tuple(_describe(replica, release, missing) for replica in replicas)


def _describe(replica: Replica, release: Release | None, missing: dict[str, str]) -> ReplicaView:
    if release is None:
        return ReplicaView(replica.name, replica.traffic, replica.ready, serves_rule=False, detail=replica.note)
    said = missing.get(replica.name, "not seen")
    return ReplicaView(replica.name, replica.traffic, replica.ready, not said, said or "serves the rule")


def ask_all(ports: Ports, release: Release, path: str) -> tuple[Reply, ...]:
    """Send the marked request to every ready replica. Raises EnvironmentFailed when none is ready."""
    marked = release.marked_probe
    probe = replace(marked, path=path or marked.path)
    replicas = [replica for replica in ports.gateway.replicas.list() if replica.ready]
    if not replicas:
        raise EnvironmentFailed("no gateway replica is ready")
    replies = []
    for replica in replicas:
        answer = ports.gateway.prober.ask(replica, probe)
        attribution = release.attribution
        replies.append(
            Reply(
                replica.name,
                replica.traffic,
                probe,
                answer.status,
                attribution.attribute(answer),
                attribution.explain(answer),
                answer.body,
                answer.seconds,
            )
        )
    return tuple(replies)


def count_shares(
    ports: Ports, release: Release, requests: int, tick: Callable[[str], None]
) -> tuple[tuple[str, ShareCount], ...]:
    """How many of `requests` unmarked ones, shared by the ready replicas, the canary answered; by replica.

    Raises EnvironmentFailed when none is ready, or too many answers do not show who gave them.
    """
    replicas = [replica for replica in ports.gateway.replicas.list() if replica.ready]
    if not replicas:
        raise EnvironmentFailed("no gateway replica is ready")
    each, more = divmod(requests, len(replicas))
    return tuple(
        (replica.name, count_share(ports.gateway.prober, release, replica, each + (number < more), tick))
        for number, replica in enumerate(replicas)
    )


def watch_surveys(
    look: Callable[[], tuple[Survey, ...]], clock: Clock, every: float = 2.0
) -> Iterator[tuple[Survey, ...]]:
    """Surveys, taken every `every` seconds until no release is open; one that equals the last is left out."""
    last: tuple[Survey, ...] = ()
    while True:
        surveys = look()
        if surveys != last:
            yield surveys
            last = surveys
        if not any(one.active for one in surveys):
            return
        pause(every, clock)
