"""The check of edited VirtualServices without a cluster: no program of Istio is asked, and the result says so.

In a cluster the API server does a dry run, and Istio's own webhook validates the object in it.
"""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.gateways.istio.locate import HttpRoute, read_files, routes_of

_NOT_ASKED = "no API server was asked: the VirtualServices were only read again"


class IstioChecker:
    """Implements ports.Checker by reading the edited objects again."""

    def check(self, before: Files, after: Files) -> Validation:  # noqa: ARG002 (the port's signature)
        """Whether each route of `after` has a destination that gets requests."""
        try:
            idle = [route for route in routes_of(read_files(after)) if route.owner and not _has_traffic(route)]
        except Refused as refusal:
            return Validation(ok=False, checked=True, detail=str(refusal))
        if idle:
            return Validation(ok=False, checked=True, detail=f"the route {idle[0].name} has no destination")
        return Validation(ok=True, checked=False, detail=_NOT_ASKED)


def _has_traffic(route: HttpRoute) -> bool:
    return any(one.weight for one in route.destinations)
