"""The README's first release on a real cluster, followed word for word, on the example as `make cluster` applies it.

`make demo-cluster` is here too, because both use the namespaces of the example itself, and files go one at a time.
"""

import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.client.paths import deployments
from tests.cluster import shop
from tests.cluster.place import entered
from tests.e2e.shop_cluster import ROOT

INSIDE = ".venv/bin/python -m tests.cluster enter -- .venv/bin/gatewayctl "


def commands() -> list[list[str]]:
    """What the section runs inside the cluster; this test runs inside already."""
    section = (ROOT / "README.md").read_text().partition("## First release on a real cluster")[2].partition("\n## ")[0]
    return [shlex.split(line.removeprefix(INSIDE)) for line in section.splitlines() if line.startswith(INSIDE)]


def image() -> str:
    found = connect().get(deployments("shop", "orders"))
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def first_image() -> Iterator[None]:
    """Afterwards orders runs its first image again, so that the README can be followed again."""
    yield
    path = "/spec/template/spec/containers/0/image"
    connect().patch(deployments("shop", "orders"), [{"op": "replace", "path": path, "value": "shop/orders:1.0"}])


def test_a_bad_canary_is_rejected_by_the_demo_with_the_lines_of_the_sandbox():
    assert entered().name  # it brings the example in by itself, and nobody else uses that namespace

    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster.demo", "errors"], cwd=ROOT, capture_output=True, text=True, timeout=170
    )

    assert done.returncode == 3, done.stdout + done.stderr
    assert "✗ smoke" in done.stderr
    assert "was rejected" in done.stdout
    assert "after     routes byte for byte as before, canary at 0, stable runs shop/orders:1.0" in done.stdout


@pytest.mark.usefixtures("first_image")
def test_the_first_release_of_the_readme_ends_promoted():
    shop.apply(entered())
    said = []

    for command in commands():
        done = subprocess.run(
            [sys.executable, "-m", "gatewayctl", *command], cwd=ROOT, capture_output=True, text=True, timeout=170
        )
        said.append(done.stdout)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

    assert [command[0] for command in commands()] == ["doctor", "release", "status", "promote"]
    assert "was promoted" in said[-1]
    assert image() == "shop/orders:1.1"
