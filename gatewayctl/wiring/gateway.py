"""A gateway product over the platform that runs it: the same for every platform."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayctl.config.spec import Spec
    from gatewayctl.orchestration.context import Gateway
    from gatewayctl.ports import Replicas, RouteStore


def assemble_gateway(spec: "Spec", store: "RouteStore", replicas: "Replicas") -> "Gateway":
    """The gateway product over whatever platform it runs on."""
    from gatewayctl.adapters.http import HttpProber, admin_get, admin_post
    from gatewayctl.gateways.registry import gateway
    from gatewayctl.orchestration.context import Gateway, Watching

    product = gateway(spec.gateway.kind)
    activation = product.activation(admin_post, time.monotonic) if product.activation else Watching()
    return Gateway(
        dialect=product.dialect,
        checker=product.checker(),
        readback=product.readback(admin_get),
        store=store,
        replicas=replicas,
        prober=HttpProber(),
        activation=activation,
    )
