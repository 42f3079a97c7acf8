"""Making a running Spring Cloud Gateway read its files again, because it never does so by itself.

`POST /actuator/refresh` reads them, and changes the routes only if all of them can be bound. Its answer does not show
which: it is 200 for a file whose routes were refused, too, and an empty list of changes does not mean that nothing has
changed. `/actuator/gateway/refresh` is never called: it does not read files, and after a refused file it makes half of
that file live.
"""

from dataclasses import dataclass, field

from gatewayctl.domain.platform import Replica
from gatewayctl.gateways.product import AdminPost, Now

REFRESH = "/actuator/refresh"
EVERY = 0.5  # seconds between two refreshes of a replica, at least: new files may arrive at any time after the write


@dataclass(frozen=True, slots=True)
class SpringCloudActivation:
    """Implements ports.Activation. `post` POSTs to a replica's management port and raises EnvironmentFailed."""

    post: AdminPost
    now: Now
    _due: dict[str, float] = field(default_factory=dict)

    def activate(self, replica: Replica) -> str:
        """Refresh the replica if the last time is long enough ago. Always "": read-back shows what is live."""
        start = self.now()
        if start >= self._due.get(replica.name, start):
            try:
                self.post(replica, REFRESH)
            finally:  # also after a failure: a busy replica is not asked again for as long as the request took
                end = self.now()
                self._due[replica.name] = end + max(EVERY, end - start)
        return ""

    def leftovers(self, replica: Replica) -> int | None:  # noqa: ARG002 (the port's signature)
        """None: no process ends when the routes change."""
        return None
