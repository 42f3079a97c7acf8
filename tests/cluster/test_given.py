"""A person's own cluster is used only when they name it on purpose."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.domain.errors import UsageFault
from tests.adapters.kubernetes.fake_api.http import Reply, Request, kubeconfig, serving
from tests.cluster import given
from tests.cluster.place import CONFIRMED, ENTERED, PROJECT


@pytest.fixture
def theirs(tmp_path: Path) -> str:
    """A kubeconfig whose current context is `here`."""
    return str(kubeconfig(tmp_path, "http://127.0.0.1:1", "x"))


def test_without_a_kubeconfig_a_cluster_is_made():
    assert given.context({}) == given.context({"KUBECONFIG": ""}) == ""


def test_inside_a_cluster_of_ours_its_own_kubeconfig_asks_for_nothing(theirs):
    assert given.context({"KUBECONFIG": theirs, ENTERED: "/somewhere"}) == ""


@pytest.mark.parametrize("named", [{}, {CONFIRMED: ""}, {CONFIRMED: "production"}])
def test_a_kubeconfig_alone_or_another_name_is_refused_with_both_ways_out(theirs, named):
    with pytest.raises(UsageFault, match="current context is here") as caught:
        given.context({"KUBECONFIG": theirs, **named})

    assert f"{CONFIRMED}=here make e2e" in caught.value.hint
    assert "env -u KUBECONFIG" in caught.value.hint


def test_the_name_of_the_current_context_confirms_it(theirs):
    assert given.context({"KUBECONFIG": theirs, CONFIRMED: "here"}) == "here"


def test_tests_that_need_a_cluster_have_one_inside_ours_or_on_a_confirmed_one_only(theirs):
    assert given.reachable({ENTERED: "/somewhere"})
    assert given.reachable({"KUBECONFIG": theirs, CONFIRMED: "here"})
    assert not given.reachable({})
    assert not given.reachable({"KUBECONFIG": theirs})
    with pytest.raises(UsageFault):
        given.reachable({"KUBECONFIG": theirs, CONFIRMED: "production"})


def test_a_kubeconfig_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageFault, match="KUBECONFIG is"):
        given.context({"KUBECONFIG": str(tmp_path / "nothing"), CONFIRMED: "here"})


def on_theirs(file: str, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    """`tests.cluster run` with a confirmed cluster; a program that is called kubectl is on PATH."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\n")
    kubectl.chmod(0o755)
    around = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAYCTL_")}
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.cluster",
            "run",
            "--name",
            "never",
            "--",
            "sh",
            "-c",
            "echo on $GATEWAYCTL_E2E_CONTEXT; exit 7",
        ],
        cwd=PROJECT,
        env={**around, "PATH": path, "KUBECONFIG": file, CONFIRMED: "here"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_confirmed_cluster_that_answers_is_used_and_told_which_images_it_needs(tmp_path):
    def answer(asked: Request) -> Reply:
        return Reply(200, {"gitVersion": "v1.33.0"} if asked.path == "/version" else {})

    with serving(answer, tmp_path) as file:
        done = on_theirs(file, tmp_path)

    assert (done.returncode, done.stdout) == (7, "on here\n"), done.stderr
    assert "your cluster here, Kubernetes v1.33.0" in done.stderr
    assert all(
        f"  {image}\n" in done.stderr for image in ("shop/orders:1.0", "gateway/envoy:local", "gatewayctl:0.1.0")
    )


def test_a_confirmed_cluster_that_does_not_answer_is_an_error_before_anything_runs(theirs, tmp_path):
    done = on_theirs(theirs, tmp_path)

    assert (done.returncode, done.stdout) == (4, "")
    assert "cannot reach the Kubernetes API server" in done.stderr
