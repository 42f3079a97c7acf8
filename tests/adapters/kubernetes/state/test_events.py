"""Events of a release: what is told and how often, and that a release never fails by them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.paths import deployments, events
from gatewayctl.adapters.kubernetes.state.events import EventRecordingJournal, Events, Moment
from gatewayctl.domain.lifecycle import PromoteAsked
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.orchestration.driver import Driver
from tests.adapters.kubernetes.apiserver import Shelf
from tests.adapters.kubernetes.books import a_shelf
from tests.fakes.memory import MemoryJournal
from tests.fakes.shop import AskingSuites, a_driver, a_release
from tests.fakes.world import World


@dataclass
class Heard:
    """ports.ProgressListener that remembers what ended."""

    lines: list[str] = field(default_factory=list)

    def started(self, step: str) -> None: ...

    def progress(self, step: str, text: str) -> None: ...

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        self.lines.append(f"{mark} {step} {text}")


@dataclass
class Shop:
    """A release in memory whose Events go to an API server."""

    shelf: Shelf
    api: Api
    world: World = field(default_factory=World)
    heard: Heard = field(default_factory=Heard)

    def driver(self, suites: AskingSuites, pid: int = 1) -> Driver:
        """A new process."""
        driver = a_driver(self.world, suites, pid)
        journal = EventRecordingJournal(MemoryJournal(self.world), self.events())
        return replace(driver, ports=replace(driver.ports, journal=journal))

    def events(self) -> Events:
        return Events(self.api, "shop", self.deployment, self.heard)

    def deployment(self, name: str) -> Object:
        return self.api.get(deployments("shop", name))

    @property
    def told(self) -> list[Object]:
        return [one for path, one in self.shelf.objects.items() if path.startswith(events("shop"))]

    @property
    def reasons(self) -> list[str]:
        return [one["reason"] for one in self.told]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with a_shelf(tmp_path) as (shelf, api):
        api.create(deployments("shop"), {"metadata": {"name": "orders"}})
        yield Shop(shelf, api)


def a_drafted(shop: Shop, mode: Mode = Mode.MANUAL) -> tuple[AskingSuites, Release]:
    suites = AskingSuites(shop.world, [])
    return suites, a_release(shop.world, suites, mode=mode)


def test_a_release_tells_that_it_is_routed_waits_and_is_aborted_each_once(shop: Shop) -> None:
    suites, release = a_drafted(shop)

    shop.driver(suites).begin(release)
    shop.driver(suites, pid=2).abort("orders", "not today")

    assert shop.reasons == ["Routed", "Waiting", "Aborted"]
    assert [one["type"] for one in shop.told] == ["Normal", "Normal", "Warning"]
    assert shop.told[-1]["note"] == f"release {release.id} of shop/orders:1.1: not today"
    uid = shop.deployment("orders")["metadata"]["uid"]
    assert {one["regarding"]["uid"] for one in shop.told} == {uid}
    assert shop.heard.lines == []


def test_a_release_that_promotes_itself_needs_two(shop: Shop) -> None:
    suites, release = a_drafted(shop, Mode.ON_SUCCESS)

    shop.driver(suites).begin(release)

    assert shop.reasons == ["Routed", "Promoted"]


def test_who_takes_a_release_up_does_not_tell_again_what_was_told(shop: Shop) -> None:
    suites, release = a_drafted(shop)
    shop.driver(suites).begin(release)

    shop.driver(suites, pid=2).promote("orders", PromoteAsked())

    assert shop.reasons == ["Routed", "Waiting", "Promoted"]


def test_events_that_cannot_be_written_are_said_once_and_stop_nothing(shop: Shop) -> None:
    suites, release = a_drafted(shop)
    shop.api.delete(deployments("shop", "orders"))

    ended = shop.driver(suites).begin(release)

    assert ended.phase is Phase.WAIT
    assert len(shop.heard.lines) == 1
    assert shop.heard.lines[0].startswith("– events no Kubernetes Event tells of it, the release goes on: ")


def test_a_release_that_is_stuck_says_so_and_how_long_a_note_may_be(shop: Shop) -> None:
    _, release = a_drafted(shop)
    stuck = replace(release, phase=Phase.COOL, outcome=Outcome.FAILED, stuck="é" * 1000)

    shop.events().tell(stuck, Moment.STUCK)

    (event,) = shop.told
    assert (event["type"], event["reason"]) == ("Warning", "Stuck")
    assert "gatewayctl status orders" in event["note"]
    assert 1022 < len(event["note"].encode()) <= 1024
