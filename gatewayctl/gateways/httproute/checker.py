"""What can be said of HTTPRoutes without a cluster: whether they are within the limits of the API's schema.

The schema itself belongs to the API server, which is asked by a dry run where there is one.
"""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.gateways.httproute.locate import read_files
from gatewayctl.gateways.httproute.schema_limits import find_excesses

_UNASKED = "no API server was asked: only the limits of HTTPRoute were counted"


class HttpRouteChecker:
    """Implements ports.Checker by counting what the API limits, with a dry run in a cluster."""

    def check(self, before: Files, after: Files) -> Validation:
        """Whether `after` is within the limits; what was too much in `before` already is not ours."""
        try:
            fresh = [one for one in _excesses(after) if one not in _excesses(before)]
        except Refused as why:
            return Validation(ok=False, checked=True, detail=str(why))
        if fresh:
            return Validation(ok=False, checked=True, detail="; ".join(fresh))
        return Validation(ok=True, checked=False, detail=_UNASKED)


def _excesses(files: Files) -> list[str]:
    return [excess.what for one in read_files(files) for route in one.routes for excess in find_excesses(route)]
