"""Replicas that cannot be asked what they do: requests alone prove it.

nginx has no admin port, and `nginx -T` prints the files on disk, loaded or not. The status of an HTTPRoute is its
controller's word, shared by all replicas and seen to come before the traffic changed. Neither is taken for an answer.
"""

from dataclasses import dataclass

from gatewayctl.domain.platform import Replica, RuleProof, UpstreamProof
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.registry import Admin


@dataclass(frozen=True, slots=True)
class NoReadback:
    """Implements ports.Readback for products without read-back."""

    admin: Admin

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:  # noqa: ARG002 (the port's signature)
        """It cannot be asked."""
        return RuleProof(asked=False)

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:  # noqa: ARG002
        """It cannot be asked; the upstream comes with the rule."""
        return UpstreamProof(asked=False)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:  # noqa: ARG002
        """It cannot tell."""
        return None
