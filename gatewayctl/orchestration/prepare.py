"""Before a release: draft it, check every precondition, keep the plan; nothing is touched until all of it holds."""

from gatewayctl.domain.plan import Plan
from gatewayctl.domain.release import Release
from gatewayctl.orchestration.context import Ports
from gatewayctl.orchestration.planning import plan
from gatewayctl.orchestration.preflight import preflight, require
from gatewayctl.reports.plan import PlanReport


def checked(ports: Ports, release: Release) -> Plan:
    """The plan of an existing draft, preconditions checked, kept as evidence. Raises what does not hold."""
    listener, clock = ports.listener, ports.clock
    listener.started("preflight")
    start = clock.now()
    checks = preflight(ports, release)
    failed = [check for check in checks if check.fault]
    mark = "✗" if failed else "✓"
    said = f"{len(failed)} of {len(checks)} checks failed" if failed else f"{len(checks)} checks"
    listener.ended("preflight", mark, said, clock.now() - start)
    require(checks)
    made = plan(ports, release)
    ports.evidence.put(release.id, "preflight.txt", "".join(f"{check.name}: {check.detail}\n" for check in checks))
    ports.evidence.put(release.id, "plan.txt", PlanReport(made).text())
    return made
