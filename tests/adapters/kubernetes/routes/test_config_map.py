"""The ConfigMap as a route store, against a small API server that can lose answers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.routes.config_map import NUDGE, KubernetesRouteStore
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.routing import SourceFile
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, Object, connect_to_fake

PLACE = GatewayPlace("gateway", "app=gateway", "routes", ("rds.yaml", "cds~1.yaml"), 8000, 9901)
MAP = "/api/v1/namespaces/gateway/configmaps/routes"
PODS = "/api/v1/namespaces/gateway/pods"


class FakeCluster:
    """A fake API server with one ConfigMap, the three Pods of a gateway, and a Pod of something else."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        config_map = {
            "metadata": {"name": "routes", "uid": "u-1", "resourceVersion": "10"},
            "data": {"rds.yaml": "one\n", "cds~1.yaml": "é\r\n", "notes": "not ours"},
        }
        pods = [*(a_pod(f"gateway-{n}") for n in range(3)), a_pod("other", app="other")]
        objects = {f"{PODS}/{pod['metadata']['name']}": pod for pod in pods}
        self.server = FakeApiServer({MAP: config_map, **objects}, on_store=self._note, count=10)

    def _note(self, changed: Object, _: Object) -> Object:
        self.stored.append(changed["metadata"]["name"])
        return changed

    @property
    def config_map(self) -> Object:
        return self.server.objects[MAP]

    @property
    def pods(self) -> dict[str, Object]:
        """The gateway's Pods by name."""
        held = self.server.objects.items()
        return {path.rpartition("/")[2]: one for path, one in held if path.startswith(f"{PODS}/gateway-")}

    def edit(self, **data: str) -> None:
        """As a person does it."""
        self.server.edit(MAP, lambda found: found["data"].update(data))

    def before_write(self, act: Callable[[], object]) -> None:
        """Call `act` before each write of the ConfigMap; what it returns, if a Reply, is the answer."""

        def handle(asked: Request) -> Reply | None:
            found = act() if asked.path == MAP else None
            return found if isinstance(found, Reply) else None

        self.server.before_write = handle


def a_pod(name: str, app: str = "gateway") -> Object:
    return {
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {
            "containers": [{"volumeMounts": [{"name": "routes", "mountPath": "/routes"}]}],
            "volumes": [{"name": "routes", "configMap": {"name": "routes"}}],
        },
        "status": {"phase": "Running"},
    }


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def api(cluster: FakeCluster, tmp_path: Path) -> Iterator[Api]:
    with connect_to_fake(tmp_path, cluster.server) as (_, api):
        yield api


@pytest.fixture
def store(api: Api) -> KubernetesRouteStore:
    return KubernetesRouteStore(api, PLACE)


def rds(text: str) -> tuple[SourceFile, ...]:
    return (SourceFile("rds.yaml", text),)


def written_once(store: KubernetesRouteStore) -> None:
    """The first write finds no mark of ours, and no annotations at all."""
    store.write((), store.read())


FIRST_OR_LATER = pytest.mark.parametrize("prepare", [lambda store: None, written_once], ids=["first", "later"])
Prepare = Callable[[KubernetesRouteStore], None]


@FIRST_OR_LATER
def test_a_write_changes_its_file_and_nothing_else(
    store: KubernetesRouteStore, cluster: FakeCluster, prepare: Prepare
) -> None:
    prepare(store)

    written = store.write(rds("two\n"), store.read())

    assert cluster.config_map["data"] == {"rds.yaml": "two\n", "cds~1.yaml": "é\r\n", "notes": "not ours"}
    assert store.read() == written
    assert [file.text for file in written.files] == ["two\n", "é\r\n"]


@FIRST_OR_LATER
@pytest.mark.parametrize("key", ["rds.yaml", "cds~1.yaml"])
def test_an_edit_of_a_route_file_by_a_person_makes_a_write_stale(
    store: KubernetesRouteStore, cluster: FakeCluster, prepare: Prepare, key: str
) -> None:
    prepare(store)
    read = store.read()
    cluster.edit(**{key: "theirs"})

    with pytest.raises(StaleWrite):
        store.write(rds("two\n"), read)

    assert cluster.config_map["data"][key] == "theirs"
    assert cluster.config_map["data"]["rds.yaml"] != "two\n"


@FIRST_OR_LATER
def test_an_edit_of_another_key_by_a_person_is_no_conflict_and_survives(
    store: KubernetesRouteStore, cluster: FakeCluster, prepare: Prepare
) -> None:
    prepare(store)
    read = store.read()
    cluster.edit(notes="theirs")

    store.write(rds("two\n"), read)

    assert cluster.config_map["data"] == {"rds.yaml": "two\n", "cds~1.yaml": "é\r\n", "notes": "theirs"}


@FIRST_OR_LATER
def test_a_write_of_the_same_text_makes_earlier_reads_stale(
    store: KubernetesRouteStore, cluster: FakeCluster, prepare: Prepare
) -> None:
    prepare(store)
    read = store.read()
    store.write((), read)

    with pytest.raises(StaleWrite):
        store.write(rds("two\n"), read)

    assert cluster.config_map["data"]["rds.yaml"] == "one\n"


def test_a_config_map_that_was_made_anew_with_the_same_text_makes_a_write_stale(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    read = store.read()
    cluster.config_map["metadata"].update(uid="u-2", resourceVersion="99")

    with pytest.raises(StaleWrite):
        store.write(rds("two\n"), read)


@FIRST_OR_LATER
@pytest.mark.parametrize(("lose", "drop"), [(1, 0), (0, 1), (1, 1)])
def test_a_write_whose_answer_was_lost_happens_exactly_once(
    store: KubernetesRouteStore, cluster: FakeCluster, prepare: Prepare, lose: int, drop: int
) -> None:
    prepare(store)
    read = store.read()
    before = cluster.stored.count("routes")
    cluster.server.lose, cluster.server.drop = lose, drop

    written = store.write(rds("two\n"), read)

    assert store.read() == written
    assert written.files[0].text == "two\n"
    assert cluster.stored.count("routes") == before + 1


def test_a_write_whose_answer_was_lost_is_stale_when_somebody_else_won(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    read = store.read()
    cluster.server.drop = 1
    cluster.before_write(lambda: cluster.edit(**{"rds.yaml": "theirs"}))

    with pytest.raises(StaleWrite):
        store.write(rds("two\n"), read)


def test_a_write_that_never_gets_an_answer_fails_after_a_few_tries(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    cluster.server.drop = 99

    with pytest.raises(EnvironmentFailed, match="it may have happened"):
        store.write(rds("two\n"), store.read())

    assert 99 - cluster.server.drop == 5


def test_what_the_server_rejects_for_its_own_reasons_is_no_conflict(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    read = store.read()
    cluster.before_write(lambda: failure(422, "data: Too long"))

    with pytest.raises(ApiFault, match="Too long"):
        store.write(rds("two\n"), read)


def test_every_announcement_annotates_every_pod_anew(store: KubernetesRouteStore, cluster: FakeCluster) -> None:
    seen = []
    for _ in range(2):
        store.announce()
        seen.append({pod["metadata"]["annotations"][NUDGE] for pod in cluster.pods.values()})

    assert [len(nudges) for nudges in seen] == [1, 1]
    assert seen[0] != seen[1]
    assert store.unnudged == {}


def test_a_pod_that_cannot_be_annotated_is_remembered_and_raises_nothing(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    forbidden = failure(403, 'pods "gateway-1" is forbidden')
    cluster.server.before_write = lambda asked: forbidden if asked.path == f"{PODS}/gateway-1" else None

    store.announce()

    assert list(store.unnudged) == ["gateway-1"]
    assert "forbidden" in store.unnudged["gateway-1"]
    assert NUDGE in cluster.pods["gateway-2"]["metadata"]["annotations"]


@pytest.mark.parametrize("status", [409, 500])
def test_an_annotation_that_conflicts_or_has_no_answer_is_sent_again(
    store: KubernetesRouteStore, cluster: FakeCluster, status: int
) -> None:
    refused = set()

    def refuse_first(asked: Request) -> Reply | None:
        if not asked.path.startswith(PODS) or asked.path in refused:
            return None
        refused.add(asked.path)
        return failure(status, "not now")

    cluster.server.before_write = refuse_first

    store.announce()

    assert len(refused) == 3
    assert store.unnudged == {}
    assert all(NUDGE in pod["metadata"]["annotations"] for pod in cluster.pods.values())


def test_a_pod_that_went_away_or_has_finished_is_not_missed(store: KubernetesRouteStore, cluster: FakeCluster) -> None:
    cluster.pods["gateway-1"]["metadata"]["name"] = "another name by now"
    cluster.pods["gateway-2"]["status"]["phase"] = "Failed"

    store.announce()

    assert store.unnudged == {}
    assert "annotations" not in cluster.pods["gateway-2"]["metadata"]


def test_only_what_we_never_wrote_is_checked_before_a_write(store: KubernetesRouteStore, cluster: FakeCluster) -> None:
    helm = {"app.kubernetes.io/managed-by": "Helm"}
    cluster.config_map["metadata"]["labels"] = helm
    with pytest.raises(Refused, match="Helm"):
        store.write(rds("two\n"), store.read())
    assert cluster.server.writes == []

    cluster.config_map["metadata"]["labels"] = {}
    store.write(rds("with a rule\n"), store.read())
    cluster.config_map["metadata"]["labels"] = helm

    assert store.write(rds("one\n"), store.read()).files[0].text == "one\n"
    with pytest.raises(Refused, match="Helm"):
        store.check()


def test_a_rule_whose_mark_was_dropped_can_still_be_taken_out(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    """k09: a pipeline replaced the object under Helm's mark: our annotation is gone, and our rule is still there."""
    store.write(rds("one\n"), store.read())
    rule = "/ x-canary=v name=gatewayctl-orders-canary -> orders-canary\n"
    store.write(rds(f"{rule}one\n"), store.read())
    cluster.config_map["metadata"].update(annotations={}, labels={"app.kubernetes.io/managed-by": "Helm"})
    cluster.config_map["metadata"]["resourceVersion"] = "99"

    with pytest.raises(Refused, match="Helm"):
        store.write(rds(f"{rule}{rule}one\n"), store.read())
    assert store.write(rds("one\n"), store.read()).files[0].text == "one\n"


def test_a_way_out_that_finds_nothing_to_take_out_is_not_refused(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    """k09: the same pipeline took our rule away, too; the way out still writes, to overtake older processes."""
    cluster.config_map["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    read = store.read()

    assert store.write((), read).version != read.version


def test_a_check_says_where_an_edit_arrives_and_costs_two_requests(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    assert store.check() == "ConfigMap gateway/routes, mounted at /routes by 3 Pods"
    assert len(cluster.server.asked) == 2


def test_a_later_write_costs_one_request_and_one_for_each_pod(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    store.announce()
    read = store.read()
    cluster.server.asked.clear()

    store.write(rds("two\n"), read)
    store.announce()

    assert len([one for one in cluster.server.asked if one.path == MAP]) == 1
    assert len(cluster.server.asked) == 1 + 3


def test_a_write_that_others_always_come_before_is_stale_at_last(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    read = store.read()
    cluster.before_write(lambda: cluster.edit(notes="theirs, again"))

    with pytest.raises(StaleWrite, match="all the time"):
        store.write(rds("two\n"), read)

    assert cluster.config_map["data"]["rds.yaml"] == "one\n"


def test_more_than_a_config_map_holds_is_refused_before_it_is_sent(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    with pytest.raises(Refused, match="1048580 bytes of route files"):
        store.write(rds("é" * 524_288), store.read())

    assert cluster.server.writes == []


def test_a_missing_key_a_binary_key_and_a_missing_config_map_raise(api: Api, cluster: FakeCluster) -> None:
    with pytest.raises(UsageFault, match=r"no key nothing.yaml; it has rds.yaml, cds~1.yaml, notes"):
        KubernetesRouteStore(api, GatewayPlace("gateway", "", "routes", ("nothing.yaml",), 8000)).read()
    cluster.config_map["binaryData"] = {"rds.yaml": "AAAA"}
    with pytest.raises(Refused, match="binaryData"):
        KubernetesRouteStore(api, PLACE).read()
    with pytest.raises(EnvironmentFailed, match="there is no ConfigMap gateway/none"):
        KubernetesRouteStore(api, GatewayPlace("gateway", "", "none", ("rds.yaml",), 8000)).read()
