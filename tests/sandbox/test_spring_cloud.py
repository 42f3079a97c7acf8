"""Releases behind real Spring Cloud Gateways, which read their files on a request."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayctl.gateways.springcloud.checker import PROGRAM
from tests.gateways.springcloud.product import gateway_jar
from tests.sandbox.shop import NEW, Shop, a_shop, shorten_times

pytestmark = pytest.mark.jvm


def use_spring(folder: Path) -> None:
    gateway = folder / "gateway-config"
    shutil.copytree(gateway / "spring-cloud-gateway", gateway, dirs_exist_ok=True)
    shorten_times(folder)
    file = gateway / "gatewayctl.yaml"
    text = file.read_text().replace("duration: 2s, samples: 2", "duration: 4s, samples: 2")
    text = text.replace("timings: {", "timings: {drain: 1s, ", 1)
    file.write_text(text.replace("live: 10s", "live: 60s"))  # a JVM on a busy machine takes its time


@pytest.fixture(scope="module")
def _shop(tmp_path_factory) -> Iterator[Shop]:
    jar = gateway_jar("4.3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PROGRAM, str(jar))
        with a_shop(tmp_path_factory.mktemp("spring"), use_spring) as shop:
            yield shop


@pytest.fixture
def shop(_shop) -> Shop:
    _shop.reset()
    gateway = _shop.wired.ports.gateway
    for replica in gateway.replicas.list():
        gateway.activation.activate(replica)
    return _shop


@pytest.mark.shows("spring-cloud-gateway", "promoted")
def test_a_release_is_promoted_and_leaves_the_files_as_they_were(shop):
    done = shop.release(NEW)

    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.is_promoted()
    assert "2/2 gateway replicas serve it" in done.stderr


@pytest.mark.all  # make e2e has it on a cluster
@pytest.mark.shows("spring-cloud-gateway", "rejected")
def test_a_bad_canary_is_rejected_and_leaves_everything_as_it_was(shop):
    done = shop.release("shop/orders:1.1-errors")

    assert done.returncode == 3, done.stdout + done.stderr
    assert shop.is_as_before()


@pytest.mark.shows("spring-cloud-gateway", "at once")
def test_both_applications_of_one_file_are_released_at_once_and_no_edit_is_lost(shop):
    asked = ("--promote", "on-success", "--image")
    with shop.spawn("release", "payments", "--untested", *asked, "shop/payments:1.1") as other:
        done = shop.cli("release", "orders", *asked, NEW)
        ended = other.wait(120)
        said = other.stdout.read()

    assert done.returncode == 0, done.stdout + done.stderr
    assert ended == 0, said
    assert shop.is_promoted()
    assert shop.wired.ports.workloads.read("payments").image == "shop/payments:1.1"
