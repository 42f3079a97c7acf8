"""Every gateway kind we speak, by its name on the command line and in the configuration file."""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Replica
from gatewayctl.ports import Checker, Dialect, Live

Admin = Callable[[Replica, str], str]
"""GET a path from a replica's admin port. Raises EnvironmentFailed."""


@dataclass(frozen=True, slots=True)
class Signalled:
    """A product that loads its files when its first process gets a signal.

    `worker` is the title of a process that takes new requests, `leaving` that of one which only ends its old ones.
    `fault` marks a line of its log that says why it did not load them.
    """

    signal: str
    worker: str
    leaving: str
    fault: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway product: how it spells rules, how it is asked what it does, and its own check of files.

    `reload` says how it is made to load changed files; None: it looks at them itself.
    """

    kind: str
    dialect: Dialect
    live: Callable[[Admin], Live]
    checker: Callable[[], Checker]
    reload: Signalled | None = None


def _envoy() -> Gateway:
    from gatewayctl.gateways.envoy.checker import EnvoyChecker
    from gatewayctl.gateways.envoy.dialect import EnvoyDialect
    from gatewayctl.gateways.envoy.live import EnvoyLive

    return Gateway("envoy", EnvoyDialect(), EnvoyLive, EnvoyChecker)


def _nginx() -> Gateway:
    from gatewayctl.gateways.nginx.checker import NginxChecker
    from gatewayctl.gateways.nginx.dialect import NginxDialect
    from gatewayctl.gateways.nginx.live import NginxLive

    reload = Signalled("SIGHUP", "nginx: worker process", "nginx: worker process is shutting down", "[emerg]")
    return Gateway("nginx", NginxDialect(), NginxLive, NginxChecker, reload)


GATEWAYS: dict[str, Callable[[], Gateway]] = {
    "envoy": _envoy,
    "nginx": _nginx,
}


def gateway(kind: str) -> Gateway:
    """The product called `kind`. Raises UsageFault for a name we do not know."""
    if kind not in GATEWAYS:
        raise UsageFault(f"unknown gateway kind {kind!r}", hint=f"use one of: {', '.join(sorted(GATEWAYS))}")
    return GATEWAYS[kind]()
