"""Envoy: it watches its files, and its admin port shows the routes it runs and what it counts."""

from gatewayctl.gateways.envoy.checker import EnvoyChecker
from gatewayctl.gateways.envoy.dialect import EnvoyDialect
from gatewayctl.gateways.envoy.readback import EnvoyReadback
from gatewayctl.gateways.envoy.statistics import EVERY, read_statistics
from gatewayctl.gateways.product import GatewayProduct, Statistics, Watches

PRODUCT = GatewayProduct(
    kind="envoy",
    edits="Envoy's static configuration and file xDS, API v3",
    checked="with `envoy --mode validate`",
    plain_dialect=EnvoyDialect(),
    readback=EnvoyReadback,
    checker=EnvoyChecker,
    loads=Watches(),
    statistics=Statistics(read_statistics, EVERY),
)
