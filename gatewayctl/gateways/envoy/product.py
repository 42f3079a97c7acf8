"""Envoy: it watches its files, and its admin port shows the routes it runs."""

from gatewayctl.gateways.envoy.checker import EnvoyChecker
from gatewayctl.gateways.envoy.dialect import EnvoyDialect
from gatewayctl.gateways.envoy.readback import EnvoyReadback
from gatewayctl.gateways.product import GatewayProduct, Watches

PRODUCT = GatewayProduct(
    kind="envoy",
    edits="Envoy's static configuration and file xDS, API v3",
    checked="with `envoy --mode validate`",
    plain_dialect=EnvoyDialect(),
    readback=EnvoyReadback,
    checker=EnvoyChecker,
    loads=Watches(),
)
