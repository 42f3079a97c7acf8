"""`gatewayctl demo --ramp`: customers, shares that are counted, and a judge who finds what is wrong."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from gatewayctl.cli.demo import DemoGateway, unpack
from gatewayctl.cli.demo_ramp import DemoRamp, put_ramp
from gatewayctl.config.load import load
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.ramp import PRESETS
from tests.sandbox.shop import spawn_command
from tests.sandbox.test_demo import find_processes, wait_for_phase, wait_until_nothing_is_left

WITHIN = 540.0  # seconds; a step lasts until the judge has decided, which takes as long as the requests take
LONG = pytest.mark.timeout(600)


def run_demo(folder: Path, *words: str) -> tuple[int, str, str]:
    with spawn_command("demo", *words, cwd=folder, stderr=subprocess.PIPE, start_new_session=True) as process:
        output, progress = process.communicate(timeout=WITHIN)
    return process.returncode, output, progress


@pytest.mark.sandbox
@pytest.mark.all  # two minutes; make e2e has the canary that is found soonest
@LONG
def test_a_good_canary_climbs_to_promoted_and_no_customer_sees_an_error(tmp_path):
    code, output, progress = run_demo(tmp_path, "--ramp", "mesh")

    assert code == 0, output + progress
    assert "each step takes at least 10 s, not 5 min" in progress
    assert "was promoted" in output
    for share in (10, 50, 100):
        assert re.search(rf"^share     {share} % asked: [\d.]+ % of \d+ unmarked requests", output, re.MULTILINE), (
            output
        )
        assert re.search(rf"^observed  {share} % of real traffic passed after", output, re.MULTILINE), output
    assert re.search(r"^customers [\d,]+ requests: answered .*by 1.0, .*by 1.1; failed 0$", output, re.MULTILINE)
    assert "routes byte for byte as before, canary at 0, stable runs shop/orders:1.1" in output
    wait_until_nothing_is_left(tmp_path)


@pytest.mark.sandbox
@LONG
@pytest.mark.parametrize(
    ("canary", "reason"),
    [
        ("slow3x", r"slower than"),
        pytest.param("errors2pct", r"% of [\d,]+ canary answers were errors", marks=pytest.mark.all),
    ],
)
def test_the_judge_rejects_a_bad_canary_with_its_figures(tmp_path, canary, reason):
    code, output, progress = run_demo(tmp_path, "--ramp", "mesh", "--canary", canary)

    assert code == 3, output + progress
    assert re.search(rf"failed after \d+ s: .*{reason}", output), output + progress
    assert "odds against chance" in output
    assert "routes byte for byte as before, canary at 0, stable runs shop/orders:1.0" in output
    wait_until_nothing_is_left(tmp_path)


@pytest.mark.sandbox
def test_a_paused_demo_waits_and_ctrl_c_gives_all_traffic_back(tmp_path):
    words = ("demo", "--ramp", "mesh")
    with spawn_command(*words, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True) as process:
        wait_for_phase(tmp_path, {"observe"})
        paused = subprocess.run(
            [sys.executable, "-m", "gatewayctl", "pause", "orders"], cwd=tmp_path, capture_output=True, timeout=60
        )
        wait_for_phase(tmp_path, {"paused"})
        assert process.stderr is not None
        seen = read_until(process.stderr, "? paused")
        process.send_signal(signal.SIGINT)
        output, progress = process.communicate(timeout=120)

    assert paused.returncode == 0
    assert "10 % of real traffic until: gatewayctl resume orders" in seen
    assert process.returncode == 3, output + progress
    assert "was aborted: interrupted by" in output
    assert "routes byte for byte as before, canary at 0, stable runs shop/orders:1.0" in output
    assert re.search(r"^customers .*; failed 0$", output, re.MULTILINE), output
    wait_until_nothing_is_left(tmp_path)


@pytest.mark.sandbox
def test_killed_it_leaves_no_customer(tmp_path):
    with spawn_command("demo", "--ramp", "mesh", cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True) as demo:
        wait_for_phase(tmp_path, {"observe"})
        assert any("gatewayctl.example.customers" in command for command in find_processes(tmp_path))
        demo.kill()
        demo.wait()

    wait_until_nothing_is_left(tmp_path)


def read_until(stream: IO[str], word: str) -> str:
    """The first line with `word`; the test's own time limit ends a wait for one that never comes."""
    return next(line for line in stream if word in line)


@pytest.mark.parametrize("ramp", DemoRamp)
def test_the_configuration_of_the_demo_has_the_shares_of_the_preset(tmp_path, ramp):
    folder = unpack(tmp_path) / "gateway-config"

    put_ramp(folder, ramp)

    trial = load(folder / "gatewayctl.yaml").apps["orders"].trial
    assert [step.share for step in trial.ramp.steps] == [step.share for step in PRESETS[ramp]]
    assert {step.seconds for step in trial.ramp.steps} == {10.0}
    assert trial.ramp.judging is not None
    assert (trial.suite, trial.load) == (None, None)


def test_a_gateway_without_statistics_is_refused_before_anything_starts(tmp_path):
    folder = unpack(tmp_path, DemoGateway.NGINX) / "gateway-config"
    before = (folder / "gatewayctl.yaml").read_text()

    with pytest.raises(UsageFault, match="nginx has none"):
        put_ramp(folder, DemoRamp.MESH)

    assert (folder / "gatewayctl.yaml").read_text() == before
    assert find_processes(tmp_path) == []


@pytest.mark.sandbox
def test_customers_end_with_their_stdin_and_say_what_they_saw(shop):
    gateway = shop.wired.ports.gateway.replicas.list()[0].traffic
    words = ["--gateway", gateway, "--host", "shop.example.com", "--path", "/api/orders/slow", "--rate", "100"]
    with subprocess.Popen(
        [sys.executable, "-m", "gatewayctl.example.customers", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "failed" not in json.loads(output)
