"""Lists that are kept current by a watch: what they cost, and when they are not believed."""

import time
from collections.abc import Callable, Generator
from queue import SimpleQueue
from threading import Condition

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object
from gatewayctl.adapters.kubernetes.client.watch import Feed, Item, Listing

WITHIN = 20  # seconds
END: Object = {}


def one(name: str, version: int, **more: str) -> Object:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, **more}


class Teller(Api):
    """An API server with one collection; `tell` is told to whoever watches, END ends the watch."""

    def __init__(self, *objects: Object) -> None:
        self.objects, self.asked = list(objects), list[str]()
        self.queue: SimpleQueue[Object] = SimpleQueue()
        self.refused = False

    def get(self, path: str, **query: str) -> Object:
        self.asked.append("get")
        if path == "things":
            return {"metadata": {"resourceVersion": "10"}, "items": list(self.objects)}
        for held in self.objects:
            if path == f"things/{held['metadata']['name']}":
                return held
        raise NotFound(404, path)

    def watch(self, path: str, since: str, seconds: int, **query: str) -> Generator[Object]:
        self.asked.append(f"watch {since}")
        if self.refused:
            raise ApiFault(403, "no watch")
        return self._told()

    def tell(self, kind: str, found: Object) -> None:
        self.queue.put({"type": kind, "object": found})

    def _told(self) -> Generator[Object]:
        while (event := self.queue.get()) is not END:
            if event["type"] == "ERROR":
                raise ApiFault(410, "too old")
            yield event


def settled(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, f"waited {WITHIN} s"
        time.sleep(0.001)


def names(listing: Listing) -> list[str]:
    return sorted(found["metadata"]["name"] for found in listing.now())


def test_a_listing_asks_once_and_hears_of_what_comes_changes_and_goes() -> None:
    api = Teller(one("a", 1))
    listing = Listing(api, "things")
    assert names(listing) == ["a"]

    api.tell("ADDED", one("b", 11))
    settled(lambda: names(listing) == ["a", "b"])
    api.tell("MODIFIED", one("b", 12, phase="over"))
    settled(lambda: any(found.get("phase") for found in listing.now()))
    api.tell("DELETED", one("a", 13))
    settled(lambda: names(listing) == ["b"])

    assert api.asked == ["get", "watch 10"]


def test_a_listing_that_may_not_watch_asks_again_after_half_a_second() -> None:
    api = Teller(one("a", 1))
    api.refused = True
    listing = Listing(api, "things")
    first = time.monotonic()
    names(listing)

    api.objects.append(one("b", 2))
    settled(lambda: names(listing) == ["a", "b"])

    assert time.monotonic() - first >= 0.5
    assert api.asked.count("get") == 2


def test_a_listing_whose_watch_broke_is_listed_and_followed_anew() -> None:
    api = Teller(one("a", 1))
    listing = Listing(api, "things")
    names(listing)
    api.objects[:] = [one("c", 30)]

    api.tell("ERROR", {})

    settled(lambda: names(listing) == ["c"])
    settled(lambda: api.asked.count("watch 10") == 2)


def test_a_watch_that_runs_out_goes_on_from_its_last_event_while_somebody_looks() -> None:
    api = Teller(one("a", 1))
    listing = Listing(api, "things")
    api.tell("BOOKMARK", one("", 17))
    settled(lambda: names(listing) == ["a"] and "watch 10" in api.asked)

    api.queue.put(END)

    settled(lambda: names(listing) == ["a"] and api.asked[-1] == "watch 17")


def test_a_feed_that_nobody_looks_at_ends_with_its_watch() -> None:
    api = Teller()
    feed = Feed(api, "things", "10", (), Condition())
    settled(lambda: feed.live)

    api.queue.put(END)

    settled(lambda: feed.over)
    assert (feed.live, api.asked) == (False, ["watch 10"])


def test_an_event_that_is_older_than_an_answer_of_ours_does_not_undo_it() -> None:
    api = Teller()
    feed = Feed(api, "things", "10", (one("a", 10),), Condition())
    feed.put(one("a", 12, by="us"))

    api.tell("MODIFIED", one("a", 11))
    api.tell("ADDED", one("b", 13))

    settled(lambda: "b" in feed.objects)
    assert feed.objects["a"]["by"] == "us"


def test_an_item_is_followed_from_its_second_look_on() -> None:
    api = Teller(one("a", 1))
    item = Item(api, "things", "a")
    item.now()
    assert api.asked == ["get"]

    item.now()
    settled(lambda: "watch 1" in api.asked)
    api.tell("MODIFIED", one("a", 2, by="somebody"))
    settled(lambda: item.now().get("by") == "somebody")
    api.asked.clear()

    item.now()

    assert api.asked == []


def test_an_item_that_was_deleted_is_asked_for_and_not_there() -> None:
    api = Teller(one("a", 1))
    item = Item(api, "things", "a")
    item.follow(item.now())
    api.objects.clear()

    api.tell("DELETED", one("a", 2))

    with pytest.raises(NotFound):
        settled(lambda: not item.now())
