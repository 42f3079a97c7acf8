"""The benchmarks are all described, and those that need no cluster and no gateway really run."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.catalogue import BENCHMARKS
from bench.edits import SAMPLES
from bench.measuring import Broken, in_turns, peak, run
from gatewayctl.gateways.registry import GATEWAYS, gateway
from tests.cluster.host import Host
from tests.cluster.place import ENTERED

PAGE = Path(__file__).parents[2] / "docs" / "bench.md"


def test_every_benchmark_has_its_paragraph_and_every_paragraph_its_benchmark():
    assert re.findall(r"^### (\S+)$", PAGE.read_text(), re.MULTILINE) == [one.name for one in BENCHMARKS]


def test_edits_of_every_gateway_product_are_measured():
    assert {sample.kind for sample in SAMPLES} == set(GATEWAYS)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.kind)
def test_a_sample_file_has_as_many_routes_as_asked(sample):
    dialect = gateway(sample.kind).dialect

    routes = dialect.routes(sample.files(100))

    assert len(routes) == 100
    assert sum(route.target == "orders" for route in routes) == 3


def test_a_run_shows_a_table_and_keeps_every_value(tmp_path, capsys):
    output = tmp_path / "new" / "run.json"

    code = main(["here", "--size", "quick", "--only", "edits", "--output", str(output)])

    assert code == 0
    assert "edit envoy, 1,000 routes" in capsys.readouterr().out
    kept = json.loads(output.read_text())
    assert [len(one["ours"]["values"]) for one in kept["figures"]] == [2, 2, 2] * len(SAMPLES)
    assert kept["machine"]["noise"]["n"] == 20
    assert kept["skipped"] == []


@pytest.mark.skipif(ENTERED in os.environ, reason="inside a cluster nothing is skipped")
def test_what_cannot_run_here_is_skipped_loudly_with_the_command_that_helps(tmp_path, capsys):
    bare = Host("linux", 0, lambda _: None, ())

    code = main(["cluster", "--size", "quick", "--output", str(tmp_path / "run.json")], bare)

    said = capsys.readouterr().err
    skipped = json.loads((tmp_path / "run.json").read_text())["skipped"]
    assert code == 0
    assert "SKIPPED live, products, release, crowd, footprint: the test cluster needs Debian packages" in said
    assert "apt-get install -y containerd" in skipped[0]["try"]
    assert skipped[0]["try"] in said


def test_ours_and_the_baseline_take_turns_after_one_round_that_does_not_count():
    seen: list[str] = []

    taken = in_turns(2, lambda: seen.append("a") or len(seen), lambda: seen.append("b") or len(seen))

    assert seen == ["a", "b"] * 3
    assert taken == ([3, 5], [4, 6])


def test_the_time_of_a_command_that_failed_is_no_time(tmp_path):
    with pytest.raises(Broken, match="exit 3\nwhy"):
        run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], tmp_path)
    with pytest.raises(Broken, match="exit 1"):
        peak([sys.executable, "-c", "raise SystemExit('why')"], tmp_path)


def test_peak_memory_is_the_commands_own(tmp_path):
    """Ours is larger than a bare Python, and must not be counted."""
    ballast = bytearray(80_000_000)

    small = peak([sys.executable, "-c", "import time; time.sleep(0.3)"], tmp_path)
    large = peak([sys.executable, "-c", "import time; b = b'x' * 60_000_000; time.sleep(0.3)"], tmp_path)

    assert len(ballast) == 80_000_000
    assert small < 40
    assert 60 < large < 110
