"""Where a gateway is in a cluster."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GatewayPlace:
    """The gateway's Pods (`selector` in `namespace`), its files (`keys` of `config_map`), its container ports.

    `admin` is 0 where the gateway has no admin port. `routes` are HTTPRoutes as namespace/name, instead of files.
    `container` is empty where the first that has the files is meant.
    """

    namespace: str
    selector: str
    config_map: str
    keys: tuple[str, ...]
    traffic: int
    admin: int = 0
    routes: tuple[str, ...] = ()
    container: str = ""
