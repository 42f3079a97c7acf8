"""The status of applications as text and JSON: phase, proof per replica, how QA reaches the canary, what comes next."""

from dataclasses import asdict, dataclass

from gatewayctl.domain.platform import Workload
from gatewayctl.domain.rollout import ghost_note
from gatewayctl.domain.routing import RouteView
from gatewayctl.domain.survey import ReplicaView, Survey
from gatewayctl.reports.commands import command_of, curl_line
from gatewayctl.reports.release import explain, release_data


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What `status` saw: one survey per application."""

    surveys: tuple[Survey, ...]

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.status/2`."""
        return {"schema": "gatewayctl.status/2", "apps": [_survey_data(seen) for seen in self.surveys]}

    def text(self) -> str:
        """Several lines per application."""
        return "\n".join(_describe(seen) for seen in self.surveys)


def _survey_data(seen: Survey) -> dict[str, object]:
    return {
        "app": seen.app,
        "state": "active" if seen.active else "idle",
        "expired": seen.expired,
        "release": release_data(seen.release) if seen.release else None,
        "holder": asdict(seen.holder) if seen.holder else None,
        "stable": _workload_data(seen.stable),
        "canary": _workload_data(seen.canary),
        "replicas": [_replica_data(replica) for replica in seen.replicas],
        "rules": [_describe_rule(rule) for rule in seen.rules],
        "uncovered": [_describe_route(route) for route in seen.uncovered],
        "curl": _curl(seen),
        "next": _next(seen),
        "faults": list(seen.faults),
    }


def _replica_data(replica: ReplicaView) -> dict[str, object]:
    return {
        "name": replica.name,
        "traffic": replica.traffic,
        "ready": replica.ready,
        "serves_rule": replica.serves_rule,
        "detail": replica.detail,
    }


def _workload_data(found: Workload | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "name": found.name,
        "image": found.image,
        "ready": found.ready,
        "replicas": found.replicas,
        "pods": list(found.pods),
        "trouble": str(found.trouble or ""),
    }


def _describe(seen: Survey) -> str:
    """One application for a person."""
    release = seen.release
    lines = [explain(release, expired=seen.expired) if release else f"{seen.app} was never released by gatewayctl"]
    if release and not release.ended:
        lines.append(f"  release  {release.id}, {release.before} → {release.image}, {release.header}")
    lines += [f"  stable   {_describe_workload(seen.stable)}", f"  canary   {_describe_workload(seen.canary)}"]
    lines += [f"  {_mark(seen, replica)} {replica.name}   {_replica_state(replica)}" for replica in seen.replicas]
    falls = ", stable answers when it is gone" if seen.target.fallback else ""
    lines += [f"  rule     {_describe_rule(rule)}{falls}" for rule in seen.rules]
    if seen.uncovered:
        first, count = _describe_route(seen.uncovered[0]), seen.routes - len(seen.uncovered)
        lines.append(f"  ✗ rule   on {count} of {seen.routes} routes: {first} has none; release again to cover it")
    if seen.holder:
        lines.append(f"  driven   by {seen.holder}")
    if reach := _curl(seen):
        lines.append(f"  try it   {reach}")
    lines += [f"  ?        {fault}" for fault in seen.faults]
    return "\n".join([*lines, "  next     " + "\n           ".join(_next(seen))])


def _curl(seen: Survey) -> str:
    """A command to copy that reaches the canary; empty when nothing routes to it."""
    release = seen.release
    ready = next((replica for replica in seen.replicas if replica.serves_rule), None)
    return curl_line(ready.traffic, release.marked_probe) if release and ready else ""


def _next(seen: Survey) -> list[str]:
    """Commands; one that starts the platform comes before all others."""
    if seen.start:
        return [seen.start]
    return [command_of(step, seen.app) for step in seen.next_steps]


def _mark(seen: Survey, replica: ReplicaView) -> str:
    return "✓" if (replica.serves_rule if seen.active else replica.ready) else "✗"


def _replica_state(replica: ReplicaView) -> str:
    return replica.detail or ("ready" if replica.ready else "not ready")


def _describe_rule(rule: RouteView) -> str:
    return f"{rule.file}:{rule.line} {rule.match} {rule.header} → {rule.target}"


def _describe_route(route: RouteView) -> str:
    return f"{route.file}:{route.line} {route.match}"


def _describe_workload(found: Workload | None) -> str:
    if found is None:
        return "cannot be read"
    trouble = f", {found.trouble}" if found.trouble else ""
    ghosts = f", {ghost_note(found)}" if found.ghosts else ""
    return f"{found.name} {found.ready}/{found.replicas} ready, {found.image}{trouble}{ghosts}"
