"""Replicas that are listed as given."""

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.platform import Replica


class ListedReplicas:
    """Implements ports.Replicas; given no tuple, the list cannot be read."""

    removal_delay = endpoint_delay = staleness = 0.0

    def __init__(self, replicas: tuple[Replica, ...] | None) -> None:
        self._replicas = replicas

    def list(self) -> tuple[Replica, ...]:
        if self._replicas is None:
            raise Transient("the API server does not answer")
        return self._replicas

    def list_now(self) -> tuple[Replica, ...]:
        return self.list()
