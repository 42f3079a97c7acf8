"""Invariant I5: after SIGKILL at any phase boundary another process completes the release."""

import signal
import subprocess
import sys

import pytest

from tests.sandbox.shop import NEW, ROOT, Shop

pytestmark = pytest.mark.sandbox

IN = ["warm", "route", "prove", "leaks", "smoke", "load", "wait", "confirm"]
OUT = ["promote", "unroute", "clear", "drain", "cool"]


def every_other(*, beginning_with: int) -> list[pytest.ParameterSet]:
    """All phases. `make e2e` runs every second one here, and the others in the other test; `make e2e-all` runs all."""
    return [
        pytest.param(phase, marks=[] if number % 2 == beginning_with else [pytest.mark.all])
        for number, phase in enumerate(IN + OUT)
    ]


def kill_at(shop: Shop, phase: str, image: str = NEW) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.killed_release", phase, image],
        cwd=ROOT,
        env=shop.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    assert shop.phase() == phase
    assert shop.wired.ports.leases.holder("orders") is None


@pytest.mark.parametrize("phase", every_other(beginning_with=0))
def test_killed_at_a_phase_boundary_a_resume_completes(shop, phase):
    kill_at(shop, phase)

    done = shop.cli("resume", "orders")
    if phase == "wait":
        assert (done.returncode, shop.phase()) == (0, "wait")
        done = shop.cli("promote", "orders")

    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.is_promoted()


@pytest.mark.parametrize("phase", every_other(beginning_with=1))
def test_killed_at_a_phase_boundary_an_abort_restores_everything(shop, phase):
    kill_at(shop, phase)

    done = shop.cli("abort", "orders")

    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.is_as_before()


def test_killed_while_a_bad_canary_is_taken_back_a_resume_completes(shop):
    kill_at(shop, "clear", "shop/orders:1.1-crash")

    done = shop.cli("resume", "orders")

    assert done.returncode == 3, done.stdout + done.stderr
    assert shop.is_as_before()
