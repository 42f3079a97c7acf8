"""What a terminal shows of a Job, when the connection breaks and Pods come and go."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.jobs.follower import JobFollower
from gatewayctl.adapters.kubernetes.jobs.manifest import Task
from gatewayctl.adapters.kubernetes.jobs.runner import Runner
from gatewayctl.cli.progress import Progress
from gatewayctl.domain.errors import EnvironmentFailed
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure, serving

TASK = Task("gatewayctl-orders-r-1", "r-1", "shop", "gatewayctl:1", "ci", ("job", "orders"), "anna", 60.0)
ROOT = "/api/v1/namespaces/shop/pods"


class Cluster:
    """One Job: `looks` is what each look at its Pods finds, the last one for good; `logs` answer one request each."""

    def __init__(self) -> None:
        self.looks: list[list[dict[str, Any]]] = []
        self.logs: dict[str, list[Reply]] = {}
        self.conditions: list[dict[str, str]] = []
        self.deleted: list[str] = []

    def answer(self, asked: Request) -> Reply:
        if asked.verb == "DELETE":
            self.deleted.append(asked.path)
            return Reply()
        if asked.path == ROOT:
            return Reply(200, {"items": self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]})
        if asked.path.endswith("/log"):
            waiting = self.logs[asked.path.split("/")[-2]]
            return waiting.pop(0) if waiting else failure(404, "gone")
        return Reply(200, {"status": {"conditions": self.conditions}})


def pod(name: str, second: int, **state: Any) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "gatewayctl", "image": "gatewayctl:1", "state": state}]}
    return {"metadata": {"name": name, "creationTimestamp": f"2026-01-01T00:00:0{second}Z"}, "status": status}


def ended(code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code}}


@contextlib.contextmanager
def following(cluster: Cluster, folder: Path) -> Iterator[tuple[JobFollower, io.StringIO]]:
    shown = io.StringIO()
    progress = Progress(Console(file=shown, soft_wrap=True))
    with serving(cluster.answer, folder) as kubeconfig:
        runner = Runner(connect(file=kubeconfig), "shop")
        yield JobFollower(runner, TASK, "orders", progress.relay, SystemClock()), shown


def test_a_log_that_is_asked_for_again_repeats_no_line_and_loses_none(tmp_path):
    cluster = Cluster()
    cluster.looks = [*[[pod("one", 1, running={})]] * 3, [pod("one", 1, **ended(0))]]
    whole = Reply(200, b"first\nsecond\nthird\n")
    cluster.logs = {"one": [Reply(200, b"first\nsecond\n"), whole]}
    cluster.looks[1:1] = [[pod("one", 1, running={})]] * 6  # longer than the end of a Pod may lag behind its log

    with following(cluster, tmp_path) as (follower, shown):
        code = follower.follow()

    assert code == 0
    assert shown.getvalue().splitlines()[1:] == ["first", "second", "third"]


def test_a_pod_whose_log_is_lost_still_answers(tmp_path):
    cluster = Cluster()
    cluster.looks = [[pod("one", 1, **ended(3))]]
    cluster.logs = {"one": []}

    with following(cluster, tmp_path) as (follower, _):
        assert follower.follow() == 3


def test_a_pod_that_is_lost_is_followed_by_the_next_and_its_answer_counts(tmp_path):
    cluster = Cluster()
    first, second = pod("one", 1, running={}), pod("two", 2, **ended(3))
    cluster.looks = [[first], [], [], [second]]
    cluster.logs = {"one": [Reply(200, b"begun\n")], "two": [Reply(200, b"taken up\n")]}

    with following(cluster, tmp_path) as (follower, shown):
        code = follower.follow()

    lines = shown.getvalue()
    assert code == 3
    assert lines.index("begun") < lines.index("Pod one was lost") < lines.index("taken up")


def test_a_pod_that_asks_for_another_one_is_not_the_answer(tmp_path):
    cluster = Cluster()
    first, second = pod("one", 1, **ended(75)), pod("two", 2, **ended(0))
    cluster.looks = [[first], [first], [first], [second, first]]
    cluster.logs = {"one": [Reply(200, b"")], "two": [Reply(200, b"")]}

    with following(cluster, tmp_path) as (follower, shown):
        assert follower.follow() == 0
    assert "Pod one ended with 75" in shown.getvalue()


def test_a_first_pod_that_cannot_begin_takes_the_job_back_and_says_why(tmp_path):
    cluster = Cluster()
    cluster.looks = [[pod("one", 1, waiting={"reason": "ErrImagePull", "message": "no such image"})]]

    with following(cluster, tmp_path) as (follower, _), pytest.raises(EnvironmentFailed, match="no such image"):
        follower.follow()

    assert cluster.deleted == ["/apis/batch/v1/namespaces/shop/jobs/gatewayctl-orders-r-1"]


def test_a_job_that_is_over_without_an_answer_says_why(tmp_path):
    cluster = Cluster()
    cluster.looks = [[]]
    cluster.conditions = [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}]

    with following(cluster, tmp_path) as (follower, _), pytest.raises(EnvironmentFailed, match="too long") as caught:
        follower.follow()

    assert "gatewayctl status orders" in caught.value.hint
