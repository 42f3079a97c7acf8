"""Read-back for products whose replicas cannot be asked what they run: requests alone prove it.

nginx has no admin port, and `nginx -T` prints the files on disk, loaded or not. The status of an HTTPRoute is written
by its controller: it is one for all replicas, and was seen to change before the traffic did. Neither is evidence.
"""

from dataclasses import dataclass

from gatewayctl.domain.platform import Replica, RuleProof, UpstreamProof
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.product import AdminGet


@dataclass(frozen=True, slots=True)
class NoReadback:
    """Implements ports.Readback for products without read-back."""

    admin: AdminGet

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:  # noqa: ARG002 (the port's signature)
        """It cannot be asked."""
        return RuleProof(asked=False)

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:  # noqa: ARG002
        """It cannot be asked; the upstream comes with the rule."""
        return UpstreamProof(asked=False)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:  # noqa: ARG002
        """None: the product does not count them."""
        return None
