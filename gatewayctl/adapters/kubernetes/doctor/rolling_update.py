"""Whether stable's own rolling update, which promotes a release, would drop requests; what to add where it would.

A canary's Pods end only after no gateway sends to them. Stable's end while nodes still do: only its own Deployment can
help that, so this warns and refuses nothing.
"""

from collections.abc import Iterator

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.workloads.objects import find_container
from gatewayctl.domain.errors import GatewayctlError
from gatewayctl.domain.platform import Check

_GRACE = 30  # seconds, where the Pod does not say
_PRE_STOP = "lifecycle: {preStop: {sleep: {seconds: 5}}}"


def update_check(stable: Object, named: str = "") -> Check:
    """What a rolling update of stable does to requests; a hint when it would drop some. `named`: its container."""
    try:
        place = find_container(stable, named)[0]
    except GatewayctlError as fault:
        return Check("rolling update", str(fault), fault)
    found = tuple(_weak_points(stable, items(stable, "spec", "template", "spec", "containers")[place]))
    if not found:
        return Check("rolling update", "Pods are ready before they are sent to, and wait before they end")
    said = "; ".join(why for why, _ in found)
    what = "; ".join(cure for _, cure in found)
    return Check("rolling update", f"promoting {name_of(stable)} may drop requests: {said}", hint=what)


def _weak_points(stable: Object, app: Object) -> Iterator[tuple[str, str]]:
    """Each with what to do about it."""
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
