"""The ConfigMap as a route store, against a small API server that can lose answers."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.routes.config_map import NUDGE, KubernetesRouteStore
from gatewayctl.domain.errors import EnvironmentFailed, Refused, StaleWrite, UsageFault
from gatewayctl.domain.routing import SourceFile

PLACE = GatewayPlace("gateway", "app=gateway", "routes", ("rds.yaml", "cds~1.yaml"), 8000, 9901)
MAP = "/api/v1/namespaces/gateway/configmaps/routes"
PODS = "/api/v1/namespaces/gateway/pods"
Answer = tuple[int, Any]


class FakeCluster:
    """One ConfigMap and the gateway's Pods; `before_write` is called before each PATCH of the ConfigMap.

    `lost` says of the next patches whether each is `done` or `dropped` before its connection breaks.
    """

    def __init__(self) -> None:
        self.config_map: dict[str, Any] = {
            "metadata": {"name": "routes", "uid": "u-1", "resourceVersion": "10"},
            "data": {"rds.yaml": "one\n", "cds~1.yaml": "é\r\n", "notes": "not ours"},
        }
        self.pods: dict[str, dict[str, Any]] = {f"gateway-{n}": a_pod(f"gateway-{n}") for n in range(3)}
        self.forbidden: set[str] = set()
        self.lost: list[str] = []
        self.asked: list[str] = []
        self.before_write: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def edit(self, **data: str) -> None:
        """As a person does it."""
        self.config_map["data"].update(data)
        self._moved()

    def answer(self, verb: str, path: str, body: Any) -> Answer | None:
        """Status and body; None breaks the connection."""
        if "watch=1" in path:
            return 403, {"message": "no watches here"}
        with self._lock:
            self.asked.append(f"{verb} {path}")
            if path.startswith(PODS):
                return self._pods(verb, path, body)
            if path != MAP:
                return 404, {"message": "not found"}
            if verb == "GET":
                return 200, self.config_map
            self.before_write()
            fate = self.lost.pop(0) if self.lost else ""
            if fate == "dropped":
                return None
            answer = self._merged(body)
            return None if fate == "done" else answer

    def _pods(self, verb: str, path: str, body: Any) -> Answer:
        name = path.removeprefix(PODS).lstrip("/").partition("?")[0]
        if verb == "GET":
            assert "labelSelector=app%3Dgateway" in path
            return 200, {"items": list(self.pods.values())}
        if name in self.forbidden:
            return 403, {"message": f'pods "{name}" is forbidden'}
        if name not in self.pods:
            return 404, {"message": "not found"}
        self.pods[name]["metadata"].setdefault("annotations", {}).update(body["metadata"]["annotations"])
        return 200, self.pods[name]

    def _merged(self, body: Any) -> Answer:
        metadata = body["metadata"]
        now = self.config_map["metadata"]
        if metadata["resourceVersion"] != now["resourceVersion"]:
            return 409, {"message": "the object has been modified"}
        now.setdefault("annotations", {}).update(metadata["annotations"])
        self.config_map["data"].update(body["data"])
        return self._moved()

    def _moved(self) -> Answer:
        metadata = self.config_map["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        return 200, json.loads(json.dumps(self.config_map))


def a_pod(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "containers": [{"volumeMounts": [{"name": "routes", "mountPath": "/routes"}]}],
            "volumes": [{"name": "routes", "configMap": {"name": "routes"}}],
        },
        "status": {"phase": "Running"},
    }


@contextmanager
def serving(cluster: Any) -> Iterator[Api]:
    """The real client library, connected to a server on loopback that asks `cluster` for every answer."""
    from kubernetes.client import ApiClient, Configuration

    class Handler(http.server.BaseHTTPRequestHandler):
        def respond(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = cluster.answer(self.command, self.path, json.loads(sent) if sent else None)
            if answer is None:
                return
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PATCH = respond  # noqa: N815 (the library's names)

        def log_message(self, *args: Any) -> None:
            """Tests are quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings = Configuration(host=f"http://127.0.0.1:{server.server_port}")
    settings.retries = False
    try:
        yield Api(ApiClient(settings), "loopback", "a test")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def store(cluster: FakeCluster) -> Iterator[KubernetesRouteStore]:
    with serving(cluster) as api:
        yield KubernetesRouteStore(api, PLACE)


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
@pytest.mark.parametrize("lost", [["done"], ["dropped"], ["dropped", "done"]])
def test_a_write_whose_answer_was_lost_happens_exactly_once(
    store: KubernetesRouteStore, cluster: FakeCluster, prepare: Prepare, lost: list[str]
) -> None:
    prepare(store)
    read = store.read()
    before = int(cluster.config_map["metadata"]["resourceVersion"])
    cluster.lost = lost

    written = store.write(rds("two\n"), read)

    assert store.read() == written
    assert written.files[0].text == "two\n"
    assert int(cluster.config_map["metadata"]["resourceVersion"]) == before + 1


def test_a_write_whose_answer_was_lost_is_stale_when_somebody_else_won(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    read = store.read()
    cluster.lost = ["dropped"]
    cluster.before_write = lambda: cluster.edit(**{"rds.yaml": "theirs"})

    with pytest.raises(StaleWrite):
        store.write(rds("two\n"), read)


def test_a_write_that_never_gets_an_answer_fails_after_a_few_tries(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    cluster.lost = ["dropped"] * 99

    with pytest.raises(EnvironmentFailed, match="it may have happened"):
        store.write(rds("two\n"), store.read())

    assert 99 - len(cluster.lost) == 5


def test_what_the_server_rejects_for_its_own_reasons_is_no_conflict(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    read = store.read()
    original = cluster.answer
    cluster.answer = lambda verb, path, body: (  # type: ignore[method-assign]
        (422, {"message": "data: Too long"}) if verb == "PATCH" and path == MAP else original(verb, path, body)
    )

    with pytest.raises(ApiFault, match="Too long"):
        store.write(rds("two\n"), read)


def test_every_write_annotates_every_pod_anew(store: KubernetesRouteStore, cluster: FakeCluster) -> None:
    seen = []
    for _ in range(2):
        store.write((), store.read())
        seen.append({pod["metadata"]["annotations"][NUDGE] for pod in cluster.pods.values()})

    assert [len(nudges) for nudges in seen] == [1, 1]
    assert seen[0] != seen[1]
    assert store.unnudged == {}


def test_a_pod_that_cannot_be_annotated_is_remembered_and_raises_nothing(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    cluster.forbidden = {"gateway-1"}

    store.write(rds("two\n"), store.read())

    assert list(store.unnudged) == ["gateway-1"]
    assert "forbidden" in store.unnudged["gateway-1"]
    assert NUDGE in cluster.pods["gateway-2"]["metadata"]["annotations"]


@pytest.mark.parametrize("status", [409, 500])
def test_an_annotation_that_conflicts_or_has_no_answer_is_sent_again(
    store: KubernetesRouteStore, cluster: FakeCluster, status: int
) -> None:
    original, refused = cluster.answer, set()

    def answer(verb: str, path: str, body: Any) -> Answer | None:
        if verb == "PATCH" and path.startswith(PODS) and path not in refused:
            refused.add(path)
            return status, {"message": "not now"}
        return original(verb, path, body)

    cluster.answer = answer  # type: ignore[method-assign]

    store.write(rds("two\n"), store.read())

    assert len(refused) == 3
    assert store.unnudged == {}
    assert all(NUDGE in pod["metadata"]["annotations"] for pod in cluster.pods.values())


def test_a_pod_that_went_away_or_has_finished_is_not_missed(store: KubernetesRouteStore, cluster: FakeCluster) -> None:
    cluster.pods["gone"] = cluster.pods.pop("gateway-1")
    cluster.pods["gone"]["metadata"]["name"] = "another name by now"
    cluster.pods["gateway-2"]["status"]["phase"] = "Failed"

    store.write(rds("two\n"), store.read())

    assert store.unnudged == {}
    assert "annotations" not in cluster.pods["gateway-2"]["metadata"]


def test_only_what_we_never_wrote_is_checked_before_a_write(store: KubernetesRouteStore, cluster: FakeCluster) -> None:
    helm = {"app.kubernetes.io/managed-by": "Helm"}
    cluster.config_map["metadata"]["labels"] = helm
    with pytest.raises(Refused, match="Helm"):
        store.write(rds("two\n"), store.read())
    assert not [asked for asked in cluster.asked if asked.startswith("PATCH")]

    cluster.config_map["metadata"]["labels"] = {}
    store.write(rds("with a rule\n"), store.read())
    cluster.config_map["metadata"]["labels"] = helm

    assert store.write(rds("one\n"), store.read()).files[0].text == "one\n"
    with pytest.raises(Refused, match="Helm"):
        store.check()


def test_a_check_says_where_an_edit_arrives_and_costs_two_requests(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    assert store.check() == "ConfigMap gateway/routes, mounted at /routes by 3 Pods"
    assert len(cluster.asked) == 2


def test_a_later_write_costs_one_request_and_one_for_each_pod(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    written_once(store)
    read = store.read()
    cluster.asked.clear()

    store.write(rds("two\n"), read)

    assert len([asked for asked in cluster.asked if MAP in asked]) == 1
    assert len(cluster.asked) == 1 + 3


def test_a_write_that_others_always_come_before_is_stale_at_last(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    read = store.read()
    cluster.before_write = lambda: cluster.edit(notes="theirs, again")

    with pytest.raises(StaleWrite, match="all the time"):
        store.write(rds("two\n"), read)

    assert cluster.config_map["data"]["rds.yaml"] == "one\n"


def test_more_than_a_config_map_holds_is_refused_before_it_is_sent(
    store: KubernetesRouteStore, cluster: FakeCluster
) -> None:
    with pytest.raises(Refused, match="1048580 bytes of route files"):
        store.write(rds("é" * 524_288), store.read())

    assert not [asked for asked in cluster.asked if asked.startswith("PATCH")]


def test_a_missing_key_a_binary_key_and_a_missing_config_map_raise(cluster: FakeCluster) -> None:
    with serving(cluster) as api:
        with pytest.raises(UsageFault, match=r"no key nothing.yaml; it has rds.yaml, cds~1.yaml, notes"):
            KubernetesRouteStore(api, GatewayPlace("gateway", "", "routes", ("nothing.yaml",), 8000)).read()
        cluster.config_map["binaryData"] = {"rds.yaml": "AAAA"}
        with pytest.raises(Refused, match="binaryData"):
            KubernetesRouteStore(api, PLACE).read()
        with pytest.raises(EnvironmentFailed, match="there is no ConfigMap gateway/none"):
            KubernetesRouteStore(api, GatewayPlace("gateway", "", "none", ("rds.yaml",), 8000)).read()
