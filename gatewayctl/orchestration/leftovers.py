"""What is live of an application that has no open release: a rule of ours, a canary that runs."""

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.leftovers import Leftover, LeftoverKind
from gatewayctl.domain.platform import Workload
from gatewayctl.orchestration.context import Ports


def find_without_release(ports: Ports, app: AppSpec) -> Leftover | None:
    """Our rule where no release has it, or a canary that runs alone; None when all is as it should be."""
    target = app.target
    rules = ports.gateway.own_routes(target.app)
    if rules:
        if app.standing:
            return None
        places = "; ".join(f"{one.file}:{one.line}: {one.header} → {one.target}" for one in rules)
        return Leftover(target.app, LeftoverKind.ORPHAN, f"{places}; {_read_running(ports, target.canary)}")
    canary = ports.workloads.read(target.canary)
    if canary.replicas:
        return Leftover(
            target.app,
            LeftoverKind.LONE_CANARY,
            _describe_running(canary),
            hint=f"no release of ours started it; if nobody needs it, scale {canary.name} to 0",
        )
    return None


def _read_running(ports: Ports, name: str) -> str:
    """What the canary runs; that it cannot be read does not hide the rule."""
    try:
        return _describe_running(ports.workloads.read(name))
    except EnvironmentFailed as fault:
        return str(fault)


def _describe_running(canary: Workload) -> str:
    return f"{canary.name} runs {canary.replicas} × {canary.image}"
