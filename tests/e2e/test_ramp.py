"""Ramps on a real cluster: real requests in small shares, back at any moment, and a promotion without mixed answers."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.client.paths import config_maps, pods
from tests.e2e.customers import serving
from tests.e2e.shop_cluster import ShopCluster
from tests.e2e.traffic import CANARY

NEW = "shop/orders:1.1"
RATE = 40.0  # requests a second through each replica and the Service before them
JUDGED = (
    "judge: {source: gateway, undecided: wait, signals: none, observe: 3s,"
    " rules: {require: ['error_rate < 5% of at least 50']}}"
)
SHORT_RAMP = f"ramp: {{steps: [{{share: 10, for: 5s}}, {{share: 50, for: 5s, replicas: 2}}], {JUDGED}}}"
LONG_RAMP = "ramp: {steps: [{share: 10, for: 5m}, {share: 50, for: 5m, replicas: 2}], judge: none}"
QUICK_RAMP = "ramp: {steps: [{share: 10, for: 2s}, {share: 50, for: 2s, replicas: 2}], judge: none}"
MIXED_OF = 10_000  # requests at the least, of which none may be answered by old Pods after the new ones carry all
ABORTED_WITHIN = 10.0  # seconds, on a machine that is busy with other tests


def write_config(cluster: ShopCluster, folder: Path, *lines: str) -> Path:
    """The example's configuration without suites, with these lines in each application."""
    kept = [
        line
        for line in cluster.config.read_text().splitlines()
        if not line.strip().startswith(("smoke:", "pytest:", "locust:"))
    ]
    added = "".join(f"\n    {line}" for line in ("smoke: none", *lines))
    text = "\n".join(f"{line}{added}" if line.strip().startswith("probe:") else line for line in kept) + "\n"
    assert text.count(lines[0]) == len(cluster.apps)
    config = folder / "ramp.yaml"
    config.write_text(text)
    return config


def begin(cluster: ShopCluster, config: Path, app: str = "orders", image: str = NEW) -> "subprocess.Popen[str]":
    """A release by a process of its own."""
    asked = ("release", app, "--image", image, "--promote", "on-success", "--untested", "--config", str(config))
    return cluster.start(*asked)


@contextmanager
def running(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """No process is left behind."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def reach(cluster: ShopCluster, phase: str, app: str = "orders") -> None:
    """Return when the journal says this phase."""
    cluster.settle(lambda: cluster.phase(app) == phase, f"{app} to be in {phase}", every=0.02)


def assert_whole(cluster: ShopCluster, routes: str, image: str) -> None:
    """Nothing of a release is left."""
    assert cluster.routes() == routes
    assert cluster.image("orders") == image
    assert (cluster.replicas(CANARY), cluster.pods(CANARY)) == (0, [])


@pytest.mark.shows("envoy", "ramp")
@pytest.mark.timeout(400)
@pytest.mark.usefixtures("orders_put_back")
def test_a_good_canary_climbs_under_real_traffic_and_is_promoted(
    cluster: ShopCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    routes, config = cluster.routes(), write_config(cluster, tmp_path, SHORT_RAMP)

    with serving(cluster.entrances(), RATE) as customers:
        release = "release", "orders", "--image", NEW, "--promote", "on-success", "--config", str(config)
        done = cluster.run(*release, within=350)
        over = time.monotonic()

    tell(capsys, f"{len(customers.served)} requests, {len(customers.by(CANARY))} of them to the canary")
    assert done.code == 0, done.said
    assert customers.failed == []
    assert customers.by(CANARY)
    assert customers.by(CANARY, begun=over) == []
    assert_whole(cluster, routes, NEW)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("way_on", ["resume", "abort"])
@pytest.mark.parametrize("phase", ["shift", "share", "observe", "return"])
@pytest.mark.usefixtures("orders_put_back")
def test_killed_in_a_step_another_process_completes(cluster: ShopCluster, tmp_path: Path, phase: str, way_on: str):
    routes, image = cluster.routes(), cluster.image("orders")
    config = write_config(cluster, tmp_path, QUICK_RAMP)
    (tmp_path / "elsewhere").mkdir()

    with serving(cluster.entrances(), RATE) as customers:
        with running(begin(cluster, config)) as release:
            reach(cluster, phase)
            release.send_signal(signal.SIGKILL)
        done = cluster.run(way_on, "orders", "--namespace", cluster.shop, cwd=tmp_path / "elsewhere", within=300)
        over = time.monotonic()

    promoted = way_on == "resume"
    assert done.code == 0, done.said
    assert customers.failed == []
    assert customers.by(CANARY, begun=over) == []
    assert_whole(cluster, routes, NEW if promoted else image)


@pytest.mark.shows("envoy", "ramp aborted")
@pytest.mark.timeout(300)
def test_an_abort_from_another_process_gives_all_requests_back(
    cluster: ShopCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    routes, image, config = cluster.routes(), cluster.image("orders"), write_config(cluster, tmp_path, LONG_RAMP)

    with running(begin(cluster, config)), serving(cluster.entrances(), RATE) as customers:
        reach(cluster, "observe")
        cluster.settle(lambda: bool(customers.by(CANARY)), "a customer to reach the canary")
        begun = time.monotonic()
        done = cluster.run("abort", "orders", "--reason", "on call", "--config", str(config))
        over = time.monotonic()

    last = max(one.ended for one in customers.by(CANARY)) - begun
    tell(
        capsys,
        f"abort: the last unmarked canary answer {last:.2f} s after the command began; it took {over - begun:.1f} s",
    )
    assert done.code == 0, done.said
    assert customers.failed == []
    assert customers.by(CANARY, begun=over) == []
    assert last < ABORTED_WITHIN
    assert_whole(cluster, routes, image)


@pytest.mark.shows("envoy", "steered")
@pytest.mark.timeout(500)
@pytest.mark.usefixtures("orders_put_back")
def test_at_a_steered_promotion_no_answers_of_old_and_new_are_mixed(
    cluster: ShopCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    routes, config = cluster.routes(), write_config(cluster, tmp_path, "promote: steered")
    old = set(pod_names(cluster, "orders"))

    with serving(cluster.entrances(), RATE) as customers:
        with running(begin(cluster, config)) as release:
            reach(cluster, "promote")
            carried = time.monotonic()  # the journal says that the canary carries all: it was proven before
            code = release.wait(timeout=200)
        cluster.settle(lambda: len(customers.served) >= MIXED_OF, f"{MIXED_OF} requests", within=250)

    mixed = [one for one in customers.served if one.begun > carried and one.heard.pod in old]
    later = sum(one.begun > carried for one in customers.served)
    tell(capsys, f"steered: {len(mixed)} mixed answers of {len(customers.served)}, {later} of them after the shift")
    assert code == 0
    assert customers.failed == []
    assert mixed == []
    assert_whole(cluster, routes, NEW)


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("orders_put_back", "payments_put_back")
def test_two_ramps_on_one_gateway_lose_no_edit(cluster: ShopCluster, tmp_path: Path):
    routes, config = cluster.routes(), write_config(cluster, tmp_path, QUICK_RAMP)
    images = {app: cluster.other_image(app) for app in cluster.apps}

    with (
        running(begin(cluster, config, "orders", images["orders"])) as first,
        running(begin(cluster, config, "payments", images["payments"])) as second,
    ):
        codes = [one.wait(timeout=300) for one in (first, second)]

    assert codes == [0, 0]
    assert {app: cluster.image(app) for app in cluster.apps} == images
    assert cluster.routes() == routes


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("routes_put_back")
def test_a_persons_edit_during_a_ramp_survives_its_way_back(cluster: ShopCluster, tmp_path: Path):
    config = write_config(cluster, tmp_path, LONG_RAMP)

    with running(begin(cluster, config)):
        reach(cluster, "observe")
        before = cluster.routes()
        edited = before.replace("# the bank takes its time", "# the bank takes its time, still")
        assert edited != before
        cluster.api.merge(config_maps(cluster.gateway, "gateway-routes"), {"data": {"rds.yaml": edited}})
        aborted = cluster.run("abort", "orders", "--config", str(config))

    assert aborted.code == 0, aborted.said
    assert "# the bank takes its time, still" in cluster.routes()
    assert "gatewayctl-orders-canary" not in cluster.routes()


@pytest.fixture
def payments_put_back(shared_cluster: ShopCluster) -> Iterator[None]:
    """Afterwards stable payments runs the image that it had."""
    image = shared_cluster.image("payments")
    yield
    if shared_cluster.image("payments") != image:
        done = shared_cluster.run("release", "payments", "--image", image, "--promote", "on-success", "--untested")
        assert done.code == 0, done.said


def pod_names(cluster: ShopCluster, app: str) -> list[str]:
    """All Pods of an application."""
    found = cluster.api.get(pods(cluster.shop), labelSelector=f"app={app}")
    return [str(one["metadata"]["name"]) for one in found["items"]]


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Figures, for who reads the run."""
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")
