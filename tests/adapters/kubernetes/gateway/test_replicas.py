"""The gateway's Pods as replicas, against a small API server."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, connect
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.gateway.replicas import KubernetesReplicas, NetworkPath
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure, serving

PLACE = GatewayPlace("gateway", "app=gateway", "routes", ("rds.yaml",), 8000, 9901)


class PodList:
    """An API server that knows nothing but Pods, and tells no events; `asked` is how often they were listed."""

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.asked = 0

    def answer(self, asked: Request) -> Reply:
        if "portforward" in asked.path or "watch" in asked.query:
            return failure(403, "forbidden")
        self.asked += 1
        return Reply(200, {"items": self.pods})


@pytest.fixture
def cluster() -> PodList:
    return PodList()


@pytest.fixture
def api(cluster: PodList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with serving(cluster.answer, tmp_path) as kubeconfig:
        yield connect(file=kubeconfig)


def a_pod(name: str, ready: str = "True", ip: str = "127.0.0.7", **more: Any) -> dict[str, Any]:
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": ready}]
    status = {"phase": "Running", "podIP": ip, "conditions": conditions, **more.pop("status", {})}
    return {"metadata": {"name": name, **more}, "status": status}


def direct(api: Api) -> tuple[Replica, ...]:
    return KubernetesReplicas(api, PLACE, NetworkPath.DIRECT).list()


def test_pods_are_listed_in_the_order_of_their_names_with_their_own_addresses(api: Api, cluster: PodList) -> None:
    cluster.pods = [a_pod("b", ip="fd00::2"), a_pod("a")]

    assert direct(api) == (
        Replica("a", "127.0.0.7:8000", "127.0.0.7:9901"),
        Replica("b", "[fd00::2]:8000", "[fd00::2]:9901"),
    )


def test_a_gateway_without_an_admin_port_has_no_admin_address(api: Api, cluster: PodList) -> None:
    cluster.pods = [a_pod("a")]

    (found,) = KubernetesReplicas(api, GatewayPlace("gateway", "", "routes", (), 80), NetworkPath.DIRECT).list()

    assert (found.traffic, found.admin) == ("127.0.0.7:80", "")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_finished_is_no_replica(api: Api, cluster: PodList, phase: str) -> None:
    cluster.pods = [a_pod("a", status={"phase": phase})]

    assert direct(api) == ()


def test_a_pod_that_is_being_deleted_counts_for_as_long_as_it_is_ready(api: Api, cluster: PodList) -> None:
    cluster.pods = [
        a_pod("still", deletionTimestamp="2026-11-21T14:00:00Z"),
        a_pod("over", ready="False", deletionTimestamp="2026-11-21T14:00:00Z"),
    ]

    assert [(one.name, one.ready, one.note) for one in direct(api)] == [("still", True, "terminating")]


def running(name: str, restarts: int = 0, since: str = "2026-11-21T14:00:00Z") -> dict[str, Any]:
    return {"name": name, "restartCount": restarts, "state": {"running": {"startedAt": since}}}


@pytest.mark.parametrize(
    ("uid", "statuses"),
    [
        ("u2", [running("envoy"), running("logs")]),
        ("u1", [running("envoy", restarts=1, since="2026-11-21T14:00:00Z"), running("logs")]),
        ("u1", [running("envoy", since="2026-11-21T14:00:01Z"), running("logs")]),
    ],
)
def test_another_process_under_the_same_name_has_another_identity(
    api: Api, cluster: PodList, uid: str, statuses: list[Any]
) -> None:
    """p18: a Pod of a StatefulSet, and a container that restarts, keep name and address."""
    cluster.pods = [a_pod("a", uid="u1", status={"containerStatuses": [running("envoy"), running("logs")]})]
    (before,) = direct(api)

    cluster.pods = [a_pod("a", uid=uid, status={"containerStatuses": statuses})]
    (after,) = direct(api)

    assert (after.name, after.traffic) == (before.name, before.traffic)
    assert after.identity != before.identity


def test_where_the_gateways_container_is_named_others_of_its_pod_may_restart(api: Api, cluster: PodList) -> None:
    place = replace(PLACE, container="envoy")
    identities = set()
    for restarts in (0, 1):
        cluster.pods = [
            a_pod("a", uid="u1", status={"containerStatuses": [running("envoy"), running("logs", restarts)]})
        ]
        identities |= {one.identity for one in KubernetesReplicas(api, place, NetworkPath.DIRECT).list()}

    assert len(identities) == 1


def test_the_order_in_which_containers_are_reported_is_no_restart(api: Api, cluster: PodList) -> None:
    identities = set()
    for statuses in ([running("envoy"), running("logs")], [running("logs"), running("envoy")]):
        cluster.pods = [a_pod("a", uid="u1", status={"containerStatuses": statuses})]
        identities |= {one.identity for one in direct(api)}

    assert len(identities) == 1


def test_a_new_pod_that_nobody_is_told_of_is_listed_now(api: Api, cluster: PodList) -> None:
    cluster.pods = [a_pod("a")]
    replicas = KubernetesReplicas(api, PLACE, NetworkPath.DIRECT)
    replicas.list()

    cluster.pods = [a_pod("a"), a_pod("b")]

    assert [one.name for one in replicas.list_now()] == ["a", "b"]


def test_a_pod_that_has_ended_leaves_the_list_in_the_time_stated_though_the_list_may_be_late(api: Api) -> None:
    replicas = KubernetesReplicas(api, PLACE, NetworkPath.DIRECT)

    assert replicas.removal_delay > replicas.staleness > 0


CRASH = {"name": "envoy", "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}}


@pytest.mark.parametrize(
    ("status", "note"),
    [
        ({"containerStatuses": [CRASH]}, "container envoy CrashLoopBackOff: back-off 10s"),
        (
            {"containerStatuses": [{"name": "envoy", "state": {"terminated": {"reason": "OOMKilled"}}}]},
            "container envoy OOMKilled",
        ),
        ({"conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}]}, "no node"),
        ({"conditions": [{"type": "Ready", "status": "False", "reason": "ReadinessGates"}]}, "ReadinessGates"),
        ({"conditions": None, "podIP": None}, "not ready yet"),
        (
            {"containerStatuses": [{"name": "e", "state": {"waiting": {"reason": "X" * 999}}}]},
            f"container e {'X' * 288}",
        ),
    ],
)
def test_a_pod_that_is_not_ready_has_a_note_with_the_reason(api: Api, cluster: PodList, status: Any, note: str) -> None:
    cluster.pods = [a_pod("a", ready="False", status=status)]

    (found,) = direct(api)

    assert (found.ready, found.note) == (False, note)


def test_a_pod_without_an_address_is_listed_under_an_address_that_nobody_has(api: Api, cluster: PodList) -> None:
    cluster.pods = [a_pod("gateway-1", ready="False", ip="")]

    assert direct(api)[0].traffic == "gateway-1:8000"


def test_many_looks_in_a_row_cost_one_request_in_half_a_second(api: Api, cluster: PodList) -> None:
    cluster.pods = [a_pod("a")]
    replicas = KubernetesReplicas(api, PLACE, NetworkPath.DIRECT)
    begun = time.monotonic()

    assert {replicas.list() for _ in range(20)} == {replicas.list()}

    took = time.monotonic() - begun  # on a busy machine even this may take longer than a list is fresh
    assert cluster.asked <= 1 + took / 0.5


def test_a_pod_that_accepts_connections_is_asked_directly(api: Api, cluster: PodList) -> None:
    with socket.create_server(("127.0.0.7", 0)) as listener:
        port = listener.getsockname()[1]
        cluster.pods = [a_pod("a")]

        (found,) = KubernetesReplicas(api, GatewayPlace("gateway", "", "routes", (), port)).list()

    assert found.traffic == f"127.0.0.7:{port}"


def test_inside_a_cluster_no_path_is_tried(api: Api, cluster: PodList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    cluster.pods = [a_pod("a")]

    assert KubernetesReplicas(api, PLACE).list()[0].traffic == "127.0.0.7:8000"


def test_a_pod_that_cannot_be_reached_raises_with_the_missing_right(api: Api, cluster: PodList) -> None:
    with socket.create_server(("127.0.0.7", 0)) as listener:
        closed = listener.getsockname()[1]
    cluster.pods = [a_pod("a")]

    with pytest.raises(EnvironmentFailed, match=f"cannot forward to port {closed} .* 403") as caught:
        KubernetesReplicas(api, GatewayPlace("gateway", "", "routes", (), closed)).list()

    assert "pods/portforward" in caught.value.hint


def test_forwarded_addresses_stay_while_the_pod_does_and_end_with_it(api: Api, cluster: PodList) -> None:
    cluster.pods = [a_pod("a"), a_pod("b", ready="False", ip="")]
    replicas = KubernetesReplicas(api, PLACE, NetworkPath.FORWARD)
    try:
        first = replicas.list()
        assert len({address for one in first for address in (one.traffic, one.admin)}) == 4
        assert all(one.traffic.startswith("127.0.0.1:") for one in first)
        gone = first[0].traffic
    finally:
        replicas.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(gone.rpartition(":")[2])), 5)
