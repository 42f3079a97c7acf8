"""The gateway's statistics as a source: every replica and every start of it apart; what cannot be told is a fault."""

from dataclasses import replace

import pytest

from gatewayctl.adapters.http import admin_get
from gatewayctl.adapters.metrics.gateway import GatewaySignals
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import SourceFile
from gatewayctl.domain.signals import Counters, Version
from gatewayctl.gateways.envoy.product import PRODUCT
from gatewayctl.gateways.product import Statistics
from tests.contract.releases import a_release
from tests.fakes.listed import ListedReplicas
from tests.gateways.envoy.running import NET, running_envoy, static_cluster
from tests.gateways.envoy.samples import ORDERS, rds
from tests.gateways.loopback import free_port
from tests.gateways.many_requests import CountingUpstream, count_answers

RELEASE = a_release()
FIRST, SECOND = Replica("gw-0", "", "a", identity="1"), Replica("gw-1", "", "b", identity="1")


def a_source(answers, replicas):
    """A source whose replicas give these answers, by name."""

    def read(admin, replica, rule):
        assert rule == RELEASE.rule
        if replica.name not in answers:
            raise EnvironmentFailed("connection refused")
        return answers[replica.name]

    return GatewaySignals(Statistics(read, 5.0), ListedReplicas(replicas), lambda replica, path: "", lambda: 7.0)


def test_each_replica_counts_for_itself():
    both = {Version.STABLE: Counters(90, 1), Version.CANARY: Counters(10, 2)}
    alone = {Version.STABLE: Counters(80, 0), Version.CANARY: Counters(0, 0)}

    snapshot = a_source({"gw-0": both, "gw-1": alone}, (FIRST, SECOND)).read(RELEASE)

    assert (snapshot.at, snapshot.faults, snapshot.gauges) == (7.0, (), {})
    assert snapshot.counters == {
        ("gw-0/1", Version.STABLE): Counters(90, 1),
        ("gw-0/1", Version.CANARY): Counters(10, 2),
        ("gw-1/1", Version.STABLE): Counters(80, 0),
        ("gw-1/1", Version.CANARY): Counters(0, 0),
    }


def test_a_replica_that_does_not_answer_is_a_fault_and_the_others_are_read():
    """I6: what is missing is unknown, and not zero."""
    both = {Version.STABLE: Counters(90, 1), Version.CANARY: Counters(10, 2)}

    snapshot = a_source({"gw-1": both}, (FIRST, SECOND)).read(RELEASE)

    assert snapshot.faults == ("gateway replica gw-0 gives no statistics: connection refused",)
    assert {process for process, _ in snapshot.counters} == {"gw-1/1"}


def test_a_version_that_a_replica_does_not_count_is_a_fault():
    snapshot = a_source({"gw-0": {Version.STABLE: Counters(90, 1)}}, (FIRST,)).read(RELEASE)

    assert snapshot.faults == (f"gateway replica gw-0 has no statistics of {RELEASE.rule.canary}",)


@pytest.mark.parametrize(
    ("replicas", "fault"),
    [
        ((), "the gateway has no replica"),
        (None, "the gateway's replicas cannot be listed: the API server does not answer"),
    ],
)
def test_no_replicas_are_a_fault(replicas, fault):
    snapshot = a_source({}, replicas).read(RELEASE)

    assert (snapshot.faults, snapshot.counters) == ((fault,), {})


def test_a_replica_whose_start_is_unknown_goes_by_its_name():
    both = {Version.STABLE: Counters(90, 1), Version.CANARY: Counters(10, 2)}

    snapshot = a_source({"gw-0": both}, (replace(FIRST, identity=""),)).read(RELEASE)

    assert {process for process, _ in snapshot.counters} == {"gw-0"}


@pytest.mark.sandbox
def test_a_real_envoy_that_starts_again_is_another_process(tmp_path):
    """Nobody has defined the canary's cluster, and that is told."""
    assert PRODUCT.statistics is not None
    port, listening = free_port(f"{NET}.1"), free_port(f"{NET}.10")
    stable = CountingUpstream("stable", f"{NET}.1", port)
    service = RELEASE.rule.service
    routes = SourceFile("rds.yaml", rds(ORDERS.replace("orders", service)))
    files, counted = (routes, static_cluster(service, stable.host, port)), {}
    for start in ("1", "2"):
        folder = tmp_path / start
        folder.mkdir()
        before = stable.requests
        with running_envoy(folder, files, listening) as running:
            count_answers(f"{running.host}:{running.port}", 50)
            listed = ListedReplicas((replace(running.replica, identity=start),))
            source = GatewaySignals(PRODUCT.statistics, listed, admin_get, lambda: 0.0)
            snapshot = source.read(RELEASE)
            counted |= {key: (one.requests, stable.requests - before) for key, one in snapshot.counters.items()}
            assert snapshot.faults == (f"gateway replica gw-0 has no statistics of {RELEASE.rule.canary}",)
        gone = source.read(RELEASE)
        assert gone.counters == {}
        assert "gateway replica gw-0 gives no statistics: the admin port of" in gone.faults[0]
    stable.stop()

    assert set(counted) == {("gw-0/1", Version.STABLE), ("gw-0/2", Version.STABLE)}
    assert all(told == sent >= 50 for told, sent in counted.values())
