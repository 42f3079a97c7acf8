"""What a dialect says about an edit is read by people: `plan`, `doctor` and the release show it."""

from dataclasses import replace

from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Phase
from gatewayctl.domain.routing import CanaryRule, Change, Files
from gatewayctl.domain.trial import Trial
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.planning import plan
from gatewayctl.orchestration.preflight import preflight
from tests.fakes.shop import ORDERS, AskingSuites, a_release, ports
from tests.fakes.toy import ToyDialect
from tests.fakes.world import World

PLAIN = replace(ORDERS, trial=Trial(timings=ORDERS.trial.timings))
NOTE = "the circuit breaker cb is shared with the canary"


class NotingDialect(ToyDialect):
    """The toy, with something to know about each edit."""

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        return replace(super().insert(files, rule), notes=(NOTE,))


def a_noting_world():
    world = World()
    suites = AskingSuites(world, [])
    made = ports(world, suites)
    return replace(made, gateway=replace(made.gateway, dialect=NotingDialect())), a_release(
        world, suites, PLAIN, Mode.MANUAL
    )


def test_the_check_of_the_rule_has_the_notes():
    made, release = a_noting_world()

    notes = {check.name: check.notes for check in preflight(made, release) if check.notes}

    assert notes == {"rule fits the files": (NOTE,)}


def test_a_plan_has_the_notes():
    made, release = a_noting_world()

    assert plan(made, release).notes == (NOTE,)


def test_a_release_tells_the_notes_when_it_writes_the_rule():
    made, release = a_noting_world()

    driver = Driver(made, Holder("ci", "host", 1, made.clock.wall()), apps={"orders": PLAIN})
    ended = driver.begin(release)

    assert next(note.text for note in ended.notes if note.phase is Phase.ROUTE).endswith(f"; note: {NOTE}")
