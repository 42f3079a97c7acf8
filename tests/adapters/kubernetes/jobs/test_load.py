"""A load with workers in the cluster: what is started, what comes back, and that nothing stays, however it ends."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.gateway.replicas import KubernetesReplicas, NetworkPath
from gatewayctl.adapters.kubernetes.jobs.load import DistributedLoad
from gatewayctl.adapters.smoke.child import ProgramExit
from gatewayctl.adapters.smoke.load import LocustOutput
from gatewayctl.domain.errors import EnvironmentFailed, Superseded, UsageFault
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.smoke import LoadRun
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure, serving
from tests.adapters.smoke.gateway import LoopbackGateway

PODS, JOBS = "/api/v1/namespaces/shop/pods", "/apis/batch/v1/namespaces/shop/jobs"
FIGURES = {
    "lanes": {"canary": {"GET /": [3, 0, {"5": 3}]}, "half-a": {"GET /": [2, 1, {"5": 1}]}, "half-b": {}},
    "misrouted": 0,
    "unknown": 0,
    "seconds": 2.0,
    "failures": [],
}
DONE = LocustOutput(ProgramExit(0, 2.5, timed_out=False), json.dumps(FIGURES), ()).to_json()


class Cluster:
    """Jobs are kept until they are deleted; `master` and `worker` are the states of their containers."""

    def __init__(self) -> None:
        self.jobs: dict[str, Any] = {}
        self.files: dict[str, Any] = {}
        self.made: list[dict[str, Any]] = []
        self.master: dict[str, Any] = {"terminated": {"exitCode": 0}}
        self.worker: dict[str, Any] = {"running": {}}
        self.log = f"8 users, 3 + 2 requests, 0 + 1 errors\n{DONE}\n"

    def answer(self, asked: Request) -> Reply:
        name = asked.path.rpartition("/")[2]
        if asked.path.startswith("/api/v1/namespaces/gateway/pods"):
            ready = {"conditions": [{"type": "Ready", "status": "True"}], "podIP": "10.0.0.9", "phase": "Running"}
            return Reply(200, {"items": [{"metadata": {"name": "gateway-1"}, "status": ready}]})
        if asked.verb == "POST":
            objects = self.jobs if asked.path == JOBS else self.files
            objects[asked.body["metadata"]["name"]] = asked.body
            self.made.append(asked.body)
            return Reply(201, {"metadata": {"name": asked.body["metadata"]["name"], "uid": "u"}})
        if asked.verb == "DELETE":
            self.jobs.pop(name, None)
            self.files.pop(name, None)
            return Reply()
        if asked.path == PODS:
            return Reply(200, {"items": self._pods(asked.query["labelSelector"].partition("=")[2])})
        if asked.path.endswith("/log"):
            return Reply(200, self.log.encode())
        found = {**self.jobs, **self.files}.get(name)
        return Reply(200, found) if found else failure(404, "not found")

    def _pods(self, job: str) -> list[dict[str, Any]]:
        if job not in self.jobs:
            return []
        state = self.worker if job.endswith("-workers") else self.master
        status = {"podIP": "10.0.0.5", "containerStatuses": [{"name": "gatewayctl", "state": state, "image": "x"}]}
        return [{"metadata": {"name": f"{job}-pod", "creationTimestamp": "2026-01-01T00:00:01Z"}, "status": status}]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def distributed(cluster: Cluster, tmp_path: Path) -> Iterator[DistributedLoad]:
    place = GatewayPlace("gateway", "app=gateway", "routes", ("rds.yaml",), 8000)
    with serving(cluster.answer, tmp_path) as kubeconfig:
        api = connect(file=kubeconfig)
        replicas = KubernetesReplicas(api, place, NetworkPath.DIRECT)
        yield DistributedLoad(api, "shop", "gatewayctl:1", replicas.list)


def a_run(folder: Path) -> LoadRun:
    (folder / "suite").mkdir()
    (folder / "suite" / "locustfile.py").write_text("x = 1")
    endpoints = LoopbackGateway(urls=("http://127.0.0.1:4711",)).endpoints()
    return LoadRun(str(folder / "suite" / "locustfile.py"), endpoints, str(folder / "out"), users=8, workers=3)


def nothing(_text: str) -> None:
    """A tick that nobody looks at."""


def test_the_workers_are_given_the_address_of_their_master_and_its_figures_come_back(cluster, distributed, tmp_path):
    result = distributed.load(a_run(tmp_path), nothing)

    jobs = [one for one in cluster.made if one["kind"] == "Job"]
    pods = [one["spec"]["template"]["spec"] for one in jobs]
    assert [one["spec"]["completions"] for one in jobs] == [1, 3]
    assert [one["containers"][0]["args"][-2:] for one in pods][1] == ["--master", "10.0.0.5"]
    assert not any(one["automountServiceAccountToken"] for one in pods)
    assert (result.canary.requests, result.stable.requests, result.stable.errors) == (3, 2, 1)
    assert cluster.jobs == {}


def test_a_pod_sees_the_locustfile_in_its_volume_and_the_gateway_by_its_own_address(cluster, distributed, tmp_path):
    distributed.load(a_run(tmp_path), nothing)

    data = next(one["data"] for one in cluster.made if one["kind"] == "ConfigMap")
    run = LoadRun.from_json(next(text for key, text in data.items() if key.endswith("load.json")))
    assert run.file == "/release/locustfile.py"
    assert "x = 1" in data.values()
    assert run.endpoints.urls == ("http://10.0.0.9:8000",)


def with_tls(run: LoadRun, tls: Tls) -> LoadRun:
    return replace(
        run, endpoints=replace(run.endpoints, urls=("https://127.0.0.1:1",), base_url="https://shop.example", tls=tls)
    )


def test_a_pod_speaks_tls_under_the_public_name_with_the_authority_in_its_volume(cluster, distributed, tmp_path):
    (tmp_path / "ca.pem").write_text("an authority")
    distributed.load(with_tls(a_run(tmp_path), Tls(ca=str(tmp_path / "ca.pem"))), nothing)

    data = next(one["data"] for one in cluster.made if one["kind"] == "ConfigMap")
    volume = next(one for one in cluster.made if one["kind"] == "Job")["spec"]["template"]["spec"]["volumes"][-1]
    sent = next(LoadRun.from_json(text) for key, text in data.items() if key.endswith("gatewayctl-load.json"))
    assert sent.endpoints.base_url == "https://shop.example"
    assert sent.endpoints.urls == ("https://10.0.0.9:8000",)
    assert sent.endpoints.tls == Tls(ca="/release/gatewayctl-ca.pem")
    paths = {f"/release/{one['path']}": data[one["key"]] for one in volume["configMap"]["items"]}
    assert paths["/release/gatewayctl-ca.pem"] == "an authority"


def test_a_private_key_is_not_sent_in_a_config_map(cluster, distributed, tmp_path):
    with pytest.raises(UsageFault, match="is a private key"):
        distributed.load(with_tls(a_run(tmp_path), Tls(certificate="a.pem", key="a.key")), nothing)

    assert cluster.made == []


def test_a_tick_that_stops_the_release_takes_the_jobs_away(cluster, distributed, tmp_path):
    cluster.master = {"running": {}}

    def stop(_text: str) -> None:
        if len(cluster.jobs) == 2:
            raise Superseded("someone aborted")

    with pytest.raises(Superseded):
        distributed.load(a_run(tmp_path), stop)

    assert cluster.jobs == {}


def test_a_worker_that_certainly_cannot_begin_ends_the_run_with_its_reason(cluster, distributed, tmp_path):
    cluster.master = {"running": {}}
    cluster.worker = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}

    with pytest.raises(EnvironmentFailed, match="no such image"):
        distributed.load(a_run(tmp_path), nothing)

    assert cluster.jobs == {}


def test_a_master_that_ends_without_a_result_is_no_result(cluster, distributed, tmp_path):
    cluster.log = "Traceback\nMemoryError\n"

    with pytest.raises(EnvironmentFailed, match="without a result: MemoryError"):
        distributed.load(a_run(tmp_path), nothing)


def test_what_an_earlier_run_of_the_same_release_left_is_taken_away_first(cluster, distributed, tmp_path):
    wanted = a_run(tmp_path)
    first, second = (task.name for task in distributed._tasks(wanted))
    cluster.jobs = {first: {"metadata": {"name": first}}, second: {"metadata": {"name": second}}}

    distributed.load(wanted, nothing)

    assert [one["metadata"]["name"] for one in cluster.made if one["kind"] == "Job"] == [first, second]
