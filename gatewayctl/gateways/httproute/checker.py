"""Whether HTTPRoutes are within the limits of the API's schema, as far as that can be counted without a cluster.

The schema itself is checked by the API server, in a dry run, where there is a cluster.
"""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.gateways.httproute.locate import read_files
from gatewayctl.gateways.httproute.schema_limits import find_excesses

_NOT_ASKED = "no API server was asked: only the limits of HTTPRoute were counted"


class HttpRouteChecker:
    """Implements ports.Checker by counting what the API limits."""

    def check(self, before: Files, after: Files) -> Validation:
        """Whether `after` is within the limits, apart from what was beyond them in `before`."""
        try:
            new = [one for one in _find_excesses(after) if one not in _find_excesses(before)]
        except Refused as refusal:
            return Validation(ok=False, checked=True, detail=str(refusal))
        if new:
            return Validation(ok=False, checked=True, detail="; ".join(new))
        return Validation(ok=True, checked=False, detail=_NOT_ASKED)


def _find_excesses(files: Files) -> list[str]:
    return [excess.what for one in read_files(files) for route in one.routes for excess in find_excesses(route)]
