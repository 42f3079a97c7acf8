"""Events of a release: which ones are written and how often, and that no release fails by them."""

from dataclasses import dataclass, field, replace

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.paths import deployments, events
from gatewayctl.adapters.kubernetes.state.events import EventReason, EventRecordingJournal, EventWriter, reason_of
from gatewayctl.domain.lifecycle import PromoteAsked
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.orchestration.driver import Driver
from tests.adapters.kubernetes.fake_api.server import FakeApiServer
from tests.fakes.memory import MemoryJournal
from tests.fakes.shop import AskingSuites, a_driver, a_release
from tests.fakes.world import World


@dataclass
class RecordingListener:
    """ports.ProgressListener that records which steps ended."""

    lines: list[str] = field(default_factory=list)

    def started(self, step: str) -> None: ...

    def progress(self, step: str, text: str) -> None: ...

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        self.lines.append(f"{mark} {step} {text}")


@dataclass
class Shop:
    """A release in memory whose Events go to an API server."""

    server: FakeApiServer
    api: Api
    world: World = field(default_factory=World)
    listener: RecordingListener = field(default_factory=RecordingListener)

    def driver(self, suites: AskingSuites, pid: int = 1) -> Driver:
        """A new process."""
        driver = a_driver(self.world, suites, pid)
        journal = EventRecordingJournal(MemoryJournal(self.world), self.events())
        return replace(driver, ports=replace(driver.ports, journal=journal))

    def events(self) -> EventWriter:
        return EventWriter(self.api, "shop", self.deployment, self.listener)

    def deployment(self, name: str) -> Object:
        return self.api.get(deployments("shop", name))

    @property
    def written(self) -> list[Object]:
        return [one for path, one in self.server.objects.items() if path.startswith(events("shop"))]

    @property
    def reasons(self) -> list[str]:
        return [one["reason"] for one in self.written]


@pytest.fixture
def shop(server: FakeApiServer, api: Api) -> Shop:
    api.create(deployments("shop"), {"metadata": {"name": "orders"}})
    return Shop(server, api)


def a_drafted(shop: Shop, mode: Mode = Mode.MANUAL) -> tuple[AskingSuites, Release]:
    suites = AskingSuites(shop.world, [])
    return suites, a_release(shop.world, suites, mode=mode)


def test_a_release_records_once_each_that_it_is_routed_waits_and_is_aborted(shop: Shop) -> None:
    suites, release = a_drafted(shop)

    shop.driver(suites).begin(release)
    shop.driver(suites, pid=2).abort("orders", "not today")

    assert shop.reasons == ["Routed", "Waiting", "Aborted"]
    assert [one["type"] for one in shop.written] == ["Normal", "Normal", "Warning"]
    assert shop.written[-1]["note"] == f"release {release.id} of shop/orders:1.1: not today"
    uid = shop.deployment("orders")["metadata"]["uid"]
    assert {one["regarding"]["uid"] for one in shop.written} == {uid}
    assert shop.listener.lines == []


def test_a_release_that_promotes_itself_needs_two(shop: Shop) -> None:
    suites, release = a_drafted(shop, Mode.ON_SUCCESS)

    shop.driver(suites).begin(release)

    assert shop.reasons == ["Routed", "Promoted"]


def test_a_process_that_takes_a_release_over_writes_no_event_again(shop: Shop) -> None:
    suites, release = a_drafted(shop)
    shop.driver(suites).begin(release)

    shop.driver(suites, pid=2).send("orders", PromoteAsked())

    assert shop.reasons == ["Routed", "Waiting", "Promoted"]


def test_events_that_cannot_be_written_are_reported_once_and_stop_nothing(shop: Shop) -> None:
    suites, release = a_drafted(shop)
    shop.api.delete(deployments("shop", "orders"))

    ended = shop.driver(suites).begin(release)

    assert ended.phase is Phase.WAIT
    assert len(shop.listener.lines) == 1
    assert shop.listener.lines[0].startswith("– events no Kubernetes Event tells of it, the release goes on: ")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(Outcome.INCONCLUSIVE, "Inconclusive"), (Outcome.CONFLICT, "Conflict"), (Outcome.REJECTED, "Rejected")],
)
def test_an_event_says_who_is_to_blame(shop: Shop, outcome: Outcome, reason: str) -> None:
    _, release = a_drafted(shop)

    event_reason = reason_of(replace(release, phase=Phase.UNROUTE, outcome=outcome))

    assert event_reason is not None
    assert event_reason.value == reason


def test_a_stuck_release_has_an_event_whose_note_is_cut_to_its_limit(shop: Shop) -> None:
    _, release = a_drafted(shop)
    stuck = replace(release, phase=Phase.COOL, outcome=Outcome.FAILED, stuck="é" * 1000)

    shop.events().write(stuck, EventReason.STUCK)

    (event,) = shop.written
    assert (event["type"], event["reason"]) == ("Warning", "Stuck")
    assert "gatewayctl status orders" in event["note"]
    assert 1022 < len(event["note"].encode()) <= 1024


def test_an_event_does_not_show_the_header_value_of_its_release(shop: Shop) -> None:
    _, release = a_drafted(shop)
    reason = f"gw-1 runs another rule: the header x-canary: [{release.header.value}]"
    ending = replace(release, phase=Phase.DONE, outcome=Outcome.REJECTED, reason=reason)

    shop.events().write(ending, EventReason.REJECTED)

    (event,) = shop.written
    assert "the header x-canary: [(its value)]" in event["note"]
    assert release.header.value not in str(event)
