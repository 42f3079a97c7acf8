"""A release as a Job: under exactly the rights of manifests/, whoever listens goes, and whatever becomes of its Pod."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.client.names import RELEASE
from gatewayctl.adapters.kubernetes.client.paths import config_maps, jobs
from gatewayctl.adapters.kubernetes.doctor.rbac import find_missing, job_permissions
from gatewayctl.adapters.kubernetes.jobs.bundle import bundle
from gatewayctl.adapters.kubernetes.jobs.manifest import FILES, Task
from gatewayctl.adapters.kubernetes.jobs.runner import Runner
from gatewayctl.config.load import load
from tests.e2e.shop_cluster import LONG, ROOT, SHORT, ShopCluster, kubectl

SUBMITTER = "submitter"


@dataclass
class Submitter:
    """Somebody who may start Jobs in the cluster, and nothing else; `cluster` has the rights of its administrator."""

    cluster: ShopCluster
    kubeconfig: Path

    @property
    def config(self) -> Path:
        return self.cluster.folder / "in-cluster.yaml"

    def words(self, image: str, *more: str) -> tuple[str, ...]:
        return ("release", "orders", "--image", image, "--in-cluster", "--config", str(self.config), *more)

    def release(self, image: str, *more: str) -> subprocess.Popen[str]:
        return self.cluster.start(*self.words(image, *more), KUBECONFIG=str(self.kubeconfig))

    def journal(self) -> dict[str, Any]:
        return json.loads(self.cluster.api.get(config_maps(self.cluster.shop, "gatewayctl-orders"))["data"]["release"])[
            "release"
        ]

    def jobs(self) -> list[dict[str, Any]]:
        return list(self.cluster.api.get(jobs(self.cluster.shop))["items"])


@pytest.fixture
def submitter(orders_put_back: None, cluster: ShopCluster) -> Submitter:
    for file in ("rbac.yaml", "rbac-load.yaml", "submitter.yaml"):
        found = [cluster._moved(one) for one in yaml.safe_load_all((ROOT / "manifests" / file).read_text())]
        kubectl("apply", "-f", "-", given=yaml.safe_dump_all(found))
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SUBMITTER, "namespace": cluster.shop}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": SUBMITTER, "namespace": cluster.shop},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gatewayctl-submitter"},
        "subjects": [{"kind": "ServiceAccount", "name": SUBMITTER, "namespace": cluster.shop}],
    }
    kubectl("apply", "-f", "-", given=yaml.safe_dump_all([account, binding]))
    kubeconfig = cluster.folder / "submitter.kubeconfig"
    token = kubectl("-n", cluster.shop, "create", "token", SUBMITTER).strip()
    content = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    content["users"] = [{"name": content["users"][0]["name"], "user": {"token": token}}]
    kubeconfig.write_text(yaml.safe_dump(content))
    account_api, needed = connect(file=str(kubeconfig)), job_permissions(cluster.shop)
    cluster.settle(lambda: find_missing(account_api, needed) == (), "the API server to know the submitter's Role")
    made = Submitter(cluster, kubeconfig)
    text = cluster.config.read_text().replace(SHORT, LONG)  # who goes, or kills, does so in the middle of it
    made.config.write_text(text.replace(str(ROOT), os.path.relpath(ROOT, cluster.folder)))
    return made


def with_workers(text: str, count: int) -> str:
    """The configuration with a load that so many share."""
    assert LONG in text
    return text.replace(LONG, LONG.replace("}", f", workers: {count}}}"))


def until_said(process: subprocess.Popen[str], words: str) -> str:
    """What a command said on stderr, up to the line with these words."""
    assert process.stderr
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without {words!r}: {said}")


def test_a_release_as_a_job_is_promoted_with_the_least_rights_and_checked_by_envoy(submitter: Submitter):
    process = submitter.release("shop/orders:1.1", "--promote", "on-success", "-o", "json")
    out, err = process.communicate(timeout=170)

    assert process.returncode == 0, err
    told = json.loads(out)
    assert (told["outcome"], told["image"]["to"]) == ("promoted", "shop/orders:1.1")
    assert "3/3 gateway replicas serve it" in err
    assert "8 passed" in err
    assert submitter.cluster.image("orders") == "shop/orders:1.1"
    assert [one["metadata"]["labels"][RELEASE] for one in submitter.jobs()] == [told["id"]]
    assert all("in-cluster" not in note["actor"] for note in told["notes"])


def test_a_rejected_release_ends_the_job_at_once_and_gives_its_exit_code(submitter: Submitter):
    process = submitter.release("shop/orders:1.1-errors", "--promote", "on-success")
    out, err = process.communicate(timeout=170)

    assert process.returncode == 3, err
    assert "was rejected" in out
    assert err.count("works on it") == 1
    assert submitter.cluster.image("orders") == "shop/orders:1.0"


def test_a_release_outlives_the_terminal_it_was_started_from(submitter: Submitter):
    process = submitter.release("shop/orders:1.1", "--promote", "on-success")
    until_said(process, "✓ leaks")

    process.kill()
    process.communicate()

    submitter.cluster.settle(lambda: submitter.journal()["phase"] == "done", "the release to end")
    assert submitter.journal()["outcome"] == "promoted"


def test_ctrl_c_detaches_says_how_to_look_again_and_anyone_aborts(submitter: Submitter, tmp_path: Path):
    process = submitter.release("shop/orders:1.1", "--promote", "on-success")
    until_said(process, "✓ leaks")

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    aborted = submitter.cluster.run("abort", "orders", "-n", submitter.cluster.shop, cwd=tmp_path)

    assert process.returncode == 130, err
    assert f"gatewayctl status orders --namespace {submitter.cluster.shop}" in err
    assert aborted.code == 0, aborted.said
    assert submitter.journal()["outcome"] == "aborted"
    assert submitter.cluster.image("orders") == "shop/orders:1.0"


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(["--grace-period=30"], id="told", marks=pytest.mark.all),
        pytest.param(["--grace-period=0", "--force"], id="killed"),
    ],
)
def test_a_release_whose_pod_is_lost_is_taken_up_by_the_next_one(submitter: Submitter, how: list[str]):
    process = submitter.release("shop/orders:1.1", "--promote", "on-success")
    until_said(process, "✓ smoke")
    label = f"{RELEASE}={submitter.journal()['id']}"

    kubectl("-n", submitter.cluster.shop, "delete", "pod", "-l", label, *how)
    out, err = process.communicate(timeout=170)

    assert process.returncode == 0, err
    assert "was promoted" in out
    assert "another follows" in err
    assert submitter.journal()["outcome"] == "promoted"
    phases = [note["phase"] for note in submitter.journal()["notes"] if note["mark"] == "✓"]
    assert phases.count("warm") == 1  # taken up, and not begun again


def test_an_account_that_does_not_exist_is_refused_before_anything_is_made(submitter: Submitter):
    text = submitter.config.read_text()
    before = len(submitter.jobs())
    submitter.config.write_text(text.replace("platform: {", "platform: {runner: {account: nobody}, "))

    process = submitter.release("shop/orders:1.1")
    _, err = process.communicate(timeout=60)

    assert process.returncode == 4, err
    assert "there is no ServiceAccount nobody" in err
    assert "manifests/rbac.yaml" in err
    assert len(submitter.jobs()) == before


def test_a_job_whose_image_cannot_be_had_is_taken_back(submitter: Submitter):
    text = submitter.config.read_text()
    before = len(submitter.jobs())
    submitter.config.write_text(text.replace("platform: {", "platform: {runner: {image: 'nobody/nothing:1'}, "))

    process = submitter.release("shop/orders:1.1")
    _, err = process.communicate(timeout=120)

    assert process.returncode == 4, err
    assert "nobody/nothing:1" in err
    submitter.cluster.settle(lambda: len(submitter.jobs()) == before, "the Job to be gone")


def test_load_workers_share_a_load_in_the_cluster_and_leave_nothing_there(submitter: Submitter):
    text = submitter.config.read_text()
    submitter.config.write_text(with_workers(text, 2))
    before = len(submitter.jobs())

    process = submitter.release("shop/orders:1.1", "--promote", "on-success", "-o", "json")
    out, err = process.communicate(timeout=170)

    assert process.returncode == 0, err
    notes = {note["phase"]: note for note in json.loads(out)["notes"]}
    assert notes["load"]["mark"] == "✓"
    assert "errors: canary 0, stable 0" in notes["load"]["text"]
    submitter.cluster.settle(lambda: len(submitter.jobs()) == before + 1, "the load's Jobs to be gone")


def test_the_requests_of_all_workers_are_counted_once(submitter: Submitter):
    """From outside of the cluster; the evidence holds what every worker counted, added up."""
    text = submitter.config.read_text()
    submitter.config.write_text(with_workers(text, 3))
    cluster = submitter.cluster

    done = cluster.run(
        "release", "orders", "--image", "shop/orders:1.1", "-o", "json", "--config", str(submitter.config)
    )
    aborted = cluster.run("abort", "orders")

    assert done.code == 0, done.said
    figures = json.loads((Path(json.loads(done.out)["evidence"]) / "load.json").read_text())
    assert figures["canary"]["requests"] == figures["stable"]["requests"] > 0  # a PairedUser sends both
    assert figures["canary"]["requests"] == sum(one["canary"]["requests"] for one in figures["by_name"].values())
    assert figures["canary"]["requests"] == sum(figures["canary"]["histogram"].values())
    assert aborted.code == 0, aborted.said


def test_envoy_itself_checks_edits_inside_the_cluster(submitter: Submitter):
    cluster, spec = submitter.cluster, load(submitter.config)
    taken = bundle(spec.file, spec.text, [str(ROOT / "smoke" / "orders")])
    runner = Runner(cluster.api, cluster.shop)
    words = ("doctor", "orders", "--config", f"{FILES}/{taken.config}")
    image, account = spec.platform.runner.image, spec.platform.runner.account
    task = Task("looking", "none", cluster.shop, image, account, words, "a test", 120.0)

    runner.start(task, taken)
    try:
        cluster.settle(lambda: any(pod.begun for pod in runner.look("looking").pods), "the Pod")
        said = "\n".join(runner.follow_log(runner.look("looking").pods[0].name))
    finally:
        runner.cancel("looking")

    assert "rule fits the files: 1 route of orders; accepted" in said
