"""Events of a release's phases: what is written, and that a release never fails by them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.api import Api
from gatewayctl.adapters.kubernetes.events import EventNarrator, PhaseEvents, Weight
from gatewayctl.adapters.kubernetes.paths import deployments, events
from tests.adapters.kubernetes.apiserver import Shelf
from tests.adapters.kubernetes.books import a_shelf


class Heard:
    """A Narrator that remembers."""

    def __init__(self) -> None:
        self.lines = list[tuple[object, ...]]()

    def started(self, step: str) -> None:
        self.lines.append(("started", step))

    def progress(self, step: str, text: str) -> None:
        self.lines.append(("progress", step, text))

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        self.lines.append(("ended", step, mark, text, seconds))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Shelf, Api]]:
    with a_shelf(tmp_path) as (shelf, api):
        api.create(deployments("shop"), {"metadata": {"name": "orders"}})
        yield shelf, api


def test_each_step_that_ended_is_an_event_and_the_narrator_hears_everything(shop: tuple[Shelf, Api]) -> None:
    shelf, api = shop
    heard = Heard()
    narrator = EventNarrator(heard, PhaseEvents(api, "shop"), "orders")
    narrator.started("warm")
    narrator.progress("warm", "0/1")
    narrator.ended("warm", "✓", "orders-canary 1/1 ready", 6.25)
    narrator.ended("leaks", "✗", "2 of 40 leaked", 0.5)
    narrator.ended("load", "?", "too few samples", 30.0)
    narrator.ended("clear", "–", "nothing to do", 0.0)

    written = [one for path, one in shelf.objects.items() if path.startswith(events("shop"))]
    assert [(one["reason"], one["type"], one["note"]) for one in written] == [
        ("Warm", "Normal", "✓ orders-canary 1/1 ready (6.2 s)"),
        ("Leaks", "Warning", "✗ 2 of 40 leaked (0.5 s)"),
        ("Load", "Warning", "? too few samples (30.0 s)"),
        ("Clear", "Normal", "– nothing to do (0.0 s)"),
    ]
    uid = shelf.objects[deployments("shop", "orders")]["metadata"]["uid"]
    assert {one["regarding"]["uid"] for one in written} == {uid}
    assert [line[0] for line in heard.lines] == ["started", "progress", "ended", "ended", "ended", "ended"]
    assert [one.verb for one in shelf.asked if one.path == deployments("shop", "orders")] == ["GET"]


def test_a_note_is_as_long_as_the_api_server_takes(shop: tuple[Shelf, Api]) -> None:
    shelf, api = shop

    PhaseEvents(api, "shop").put("orders", "Smoke", "x" + "é" * 1000, Weight.NORMAL)

    note = shelf.asked[-1].body["note"]
    assert len(note.encode()) == 1023
    assert note == "x" + "é" * 511


def test_events_that_cannot_be_written_are_counted_and_stop_nothing(shop: tuple[Shelf, Api]) -> None:
    shelf, api = shop
    told = PhaseEvents(api, "shop")
    shelf.drop = 1

    told.put("orders", "Warm", "lost", Weight.NORMAL)
    told.put("nobody", "Warm", "no such Deployment", Weight.NORMAL)
    assert told.failed == 2
    told.put("orders", "Warm", "arrives", Weight.NORMAL)

    assert (told.failed, "nobody" in told.fault) == (2, True)
    assert [one["note"] for path, one in shelf.objects.items() if path.startswith(events("shop"))] == ["arrives"]
