"""Before a release: check every precondition and keep the plan as evidence. Nothing in the cluster is changed."""

from gatewayctl.domain.plan import Plan
from gatewayctl.domain.release import Release
from gatewayctl.domain.visible import visible
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.planning import plan
from gatewayctl.orchestration.preflight import preflight, require
from gatewayctl.reports.plan import PlanReport


def prepare(ports: Ports, release: Release) -> Plan:
    """Check the preconditions of a drafted release; its plan is kept as evidence. Raises the first one that fails."""
    listener, clock = ports.listener, ports.clock
    listener.started("preflight")
    start = clock.now()
    checks = preflight(ports, release)
    failed = [check for check in checks if check.fault]
    mark = "✗" if failed else "✓"
    summary = f"{len(failed)} of {len(checks)} checks failed" if failed else f"{len(checks)} checks"
    listener.ended("preflight", mark, summary, clock.now() - start)
    require(checks)
    made = plan(ports, release)
    checked = "".join(f"{check.name}: {check.detail}\n" for check in checks)
    ports.evidence.put(release.id, "preflight.txt", visible(checked))
    ports.evidence.put(release.id, "plan.txt", visible(PlanReport(made).text()))
    return made
