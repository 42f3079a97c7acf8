"""`sweep` as a command: what is no leftover any more does not keep it from the others."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from gatewayctl.cli.sweep import _sweep_one
from gatewayctl.config.spec import Spec
from gatewayctl.domain.leftovers import SweepAction
from gatewayctl.domain.release import Mode
from gatewayctl.domain.trial import Trial
from gatewayctl.orchestration.sweep import look
from gatewayctl.wiring.discovery import Session
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release, ports
from tests.fakes.world import World

PLAIN = replace(ORDERS, trial=Trial(timings=ORDERS.trial.timings))


def test_a_release_that_somebody_took_up_since_the_look_is_left_alone_with_the_reason():
    """p04"""
    world = World()
    suites = AskingSuites(world, [])
    a_driver(world, suites).begin(a_release(world, suites, PLAIN, Mode.STAGED))
    world.time += 3700.0
    spec = SimpleNamespace(apps={"orders": PLAIN}, app=lambda _: PLAIN)
    session = Session(cast("Spec", spec), ports(world, suites))
    found = look(session.ports, PLAIN)
    assert found
    person = a_driver(world, suites, 7).holder
    session.ports.leases.acquire("orders", person)

    swept = _sweep_one(session, found, dry_run=False)

    assert swept.action is SweepAction.LEFT_ALONE
    assert "held by ci" in swept.reason
    session.ports.leases.release("orders", person)
    assert _sweep_one(session, found, dry_run=False).action is SweepAction.SWEPT
