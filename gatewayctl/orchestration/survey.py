"""Where an application stands right now: the journal's word beside what the world really shows. Changes nothing."""

from collections.abc import Callable, Iterator

from gatewayctl.domain.errors import EnvironmentFailed, GatewayctlError
from gatewayctl.domain.platform import Probe, Replica, Workload
from gatewayctl.domain.release import Release, Target
from gatewayctl.domain.routing import RouteView, rule_name
from gatewayctl.domain.survey import ReplicaView, Reply, Survey
from gatewayctl.orchestration.context import Fence, Ports, StepContext
from gatewayctl.orchestration.proof.steps import routed_now
from gatewayctl.ports import Clock


def survey(ports: Ports, target: Target) -> Survey:
    """Look at everything; what cannot be seen is said, not guessed."""
    faults: list[str] = []
    record = ports.journal.load(target.app)
    release = record.release if record else None
    running = release is not None and not release.ended
    return Survey(
        target,
        release,
        ports.leases.holder(target.app),
        _workload(ports, target.stable, faults),
        _workload(ports, target.canary, faults),
        _rules(ports, target, faults),
        _replicas(ports, release if running else None, faults),
        running and release is not None and ports.clock.wall() > release.expires,
        tuple(faults),
    )


def _workload(ports: Ports, name: str, faults: list[str]) -> Workload | None:
    try:
        return ports.workloads.read(name)
    except GatewayctlError as fault:
        faults.append(str(fault))
        return None


def _rules(ports: Ports, target: Target, faults: list[str]) -> tuple[RouteView, ...]:
    try:
        routes = ports.gateway.dialect.routes(ports.gateway.store.read().files)
    except GatewayctlError as fault:
        faults.append(str(fault))
        return ()
    return tuple(route for route in routes if route.name == rule_name(target.app))


def _replicas(ports: Ports, release: Release | None, faults: list[str]) -> tuple[ReplicaView, ...]:
    try:
        replicas = ports.gateway.replicas.list()
        missing = dict(routed_now(_looking(ports, release))) if release else {}
    except GatewayctlError as fault:
        faults.append(str(fault))
        return ()
    return tuple(_view(replica, release, missing) for replica in replicas)


def _view(replica: Replica, release: Release | None, missing: dict[str, str]) -> ReplicaView:
    if release is None:
        return ReplicaView(replica.name, replica.traffic, replica.ready, serves_rule=False, detail=replica.note)
    said = missing.get(replica.name, "not seen")
    return ReplicaView(replica.name, replica.traffic, replica.ready, not said, said or "serves the rule")


def _looking(ports: Ports, release: Release) -> StepContext:
    """Work that cannot write: its fence always refuses."""

    def refuse() -> None:
        raise AssertionError("a survey never writes")

    return StepContext(ports, release, Fence(refuse, refuse), lambda _: None)


def ask_all(ports: Ports, release: Release, path: str) -> tuple[Reply, ...]:
    """Send the marked request to every ready replica. Raises EnvironmentFailed when none is ready."""
    marked = release.marked_probe
    probe = Probe(marked.host, path or marked.path, marked.headers)
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


def watched(look: Callable[[], tuple[Survey, ...]], clock: Clock, every: float = 2.0) -> Iterator[tuple[Survey, ...]]:
    """Surveys every `every` seconds, until no release is open; each time only when something is different."""
    before: tuple[Survey, ...] = ()
    while True:
        seen = look()
        if seen != before:
            yield seen
            before = seen
        if not any(one.active for one in seen):
            return
        clock.sleep(every)
