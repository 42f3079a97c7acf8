"""Every gateway kind we speak, by its name on the command line and in the configuration file."""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Replica
from gatewayctl.ports import Checker, Dialect, Live

Admin = Callable[[Replica, str], str]
"""GET a path from a replica's admin port. Raises EnvironmentFailed."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway product: how it spells rules, how it is asked what it does, and its own check of files."""

    kind: str
    dialect: Dialect
    live: Callable[[Admin], Live]
    checker: Callable[[], Checker]


def _envoy() -> Gateway:
    from gatewayctl.gateways.envoy.checker import EnvoyChecker
    from gatewayctl.gateways.envoy.dialect import EnvoyDialect
    from gatewayctl.gateways.envoy.live import EnvoyLive

    return Gateway("envoy", EnvoyDialect(), EnvoyLive, EnvoyChecker)


def _httproute() -> Gateway:
    from gatewayctl.gateways.httproute.checker import HttpRouteChecker
    from gatewayctl.gateways.httproute.dialect import HttpRouteDialect
    from gatewayctl.gateways.httproute.live import HttpRouteLive

    return Gateway("httproute", HttpRouteDialect(), HttpRouteLive, HttpRouteChecker)


GATEWAYS: dict[str, Callable[[], Gateway]] = {
    "envoy": _envoy,
    "httproute": _httproute,
}


def gateway(kind: str) -> Gateway:
    """The product called `kind`. Raises UsageFault for a name we do not know."""
    if kind not in GATEWAYS:
        raise UsageFault(f"unknown gateway kind {kind!r}", hint=f"use one of: {', '.join(sorted(GATEWAYS))}")
    return GATEWAYS[kind]()
