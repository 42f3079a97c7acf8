"""Every gateway kind we speak, by its name on the command line and in the configuration file."""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Replica
from gatewayctl.gateways.resource import RouteResource
from gatewayctl.ports import Activation, Checker, Dialect, Readback

Admin = Callable[[Replica, str], str]
"""GET a path from a replica's admin port. Raises EnvironmentFailed."""

Post = Callable[[Replica, str], str]
"""POST without a body to a path of a replica's admin port. Raises EnvironmentFailed."""

Clock = Callable[[], float]
"""Seconds, monotonic."""


@dataclass(frozen=True, slots=True)
class Signalled:
    """A product that loads its files when its first process gets a signal.

    `first` begins the title of that process; `check` makes, of the whole title, the command which tries the files in
    the way it was started. `worker` is the title of a process that takes new requests, `leaving` that of one which only
    ends its old ones. `fault` marks a line that says why it did not load them.
    """

    signal: str
    first: str
    check: Callable[[str], tuple[str, ...]]
    worker: str
    leaving: str
    fault: str


@dataclass(frozen=True, slots=True)
class GatewayProduct:
    """One gateway product: how it spells rules, how it is asked what it does, and its own check of files.

    `reload` is how it is made to load changed files by a signal, `activation` how by a request to its admin port; with
    neither it looks at them itself. `resource` is the API object that its rules are; None where they are files.
    """

    kind: str
    dialect: Dialect
    readback: Callable[[Admin], Readback]
    checker: Callable[[], Checker]
    reload: Signalled | None = None
    activation: Callable[[Post, Clock], Activation] | None = None
    resource: RouteResource | None = None


def _envoy() -> GatewayProduct:
    from gatewayctl.gateways.envoy.checker import EnvoyChecker
    from gatewayctl.gateways.envoy.dialect import EnvoyDialect
    from gatewayctl.gateways.envoy.readback import EnvoyReadback

    return GatewayProduct("envoy", EnvoyDialect(), EnvoyReadback, EnvoyChecker)


def _nginx() -> GatewayProduct:
    from gatewayctl.gateways.nginx.checker import NginxChecker
    from gatewayctl.gateways.nginx.dialect import NginxDialect
    from gatewayctl.gateways.nginx.master_process import FIRST, LEAVING, WORKER, trial
    from gatewayctl.gateways.no_readback import NoReadback

    reload = Signalled("SIGHUP", FIRST, trial, WORKER, LEAVING, "[emerg]")
    return GatewayProduct("nginx", NginxDialect(), NoReadback, NginxChecker, reload)


def _spring_cloud() -> GatewayProduct:
    from gatewayctl.gateways.springcloud.activation import SpringCloudActivation
    from gatewayctl.gateways.springcloud.checker import SpringCloudChecker
    from gatewayctl.gateways.springcloud.dialect import SpringCloudDialect
    from gatewayctl.gateways.springcloud.readback import SpringCloudReadback

    return GatewayProduct(
        "spring-cloud-gateway",
        SpringCloudDialect(),
        SpringCloudReadback,
        SpringCloudChecker,
        activation=SpringCloudActivation,
    )


def _httproute() -> GatewayProduct:
    from gatewayctl.gateways.httproute.checker import HttpRouteChecker
    from gatewayctl.gateways.httproute.dialect import HttpRouteDialect
    from gatewayctl.gateways.httproute.resource import HTTPROUTE
    from gatewayctl.gateways.no_readback import NoReadback

    return GatewayProduct("httproute", HttpRouteDialect(), NoReadback, HttpRouteChecker, resource=HTTPROUTE)


GATEWAYS: dict[str, Callable[[], GatewayProduct]] = {
    "envoy": _envoy,
    "nginx": _nginx,
    "spring-cloud-gateway": _spring_cloud,
    "httproute": _httproute,
}


def gateway(kind: str) -> GatewayProduct:
    """The product called `kind`. Raises UsageFault for a name we do not know."""
    if kind not in GATEWAYS:
        raise UsageFault(f"unknown gateway kind {kind!r}", hint=f"use one of: {', '.join(sorted(GATEWAYS))}")
    return GATEWAYS[kind]()
