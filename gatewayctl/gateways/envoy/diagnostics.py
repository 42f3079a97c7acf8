"""Why a service cannot get its rule, and what has to be known beside the edit."""

from collections.abc import Iterable, Sequence

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.clusters import discovery, eds_name, owner
from gatewayctl.gateways.envoy.edits import all_routes
from gatewayctl.gateways.envoy.fields import mentions
from gatewayctl.gateways.envoy.locate import Barrier, Member, Obstacle, Survey
from gatewayctl.gateways.envoy.routes import late_upstreams

_SHOWN = 20


def refuse_hidden(found: Iterable[Survey], rule: CanaryRule) -> None:
    """Raise Refused when the service is named in a part that cannot be edited, although its routes can."""
    for obstacle in _obstacles(found):
        if obstacle.barrier in {Barrier.V2, Barrier.MATCHER} and mentions(obstacle.node, rule.service):
            raise _blocked(obstacle, rule)


def refuse_unreadable(found: Iterable[Survey]) -> None:
    """Raise Refused for the v2 API, whose routes we do not read: no routes would sound as if there were none."""
    for obstacle in _obstacles(found):
        if obstacle.barrier is Barrier.V2:
            raise _v2(obstacle)


def unrouted(found: Sequence[Survey], rule: CanaryRule) -> Refused:
    """The refusal for a service that no route sends to, with the most telling reason."""
    obstacles = _obstacles(found)
    for obstacle in obstacles:
        if obstacle.barrier is Barrier.V2:
            return _blocked(obstacle, rule)
    for obstacle in obstacles:
        if obstacle.barrier is Barrier.TCP and mentions(obstacle.node, rule.service):
            return _blocked(obstacle, rule)
    nowhere = f"no route sends to {rule.service}"
    late = [one for survey in found for table in survey.tables for one in late_upstreams(table)]
    for obstacle in [*obstacles, *late]:
        if obstacle.barrier is Barrier.ELSEWHERE:
            return obstacle.unit.refused(
                obstacle.node, f"{nowhere} here, but {obstacle.what}", hint="give the file that holds those routes too"
            )
    names = ", ".join(survey.source.file.name for survey in found)
    upstreams = sorted({name for route in all_routes(found) for name in route.upstreams})
    if upstreams:
        return Refused(names, 0, f"{nowhere}; upstreams with routes: {_listed(upstreams)}")
    clusters = sorted({member.name for survey in found for member in survey.clusters})
    if clusters:
        reason = f"{nowhere}: there are no routes here, only clusters: {_listed(clusters)}"
        return Refused(names, 0, reason, hint="give the file that holds the routes too")
    return Refused(names, 0, f"{nowhere}: there are no routes here")


def notes(found: Sequence[Survey], rule: CanaryRule) -> tuple[str, ...]:
    """What the edit relies on and does not write."""
    clusters = [member for survey in found for member in survey.clusters]
    by_hand = [member for member in clusters if member.name == rule.canary and owner(member) != rule.name]
    stable = [member for member in clusters if member.name == rule.service]
    said = []
    if by_hand:
        said.append(f"the cluster {rule.canary} is not of our making: it stays as it is, also afterwards")
    elif not clusters:
        said.append(f"no file given defines clusters: the gateway must already know the cluster {rule.canary}")
    elif not stable:
        said.append(
            f"no file given defines the cluster {rule.service}: the gateway must already know {rule.canary} as well"
        )
    said += [] if by_hand else _endpoint_notes(found, stable)
    said += [
        f"{obstacle.unit.file}:{obstacle.unit.line(obstacle.node)}: tcp_proxy sends to {rule.service} too; "
        "connections have no headers, so they stay with it"
        for obstacle in _obstacles(found)
        if obstacle.barrier is Barrier.TCP and mentions(obstacle.node, rule.service)
    ]
    return tuple(said)


def _endpoint_notes(found: Sequence[Survey], stable: Sequence[Member]) -> list[str]:
    held = {member.name for survey in found for member in survey.endpoints}
    asked = {eds_name(member) for member in stable if discovery(member) == "EDS"}
    return [
        f"the canary's cluster asks EDS for the endpoints {name}-canary: no file given holds them"
        for name in sorted(asked)
        if name not in held and f"{name}-canary" not in held
    ]


def _obstacles(found: Iterable[Survey]) -> list[Obstacle]:
    return [obstacle for survey in found for obstacle in survey.obstacles]


def _blocked(obstacle: Obstacle, rule: CanaryRule) -> Refused:
    if obstacle.barrier is Barrier.V2:
        return _v2(obstacle)
    if obstacle.barrier is Barrier.TCP:
        reason = f"only tcp_proxy sends to {rule.service}: connections have no headers to route by"
        return obstacle.unit.refused(obstacle.node, reason)
    reason = f"{obstacle.what} and names {rule.service} in it: only lists of routes can be edited"
    return obstacle.unit.refused(obstacle.node, reason)


def _v2(obstacle: Obstacle) -> Refused:
    reason = f"{obstacle.what}: current Envoy does not load it"
    return obstacle.unit.refused(obstacle.node, reason, hint="migrate the file to the v3 API first")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
