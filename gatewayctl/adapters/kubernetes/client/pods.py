"""What every room reads from the JSON of a Pod."""

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import part

_ENDED = ("Succeeded", "Failed")


def may_run(pod: Object) -> bool:
    """Whether any of its containers may still run; an evicted Pod stays listed for ever, and runs nothing."""
    return part(pod, "status").get("phase") not in _ENDED
