"""`make demo-cluster`: the demo's story on the example as `make cluster` applies it."""

import subprocess
import sys

import pytest

from tests.cluster.place import entered
from tests.e2e.town import ROOT

pytestmark = pytest.mark.alone  # in the namespaces of the example itself


def test_a_bad_canary_is_rejected_by_the_demo_with_the_lines_of_the_sandbox():
    assert entered().name  # it brings the example in by itself, and nobody else uses that namespace

    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster.demo", "errors"], cwd=ROOT, capture_output=True, text=True, timeout=170
    )

    assert done.returncode == 3, done.stdout + done.stderr
    assert "✗ smoke" in done.stderr
    assert "was rejected" in done.stdout
    assert "after     routes byte for byte as before, canary at 0, stable runs shop/orders:1.0" in done.stdout
