"""The status of applications as text and JSON: phase, proof per replica, how QA reaches the canary, what comes next."""

import shlex
from dataclasses import asdict

from gatewayctl.domain.platform import Probe, Workload
from gatewayctl.domain.routing import RouteView
from gatewayctl.domain.survey import ReplicaView, Survey
from gatewayctl.reports.release import as_dict as release_dict
from gatewayctl.reports.release import explain

SCHEMA = "gatewayctl.status/1"


def as_dict(surveys: tuple[Survey, ...]) -> dict[str, object]:
    """The documented, stable shape of `status -o json` (docs/json.md)."""
    return {"schema": SCHEMA, "apps": [_one(seen) for seen in surveys]}


def _one(seen: Survey) -> dict[str, object]:
    return {
        "app": seen.app,
        "state": "active" if seen.active else "idle",
        "expired": seen.expired,
        "release": release_dict(seen.release) if seen.release else None,
        "holder": asdict(seen.holder) if seen.holder else None,
        "stable": _workload(seen.stable),
        "canary": _workload(seen.canary),
        "replicas": [asdict(replica) for replica in seen.replicas],
        "rules": [_rule(rule) for rule in seen.rules],
        "curl": curl(seen),
        "next": list(seen.next_commands),
        "faults": list(seen.faults),
    }


def _workload(found: Workload | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "name": found.name,
        "image": found.image,
        "ready": found.ready,
        "replicas": found.replicas,
        "pods": list(found.pods),
        "trouble": found.trouble,
    }


def as_text(seen: Survey) -> str:
    """One application for a person."""
    release = seen.release
    lines = [explain(release) if release else f"{seen.app} was never released by gatewayctl"]
    if release and not release.ended:
        lines.append(f"  release  {release.id}, {release.before} → {release.image}, {release.header}")
    lines += [f"  stable   {_short(seen.stable)}", f"  canary   {_short(seen.canary)}"]
    lines += [f"  {_mark(seen, replica)} {replica.name}   {_said(replica)}" for replica in seen.replicas]
    falls = ", stable answers when it is gone" if seen.target.fallback else ""
    lines += [f"  rule     {_rule(rule)}{falls}" for rule in seen.rules]
    if seen.holder:
        lines.append(f"  driven   by {seen.holder}")
    if reach := curl(seen):
        lines.append(f"  try it   {reach}")
    lines += [f"  ?        {fault}" for fault in seen.faults]
    return "\n".join([*lines, "  next     " + "\n           ".join(seen.next_commands)])


def curl(seen: Survey) -> str:
    """A command to copy that reaches the canary; empty when nothing routes to it."""
    release = seen.release
    ready = next((replica for replica in seen.replicas if replica.serves_rule), None)
    return curl_line(ready.traffic, release.marked_probe) if release and ready else ""


def curl_line(address: str, probe: Probe) -> str:
    """A command that sends exactly this request."""
    words = ["curl", "-s", "-i", "-H", f"Host: {probe.host}"]
    for name, value in probe.headers:
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, f"http://{address}{probe.path}"])


def _mark(seen: Survey, replica: ReplicaView) -> str:
    return "✓" if (replica.serves_rule if seen.active else replica.ready) else "✗"


def _said(replica: ReplicaView) -> str:
    return replica.said or ("ready" if replica.ready else "not ready")


def _rule(rule: RouteView) -> str:
    return f"{rule.file}:{rule.line} {rule.match} {rule.header} → {rule.target}"


def _short(found: Workload | None) -> str:
    if found is None:
        return "cannot be read"
    trouble = f", {found.trouble}" if found.trouble else ""
    return f"{found.name} {found.ready}/{found.replicas} ready, {found.image}{trouble}"
