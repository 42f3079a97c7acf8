"""What a running nginx can be asked: nothing. It has no admin port, so requests alone prove what it does.

`nginx -T` prints the files on disk, loaded or not; it is never taken for an answer.
"""

from dataclasses import dataclass

from gatewayctl.domain.platform import ConfigProof, Replica
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.registry import Admin


@dataclass(frozen=True, slots=True)
class NginxLive:
    """Implements ports.Live for a product without read-back."""

    admin: Admin

    def rule_of(self, replica: Replica, rule: CanaryRule) -> ConfigProof:  # noqa: ARG002 (the port's signature)
        """It cannot be asked."""
        return ConfigProof(asked=False)

    def upstream_ready(self, replica: Replica, upstream: str) -> ConfigProof:  # noqa: ARG002
        """It cannot be asked; the upstream comes with the rule."""
        return ConfigProof(asked=False)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:  # noqa: ARG002
        """It cannot tell."""
        return None
