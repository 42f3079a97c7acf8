"""Where a gateway is in a cluster."""

from dataclasses import dataclass

from gatewayctl.gateways.resource import RouteResource


@dataclass(frozen=True, slots=True)
class RouteObjects:
    """API objects that hold the gateway's rules: all of one resource, `names` as namespace/name."""

    resource: RouteResource
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GatewayPlace:
    """The gateway's Pods (`selector` in `namespace`), its files (`keys` of `config_map`), its container ports.

    `admin` is 0 where the gateway has no admin port. With `routes` its rules are API objects, and it has no files.
    `container` is the one that runs the gateway; empty for the first that mounts the files.
    """

    namespace: str
    selector: str
    config_map: str
    keys: tuple[str, ...]
    traffic: int
    admin: int = 0
    routes: RouteObjects | None = None
    container: str = ""
