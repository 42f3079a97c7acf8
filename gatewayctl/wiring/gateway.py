"""A gateway product over the platform that runs it: the same for every platform."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gatewayctl.domain.place import GatewayLocation
from gatewayctl.wiring.registry import registry_of

if TYPE_CHECKING:
    from gatewayctl.config.spec import Spec
    from gatewayctl.gateways.product import GatewayProduct, OnSignal
    from gatewayctl.orchestration.context import Gateway
    from gatewayctl.ports import Activation, Replicas, RouteStore, SignalSource


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
        registry=registry_of(spec.gateway.registry, replicas.list),
        place=location_of(spec),
    )


def signals_of(spec: "Spec", replicas: "Replicas") -> "tuple[SignalSource, ...]":
    """The sources of signals that there are: the gateway's own statistics, where its product has any; Prometheus."""
    from gatewayctl.adapters.http import admin_get
    from gatewayctl.adapters.metrics.gateway import GatewaySignals
    from gatewayctl.adapters.metrics.prometheus.source import PrometheusSignals
    from gatewayctl.gateways.prometheus_counters import PROMETHEUS_COUNTERS
    from gatewayctl.gateways.registry import gateway

    statistics, prometheus = gateway(spec.gateway.kind).statistics, spec.prometheus
    sources: list[SignalSource] = []
    if statistics:
        sources.append(GatewaySignals(statistics, replicas, admin_get, time.time))
    if prometheus:
        counters = prometheus.counters or PROMETHEUS_COUNTERS.get(spec.gateway.kind)
        sources.append(PrometheusSignals(prometheus, counters, spec.platform.namespace, time.time))
    return tuple(sources)


def location_of(spec: "Spec") -> GatewayLocation:
    """Where the gateway of a configuration is, for releases to remember.

    A sandbox is not named by its folder: its journal is inside, and moves with it.
    """
    from gatewayctl.gateways.registry import gateway

    found, resource = spec.gateway, gateway(spec.gateway.kind).resource
    if spec.platform.kind == "sandbox":
        return GatewayLocation(found.kind, rules=("the sandbox",))
    if resource:
        rules = tuple(f"{resource.kind} {name}" for name in sorted(found.routes))
    else:
        rules = tuple(f"ConfigMap {found.config_map}: {key}" for key in sorted(found.keys))
    return GatewayLocation(found.kind, found.namespace, found.selector, rules)


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
