"""The route store and the gateway's replicas on a real cluster: how fast an edit is live, and what is refused."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gatewayctl.adapters.http import HttpProber, admin_get
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.adapters.kubernetes.client.paths import config_maps, deployments, pods
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.gateway.replicas import KubernetesReplicas, NetworkPath
from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite
from gatewayctl.domain.platform import Probe, Replica
from gatewayctl.domain.routing import SourceFile
from tests.contract.racing import race
from tests.e2e.shop_cluster import ShopCluster, kubectl

SWITCHES = 10
KUBELETS_OWN = 60.0  # seconds between two looks of a kubelet that nobody nudges
MARK = "no such page in this shop"


def the_place(cluster: ShopCluster, config_map: str = "gateway-routes", selector: str = "app=gateway") -> GatewayPlace:
    return GatewayPlace(cluster.gateway, selector, config_map, ("rds.yaml",), 8000, 9901)


@pytest.fixture
def store(shared_cluster: ShopCluster) -> Iterator[KubernetesRouteStore]:
    """The gateway's own ConfigMap, which has its first text again afterwards."""
    found = KubernetesRouteStore(shared_cluster.api, the_place(shared_cluster))
    first = found.read()
    yield found
    found.write(first.files, found.read())


@contextmanager
def listed(cluster: ShopCluster, reach: NetworkPath) -> Iterator[KubernetesReplicas]:
    found = KubernetesReplicas(cluster.api, the_place(cluster), reach)
    try:
        yield found
    finally:
        found.close()


def said(replica: Replica) -> str:
    """What this replica answers to an address that no route knows: a text of the route file."""
    answer = HttpProber().ask(replica, Probe("shop.example.com", "/nothing"))
    return answer.body if answer.status else answer.error


def write_page(store: KubernetesRouteStore, page: str) -> None:
    """Change that text."""
    read = store.read()
    (file,) = read.files
    store.write((SourceFile(file.name, file.text.replace(MARK, f"{page}; {MARK}")),), read)
    store.announce()


def switched(cluster: ShopCluster, store: KubernetesRouteStore, replicas: KubernetesReplicas, page: str) -> float:
    """Seconds from the beginning of a write until the last replica answers by it."""
    first = store.read()
    start = time.monotonic()
    write_page(store, page)
    cluster.settle(lambda: all(said(one).startswith(f"{page};") for one in replicas.list()), f"{page} to be served")
    took = time.monotonic() - start
    store.write(first.files, store.read())
    store.announce()
    cluster.settle(lambda: all(said(one).startswith(MARK) for one in replicas.list()), "the first page to be served")
    return took


def test_an_edit_is_live_on_every_replica_long_before_the_kubelet_looks_by_itself(
    shared_cluster: ShopCluster, store: KubernetesRouteStore, record_property: Callable[[str, object], None]
) -> None:
    with listed(shared_cluster, NetworkPath.DIRECT) as replicas:
        took = [switched(shared_cluster, store, replicas, f"page {n}") for n in range(SWITCHES)]

    record_property("switches", [round(one, 3) for one in took])
    assert statistics.median(took) < KUBELETS_OWN / 5, sorted(took)
    assert store.unnudged == {}


def test_replicas_answer_through_port_forwards_as_they_do_directly(
    shared_cluster: ShopCluster, store: KubernetesRouteStore
) -> None:
    with listed(shared_cluster, NetworkPath.DIRECT) as direct, listed(shared_cluster, NetworkPath.FORWARD) as forwarded:
        assert [one.name for one in forwarded.list()] == [one.name for one in direct.list()]
        for near, far in zip(direct.list(), forwarded.list(), strict=True):
            assert far.traffic.startswith("127.0.0.1:")
            before = requests_seen(near)
            assert [said(far) for _ in range(5)] == [said(near)] * 5
            assert requests_seen(near) - before == 6  # so it was this Pod and no other
            assert requests_seen(far) == requests_seen(near)


def requests_seen(replica: Replica) -> int:
    """How many requests this Envoy had at its traffic port."""
    lines = admin_get(replica, "/stats?filter=downstream_rq_total$").splitlines()
    return sum(int(line.rpartition(" ")[2]) for line in lines if not line.startswith("http.admin."))


def test_a_pod_that_comes_is_listed_and_one_that_goes_is_left_out(shared_cluster: ShopCluster) -> None:
    with listed(shared_cluster, NetworkPath.AUTO) as replicas:
        before = {one.name for one in replicas.list()}
        gone = min(before)

        shared_cluster.api.delete(pods(shared_cluster.gateway, gone))

        shared_cluster.settle(lambda: gone not in {one.name for one in replicas.list()}, f"{gone} to be left out")
        shared_cluster.settle(
            lambda: sum(one.ready for one in replicas.list()) == len(before), "another one to be ready"
        )
        assert len({one.name for one in replicas.list()} - before) == 1


def test_of_two_writers_one_is_told_that_it_is_late_and_both_edits_arrive(
    shared_cluster: ShopCluster, store: KubernetesRouteStore
) -> None:
    """Both read, both write, the late one reads again: as two releases on one gateway do."""

    def add(number: int) -> None:
        read = store.read()
        while True:
            (file,) = read.files
            try:
                store.write((SourceFile(file.name, f"{file.text}# writer {number}\n"),), read)
            except StaleWrite:
                read = store.read()
            else:
                return

    race(add, 2)

    text = store.read().files[0].text
    assert text.count("# writer 0\n") == text.count("# writer 1\n") == 1


def test_an_edit_of_another_key_with_kubectl_survives_and_is_no_conflict(
    shared_cluster: ShopCluster, store: KubernetesRouteStore
) -> None:
    store.write((), store.read())
    read = store.read()
    note = json.dumps({"data": {"notes": "ask in #gateway"}})
    kubectl("patch", "configmap", "gateway-routes", "-n", shared_cluster.gateway, "--type=merge", "-p", note)

    store.write((SourceFile("rds.yaml", f"{read.files[0].text}# ours: é & <b> \r\n"),), read)

    data = shared_cluster.api.get(config_maps(shared_cluster.gateway, "gateway-routes"))["data"]
    assert data == {"notes": "ask in #gateway", "rds.yaml": f"{read.files[0].text}# ours: é & <b> \r\n"}


def test_an_edit_of_the_same_key_with_kubectl_makes_the_write_stale(
    shared_cluster: ShopCluster, store: KubernetesRouteStore
) -> None:
    store.write((), store.read())
    read = store.read()
    theirs = f"{read.files[0].text}# theirs\n"
    edit = json.dumps({"data": {"rds.yaml": theirs}})
    kubectl("patch", "configmap", "gateway-routes", "-n", shared_cluster.gateway, "--type=merge", "-p", edit)

    with pytest.raises(StaleWrite):
        store.write((SourceFile("rds.yaml", f"{read.files[0].text}# ours: é & <b> \r\n"),), read)

    assert store.read().files[0].text == theirs


def another_gateway(cluster: ShopCluster, name: str, mount: dict[str, Any], **config_map: Any) -> GatewayPlace:
    """A Deployment of a Pod that mounts a ConfigMap of its own, both called `name`."""
    cluster.api.create(
        config_maps(cluster.gateway),
        {"metadata": {"name": name}, "data": {"rds.yaml": "resources: []\n"}, **config_map},
    )
    template = cluster.api.get(deployments(cluster.gateway, "gateway"))["spec"]["template"]["spec"]
    image = template["containers"][0]["image"]
    container = {"name": "envoy", "image": image, "volumeMounts": [{"name": "routes", **mount}]}
    spec = {"containers": [container], "volumes": [{"name": "routes", "configMap": {"name": name}}]}
    labels = {"app": name}
    cluster.api.create(
        deployments(cluster.gateway),
        {
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
        },
    )
    place = the_place(cluster, name, f"app={name}")
    found = KubernetesReplicas(cluster.api, place, NetworkPath.DIRECT)
    cluster.settle(lambda: bool(found.list()), f"a Pod of {name}")
    return place


@pytest.mark.parametrize(
    ("name", "mount", "more", "reason"),
    [
        ("by-sub-path", {"mountPath": "/r/rds.yaml", "subPath": "rds.yaml"}, {}, "by subPath rds.yaml"),
        ("immutable", {"mountPath": "/r"}, {"immutable": True}, "immutable"),
    ],
)
def test_what_cannot_become_live_is_refused_and_left_as_it_is(
    shared_cluster: ShopCluster, name: str, mount: dict[str, Any], more: dict[str, Any], reason: str
) -> None:
    try:
        place = another_gateway(shared_cluster, name, mount, **more)
        other = KubernetesRouteStore(shared_cluster.api, place)
        with pytest.raises(Refused, match=reason):
            other.write((SourceFile("rds.yaml", "resources: [] # ours: é & <b> \r\n"),), other.read())

        left = shared_cluster.api.get(config_maps(shared_cluster.gateway, name))
        assert left["data"] == {"rds.yaml": "resources: []\n"}
        assert WRITE not in left["metadata"].get("annotations", {})
    finally:
        shared_cluster.api.delete(deployments(shared_cluster.gateway, name), propagationPolicy="Background")
        shared_cluster.api.delete(config_maps(shared_cluster.gateway, name))


def test_a_text_that_the_server_finds_too_large_is_told_and_not_written(
    shared_cluster: ShopCluster, store: KubernetesRouteStore
) -> None:
    """Another key takes most of the room; only the server adds them up."""
    filler = json.dumps([{"op": "add", "path": "/data/filler", "value": "x" * 40_000}])
    store.write((), store.read())
    kubectl("patch", "configmap", "gateway-routes", "-n", shared_cluster.gateway, "--type=json", "-p", filler)
    read = store.read()
    try:
        with pytest.raises(EnvironmentFailed, match="Too long"):
            store.write((SourceFile("rds.yaml", f"{read.files[0].text}# {'y' * 1_030_000}\n"),), read)
        left = store.read()  # its version may be newer than that of `read`: a watch tells of the filler when it comes
        assert (left.files, left.version.rpartition("/")[2]) == (read.files, read.version.rpartition("/")[2])
    finally:
        shared_cluster.api.merge(config_maps(shared_cluster.gateway, "gateway-routes"), {"data": {"filler": None}})
