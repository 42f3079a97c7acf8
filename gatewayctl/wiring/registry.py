"""The registry that the configuration of a gateway names."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayctl.config.spec import RegistrySpec
    from gatewayctl.domain.platform import Replica
    from gatewayctl.ports import Registry


def registry_of(spec: "RegistrySpec | None", replicas: "Callable[[], tuple[Replica, ...]]") -> "Registry | None":
    """The adapter for it; None where none is named. Nothing is asked, and no variable read, before it is used."""
    from gatewayctl.adapters.http import admin_get
    from gatewayctl.adapters.registries.actuator import ActuatorRegistry
    from gatewayctl.adapters.registries.eureka import EurekaRegistry
    from gatewayctl.adapters.registries.nacos import NacosRegistry
    from gatewayctl.adapters.registries.server import Login

    if spec is None:
        return None
    login = Login(spec.user_variable, spec.password_variable)
    registries: dict[str, Registry] = {
        "nacos": NacosRegistry(spec.url, login, spec.namespace, spec.group or "DEFAULT_GROUP").look_up,
        "eureka": EurekaRegistry(spec.url, login).look_up,
        "actuator": ActuatorRegistry(replicas, admin_get).look_up,
    }
    return registries[spec.kind]
