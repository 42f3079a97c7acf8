"""Objects that a watch keeps current: what they cost, and when a new request is needed."""

import time
from collections.abc import Callable, Generator
from queue import SimpleQueue
from threading import Condition

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object
from gatewayctl.adapters.kubernetes.client.watch import Listing, Watch, WatchedList, WatchedObject

WITHIN = 20  # seconds
END: Object = {}


def listing_of(*objects: Object) -> Listing:
    """What a list request at version 10 answered just now."""
    return Listing(objects, "10", time.monotonic())


def one(name: str, version: int, **more: str) -> Object:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, **more}


class WatchServer(Api):
    """An API server with one collection; `send_event` sends an event to whoever watches, END ends the watch."""

    def __init__(self, *objects: Object) -> None:
        self.objects, self.asked = list(objects), list[str]()
        self.queue: SimpleQueue[Object] = SimpleQueue()
        self.refused = False
        self.version = 10

    def get(self, path: str, **query: str) -> Object:
        self.asked.append("get")
        if path == "things":
            return {"metadata": {"resourceVersion": str(self.version)}, "items": list(self.objects)}
        for held in self.objects:
            if path == f"things/{held['metadata']['name']}":
                return held
        raise NotFound(404, path)

    def watch(self, path: str, since: str, seconds: int, **query: str) -> Generator[Object]:
        self.asked.append(f"watch {since}")
        if self.refused:
            raise ApiFault(403, "no watch")
        return self._events()

    def send_event(self, kind: str, found: Object) -> None:
        self.queue.put({"type": kind, "object": found})

    def _events(self) -> Generator[Object]:
        while (event := self.queue.get()) is not END:
            if event["type"] == "ERROR":
                raise ApiFault(410, "too old")
            yield event


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, f"waited {WITHIN} s"
        time.sleep(0.001)


def names(listing: WatchedList) -> list[str]:
    return sorted(found["metadata"]["name"] for found in listing.read())


def test_a_list_is_requested_once_and_follows_what_comes_changes_and_goes() -> None:
    api = WatchServer(one("a", 1))
    listing = WatchedList(api, "things")
    assert names(listing) == ["a"]

    api.send_event("ADDED", one("b", 11))
    wait_until(lambda: names(listing) == ["a", "b"])
    api.send_event("MODIFIED", one("b", 12, phase="over"))
    wait_until(lambda: any(found.get("phase") for found in listing.read()))
    api.send_event("DELETED", one("a", 13))
    wait_until(lambda: names(listing) == ["b"])

    assert api.asked == ["get", "watch 10"]


def test_a_list_that_may_not_be_watched_is_requested_again_after_half_a_second() -> None:
    api = WatchServer(one("a", 1))
    api.refused = True
    listing = WatchedList(api, "things")
    first = time.monotonic()
    names(listing)

    api.objects.append(one("b", 2))
    wait_until(lambda: names(listing) == ["a", "b"])

    assert time.monotonic() - first >= 0.5
    assert api.asked.count("get") == 2


def test_a_list_whose_watch_broke_is_listed_and_watched_again() -> None:
    api = WatchServer(one("a", 1))
    listing = WatchedList(api, "things")
    names(listing)
    api.objects[:] = [one("c", 30)]

    api.send_event("ERROR", {})

    wait_until(lambda: names(listing) == ["c"])
    wait_until(lambda: api.asked.count("watch 10") == 2)


def test_a_watch_that_runs_out_goes_on_from_its_last_event_while_somebody_reads() -> None:
    api = WatchServer(one("a", 1))
    listing = WatchedList(api, "things")
    api.send_event("BOOKMARK", one("", 17))
    wait_until(lambda: names(listing) == ["a"] and "watch 10" in api.asked)

    api.queue.put(END)

    wait_until(lambda: names(listing) == ["a"] and api.asked[-1] == "watch 17")


def test_a_watch_that_nobody_reads_is_not_opened_again() -> None:
    api = WatchServer()
    watch = Watch(api, "things", listing_of(), Condition())
    wait_until(lambda: watch.is_live)

    api.queue.put(END)

    wait_until(lambda: watch.has_ended)
    assert (watch.is_live, api.asked) == (False, ["watch 10"])


def test_an_event_that_is_older_than_an_answer_of_ours_does_not_undo_it() -> None:
    api = WatchServer()
    watch = Watch(api, "things", listing_of(one("a", 10)), Condition())
    watch.update(one("a", 12, by="us"))

    api.send_event("MODIFIED", one("a", 11))
    api.send_event("ADDED", one("b", 13))

    wait_until(lambda: "b" in watch.objects)
    assert watch.objects["a"]["by"] == "us"


def test_an_object_is_watched_from_its_second_read_on() -> None:
    api = WatchServer(one("a", 1))
    item = WatchedObject(api, "things", "a")
    item.read()
    assert api.asked == ["get"]

    item.read()
    wait_until(lambda: "watch 1" in api.asked)
    api.send_event("MODIFIED", one("a", 2, by="somebody"))
    wait_until(lambda: item.read().get("by") == "somebody")
    api.asked.clear()

    item.read()

    assert api.asked == []


def test_an_object_that_was_deleted_is_requested_and_not_found() -> None:
    api = WatchServer(one("a", 1))
    item = WatchedObject(api, "things", "a")
    item.follow(item.read(), time.monotonic())
    api.objects.clear()

    api.send_event("DELETED", one("a", 2))

    with pytest.raises(NotFound):
        wait_until(lambda: not item.read())


def test_a_silent_watch_costs_one_request_for_each_time_that_it_may_be_late_and_stays() -> None:
    api = WatchServer(one("a", 1))
    listing = WatchedList(api, "things", staleness=0.1)
    begun = time.monotonic()
    names(listing)

    wait_until(lambda: names(listing) == ["a"] and api.asked.count("get") >= 5)

    assert time.monotonic() - begun >= 4 * 0.1
    assert api.asked.count("watch 10") == 1


def test_an_event_confirms_what_is_held_as_an_answer_does() -> None:
    api = WatchServer(one("a", 1))
    watch = Watch(api, "things", Listing((one("a", 1),), "10", time.monotonic() - 15), Condition())
    wait_until(lambda: watch.is_live)
    assert not watch.is_fresh(5)

    api.send_event("BOOKMARK", one("", 17))

    wait_until(lambda: watch.is_fresh(5))


def test_a_stream_that_lags_but_never_stops_is_asked_for_again_in_time() -> None:
    """Events do not say how old they are: what they tell may be long over."""
    api = WatchServer(one("a", 1))
    listing = WatchedList(api, "things", staleness=0.2)
    begun = time.monotonic()
    names(listing)
    wait_until(lambda: "watch 10" in api.asked)
    api.objects[:], api.version = [one("b", 900)], 900

    def still_says_a() -> bool:
        api.send_event("BOOKMARK", one("", 11))
        return names(listing) == ["a"]

    wait_until(lambda: not still_says_a())

    assert names(listing) == ["b"]
    assert time.monotonic() - begun > 0.2  # the events were believed for a while: they save requests
    assert api.asked.count("get") == 2


def test_a_watch_that_did_not_say_what_an_answer_says_is_replaced() -> None:
    api = WatchServer(one("a", 1))
    listing = WatchedList(api, "things", staleness=0.05)
    names(listing)

    api.objects[:], api.version = [one("b", 30)], 30

    wait_until(lambda: names(listing) == ["b"])
    wait_until(lambda: "watch 30" in api.asked)


def test_events_that_are_older_than_an_answer_change_nothing() -> None:
    api = WatchServer()
    watch = Watch(api, "things", listing_of(one("a", 10)), Condition())
    assert not watch.confirm(Listing((one("b", 20),), "20", time.monotonic()))

    api.send_event("DELETED", one("b", 15))  # the one before, of the same name
    api.send_event("MODIFIED", one("a", 16))
    api.send_event("ADDED", one("c", 21))

    wait_until(lambda: "c" in watch.objects)
    assert sorted(watch.objects) == ["b", "c"]


def test_an_answer_that_is_older_than_an_event_confirms_and_changes_nothing() -> None:
    api = WatchServer()
    watch = Watch(api, "things", listing_of(one("a", 10)), Condition())
    api.send_event("MODIFIED", one("a", 21, by="somebody"))
    wait_until(lambda: watch.events == 1)

    assert watch.confirm(Listing((one("a", 10),), "20", time.monotonic()))

    assert watch.objects["a"]["by"] == "somebody"


def test_what_is_asked_for_now_is_as_young_as_the_question() -> None:
    api = WatchServer(one("a", 1))
    listing = WatchedList(api, "things")
    names(listing)

    api.objects.append(one("b", 11))

    assert [found["metadata"]["name"] for found in listing.read_now()] == ["a", "b"]


def test_a_write_of_ours_confirms_the_one_object_that_is_watched() -> None:
    api = WatchServer(one("a", 1))
    watch = Watch(api, "things", Listing.of_one(one("a", 1), time.monotonic() - 60), Condition())
    wait_until(lambda: watch.is_live)

    watch.update(one("a", 2, by="us"), time.monotonic())

    assert watch.is_fresh(5)
    assert watch.objects["a"]["by"] == "us"


def test_a_read_elsewhere_of_what_the_watch_did_not_say_replaces_the_watch() -> None:
    api = WatchServer(one("a", 1))
    item = WatchedObject(api, "things", "a")
    item.follow(item.read(), time.monotonic())
    wait_until(lambda: "watch 1" in api.asked)

    item.confirm(one("a", 7), time.monotonic())

    wait_until(lambda: "watch 7" in api.asked)
