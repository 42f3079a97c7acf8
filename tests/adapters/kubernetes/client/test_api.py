"""The Kubernetes API over real HTTP: what is sent, what is tried again, and what a failure is called."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, UnknownOutcome, VersionConflict, connect
from gatewayctl.adapters.kubernetes.client.kubeconfig import find_access, own_namespace
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure, kubeconfig, serving

PATH = "/api/v1/namespaces/shop/configmaps/x"


class Script:
    """Answers in this order, the last one again and again."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked = list(replies), list[Request]()

    def answer(self, asked: Request) -> Reply:
        self.asked.append(asked)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class Waits:
    """A clock on which only pauses take time; `then` is called after each of them."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: list[float] = []
        self.then: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.pauses.append(seconds)
        self.then()


class Bench:
    """Starts servers that follow a script, and speaks to them as users' kubeconfig files make us."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder, self.clock = stack, folder, Waits()

    def api(self, script: Script) -> Api:
        api = connect(file=self._stack.enter_context(serving(script.answer, self._folder)), clock=self.clock)
        self._stack.callback(api.client.rest_client.close)
        return api


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack, tmp_path)


def test_a_static_token_is_sent_with_every_request(bench: Bench) -> None:
    script = Script(Reply())
    api = bench.api(script)

    api.get(PATH)
    api.create(PATH, {"a": 1})
    api.patch(PATH, [])
    api.delete(PATH)

    assert [one.headers["authorization"] for one in script.asked] == ["Bearer secret-of-ci"] * 4


def test_bodies_arrive_as_they_were_given_and_under_their_own_type(bench: Bench) -> None:
    script = Script(Reply())
    api = bench.api(script)

    api.create(PATH, {"a": "é"})
    api.replace(PATH, {"a": 2})
    api.patch(PATH, [{"op": "test", "path": "/a", "value": 2}])
    api.merge(PATH, {"a": None})
    api.delete(PATH, {"uid": "u"})

    assert [(one.verb, one.headers["content-type"], one.body) for one in script.asked[:4]] == [
        ("POST", "application/json", {"a": "é"}),
        ("PUT", "application/json", {"a": 2}),
        ("PATCH", "application/json-patch+json", [{"op": "test", "path": "/a", "value": 2}]),
        ("PATCH", "application/merge-patch+json", {"a": None}),
    ]
    assert script.asked[4].body["preconditions"] == {"uid": "u"}


def test_queries_arrive_as_they_were_given(bench: Bench) -> None:
    script = Script(Reply())

    bench.api(script).get(PATH, labelSelector="app=a b&c,d in (e)")

    assert script.asked[0].query == {"labelSelector": "app=a b&c,d in (e)"}


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, 'configmaps "x" not found', NotFound),
        (409, "the object has been modified", VersionConflict),
        (422, "the server rejected our request due to an error in our request", VersionConflict),
        (422, 'Deployment "x" is invalid: spec.replicas: must be greater than 0', ApiFault),
        (403, "configmaps is forbidden", ApiFault),
        (500, "etcdserver: request timed out", UnknownOutcome),
        (503, "apiserver is shutting down", UnknownOutcome),
        (504, "timeout", UnknownOutcome),
    ],
)
def test_a_rejected_patch_raises_the_fault_of_its_kind_and_is_sent_once(
    bench: Bench, status: int, message: str, kind: type[ApiFault]
) -> None:
    script = Script(failure(status, message))

    with pytest.raises(ApiFault) as caught:
        bench.api(script).patch(PATH, [])

    assert type(caught.value) is kind
    assert caught.value.status == status
    assert message in str(caught.value)
    assert len(script.asked) == 1


def test_a_missing_right_names_the_file_that_grants_it(bench: Bench) -> None:
    with pytest.raises(ApiFault) as caught:
        bench.api(Script(failure(403, "no"))).get(PATH)

    assert "manifests/rbac.yaml" in caught.value.hint


@pytest.mark.parametrize("verb", ["get", "delete"])
def test_a_request_that_a_busy_server_rejected_is_sent_again(bench: Bench, verb: str) -> None:
    script = Script(failure(429, "too many requests"), Reply(200, {"kind": "ConfigMap"}))
    api = bench.api(script)

    getattr(api, verb)(PATH)

    assert (len(script.asked), api.requests) == (2, 2)


def test_a_read_is_tried_again_after_a_failure_and_a_lost_connection(bench: Bench) -> None:
    script = Script(failure(500, "oops"), Reply(cut=True), Reply(200, {"found": 1}))

    assert bench.api(script).get(PATH) == {"found": 1}
    assert len(script.asked) == 3


def test_a_read_that_fails_for_ten_seconds_ends_with_the_servers_message(bench: Bench) -> None:
    script = Script(failure(503, "etcd is away"))

    with pytest.raises(Transient, match="etcd is away"):
        bench.api(script).get(PATH)

    assert 9.9 <= bench.clock.time <= 12.0
    assert len(script.asked) == len(bench.clock.pauses) + 1 < 40


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_a_passing_one_for_reads_and_for_writes(bench: Bench, status: int) -> None:
    api = bench.api(Script(failure(status, "not now")))

    with pytest.raises(Transient):
        api.get(PATH)
    with pytest.raises(Transient):
        api.replace(PATH, {})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422])
def test_a_refusal_is_final(bench: Bench, status: int) -> None:
    script = Script(failure(status, "no"))
    api = bench.api(script)

    for send in (lambda: api.get(PATH), lambda: api.replace(PATH, {})):
        with pytest.raises(ApiFault) as caught:
            send()
        assert not isinstance(caught.value, Transient)
    assert len(script.asked) == 2


@pytest.mark.parametrize(
    ("verb", "body"), [("get", ()), ("create", ({},)), ("replace", ({},)), ("patch", ([],))], ids=str
)
def test_a_server_that_is_away_for_eight_seconds_is_waited_for(
    tmp_path: Path, verb: str, body: tuple[object, ...]
) -> None:
    """k01: what was never sent is tried again, a write as well."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        clock = Waits()
        api = connect(file=str(kubeconfig(tmp_path, f"http://127.0.0.1:{port}", "t")), clock=clock)

        def come_back() -> None:
            if clock.time >= 8.0:
                held.listen()
                threading.Thread(target=answer_once, daemon=True).start()
                clock.then = lambda: None

        def answer_once() -> None:
            connection, _ = held.accept()
            with connection:
                while not connection.recv(65536).count(b"\r\n\r\n"):
                    pass
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        clock.then = come_back

        assert getattr(api, verb)(PATH, *body) == {}
        assert clock.time >= 8.0


@pytest.mark.parametrize("verb", ["create", "replace", "merge"])
def test_a_write_whose_answer_was_lost_may_have_happened_and_is_not_repeated(bench: Bench, verb: str) -> None:
    script = Script(Reply(cut=True))
    api = bench.api(script)

    with pytest.raises(UnknownOutcome, match="may have happened"):
        getattr(api, verb)(PATH, {"a": 1})

    assert len(script.asked) == 1


def test_a_closed_port_is_reported_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused
        port = held.getsockname()[1]
        clock = Waits()
        api = connect(file=str(kubeconfig(tmp_path, f"http://127.0.0.1:{port}", "t")), clock=clock)

        with pytest.raises(ApiFault) as read:
            api.get(PATH)
        with pytest.raises(ApiFault) as written:
            api.create(PATH, {})

    assert 19.9 < clock.time < 22.0  # ten seconds each
    assert not isinstance(written.value, UnknownOutcome)  # never sent, so it cannot have happened
    for fault in (read.value, written.value):
        assert (
            str(fault) == f"cannot reach the Kubernetes API server 127.0.0.1:{port} (context here): Connection refused"
        )
        assert "kubectl cluster-info" in fault.hint
        assert fault.exit_code == 4


def test_a_page_instead_of_json_raises_with_its_beginning(bench: Bench) -> None:
    with pytest.raises(ApiFault, match=r"not JSON.*Sign in"):
        bench.api(Script(Reply(200, b"<html>Sign in"))).get(PATH)
    with pytest.raises(ApiFault, match="expected an object, found list"):
        bench.api(Script(Reply(200, []))).get(PATH)


def test_deleting_an_object_that_is_not_there_raises_nothing(bench: Bench) -> None:
    script = Script(failure(404, "not found"))

    bench.api(script).delete(PATH)

    assert [one.verb for one in script.asked] == ["DELETE"]


def test_a_log_is_text(bench: Bench) -> None:
    assert bench.api(Script(Reply(200, b"line \xff\n"))).text(PATH) == "line �\n"


def test_a_watch_yields_events_as_they_come(bench: Bench) -> None:
    script = Script(Reply(200, b'{"type":"ADDED","object":{}}\n{"type":"DELETED","object":{}}\n'))

    events = list(bench.api(script).watch(PATH, "7", 1, fieldSelector="metadata.name=x"))

    assert [event["type"] for event in events] == ["ADDED", "DELETED"]
    assert script.asked[0].query == {
        "watch": "1",
        "resourceVersion": "7",
        "timeoutSeconds": "1",
        "fieldSelector": "metadata.name=x",
    }


@pytest.mark.parametrize(
    "reply",
    [
        failure(410, "too old resource version"),
        Reply(200, b'{"type":"ERROR","object":{"code":410,"message":"too old resource version"}}\n'),
    ],
)
def test_a_watch_that_breaks_raises(bench: Bench, reply: Reply) -> None:
    with pytest.raises(ApiFault, match="too old resource version") as caught:
        list(bench.api(Script(reply)).watch(PATH, "7", 1))

    assert caught.value.status == 410


def test_a_watch_that_is_refused_is_a_fault_and_no_event(bench: Bench) -> None:
    with pytest.raises(ApiFault, match="forbidden"):
        list(bench.api(Script(failure(403, "pods is forbidden"))).watch(PATH, "7", 1))


def test_a_watch_that_is_closed_early_closes_its_connection(bench: Bench) -> None:
    script = Script(Reply(200, b'{"type":"ADDED","object":{}}\n' * 3), Reply(200, {"after": 1}))
    api = bench.api(script)
    events = api.watch(PATH, "7", 1)

    next(events)
    events.close()  # type: ignore[attr-defined]

    assert api.get(PATH) == {"after": 1}


def test_kubeconfig_is_looked_up_when_we_connect_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(folder, f"https://10.0.0.{number}:6443", "t")))

        assert connect().origin == f"10.0.0.{number}:6443"
        assert own_namespace() == "default"


@pytest.mark.parametrize(
    "content",
    [
        *("", "[1", "- a", "{}", "words", "contexts: {}", "current-context: here", "\x00"),
        "current-context: here\ncontexts: [{name: here, context: [1]}]",
        "current-context: here\ncontexts: [{name: here, context: {cluster: c, user: u}}]\nclusters: 7\nusers: []",
    ],
)
def test_a_kubeconfig_that_names_no_cluster_is_a_fault_with_a_way_out(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)

    with pytest.raises(EnvironmentFailed, match="no Kubernetes cluster is configured") as caught:
        connect(file=str(path))

    assert f"{path}: " in str(caught.value)
    assert "indices" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert "KUBECONFIG" in caught.value.hint


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=f"{tmp_path}/none: "):
        connect(file=f"{tmp_path}/none")


def test_a_pod_without_a_kubeconfig_uses_its_own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    for name, text in (("token", "of-the-pod"), ("ca.crt", "a certificate"), ("namespace", "shop\n")):
        (tmp_path / name).write_text(text)

    found = find_access(account=tmp_path)

    assert found.settings.host == "https://10.96.0.1:443"
    assert found.settings.auth_settings()["BearerToken"]["value"] == "bearer of-the-pod"
    assert found.settings.ssl_ca_cert == str(tmp_path / "ca.crt")
    assert (found.source, own_namespace(account=tmp_path)) == ("the Pod's own account", "shop")


def test_a_pod_whose_account_is_not_mounted_names_the_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")

    with pytest.raises(EnvironmentFailed, match="Service token file does not exist"):
        find_access(account=tmp_path)
    assert own_namespace(account=tmp_path) == "default"


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = str(kubeconfig(tmp_path, "https://10.0.0.1:6443", "t"))

    with pytest.raises(EnvironmentFailed, match="elsewhere"):
        connect("elsewhere", file)


def test_a_token_from_an_exec_plugin_is_sent(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    said = json.dumps({**credential, "status": {"token": "from-the-plugin"}})
    plugin.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
    plugin.chmod(0o755)
    script = Script(Reply(body={"kind": "ConfigMap"}))
    with serving(script.answer, tmp_path) as path:
        settings = yaml.safe_load(Path(path).read_text())
        settings["users"][0]["user"] = {"exec": {"apiVersion": credential["apiVersion"], "command": str(plugin)}}
        Path(path).write_text(yaml.safe_dump(settings))
        api = connect(file=path)
        api.get(PATH)
        api.client.rest_client.close()

    assert script.asked[0].headers["authorization"] == "Bearer from-the-plugin"


def test_the_named_context_decides_the_server(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://10.0.0.1:6443", "t")
    settings = yaml.safe_load(path.read_text())
    settings["clusters"].append({"name": "there", "cluster": {"server": "https://10.0.0.2:6443"}})
    settings["contexts"].append({"name": "other", "context": {"cluster": "there", "user": "ci"}})
    path.write_text(yaml.safe_dump(settings))

    assert connect(file=str(path)).origin == "10.0.0.1:6443"
    assert connect("other", file=str(path)).origin == "10.0.0.2:6443"


def test_a_context_that_is_named_brings_its_own_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kubeconfig(tmp_path, "https://10.0.0.1:6443", "t")
    settings = yaml.safe_load(path.read_text())
    for name, namespace in (("one", {"namespace": "shop"}), ("two", {"namespace": "store"}), ("three", {})):
        settings["contexts"].append({"name": name, "context": {"cluster": "here", "user": "ci", **namespace}})
    settings["current-context"] = "one"
    path.write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("KUBECONFIG", str(path))

    assert [own_namespace(), own_namespace("two"), own_namespace("three")] == ["shop", "store", "default"]
    del settings["current-context"]
    path.write_text(yaml.safe_dump(settings))
    assert own_namespace("two") == "store"
    assert connect("two").origin == "10.0.0.1:6443"
