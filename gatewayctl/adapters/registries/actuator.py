"""The gateway's own discovery, by its actuator: names only, but as the gateway itself knows them.

Spring Boot documents a component of the health endpoint at `/actuator/health/{component}`; the two of discovery and
their detail `services` are "DiscoveryClient Health Indicators" in the reference of Spring Cloud Commons.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gatewayctl.adapters.registries.server import read_json
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.registration import Registered

_COMPONENTS = ("reactiveDiscoveryClients", "discoveryComposite")


@dataclass(frozen=True, slots=True)
class ActuatorRegistry:
    """ports.Registry on the admin ports of the gateway's replicas; `ask` is how one is asked for a path."""

    replicas: Callable[[], tuple[Replica, ...]]
    ask: Callable[[Replica, str], str]

    def look_up(self, name: str) -> Registered:
        """Found when the discovery of every ready replica lists `name`. Raises EnvironmentFailed."""
        ready = [replica for replica in self.replicas() if replica.ready]
        without = [replica.name for replica in ready if name.lower() not in self._names(replica)]
        if not ready:
            return Registered(found=False, detail="no gateway replica is ready")
        if without:
            return Registered(found=False, detail=f"not listed by {', '.join(without)}")
        return Registered(found=True, detail=f"listed by {len(ready)} of {len(ready)} gateway replicas")

    def _names(self, replica: Replica) -> set[str]:
        """The names that a replica's discovery lists, in lower case."""
        found: set[str] = set()
        lists, refused = 0, ""
        for component in _COMPONENTS:
            try:
                text = self.ask(replica, f"/actuator/health/{component}")
            except Transient:
                raise
            except EnvironmentFailed as fault:  # a gateway may have one of the two only
                refused = str(fault)
                continue
            for names in read_json(f"the actuator of {replica.name}", text, lambda data: list(_lists(data))):
                lists += 1
                found.update(str(name).lower() for name in names)
        if not lists:
            raise EnvironmentFailed(
                f"the actuator of {replica.name} does not list the services that it knows"
                + (f": {refused}" if refused else ""),
                hint="set management.endpoint.health.show-components and show-details to always",
            )
        return found


def _lists(data: Any) -> Iterator[list[object]]:
    """Every list `services` in the details of a component and of its own components."""
    names = data.get("details", {}).get("services")
    if isinstance(names, list):
        yield names
    for one in data.get("components", {}).values():
        yield from _lists(one)
