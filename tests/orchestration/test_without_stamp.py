"""Whole releases behind a gateway that cannot stamp answers: who answered is the application's own word alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from gatewayctl.adapters.files.records import release_from_data, release_to_data
from gatewayctl.domain.evidence import Answer, Attribution
from gatewayctl.domain.platform import Holder, Probe, Replica
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.preflight import preflight
from gatewayctl.ports import Readback
from tests.fakes.memory import MemoryGateway
from tests.fakes.shop import ORDERS, AskingSuites, a_release, a_trial, ports
from tests.fakes.world import ROUTES, World

PATIENT = replace(ORDERS, trial=a_trial(live=60.0))  # longer than a rule may lead nowhere
CANARY_ANSWERS = Answer(200, {"x-served-by": "orders-canary-00001"})
NOBODY_ANSWERS = Answer(502, {})

Odd = Callable[[Probe], Answer | None]


@dataclass
class OddGateway(MemoryGateway):
    """A gateway that answers some requests wrongly while the canary serves: `odd` says which, and how."""

    world: World
    odd: Odd

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        wrong = self.odd(probe) if self.world.ready("orders-canary") else None
        return wrong or super().ask(replica, probe)


def run_release(odd: Odd = lambda _: None, readback: Readback | None = None) -> tuple[World, Release]:
    """A release to its end."""
    world = World(stamps=False)
    suites = AskingSuites(world, [])
    wired = ports(world, suites)
    prober = OddGateway(world, odd)
    gateway = replace(wired.gateway, prober=prober, readback=readback or prober)
    driver = Driver(replace(wired, gateway=gateway), Holder("ci", "host", 1, world.wall()))
    return world, driver.begin(a_release(world, suites, PATIENT))


def without_admin(replica: Replica, path: str) -> str:
    raise AssertionError(f"{replica.name} was asked for {path}")


@pytest.mark.parametrize("readback", [None, NoReadback(without_admin)], ids=["with read-back", "by requests only"])
def test_a_good_canary_is_promoted_and_the_routes_are_as_they_were(readback):
    world, release = run_release(readback=readback)

    assert (release.phase, release.outcome, release.stamps) == (Phase.DONE, Outcome.PROMOTED, False)
    assert world.published[-1][1][0].text == ROUTES
    routed = [files[0].text for _, files in world.published if "gatewayctl-orders-canary" in files[0].text]
    assert len(routed) == 1
    assert "stamp=" not in routed[0]


def test_its_rule_is_proven_by_the_applications_word():
    _, release = run_release()

    words = [note.text for note in release.notes if note.phase is Phase.PROVE]
    assert [word.partition(",")[0] for word in words] == ["2/2 gateway replicas serve it on 2 routes"]
    assert release.attribution.attribute(CANARY_ANSWERS) is Attribution.CANARY
    assert "stamp" not in release.attribution.explain(CANARY_ANSWERS)


@pytest.mark.parametrize(
    ("case", "leaks"),
    [
        ("wrong value", lambda probe: ("x-canary", "gatewayctl-other") in probe.headers),
        ("empty value", lambda probe: ("x-canary", "") in probe.headers),
        ("neighbour payments", lambda probe: probe.path == "/api/payments"),
    ],
)
def test_a_canary_that_answers_an_odd_request_is_rejected(case, leaks):
    world, release = run_release(lambda probe: CANARY_ANSWERS if leaks(probe) else None)

    assert (release.phase, release.outcome) == (Phase.DONE, Outcome.REJECTED)
    assert "leaks in" in release.reason
    assert f"{case}: HTTP 200, x-served-by says orders-canary-00001" in release.reason
    assert world.published[-1][1][0].text == ROUTES


def test_a_neighbours_answer_that_names_nobody_could_be_the_canarys_and_proves_nothing():
    _, release = run_release(lambda probe: NOBODY_ANSWERS if probe.path == "/api/payments" else None)

    assert release.outcome is Outcome.INCONCLUSIVE
    assert "neighbour payments: HTTP 502, x-served-by says nothing" in release.reason


def test_a_word_on_a_neighbours_path_that_is_none_of_its_pods_could_be_the_canarys_and_proves_nothing():
    proxy = Answer(500, {"x-served-by": "uvicorn"})

    _, release = run_release(lambda probe: proxy if probe.path == "/api/payments" else None)

    assert release.outcome is Outcome.INCONCLUSIVE
    assert "neighbour payments: HTTP 500, x-served-by says uvicorn" in release.reason


def test_with_stamps_a_neighbours_answer_that_names_nobody_is_no_leak():
    world = World()
    suites = AskingSuites(world, [])
    wired = ports(world, suites)
    odd = OddGateway(world, lambda probe: NOBODY_ANSWERS if probe.path == "/api/payments" else None)
    driver = Driver(replace(wired, gateway=replace(wired.gateway, prober=odd)), Holder("ci", "host", 1, world.wall()))

    assert driver.begin(a_release(world, suites)).outcome is Outcome.PROMOTED


def test_a_neighbour_that_names_nobody_is_found_before_anything_is_written():
    world = World(stamps=False)
    suites = AskingSuites(world, [])
    wired, release = ports(world, suites), a_release(world, suites)
    world.deployments["payments"].pods.clear()

    checks = {check.name: check for check in preflight(wired, release)}

    fault = checks["gw-0 serves neighbour payments"].fault
    assert "the answer does not name the application: HTTP 503, x-served-by says nothing" in str(fault)


def lead_nowhere(probe: Probe) -> Answer | None:
    """The rule leads nowhere: whatever has a value of its own gets a bare 502."""
    marked = any(name == "x-canary" and value.startswith("r-") for name, value in probe.headers)
    return NOBODY_ANSWERS if marked and probe.path == "/api/orders" else None


def test_a_rule_that_is_read_back_and_leads_nowhere_is_rejected():
    _, release = run_release(lead_nowhere)

    assert release.outcome is Outcome.REJECTED
    assert "has run the rule for 20 s, but a marked request was not answered by the canary" in release.reason


def test_where_nothing_shows_that_the_rule_is_live_its_deadline_ends_the_release():
    _, release = run_release(lead_nowhere, NoReadback(without_admin))

    assert release.outcome is Outcome.FAILED
    assert "every gateway replica to serve the rule" in release.reason


def test_a_release_that_was_journaled_before_there_were_gateways_without_stamps_has_stamps():
    world = World()
    data = release_to_data(a_release(world, AskingSuites(world, [])))
    assert data["release"].pop("stamps") is True

    assert release_from_data(data, "a journal").attribution.stamps
