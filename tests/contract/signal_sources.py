"""The worlds that the contract of ports.SignalSource runs on: real traffic to two versions, and a way to end it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gatewayctl.adapters.http import admin_get
from gatewayctl.adapters.metrics.gateway import GatewaySignals
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import SourceFile
from gatewayctl.domain.signals import Version
from gatewayctl.gateways.registry import gateway
from gatewayctl.ports import SignalSource
from tests.contract.releases import a_release
from tests.fakes.listed import ListedReplicas
from tests.gateways.envoy.running import NET, RunningEnvoy, publish_stages, running_envoy, static_cluster
from tests.gateways.envoy.samples import ORDERS, rds
from tests.gateways.loopback import free_port, until
from tests.gateways.many_requests import CountingUpstream, count_answers

RELEASE = replace(a_release(), share=0)  # marked requests are the canary's


@dataclass(frozen=True)
class SourceWorld:
    """A source of signals, and the traffic that it counts.

    `send` has so many requests answered by a version, of which the first `errors` with status 500. `end` stops whatever
    the source asks.
    """

    source: SignalSource
    send: Callable[[Version, int, int], None]
    end: Callable[[], None]


@contextmanager
def envoy_world(folder: Path) -> Iterator[SourceWorld]:
    """Two real Envoys, which count for themselves; requests go to them by turns."""
    product, rule, port = gateway("envoy"), RELEASE.rule, free_port(f"{NET}.1")
    stable, canary = CountingUpstream("stable", f"{NET}.1", port), CountingUpstream("canary", f"{NET}.2", port)
    upstreams = {Version.STABLE: stable, Version.CANARY: canary}
    files = (
        SourceFile("rds.yaml", rds(ORDERS.replace("orders", rule.service))),
        static_cluster(rule.service, stable.host, port),
    )
    change = product.dialect.insert(files, replace(rule, canary_host=canary.host))
    with ExitStack() as stack:
        for one in upstreams.values():
            stack.callback(one.stop)
        gateways = stack.enter_context(ExitStack())
        running = [gateways.enter_context(running_envoy(make(folder / name), files)) for name in ("gw-0", "gw-1")]
        for one in running:
            publish_stages(one, files, change, rule.canary)
            until(lambda one=one: product.readback(one.admin).rule_of(one.replica, rule).routes, "the rule")

        def send(version: Version, number: int, errors: int) -> None:
            upstream = upstreams[version]
            first = upstream.requests
            upstream.status = lambda asked: 500 if asked - first <= errors else 200
            header = [f"{rule.header.name}: {rule.header.value}"] if version is Version.CANARY else []
            for index, one in enumerate(running):
                count_answers(f"{one.host}:{one.port}", (number + index) // 2, *header)

        assert product.statistics is not None
        replicas = ListedReplicas(replicas_of(running))
        yield SourceWorld(GatewaySignals(product.statistics, replicas, admin_get, lambda: 7.0), send, gateways.close)


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def replicas_of(running: list[RunningEnvoy]) -> tuple[Replica, ...]:
    return tuple(replace(one.replica, name=f"gw-{index}") for index, one in enumerate(running))


WORLDS: dict[str, Callable[[Path], AbstractContextManager[SourceWorld]]] = {"gateway envoy": envoy_world}
