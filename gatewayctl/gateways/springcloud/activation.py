"""Making a running Spring Cloud Gateway read its files anew: it never looks at them by itself.

`POST /actuator/refresh` reads them and, only if all of them can be bound, changes the routes. Its answer says nothing
of that: 200 is also the answer to a file whose routes were refused, and an empty list of changes does not mean that
there were none. `/actuator/gateway/refresh` is never called: it does not read files, and after a refused file it makes
half of that file live.
"""

from dataclasses import dataclass, field

from gatewayctl.domain.platform import Replica
from gatewayctl.gateways.product import AdminPost, Now

REFRESH = "/actuator/refresh"
EVERY = 0.5  # seconds between two refreshes of a replica, at least: its files may come at any time after the write


@dataclass(frozen=True, slots=True)
class SpringCloudActivation:
    """Implements ports.Activation. `post` POSTs to a replica's management port and raises EnvironmentFailed."""

    post: AdminPost
    now: Now
    _due: dict[str, float] = field(default_factory=dict)

    def activate(self, replica: Replica) -> str:
        """One refresh now and then, for as long as someone waits; what is live is for read-back to tell."""
        start = self.now()
        if start >= self._due.get(replica.name, start):
            try:
                self.post(replica, REFRESH)
            finally:  # a refusal is an answer, too: a busy replica is left in peace for as long as it has worked
                end = self.now()
                self._due[replica.name] = end + max(EVERY, end - start)
        return ""

    def leftovers(self, replica: Replica) -> int | None:  # noqa: ARG002 (the port's signature)
        """Routes come and go within one process."""
        return None
