"""A gateway product over the platform that runs it: the same for every platform."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayctl.config.spec import Spec
    from gatewayctl.gateways.product import GatewayProduct, OnSignal
    from gatewayctl.orchestration.context import Gateway
    from gatewayctl.ports import Activation, Replicas, RouteStore


def assemble_gateway(
    spec: "Spec", store: "RouteStore", replicas: "Replicas", signal: "Callable[[OnSignal], Activation]"
) -> "Gateway":
    """The gateway product over whatever platform it runs on; `signal` is how that platform sends a signal."""
    from gatewayctl.adapters.http import HttpProber, admin_get
    from gatewayctl.gateways.registry import gateway
    from gatewayctl.orchestration.context import Gateway

    product = gateway(spec.gateway.kind)
    return Gateway(
        dialect=product.dialect,
        checker=product.checker(),
        readback=product.readback(admin_get),
        store=store,
        replicas=replicas,
        prober=HttpProber(),
        activation=_activation(product, signal),
    )


def _activation(product: "GatewayProduct", signal: "Callable[[OnSignal], Activation]") -> "Activation":
    """What makes a replica load changed files."""
    from gatewayctl.adapters.http import admin_post
    from gatewayctl.gateways.product import OnRequest, OnSignal, Watches

    match product.loads:
        case OnSignal() as how:
            return signal(how)
        case OnRequest(activation):
            return activation(admin_post, time.monotonic)
        case Watches() as nothing_to_do:
            return nothing_to_do
