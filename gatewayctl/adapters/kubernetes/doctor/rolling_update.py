"""Whether stable's own rolling update, which promotes a release, would drop requests, and what to add to prevent it.

A canary's Pods end only after no gateway sends to them any more. Stable's Pods end while nodes still send to them: only
settings of its own Deployment prevent lost requests, so this check warns and refuses nothing.
"""

from collections.abc import Iterator

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.workloads.objects import find_container
from gatewayctl.domain.errors import GatewayctlError
from gatewayctl.domain.platform import Check

_GRACE = 30  # seconds, where the Pod does not say
_PRE_STOP = "lifecycle: {preStop: {sleep: {seconds: 5}}}"


def check_rolling_update(stable: Object, named: str = "") -> Check:
    """The check, with a hint where requests would be dropped. `named` is the application's container, if configured."""
    try:
        place = find_container(stable, named)[0]
    except GatewayctlError as fault:
        return Check("rolling update", str(fault), fault)
    found = tuple(_weak_points(stable, items(stable, "spec", "template", "spec", "containers")[place]))
    if not found:
        return Check("rolling update", "Pods are ready before they are sent to, and wait before they end")
    reasons = "; ".join(reason for reason, _ in found)
    cures = "; ".join(cure for _, cure in found)
    return Check("rolling update", f"promoting {name_of(stable)} may drop requests: {reasons}", hint=cures)


def _weak_points(stable: Object, app: Object) -> Iterator[tuple[str, str]]:
    """Pairs of a reason why requests would be dropped, and what to do about it."""
    spec, name = part(stable, "spec", "template", "spec"), app.get("name")
    if part(stable, "spec", "strategy").get("type") == "Recreate":
        yield "its strategy ends all Pods before new ones start", "set spec.strategy.type: RollingUpdate"
    if not part(app, "readinessProbe"):
        yield (
            f"container {name} has no readinessProbe, so a new Pod is sent to before it listens",
            f"give container {name} a readinessProbe",
        )
    grace = spec.get("terminationGracePeriodSeconds", _GRACE)
    pre_stop = part(app, "lifecycle", "preStop")
    slept = number(part(pre_stop, "sleep"), "seconds")
    if not pre_stop or ("sleep" in pre_stop and slept < 1):
        yield (
            f"container {name} has no preStop, so a Pod ends while nodes still send to it",
            f"give container {name} {_PRE_STOP} (needs Kubernetes 1.30; before that, exec a sleep)",
        )
    elif isinstance(grace, int) and grace <= slept:
        yield (
            f"its Pods are killed after {grace} s, and preStop alone waits {slept} s",
            f"set terminationGracePeriodSeconds to {slept + _GRACE} or so",
        )
